package run

import (
	"bytes"
	"encoding/hex"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/internal/safile"
	"github.com/schckit/schckit/vectors"
)

// dietClass returns the name of an error, "valid" for none.
func dietClass(err error) string {
	if err == nil {
		return "valid"
	}
	e, _ := err.(dietesp.Error)
	return e.Class()
}

// dietSA makes an SA whose last sequence number is seq; less than 0: that of the
// SA file.
func dietSA(sa []byte, seq int64) (*dietesp.SA, error) {
	f, err := safile.Load(append(append([]byte{'['}, sa...), ']'), "sa")
	if err != nil {
		return nil, err
	}
	a := f.SAs[0]
	attr, err := a.Attributes()
	if err != nil {
		return nil, err
	}
	c, err := a.Config()
	if err != nil {
		return nil, err
	}
	if seq >= 0 {
		c.Seq = uint64(seq)
	}
	suite, err := a.Suite()
	if err != nil {
		return nil, err
	}
	s := new(dietesp.SA)
	return s, s.Init(c, suite, attr, dietesp.Options{})
}

func (r *runner) dietFile(data []byte) {
	f, err := vectors.ParseDietESP(data)
	if err != nil {
		r.fail(0, "load", "%v", err)
		return
	}
	for i := range f.Groups {
		g := &f.Groups[i]
		in, err := dietSA(g.SA, -1)
		if err != nil {
			r.fail(0, "load", "group %d: %v", i+1, err)
			continue
		}
		for j := range g.Tests {
			t := &g.Tests[j]
			// The receiver gets all packets: later ones depend on them.
			before := len(r.failures)
			r.dietOpen(t, in)
			if !r.takes(t.ID, g.Source) {
				r.failures = r.failures[:before]
				continue
			}
			if t.Packet != "" {
				r.stats.Ways++
			}
			r.dietSeal(t, g.SA)
			r.dietClear(t, in)
			r.dietConvert(t, g.SA)
		}
	}
}

// dietOpen: the receiver opens the packet.
func (r *runner) dietOpen(t *vectors.DietESPTest, in *dietesp.SA) {
	if t.Packet == "" {
		return
	}
	pkt, _ := hex.DecodeString(t.Packet)
	inner, _ := hex.DecodeString(t.Inner)
	if t.Restored != "" {
		inner, _ = hex.DecodeString(t.Restored)
	}
	got, err := in.AppendOpen(nil, pkt)
	switch c := dietClass(err); {
	case c != t.Result:
		r.fail(t.ID, "open", "%s, want %s", c, t.Result)
	case err == nil && !bytes.Equal(got, inner):
		r.fail(t.ID, "open", "gives %x, want %x", got, inner)
	case err == nil && (in.Last().Seq != t.Seq || in.Last().Dummy != t.Has("Dummy")):
		r.fail(t.ID, "open", "sequence number %d, dummy %v, want %d", in.Last().Seq, in.Last().Dummy, t.Seq)
	}
}

// dietSeal: a sender whose last number is the one before makes the packet.
func (r *runner) dietSeal(t *vectors.DietESPTest, sa []byte) {
	only := t.Packet == ""
	if t.Inner == "" || t.Has("OpenOnly") {
		return
	}
	r.stats.Ways++
	inner, _ := hex.DecodeString(t.Inner)
	out, err := dietSA(sa, int64(t.Seq)-1)
	if err != nil {
		r.fail(t.ID, "seal", "%v", err)
		return
	}
	got, err := out.AppendSeal(nil, inner)
	if c := dietClass(err); only && c != t.Result || !only && c != "valid" {
		r.fail(t.ID, "seal", "%s", c)
	} else if !only && hex.EncodeToString(got) != t.Packet {
		r.fail(t.ID, "seal", "gives %x, want %s", got, t.Packet)
	}
}

// dietClear: what is encrypted is the clear text.
func (r *runner) dietClear(t *vectors.DietESPTest, in *dietesp.SA) {
	if t.Clear == "" {
		return
	}
	r.stats.Ways++
	pkt, _ := hex.DecodeString(t.Packet)
	h, err := dietesp.Locate(pkt, 0)
	if err != nil || len(pkt) < h.End()+in.HeaderLen() {
		r.fail(t.ID, "clear", "no Diet-ESP: %v", err)
		return
	}
	got, err := in.Suite().AppendOpen(nil, pkt[h.End()+in.HeaderLen():], in.SPI, t.Seq, in.ESN)
	if err != nil || hex.EncodeToString(got) != t.Clear {
		r.fail(t.ID, "clear", "is %x, %v, want %s", got, err, t.Clear)
	}
}

// dietConvert: the standard form becomes the packet and comes back.
func (r *runner) dietConvert(t *vectors.DietESPTest, sa []byte) {
	if t.Standard == "" {
		return
	}
	r.stats.Ways++
	standard, _ := hex.DecodeString(t.Standard)
	a, err := dietSA(sa, int64(t.Seq)-1)
	if err != nil {
		r.fail(t.ID, "convert", "%v", err)
		return
	}
	b, _ := dietSA(sa, int64(t.Seq)-1)
	diet, err := a.AppendCompress(nil, standard)
	if t.Packet == "" { // it stays as it is
		if c := dietClass(err); c != t.Result {
			r.fail(t.ID, "convert", "%s, want %s", c, t.Result)
		}
		return
	}
	if err != nil || hex.EncodeToString(diet) != t.Packet {
		r.fail(t.ID, "convert", "gives %x, %v, want %s", diet, err, t.Packet)
		return
	}
	if got, err := b.AppendDecompress(nil, diet); err != nil || !bytes.Equal(got, standard) {
		r.fail(t.ID, "convert", "comes back as %x, %v, want %s", got, err, t.Standard)
	}
}
