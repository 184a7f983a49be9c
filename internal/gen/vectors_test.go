package gen

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"testing"

	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/vectors"
	"github.com/schckit/schckit/vectors/run"
)

// The Contexts of all conformance vectors, generated and compiled, give the same
// bits and the same errors as those that are loaded, for every packet and every
// SCHC Packet of the vectors.
func TestCompiledVectors(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: it builds a program")
	}
	goCmd, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not on PATH")
	}
	m := newModule(t, goCmd)
	names, err := vectors.Files(vectors.FS)
	if err != nil {
		t.Fatal(err)
	}
	packages := map[string]string{} // by image
	var imports, loads strings.Builder
	var in, want bytes.Buffer
	tests := 0
	for _, name := range names {
		data, err := fs.ReadFile(vectors.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		if schema, err := vectors.ReadSchema(data); err != nil || schema != vectors.SchemaCompress {
			continue
		}
		f, err := vectors.ParseCompress(data)
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Groups {
			g := &f.Groups[i]
			ctx, inputs, err := run.Context(vectors.FS, g)
			if err != nil {
				t.Fatal(err)
			}
			pkg := packages[ctx.Image()]
			if pkg == "" {
				pkg = fmt.Sprintf("v%d", len(packages))
				packages[ctx.Image()] = pkg
				m.write(pkg+"/rules_gen.go", string(mustSource(t, ctx, Options{Package: pkg, From: g.Rules})))
				fmt.Fprintf(&imports, "\t%q\n", "firmware/"+pkg)
				fmt.Fprintf(&loads, "\t%q: %s.Load,\n", pkg, pkg)
			}
			var c schc.Compressor
			var d schc.Decompressor
			c.Reset(ctx)
			d.Reset(ctx)
			c.SetInputs(inputs)
			d.SetInputs(inputs)
			for j := range g.Tests {
				v := &g.Tests[j]
				dir := schc.DirUp
				if v.Dir == "down" {
					dir = schc.DirDown
				}
				tests++
				line := func(op, data string, out []byte, id schc.RuleID, err error) {
					fmt.Fprintf(&in, "%s %s %d %s. %s. %s. %s.\n", pkg, op, dir, data, g.Inputs.DevIID, g.Inputs.AppIID, g.Inputs.Outer)
					fmt.Fprintf(&want, "%x %v %v\n", out, id, err)
				}
				pkt, _ := hex.DecodeString(v.Packet)
				out, id, err := c.AppendCompress(nil, pkt, dir)
				line("c", v.Packet, out, id, err)
				msg, _ := hex.DecodeString(v.SCHC)
				out, id, err = d.AppendDecompress(nil, msg, dir)
				line("d", v.SCHC, out, id, err)
			}
		}
	}
	t.Logf("%d vectors, %d Contexts", tests, len(packages))
	if tests < 300 || len(packages) < 50 {
		t.Error("too few to mean something")
	}
	m.write("main.go", fmt.Sprintf(vectorsMain, &imports, &loads))
	m.compare(&in, want.String())
}

// vectorsMain compresses and decompresses what it reads.
const vectorsMain = `package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"github.com/schckit/schckit/schc"

%s)

var loads = map[string]func(*schc.Context) error{
%s}

var (
	contexts = map[string]*schc.Context{}
	c        schc.Compressor
	d        schc.Decompressor
	buf      [1 << 18]byte
)

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		w := strings.Fields(in.Text())
		ctx := contexts[w[0]]
		if ctx == nil {
			ctx = new(schc.Context)
			check(loads[w[0]](ctx))
			contexts[w[0]] = ctx
		}
		inputs := schc.Inputs{DevIID: bytes(w[4]), AppIID: bytes(w[5]), Outer: bytes(w[6])}
		dir := schc.Direction(w[2][0] - '0')
		var n int
		var id schc.RuleID
		var err error
		if w[1] == "c" {
			c.Reset(ctx)
			c.SetInputs(inputs)
			n, id, err = c.CompressInto(buf[:], bytes(w[3]), dir)
		} else {
			d.Reset(ctx)
			d.SetInputs(inputs)
			n, id, err = d.DecompressInto(buf[:], bytes(w[3]), dir)
		}
		fmt.Fprintf(out, "%%x %%v %%v\n", buf[:n], id, err)
	}
	check(in.Err())
}

// bytes returns what hex digits and a full stop say; nil for none.
func bytes(s string) []byte {
	if s == "." {
		return nil
	}
	b, err := hex.DecodeString(s[:len(s)-1])
	check(err)
	return b
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
`
