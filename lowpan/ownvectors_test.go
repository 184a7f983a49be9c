package lowpan

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestOwnVectors runs vectors/lowpan: decompress, compress, compress again,
// explain.
func TestOwnVectors(t *testing.T) {
	b, err := os.ReadFile("../vectors/lowpan/iphc.json")
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Schema, Spec  string
		NumberOfTests int `json:"numberOfTests"`
		Notes         map[string]string
		Groups        []struct {
			Source, Implementation string
			Contexts               map[string]string
			Tests                  []struct {
				ID                                       int
				Comment, Src, Dst, Packet, Frame, Result string
				Flags                                    []string
			}
		}
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range f.Groups {
		tab := new(Table)
		for cid, s := range g.Contexts {
			s, only := strings.CutSuffix(s, ",decompress-only")
			p := netip.MustParsePrefix(s)
			i, err := strconv.Atoi(cid)
			if err != nil {
				t.Fatal(err)
			}
			if err := tab.Set(i, Context{Prefix: p.Addr().As16(), PrefixLen: uint8(p.Bits()), Compress: !only}); err != nil {
				t.Fatal(err)
			}
		}
		for _, v := range g.Tests {
			n++
			link := mustLink(t, v.Src, v.Dst)
			frame, pkt := mustHex(t, v.Frame), mustHex(t, v.Packet)
			got, err := AppendDecompress(nil, frame, link, tab, Options{})
			if v.Result != "valid" {
				if e, _ := err.(Error); e.Class() != v.Result {
					t.Errorf("%d, %s: AppendDecompress(%s) = %x, %v, want %s", v.ID, v.Comment, v.Frame, got, err, v.Result)
				}
				continue
			}
			if err != nil || !bytes.Equal(got, pkt) {
				t.Errorf("%d, %s: AppendDecompress(%s) = %x, %v, want %s", v.ID, v.Comment, v.Frame, got, err, v.Packet)
			}
			opts := Options{ElideChecksum: slices.Contains(v.Flags, "ElideChecksum")}
			if slices.Contains(v.Flags, "GHC") {
				opts.GHC = newGHC()
			}
			for _, p := range [][]byte{pkt, got} {
				if c, err := AppendCompress(nil, p, link, tab, opts); err != nil || !bytes.Equal(c, frame) {
					t.Errorf("%d, %s: AppendCompress(%x) = %x, %v, want %s", v.ID, v.Comment, p, c, err, v.Frame)
				}
			}
			checkExplain(t, frame, link, tab, opts, len(pkt))
		}
	}
	if n != f.NumberOfTests || n == 0 {
		t.Errorf("%d tests, the file says %d", n, f.NumberOfTests)
	}
}
