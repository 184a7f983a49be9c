// Package run runs the conformance vectors against this module. It is for hosts.
package run

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
	"github.com/schckit/schckit/vectors"
)

// A Failure is one way of one vector that went wrong.
type Failure struct {
	File string // path of the vector file
	ID   int    // of the test; 0: the file as a whole
	Way  string // such as compress, decompress, sender, receiver, or load
	Text string
}

// String returns "schc/sizes.json#3: compress: text".
func (f Failure) String() string {
	if f.ID == 0 {
		return f.File + ": " + f.Way + ": " + f.Text
	}
	return fmt.Sprintf("%s#%d: %s: %s", f.File, f.ID, f.Way, f.Text)
}

// Stats counts what was run.
type Stats struct {
	Files, Tests, Ways int
	Acceptable         int            // vectors that may be refused, and were
	Sources            map[string]int // tests by source
}

// Run runs the vectors of fsys, such as vectors.FS: those whose "file#id"
// contains filter. An error is one of reading; what is wrong in a file is a
// Failure.
func Run(fsys fs.FS, filter string) ([]Failure, Stats, error) {
	r := &runner{fsys: fsys, filter: filter, stats: Stats{Sources: map[string]int{}}}
	files, err := vectors.Files(fsys)
	if err != nil {
		return nil, r.stats, err
	}
	for _, name := range files {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, r.stats, err
		}
		r.file = name
		schema, err := vectors.ReadSchema(data)
		before := r.stats.Tests
		switch {
		case err != nil:
			r.fail(0, "load", "%v", err)
		case schema == vectors.SchemaCompress:
			r.compressFile(data)
		case schema == vectors.SchemaFrag:
			r.fragFile(data)
		case schema == vectors.SchemaIPHC:
			r.iphcFile(data)
		case schema == vectors.SchemaReceive:
			r.receiveFile(data)
		case schema == vectors.SchemaGHC:
			r.ghcFile(data)
		case schema == vectors.SchemaEHC:
			r.ehcFile(data)
		case schema == vectors.SchemaESP:
			r.espFile(data)
		case schema == vectors.SchemaDietESP:
			r.dietFile(data)
		case schema == vectors.SchemaGPComp:
			r.gpcompFile(data)
		case schema == vectors.SchemaSSE:
			r.sseFile(data)
		case schema == vectors.SchemaSSENegotiate:
			r.sseNegotiateFile(data)
		default:
			r.fail(0, "load", "unknown schema %q", schema)
		}
		if r.stats.Tests > before {
			r.stats.Files++
		}
	}
	return r.failures, r.stats, nil
}

type runner struct {
	fsys     fs.FS
	filter   string
	file     string
	failures []Failure
	stats    Stats
}

func (r *runner) fail(id int, way, format string, args ...any) {
	r.failures = append(r.failures, Failure{r.file, id, way, fmt.Sprintf(format, args...)})
}

// selected reports whether the filter lets test id of the file pass.
func (r *runner) selected(id int) bool {
	return strings.Contains(fmt.Sprintf("%s#%d", r.file, id), r.filter)
}

// takes reports whether test id is to be run, and counts it.
func (r *runner) takes(id int, source string) bool {
	if !r.selected(id) {
		return false
	}
	r.stats.Tests++
	r.stats.Sources[source]++
	return true
}

func (r *runner) compressFile(data []byte) {
	f, err := vectors.ParseCompress(data)
	if err != nil {
		r.fail(0, "load", "%v", err)
		return
	}
	for i := range f.Groups {
		g := &f.Groups[i]
		ctx, in, err := Context(r.fsys, g)
		if err != nil {
			r.fail(0, "load", "group %d: %v", i+1, err)
			continue
		}
		for j := range g.Tests {
			t := &g.Tests[j]
			if !r.takes(t.ID, g.Source) {
				continue
			}
			c := &compressTest{runner: r, t: t, ctx: ctx, in: in}
			c.run()
		}
	}
}

// Context loads the rule set of a group.
func Context(fsys fs.FS, g *vectors.Group) (*schc.Context, schc.Inputs, error) {
	var in schc.Inputs
	data, err := fs.ReadFile(fsys, path.Clean(g.Rules))
	if err != nil {
		return nil, in, err
	}
	f, err := rulefile.Load(data, g.Rules)
	if err != nil {
		return nil, in, err
	}
	set, err := f.Set("")
	if err != nil {
		return nil, in, err
	}
	ctx, err := schc.NewContext(set.Rules, schc.Options{TrustComputed: g.Options.TrustComputed, FirstMatch: g.Options.FirstMatch,
		Lossless: g.Options.Lossless, SSEICVBytes: g.Options.SSEICVBytes, OuterHeader: g.Options.OuterHeader})
	if err != nil {
		return nil, in, set.Locate(err)
	}
	in.DevIID, err = hexOrNil(g.Inputs.DevIID)
	if err == nil {
		in.AppIID, err = hexOrNil(g.Inputs.AppIID)
	}
	if err == nil {
		in.Outer, err = hexOrNil(g.Inputs.Outer)
	}
	return ctx, in, err
}

func hexOrNil(s string) ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	return hex.DecodeString(s)
}

// classes are the names of errors in vectors.
var classes = map[schc.Error]string{schc.ErrNoRule: "no-rule", schc.ErrTruncated: "truncated", schc.ErrMalformed: "malformed",
	schc.ErrShortBuffer: "short-buffer", schc.ErrUnsupported: "unsupported"}

// class returns the name of an error, "valid" for none.
func class(err error) string {
	if err == nil {
		return "valid"
	}
	var e schc.Error
	if errors.As(err, &e) {
		return classes[e]
	}
	return err.Error()
}
