package rulefile

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"github.com/schckit/schckit/schc"
)

// CBOR major types and tags (RFC 8949, RFC 9254).
const (
	majorUint, majorNegative, majorBytes, majorText = 0, 1, 2, 3
	majorArray, majorMap, majorTag, majorSimple     = 4, 5, 6, 7

	tagIdentityref = 45
	tagSID         = 47
	tagCBOR        = 55799 // "this is CBOR", before a document
)

// cborTree reads the model as CBOR (RFC 9254). It checks the encoding as it
// goes and knows where it is.
type cborTree struct {
	data  []byte
	name  string
	pos   int
	depth int
	where place
	sids  *sidTable
	base  uint64 // the SID to which deltas are added; 0: the top
	path  string // of the node, without modules
}

func (t *cborTree) offset() int       { return t.pos }
func (t *cborTree) at() *place        { return &t.where }
func (t *cborTree) spot(off int) spot { return spot{line: int32(off)} }

func (t *cborTree) errorAt(off int, class schc.Error, format string, args ...any) *Error {
	return &Error{
		Name: t.name, Offset: min(off, len(t.data)), Rule: t.where.rule(), Field: t.where.fieldName(),
		Err: class, Text: fmt.Sprintf(format, args...),
	}
}

func (t *cborTree) malformed(off int, format string, args ...any) *Error {
	return t.errorAt(off, schc.ErrMalformed, format, args...)
}

// head reads the head of an item: its major type and its argument.
func (t *cborTree) head(what string) (major int, arg uint64, err *Error) {
	if t.pos >= len(t.data) {
		return 0, 0, t.malformed(t.pos, "the file ends where %s is expected", what)
	}
	start := t.pos
	b := t.data[t.pos]
	t.pos++
	major = int(b >> 5)
	switch info := b & 31; {
	case info < 24:
		return major, uint64(info), nil
	case info < 28:
		n := 1 << (info - 24)
		if len(t.data)-t.pos < n {
			return 0, 0, t.malformed(start, "the file ends in %s", what)
		}
		arg = number(t.data[t.pos : t.pos+n])
		t.pos += n
	case info == 31 && major != majorUint && major != majorNegative && major != majorTag:
		return 0, 0, t.errorAt(start, schc.ErrUnsupported, "an item of indefinite length: encode it with its length")
	default:
		return 0, 0, t.malformed(start, "not CBOR: the byte 0x%02x", b)
	}
	return major, arg, nil
}

// want reads a head of a major type, which must be it.
func (t *cborTree) want(major int, what string) (uint64, *Error) {
	off := t.pos
	m, arg, err := t.head(what)
	if err != nil {
		return 0, err
	}
	if m != major {
		return 0, t.malformed(off, "%s where %s is expected", majorName(m), what)
	}
	return arg, nil
}

func majorName(m int) string {
	return [...]string{"a number", "a negative number", "a byte string", "a text string", "an array", "a map", "a tag", "a simple value"}[m]
}

// content returns the n bytes that follow.
func (t *cborTree) content(start int, n uint64, what string) ([]byte, *Error) {
	if n > uint64(len(t.data)-t.pos) {
		return nil, t.malformed(start, "the file ends in %s", what)
	}
	b := t.data[t.pos : t.pos+int(n) : t.pos+int(n)]
	t.pos += int(n)
	return b, nil
}

// count checks that n items, each of at least size bytes, can follow.
func (t *cborTree) count(start int, n, size uint64, what string) *Error {
	if t.depth++; t.depth > MaxDepth {
		return t.malformed(start, "nested more than %d deep", MaxDepth)
	}
	if n > uint64(len(t.data)-t.pos)/size {
		return t.malformed(start, "%s of %d elements in a file of %d bytes", what, n, len(t.data))
	}
	return nil
}

func (t *cborTree) members(what string, f func(name string, off int) *Error) *Error {
	start := t.pos
	n, err := t.want(majorMap, what)
	if err != nil {
		return err
	}
	if err := t.count(start, n, 2, "a map"); err != nil {
		return err
	}
	base, path := t.base, t.path
	for range n {
		off := t.pos
		if err := t.key(base, path); err != nil {
			return err
		}
		name := t.path[strings.LastIndexByte(t.path, '/')+1:]
		if err := f(name, off); err != nil {
			return err
		}
		t.base, t.path = base, path
	}
	t.depth--
	return nil
}

// key reads the key of a map and sets base and path to those of the node.
func (t *cborTree) key(base uint64, path string) *Error {
	off := t.pos
	m, arg, err := t.head("a key, a SID,")
	if err != nil {
		return err
	}
	sid, ok := base+arg, arg <= math.MaxInt64
	switch m {
	case majorUint:
	case majorNegative:
		sid, ok = base-1-arg, arg < base
	case majorTag:
		if arg != tagSID {
			return t.malformed(off, "the tag %d as a key; only 47, an absolute SID, can be one", arg)
		}
		if sid, err = t.want(majorUint, "an absolute SID"); err != nil {
			return err
		}
	case majorText:
		b, err := t.utf8(off, arg, "a key")
		if err != nil {
			return err
		}
		t.path = path + "/" + withoutModule(string(b))
		t.base = t.sids.nodeSID[t.path]
		return nil
	default:
		return t.malformed(off, "%s as a key, where a SID is expected", majorName(m))
	}
	if !ok {
		return t.malformed(off, "a SID delta that leads nowhere")
	}
	node, known := t.sids.nodes[sid]
	switch {
	case !known && t.sids.identities[sid] != "":
		return t.malformed(off, "the SID %d is that of the identity %s, not of a node", sid, t.sids.identities[sid])
	case !known:
		return t.errorAt(off, schc.ErrUnsupported, "unknown SID %d in %s: give the .sid file that has it", sid, pathText(path))
	case node[:strings.LastIndexByte(node, '/')] != path:
		return t.malformed(off, "the SID %d is that of %s, which has no place in %s", sid, node, pathText(path))
	}
	t.base, t.path = sid, node
	return nil
}

func pathText(path string) string {
	if path == "" {
		return "the document"
	}
	return path
}

func (t *cborTree) utf8(start int, n uint64, what string) ([]byte, *Error) {
	b, err := t.content(start, n, what)
	if err == nil && !utf8.Valid(b) {
		err = t.malformed(start, "%s is not UTF-8", what)
	}
	return b, err
}

func (t *cborTree) elements(what string, f func(i int) *Error) *Error {
	start := t.pos
	n, err := t.want(majorArray, what)
	if err != nil {
		return err
	}
	if err := t.count(start, n, 1, "an array"); err != nil {
		return err
	}
	for i := range n {
		if err := f(int(i)); err != nil {
			return err
		}
	}
	t.depth--
	return nil
}

func (t *cborTree) uint(what string, limit uint64) (uint64, *Error) {
	off := t.pos
	v, err := t.want(majorUint, what+", a number,")
	if err == nil && v > limit {
		err = t.malformed(off, "%s is %d: it must be from 0 to %d", what, v, limit)
	}
	return v, err
}

func (t *cborTree) binary(what string) ([]byte, *Error) {
	off := t.pos
	n, err := t.want(majorBytes, what+", a byte string,")
	if err != nil {
		return nil, err
	}
	b, err := t.content(off, n, what)
	if err != nil {
		return nil, err
	}
	return append([]byte{}, b...), nil
}

func (t *cborTree) text(what string) (string, *Error) {
	off := t.pos
	n, err := t.want(majorText, what+", a text string,")
	if err != nil {
		return "", err
	}
	b, err := t.utf8(off, n, what)
	return string(b), err
}

func (t *cborTree) boolean(what string) (bool, *Error) {
	off := t.pos
	v, err := t.want(majorSimple, what+", true or false,")
	if err == nil && (v != 20 && v != 21 || t.pos != off+1) {
		err = t.malformed(off, "%s is neither true nor false", what)
	}
	return v == 21, err
}

func (t *cborTree) identity(what string) (string, *Error) {
	off := t.pos
	_, name, err := t.reference(what, true)
	if err == nil && name == "" {
		err = t.malformed(off, "%s is a number, not an identity", what)
	}
	return name, err
}

func (t *cborTree) union(what string, limit uint64) (uint64, string, *Error) {
	off := t.pos
	v, name, err := t.reference(what, false)
	if err == nil && v > limit {
		err = t.malformed(off, "%s is %d: it must be from 0 to %d", what, v, limit)
	}
	return v, name, err
}

// reference reads a number or an identityref. Without a tag a number is a SID
// if isSID is set.
func (t *cborTree) reference(what string, isSID bool) (uint64, string, *Error) {
	off := t.pos
	m, arg, err := t.head(what)
	if err == nil && m == majorTag && arg == tagIdentityref {
		isSID = true
		m, arg, err = t.head(what)
	}
	switch {
	case err != nil:
		return 0, "", err
	case m == majorText:
		b, err := t.utf8(off, arg, what)
		if err == nil && len(b) == 0 {
			err = t.malformed(off, "%s is an empty name", what)
		}
		return 0, withoutModule(string(b)), err
	case m != majorUint:
		return 0, "", t.malformed(off, "%s where %s, a SID, is expected", majorName(m), what)
	case !isSID:
		return arg, "", nil
	}
	name := t.sids.identities[arg]
	if name == "" && t.sids.nodes[arg] != "" {
		return 0, "", t.malformed(off, "the SID %d is that of the node %s, not of an identity", arg, t.sids.nodes[arg])
	}
	if name == "" {
		return 0, "", t.errorAt(off, schc.ErrUnsupported, "unknown SID %d as %s: give the .sid file that has it", arg, what)
	}
	return 0, name, nil
}

// skip reads one item of any kind and drops it.
func (t *cborTree) skip() *Error {
	off := t.pos
	m, arg, err := t.head("a value")
	if err != nil {
		return err
	}
	switch m {
	case majorBytes, majorText:
		_, err = t.content(off, arg, "a string")
	case majorArray, majorMap:
		size := uint64(m - majorArray + 1)
		if err = t.count(off, arg, size, majorName(m)); err != nil {
			return err
		}
		for range arg * size {
			if err := t.skip(); err != nil {
				return err
			}
		}
		t.depth--
	case majorTag:
		if err = t.count(off, 1, 1, "a tag"); err == nil {
			err = t.skip()
			t.depth--
		}
	}
	return err
}

// decMode is the second opinion on a file that was read: what it refuses is
// not CBOR.
var decMode = func() cbor.DecMode {
	m, err := cbor.DecOptions{
		MaxNestedLevels: MaxDepth + 8, MaxArrayElements: math.MaxInt32, MaxMapPairs: math.MaxInt32,
		IndefLength: cbor.IndefLengthForbidden, UTF8: cbor.UTF8RejectInvalid,
	}.DecMode()
	if err != nil {
		panic(err) // the options are constant
	}
	return m
}()

// loadCBOR reads the model as CBOR: one document, or several one after the
// other (RFC 8742), one for each device.
func loadCBOR(data []byte, name string, files []*SIDFile) (*File, *Error) {
	sids, err := newSIDTable(files)
	if err != nil {
		err.Name = name
		return nil, err
	}
	l, t := newLoader(len(data)), &cborTree{data: data, name: name, sids: sids, where: place{ruleIndex: -1, field: -1}}
	if len(data) == 0 {
		return nil, t.malformed(0, "the file is empty")
	}
	for t.pos < len(data) {
		start := t.pos
		if m, arg, err := t.head("a document"); err != nil {
			return nil, err
		} else if m != majorTag || arg != tagCBOR {
			t.pos = start
		}
		start = t.pos
		if err := l.loadDocument(t); err != nil {
			return nil, err
		}
		if err := decMode.Wellformed(data[start:t.pos]); err != nil {
			return nil, t.malformed(start, "not CBOR: %v", err)
		}
	}
	return l.file, l.checkDevices(t)
}

// A cborWriter collects the model as Go values for the encoder.
type cborWriter struct {
	sids  *sidTable
	path  string
	base  uint64
	stack []cborLevel
	obj   map[int64]any // the object that is being written
	arr   []any         // the list that is being written
	err   *Error
}

type cborLevel struct {
	obj  map[int64]any
	arr  []any
	path string
	base uint64
	key  int64 // in obj
}

func (w *cborWriter) has(name string) bool { return w.sids.given[w.path+"/"+name] }

func (w *cborWriter) identified(v string) bool { return w.sids.own || w.sids.given[v] }

// node returns the path of a child and its SID.
func (w *cborWriter) node(name string) (string, uint64) {
	path := w.path + "/" + name
	sid, ok := w.sids.nodeSID[path]
	if !ok && w.err == nil {
		w.err = &Error{Offset: -1, Err: schc.ErrUnsupported, Text: "no SID for " + path + ": give a .sid file that has one"}
	}
	return path, sid
}

func (w *cborWriter) put(name string, v any) {
	_, sid := w.node(name)
	w.obj[int64(sid-w.base)] = v
}

func (w *cborWriter) push(name string) {
	level := cborLevel{obj: w.obj, arr: w.arr, path: w.path, base: w.base}
	if name != "" {
		path, sid := w.node(name)
		level.key = int64(sid - w.base)
		w.path, w.base = path, sid
	}
	w.stack = append(w.stack, level)
}

// pop ends an object or a list, whose value is v.
func (w *cborWriter) pop(v any) {
	level := w.stack[len(w.stack)-1]
	w.stack = w.stack[:len(w.stack)-1]
	inList := level.path == w.path // an element of a list has the list's path
	w.obj, w.arr, w.path, w.base = level.obj, level.arr, level.path, level.base
	if inList {
		w.arr = append(w.arr, v)
		return
	}
	w.obj[level.key] = v
}

func (w *cborWriter) open(name string) {
	w.push(name)
	w.obj, w.arr = map[int64]any{}, nil
}

func (w *cborWriter) close() { w.pop(w.obj) }

func (w *cborWriter) list(name string, n int) {
	w.push(name)
	w.obj, w.arr = nil, make([]any, 0, n)
}

func (w *cborWriter) endList() { w.pop(w.arr) }

func (w *cborWriter) uint(name string, v uint64)   { w.put(name, v) }
func (w *cborWriter) boolean(name string, v bool)  { w.put(name, v) }
func (w *cborWriter) text(name, v string)          { w.put(name, v) }
func (w *cborWriter) binary(name string, v []byte) { w.put(name, append([]byte{}, v...)) }
func (w *cborWriter) identity(name, v string)      { w.put(name, w.identitySID(v)) }

func (w *cborWriter) union(name, v string) {
	w.put(name, cbor.Tag{Number: tagIdentityref, Content: w.identitySID(v)})
}

func (w *cborWriter) identitySID(v string) uint64 {
	sid, ok := w.sids.idSID[v]
	if !ok && w.err == nil {
		w.err = &Error{Offset: -1, Err: schc.ErrUnsupported, Text: "no SID for the identity " + v + ": give a .sid file that has one"}
	}
	return sid
}

var encMode = func() cbor.EncMode {
	m, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err) // the options are constant
	}
	return m
}()

func saveCBOR(f *File, files []*SIDFile) ([]byte, *Error) {
	sids, err := newSIDTable(files)
	if err != nil {
		return nil, err
	}
	sets := f.Sets
	if len(sets) == 0 {
		sets = []Set{{}}
	}
	var out []byte
	for i := range sets {
		w := &cborWriter{sids: sids, obj: map[int64]any{}}
		if err := writeDocument(w, &sets[i]); err != nil {
			return nil, err
		}
		if w.err != nil {
			return nil, w.err
		}
		b, err := encMode.Marshal(w.obj)
		if err != nil {
			return nil, &Error{Offset: -1, Err: schc.ErrMalformed, Text: err.Error()}
		}
		out = append(out, b...)
	}
	return out, nil
}
