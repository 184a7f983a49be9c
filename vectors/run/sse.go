package run

import (
	"bytes"
	"crypto/aes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/schckit/schckit/gpcomp"
	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/sse"
	"github.com/schckit/schckit/vectors"
)

// sseClass returns the name of an error, "valid" for none.
func sseClass(err error) string {
	if err == nil {
		return "valid"
	}
	var e sse.Error
	errors.As(err, &e)
	return e.Class()
}

// sseConfig is the session of a group: what the receiver has in In, a sender has in
// Out.
func sseConfig(v *vectors.SSESession) (sse.Config, error) {
	var c sse.Config
	for _, f := range []sse.Format{sse.FormatCompact, sse.FormatLarge, sse.FormatExtreme} {
		if f.String() == v.Format {
			c.Format = f
		}
	}
	for s := sse.SuiteCCM8; s <= sse.SuiteGCM16; s++ {
		if s.String() == v.Suite {
			c.Suite = s
		}
	}
	if c.Format == 0 {
		return c, fmt.Errorf("unknown format %q", v.Format)
	}
	key, err := hex.DecodeString(v.Key)
	if err != nil {
		return c, err
	}
	c.In.SPI = v.SPI
	if c.In.Salt, err = hex.DecodeString(v.Salt); err != nil {
		return c, err
	}
	if c.In.Block, err = aes.NewCipher(key); err != nil {
		return c, err
	}
	c.LastSeq, c.Window, c.Trials, c.Dir = v.Seq, v.Window, v.Trials, schc.DirDown
	switch v.GPComp {
	case "":
	case "lzs":
		lzs := new(gpcomp.LZS)
		lzs.Reset(make([]uint16, gpcomp.LZSMem(4096)))
		c.CompressIn = &gpcomp.Association{Codec: lzs, Threshold: 1}
	default:
		return c, fmt.Errorf("unknown gpcomp %q", v.GPComp)
	}
	if h := v.Headers; h != nil {
		c.Headers = &sse.Compression{SPIBits: h.SPIBits, SNBits: h.SNBits, FlagC: h.FlagC, Stream: h.Stream}
	}
	return c, nil
}

func (r *runner) sseFile(data []byte) {
	f, err := vectors.ParseSSE(data)
	if err != nil {
		r.fail(0, "load", "%v", err)
		return
	}
	for i := range f.Groups {
		g := &f.Groups[i]
		c, err := sseConfig(&g.Session)
		var in sse.Session
		if err == nil {
			err = in.Reset(c)
		}
		if err != nil {
			r.fail(0, "load", "group %d: %v", i+1, err)
			continue
		}
		for j := range g.Tests {
			t := &g.Tests[j]
			// The receiver gets all packets: later ones depend on them.
			before := len(r.failures)
			r.sseOpen(t, &in, c.Headers != nil)
			if !r.takes(t.ID, g.Source) {
				r.failures = r.failures[:before]
				continue
			}
			if !t.Has("SealOnly") {
				r.stats.Ways++
			}
			r.sseSeal(t, c)
			r.sseHeader(t, c)
			r.sseSmall(t, c)
		}
	}
}

// sseOpen: the receiver opens the packet.
func (r *runner) sseOpen(t *vectors.SSETest, in *sse.Session, small bool) {
	if t.Has("SealOnly") {
		return
	}
	pkt, _ := hex.DecodeString(t.Packet)
	if small {
		pkt, _ = hex.DecodeString(t.Small)
	}
	got, err := in.AppendOpen(nil, pkt)
	switch c := sseClass(err); {
	case c != t.Result:
		r.fail(t.ID, "open", "%s, want %s", c, t.Result)
	case err == nil && hex.EncodeToString(got) != t.Payload:
		r.fail(t.ID, "open", "gives %x, want %s", got, t.Payload)
	case err == nil && in.Opened().Seq != t.Seq:
		r.fail(t.ID, "open", "Sequence Number %d, want %d", in.Opened().Seq, t.Seq)
	}
}

// sseSeal: a sender whose next number is seq makes the packet.
func (r *runner) sseSeal(t *vectors.SSETest, c sse.Config) {
	only := t.Has("SealOnly")
	if !only && !t.Has("Seal") {
		return
	}
	r.stats.Ways++
	payload, _ := hex.DecodeString(t.Payload)
	c.Out, c.In, c.NextSeq, c.Dir = c.In, sse.Key{}, t.Seq, schc.DirUp
	c.CompressOut, c.CompressIn, c.LastSeq = c.CompressIn, nil, 0
	used := c.NextSeq > c.Format.MaxSeq() // all numbers, that is
	if used {
		c.NextSeq = c.Format.MaxSeq()
	}
	var out sse.Session
	if err := out.Reset(c); err != nil {
		r.fail(t.ID, "seal", "%v", err)
		return
	}
	if used {
		if _, err := out.AppendSeal(nil, nil); err != nil {
			r.fail(t.ID, "seal", "the last number: %v", err)
		}
	}
	got, err := out.AppendSeal(nil, payload)
	want := t.Packet
	if c.Headers != nil {
		want = t.Small
	}
	if e := sseClass(err); only && e != t.Result || !only && e != "valid" {
		r.fail(t.ID, "seal", "%s", e)
	} else if !only && hex.EncodeToString(got) != want {
		r.fail(t.ID, "seal", "gives %x, want %s", got, want)
	}
}

// sseHeader: the header reads as it was written, and the nonce is that of the number.
func (r *runner) sseHeader(t *vectors.SSETest, c sse.Config) {
	if t.Header == "" {
		return
	}
	r.stats.Ways++
	head, _ := hex.DecodeString(t.Header)
	h, err := sse.ParseHeader(c.Format, head)
	if err != nil || h.Seq != t.Seq || t.Result == "valid" && h.SPI != c.Format.TruncateSPI(c.In.SPI) {
		r.fail(t.ID, "header", "%+v, %v", h, err)
		return
	}
	if again, err := sse.AppendHeader(nil, c.Format, h); err != nil || !bytes.Equal(again, head) {
		r.fail(t.ID, "header", "gives %x, %v, want %x", again, err, head)
	}
	if t.Packet != "" && !strings.HasPrefix(t.Packet, t.Header) {
		r.fail(t.ID, "header", "%s is not that of the packet", t.Header)
	}
	if nonce := fmt.Sprintf("%x%016x", c.In.Salt, t.Seq); t.Nonce != "" && nonce != t.Nonce {
		r.fail(t.ID, "nonce", "%s, want %s", t.Nonce, nonce)
	}
}

// sseSmall: the header is compressed and restored, without keys.
func (r *runner) sseSmall(t *vectors.SSETest, c sse.Config) {
	if c.Headers == nil || t.Packet == "" || t.Small == "" {
		return
	}
	r.stats.Ways += 2
	ctx, err := c.Headers.NewContext(c.Format.TruncateSPI(c.In.SPI), 0)
	var out, in sse.Headers
	if err == nil {
		err = errors.Join(out.Reset(ctx, *c.Headers, c.Suite, schc.DirUp), in.Reset(ctx, *c.Headers, c.Suite, schc.DirDown))
	}
	if err != nil {
		r.fail(t.ID, "compress", "%v", err)
		return
	}
	pkt, _ := hex.DecodeString(t.Packet)
	small, err := out.AppendCompress(nil, pkt)
	if err != nil || hex.EncodeToString(small) != t.Small {
		r.fail(t.ID, "compress", "gives %x, %v, want %s", small, err, t.Small)
		return
	}
	if again, err := in.AppendDecompress(nil, small, t.Seq-1); err != nil || !bytes.Equal(again, pkt) {
		r.fail(t.ID, "decompress", "gives %x, %v, want %x", again, err, pkt)
	}
}

func (r *runner) sseNegotiateFile(data []byte) {
	f, err := vectors.ParseSSENegotiate(data)
	if err != nil {
		r.fail(0, "load", "%v", err)
		return
	}
	for i := range f.Groups {
		g := &f.Groups[i]
		for j := range g.Tests {
			t := &g.Tests[j]
			if !r.takes(t.ID, g.Source) {
				continue
			}
			r.stats.Ways++
			r.sseNegotiate(t, g.Coding == "ike")
		}
	}
}

func sseParse(message string, ike bool) (p sse.Proposal, num uint8, err error) {
	b, _ := hex.DecodeString(message)
	if ike {
		return sse.ParseIKE(b, sse.IKENumbers{})
	}
	p, err = sse.ParseHIP(b, sse.HIPTypes{})
	return p, 0, err
}

func sseAppend(p sse.Proposal, num uint8, offer, ike bool) (string, error) {
	var b []byte
	var err error
	if ike {
		b, err = sse.AppendIKE(nil, num, p, offer, sse.IKENumbers{})
	} else {
		b, err = sse.AppendHIP(nil, p, sse.HIPTypes{})
	}
	return hex.EncodeToString(b), err
}

func (r *runner) sseNegotiate(t *vectors.SSENegotiateTest, ike bool) {
	p, num, err := sseParse(t.Message, ike)
	if t.Policy == nil || err != nil {
		if c := sseClass(err); c != t.Result {
			r.fail(t.ID, "parse", "%s, want %s", c, t.Result)
		}
	}
	if err != nil {
		return
	}
	if t.Proposal != nil {
		r.stats.Ways++
		if got := sseProposal(&p); !reflect.DeepEqual(got, *t.Proposal) {
			r.fail(t.ID, "parse", "%+v, want %+v", got, *t.Proposal)
		}
	}
	if t.Has("Exact") {
		r.stats.Ways++
		if got, err := sseAppend(p, num, len(p.Suites) > 1, ike); err != nil || got != t.Message {
			r.fail(t.ID, "append", "%s, %v, want %s", got, err, t.Message)
		}
	}
	if t.Policy == nil {
		return
	}
	r.stats.Ways++
	policy := ssePolicy(t.Policy)
	var no *sse.NegotiationError
	if t.Offer != "" {
		offer, _, err := sseParse(t.Offer, ike)
		if err == nil {
			_, err = sse.Accept(offer, p, policy)
		}
		errors.As(err, &no)
		r.sseRefused(t, "accept", err, no)
		return
	}
	answer, _, err := sse.Select(p, policy)
	errors.As(err, &no)
	if !r.sseRefused(t, "select", err, no) {
		return
	}
	got, err := sseAppend(answer, num, false, ike)
	if err != nil || got != t.Answer {
		r.fail(t.ID, "select", "%s, %v, want %s", got, err, t.Answer)
	}
}

// sseRefused checks the outcome of a negotiation, and reports whether there is one.
func (r *runner) sseRefused(t *vectors.SSENegotiateTest, way string, err error, no *sse.NegotiationError) bool {
	notify := uint16(0)
	if no != nil {
		notify = uint16(no.Notify)
	}
	if c := sseClass(err); c != t.Result || notify != t.Notify {
		r.fail(t.ID, way, "%s, notify %d, want %s, %d", c, notify, t.Result, t.Notify)
	}
	return err == nil
}

func sseProposal(p *sse.Proposal) vectors.SSEProposal {
	v := vectors.SSEProposal{SPI: p.SPI, OldSPI: p.OldSPI, KeymatIndex: p.KeymatIndex, KeyBits: p.KeyBits, CPI: uint16(p.CPI)}
	for _, x := range p.Suites {
		v.Suites = append(v.Suites, uint16(x))
	}
	for _, x := range p.Formats {
		v.Formats = append(v.Formats, uint8(x))
	}
	for _, x := range p.Comps {
		v.Comps = append(v.Comps, uint8(x))
	}
	for _, x := range p.Widths {
		v.Widths = append(v.Widths, [2]uint8{x.SPIBits, x.SNBits})
	}
	return v
}

func ssePolicy(v *vectors.SSEPolicy) sse.Policy {
	p := sse.Policy{SPI: v.SPI, KeyBits: v.KeyBits, CPI: gpcomp.CPI(v.CPI)}
	for _, x := range v.Suites {
		p.Suites = append(p.Suites, sse.Suite(x))
	}
	for _, x := range v.Formats {
		p.Formats = append(p.Formats, sse.Format(x))
	}
	for _, x := range v.Comps {
		p.Comps = append(p.Comps, gpcomp.TransformID(x))
	}
	for _, x := range v.Widths {
		p.Widths = append(p.Widths, sse.Widths{SPIBits: x[0], SNBits: x[1]})
	}
	return p
}
