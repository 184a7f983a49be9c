// Command gen writes the vectors of package vectors about header and payload
// compression: it assigns
// identifiers, counts and layout. Run it in the root of the module:
//
//	go run ./vectors/gen         # writes vectors/schc/*.json and vectors/gpcomp/*.json
//	go run ./vectors/gen -check  # fails if they are not what it writes
//
// What a test expects is in the sources of this command, residue by residue, as
// derived by hand from the specifications; nothing here calls the package that
// the vectors test.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/schckit/schckit/vectors"
)

// families are the files, one function each.
var families = map[string]func() *vectors.File{
	"schc/rfc8724.json":   rfc8724,
	"schc/sizes.json":     sizes,
	"schc/sizes64k.json":  sizes64k,
	"schc/lsb.json":       lsb,
	"schc/mapping.json":   mapping,
	"schc/only.json":      only,
	"schc/select.json":    selection,
	"schc/ruleid.json":    ruleID,
	"schc/nocomp.json":    noCompression,
	"schc/fields.json":    fields,
	"schc/compute.json":   compute,
	"schc/lossy.json":     lossy,
	"schc/direction.json": direction,
	"schc/coap.json":      coap,
	"schc/rfc8824.json":   rfc8824,
	"schc/malformed.json": malformed,
}

func main() {
	check := flag.Bool("check", false, "compare instead of writing")
	dir := flag.String("dir", "vectors", "directory of package vectors")
	flag.Parse()
	if err := run(*dir, *check); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(dir string, check bool) error {
	files := map[string][]byte{}
	for name, family := range families {
		data, err := encode(family())
		if err == nil {
			_, err = vectors.ParseCompress(data)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		files[name] = data
	}
	for name, family := range gpcompFamilies {
		files[name] = encodeGPComp(family())
		if _, err := vectors.ParseGPComp(files[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if check {
			old, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if !bytes.Equal(old, files[name]) {
				return fmt.Errorf("%s is not what this command writes; run go run ./vectors/gen", path)
			}
			continue
		}
		if err := os.WriteFile(path, files[name], 0o666); err != nil {
			return err
		}
	}
	// A file that no function writes is a hand edit.
	for _, folder := range []string{"schc", "gpcomp"} {
		list, err := filepath.Glob(filepath.Join(dir, folder, "*.json"))
		if err != nil {
			return err
		}
		for _, f := range list {
			if files[folder+"/"+filepath.Base(f)] == nil {
				return fmt.Errorf("%s is written by nothing here", f)
			}
		}
	}
	return nil
}

// encode numbers the tests of f and lays the file out: one test a line.
func encode(f *vectors.File) ([]byte, error) {
	f.Schema = vectors.SchemaCompress
	if f.Notes == nil {
		f.Notes = map[string]string{}
	}
	// Notes for the flags in use, and no others.
	used := map[string]string{}
	for i := range f.Groups {
		for j := range f.Groups[i].Tests {
			t := &f.Groups[i].Tests[j]
			f.NumberOfTests++
			t.ID = f.NumberOfTests
			for _, flag := range t.Flags {
				if notes[flag] == "" {
					return nil, fmt.Errorf("flag %q has no note", flag)
				}
				used[flag] = notes[flag]
			}
		}
	}
	f.Notes = used
	var b bytes.Buffer
	line := func(v any) string {
		var s strings.Builder
		e := json.NewEncoder(&s)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			panic(err)
		}
		return strings.TrimSpace(s.String())
	}
	fmt.Fprintf(&b, "{\"schema\": %s, \"spec\": %s, \"numberOfTests\": %d,\n", line(f.Schema), line(f.Spec), f.NumberOfTests)
	if f.Comment != "" {
		fmt.Fprintf(&b, " \"comment\": %s,\n", line(f.Comment))
	}
	b.WriteString(" \"notes\": {")
	var flags []string
	for flag := range used {
		flags = append(flags, flag)
	}
	slices.Sort(flags)
	for i, flag := range flags {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "\n  %s: %s", line(flag), line(used[flag]))
	}
	b.WriteString("},\n \"groups\": [\n")
	for i, g := range f.Groups {
		b.WriteString("  {")
		if g.Comment != "" {
			fmt.Fprintf(&b, "\"comment\": %s,\n   ", line(g.Comment))
		}
		fmt.Fprintf(&b, "\"source\": %s, \"rules\": %s,", line(g.Source), line(g.Rules))
		if g.Options != (vectors.Options{}) {
			fmt.Fprintf(&b, " \"options\": %s,", line(g.Options))
		}
		if g.Inputs != (vectors.Inputs{}) {
			fmt.Fprintf(&b, " \"inputs\": %s,", line(g.Inputs))
		}
		b.WriteString(" \"tests\": [\n")
		for j, t := range g.Tests {
			b.WriteString("    " + line(t))
			if j+1 < len(g.Tests) {
				b.WriteString(",")
			}
			b.WriteString("\n")
		}
		b.WriteString("  ]}")
		if i+1 < len(f.Groups) {
			b.WriteString(",")
		}
		b.WriteString("\n")
	}
	b.WriteString(" ]}\n")
	return b.Bytes(), nil
}
