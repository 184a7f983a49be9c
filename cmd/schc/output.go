package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/schckit/schckit/internal/pcapio"
)

// Unfinished outputs are removed when the tool is interrupted.
var unfinished struct {
	sync.Mutex
	out *pcapio.Output
}

// guard makes sure that nothing half-written is left behind, when the command
// returns without a commit or is interrupted. The caller defers the result.
func guard(out *pcapio.Output) func() {
	unfinished.Lock()
	unfinished.out = out
	unfinished.Unlock()
	sig := make(chan os.Signal, 1)
	done := make(chan struct{})
	signal.Notify(sig, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-done:
		case s := <-sig:
			unfinished.Lock() // and keep it: no commit from now on
			unfinished.out.Abort()
			code := 128
			if n, ok := s.(syscall.Signal); ok {
				code += int(n)
			}
			os.Exit(code)
		}
	}()
	return func() {
		signal.Stop(sig)
		close(done)
		unfinished.Lock()
		defer unfinished.Unlock()
		out.Abort() // nothing after a commit
	}
}

// commit gives an output its name.
func commit(out *pcapio.Output) error {
	unfinished.Lock()
	defer unfinished.Unlock()
	return out.Commit()
}

// progress is a bar on standard error that follows a capture being read.
type progress struct {
	done, ended chan struct{}
}

// progress starts a bar, if standard error is a terminal.
func (e *env) progress(r *pcapio.Reader, quiet bool) *progress {
	if quiet || !isTerminal(e.stderr) {
		return nil
	}
	p := &progress{make(chan struct{}), make(chan struct{})}
	go p.run(e, r)
	return p
}

func (p *progress) run(e *env, r *pcapio.Reader) {
	defer close(p.ended)
	start := time.Now()
	tick := time.NewTicker(200 * time.Millisecond) // nothing for what is done at once
	defer tick.Stop()
	shown := false
	for {
		select {
		case <-p.done:
			if shown {
				io.WriteString(e.stderr, "\r\x1b[K")
			}
			return
		case <-tick.C:
			shown = true
			io.WriteString(e.stderr, "\r"+bar(r.Offset(), r.Size(), time.Since(start))+"\x1b[K")
		}
	}
}

// bar is the text of a progress bar: n of size bytes were read since the start.
func bar(n, size int64, since time.Duration) string {
	const width = 30
	mb := func(n int64) string { return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + " MB" }
	rate := mb(int64(float64(n)/since.Seconds())) + "/s"
	if size <= 0 {
		return mb(n) + "  " + rate
	}
	n = min(n, size)
	done := int(n * width / size)
	left := time.Duration(0)
	if n > 0 {
		left = time.Duration(float64(since) * float64(size-n) / float64(n)).Round(time.Second)
	}
	return fmt.Sprintf("[%s%s] %3d%%  %s of %s  %s  %v left", strings.Repeat("=", done), strings.Repeat(" ", width-done),
		n*100/size, mb(n), mb(size), rate, left)
}

// stop erases the bar.
func (p *progress) stop() {
	if p == nil {
		return
	}
	close(p.done)
	<-p.ended
}
