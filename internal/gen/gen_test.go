package gen

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const testdata = "../../testdata/"

func mustLoad(t *testing.T, path string, opts schc.Options) (*rulefile.Set, *schc.Context) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := rulefile.Load(data, path)
	if err != nil {
		t.Fatal(err)
	}
	set, err := file.Set("")
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := schc.NewContext(set.Rules, opts)
	if err != nil {
		t.Fatal(err)
	}
	return set, ctx
}

func mustSource(t *testing.T, ctx *schc.Context, opts Options) []byte {
	t.Helper()
	source, err := Source(ctx, opts)
	if err != nil {
		t.Fatalf("Source: %v", err)
	}
	return source
}

// All but the image, which TestCompiled checks: its bytes are the compiler's
// business.
func TestGolden(t *testing.T) {
	set, ctx := mustLoad(t, testdata+"rules/coap.json", schc.Options{})
	source := mustSource(t, ctx, Options{Package: "rules", From: "coap.json", Descriptions: set.Descriptions})
	if again := mustSource(t, ctx, Options{Package: "rules", From: "coap.json", Descriptions: set.Descriptions}); !bytes.Equal(source, again) {
		t.Error("Source gives different bytes for the same Context")
	}
	got, _, ok := bytes.Cut(source, []byte("// image is the compiled form, "))
	if !ok {
		t.Fatal("there is no image")
	}
	golden(t, "testdata/coap.golden", got)
}

// golden compares got with a file.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the source differs from %s; -update rewrites it:\n%s", path, got)
	}
}

func TestGofmt(t *testing.T) {
	for _, c := range []struct {
		name string
		opts Options
	}{
		{"coap", Options{Package: "rules"}},
		{"mixed", Options{Package: "x", From: "a\nb */ \x00 \xff.json", Descriptions: []string{"", "two\nlines\t", "*/", "ünï\u2028"}}},
	} {
		_, ctx := mustLoad(t, testdata+"rules/"+c.name+".json", schc.Options{})
		source := mustSource(t, ctx, c.opts)
		formatted, err := format.Source(source)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if !bytes.Equal(source, formatted) {
			t.Errorf("%s: gofmt would change the source", c.name)
		}
		// A Context of an image has no Rules to list, but is the same otherwise.
		var bare schc.Context
		if err := bare.LoadImage(ctx.Image()); err != nil {
			t.Fatal(err)
		}
		_, want, _ := bytes.Cut(source, []byte("// Fingerprint "))
		_, got, _ := bytes.Cut(mustSource(t, &bare, c.opts), []byte("// Fingerprint "))
		if !bytes.Equal(got, want) {
			t.Errorf("%s: the source of a loaded image differs", c.name)
		}
	}
}

var profileRules = []schc.Rule{
	{ID: schc.RuleID{Value: 21, Bits: 8}, Nature: schc.NatureFragmentation, Fragment: &schc.Fragmentation{
		Mode: schc.FragmentationAckOnError, Direction: schc.DirUp, WBits: 2, FCNBits: 3, WindowSize: 7, TileBits: 80,
		RCSAlgorithm: schc.RCSCRC32, MaxPacket: 1500, InactivityMs: 43200000, CompoundAck: true}},
	{ID: schc.RuleID{Value: 255, Bits: 8}, Nature: schc.NatureNoCompression},
	{ID: schc.RuleID{Value: 20, Bits: 8}, Nature: schc.NatureFragmentation, Fragment: &schc.Fragmentation{
		Mode: schc.FragmentationNoAck, Direction: schc.DirDown, FCNBits: 1, RCSAlgorithm: schc.RCSCRC32}},
}

// The parameters of fragmentation Rules are not in the image, but in the
// source.
func TestProfiles(t *testing.T) {
	ctx, err := schc.NewContext(profileRules, schc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, _, _ := bytes.Cut(mustSource(t, ctx, Options{Package: "rules"}), []byte("// image is the compiled form, "))
	golden(t, "testdata/fragmentation.golden", got)
}

func TestPackage(t *testing.T) {
	_, ctx := mustLoad(t, testdata+"rules/coap.json", schc.Options{})
	for _, name := range []string{"", "_", "func", "a-b", "a.b", "1", "a b", "a\nb"} {
		if source, err := Source(ctx, Options{Package: name}); !errors.Is(err, ErrPackage) || source != nil {
			t.Errorf("Source for package %q = %d bytes, %v, want ErrPackage", name, len(source), err)
		}
	}
}

// What writeImage writes is the string, whatever its length.
func TestImage(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 15, 16, 17, 56, 1000, 16 * maxLines, 16*maxLines + 1, 300_000} {
		image := make([]byte, n)
		for i := range image {
			image[i] = byte(rnd.Uint32())
		}
		var b bytes.Buffer
		writeImage(&b, string(image))
		terms := strings.Split(b.String(), "+")
		if len(terms) > maxLines+1 {
			t.Errorf("%d bytes: %d lines, want at most %d", n, len(terms), maxLines)
		}
		var got strings.Builder
		for _, s := range terms {
			v, err := strconv.Unquote(strings.TrimSpace(s))
			if err != nil {
				t.Fatalf("%d bytes: %q: %v", n, s, err)
			}
			got.WriteString(v)
		}
		if got.String() != string(image) {
			t.Errorf("%d bytes: another string", n)
		}
	}
}

// A program with generated Contexts gives the same bits as Contexts that are
// made from the rule files, for every packet of the captures in both
// directions.
func TestCompiled(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: it builds a program")
	}
	goCmd, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not on PATH")
	}
	packets := allPackets(t)
	m := newModule(t, goCmd)
	write := m.write
	write("main.go", compiledMain)
	var want bytes.Buffer
	for _, c := range []struct {
		name string
		opts schc.Options
	}{
		{"coap", schc.Options{}},
		{"mixed", schc.Options{FirstMatch: true}},
	} {
		set, ctx := mustLoad(t, testdata+"rules/"+c.name+".json", c.opts)
		write(c.name+"/rules_gen.go", string(mustSource(t, ctx, Options{Package: c.name, Descriptions: set.Descriptions})))
		if n := expect(t, &want, ctx, packets); n < len(packets) {
			t.Errorf("%s: %d packets compressed of %d, both ways: too few to mean something", c.name, n, len(packets))
		}
	}

	frag, err := schc.NewContext(profileRules, schc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	write("frag/rules_gen.go", string(mustSource(t, frag, Options{Package: "frag"})))
	for i := range profileRules {
		if r := &profileRules[i]; r.Nature == schc.NatureFragmentation {
			var p schc.Profile
			if err := p.Init(r.ID, r.Fragment); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&want, "%v %+v\n", p.Rule(), p.Fragmentation())
		}
	}

	var in bytes.Buffer
	for _, p := range packets {
		fmt.Fprintf(&in, "%x\n", p)
	}
	m.compare(&in, want.String())
}

// module is a module of generated files and a program that uses them.
type module struct {
	t          *testing.T
	goCmd, dir string
}

// newModule makes a module that imports this one.
func newModule(t *testing.T, goCmd string) *module {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	goMod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	_, goLine, _ := strings.Cut(string(goMod), "\ngo ")
	goLine, _, _ = strings.Cut(goLine, "\n")
	m := &module{t, goCmd, t.TempDir()}
	m.write("go.mod", fmt.Sprintf("module firmware\n\ngo %s\n\nrequire github.com/schckit/schckit v0.0.0\n\nreplace github.com/schckit/schckit => %s\n", goLine, strconv.Quote(root)))
	return m
}

func (m *module) write(name, text string) {
	m.t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// compare builds the program and compares what it prints.
func (m *module) compare(stdin io.Reader, want string) {
	t := m.t
	t.Helper()
	build := exec.Command(m.goCmd, "build", "-o", "firmware.exe", ".")
	build.Dir = m.dir
	for _, v := range os.Environ() {
		// The program runs here, whatever these tests were built for.
		switch name, _, _ := strings.Cut(v, "="); name {
		case "GOOS", "GOARCH", "GOFLAGS", "GOWORK", "PWD":
		default:
			build.Env = append(build.Env, v)
		}
	}
	build.Env = append(build.Env, "GOFLAGS=-mod=mod", "GOWORK=off", "GOPROXY=off", "PWD="+m.dir)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	program := exec.Command(filepath.Join(m.dir, "firmware.exe"))
	program.Stdin = stdin
	var stderr bytes.Buffer
	program.Stderr = &stderr
	got, err := program.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	if string(got) == want {
		return
	}
	a, b := strings.Split(string(got), "\n"), strings.Split(want, "\n")
	for i := range b {
		if i >= len(a) || a[i] != b[i] {
			t.Fatalf("line %d of %d: the generated Context gives\n%s\nwant\n%s", i+1, len(b), strings.Join(a[min(i, len(a)):min(i+1, len(a))], ""), b[i])
		}
	}
	t.Fatalf("%d lines, want %d", len(a), len(b))
}

// expect writes what the program of TestCompiled has to print for ctx and
// returns how often a packet was compressed.
func expect(t *testing.T, w io.Writer, ctx *schc.Context, packets [][]byte) (done int) {
	fmt.Fprintf(w, "%x %d\n", ctx.Fingerprint(), ctx.MaxCompressedLen(0))
	var c schc.Compressor
	var d schc.Decompressor
	c.Reset(ctx)
	d.Reset(ctx)
	for _, p := range packets {
		for _, dir := range []schc.Direction{schc.DirUp, schc.DirDown} {
			out, id, err := c.AppendCompress(nil, p, dir)
			if err != nil {
				fmt.Fprintf(w, "%v\n", err)
				continue
			}
			back, _, err := d.AppendDecompress(nil, out, dir)
			if err != nil || !bytes.Equal(back, p) {
				t.Errorf("%x, direction %v: comes back as %x, %v", p, dir, back, err)
			}
			fmt.Fprintf(w, "%v %x %x\n", id, out, p)
			done++
		}
	}
	return done
}

// allPackets returns the IP packets of all captures.
func allPackets(t *testing.T) (packets [][]byte) {
	for _, name := range []string{"coap.pcap", "mixed.pcap"} {
		r, err := pcapio.Open(testdata+"captures/"+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		var p pcapio.Packet
		for {
			err := r.Next(&p)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if loc, ok := pcapio.Locate(p.Interface.LinkType, p.Data); ok {
				packets = append(packets, bytes.Clone(p.Data[loc.Off:loc.Off+loc.Len]))
			}
		}
		r.Close()
	}
	if len(packets) < 500 {
		t.Fatalf("the captures have %d IP packets, too few", len(packets))
	}
	return packets
}

// compiledMain uses generated Contexts as firmware does: no heap is needed
// but for the text.
const compiledMain = `package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"

	"firmware/coap"
	"firmware/frag"
	"firmware/mixed"

	"github.com/schckit/schckit/schc"
)

var (
	ctx [2]schc.Context
	c   schc.Compressor
	d   schc.Decompressor

	// Constants, or this does not compile.
	frame  [1500 + coap.MaxCompressedExcess + mixed.MaxCompressedExcess]byte
	packet [2048]byte
)

func main() {
	var packets [][]byte
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		p, err := hex.DecodeString(in.Text())
		check(err)
		packets = append(packets, p)
	}
	check(coap.Load(&ctx[0]))
	run(&ctx[0], packets, coap.Fingerprint, coap.MaxCompressedExcess)
	check(mixed.Load(&ctx[1]))
	run(&ctx[1], packets, mixed.Fingerprint, mixed.MaxCompressedExcess)
	var profiles [frag.NumProfiles]schc.Profile
	check(frag.InitProfiles(&profiles))
	for i := range profiles {
		fmt.Printf("%v %+v\n", profiles[i].Rule(), profiles[i].Fragmentation())
	}
}

func run(ctx *schc.Context, packets [][]byte, fingerprint string, excess int) {
	if got := fmt.Sprintf("%x", ctx.Fingerprint()); got != fingerprint {
		check(fmt.Errorf("fingerprint %s, and the constant is %s", got, fingerprint))
	}
	fmt.Println(fingerprint, excess)
	c.Reset(ctx)
	d.Reset(ctx)
	for _, p := range packets {
		for _, dir := range []schc.Direction{schc.DirUp, schc.DirDown} {
			n, id, err := c.CompressInto(frame[:len(p)+excess], p, dir)
			if err != nil {
				fmt.Println(err)
				continue
			}
			m, _, err := d.DecompressInto(packet[:], frame[:n], dir)
			check(err)
			fmt.Printf("%v %x %x\n", id, frame[:n], packet[:m])
		}
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
`
