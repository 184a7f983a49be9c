package run

import (
	"encoding/hex"
	"fmt"

	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/vectors"
)

// compressTest runs one vector four ways.
type compressTest struct {
	*runner
	t   *vectors.Test
	ctx *schc.Context
	in  schc.Inputs
	dir schc.Direction
}

func (c *compressTest) failf(way, format string, args ...any) {
	text := fmt.Sprintf("%s: "+format, append([]any{c.t.Comment}, args...)...)
	if len(text) > 2000 {
		text = text[:2000] + "..."
	}
	c.fail(c.t.ID, way, "%s", text)
}

func (c *compressTest) run() {
	c.dir = schc.DirUp
	if c.t.Dir == "down" {
		c.dir = schc.DirDown
	}
	pkt, _ := hex.DecodeString(c.t.Packet)
	msg, _ := hex.DecodeString(c.t.SCHC)
	good := c.t.Result == "valid" || c.t.Result == "acceptable"
	if c.t.Packet != "" && !c.t.Has("DecompressOnly") {
		c.compress("compress", pkt, good)
		c.explain(pkt, good)
	}
	if c.t.SCHC != "" {
		c.decompress(msg, good)
	}
}

func (c *compressTest) compress(way string, pkt []byte, good bool) {
	c.stats.Ways++
	var comp schc.Compressor
	comp.Reset(c.ctx)
	comp.SetInputs(c.in)
	got, id, err := comp.AppendCompress(nil, pkt, c.dir)
	if !good {
		if class(err) != c.t.Result {
			c.failf(way, "AppendCompress(%x) = %x, %v, %s, want %s", pkt, got, id, class(err), c.t.Result)
		}
		return
	}
	if err != nil && c.t.Result == "acceptable" {
		c.stats.Acceptable++
		return
	}
	if err != nil {
		c.failf(way, "AppendCompress(%x) = %v, want %s, rule %s", pkt, err, c.t.SCHC, c.t.Rule)
		return
	}
	last := comp.Last()
	if hex.EncodeToString(got) != c.t.SCHC || id.String() != c.t.Rule || last.Bits != c.t.Bits {
		c.failf(way, "AppendCompress(%x) = %x, %d bits, rule %v, want %s, %d bits, rule %s", pkt, got, last.Bits, id, c.t.SCHC, c.t.Bits, c.t.Rule)
	}
	if lossy := c.t.Restored != "" && way == "compress"; last.Lossy != lossy {
		c.failf(way, "AppendCompress(%x): lossy is %v, want %v", pkt, last.Lossy, lossy)
	}
}

func (c *compressTest) decompress(msg []byte, good bool) {
	c.stats.Ways++
	var d schc.Decompressor
	d.Reset(c.ctx)
	d.SetInputs(c.in)
	got, id, err := d.AppendDecompress(nil, msg, c.dir)
	if !good {
		if class(err) != c.t.Result {
			c.failf("decompress", "AppendDecompress(%x) = %x, %v, %s, want %s", msg, got, id, class(err), c.t.Result)
		}
		return
	}
	if err != nil && c.t.Result == "acceptable" {
		c.stats.Acceptable++
		return
	}
	want := c.t.Packet
	if c.t.Restored != "" {
		want = c.t.Restored
	}
	if err != nil || hex.EncodeToString(got) != want || id.String() != c.t.Rule {
		c.failf("decompress", "AppendDecompress(%x) = %x, %v, %v, want %s, rule %s", msg, got, id, err, want, c.t.Rule)
		return
	}
	if c.t.Bits > 0 {
		if exact, _, err := d.AppendDecompressBits(nil, msg, c.t.Bits, c.dir); err != nil || string(exact) != string(got) {
			c.failf("decompress", "AppendDecompressBits(%x, %d) = %x, %v, want %s", msg, c.t.Bits, exact, err, want)
		}
	}
	if !c.t.Has("DecompressOnly") && !c.t.Has("OtherRule") {
		c.compress("recompress", got, true)
	}
}

// explain checks that the explanation agrees: the Rule, the bits, and the
// residue of each field.
func (c *compressTest) explain(pkt []byte, good bool) {
	c.stats.Ways++
	e := c.ctx.Explain(pkt, c.dir, c.in)
	if !good {
		if class(e.Err) != c.t.Result {
			c.failf("explain", "Explain(%x): %s, want %s", pkt, class(e.Err), c.t.Result)
		}
		for _, r := range e.Rules {
			if r.Chosen || r.Reason == "" {
				c.failf("explain", "Explain(%x): rule %v: chosen %v, reason %q", pkt, r.ID, r.Chosen, r.Reason)
			}
		}
		return
	}
	if e.Err != nil {
		if c.t.Result != "acceptable" {
			c.failf("explain", "Explain(%x): %v", pkt, e.Err)
		}
		return
	}
	payload := 8 * (len(pkt) - e.HeaderBytes)
	residue := 0
	var list []string
	for _, f := range e.Fields {
		residue += f.ResidueBits
		if f.ResidueBits > 0 {
			list = append(list, fmt.Sprintf("%v %s", f.FID, bitString(f.Residue, f.ResidueBits)))
		}
	}
	if e.Nature == schc.NatureNoCompression {
		payload = 8 * len(pkt)
	}
	if e.ID.String() != c.t.Rule || e.Bits != c.t.Bits || int(e.ID.Bits)+residue+payload != e.Bits {
		c.failf("explain", "Explain(%x): rule %v, %d + %d + %d = %d bits, want rule %s, %d bits", pkt, e.ID, e.ID.Bits, residue, payload, e.Bits, c.t.Rule, c.t.Bits)
	}
	if c.t.Has("NoResidue") {
		list = nil
	}
	for i, want := range c.t.Residue {
		field, bits, _ := vectors.ParseResidue(want)
		if i >= len(list) || list[i] != field+" "+bits {
			c.failf("explain", "Explain(%x): residues %q, want %q", pkt, list, c.t.Residue)
			return
		}
	}
	if len(list) != len(c.t.Residue) {
		c.failf("explain", "Explain(%x): residues %q, want %q", pkt, list, c.t.Residue)
	}
	for _, r := range e.Rules {
		if r.Chosen != (r.ID == e.ID) || !r.Chosen && r.Reason == "" {
			c.failf("explain", "Explain(%x): rule %v: chosen %v, reason %q", pkt, r.ID, r.Chosen, r.Reason)
		}
	}
}

func bitString(b []byte, n int) string {
	s := make([]byte, n)
	for i := range s {
		s[i] = '0' + b[i/8]>>(7-i%8)&1
	}
	return string(s)
}
