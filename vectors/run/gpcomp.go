package run

import (
	"bytes"
	"encoding/hex"

	"github.com/schckit/schckit/gpcomp"
	"github.com/schckit/schckit/gpcomp/deflate"
	"github.com/schckit/schckit/vectors"
)

// gpcompClass returns the name of an error, "valid" for none.
func gpcompClass(err error) string {
	if err == nil {
		return "valid"
	}
	e, _ := err.(gpcomp.Error)
	return e.Class()
}

// gpcompCodec makes a codec, nil for an unknown name. shortest says that its codes are
// not longer than those of the vectors.
func gpcompCodec(name string) (c gpcomp.Codec, shortest bool) {
	switch name {
	case "lzs":
		z := new(gpcomp.LZS)
		z.Reset(make([]uint16, gpcomp.LZSMem(4096)))
		return z, true
	case "ghc":
		g := new(gpcomp.GHC)
		g.Reset(make([]uint16, gpcomp.GHCMem(500)))
		return g, true
	case "deflate":
		return new(deflate.Codec), false
	case "iot-1":
		if d, err := deflate.NewDict(1); err == nil {
			return d, false
		}
	}
	return nil, false
}

// gpcompGroup runs the tests of one association.
type gpcompGroup struct {
	*runner
	g        *vectors.GPCompGroup
	a        gpcomp.Association
	shortest bool
}

func (r *runner) gpcompFile(data []byte) {
	f, err := vectors.ParseGPComp(data)
	if err != nil {
		r.fail(0, "load", "%v", err)
		return
	}
	for i := range f.Groups {
		g := &f.Groups[i]
		x := gpcompGroup{runner: r, g: g, a: gpcomp.Association{CPI: gpcomp.CPI(g.CPI), NextHeader: g.NextHeader, Threshold: g.Threshold,
			MaxLen: g.MaxLen, Escape: g.Escape, Backoff: gpcomp.Backoff{Off: g.Backoff == nil}}}
		if b := g.Backoff; b != nil {
			x.a.Backoff = gpcomp.Backoff{Fails: b.Fails, Skip: b.Skip, Retries: b.Retries, Step: b.Step, MaxSkip: b.MaxSkip}
		}
		x.a.Codec, x.shortest = gpcompCodec(g.Codec)
		if err := x.a.Check(); err != nil {
			r.fail(0, "load", "group %d: %v", i+1, err)
			continue
		}
		for j := range g.Tests {
			t := &g.Tests[j]
			// The sender gets all payloads: later decisions depend on them.
			failures, ways := len(r.failures), r.stats.Ways
			x.test(t)
			if !r.takes(t.ID, g.Source) {
				r.failures, r.stats.Ways = r.failures[:failures], ways
			}
		}
	}
}

func (x *gpcompGroup) test(t *vectors.GPCompTest) {
	payload, _ := hex.DecodeString(t.Payload)
	sent, _ := hex.DecodeString(t.Sent)
	switch x.g.Form {
	case "header":
		x.header(t, sent)
	case "codec":
		x.codec(t, payload, sent)
	default:
		if !t.Has("ReceiveOnly") {
			x.send(t, payload, sent)
		}
		if !t.Has("SendOnly") && (t.Compressed || t.Result != "valid") {
			x.receive(t, payload, sent)
		}
	}
}

// header: read, and written again.
func (x *gpcompGroup) header(t *vectors.GPCompTest, sent []byte) {
	x.stats.Ways++
	h, err := gpcomp.ParseHeader(sent)
	if gpcompClass(err) != t.Result || h.NextHeader != t.NextHeader || uint16(h.CPI) != t.CPI {
		x.fail(t.ID, "parse", "%+v, %v, want %s", h, err, t.Result)
		return
	}
	if err != nil || t.Has("ReceiveOnly") {
		return
	}
	x.stats.Ways++
	if got := h.AppendTo(nil); !bytes.Equal(got, sent) {
		x.fail(t.ID, "write", "%x, want %s", got, t.Sent)
	}
}

// codec: decompress, compress, and decompress that.
func (x *gpcompGroup) codec(t *vectors.GPCompTest, payload, code []byte) {
	x.stats.Ways++
	got, err := x.a.AppendDecompress(nil, code, true)
	if gpcompClass(err) != t.Result || err == nil && !bytes.Equal(got, payload) {
		x.fail(t.ID, "decompress", "%x, %v, want %s, %s", got, err, t.Payload, t.Result)
		return
	}
	if err != nil || t.Has("ReceiveOnly") {
		return
	}
	x.stats.Ways += 2
	limit := x.a.Codec.MaxCompressedLen(len(payload))
	if x.shortest {
		limit = len(code)
	}
	again, err := x.a.Codec.AppendCompress(nil, payload, limit)
	if err != nil {
		x.fail(t.ID, "compress", "%v, want no more than %d bytes", err, limit)
		return
	}
	if back, err := x.a.AppendDecompress(nil, again, true); err != nil || !bytes.Equal(back, payload) {
		x.fail(t.ID, "again", "%x, %v, want %s", back, err, t.Payload)
	}
}

// send: the sender's decision, and what it sends.
func (x *gpcompGroup) send(t *vectors.GPCompTest, payload, sent []byte) {
	x.stats.Ways++
	var got []byte
	var ok bool
	var err error
	switch x.g.Form {
	case "implied":
		got, ok = x.a.AppendCompress(nil, payload)
	case "explicit":
		got, ok = x.a.AppendCompressHeader(nil, x.g.NextHeader, payload)
	case "unmarked":
		got, ok, err = x.a.AppendCompressUnmarked(nil, payload)
	case "ip":
		got, ok = x.a.AppendCompressIP(nil, payload)
	}
	switch {
	case gpcompClass(err) != t.Result:
		x.fail(t.ID, "send", "%v, want %s", err, t.Result)
	case err != nil:
	case ok != t.Compressed:
		x.fail(t.ID, "send", "compressed: %v, want %v", ok, t.Compressed)
	case !ok && !bytes.Equal(got, sent), ok && x.shortest && len(got) > len(sent):
		x.fail(t.ID, "send", "%x, want %s", got, t.Sent)
	}
}

// receive: what is restored.
func (x *gpcompGroup) receive(t *vectors.GPCompTest, payload, sent []byte) {
	x.stats.Ways++
	var got []byte
	var err error
	next, was := x.g.NextHeader, true
	switch x.g.Form {
	case "implied":
		got, err = x.a.AppendDecompress(nil, sent, true)
	case "explicit":
		got, next, err = x.a.AppendDecompressHeader(nil, sent)
	case "unmarked":
		got, was, err = x.a.AppendDecompressUnmarked(nil, sent)
	case "ip":
		got, err = x.a.AppendDecompressIP(nil, sent)
	}
	if gpcompClass(err) != t.Result || err == nil && (!bytes.Equal(got, payload) || next != x.g.NextHeader || !was) {
		x.fail(t.ID, "receive", "%x, Next Header %d, %v, want %s, %s", got, next, err, t.Payload, t.Result)
	}
}
