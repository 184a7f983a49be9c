package main

import "github.com/schckit/schckit/vectors"

// coap is the CoAP header, token, options and payload marker.
func coap() *vectors.File {
	g := newGroup("self", "coap", "Token and options.")
	for _, v := range []struct{ token, tkl string }{{"", "0000"}, {"aa", "0001"}, {"0007", "0010"}, {"0000000000000001", "1000"}} {
		t := unhex(v.token)
		res := []string{"COAP.TKL " + v.tkl, mid}
		if len(t) > 0 {
			res = append(res, "COAP.TOKEN"+hexs(t))
		}
		g.ok("token 0x"+v.token+": no size, its length is TKL", "up", join([]byte{0x40 | byte(len(t)), 1, 0x12, 0x34}, t), "1/8", 0, res...)
		g.flags("PartialByte", "LeadingZeros")
	}
	g.none("token length 9", "up", unhex("49011234010203040506070809"))
	g.ok("unregistered option 1, with token", "up", join(unhex("410112340a"), opt(1, unhex("00ff"))), "2/8", 0, "COAP.TKL 0001", mid, "COAP.TOKEN x0a", "COAP.IF-MATCH 0010 x00ff")
	g.flags("PartialByte", "LeadingZeros")
	post := func(options ...[]byte) []byte { return join(unhex("40021234"), join(options...)) }
	g.ok("delta 12, then 1", "up", post(opt(12, unhex("3c")), opt(1, unhex("aa"))), "3/8", 0, mid, "COAP.CONTENT-FORMAT 0001 x3c", "COAP.OPTION-13 0001 xaa")
	g.flags("OptionEdge", "UnknownOption")
	g.ok("delta 14, then 268", "up", post(opt(14, unhex("3c")), opt(268, unhex("aa"))), "4/8", 0, mid, "COAP.MAX-AGE 0001 x3c", "COAP.OPTION-282 0001 xaa")
	g.flags("OptionEdge", "UnknownOption")
	g.ok("delta 13, then 268, of 13 and 14 bytes", "up", post(opt(13, fill(13)), opt(268, fill(14))), "5/8", 0, mid, "COAP.OPTION-13 1101"+hexs(fill(13)), "COAP.OPTION-281 1110"+hexs(fill(14)))
	g.flags("OptionEdge", "UnknownOption")
	g.ok("delta 269, then the largest; of 12 and 269 bytes", "up", post(opt(269, fill(12)), opt(65535-269, fill(269))), "6/8", 0, mid,
		"COAP.OPTION-269 1100"+hexs(fill(12)), "COAP.OPTION-65535 1111 11111111 x010d"+hexs(fill(269)))
	g.flags("OptionEdge", "UnknownOption")
	g.ok("delta 268, then 12; of 268 bytes and none", "up", post(opt(268, fill(268)), opt(12, nil)), "7/8", 0, mid,
		"COAP.OPTION-268 1111 11111111 x010c"+hexs(fill(268)), "COAP.OPTION-280 0000")
	g.flags("OptionEdge", "UnknownOption")
	g.none("an option number above 65535", "up", post(opt(269, fill(12)), unhex("e0fff0")))
	g.none("a delta that is cut off", "up", unhex("40021234d0"))
	g.ok("known options: If-None-Match empty, Observe 0 empty, Max-Age 60, Block1", "up",
		join(unhex("40031234"), opt(5, nil), opt(1, nil), opt(8, unhex("3c")), opt(13, unhex("06")), unhex("ff41")), "8/8", 1, mid)
	g.none("Observe 0 as a zero byte is another value", "up", join(unhex("40031234"), opt(5, nil), opt(1, unhex("00")), opt(8, unhex("3c")), opt(13, unhex("06"))))
	g.flags("LeadingZeros")
	g.none("Max-Age 60 in two bytes is another value", "up", join(unhex("40031234"), opt(5, nil), opt(1, nil), opt(8, unhex("003c")), opt(13, unhex("06"))))
	g.flags("LeadingZeros")
	g.ok("ETag twice, Location-Path", "up", join(unhex("40031234"), opt(4, unhex("00")), opt(0, unhex("0001")), opt(4, text("p"))), "9/8", 0,
		mid, "COAP.ETAG 0001 x00", "COAP.ETAG 0010 x0001", "COAP.LOCATION-PATH 0001 x70")
	g.flags("RepeatedOption", "LeadingZeros", "PartialByte")
	g.ok("token 0x0007 in the Rule", "up", unhex("420412340007"), "10/8", 0, mid)
	g.flags("LeadingZeros")
	g.none("token 0x07 is another", "up", unhex("4104123407"))
	g.flags("LeadingZeros")
	g.ok("a computed TKL needs a size", "up", unhex("43051234010203"), "11/8", 0, mid, "COAP.TOKEN 0011 x010203")
	g.flags("PartialByte")
	g.ok("MSB(20) of a token whose length is TKL", "up", unhex("44061234a1b20fff"), "12/8", 0, mid, "COAP.TOKEN xfff")
	g.flags("PartialLSB", "PartialByte")
	g.ok("code class and detail, 9 bits of the Message ID", "up", unhex("500301aa"), "13/8", 0, "COAP.CODE_DETAIL 00011", "COAP.MID 110101010")
	g.flags("PartialByte")

	udp := newGroup("self", "coap-udp", "CoAP over UDP over IPv6. Rule 2 ends at UDP.")
	msg := join(unhex("40011234"), opt(11, text("a")))
	udp.ok("CoAP", "up", up6(msg), "1/8", 0, mid)
	udp.ok("CoAP with payload", "down", down6(join(msg, unhex("ffaabb"))), "1/8", 2, mid)
	udp.ok("not CoAP on port 5683", "up", up6(text("hello")), "2/8", 5)
	udp.flags("NotCoAP")
	udp.ok("nothing on port 5683", "up", up6(nil), "2/8", 0)
	udp.flags("NotCoAP")
	udp.ok("CoAP that no Rule describes is payload", "up", up6(join(unhex("40011234"), opt(11, text("b")))), "2/8", 6)
	udp.flags("PayloadIsHeader")
	udp.ok("CoAP with a marker and nothing behind it", "up", up6(join(msg, unhex("ff"))), "2/8", 7)
	udp.flags("EmptyMarker", "PayloadIsHeader")

	osc := newGroup("self", "oscore", "The OSCORE option: in its four parts, and whole.")
	opts := func(code byte, v string) []byte { return join([]byte{0x40, code, 0x12, 0x34}, opt(9, unhex(v))) }
	osc.ok("flags, Partial IV, kid", "up", opts(2, "0905 6b"), "1/8", 0, mid, "COAP.OSCORE_FLAGS 0001 x09", "COAP.OSCORE_PIV x05", "COAP.OSCORE_KIDCTX 0000", "COAP.OSCORE_KID 0001 x6b")
	osc.flags("PartialByte")
	osc.ok("everything: Partial IV of 2 bytes, context of 3, kid of 2", "up", opts(2, "1a 0001 03414243 6b6c"), "1/8", 0, mid,
		"COAP.OSCORE_FLAGS 0001 x1a", "COAP.OSCORE_PIV x0001", "COAP.OSCORE_KIDCTX 0100 x03414243", "COAP.OSCORE_KID 0010 x6b6c")
	osc.flags("PartialByte", "LeadingZeros")
	osc.ok("an empty option", "up", opts(2, ""), "1/8", 0, mid, "COAP.OSCORE_FLAGS 0000", "COAP.OSCORE_KIDCTX 0000", "COAP.OSCORE_KID 0000")
	osc.flags("PartialByte")
	osc.ok("an empty kid and an empty context", "up", opts(2, "18 00"), "1/8", 0, mid, "COAP.OSCORE_FLAGS 0001 x18", "COAP.OSCORE_KIDCTX 0001 x00", "COAP.OSCORE_KID 0000")
	osc.flags("PartialByte")
	osc.none("a Partial IV that is cut off", "up", opts(2, "0b0102"))
	osc.none("a kid without its flag", "up", opts(2, "01056b"))
	osc.none("a context that is cut off", "up", opts(2, "1105044142"))
	osc.none("reserved length 6 of the Partial IV", "up", opts(2, "0e010203040506"))
	osc.ok("whole, however it is made", "up", opts(5, "0e01"), "2/8", 0, mid, "COAP.OSCORE 0010 x0e01")
	osc.flags("PartialByte")
	osc.ok("a response without parts", "down", join(unhex("60441234"), opt(9, nil), unhex("ffaa")), "3/8", 1, mid)
	osc.none("a response with a Partial IV", "down", join(unhex("60441234"), opt(9, unhex("0105")), unhex("ffaa")))
	osc.flags("AllAndOnly")

	enc := newGroup("self", "coap-encoded", "Options as they are encoded (microschc's and cschc's fields): delta, length, value, marker.")
	enc.ok("delta is known, length and value are sent", "up", join(unhex("40011234"), opt(11, text("ab"))), "1/8", 0, mid, "COAP.OPT_LENGTH 0010", "COAP.OPT_VALUE 0010 x6162")
	enc.ok("all is known, with payload", "up", unhex("60451234c13cff2a"), "2/8", 1, mid)
	enc.ok("extended delta and length", "up", join(unhex("40021234"), opt(20, fill(13)), unhex("ff01")), "3/8", 1, mid,
		"COAP.OPT_DELTA_EXT 00000111", "COAP.OPT_LENGTH_EXT 00000000", "COAP.OPT_VALUE 1101"+hexs(fill(13)))
	enc.flags("OptionEdge", "PartialByte")
	enc.none("a marker is due", "up", unhex("60451234c13c"))
	return file("RFC 7252, Section 3; RFC 8613, Section 6.1; RFC 8824; draft-ietf-schc-8824-update-09", "", g, udp, osc, enc)
}

// rfc8824 is the worked examples of RFC 8824, Section 7.3, and of
// draft-ietf-schc-8824-update-09, Sections 8 and 10.
func rfc8824() *vectors.File {
	const (
		request  = "4101000182bb74656d7065726174757265"               // Figure 8
		response = "6145000182ff32332043"                             // Figure 9
		outer    = "4102000182980904636c69656e74ffa2c54fe1b434297b62" // Figure 12
		answer   = "614400018290ff10c6d7c26cc1e9aef3f2461e0c29"       // Figure 13
		host     = "x6578616d706c652e636f6d"
	)
	one := func(rules string) *group { return newGroup("rfc", rules, "") }
	t4 := one("8824-9-table4")
	t4.ok("Figure 10: inner request", "up", unhex("01bb74656d7065726174757265"), "0/8", 0)
	t4.ok("Figure 11: inner response", "down", unhex("45ff32332043"), "0/8", 4, "COAP.CODE 0")
	t4.flags("PartialByte")
	t4.ok("not found", "down", unhex("84"), "0/8", 0, "COAP.CODE 1")
	t4.flags("PartialByte")
	t56 := one("8824-9-tables5-6")
	t56.Comment = "Table 6 prints Code 2 (POST) for the uplink; its message is a GET, Code 1, which is what the rule file has."
	t56.ok("Figure 14: outer request", "up", unhex(outer), "1/8", 9, "COAP.MID 0001", "COAP.TOKEN 010", "COAP.OSCORE_PIV 0100", "COAP.OSCORE_KID 0100 0100")
	t56.flags("PartialByte")
	t56.ok("Figure 15: outer response", "down", unhex(answer), "1/8", 14, "COAP.MID 0001", "COAP.TOKEN 010")
	t56.flags("PartialByte")
	t56.ok("Figure 16: request without OSCORE", "up", unhex(request), "2/8", 0, "COAP.MID 0001", "COAP.TOKEN 010")
	t56.flags("PartialByte")
	t56.ok("Figure 17: response without OSCORE", "down", unhex(response), "2/8", 4, "COAP.CODE 0", "COAP.MID 0001", "COAP.TOKEN 010")
	t3 := one("8824-9-table3")
	t3.ok("Section 8.1: a POST to /status", "down", join(unhex("400200a5"), opt(11, text("status"))), "1/8", 0, "COAP.CODE 00010", "COAP.MID 010100101")
	t3.flags("PartialByte")
	t3.ok("Section 8.1: its acknowledgment", "up", unhex("604400a5"), "1/8", 0, "COAP.TYPE 0", "COAP.CODE 01000", "COAP.MID 010100101")
	t3.flags("PartialByte")
	t3.ok("Section 8.1: a reset", "up", unhex("700000a5"), "1/8", 0, "COAP.TYPE 1", "COAP.CODE 00000", "COAP.MID 010100101")
	t3.flags("PartialByte")
	t3.none("Section 8.1: a Message ID that does not begin with 7 zero bits", "up", unhex("604402a5"))

	t7, t8, t9, t10, t11 := one("8824-9-table7"), one("8824-9-table8"), one("8824-9-table9"), one("8824-9-table10"), one("8824-9-table11")
	t7.ok("Figures 18 and 20: request to the proxy", "up", unhex("41010001823b6578616d706c652e636f6d8b74656d7065726174757265d40f636f6170"), "0/8", 0,
		"COAP.CODE 00", "COAP.MID 0001", "COAP.TOKEN 010", "COAP.URI-HOST 1011 "+host)
	t7.flags("PartialByte")
	t7.ok("Figures 24 and 25: response to the Device", "down", unhex("6145000182ff32332043"), "0/8", 4, "COAP.TYPE 1", "COAP.CODE 10", "COAP.MID 0001", "COAP.TOKEN 010")
	t7.flags("PartialByte")
	t8.ok("Figures 21 and 22: request to the server", "up", unhex("41010004753b6578616d706c652e636f6d8b74656d7065726174757265"), "1/8", 0,
		"COAP.CODE 00", "COAP.MID 0100", "COAP.TOKEN 101", "COAP.URI-HOST 1011 "+host)
	t8.flags("PartialByte")
	t8.ok("Figures 19 and 23: response to the proxy", "down", unhex("6145000475ff32332043"), "1/8", 4, "COAP.TYPE 1", "COAP.CODE 10", "COAP.MID 0100", "COAP.TOKEN 101")
	t8.flags("PartialByte")
	t9.ok("Figure 26: inner request", "up", unhex("01bb74656d7065726174757265"), "2/8", 0, "COAP.CODE 00")
	t9.flags("PartialByte")
	t9.ok("Figure 27: inner response", "down", unhex("45ff32332043"), "2/8", 4, "COAP.CODE 10")
	t9.flags("PartialByte")
	t10.ok("Figures 28 and 29: outer request to the proxy", "up", unhex("41020001823b6578616d706c652e636f6d6409040005d411636f6170ffa2cfc54fe1b434297b62"), "3/8", 10,
		"COAP.MID 0001", "COAP.TOKEN 010", "COAP.URI-HOST 1011 "+host, "COAP.OSCORE_PIV 0100", "COAP.OSCORE_KID 0100 0101")
	t10.flags("PartialByte")
	t10.ok("Figures 34 and 35: outer response to the Device", "down", unhex(answer), "3/8", 14, "COAP.TYPE 1", "COAP.MID 0001", "COAP.TOKEN 010")
	t11.ok("Figures 30 and 31: outer request to the server", "up", unhex("41020004753b6578616d706c652e636f6d6409040005ffa2cfc54fe1b434297b62"), "4/8", 10,
		"COAP.MID 0100", "COAP.TOKEN 101", "COAP.URI-HOST 1011 "+host, "COAP.OSCORE_PIV 0100", "COAP.OSCORE_KID 0100 0101")
	t11.flags("PartialByte")
	t11.ok("Figures 32 and 33: outer response to the proxy", "down", unhex("614400047590ff10c6d7c26cc1e9aef3f2461e0c29"), "4/8", 14, "COAP.TYPE 1", "COAP.MID 0100", "COAP.TOKEN 101")
	old := one("8824-tables5-6")
	old.Comment = "RFC 8824's own RuleIDs. Its Figures 12 and 13 have option 21 where OSCORE is 9, and its Figure 14 lacks the size of the kid's residue (RFC 8724, 7.4.2)."
	old.ok("Figure 14, with the size", "up", unhex(outer), "0/8", 9, "COAP.MID 0001", "COAP.TOKEN 010", "COAP.OSCORE_PIV 0100", "COAP.OSCORE_KID 0100 0100")
	old.flags("PartialByte")
	old.ok("Figure 15", "down", unhex(answer), "0/8", 14, "COAP.MID 0001", "COAP.TOKEN 010")
	old.flags("PartialByte")
	old.ok("Figure 16", "up", unhex(request), "1/8", 0, "COAP.MID 0001", "COAP.TOKEN 010")
	old.flags("PartialByte")
	old.ok("Figure 17", "down", unhex(response), "1/8", 4, "COAP.CODE 0", "COAP.MID 0001", "COAP.TOKEN 010")
	old.none("Figure 12 as it is printed: option 21", "up", unhex("4102000182d8080904636c69656e74ffa2c54fe1b434297b62"))
	// What the figures print, so that a slip of the hand above shows.
	for _, v := range []struct {
		g    *group
		test int
		want string
	}{
		{t4, 0, "00"}, {t4, 1, "001919902180"}, {t56, 0, "0114889458a9fc3686852f6c40"}, {t56, 1, "0114218daf84d983d35de7e48c3c1852"},
		{t56, 2, "0214"}, {t56, 3, "020a32332043"}, {t7, 0, "00055b2bc30b6b836329731b7b68"}, {t7, 1, "00c28c8cc810c0"},
		{t8, 0, "0112db2bc30b6b836329731b7b68"}, {t8, 1, "01c94c8cc810c0"}, {t9, 0, "0200"}, {t9, 1, "028c8cc810c0"},
		{t10, 0, "03156caf0c2dae0d8ca5cc6deda88b459f8a9fc3686852f6c4"}, {t10, 1, "038a10c6d7c26cc1e9aef3f2461e0c29"},
		{t11, 0, "044b6caf0c2dae0d8ca5cc6deda88b459f8a9fc3686852f6c4"}, {t11, 1, "04a510c6d7c26cc1e9aef3f2461e0c29"},
		{old, 1, "0014218daf84d983d35de7e48c3c1852"}, {old, 2, "0114"}, {old, 3, "010a32332043"},
	} {
		if got := v.g.Tests[v.test].SCHC; got != v.want {
			panic(v.g.Tests[v.test].Comment + ": " + got + ", the figure has " + v.want)
		}
	}
	return file("RFC 8824, Section 7.3; draft-ietf-schc-8824-update-09, Sections 8 and 10", "", t3, t4, t56, t7, t8, t9, t10, t11, old)
}
