package lowpan

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/schckit/schckit/vectors"
)

// TestOwnVectors runs the vectors of vectors/lowpan: decompress, compress,
// compress again, explain.
func TestOwnVectors(t *testing.T) {
	files, err := filepath.Glob("../vectors/lowpan/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if schema, err := vectors.ReadSchema(data); err != nil || schema != vectors.SchemaIPHC {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			f, err := vectors.ParseIPHC(data)
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range f.Groups {
				tab := vectorTable(t, g.Contexts)
				for _, v := range g.Tests {
					ownVector(t, &v, tab)
				}
			}
		})
	}
}

func ownVector(t *testing.T, v *vectors.IPHCTest, tab *Table) {
	link := mustLink(t, v.Src, v.Dst)
	frame, pkt := mustHex(t, v.Frame), mustHex(t, v.Packet)
	opts := Options{LinkIID: slices.Contains(v.Flags, "LinkIID"), StripRouting: slices.Contains(v.Flags, "StripRouting")}
	got, err := AppendDecompress(nil, frame, link, tab, opts)
	if v.Result != "valid" {
		if e, _ := err.(Error); e.Class() != v.Result {
			t.Errorf("%d, %s: AppendDecompress(%s) = %x, %v, want %s", v.ID, v.Comment, v.Frame, got, err, v.Result)
		}
		return
	}
	if err != nil || !bytes.Equal(got, pkt) {
		t.Errorf("%d, %s: AppendDecompress(%s) = %x, %v, want %s", v.ID, v.Comment, v.Frame, got, err, v.Packet)
		return
	}
	checkExplain(t, frame, link, tab, opts, len(pkt))
	opts.ElideChecksum = slices.Contains(v.Flags, "ElideChecksum")
	if slices.Contains(v.Flags, "GHC") {
		opts.GHC = newGHC()
	}
	only := slices.Contains(v.Flags, "DecompressOnly")
	for _, p := range [][]byte{pkt, got} {
		c, err := AppendCompress(nil, p, link, tab, opts)
		if err != nil || !only && !bytes.Equal(c, frame) || only && bytes.Equal(c, frame) {
			t.Errorf("%d, %s: AppendCompress(%x) = %x, %v, want %s", v.ID, v.Comment, p, c, err, v.Frame)
		}
	}
}
