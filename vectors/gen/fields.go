package main

import "github.com/schckit/schckit/vectors"

// fields is every field of every protocol, sent as it is, under each of its
// names: the residues are the header, in the order of the Rule.
func fields() *vectors.File {
	var groups []*group
	begin := func(rules string) *group {
		g := newGroup("self", rules, "")
		groups = append(groups, g)
		return g
	}
	data := unhex("deadbeef")
	six := v6{tc: 0xb9, label: 0x12345, hop: 33, src: "2001:db8:1:2:3:4:5:6", dst: "2001:db8:a:b:c:d:e:f"}.packet(59, data)
	v6head := []string{"IPV6.FL 20", "IPV6.LEN 16", "IPV6.NXT 8", "IPV6.HOP_LMT 8"}
	list := func(parts ...[]string) []string {
		var l []string
		for _, p := range parts {
			l = append(l, p...)
		}
		return l
	}
	g := begin("ipv6")
	g.ok("IPv6 uplink", "up", six, "1/8", 4, sent(six[:40], list([]string{"IPV6.VER 4", "IPV6.TC 8"}, v6head,
		[]string{"IPV6.DEV_PREFIX 64", "IPV6.DEV_IID 64", "IPV6.APP_PREFIX 64", "IPV6.APP_IID 64"})...)...)
	swapped := join(six[:8], six[24:40], six[8:24])
	g.ok("IPv6 downlink", "down", six, "1/8", 4, sent(swapped, list([]string{"IPV6.VER 4", "IPV6.TC 8"}, v6head,
		[]string{"IPV6.DEV_PREFIX 64", "IPV6.DEV_IID 64", "IPV6.APP_PREFIX 64", "IPV6.APP_IID 64"})...)...)
	g.flags("DownlinkOrder")
	g.none("a version that is not 6", "up", with(six, 0, 0x5b))
	g.none("a header that is cut off", "up", six[:39])
	g = begin("ipv6-addresses")
	g.ok("DSCP, ECN, whole addresses, uplink", "up", six, "1/8", 4, sent(six[:40], list([]string{"IPV6.VER 4", "IPV6.DSCP 6", "IPV6.ECN 2"}, v6head,
		[]string{"IPV6.DEV_ADDR 128", "IPV6.APP_ADDR 128"})...)...)
	g.ok("DSCP, ECN, whole addresses, downlink", "down", six, "1/8", 4, sent(swapped, list([]string{"IPV6.VER 4", "IPV6.DSCP 6", "IPV6.ECN 2"}, v6head,
		[]string{"IPV6.DEV_ADDR 128", "IPV6.APP_ADDR 128"})...)...)
	g.flags("DownlinkOrder")
	g = begin("ipv6-source")
	for _, dir := range []string{"up", "down"} {
		g.ok("source and destination, "+dir, dir, six, "1/8", 4, sent(six[:40], list([]string{"IPV6.VER 4", "IPV6.TC 8"}, v6head,
			[]string{"IPV6.SRC_ADDR 128", "IPV6.DST_ADDR 128"})...)...)
	}

	four := v4{id: 0x1234, ttl: 99}.packet(253, data)
	four[1], four[6], four[7] = 0xb9, 0xa1, 0x23
	opts := v4{id: 0x1234, ttl: 99, opt: unhex("94040000 01010101")}.packet(253, data)
	v4names := []string{"IPV4.VER 4", "IPV4.IHL 4", "IPV4.TOS 8", "IPV4.LEN 16", "IPV4.ID 16", "IPV4.FLAGS 3", "IPV4.FO 13", "IPV4.TTL 8", "IPV4.PROTO 8",
		"IPV4.CKSUM 16", "IPV4.DEV_ADDR 32", "IPV4.APP_ADDR 32"}
	g = begin("ipv4")
	g.ok("IPv4 uplink, without options: size 0", "up", four, "1/8", 4, append(sent(four[:20], v4names...), "IPV4.OPT 0000")...)
	g.flags("PartialByte")
	g.ok("IPv4 downlink", "down", four, "1/8", 4, append(sent(join(four[:12], four[16:20], four[12:16]), v4names...), "IPV4.OPT 0000")...)
	g.flags("PartialByte", "DownlinkOrder")
	g.ok("8 bytes of options", "up", opts, "1/8", 4, append(sent(opts[:20], v4names...), "IPV4.OPT 1000 x9404000001010101")...)
	g.flags("PartialByte")
	g.none("IHL 4", "up", with(four, 0, 0x44))
	g.none("options that are not there", "up", with(four, 0, 0x4f))
	g = begin("ipv4-source")
	for _, dir := range []string{"up", "down"} {
		g.ok("DSCP, ECN, source and destination, "+dir, dir, four, "1/8", 4, sent(four[:20], list([]string{"IPV4.VER 4", "IPV4.IHL 4", "IPV4.DSCP 6", "IPV4.ECN 2"},
			v4names[3:10], []string{"IPV4.SRC_ADDR 32", "IPV4.DST_ADDR 32"})...)...)
	}
	g.none("options that the Rule does not describe", "up", opts)
	g.flags("AllAndOnly")

	// Transport: behind an IPv6 header that is known.
	transport := func(rules, name string, next int, head []byte, ports, rest []string, vary ...string) *group {
		g := begin(rules)
		up := v6{}.packet(next, join(head, data))
		down := v6{src: app6, dst: dev6}.packet(next, join(head, data))
		g.ok(name+" uplink", "up", up, "1/8", 4, append(sent(head, list(ports, rest)...), vary...)...)
		g.ok(name+" downlink", "down", down, "1/8", 4, append(sent(join(head[2:4], head[:2], head[4:]), list(ports, rest)...), vary...)...)
		g.flags("DownlinkOrder")
		g.none(name+" that is cut off", "up", v6{}.packet(next, head[:len(head)-1]))
		g.none("another protocol", "up", v6{}.packet(253, join(head, data)))
		return g
	}
	transport("udplite", "UDP-Lite", 136, unhex("0102 0304 0008 abcd"), []string{"UDPLITE.DEV_PORT 16", "UDPLITE.APP_PORT 16"}, []string{"UDPLITE.COVERAGE 16", "UDPLITE.CKSUM 16"})
	transport("sctp", "SCTP", 132, unhex("0102 0304 05060708 090a0b0c"), []string{"SCTP.DEV_PORT 16", "SCTP.APP_PORT 16"}, []string{"SCTP.VTAG 32", "SCTP.CKSUM 32"})
	tcpNames := []string{"TCP.SEQ 32", "TCP.ACK 32", "TCP.OFFSET 4", "TCP.RES 4", "TCP.FLAGS 8", "TCP.WIN 16", "TCP.CKSUM 16", "TCP.URG 16"}
	tcp := unhex("0102 0304 05060708 090a0b0c 5f12 1314 1516 1718")
	g = transport("tcp", "TCP without options", 6, tcp, []string{"TCP.DEV_PORT 16", "TCP.APP_PORT 16"}, tcpNames, "TCP.OPT 0000")
	withOpt := with(tcp, 12, 0x8f)
	g.ok("TCP with 12 bytes of options", "up", v6{}.packet(6, join(withOpt, unhex("0101080a0000000100000002"), data)), "1/8", 4,
		append(sent(withOpt, list([]string{"TCP.DEV_PORT 16", "TCP.APP_PORT 16"}, tcpNames)...), "TCP.OPT 1100 x0101080a0000000100000002")...)
	g.flags("PartialByte")
	g.none("data offset 4", "up", v6{}.packet(6, join(with(tcp, 12, 0x4f), data)))
	g.none("options that are not there", "up", v6{}.packet(6, join(with(tcp, 12, 0xff), data)))

	udp := unhex("1633 1634 000c abcd deadbeef")
	for _, v := range []struct{ rules, a, b string }{{"udp", "UDP.DEV_PORT", "UDP.APP_PORT"}, {"udp-source", "UDP.SRC_PORT", "UDP.DST_PORT"}} {
		g = begin(v.rules)
		names := []string{v.a + " 16", v.b + " 16", "UDP.LEN 16", "UDP.CKSUM 16"}
		g.ok("a set that starts at UDP, uplink", "up", udp, "1/8", 4, sent(udp[:8], names...)...)
		down := udp[:8]
		if v.rules == "udp" {
			down = join(udp[2:4], udp[:2], udp[4:8])
		}
		g.ok("a set that starts at UDP, downlink", "down", udp, "1/8", 4, sent(down, names...)...)
	}

	for _, v := range []struct {
		rules string
		next  int
		head  []byte
		names []string
	}{
		{"udplite-source", 136, unhex("0102 0304 0008 abcd"), []string{"UDPLITE.SRC_PORT 16", "UDPLITE.DST_PORT 16", "UDPLITE.COVERAGE 16", "UDPLITE.CKSUM 16"}},
		{"sctp-source", 132, unhex("0102 0304 05060708 090a0b0c"), []string{"SCTP.SRC_PORT 16", "SCTP.DST_PORT 16", "SCTP.VTAG 32", "SCTP.CKSUM 32"}},
		{"tcp-source", 6, tcp, list([]string{"TCP.SRC_PORT 16", "TCP.DST_PORT 16"}, tcpNames)},
	} {
		g = begin(v.rules)
		g.ok("ports by source and destination, uplink", "up", v6{}.packet(v.next, join(v.head, data)), "1/8", 4, sent(v.head, v.names...)...)
		g.ok("ports by source and destination, downlink", "down", v6{src: app6, dst: dev6}.packet(v.next, join(v.head, data)), "1/8", 4, sent(v.head, v.names...)...)
	}

	g = begin("esp")
	g.ok("ESP: SPI and SN", "up", v6{}.packet(50, unhex("01020304 05060708 deadbeef")), "1/8", 4, "ESP.SPI x01020304", "ESP.SN x05060708")

	head := []string{"ICMPV6.TYPE 8", "ICMPV6.CODE 8", "ICMPV6.CKSUM 16"}
	g = begin("icmpv6")
	icmp := func(msg string) []byte { return v6{}.packet(58, join(unhex(msg), data)) }
	g.ok("echo request", "up", icmp("8000abcd 12345678"), "1/8", 4, sent(unhex("8000abcd 12345678"), list(head, []string{"ICMPV6.IDENT 16", "ICMPV6.SEQNO 16"})...)...)
	g.ok("echo reply", "up", icmp("8100abcd 12345678"), "1/8", 4, sent(unhex("8100abcd 12345678"), list(head, []string{"ICMPV6.IDENT 16", "ICMPV6.SEQNO 16"})...)...)
	g.ok("packet too big", "up", icmp("0200abcd 00000500"), "2/8", 4, sent(unhex("0200abcd 00000500"), list(head, []string{"ICMPV6.MTU 32"})...)...)
	g.ok("parameter problem", "up", icmp("0401abcd 00000028"), "3/8", 4, sent(unhex("0401abcd 00000028"), list(head, []string{"ICMPV6.POINTER 32"})...)...)
	g.ok("destination unreachable: the unused word is no field", "up", icmp("0104abcd 00000000"), "4/8", 4, sent(unhex("0104abcd"), head...)...)
	g.ok("time exceeded", "up", icmp("0300abcd 00000000"), "4/8", 4, sent(unhex("0300abcd"), head...)...)
	g.none("an unused word that is used", "up", icmp("0300abcd 00000001"))
	g.ok("router solicitation: all behind the checksum is payload", "up", icmp("8500abcd 00000000"), "4/8", 8, sent(unhex("8500abcd"), head...)...)
	g.none("an echo that is cut off", "up", v6{}.packet(58, unhex("8000abcd123456")))

	g = begin("icmpv6-unused")
	g.Comment = "The draft has no field for the unused word; other implementations do."
	g.ok("an unused word that is used", "up", icmp("0300abcd 00000001"), "1/8", 4, append(sent(unhex("0300abcd"), head...), "ICMPV6.UNUSED x00000001")...)
	g.ok("and one that is not", "up", icmp("0104abcd 00000000"), "1/8", 4, append(sent(unhex("0104abcd"), head...), "ICMPV6.UNUSED x00000000")...)
	g.none("an echo has no unused word", "up", icmp("8000abcd 00000000"))

	g = begin("icmpv4")
	pkt := func(msg string) []byte { return v4{id: 7}.packet(1, join(unhex(msg), data)) }
	names4 := []string{"ICMPV4.TYPE 8", "ICMPV4.CODE 8", "ICMPV4.CKSUM 16"}
	g.ok("echo request", "up", pkt("0800abcd 12345678"), "1/8", 4, append([]string{"IPV4.ID x0007"},
		sent(unhex("0800abcd 12345678"), list(names4, []string{"ICMPV4.IDENT 16", "ICMPV4.SEQNO 16"})...)...)...)
	g.ok("destination unreachable: all behind the checksum is payload", "up", pkt("0303abcd 00000000"), "2/8", 8, append([]string{"IPV4.ID x0007"},
		sent(unhex("0303abcd"), names4...)...)...)

	// SSE (draft-moskowitz-sse-05).
	g = begin("sse-compact")
	g.ok("SSE compact", "up", unhex("010203 04 004 56789 deadbeef"), "1/8", 4, "SSE_COMPACT.SPI x010203", "SSE_COMPACT.FLAGS 00000100", "SSE_COMPACT.SN x56789")
	g.flags("PartialByte")
	g.ok("a length that is not that of the payload", "up", unhex("010203 04 123 56789 deadbeef"), "2/8", 4,
		"SSE_COMPACT.SPI x010203", "SSE_COMPACT.FLAGS 00000100", "SSE_COMPACT.LEN 000100100011", "SSE_COMPACT.SN x56789")
	g.flags("WrongComputed")
	g = begin("sse-large")
	g.ok("SSE large", "up", unhex("01020304 050607 08 00000004 0d0e0f10 deadbeef"), "1/8", 4,
		"SSE_LARGE.SPI x01020304", "SSE_LARGE.RES x050607", "SSE_LARGE.FLAGS 00001000", "SSE_LARGE.SN x0d0e0f10")
	g = begin("sse-extreme")
	g.ok("SSE extreme", "up", unhex("01020304 050607 08 00000004 0d0e0f1011121314 deadbeef"), "1/8", 4,
		"SSE_EXTREME.SPI x01020304", "SSE_EXTREME.RES x050607", "SSE_EXTREME.FLAGS 00001000", "SSE_EXTREME.SN x0d0e0f1011121314")
	g = begin("sse-compact")
	g.Comment, g.Options.SSEICVBytes = "The Length of SSE does not count an ICV of 8 bytes.", 8
	g.ok("SSE compact with an ICV", "up", unhex("010203 04 002 56789 dead 0102030405060708"), "1/8", 10, "SSE_COMPACT.SPI x010203", "SSE_COMPACT.FLAGS 00000100", "SSE_COMPACT.SN x56789")
	g.flags("PartialByte")

	// The end of the ESP trailer (RFC 4303), as Diet-ESP compresses it.
	g = begin("esp-trailer")
	g.ok("no padding, UDP", "up", unhex("00 11"), "1/8", 0)
	g.ok("padding", "up", unhex("03 29"), "2/8", 0, "ESP.PAD_LEN 00000011", "ESP.NXT 1")
	g.flags("PartialByte")
	g.none("another Next Header", "up", unhex("03 3b"))

	// Extension headers and tunnels.
	g = begin("ipv6-extensions")
	seg := func(body []byte) []byte {
		return pseudo(join(u16(5683), u16(5683), u16(8+len(body)), u16(0), body), 6, addr(dev6, ""), addr(app6, ""), 17, 8+len(body))
	}
	hbh, dst, rt := unhex("3c 00 010400000000"), unhex("2b 01 010c00000000000000000000 0000"), unhex("11 00 040000000000")
	g.ok("hop-by-hop, destination and routing header, UDP", "up", v6{}.packet(0, join(hbh, dst, rt, seg(data))), "1/8", 4,
		"IPV6_HBH.DATA 0110"+" x010400000000", "IPV6_DST.DATA 1110"+" x010c000000000000000000000000", "IPV6_RT.DATA 0110"+" x040000000000")
	g.flags("PartialByte")
	g.none("without the destination header", "up", v6{}.packet(0, join(unhex("2b 00 010400000000"), rt, seg(data))))
	frag := func(off int) []byte { return join(unhex("11 00"), u16(off<<3|1), u32(0x01020304)) }
	g.ok("a later fragment: what follows is payload", "up", v6{}.packet(44, join(frag(100), data)), "2/8", 4,
		"IPV6_FRAG.RES 00000000", "IPV6_FRAG.OFFSET 0000001100100", "IPV6_FRAG.RES2 00", "IPV6_FRAG.M 1", "IPV6_FRAG.ID x01020304")
	g.ok("a first fragment has a UDP header", "up", v6{}.packet(44, join(frag(0), seg(data))), "4/8", 4,
		"IPV6_FRAG.RES 00000000", "IPV6_FRAG.OFFSET 0000000000000", "IPV6_FRAG.RES2 00", "IPV6_FRAG.M 1", "IPV6_FRAG.ID x01020304")
	later := v6{}.packet(44, join(frag(100), seg(data)))
	g.ok("a later fragment that looks like UDP", "up", later, "2/8", 12,
		"IPV6_FRAG.RES 00000000", "IPV6_FRAG.OFFSET 0000001100100", "IPV6_FRAG.RES2 00", "IPV6_FRAG.M 1", "IPV6_FRAG.ID x01020304")
	g.flags("PayloadIsHeader")
	g.ok("a mobility header", "up", v6{}.packet(135, unhex("3b 00 0500abcd 0000")), "3/8", 0, "IPV6_MH.DATA 0110"+" x0500abcd0000")
	g.flags("PartialByte")
	g = begin("tunnels")
	g.Comment = "The position of a field of a second IPv6 header is 2."
	inner := udp6(v6{}, 5683, 5683, data)
	g.ok("IPv6 in IPv6", "up", v6{}.packet(41, inner), "1/8", 4)
	g.ok("IPv4 in IPv6", "up", v6{}.packet(4, v4{id: 9}.packet(17, udp4(v4{}, data))), "2/8", 4, "IPV4.ID x0009")
	g.ok("IPv6 in IPv4", "down", v4{id: 9, src: app4, dst: dev4}.packet(41, udp6(v6{src: app6, dst: dev6}, 5683, 5683, data)), "3/8", 4, "IPV4.ID x0009")
	return file("RFC 8724, Sections 7.1 and 10; the protocols' own specifications; draft-ietf-schc-icmpv6-compression-02; draft-moskowitz-sse-05", "", groups...)
}

// udp4 is a UDP datagram for IPv4, without the IP header.
func udp4(h v4, data []byte) []byte {
	seg := join(u16(5683), u16(5683), u16(8+len(data)), u16(0), data)
	return pseudo(seg, 6, addr(h.src, dev4), addr(h.dst, app4), 17, len(seg))
}
