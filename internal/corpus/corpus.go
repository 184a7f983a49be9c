// Package corpus makes the small payloads of testdata/payloads that are not recorded
// ones: the shapes of RFCs and of common device APIs, with values of our own. It is for
// the tool that writes them and its test.
//
// The shapes come in two kinds. Those of Shapes appear in the training part, from which
// the dictionary of package gpcomp/deflate is built, and with other values in the test
// part. Those of Unseen appear in the test part only, and nobody looked at them for the
// dictionary.
package corpus

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand"
	"strings"
)

// The sizes of payloads, in bytes.
const (
	MinLen = 20
	MaxLen = 500
)

// A Shape makes payloads of one kind.
type Shape struct {
	Name string // of the file
	make func(g *gen) []byte
}

// Shapes are the kinds of payloads that devices are known to send.
func Shapes() []Shape {
	return []Shape{
		{"linkformat", linkFormat},
		{"senml-json", senmlJSON},
		{"senml-cbor", senmlCBOR},
		{"lwm2m", lwm2m},
		{"lwm2m-tlv", lwm2mTLV},
		{"json-telemetry", jsonTelemetry},
		{"json-events", jsonEvents},
		{"json-ocf", jsonOCF},
		{"cbor-maps", cborMaps},
		{"coap", coapMessage},
	}
}

// Unseen are the kinds that only the test part has.
func Unseen() []Shape {
	return []Shape{
		{"unseen-geojson", geoJSON},
		{"unseen-ngsild", ngsiLD},
		{"unseen-thing", thingDescription},
		{"unseen-cwt", cwt},
		{"unseen-oscore", oscore},
		{"unseen-lineprotocol", lineProtocol},
	}
}

// Train returns the payloads of a shape for the training part, always the same ones.
func (s Shape) Train() [][]byte { return s.payloads("train", 60, nil) }

// Test returns n payloads of a shape for the test part, always the same ones. None is
// one of train.
func (s Shape) Test(n int, train [][]byte) [][]byte { return s.payloads("test", n, train) }

// payloads makes n payloads that are not in others.
func (s Shape) payloads(part string, n int, others [][]byte) (list [][]byte) {
	seen := map[string]bool{}
	for _, p := range others {
		seen[string(p)] = true
	}
	h := fnv.New64a()
	fmt.Fprint(h, s.Name, "/", part)
	g := &gen{rand.New(rand.NewSource(int64(h.Sum64())))}
	for len(list) < n {
		p := s.make(g)
		if len(p) < MinLen || len(p) > MaxLen || seen[string(p)] {
			continue
		}
		seen[string(p)] = true
		list = append(list, p)
	}
	return list
}

// gen makes values.
type gen struct{ *rand.Rand }

func (g *gen) pick(s ...string) string { return s[g.Intn(len(s))] }

// some returns between lo and hi different entries of s.
func (g *gen) some(lo, hi int, s ...string) []string {
	n := lo + g.Intn(hi-lo+1)
	var out []string
	for _, i := range g.Perm(len(s)) {
		if len(out) < n {
			out = append(out, s[i])
		}
	}
	return out
}

func (g *gen) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.Intn(256))
	}
	return b
}

func (g *gen) hex(n int) string { return fmt.Sprintf("%x", g.bytes(n)) }

// dec is a number between lo and hi with the digits behind the point.
func (g *gen) dec(lo, hi float64, digits int) string {
	return fmt.Sprintf("%.*f", digits, lo+g.Float64()*(hi-lo))
}

func (g *gen) time() int64 { return 1767225600 + g.Int63n(31536000) } // in 2026

func (g *gen) iso() string {
	return fmt.Sprintf("2026-%02d-%02dT%02d:%02d:%02dZ", 1+g.Intn(12), 1+g.Intn(28), g.Intn(24), g.Intn(60), g.Intn(60))
}

// quantity is something that a sensor measures.
type quantity struct {
	name, short, unit, rt string // unit as SenML has it; rt as a resource type
	lo, hi                float64
	digits                int
	object                int // of IPSO
}

var quantities = []quantity{
	{"temperature", "temp", "Cel", "temperature-c", -10, 40, 1, 3303},
	{"humidity", "hum", "%RH", "humidity", 20, 95, 1, 3304},
	{"pressure", "pres", "Pa", "pressure", 97000, 104000, 0, 3323},
	{"illuminance", "lux", "lx", "light-lux", 0, 2000, 0, 3301},
	{"voltage", "volt", "V", "voltage", 2.1, 3.7, 2, 3316},
	{"current", "curr", "A", "current", 0, 12, 3, 3317},
	{"power", "power", "W", "power", 0, 2500, 1, 3328},
	{"energy", "energy", "J", "energy", 0, 90000, 0, 3331},
	{"battery", "bat", "%EL", "battery", 5, 100, 0, 3320},
	{"co2", "co2", "ppm", "co2-ppm", 390, 2100, 0, 3325},
	{"level", "level", "m", "level", 0, 8, 2, 3330},
	{"concentration", "conc", "mol/m3", "concentration", 0, 50, 1, 3325},
}

func (g *gen) quantity() quantity { return quantities[g.Intn(len(quantities))] }

func (g *gen) value(q quantity) string { return g.dec(q.lo, q.hi, q.digits) }

// name is one of a device.
func (g *gen) name() string {
	switch g.Intn(5) {
	case 0:
		return "urn:dev:mac:" + g.hex(3) + "fffe" + g.hex(3)
	case 1:
		return "urn:dev:ow:" + g.hex(8)
	case 2:
		return fmt.Sprintf("sensor-%04d", g.Intn(10000))
	case 3:
		return "urn:imei:" + fmt.Sprintf("%015d", g.Int63n(1e15))
	}
	return g.pick("node", "meter", "gw", "valve", "pump", "tracker") + "-" + g.hex(2)
}

func join(parts []string, sep string) string { return strings.Join(parts, sep) }

// Files are the files of the corpus that this package writes, by name: a payload a
// line, in hex.
func Files() map[string][]byte {
	files := map[string][]byte{}
	for _, s := range Shapes() {
		train := s.Train()
		files["train/"+s.Name+".hex"] = lines(train)
		files["test/"+s.Name+".hex"] = lines(s.Test(30, train))
	}
	for _, s := range Unseen() {
		files["test/"+s.Name+".hex"] = lines(s.Test(20, nil))
	}
	return files
}

func lines(payloads [][]byte) []byte {
	var out []byte
	for _, p := range payloads {
		out = append(hex.AppendEncode(out, p), '\n')
	}
	return out
}

// ParseLines is the payloads of a file.
func ParseLines(data []byte) ([][]byte, error) {
	var list [][]byte
	for _, word := range bytes.Fields(data) {
		p, err := hex.DecodeString(string(word))
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// ReadDir are the payloads of all files "*.hex" of a directory, in the order of names.
func ReadDir(dir fs.FS) ([][]byte, error) {
	names, err := fs.Glob(dir, "*.hex")
	if err != nil {
		return nil, err
	}
	var list [][]byte
	for _, name := range names {
		data, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		p, err := ParseLines(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, p...)
	}
	return list, nil
}
