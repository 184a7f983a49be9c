// Command schc makes packets small for constrained links and restores them:
// Static Context Header Compression (RFC 8724) on captures and, one packet a
// line, for scripts.
//
//	schc compress   -C rules.json -r in.pcap -w small.pcapng
//	schc decompress -C rules.json -r small.pcapng -w again.pcap
//	schc stats      -C rules.json -r in.pcap
//
// Exit codes: 0 done; 1 done, but packets failed or differed, or the end of the
// capture is damaged (all complete packets were processed and written); 2 usage,
// file or rules error, nothing written.
//
// To add a subcommand: one file with a function newX(e *env) *cobra.Command,
// and its line in the table of root.go.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// env is what a run of the tool has to do with the world outside.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1 // done, but some packet failed
	exitError  = 2 // nothing was written
)

func main() {
	os.Exit(run(os.Args[1:], &env{os.Stdin, os.Stdout, os.Stderr}))
}

// run runs the tool and returns its exit code.
func run(args []string, e *env) int {
	root := newRoot(e)
	root.SetArgs(args)
	err := root.Execute()
	if err == nil {
		return exitDone
	}
	if errors.Is(err, errFailed) {
		return exitFailed
	}
	e.report(err)
	return exitError
}

// errFailed ends a command with exit code 1. What failed was already said.
var errFailed = errors.New("some packets failed")

// errorList is several errors, each reported on a line of its own.
type errorList []error

func (l errorList) Error() string   { return errors.Join(l...).Error() }
func (l errorList) Unwrap() []error { return l }

// maxErrors is how many errors of a list are reported.
const maxErrors = 50

// report prints an error and its hint.
func (e *env) report(err error) {
	list := errorList{err}
	errors.As(err, &list)
	for _, err := range list[:min(len(list), maxErrors)] {
		fmt.Fprintf(e.stderr, "schc: error: %s\n", clean(err))
	}
	if more := len(list) - maxErrors; more > 0 {
		fmt.Fprintf(e.stderr, "schc: error: and %d more\n", more)
	}
	var h *hintError
	if errors.As(err, &h) {
		fmt.Fprintf(e.stderr, "schc: hint: %s\n", h.hint)
	}
}

// clean returns the text of an error without the names of Go packages in it.
func clean(err error) string {
	s := err.Error()
	for _, p := range []string{"schc: ", "pcapio: "} {
		s = strings.ReplaceAll(s, p, "")
	}
	return s
}

// A hintError says what to do about an error.
type hintError struct {
	err  error
	hint string
}

func (h *hintError) Error() string { return h.err.Error() }
func (h *hintError) Unwrap() error { return h.err }

// hint adds a hint to err, unless it has one or is nil.
func hint(err error, format string, args ...any) error {
	var h *hintError
	if err == nil || errors.As(err, &h) {
		return err
	}
	return &hintError{err, fmt.Sprintf(format, args...)}
}

// now is the clock of the manual pages' date; tests replace it.
var now = time.Now
