package run

import (
	"bytes"
	"encoding/hex"
	"net/netip"

	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/vectors"
)

// espClass returns the name of an error, "valid" for none.
func espClass(err error) string {
	if err == nil {
		return "valid"
	}
	e, _ := err.(esp.Error)
	return e.Class()
}

// espSA makes an SA whose last sequence number is seq.
func espSA(v *vectors.ESPSA, seq uint64) (*esp.SA, error) {
	alg, err := esp.ParseAlgorithm(v.Encr, v.Auth)
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(v.Key)
	if err != nil {
		return nil, err
	}
	authKey, err := hex.DecodeString(v.AuthKey)
	if err != nil {
		return nil, err
	}
	suite := new(esp.Suite)
	if err := suite.Init(alg, key, authKey); err != nil {
		return nil, err
	}
	c := esp.Config{SPI: v.SPI, Mode: esp.ModeTunnel, ESN: v.ESN, Seq: seq, Window: v.Window, MaxPackets: v.MaxPackets, MaxBytes: v.MaxBytes}
	if v.Mode == esp.ModeTransport.String() {
		c.Mode = esp.ModeTransport
	}
	if v.UDPEncap {
		c.SrcPort, c.DstPort = esp.Port, esp.Port
	}
	for _, a := range []struct {
		text string
		addr *esp.Addr
	}{{v.Src, &c.Src}, {v.Dst, &c.Dst}} {
		if a.text == "" {
			continue
		}
		ip, err := netip.ParseAddr(a.text)
		if err != nil {
			return nil, err
		}
		*a.addr = esp.AddrFromSlice(ip.AsSlice())
	}
	s := new(esp.SA)
	return s, s.Init(c, suite)
}

func (r *runner) espFile(data []byte) {
	f, err := vectors.ParseESP(data)
	if err != nil {
		r.fail(0, "load", "%v", err)
		return
	}
	for i := range f.Groups {
		g := &f.Groups[i]
		in, err := espSA(&g.SA, g.SA.Seq)
		if err != nil {
			r.fail(0, "load", "group %d: %v", i+1, err)
			continue
		}
		for j := range g.Tests {
			t := &g.Tests[j]
			// The receiver gets all packets: later ones depend on them.
			before := len(r.failures)
			r.espOpen(t, in)
			if !r.takes(t.ID, g.Source) {
				r.failures = r.failures[:before]
				continue
			}
			if t.Packet != "" {
				r.stats.Ways++
			}
			r.espSeal(t, &g.SA)
			r.espAgain(t, in)
		}
	}
}

// espOpen: the receiver opens the packet.
func (r *runner) espOpen(t *vectors.ESPTest, in *esp.SA) {
	if t.Packet == "" {
		return
	}
	pkt, _ := hex.DecodeString(t.Packet)
	inner, _ := hex.DecodeString(t.Inner)
	got, err := in.AppendOpen(nil, pkt)
	switch c := espClass(err); {
	case c != t.Result:
		r.fail(t.ID, "open", "%s, want %s", c, t.Result)
	case err == nil && !bytes.Equal(got, inner):
		r.fail(t.ID, "open", "gives %x, want %x", got, inner)
	case err == nil && (in.Last().Seq != t.Seq || in.Last().Dummy != t.Has("Dummy")):
		r.fail(t.ID, "open", "sequence number %d, dummy %v, want %d", in.Last().Seq, in.Last().Dummy, t.Seq)
	}
}

// espSeal: a sender whose last number is the one before makes the packet.
func (r *runner) espSeal(t *vectors.ESPTest, v *vectors.ESPSA) {
	only := t.Has("SealOnly")
	if !only && !t.Has("Seal") {
		return
	}
	r.stats.Ways++
	inner, _ := hex.DecodeString(t.Inner)
	out, err := espSA(v, t.Seq-1)
	if err != nil {
		r.fail(t.ID, "seal", "%v", err)
		return
	}
	got, err := out.AppendSeal(nil, inner)
	if c := espClass(err); only && c != t.Result || !only && c != "valid" {
		r.fail(t.ID, "seal", "%s", c)
	} else if !only && hex.EncodeToString(got) != t.Packet {
		r.fail(t.ID, "seal", "gives %x, want %s", got, t.Packet)
	}
}

// espAgain: the plaintext under the same IV and number is the same body again.
func (r *runner) espAgain(t *vectors.ESPTest, in *esp.SA) {
	if t.Result != "valid" || t.Packet == "" {
		return
	}
	r.stats.Ways++
	pkt, _ := hex.DecodeString(t.Packet)
	if t.Offset < 20 || t.Offset+8 > len(pkt) {
		r.fail(t.ID, "again", "no offset")
		return
	}
	body := pkt[t.Offset+8:]
	s := in.Suite()
	plain, err := s.AppendOpen(nil, body, in.SPI, t.Seq, in.ESN)
	if err != nil {
		r.fail(t.ID, "again", "%v", err)
		return
	}
	again := make([]byte, len(body))
	copy(again[copy(again, body[:s.IVLen()]):], plain)
	if err := s.Seal(again, in.SPI, t.Seq, in.ESN); err != nil || !bytes.Equal(again, body) {
		r.fail(t.ID, "again", "gives %x, %v, want %x", again, err, body)
	}
}
