package main

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/schckit/schckit/vectors"
)

// compute is the action compute-*: elided where the value is what would be
// computed, else another Rule (here: 255, no compression) is used.
func compute() *vectors.File {
	data := unhex("deadbeef 05")
	udp := newGroup("self", "compute-udp", "IPv6 and UDP.")
	whole := func(g *group, comment, dir string, pkt []byte, flags ...string) {
		g.ok(comment, dir, pkt, "255/8", len(pkt))
		g.flags(flags...)
	}
	good := up6(data)
	udp.ok("lengths and checksum are right", "up", good, "1/8", 5)
	udp.ok("downlink", "down", down6(data), "1/8", 5)
	udp.ok("no data", "up", up6(nil), "1/8", 0)
	whole(udp, "IPv6 length 1 too small", "up", with(good, 5, good[5]-1), "WrongComputed")
	whole(udp, "IPv6 length 1 too large", "up", with(good, 5, good[5]+1), "WrongComputed")
	whole(udp, "IPv6 length 0", "up", with(good, 5, 0), "WrongComputed")
	whole(udp, "UDP length wrong", "up", with(good, 45, good[45]-1), "WrongComputed")
	whole(udp, "UDP checksum wrong", "up", with(good, 46, good[46]^1), "WrongComputed")
	whole(udp, "UDP checksum zero: none", "up", with(good, 46, 0, 0), "WrongComputed", "ZeroChecksum")
	whole(udp, "trailing bytes behind the datagram", "up", append(up6(data), 0, 0), "WrongComputed")
	whole(udp, "a byte is missing", "up", good[:len(good)-1], "WrongComputed")
	// A word of data is chosen so that the sum of all is 0xffff.
	zero := up6(unhex("0000"))
	copy(zero[48:], zero[46:48])
	zero = with(zero, 46, 0xff, 0xff)
	udp.ok("a checksum that computes to zero is 0xffff", "up", zero, "1/8", 2)
	udp.flags("ZeroChecksum")
	whole(udp, "the same datagram with a zero", "up", with(zero, 46, 0, 0), "WrongComputed", "ZeroChecksum")

	trust := newGroup("self", "compute-udp", "TrustComputed: the caller vouches for lengths and checksums.")
	trust.Options.TrustComputed = true
	trust.ok("right values", "up", good, "1/8", 5)

	ip4 := newGroup("self", "compute-ipv4", "IPv4: header length, total length, checksum, UDP.")
	four := v4{id: 0xabcd}.packet(17, udp4(v4{}, data))
	ip4.ok("without options", "up", four, "1/8", 5, "IPV4.ID xabcd", "IPV4.OPT 0000")
	ip4.flags("PartialByte")
	ip4.ok("downlink", "down", v4{id: 0xabcd, src: app4, dst: dev4}.packet(17, udp4(v4{}, data)), "1/8", 5, "IPV4.ID xabcd", "IPV4.OPT 0000")
	ip4.flags("PartialByte")
	withOpt := v4{id: 1, opt: unhex("94040000")}.packet(17, udp4(v4{}, data))
	ip4.ok("4 bytes of options", "up", withOpt, "1/8", 5, "IPV4.ID x0001", "IPV4.OPT 0100 x94040000")
	ip4.flags("PartialByte")
	full := v4{id: 1, opt: fill(40)}.packet(17, udp4(v4{}, data))
	ip4.ok("40 bytes of options", "up", full, "1/8", 5, "IPV4.ID x0001", "IPV4.OPT 1111 00101000"+hexs(fill(40)))
	ip4.flags("PartialByte")
	whole(ip4, "header checksum wrong", "up", with(four, 10, four[10]^1), "WrongComputed")
	whole(ip4, "total length wrong", "up", v4Sum(with(four, 3, four[3]+1)), "WrongComputed")
	whole(ip4, "UDP checksum zero: none", "up", with(four, 26, 0, 0), "WrongComputed", "ZeroChecksum")
	whole(ip4, "a later fragment has no UDP header", "up", v4Sum(with(four, 6, 0x40, 0x10)), "AllAndOnly")

	tcp := newGroup("self", "compute-tcp", "TCP: data offset and checksum.")
	seg := func(opt []byte, sumXor byte) []byte {
		s := join(u16(5683), u16(5683), u32(1), u32(2), []byte{byte(5+len(opt)/4) << 4, 0x18}, u16(1000), u16(0), u16(0), opt, data)
		s = pseudo(s, 16, addr(dev6, ""), addr(app6, ""), 6, len(s))
		s[16] ^= sumXor
		return v6{}.packet(6, s)
	}
	tcp.ok("without options", "up", seg(nil, 0), "1/8", 5, "TCP.SEQ x00000001", "TCP.ACK x00000002", "TCP.FLAGS 00011000", "TCP.WIN x03e8", "TCP.OPT 0000")
	tcp.flags("PartialByte")
	tcp.ok("12 bytes of options", "up", seg(unhex("0101080a0000000100000002"), 0), "1/8", 5, "TCP.SEQ x00000001", "TCP.ACK x00000002",
		"TCP.FLAGS 00011000", "TCP.WIN x03e8", "TCP.OPT 1100 x0101080a0000000100000002")
	tcp.flags("PartialByte")
	whole(tcp, "checksum wrong", "up", seg(nil, 1), "WrongComputed")

	other := newGroup("self", "compute-other", "UDP-Lite, SCTP, ICMPv6, ICMPv4.")
	lite := func(coverage, cover int) []byte {
		s := join(u16(5683), u16(5683), u16(coverage), u16(0), data)
		return v6{}.packet(136, pseudo(s, 6, addr(dev6, ""), addr(app6, ""), 136, cover))
	}
	other.ok("UDP-Lite, coverage is the length", "up", lite(13, 13), "1/8", 5)
	other.ok("UDP-Lite, coverage of the header alone: it is sent", "up", lite(8, 8), "2/8", 5, "UDPLITE.COVERAGE x0008")
	other.ok("UDP-Lite, coverage 0 is all", "up", lite(0, 13), "2/8", 5, "UDPLITE.COVERAGE x0000")
	whole(other, "UDP-Lite, coverage 7 is illegal", "up", lite(7, 13), "WrongComputed")
	whole(other, "UDP-Lite, coverage beyond the end", "up", lite(14, 13), "WrongComputed")
	whole(other, "UDP-Lite, checksum wrong", "up", with(lite(13, 13), 46, lite(13, 13)[46]^1), "WrongComputed")
	sctp := join(u16(5683), u16(5683), u32(0x01020304), u32(0), data)
	copy(sctp[8:], crc32c(sctp))
	other.ok("SCTP: CRC32c", "up", v6{}.packet(132, sctp), "3/8", 5, "SCTP.VTAG x01020304")
	whole(other, "SCTP: CRC32c wrong", "up", v6{}.packet(132, with(sctp, 8, sctp[8]^1)), "WrongComputed")
	echo := pseudo(unhex("8000 0000 1234 0001 deadbeef05"), 2, addr(dev6, ""), addr(app6, ""), 58, 13)
	other.ok("ICMPv6", "up", v6{}.packet(58, echo), "4/8", 5, "ICMPV6.TYPE 10000000", "ICMPV6.CODE 00000000", "ICMPV6.IDENT x1234", "ICMPV6.SEQNO x0001")
	whole(other, "ICMPv6, checksum wrong", "up", v6{}.packet(58, with(echo, 2, echo[2]^1)), "WrongComputed")
	echo4 := unhex("0800 0000 1234 0001 deadbeef05")
	binary.BigEndian.PutUint16(echo4[2:], sum(echo4))
	other.ok("ICMPv4: no pseudo-header", "up", v4{id: 3}.packet(1, echo4), "5/8", 5, "IPV4.ID x0003", "ICMPV4.TYPE 00001000", "ICMPV4.CODE 00000000",
		"ICMPV4.IDENT x1234", "ICMPV4.SEQNO x0001")
	whole(other, "ICMPv4, checksum wrong", "up", v4{id: 3}.packet(1, with(echo4, 2, echo4[2]^1)), "WrongComputed")

	icmp := newGroup("rfc", "icmpv6-payload", "Tables 1 to 3 of the draft, with an IPv6 header that is known.")
	msg := func(h v6, head, payload string) []byte {
		s := join(unhex(head), unhex(payload))
		return h.packet(58, pseudo(s, 2, addr(h.src, dev6), addr(h.dst, app6), 58, len(s)))
	}
	back := v6{src: app6, dst: dev6}
	icmp.ok("Table 3: echo request, identifier 0, sequence number on 3 bits", "up", msg(v6{}, "80000000 00000005", "aabb"), "1/8", 0,
		"ICMPV6.SEQNO 101", "ICMPV6.PAYLOAD 0010 xaabb")
	icmp.flags("PartialByte")
	icmp.ok("Table 3: echo reply without data", "down", msg(back, "81000000 00000005", ""), "1/8", 0, "ICMPV6.SEQNO 101", "ICMPV6.PAYLOAD 0000")
	icmp.flags("PartialByte")
	icmp.lossy("Table 3: another identifier is restored as 0", "up", msg(v6{}, "80000000 00070005", "aabb"), msg(v6{}, "80000000 00000005", "aabb"), "1/8", 0,
		"ICMPV6.SEQNO 101", "ICMPV6.PAYLOAD 0010 xaabb")
	icmp.ok("Table 1: destination unreachable, code on 3 bits", "down", msg(back, "01040000 00000000", hexOf(fill(48))), "2/8", 0,
		"ICMPV6.CODE 100", "ICMPV6.PAYLOAD 1111 00110000"+hexs(fill(48)))
	icmp.flags("PartialByte", "SizeEdge")
	icmp.ok("Table 2: packet too big, MTU on 11 bits", "down", msg(back, "02000000 00000500", "0102"), "3/8", 0,
		"ICMPV6.MTU 10100000000", "ICMPV6.PAYLOAD 0010 x0102")
	icmp.flags("PartialByte")
	return file("RFC 8724, Sections 7.4.8 and 10; RFC 768, 791, 3828, 4443, 9260, 9293; draft-ietf-schc-icmpv6-compression-02", "", udp, trust, ip4, tcp, other, icmp)
}

// v4Sum makes the header checksum of an IPv4 packet right.
func v4Sum(pkt []byte) []byte {
	pkt = with(pkt, 10, 0, 0)
	binary.BigEndian.PutUint16(pkt[10:], sum(pkt[:int(pkt[0]&15)*4]))
	return pkt
}

func hexOf(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return hexs(b)[2:]
}

// lossy is what a Rule's author may give up: ignore or MSB with not-sent.
func lossy() *vectors.File {
	data := unhex("c0ffee")
	pkt := func(h v6, s, d int) []byte { return udp6(h, s, d, data) }
	g := newGroup("self", "lossy", "Hop limit and ECN are restored as the Rule has them.")
	g.ok("the values are those of the Rule", "up", pkt(v6{tc: 0xb8, hop: 1}, 5683, 5683), "1/8", 3)
	g.lossy("hop limit 64 comes back as 1", "up", pkt(v6{tc: 0xb8}, 5683, 5683), pkt(v6{tc: 0xb8, hop: 1}, 5683, 5683), "1/8", 3)
	g.lossy("ECN comes back as 0: MSB(6) with not-sent", "up", pkt(v6{tc: 0xbb, hop: 1}, 5683, 5683), pkt(v6{tc: 0xb8, hop: 1}, 5683, 5683), "1/8", 3)
	dscp := pkt(v6{tc: 0xbc, hop: 1}, 5683, 5683)
	g.ok("another DSCP does not match MSB(6)", "up", dscp, "255/8", len(dscp))
	g.ok("a lossy field that loses nothing", "up", pkt(v6{src: "2001:db8:1::3"}, 1000, 5683), "2/8", 3, "IPV6.HOP_LMT 01000000")
	g.lossy("a port comes back as another, with a checksum that is right for it", "up", pkt(v6{src: "2001:db8:1::3"}, 999, 5683),
		pkt(v6{src: "2001:db8:1::3"}, 1000, 5683), "2/8", 3, "IPV6.HOP_LMT 01000000")
	wrong := pkt(v6{src: "2001:db8:1::3"}, 999, 5683)
	wrong[46] ^= 1
	g.ok("the checksum is verified before anything is lost", "up", wrong, "255/8", len(wrong))
	g.flags("WrongComputed")
	none := newGroup("self", "lossy", "Lossless.")
	none.Options.Lossless = true
	none.ok("nothing is lost", "up", pkt(v6{tc: 0xb8, hop: 1}, 5683, 5683), "1/8", 3)
	hop := pkt(v6{tc: 0xb8}, 5683, 5683)
	none.ok("rather no compression than a loss", "up", hop, "255/8", len(hop))
	return file("RFC 8724, Section 7.4.3", "", g, none)
}

// direction is fields that depend on the direction, and IIDs.
func direction() *vectors.File {
	data := unhex("c0ffee")
	g := newGroup("self", "direction", "")
	g.ok("uplink: traffic class and hop limit are known", "up", udp6(v6{src: "2001:db8:1:3::4", dst: "2001:db8:2:5::6"}, 5681, 5684, data), "1/4", 3,
		"IPV6.DEV_PREFIX 00000011", "IPV6.DEV_IID 0100", "IPV6.APP_PREFIX 00000101", "IPV6.APP_IID 0110", "UDP.DEV_PORT 0001", "UDP.APP_PORT 1")
	g.flags("PartialByte")
	g.ok("downlink: they are sent, and the Device's fields still come first", "down", udp6(v6{tc: 3, hop: 51, src: "2001:db8:2:5::6", dst: "2001:db8:1:3::4"}, 5684, 5681, data), "1/4", 3,
		"IPV6.TC 00000011", "IPV6.HOP_LMT 00110011",
		"IPV6.DEV_PREFIX 00000011", "IPV6.DEV_IID 0100", "IPV6.APP_PREFIX 00000101", "IPV6.APP_IID 0110", "UDP.DEV_PORT 0001", "UDP.APP_PORT 1")
	g.flags("DownlinkOrder", "PartialByte")
	g.none("uplink with the traffic class of downlink", "up", udp6(v6{tc: 3}, 5681, 5684, data))
	g.none("an uplink packet given as downlink", "down", udp6(v6{}, 5681, 5684, data))
	g.ok("a Rule whose UDP fields have one descriptor for each direction, uplink", "up", udp6(v6{src: "2001:db8:9::2"}, 5683, 5683, data), "2/4", 3)
	g.flags("PartialByte")
	g.ok("downlink the ports are sent", "down", udp6(v6{src: app6, dst: "2001:db8:9::2"}, 1, 2, data), "2/4", 3, "UDP.DEV_PORT x0002", "UDP.APP_PORT x0001")
	g.flags("PartialByte", "DownlinkOrder")
	iid := newGroup("self", "iid", "IIDs of 8 bytes, used as they are.")
	iid.Inputs.DevIID, iid.Inputs.AppIID = "0000000000000002", "0000000000000001"
	iid.ok("both from the link layer", "up", up6(data), "1/8", 3)
	iid.ok("downlink", "down", down6(data), "1/8", 3)
	other := udp6(v6{dst: "2001:db8:2::3"}, 5683, 5683, data)
	iid.ok("another application", "up", other, "255/8", len(other))
	half := newGroup("self", "iid", "Only the Device's is known.")
	half.Inputs.DevIID = "0000000000000002"
	half.ok("no match", "up", up6(data), "255/8", len(up6(data)))
	half.bad("and no decompression", "up", "00000001 xc0ffee", "no-rule")
	low := newGroup("self", "lower", "The action lower: an IPv6 header in an IPv6 header.")
	low.Inputs.Outer = hex.EncodeToString(v6{tc: 0xb9, label: 0x12345, hop: 61}.packet(41, nil))
	in6 := func(h v6) []byte { return h.packet(59, data) }
	same := v6{tc: 0xb9, label: 0x12345, hop: 61}
	low.ok("all four fields are there", "up", in6(same), "1/8", 3)
	for _, h := range []v6{{tc: 0xba, label: 0x12345, hop: 61}, {tc: 0xb9, label: 0x12346, hop: 61}, {tc: 0xb9, label: 0x12345, hop: 60}} {
		low.ok("one of them is another", "up", in6(h), "255/8", len(in6(h)))
	}
	low4 := newGroup("self", "lower", "The same in an IPv4 header: the identification has the 16 low bits of the flow label.")
	low4.Inputs.Outer = hex.EncodeToString(v4{id: 0x2345, ttl: 61, tos: 0xb9}.packet(41, nil))
	low4.ok("a flow label of 16 bits", "up", in6(v6{tc: 0xb9, label: 0x2345, hop: 61}), "1/8", 3)
	low4.ok("a flow label of more", "up", in6(same), "255/8", len(in6(same)))
	inner4 := v4{id: 0x2345, ttl: 61, tos: 0xb9}.packet(253, data)
	low4.ok("IPv4 in IPv4", "up", inner4, "2/8", 3)
	lowNone := newGroup("self", "lower", "There is no layer below.")
	lowNone.ok("no match", "up", in6(same), "255/8", len(in6(same)))
	lowNone.bad("and no decompression", "up", "00000001 xc0ffee", "no-rule")
	sum := newGroup("self", "outer", "The packet starts with UDP; its pseudo-header is that of the layer below.")
	sum.Options.OuterHeader = true
	whole := udp6(v6{}, 5683, 5683, data)
	sum.Inputs.Outer = hex.EncodeToString(whole[:40])
	sum.ok("length and checksum are computed", "up", whole[40:], "1/8", 3)
	sum.none("a wrong checksum", "up", with(whole[40:], 7, whole[47]+1))
	order := newGroup("self", "order", "The Rule lists Accept, the second Uri-Path and the first, in this order.")
	order.ok("residues come in the order of the Rule", "up", join(unhex("40010003"), opt(11, text("a")), opt(0, text("bc")), opt(6, unhex("32")), unhex("ff01")), "1/8", 1,
		"COAP.MID 0011", "COAP.ACCEPT 00110010", "COAP.URI-PATH 0010 x6263", "COAP.URI-PATH 0001 x61")
	order.flags("FieldOrder", "RepeatedOption", "PartialByte")
	return file("RFC 8724, Sections 7.1, 7.2 and 7.4.7; draft-ietf-ipsecme-diet-esp-10, Section 6.1.2", "", g, iid, half, low, low4, lowNone, sum, order)
}
