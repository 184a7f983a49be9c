package main

import "github.com/schckit/schckit/vectors"

// lsb is MSB(x) and LSB on fixed-length fields.
func lsb() *vectors.File {
	g := newGroup("self", "lsb", "One Rule for each next header value.")
	data := unhex("c0ffee")
	g.ok("flow label, MSB(12): 8 of its 20 bits are sent", "up", v6{label: 0xabcde}.packet(200, data), "1/8", 3, "IPV6.FL 11011110")
	g.flags("PartialLSB")
	g.ok("the Target Value's own low bits do not count", "down", v6{label: 0xabc00, src: app6, dst: dev6}.packet(200, data), "1/8", 3, "IPV6.FL 00000000")
	g.flags("PartialLSB")
	g.none("another 12th bit", "up", v6{label: 0xabd00}.packet(200, data))
	g.flags("PartialLSB")
	g.ok("MSB(0)", "up", v6{label: 0x12345}.packet(201, data), "2/8", 3, "IPV6.FL x12345")
	g.flags("MSBZero", "PartialByte")
	g.ok("MSB of all 20 bits: no residue", "up", v6{label: 0xabcde}.packet(202, data), "3/8", 3)
	g.none("MSB of all 20 bits, the last differs", "up", v6{label: 0xabcdf}.packet(202, data))
	g.ok("2 bits of the traffic class, 1 of the flow label", "up", v6{tc: 0xba, label: 0xabcdf}.packet(203, data), "4/8", 3, "IPV6.TC 10", "IPV6.FL 1")
	g.flags("PartialLSB", "PartialByte")
	g.ok("7 bits of the hop limit", "up", v6{hop: 63}.packet(204, data), "5/8", 3, "IPV6.HOP_LMT 0111111")
	g.flags("PartialByte")
	g.none("hop limit 128 has another first bit", "up", v6{hop: 128}.packet(204, data))
	g.ok("MSB with value-sent sends the whole field", "up", v6{label: 0xabcff}.packet(205, data), "6/8", 3, "IPV6.FL xabcff")
	g.flags("PartialByte")
	g.ok("61 bits of an IID", "up", v6{src: "2001:db8:1:0:1fff:ffff:ffff:ffff"}.packet(206, data), "7/8", 3, "IPV6.DEV_IID 1 xfffffffffffffff")
	g.flags("PartialLSB", "PartialByte")
	g.ok("7 and 61 bits of whole addresses", "up", v6{src: "2001:db8:1::7f", dst: "2001:db8:2:0:1234:5678:9abc:def0"}.packet(207, data), "8/8", 3,
		"IPV6.DEV_ADDR 1111111", "IPV6.APP_ADDR 1 x23456789abcdef0")
	g.flags("PartialLSB", "PartialByte")
	g.ok("downlink they come in the order of the Rule", "down", v6{src: "2001:db8:2:0:1234:5678:9abc:def0", dst: "2001:db8:1::"}.packet(207, data), "8/8", 3,
		"IPV6.DEV_ADDR 0000000", "IPV6.APP_ADDR 1 x23456789abcdef0")
	g.flags("PartialLSB", "DownlinkOrder")
	return file("RFC 8724, Sections 7.3 and 7.4.6", "", g)
}

// mapping is match-mapping and mapping-sent.
func mapping() *vectors.File {
	g := newGroup("self", "mapping", "")
	g.ok("3 types in 2 bits, 8 codes in 3, 2 paths in 1, one Accept in none", "up", join(unhex("60451234"), opt(11, text("hum")), opt(6, unhex("32"))), "1/8", 0,
		"COAP.TYPE 10", "COAP.CODE 100", mid, "COAP.URI-PATH 1")
	g.flags("SubByteMapping", "OneEntryMapping", "PartialByte")
	g.ok("the first of each", "up", join(unhex("40011234"), opt(11, text("temp")), opt(6, unhex("32"))), "1/8", 0,
		"COAP.TYPE 00", "COAP.CODE 000", mid, "COAP.URI-PATH 0")
	g.flags("SubByteMapping", "OneEntryMapping", "PartialByte")
	g.ok("the last of each, payload", "up", join(unhex("60a01234"), opt(11, text("hum")), opt(6, unhex("32")), unhex("ff0102")), "1/8", 2,
		"COAP.TYPE 10", "COAP.CODE 111", mid, "COAP.URI-PATH 1")
	g.flags("SubByteMapping", "OneEntryMapping")
	g.none("a type that is not in the list", "up", join(unhex("70451234"), opt(11, text("hum")), opt(6, unhex("32"))))
	g.flags("SubByteMapping")
	g.none("another value than the only one", "up", join(unhex("60451234"), opt(11, text("hum")), opt(6, unhex("3c"))))
	g.flags("OneEntryMapping")
	g.none("a prefix of a value in the list", "up", join(unhex("60451234"), opt(11, text("hu")), opt(6, unhex("32"))))
	g.ok("a mapping of one type", "up", unhex("70001234"), "2/8", 0, mid)
	g.flags("OneEntryMapping", "SubByteMapping")
	g.ok("of two equal values the first is sent", "up", join(unhex("40451234"), opt(12, unhex("3c"))), "3/8", 0, "COAP.CODE 00", mid)
	g.flags("PartialByte")
	g.only("the second of two equal values is understood", "up", "00000011 01 x1234", join(unhex("40451234"), opt(12, unhex("3c"))), "3/8")
	g.bad("index 3 of a list of three", "up", "00000011 11 x1234", "malformed")
	g.ok("match-mapping with value-sent sends the value", "up", join(unhex("50021234"), opt(15, text("abcd"))), "4/8", 0, "COAP.TYPE 01", mid, "COAP.URI-QUERY 100")
	g.flags("SubByteMapping", "PartialByte")
	g.ok("an empty value in the list", "up", join(unhex("50021234"), opt(15, nil)), "4/8", 0, "COAP.TYPE 01", mid, "COAP.URI-QUERY 000")
	g.flags("PartialByte")
	g.bad("index 5 of a list of five", "up", "00000100 01 x1234 101", "malformed")
	g.bad("index 7 of a list of five", "up", "00000100 01 x1234 111", "malformed")
	g.bad("a value that the operator of the Rule excludes", "up", "00000100 10 x1234 000", "malformed")
	return file("RFC 8724, Sections 7.3 and 7.4.5", "", g)
}

// only is all and only: the fields of the packet are those of the Rule.
func only() *vectors.File {
	g := newGroup("rfc", "only", "Rule 255 is for no compression.")
	whole := func(comment, dir string, pkt []byte, flags ...string) {
		g.ok(comment, dir, pkt, "255/8", len(pkt))
		g.flags(flags...)
	}
	g.ok("one Uri-Path", "up", get(opt(11, text("a"))), "1/8", 0, mid)
	whole("a second Uri-Path", "up", get(opt(11, text("a")), opt(0, text("b"))), "AllAndOnly", "RepeatedOption")
	whole("an option that the Rule lacks behind", "up", get(opt(11, text("a")), opt(1, unhex("3c"))), "AllAndOnly")
	whole("an option that the Rule lacks before", "up", get(opt(3, text("h")), opt(8, text("a"))), "AllAndOnly")
	whole("an option that nobody knows", "up", get(opt(11, text("a")), opt(2037, nil)), "AllAndOnly", "UnknownOption")
	whole("no Uri-Path", "up", get(), "AllAndOnly")
	whole("a token", "up", join(unhex("4101123455"), opt(11, text("a"))), "AllAndOnly")
	g.ok("two of a kind, in order", "up", get(opt(11, text("ab")), opt(0, text("c")), opt(6, unhex("32"))), "2/8", 0,
		mid, "COAP.URI-PATH 0010 x6162", "COAP.URI-PATH 0001 x63", "COAP.ACCEPT 0001 x32")
	g.flags("RepeatedOption", "PartialByte")
	whole("three of a kind", "up", get(opt(11, text("ab")), opt(0, text("c")), opt(0, text("d")), opt(6, unhex("32"))), "AllAndOnly", "RepeatedOption")
	whole("a variable-length option of the Rule is absent", "up", get(opt(11, text("ab")), opt(0, text("c"))), "AbsentVariable")
	g.ok("present and empty: size 0", "up", get(opt(11, text("ab")), opt(0, nil), opt(6, nil)), "2/8", 0,
		mid, "COAP.URI-PATH 0010 x6162", "COAP.URI-PATH 0000", "COAP.ACCEPT 0000")
	g.flags("AbsentVariable", "PartialByte")
	g.ok("position 0 takes what no other descriptor names", "up", join(unhex("40041234"), opt(11, text("x")), opt(0, text("yz"))), "3/8", 0,
		mid, "COAP.URI-PATH 0010 x797a")
	g.flags("RepeatedOption", "PartialByte")
	whole("in the order of the packet", "up", join(unhex("40041234"), opt(11, text("yz")), opt(0, text("x"))), "RepeatedOption")
	g.ok("only the fields of the direction count: uplink Uri-Path", "up", join(unhex("60451234"), opt(11, text("a"))), "4/8", 0, mid, "COAP.URI-PATH 0001 x61")
	g.flags("PartialByte")
	g.ok("only the fields of the direction count: downlink Content-Format", "down", join(unhex("60451234"), opt(12, nil), unhex("ff2a")), "4/8", 1, mid, "COAP.CONTENT-FORMAT 0000")
	g.flags("PartialByte")
	whole("the uplink option downlink", "down", join(unhex("60451234"), opt(11, text("a"))), "AllAndOnly")
	g.ok("an empty message", "up", unhex("70001234"), "5/8", 0, mid)
	g.flags("AbsentMarker")
	g.ok("payload: the marker is not sent", "up", unhex("70001234ff00"), "5/8", 1, mid)
	whole("a marker with nothing behind it", "up", unhex("70001234ff"), "EmptyMarker")
	whole("another version of CoAP", "up", unhex("b0001234"))
	whole("a token length of 9", "up", unhex("79001234010203040506070809"))
	whole("an option that is cut off", "up", unhex("4001123412"))
	whole("an option length of 15", "up", unhex("40011234bf"))
	return file("RFC 8724, Section 7.2; RFC 8824, Section 5", "", g)
}

// selection is which of several Rules that match.
func selection() *vectors.File {
	port := func(h v6, s, d int) []byte { return udp6(h, s, d, unhex("beef")) }
	group := func(comment string, o vectors.Options) *group {
		g := newGroup("self", "select", comment)
		g.Options = o
		return g
	}
	g := group("Of the Rules that match without loss the one with fewest bits, then lossy ones, then no compression.", vectors.Options{})
	g.ok("a Rule without residue", "up", port(v6{}, 5683, 5683), "2/8", 2)
	g.ok("4 bits for each port beat 32; the lossy Rule with 2 restores this hop limit", "up", port(v6{}, 5682, 5681), "4/8", 2, "UDP.DEV_PORT 10", "UDP.APP_PORT 01")
	g.flags("PartialByte")
	g.ok("8 bits beat 32", "up", port(v6{}, 5694, 5681), "3/8", 2, "UDP.DEV_PORT 1110", "UDP.APP_PORT 0001")
	g.ok("a lossless Rule with 16 bits comes before the lossy one with none", "up", port(v6{hop: 63}, 5683, 5683), "5/8", 2,
		"IPV6.HOP_LMT 00111111", "UDP.DEV_PORT 0011", "UDP.APP_PORT 0011")
	g.ok("no lossless Rule but the one that describes IPv6 alone", "up", port(v6{}, 1, 2), "1/8", 2, "UDP.DEV_PORT x0001", "UDP.APP_PORT x0002")
	g.ok("the Rule that describes less leaves more payload", "up", v6{}.packet(59, unhex("beef")), "6/8", 2, "IPV6.NXT 00111011")
	g.flags("PayloadIsHeader")
	wrong := port(v6{}, 5683, 5683)
	wrong[47] ^= 0x80
	g.ok("a wrong checksum leaves the Rule without UDP", "up", wrong, "6/8", 10, "IPV6.NXT 00010001")
	g.flags("WrongComputed", "PayloadIsHeader")
	tc := port(v6{tc: 1}, 5683, 5683)
	g.ok("no compression comes last", "up", tc, "255/8", len(tc))
	ll := group("FirstMatch: the first Rule of the set that matches.", vectors.Options{FirstMatch: true})
	ll.ok("the first is not the shortest", "up", port(v6{}, 5683, 5683), "1/8", 2, "UDP.DEV_PORT x1633", "UDP.APP_PORT x1633")
	ll.lossy("the first is lossy", "up", port(v6{hop: 63}, 5683, 5683), port(v6{}, 5683, 5683), "2/8", 2)
	ll.Tests[len(ll.Tests)-1].Flags = []string{"Lossy", "OtherRule"}
	no := group("Lossless: a Rule that would change the packet is passed over.", vectors.Options{Lossless: true})
	no.ok("nothing is lost", "up", port(v6{}, 5683, 5683), "2/8", 2)
	no.ok("rather more bits than a loss", "up", port(v6{hop: 63}, 5683, 5683), "5/8", 2,
		"IPV6.HOP_LMT 00111111", "UDP.DEV_PORT 0011", "UDP.APP_PORT 0011")
	ties := newGroup("self", "ties", "RuleID and residue count together; ties by order.")
	ties.ok("four Rules with 12 bits: the first of the set", "up", v6{}.packet(17, nil), "5/4", 0, "IPV6.TC 00000000")
	ties.flags("PartialByte")
	ties.ok("4 + 8 bits and 6 + 6 bits: the first of the set", "up", v6{label: 0x20}.packet(17, nil), "14/4", 0, "IPV6.FL 00100000")
	ties.flags("PartialByte")
	ties.ok("only one matches", "up", v6{hop: 9}.packet(17, nil), "6/4", 0, "IPV6.HOP_LMT 00001001")
	ties.flags("PartialByte")
	return file("RFC 8724, Section 7.2; the choice among valid Rules is an implementation's", "", g, ll, no, ties)
}
