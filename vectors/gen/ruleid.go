package main

import "github.com/schckit/schckit/vectors"

// esp is an ESP header, where a set of Rules may start, and what follows.
func esp(spi, sn int, data ...byte) []byte { return join(u32(spi), u32(sn), data) }

// ruleID is RuleIDs of 0 to 32 bits, of different lengths in one set.
func ruleID() *vectors.File {
	zero := newGroup("self", "ruleid-0", "An implicit RuleID: 0 bits, one Rule in the set (RFC 9363).")
	zero.ok("no RuleID at all", "up", esp(0x01020304, 5, 0xaa), "0/0", 1, "ESP.SPI x01020304", "ESP.SN 00000101")
	zero.none("no match", "up", esp(0x01020304, 0x105, 0xaa))
	mixed := newGroup("self", "ruleid-mixed", "1/1, 1/2, 1/3, 188/12, 233767203/32; 1/4 is for fragmentation, 1/7 for no compression.")
	mixed.ok("1 bit", "up", esp(1, 7), "1/1", 0, "ESP.SN 00000111")
	mixed.flags("PartialByte")
	mixed.ok("2 bits", "up", esp(2, 7), "1/2", 0, "ESP.SN 00000111")
	mixed.flags("PartialByte")
	mixed.ok("3 bits", "down", esp(3, 7), "1/3", 0, "ESP.SN 00000111")
	mixed.flags("PartialByte")
	mixed.ok("12 bits", "up", esp(4, 7, 0xff), "188/12", 1, "ESP.SN 00000111")
	mixed.flags("LongRuleID", "PartialByte")
	mixed.ok("32 bits", "up", esp(5, 7, 0xff), "233767203/32", 1, "ESP.SN 00000111")
	mixed.flags("LongRuleID")
	mixed.ok("no compression, 7 bits", "up", esp(6, 7, 0xff), "1/7", 9)
	mixed.flags("PartialByte")
	mixed.bad("an unknown RuleID", "up", "00000000 x0000000000", "no-rule")
	mixed.bad("the beginning of 188/12 and of nothing else", "up", "00001011", "truncated")
	mixed.bad("no RuleID begins like this", "up", "00001010", "no-rule")
	mixed.bad("a SCHC Fragment", "up", "0001 0 1 x01020304", "unsupported")
	mixed.flags("UnsupportedInput")
	long := newGroup("self", "ruleid-long", "RuleIDs of 16 and 24 bits.")
	for _, v := range []struct {
		spi  int
		rule string
	}{{1, "4660/16"}, {2, "13330/16"}, {3, "1/24"}, {4, "8388608/24"}} {
		long.ok("RuleID "+v.rule, "up", esp(v.spi, 0), v.rule, 0, "ESP.SN 00000000")
		long.flags("LongRuleID")
	}
	long.bad("half a RuleID", "up", "x12", "truncated")
	long.bad("a RuleID with its bytes in the other order is another", "up", "x3412 00000101", "valid")
	long.Tests = long.Tests[:len(long.Tests)-1]
	long.bad("not one of them", "up", "x1235 00000000", "no-rule")
	return file("RFC 8724, Section 6; RFC 9363", "", zero, mixed, long)
}

// noCompression is the Rule that sends packets as they are.
func noCompression() *vectors.File {
	g := newGroup("rfc", "nocomp", "")
	plain := up6(text("hi"))
	g.ok("a Rule matches: it is used", "up", plain, "1/2", 2)
	g.flags("PartialByte")
	odd := up6(text("hi"))
	odd[1] = 0x01
	g.ok("uplink", "up", odd, "5/3", len(odd))
	g.flags("PartialByte")
	g.ok("downlink", "down", odd, "5/3", len(odd))
	g.flags("PartialByte")
	g.ok("what is not IP", "up", unhex("00"), "5/3", 1)
	g.flags("PartialByte")
	g.ok("a truncated header", "up", plain[:45], "5/3", 45)
	g.flags("PartialByte")
	g.bad("RuleID and nothing is an empty packet, which nobody sends", "up", "101", "valid")
	g.Tests = g.Tests[:len(g.Tests)-1]
	g.bad("padding that is not zero", "up", "101 x45 00001", "malformed")
	g.flags("Padding")
	only := newGroup("rfc", "nocomp-only", "A set of nothing else.")
	only.ok("8 bits of RuleID", "down", plain, "0/8", len(plain))
	only.bad("another RuleID", "down", "00000001 x45", "no-rule")
	return file("RFC 8724, Sections 6 and 7.2", "", g, only)
}

// malformed is SCHC Packets that no compressor sends.
func malformed() *vectors.File {
	g := newGroup("self", "sizes", "Sizes: the shortest form is the only one.")
	for _, v := range []struct{ comment, size string }{
		{"size 0 in 12 bits", "1111 00000000"}, {"size 14 in 12 bits", "1111 00001110 x0102030405060708090a0b0c0d0e"},
		{"size 0 in 28 bits", "1111 11111111 x0000"}, {"size 14 in 28 bits", "1111 11111111 x000e x0102030405060708090a0b0c0d0e"},
		{"size 15 in 28 bits", "1111 11111111 x000f x0102030405060708090a0b0c0d0e0f"},
		{"size 254 in 28 bits", "1111 11111111 x00fe" + hexs(fill(254))},
	} {
		g.bad(v.comment, "up", "00000001 x1234 "+v.size, "malformed")
		g.flags("NonShortestSize")
	}
	g.bad("a size in bits that is no whole number of bytes", "up", "00000010 x1234 0111 0000000", "malformed")
	g.bad("with the 12 known bits no whole number of bytes", "up", "00000100 x1234 0011 000", "malformed")
	g.bad("nothing behind the RuleID", "up", "00000001", "truncated")
	g.bad("cut off in the Message ID", "up", "00000001 x12", "truncated")
	g.bad("cut off before the size", "up", "00000001 x1234", "truncated")
	g.bad("cut off in the size", "up", "00000001 x1234 1111 0001", "truncated")
	g.bad("cut off in a long size", "up", "00000001 x1234 1111 11111111 x01 0000", "truncated")
	g.bad("cut off in the value", "up", "00000001 x1234 0010 x61", "truncated")
	g.bad("a value of 65535 bytes that is not there", "up", "00000001 x1234 1111 11111111 xffff x0000", "truncated")
	g.bad("padding that is not zero", "up", "00000001 x1234 0001 x61 0001", "malformed")
	g.flags("Padding")
	g.bad("padding before a whole byte is no padding but payload", "up", "00000001 x1234 0000 0100", "malformed")
	g.flags("Padding")
	g.ok("four bits of padding", "up", get(opt(11, text("a"))), "1/8", 0, mid, "COAP.URI-PATH 0001 x61")
	g.flags("Padding", "PartialByte")
	g.only("a byte of zeros behind the residue is payload", "up", "00000001 x1234 0001 x61 x00", get(opt(11, text("a")), unhex("ff00")), "1/8")
	g.Tests[len(g.Tests)-1].Flags = []string{"Padding"}
	tail := &g.Tests[len(g.Tests)-1]
	tail.Residue = []string{mid, "COAP.URI-PATH 0001 x61"}
	g.bad("an unknown RuleID", "up", "00001001 x1234", "no-rule")

	enc := newGroup("self", "coap", "Fields that contradict each other.")
	enc.bad("token length 9", "up", "00000001 1001 x1234 x010203040506070809", "malformed")
	enc.bad("token length 15", "up", "00000001 1111 x1234 x0102030405060708090a0b0c0d0e0f", "malformed")
	enc.bad("token of 9 bytes with a computed length", "up", "00001011 x1234 1001 x010203040506070809", "malformed")

	ip := newGroup("self", "ipv4", "Structure: what the Rule describes must come out.")
	ip.bad("version 6 in an IPv4 header", "up", "00000001 0110 0101 x000014 x0000 000 x000 0 x0000 x0000 x00000000 x00000000 0000", "malformed")
	ip.bad("IHL 4", "up", "00000001 0100 0100 x000014 x0000 000 x000 0 x0000 x0000 x00000000 x00000000 0000", "malformed")
	ip.bad("IHL 6 without options", "up", "00000001 0100 0110 x000014 x0000 000 x000 0 x0000 x0000 x00000000 x00000000 0000", "malformed")
	ip.bad("options of 3 bytes", "up", "00000001 0100 0110 x000014 x0000 000 x000 0 x0000 x0000 x00000000 x00000000 0011 x010203", "malformed")
	long := newGroup("self", "compute-udp", "")
	long.bad("a RuleID and nothing: a datagram without data", "up", "00000001", "valid")
	long.Tests = nil
	long.ok("a datagram without data", "up", up6(nil), "1/8", 0)
	next := newGroup("self", "select", "")
	next.bad("a RuleID of the set, cut off", "up", "00000001 x1633 x16", "truncated")
	return file("RFC 8724, Sections 7.4.2 and 9", "", g, enc, ip, long, next)
}
