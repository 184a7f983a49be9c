package lowpan

import "encoding/binary"

// Part is one field of a frame payload, or a field of the packet that the
// frame payload leaves out.
type Part struct {
	Name    string // as "ipv6.src" or "iphc.sam"
	Form    string // how it is coded
	OffBits uint32 // in the frame payload
	LenBits uint32 // in the frame payload; 0 if elided
	InBits  uint32 // bits of the IPv6 packet that it stands for
}

// Explain lists what a frame payload consists of, in its order. The LenBits
// add up to the length of the frame payload, the InBits to that of the IPv6
// packet (of a first fragment: to what it holds of it; of others, to their
// payload). A SCHC packet and other foreign content is one part without InBits.
//
// Explain is for people and tools: unlike the rest of the package it allocates.
// Errors are those of AppendDecompress, but for ErrUnsupported and
// ErrIncomplete.
func Explain(frame []byte, link Link, tab *Table, opts Options) ([]Part, error) {
	h, e := parseHeaders(frame, opts.SCHCDispatch)
	if e != 0 {
		return nil, e
	}
	x := explainer{frame: frame}
	x.stack(&h)
	switch h.Kind {
	case KindFragment:
		x.add("fragment", "uncompressed", len(h.Payload)*8, len(h.Payload)*8)
	case KindIPv6:
		if e := checkIPv6(h.Payload[1:]); e != 0 && (h.Fragment.Kind == FragmentNone || e != ErrTruncated) {
			return nil, e
		}
		x.add("dispatch", "uncompressed IPv6", 8, 0)
		x.add("packet", "as it is", (len(h.Payload)-1)*8, (len(h.Payload)-1)*8)
	case KindIPHC:
		payload, e := h.datagram(&link, true)
		if e != 0 {
			return nil, e
		}
		size := -1
		if h.Fragment.Kind == FragmentFirst {
			size = int(h.Fragment.Size)
		}
		u := unpacker{tab: tab, link: link.iids(), linkIID: opts.LinkIID}
		x.pkt, e = u.unpack(nil, payload, size, opts.maxLen(), opts.maxHeaders())
		if e != 0 {
			return nil, e
		}
		x.iphc()
	default:
		x.add("content", h.Kind.String(), len(h.Payload)*8, 0)
	}
	return x.parts, nil
}

// explainer walks along a frame payload that was found to be in order, and
// along the packet that came out of it.
type explainer struct {
	frame []byte
	at    int // bits of frame explained
	pkt   []byte
	in    int // bytes of pkt whose headers are explained
	parts []Part
}

func (x *explainer) add(name, form string, bits, in int) {
	x.parts = append(x.parts, Part{name, form, uint32(x.at), uint32(bits), uint32(in)})
	x.at += bits
}

// byte is the next byte of the frame.
func (x *explainer) byte() byte { return x.frame[x.at/8] }

// stack explains the headers in front.
func (x *explainer) stack(h *Headers) {
	if h.HasMesh {
		_, n, _ := parseMesh(x.frame)
		x.add("mesh", "mesh addressing header", n*8, 0)
	}
	if h.HasBroadcast {
		x.add("broadcast", "sequence number", 16, 0)
	}
	switch h.Fragment.Kind {
	case FragmentFirst:
		x.add("frag1", "first fragment", frag1Len*8, 0)
	case FragmentNext:
		x.add("fragn", "subsequent fragment", fragNLen*8, 0)
		return
	}
	for end := len(x.frame) - len(h.Payload); x.at < end*8; {
		if x.byte()&0xf0 == DispatchPage {
			x.add("page", "page switch", 8, 0)
			continue
		}
		r, n, _ := parseLoRH(x.frame[x.at/8:])
		form := "critical"
		switch {
		case r.Elective && r.Type == LoRHTypeIPinIP:
			form = "IP-in-IP"
		case r.Elective:
			form = "elective"
		case r.Type <= LoRHTypeSRH4:
			form = "source route"
		case r.Type == LoRHTypeRPI:
			form = "RPL packet information"
		}
		x.add("6lorh", form, n*8, 0)
	}
}

// iphc explains an IPv6 header and all that follows.
func (x *explainer) iphc() {
	h := IPHC(binary.BigEndian.Uint16(x.frame[x.at/8:]))
	x.add("iphc.dispatch", "LOWPAN_IPHC", 3, 0)
	x.add("iphc.tf", bits2(h.TF()), 2, 0)
	x.add("iphc.nh", flagForm(h.NH(), "compressed", "in-line"), 1, 0)
	x.add("iphc.hlim", bits2(h.HLIM()), 2, 0)
	x.add("iphc.cid", flagForm(h.CID(), "contexts follow", "context 0"), 1, 0)
	x.add("iphc.sac", flagForm(h.SAC(), "stateful", "stateless"), 1, 0)
	x.add("iphc.sam", bits2(h.SAM()), 2, 0)
	x.add("iphc.m", flagForm(h.M(), "multicast", "unicast"), 1, 0)
	x.add("iphc.dac", flagForm(h.DAC(), "stateful", "stateless"), 1, 0)
	x.add("iphc.dam", bits2(h.DAM()), 2, 0)
	if h.CID() {
		x.add("iphc.sci", "source context", 4, 0)
		x.add("iphc.dci", "destination context", 4, 0)
	}
	x.add("ipv6.version", "elided: 6", 0, 4)
	x.add("ipv6.traffic-class-and-flow-label", [4]string{
		"ECN, DSCP, flow label", "ECN, flow label; DSCP is 0", "ECN, DSCP; flow label is 0", "elided: 0",
	}[h.TF()], int(tfSize[h.TF()])*8, 28)
	x.add("ipv6.payload-length", "elided: from the frame or datagram size", 0, 16)
	x.number("ipv6.next-header", h.NH())
	if h.HLIM() == 0 {
		x.add("ipv6.hop-limit", "in-line", 8, 8)
	} else {
		x.add("ipv6.hop-limit", [4]string{"", "elided: 1", "elided: 64", "elided: 255"}[h.HLIM()], 0, 8)
	}
	src := [8]string{
		"in-line", "fe80::/64, IID in-line", "fe80::ff:fe00:0/112, 16 bits in-line", "elided: fe80::/64, IID of the link",
		"elided: ::", "context, IID in-line", "context, ff:fe00 and 16 bits in-line", "elided: context, IID of the link",
	}
	x.add("ipv6.src", src[h>>4&7], int(srcSize[h>>4&7])*8, 128)
	dst := src[h&7]
	if h.M() {
		dst = [5]string{"in-line", "ffxx::xx:xxxx:xxxx, 48 bits", "ffxx::xx:xxxx, 32 bits", "ff02::xx, 8 bits", "context, 48 bits"}[h&7]
	}
	x.add("ipv6.dst", dst, int(dstSize[h&15])*8, 128)
	next := x.pkt[x.in+6]
	x.in += ipv6Len
	if h.NH() {
		x.nhc(next)
	} else {
		x.rest("payload", "as it is")
	}
}

// bits2 spells a two-bit field.
func bits2(v uint8) string { return "00011011"[2*v : 2*v+2] }

func flagForm(set bool, yes, no string) string {
	if set {
		return yes
	}
	return no
}

// number adds a next header field.
func (x *explainer) number(name string, compressed bool) {
	if compressed {
		x.add(name, "elided: from the NHC", 0, 8)
	} else {
		x.add(name, "in-line", 8, 8)
	}
}

// rest adds the payload.
func (x *explainer) rest(name, form string) {
	x.add(name, form, len(x.frame)*8-x.at, (len(x.pkt)-x.in)*8)
}

// nhc explains the NHC headers from here on.
func (x *explainer) nhc(proto byte) {
	for {
		c := x.byte()
		switch proto {
		case protoUDP:
			x.udp(c)
			return
		case protoICMPv6:
			x.add("nhc.icmpv6", "GHC", 8, 0)
			x.rest("payload", "GHC")
			return
		case protoIPv6:
			x.add("nhc.ipv6", "nested IPv6 header", 8, 0)
			x.iphc()
			return
		}
		name := "nhc." + extName(c>>1&7)
		ext := x.pkt[x.in:]
		more := c&1 != 0
		size := 8
		if proto != protoFragment {
			size += int(ext[1]) * 8
		}
		ghc := c&0xf8 == nhcExtGHC
		x.add(name, flagForm(ghc, "GHC", "extension header"), 8, 0)
		x.number("ext.next-header", more)
		switch {
		case ghc:
			// The code ends where a decoder says: restore it once more.
			u := unpacker{ip: x.lastIPv6()}
			_, n, _ := u.ghcExtension(append([]byte{}, x.pkt[:x.in]...), x.frame[x.at/8:], maxPacket)
			x.add("ext.length", "elided: from the GHC", 0, 8)
			x.add("ext.body", "GHC", n*8, (size-2)*8)
		case proto == protoFragment:
			x.add("ext.body", "as it is", 7*8, 7*8)
		default:
			n := int(x.byte())
			x.add("ext.length", "in bytes", 8, 8)
			x.add("ext.body", "as it is", n*8, n*8)
			if pad := size - 2 - n; pad > 0 {
				x.add("ext.padding", "elided", 0, pad*8)
			}
		}
		proto = ext[0]
		x.in += size
		if !more {
			x.rest("payload", "as it is")
			return
		}
	}
}

// extName names the extension header of an EID.
func extName(eid byte) string {
	return [8]string{"hop-by-hop", "routing", "fragment", "destination", "mobility"}[eid]
}

// lastIPv6 is where the IPv6 header nearest to in begins.
func (x *explainer) lastIPv6() int {
	at, last, proto := 0, 0, byte(protoIPv6)
	for at < x.in {
		switch proto {
		case protoIPv6:
			last, proto = at, x.pkt[at+6]
			at += ipv6Len
			continue
		case protoFragment:
			proto = x.pkt[at]
			at += 8
			continue
		}
		next := x.pkt[at]
		at += 8 + int(x.pkt[at+1])*8
		proto = next
	}
	return last
}

func (x *explainer) udp(c byte) {
	ghc := c&0xf8 == nhcUDPGHC
	x.add("nhc.udp", flagForm(ghc, "GHC payload", "plain payload"), 5, 0)
	x.add("nhc.c", flagForm(c&udpC != 0, "checksum elided", "checksum in-line"), 1, 0)
	x.add("nhc.p", bits2(c&3), 2, 0)
	bits := [4][2]int{{16, 16}, {16, 8}, {8, 16}, {4, 4}}[c&3]
	for i, name := range [2]string{"udp.src-port", "udp.dst-port"} {
		form := "in-line"
		switch bits[i] {
		case 8:
			form = "f0XX"
		case 4:
			form = "f0bX"
		}
		x.add(name, form, bits[i], 16)
	}
	x.add("udp.length", "elided: from the frame or datagram size", 0, 16)
	if c&udpC != 0 {
		x.add("udp.checksum", "elided: computed", 0, 16)
	} else {
		x.add("udp.checksum", "in-line", 16, 16)
	}
	x.in += udpLen
	x.rest("payload", flagForm(ghc, "GHC", "as it is"))
}
