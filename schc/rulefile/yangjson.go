package rulefile

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/schckit/schckit/schc"
)

// jsonTree reads the model as JSON (RFC 7951).
type jsonTree struct{ *scanner }

// nodeNames keeps the names of the model's nodes, so that reading one does
// not allocate.
var nodeNames = func() map[string]string {
	m := map[string]string{}
	for _, n := range yangNodes {
		name := n.path[strings.LastIndexByte(n.path, '/')+1:]
		m[name], m[n.module+":"+name] = name, name
	}
	return m
}()

func withoutModule(name string) string {
	return name[strings.IndexByte(name, ':')+1:]
}

func (t jsonTree) at() *place { return &t.place }

func (t jsonTree) members(what string, f func(name string, off int) *Error) *Error {
	return t.object(what, func(key []byte, off int) *Error {
		name, ok := nodeNames[string(key)]
		if !ok {
			if len(key) > 0 && key[0] == '@' { // metadata annotations (RFC 7952)
				return t.skip()
			}
			name = withoutModule(string(key))
		}
		return f(name, off)
	})
}

func (t jsonTree) elements(what string, f func(i int) *Error) *Error { return t.array(what, f) }

// uint reads a number. Numbers in quotes, which RFC 7951 wants for 64 bits
// only, are read as well.
func (t jsonTree) uint(what string, limit uint64) (uint64, *Error) {
	v, name, err := t.union(what, limit)
	if err == nil && name != "" {
		err = t.malformed(t.pos, "%s is %q: it must be a whole number from 0 to %d", what, clip([]byte(name)), limit)
	}
	return v, err
}

func (t jsonTree) union(what string, limit uint64) (uint64, string, *Error) {
	if t.space() != '"' {
		v, err := t.scanner.uint(what, limit)
		return v, "", err
	}
	off := t.pos
	b, err := t.str()
	if err != nil {
		return 0, "", err
	}
	if len(b) == 0 {
		return 0, "", t.malformed(off, "%s is an empty string", what)
	}
	if b[0] < '0' || b[0] > '9' {
		return 0, withoutModule(string(b)), nil
	}
	v, perr := strconv.ParseUint(string(b), 10, 64)
	if perr != nil || v > limit {
		return 0, "", t.malformed(off, "%s is %s: it must be a whole number from 0 to %d", what, clip(b), limit)
	}
	return v, "", nil
}

func (t jsonTree) identity(what string) (string, *Error) {
	name, err := t.scanner.text(what)
	return withoutModule(name), err
}

func (t jsonTree) binary(what string) ([]byte, *Error) {
	t.space()
	off := t.pos
	if t.space() != '"' {
		return nil, t.unexpected(what + ", base64 in a string,")
	}
	b, err := t.str()
	if err != nil {
		return nil, err
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(b)))
	n, berr := base64.StdEncoding.Strict().Decode(out, b)
	if berr != nil {
		return nil, t.malformed(off, "%s is not base64: write the bytes as RFC 4648, Section 4, says, with padding", what)
	}
	return out[:n], nil
}

// loadYANG reads the model as JSON: one document, or a list of documents, one
// for each device.
func loadYANG(data []byte, name string) (*File, *Error) {
	l, t := newLoader(len(data)), jsonTree{newScanner(data, name)}
	var err *Error
	if t.space() == '[' {
		err = t.array("", func(int) *Error { return l.loadDocument(t) })
	} else {
		err = l.loadDocument(t)
	}
	if err == nil {
		err = t.end()
	}
	if err == nil {
		err = l.checkDevices(t)
	}
	return l.file, err
}

// checkDevices refuses two sets for one device.
func (l *loader) checkDevices(t tree) *Error {
	seen := make(map[string]bool, len(l.file.Sets))
	for i := range l.file.Sets {
		id := l.file.Sets[i].DeviceID
		if seen[id] {
			return t.errorAt(t.offset(), schc.ErrMalformed, "two sets of Rules for device %q: put the Rules of a device into one document", clip([]byte(id)))
		}
		seen[id] = true
	}
	return nil
}

// jsonWriter writes the model as JSON: one rule a block, one entry a line.
type jsonWriter struct {
	b     strings.Builder
	depth int  // of objects and lists
	first bool // nothing is in the innermost one yet
}

func (w *jsonWriter) has(string) bool        { return false }
func (w *jsonWriter) identified(string) bool { return true }

// name writes what comes before a value.
func (w *jsonWriter) name(name string) {
	if !w.first {
		w.b.WriteByte(',')
	}
	if name == "rule" || name == "entry" || w.depth == 3 || w.depth == 5 && name == "" {
		w.b.WriteByte('\n')
		w.b.WriteString("            "[:w.depth])
	} else if !w.first {
		w.b.WriteByte(' ')
	}
	w.first = false
	if name == "" {
		return
	}
	w.b.WriteString(`"` + w.qualified(name) + `": `)
}

// qualified returns the name with its module where that is not the parent's.
func (w *jsonWriter) qualified(name string) string {
	switch mod := nodeModules[name]; {
	case w.depth == 1 || mod != modSCHC && (name != "milliseconds"):
		return mod + ":" + name
	case name == "milliseconds":
		return modOwn + ":" + name
	}
	return name
}

// nodeModules has the module of each node; no name is in two modules.
var nodeModules = func() map[string]string {
	m := map[string]string{}
	for _, n := range yangNodes {
		m[n.path[strings.LastIndexByte(n.path, '/')+1:]] = n.module
	}
	return m
}()

func (w *jsonWriter) open(name string)        { w.begin(name, '{') }
func (w *jsonWriter) close()                  { w.end('}') }
func (w *jsonWriter) list(name string, _ int) { w.begin(name, '[') }
func (w *jsonWriter) endList()                { w.end(']') }

func (w *jsonWriter) begin(name string, c byte) {
	w.name(name)
	w.b.WriteByte(c)
	w.first = true
	w.depth++
}

func (w *jsonWriter) end(c byte) {
	w.b.WriteByte(c)
	w.first = false
	w.depth--
}

func (w *jsonWriter) uint(name string, v uint64) {
	w.name(name)
	if name == "universal-value" { // uint64: a string in RFC 7951
		fmt.Fprintf(&w.b, "\"%d\"", v)
		return
	}
	w.b.WriteString(strconv.FormatUint(v, 10))
}

func (w *jsonWriter) boolean(name string, v bool) {
	w.name(name)
	w.b.WriteString(strconv.FormatBool(v))
}

func (w *jsonWriter) text(name, v string) {
	w.name(name)
	w.b.WriteString(quote(v))
}

func (w *jsonWriter) binary(name string, v []byte) {
	w.name(name)
	w.b.WriteString(`"` + base64.StdEncoding.EncodeToString(v) + `"`)
}

func (w *jsonWriter) identity(name, v string) {
	w.name(name)
	w.b.WriteString(`"` + identityModules[v] + ":" + v + `"`)
}

func (w *jsonWriter) union(name, v string) { w.identity(name, v) }

func saveYANG(f *File) ([]byte, *Error) {
	w := &jsonWriter{}
	sets := f.Sets
	if len(sets) == 0 {
		sets = []Set{{}}
	}
	for i := range sets {
		switch {
		case i > 0:
			w.b.WriteString(",\n")
		case len(sets) > 1:
			w.b.WriteString("[")
		}
		w.b.WriteByte('{')
		w.depth, w.first = 1, true
		if err := writeDocument(w, &sets[i]); err != nil {
			return nil, err
		}
		w.b.WriteByte('}')
	}
	if len(sets) > 1 {
		w.b.WriteByte(']')
	}
	w.b.WriteByte('\n')
	return []byte(w.b.String()), nil
}
