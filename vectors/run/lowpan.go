package run

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/schckit/schckit/internal/lowcap"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/lowpan"
	"github.com/schckit/schckit/vectors"
)

// maxPayload is the longest payload of GHC vectors.
const maxPayload = 2000

func newGHC() *lowpan.GHC {
	g := new(lowpan.GHC)
	g.Reset(make([]uint16, lowpan.GHCMemPerByte*maxPayload+lowpan.GHCMemFixed))
	return g
}

// lowpanClass returns the name of an error, "valid" for none.
func lowpanClass(err error) string {
	if err == nil {
		return "valid"
	}
	e, _ := err.(lowpan.Error)
	return e.Class()
}

// table makes the contexts of a group.
func table(contexts map[string]string) (*lowpan.Table, error) {
	tab := new(lowpan.Table)
	for cid, text := range contexts {
		text, only := strings.CutSuffix(text, ",decompress-only")
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, err
		}
		i, err := strconv.Atoi(cid)
		if err != nil {
			return nil, err
		}
		if err := tab.Set(i, lowpan.Context{Prefix: p.Addr().As16(), PrefixLen: uint8(p.Bits()), Compress: !only}); err != nil {
			return nil, fmt.Errorf("context %s: %w", cid, err)
		}
	}
	return tab, nil
}

func (r *runner) iphcFile(data []byte) {
	f, err := vectors.ParseIPHC(data)
	if err != nil {
		r.fail(0, "load", "%v", err)
		return
	}
	ghc := newGHC()
	for i := range f.Groups {
		g := &f.Groups[i]
		tab, err := table(g.Contexts)
		if err != nil {
			r.fail(0, "load", "group %d: %v", i+1, err)
			continue
		}
		for j := range g.Tests {
			if t := &g.Tests[j]; r.takes(t.ID, g.Source) {
				r.iphc(t, tab, ghc)
			}
		}
	}
}

// iphc runs one test: decompress, compress, and compress again what came out.
func (r *runner) iphc(t *vectors.IPHCTest, tab *lowpan.Table, ghc *lowpan.GHC) {
	var l lowpan.Link
	for _, a := range []struct {
		addr *lowpan.Addr
		text string
	}{{&l.Src, t.Src}, {&l.Dst, t.Dst}} {
		b, _ := hex.DecodeString(a.text)
		var err error
		if *a.addr, err = lowpan.ParseAddr(b); err != nil {
			r.fail(t.ID, "load", "%s is no link-layer address", a.text)
			return
		}
	}
	frame, _ := hex.DecodeString(t.Frame)
	pkt, _ := hex.DecodeString(t.Packet)
	r.stats.Ways++
	opts := lowpan.Options{LinkIID: slices.Contains(t.Flags, "LinkIID"), StripRouting: slices.Contains(t.Flags, "StripRouting")}
	got, err := lowpan.AppendDecompress(nil, frame, l, tab, opts)
	if lowpanClass(err) != t.Result || err == nil && !bytes.Equal(got, pkt) {
		r.fail(t.ID, "decompress", "%x, %v, want %s, %s", got, err, t.Packet, t.Result)
		return
	}
	if err != nil || slices.Contains(t.Flags, "DecompressOnly") {
		return
	}
	opts.ElideChecksum = slices.Contains(t.Flags, "ElideChecksum")
	if slices.Contains(t.Flags, "GHC") {
		opts.GHC = ghc
	}
	for _, way := range []struct {
		name string
		pkt  []byte
	}{{"compress", pkt}, {"recompress", got}} {
		r.stats.Ways++
		if c, err := lowpan.AppendCompress(nil, way.pkt, l, tab, opts); err != nil || !bytes.Equal(c, frame) {
			r.fail(t.ID, way.name, "%x, %v, want %s", c, err, t.Frame)
		}
	}
}

func (r *runner) receiveFile(data []byte) {
	f, err := vectors.ParseReceive(data)
	if err != nil {
		r.fail(0, "load", "%v", err)
		return
	}
	for i := range f.Groups {
		g := &f.Groups[i]
		tab, err := table(g.Contexts)
		if err != nil {
			r.fail(0, "load", "group %d: %v", i+1, err)
			continue
		}
		for j := range g.Tests {
			if t := &g.Tests[j]; r.takes(t.ID, g.Source) {
				r.receive(t, tab)
			}
		}
	}
}

// receive runs one test.
func (r *runner) receive(t *vectors.ReceiveTest, tab *lowpan.Table) {
	r.stats.Ways++
	recv := lowcap.Receiver{Table: tab}
	for i, x := range t.Frames {
		b, _ := hex.DecodeString(x.Frame)
		p := pcapio.Packet{Data: b, OrigLen: uint32(len(b)), Ticks: x.Ms, Interface: &pcapio.Interface{LinkType: pcapio.LinkType(x.Link), Resolution: 3}}
		f := recv.Locate(&p)
		result, pkt := "", []byte(nil)
		switch f.Status {
		case lowcap.LoWPAN:
			var err error
			if pkt, _, err = recv.Packet(&p, &f); err != nil {
				result = lowpanClass(err)
			} else if result = "part"; pkt != nil {
				result = "packet"
			}
		case lowcap.BadFrame:
			result = lowpanClass(f.Err)
		case lowcap.Part:
			result = "part"
		case lowcap.NoPayload:
			result = "no-payload"
		case lowcap.NotIPv6:
			result = "not-ipv6"
		case lowcap.Encrypted:
			result = "encrypted"
		case lowcap.OtherLink:
			result = "other-link"
		}
		if got := hex.EncodeToString(pkt); result != x.Result || got != x.Packet {
			r.fail(t.ID, "receive", "frame %d: %s, %s, want %s, %s", i+1, result, got, x.Result, x.Packet)
			return
		}
	}
}

func (r *runner) ghcFile(data []byte) {
	f, err := vectors.ParseGHC(data)
	if err != nil {
		r.fail(0, "load", "%v", err)
		return
	}
	ghc := newGHC()
	for i := range f.Groups {
		g := &f.Groups[i]
		for j := range g.Tests {
			if t := &g.Tests[j]; r.takes(t.ID, g.Source) {
				r.ghc(t, ghc)
			}
		}
	}
}

// ghc runs one test: decompress, and compress to no more bytes.
func (r *runner) ghc(t *vectors.GHCTest, ghc *lowpan.GHC) {
	src, _ := hex.DecodeString(t.Src)
	dst, _ := hex.DecodeString(t.Dst)
	code, _ := hex.DecodeString(t.Code)
	payload, _ := hex.DecodeString(t.Payload)
	r.stats.Ways++
	got, err := lowpan.AppendUnGHC(nil, code, [16]byte(src), [16]byte(dst), maxPayload)
	if lowpanClass(err) != t.Result || err == nil && !bytes.Equal(got, payload) {
		r.fail(t.ID, "decompress", "%x, %v, want %s, %s", got, err, t.Payload, t.Result)
		return
	}
	if err != nil {
		return
	}
	r.stats.Ways++
	c, err := lowpan.AppendGHC(nil, payload, [16]byte(src), [16]byte(dst), ghc)
	if err != nil || len(c) > len(code) {
		r.fail(t.ID, "compress", "%x, %v, want no more bytes than %s", c, err, t.Code)
		return
	}
	if back, err := lowpan.AppendUnGHC(nil, c, [16]byte(src), [16]byte(dst), maxPayload); err != nil || !bytes.Equal(back, payload) {
		r.fail(t.ID, "compress", "%x comes back as %x, %v", c, back, err)
	}
}
