package ghc

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var updateVectors = flag.Bool("update-vectors", false, "write vectors/ghc/behaviour.json anew")

// ghcTest is a test of vectors/ghc, as vectors.GHCTest has it.
type ghcTest struct {
	ID      int    `json:"id"`
	Comment string `json:"comment"`
	Src     string `json:"src"`
	Dst     string `json:"dst"`
	Payload string `json:"payload,omitempty"`
	Code    string `json:"code"`
	Result  string `json:"result"`
}

// TestVectorFiles: the file is what this test writes with the readable
// reference: what it decodes, and the shortest code by exhaustive search.
func TestVectorFiles(t *testing.T) {
	const src, dst = "20010db8000000000000000000000a01", "20010db8000000000000000000000b02"
	var d Dict
	d.Set(unhex(t, src), unhex(t, dst))
	var tests []ghcTest
	add := func(comment, code string) {
		code = strings.ReplaceAll(code, " ", "")
		payload, rest, ok := slowDecode(&d, unhex(t, code))
		if !ok || len(rest) > 0 {
			t.Fatalf("%s: %s cannot be decoded", comment, code)
		}
		tests = append(tests, ghcTest{Comment: comment, Src: src, Dst: dst, Payload: hex.EncodeToString(payload), Code: code, Result: "valid"})
	}
	bad := func(comment, result, code string) {
		code = strings.ReplaceAll(code, " ", "")
		tests = append(tests, ghcTest{Comment: comment, Src: src, Dst: dst, Code: code, Result: result})
	}
	bytesOf := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(0x30 + i)
		}
		return hex.EncodeToString(b)
	}
	add("nothing", "")
	for _, n := range []int{0, 1, 2, 94, 95} {
		add(fmt.Sprintf("%d literal bytes", n), fmt.Sprintf("%02x", n)+bytesOf(n))
	}
	add("96 literal bytes in two runs", "5f"+bytesOf(95)+"018f")
	for n := 2; n <= 17; n++ {
		add(fmt.Sprintf("%d zero bytes", n), fmt.Sprintf("%02x", 0x80+n-2))
	}
	add("19 zero bytes, the last two by reference", "8f 00 c0")
	add("stop code behind the payload", "02 3132 90")
	add("stop code only", "90")
	// Back-references: n and s with every field at its ends.
	for nnn := 0; nnn < 8; nnn++ {
		for _, kkk := range []int{0, 1, 7} {
			add(fmt.Sprintf("reference nnn %d, kkk %d, behind 20 literal bytes", nnn, kkk), "14"+bytesOf(20)+fmt.Sprintf("%02x", 0xc0|nnn<<3|kkk))
		}
	}
	for ssss := 0; ssss < 6; ssss++ {
		add(fmt.Sprintf("sa %d: into the dictionary", ssss*8), fmt.Sprintf("%02x c0", 0xa0|ssss))
		add(fmt.Sprintf("sa %d, na 8", ssss*8), "28"+bytesOf(40)+fmt.Sprintf("%02x c3", 0xb0|ssss))
	}
	add("the whole dictionary", "b0 b0 b0 b0 b0 f0")                                  // n 48
	add("the first two bytes of the dictionary", "a5 c6")                             // s 48
	add("the source address", "b4 f0")                                                // n 16, s 48
	add("the destination address", "b2 f0")                                           // n 16, s 32
	add("the constant bytes", "b0 f0")                                                // n 16, s 16
	add("from the dictionary into the payload", "02 3132 c8 01 ff c2")                //
	add("a reference that ends where the payload ends", "03 313233 c8")               // n 3, s 3
	add("extensions in any order", "14"+bytesOf(20)+"a1 b0 c0")                       //
	add("extensions that a literal run comes behind", "14"+bytesOf(20)+"a1 01 31 c0") // sa stays
	add("extensions that zero bytes come behind", "14"+bytesOf(20)+"b0 80 c0")
	add("extensions are used up by a reference", "14"+bytesOf(20)+"a1 c0 c0")
	add("extensions without a reference", "01 31 bf bf")
	add("sa in eight steps", "5f"+bytesOf(95)+"a1 a1 a1 a1 a1 a1 a1 a1 c0")
	add("na in four steps", "5f"+bytesOf(95)+"b0 b0 b0 b0 c0")

	for c := 0x60; c < 0x80; c++ {
		bad(fmt.Sprintf("reserved code %02x", c), "malformed", fmt.Sprintf("%02x", c))
	}
	for c := 0x91; c < 0xa0; c++ {
		bad(fmt.Sprintf("reserved code %02x", c), "malformed", fmt.Sprintf("%02x", c))
	}
	bad("a reference one byte before the dictionary", "malformed", "a5 c7")
	bad("a reference far before the dictionary", "malformed", "af af c0")
	bad("na makes a reference begin before the dictionary", "malformed", "b4 f1")
	bad("something behind the stop code", "malformed", "02 3132 90 00")
	for _, n := range []int{1, 2, 95} {
		for k := n - 1; k >= 0; k -= max(n-1, 1) {
			bad(fmt.Sprintf("%d of %d literal bytes", k, n), "truncated", fmt.Sprintf("%02x", n)+bytesOf(k))
		}
	}
	bad("an error behind a good start", "malformed", "02 3132 7f")

	// Payloads with a code of the least possible length.
	r := rand.New(rand.NewSource(74))
	e := newEncoder(64)
	var short []ghcTest
	for i := 0; i < 60; i++ {
		payload := small(r, 8+r.Intn(32), &d)
		code, ok := e.AppendCompress(nil, &d, payload, 100)
		if back, _, ok2 := slowDecode(&d, code); !ok || !ok2 || !bytes.Equal(back, payload) || len(code) != slowSize(&d, payload) {
			t.Fatalf("%x: %x is not the shortest", payload, code)
		}
		short = append(short, ghcTest{Comment: "no shorter code exists", Src: src, Dst: dst, Payload: hex.EncodeToString(payload), Code: hex.EncodeToString(code), Result: "valid"})
	}

	var b bytes.Buffer
	n := 0
	fmt.Fprintf(&b, "{\"schema\": \"ghc-1\", \"spec\": \"RFC 7400, Section 2\", \"numberOfTests\": %d,\n \"notes\": {},\n \"groups\": [\n", len(tests)+len(short))
	for i, g := range []struct {
		source string
		tests  []ghcTest
	}{{"independent", tests}, {"self", short}} {
		fmt.Fprintf(&b, "  {\"source\": %q, \"tests\": [\n", g.source)
		for j, v := range g.tests {
			n++
			v.ID = n
			line, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "    %s%s\n", line, strings.Repeat(",", min(len(g.tests)-1-j, 1)))
		}
		fmt.Fprintf(&b, "  ]}%s\n", strings.Repeat(",", 1-i))
	}
	b.WriteString(" ]}\n")
	path := filepath.Join("..", "..", "vectors", "ghc", "behaviour.json")
	if *updateVectors {
		if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if old, err := os.ReadFile(path); err != nil || !bytes.Equal(old, b.Bytes()) {
		t.Error("behaviour.json is not what this test writes; run go test ./internal/ghc -run TestVectorFiles -update-vectors")
	}
}
