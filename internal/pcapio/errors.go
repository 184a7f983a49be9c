package pcapio

import "fmt"

// Error is what a caller can react to. More detailed errors of this package
// wrap one: use errors.Is.
type Error uint8

const (
	_            Error = iota
	ErrFormat          // not a capture, or of a version not known here: nothing can be read
	ErrTruncated       // the file ends inside a record: every complete record was delivered
	ErrCorrupt         // a damaged record: every record before it was delivered
	ErrRange           // the output format cannot hold this value: choose another (pcapng)
	ErrSameFile        // the output is one of the inputs: nothing was opened
	ErrFilter          // the filter expression is wrong: a *FilterError says where
)

var errorTexts = [...]string{
	ErrFormat:    "pcapio: not a pcap or pcapng capture",
	ErrTruncated: "pcapio: capture cut short",
	ErrCorrupt:   "pcapio: damaged capture",
	ErrRange:     "pcapio: value does not fit the capture format",
	ErrSameFile:  "pcapio: output would overwrite an input",
	ErrFilter:    "pcapio: bad filter expression",
}

func (e Error) Error() string {
	if int(e) < len(errorTexts) && e != 0 {
		return errorTexts[e]
	}
	return "pcapio: unknown error"
}

// RecordError says where in a capture reading stopped, and why.
type RecordError struct {
	Packet uint64 // complete packets delivered before
	Off    int64  // byte offset of the record in the (uncompressed) file
	Msg    string
	Err    Error // ErrFormat, ErrTruncated or ErrCorrupt
}

func (e *RecordError) Error() string {
	if e.Err == ErrFormat {
		return fmt.Sprintf("%v: %s", e.Err, e.Msg)
	}
	return fmt.Sprintf("%v after packet %d, at byte %d: %s", e.Err, e.Packet, e.Off, e.Msg)
}

func (e *RecordError) Unwrap() error { return e.Err }

// FilterError says where a filter expression is wrong.
type FilterError struct {
	Expr string
	Pos  int // byte offset in Expr
	Msg  string
}

func (e *FilterError) Error() string {
	return fmt.Sprintf("%v: position %d: %s", ErrFilter, e.Pos+1, e.Msg)
}

func (e *FilterError) Unwrap() error { return ErrFilter }
