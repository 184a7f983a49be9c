package schc

// This file holds the sequences of the RFCs, line by line as they are drawn.

// figures8724 are Figures 29 to 38 of RFC 8724, Appendix B, and the ACKs of
// Figures 16 to 19. The RFC gives W, FCN and bitmaps; RuleID, DTag, tile size and contents are chosen so that
// nothing ends on a byte boundary by itself.
func figures8724() []figureGroup {
	noAck := Fragmentation{Mode: FragmentationNoAck, Direction: DirUp, FCNBits: 1, InactivityMs: 60_000}
	onError := Fragmentation{Mode: FragmentationAckOnError, Direction: DirUp, DTagBits: 2, WBits: 1, FCNBits: 3, TileBits: 86,
		All1Data: All1DataYes, AckBehavior: AckByLayer2, AckOnRepair: true, MaxAckRequests: 4, RetransmissionMs: 10_000, InactivityMs: 60_000, ListenMs: 1000}
	many := onError
	many.WBits, many.FCNBits, many.WindowSize, many.TileBits, many.AckBehavior, many.ListenMs = 2, 5, 28, 61, AckAfterAll1, 0
	always := Fragmentation{Mode: FragmentationAckAlways, Direction: DirUp, DTagBits: 1, WBits: 1, FCNBits: 3,
		MaxAckRequests: 4, RetransmissionMs: 10_000, InactivityMs: 60_000}
	wide := always
	wide.FCNBits, wide.WindowSize = 5, 24
	// The header of an ACK has 13 bits and 7 bits, as where the L2 Word boundary
	// of Figures 16 to 19 is drawn.
	seventeen, seven := wide, always
	seventeen.DTagBits, seventeen.WindowSize, seven.DTagBits = 0, 17, 0
	six := []int{86, 86, 86, 86, 86, 50}
	// With an MTU of 12 bytes; headers have 10 bits, those of No-ACK 7.
	eleven := []int{86, 86, 86, 86, 86, 86, 86, 86, 86, 86, 50}
	return []figureGroup{
		{source: "rfc", id: RuleID{0x2c, 6}, f: noAck, figs: []figure{{
			comment: "Figure 29: No-ACK, 11 SCHC Fragments", flags: []string{"PartialByte", "LastTileAlone"},
			bits: 940, tiles: []int{89, 89, 89, 89, 89, 89, 89, 89, 89, 89, 50},
			lines: "mtu 96\nS 0 0\nS 1 0\nS 2 0\nS 3 0\nS 4 0\nS 5 0\nS 6 0\nS 7 0\nS 8 0\nS 9 0\nA 0",
		}}},
		{source: "rfc", id: RuleID{9, 4}, f: onError, figs: []figure{{
			comment: "Figure 30: ACK-on-Error, 11 tiles, no lost SCHC Fragment", flags: []string{"PartialByte", "Timer", "LastTileAlone"},
			dtag: 1, bits: 910,
			lines: lines("mtu 96", down(0, 6, 0), "TS", down(1, 6, 4), "A 1\n+ 1"),
		}, {
			comment: "Figure 31: ACK-on-Error, 11 tiles, three lost SCHC Fragments", flags: []string{"PartialByte", "MessageLost", "LastTileAlone"},
			dtag: 2, bits: 910,
			lines: lines("mtu 96", "S 0 6\nS 0 5\nS 0 4 X\nS 0 3\nS 0 2 X\nS 0 1\nS 0 0\n- 0 1101011\nS 0 4\nS 0 2",
				"S 1 6\nS 1 5\nS 1 4 X\nA 1\n- 1 1100001\nS 1 4\n+ 1"),
		}}},
		{source: "rfc", id: RuleID{0x16, 5}, f: many, figs: []figure{{
			comment: "Figure 32: ACK-on-Error, variable MTU, 73 tiles, three lost SCHC Fragments", flags: []string{"PartialByte", "MessageLost", "VariableMTU", "LastTileAlone"},
			dtag: 3, bits: 72*61 + 33,
			lines: lines("mtu 264", "S 0 27 4\nS 0 23 4\nS 0 19 4\nS 0 15 4 X\nS 0 11 4\nS 0 7 4\nS 0 3 4",
				"S 1 27 4\nS 1 23 4\nS 1 19 4\nS 1 15 4\nS 1 11 4\nS 1 7 4\nS 1 3 4 X", "S 2 27 4\nS 2 23 4",
				"mtu 88", down(2, 19, 14), "S 2 13 X\nS 2 12\nA 2",
				"- 0 1111111111110000111111111111", down(0, 15, 12),
				"- 1 1111111111111111111111110000", down(1, 3, 0),
				"- 2 1111111111111101000000000001", "S 2 13\n+ 2"),
		}}},
		{source: "rfc", id: RuleID{0x13, 5}, f: always, figs: []figure{{
			comment: "Figure 33: ACK-Always, 11 tiles, no loss", flags: []string{"PartialByte", "LastTileAlone"},
			dtag: 1, bits: 910, tiles: eleven,
			lines: lines("mtu 96", down(0, 6, 0), "- 0 1111111", down(1, 6, 4), "A 1\n+ 1"),
		}, {
			comment: "Figure 34: ACK-Always, 11 tiles, three lost SCHC Fragments (the figure's last bitmap, 11000001, has a bit too many)", flags: []string{"PartialByte", "MessageLost", "LastTileAlone", "TextNotFigure"},
			bits: 910, tiles: eleven,
			lines: lines("mtu 96", "S 0 6\nS 0 5\nS 0 4 X\nS 0 3\nS 0 2 X\nS 0 1\nS 0 0\n- 0 1101011\nS 0 4\nS 0 2\n- 0 1111111",
				"S 1 6\nS 1 5\nS 1 4 X\nA 1\n- 1 1100001\nS 1 4\n+ 1"),
		}, {
			comment: "Figure 35: ACK-Always, six tiles, three lost SCHC Fragments", flags: []string{"PartialByte", "MessageLost", "LastTileAlone"},
			bits: 480, tiles: six,
			lines: lines("mtu 96", "S 0 6\nS 0 5\nS 0 4 X\nS 0 3 X\nS 0 2 X\nA 0\n- 0 1100001\nS 0 4\nS 0 3\nS 0 2\n+ 0"),
		}, {
			comment: "Figure 36: ACK-Always, six tiles, SCHC ACK lost", flags: []string{"PartialByte", "MessageLost", "Timer", "LastTileAlone"},
			bits: 480, tiles: six,
			lines: lines("mtu 96", "S 0 6\nS 0 5\nS 0 4 X\nS 0 3 X\nS 0 2 X\nA 0\n- 0 1100001\nS 0 4\nS 0 3\nS 0 2\n+ 0 X\nTS\nQ 0\n+ 0"),
		}, {
			comment: "Figure 37: ACK-Always, six tiles, retransmitted SCHC Fragment lost again (the figure's second bitmap, 1111101, has the lost tile)", flags: []string{"PartialByte", "MessageLost", "Timer", "LastTileAlone", "TextNotFigure"},
			bits: 480, tiles: six,
			lines: lines("mtu 96", "S 0 6\nS 0 5\nS 0 4 X\nS 0 3 X\nS 0 2 X\nA 0\n- 0 1100001\nS 0 4\nS 0 3\nS 0 2 X\nTS\nQ 0\n- 0 1111001\nS 0 2\n+ 0"),
		}}},
		{source: "rfc", id: RuleID{0x35, 6}, f: wide, figs: []figure{{
			comment: "Figure 38: ACK-Always, 28 tiles, lost SCHC Fragments", flags: []string{"PartialByte", "MessageLost", "LastTileAlone"},
			bits: 27*83 + 40, tiles: append(repeat(83, 27), 40),
			lines: lines("mtu 96", "S 0 23\nS 0 22\nS 0 21 X", down(0, 20, 11), "S 0 10 X", down(0, 9, 0),
				"- 0 110111111111101111111111\nS 0 21\nS 0 10\n- 0 111111111111111111111111", down(1, 23, 21), "A 1\n+ 1"),
		}}},
		{source: "rfc", id: RuleID{0x4d3, 11}, f: seventeen, figs: []figure{{
			comment: "Figures 16 and 17: of a bitmap of 17 bits, 14 ones at the end are not sent", flags: []string{"PartialByte", "MessageLost", "LastTileAlone"},
			bits: 17*79 + 40, tiles: append(repeat(79, 17), 40),
			lines: lines("mtu 96", "S 0 16\nS 0 15 X", down(0, 14, 0), "- 0 10111111111111111\nS 0 15\n- 0 11111111111111111\nA 1\n+ 1"),
		}}},
		{source: "rfc", id: RuleID{0x15, 5}, f: seven, figs: []figure{{
			comment: "Figures 18 and 19: a bitmap that is sent whole and padded, one of which one bit is sent", flags: []string{"PartialByte", "MessageLost", "LastTileAlone"},
			bits: 7*87 + 40, tiles: append(repeat(87, 7), 40),
			lines: lines("mtu 96", "S 0 6\nS 0 5 X\nS 0 4\nS 0 3 X\nS 0 2\nS 0 1\nS 0 0\n- 0 1010111\nS 0 5\nS 0 3\n- 0 1111111\nA 1\n+ 1"),
		}}},
	}
}

func repeat(v, n int) (s []int) {
	for ; n > 0; n-- {
		s = append(s, v)
	}
	return s
}

// figures9011 are the uplink of RFC 9011, Appendix A.2 (Figures 21 to 27), and
// the downlink of A.3 (Figures 28 to 35). MTUs count the FPort.
func figures9011() []figureGroup {
	up, dn := LoRaWANUp(), LoRaWANDown()
	after := up
	after.Fragmentation.AckBehavior = AckAfterAll1
	dn.Fragmentation.UplinkAckMs = 0
	return []figureGroup{
		{source: "rfc", id: up.Rule, f: up.Fragmentation, figs: []figure{{
			comment: "Figures 21-27: uplink, 282 bytes and 5 bits (Figure 26 says 44 bytes for an All-1 of 5)", flags: []string{"PartialByte", "VariableMTU", "LastTileInRest"},
			bits:  2261, // Figure 26 says 44 bytes for an All-1 that has 5 besides the FPort
			lines: lines("mtu 96\nS 0 62", "mtu 1856\nS 0 61 23", "mtu 1944\nS 0 38 5\nA 0 -\n+ 0"),
		}, {
			comment: "as before, the second and third uplinks lost", flags: []string{"PartialByte", "VariableMTU", "LastTileInRest", "MessageLost"},
			bits: 2261,
			lines: lines("mtu 96\nS 0 62", "mtu 1856\nS 0 61 23 X", "mtu 1944\nS 0 38 5 X\nA 0 -",
				"- 0 100000000000000000000000000000000000000000000000000000000000000\nS 0 61 24\nS 0 37 4\nA 0 -\n+ 0"),
		}, {
			comment: "two windows, an ACK after each", flags: []string{"LastTileAlone"},
			bits:  66*80 + 24,
			lines: lines("mtu 1936\nS 0 62 24\nS 0 38 24\nS 0 14 15\n- 0 111111111111111111111111111111111111111111111111111111111111111\nS 1 62 4\nA 1 -\n+ 1"),
		}}},
		{source: "rfc", id: after.Rule, f: after.Fragmentation, figs: []figure{{
			comment: "two windows, an ACK at the end only, the All-1 has the last tile", flags: []string{"LastTileAlone"},
			bits:  66*80 + 24,
			lines: lines("mtu 1776\nS 0 62 22\nS 0 40 22\nS 0 18 22\nA 1\n+ 1"),
		}}},
		{source: "rfc", id: dn.Rule, f: dn.Fragmentation, figs: []figure{{
			// Figures 31 and 33 acknowledge the first two with C=1, which is
			// 0x40 and 0xc0. "A value of 1 tells that the integrity check was
			// performed and is successful" (RFC 8724, Section 8.2.4), so it is
			// C=0 and the bitmap 1, as RFC 9011, Section 5.6.3.5.1 says: "The
			// ACK bitmap is 1 bit long and is always 1". A Sender takes both.
			comment: "Figures 28-35: downlink, 130 bytes and 5 bits (Figures 31 and 33 show the ACKs of windows 0 and 1 with C=1, which RFC 8724 has for the integrity check only)", flags: []string{"PartialByte", "VariableMTU", "LastTileAlone", "TextNotFigure"},
			bits: 1045, tiles: []int{406, 390, 249},
			lines: lines("mtu 416\nS 0 0\n- 0 1", "mtu 400\nS 1 0\n- 1 1", "mtu 416\nA 2\n+ 2"),
		}}},
	}
}

// figures9441 is Figure 7 of RFC 9441; Figure 8 is its Compound ACK.
func figures9441() []figureGroup {
	f := Fragmentation{Mode: FragmentationAckOnError, Direction: DirUp, DTagBits: 1, WBits: 2, FCNBits: 3, TileBits: 75,
		All1Data: All1DataYes, CompoundAck: true, FullLastBitmap: true, AckOnRepair: true, RetransmissionMs: 10_000, InactivityMs: 60_000}
	cut := f
	cut.FullLastBitmap = false
	fig := figure{
		comment: "Figures 7 and 8: 14 tiles, losses in two windows, one Compound ACK", flags: []string{"PartialByte", "MessageLost", "CompoundAck", "LastTileAlone"},
		dtag: 1, bits: 13*75 + 30,
		lines: lines("mtu 96", "S 0 6\nS 0 5\nS 0 4\nS 0 3\nS 0 2 X\nS 0 1\nS 0 0", "S 1 6\nS 1 5\nS 1 4\nS 1 3\nS 1 2\nS 1 1 X\nA 1",
			"- 0 1111011 1 1111101\nS 0 2\nS 1 1\n+ 1"),
	}
	short := fig
	short.comment = "as before, the last bitmap compressed"
	return []figureGroup{
		{source: "rfc", id: RuleID{0x4a, 7}, f: f, figs: []figure{fig}},
		{source: "rfc", id: RuleID{0x4a, 7}, f: cut, figs: []figure{short}},
	}
}

// figures9442 are Figures 31 to 42 of RFC 9442.
func figures9442() []figureGroup {
	no, one, opt1, opt2, dn := SigfoxNoAck(), SigfoxSingleByte(), SigfoxTwoByte1(), SigfoxTwoByte2(), SigfoxDown()
	atEnd := one
	atEnd.Fragmentation.AckBehavior = AckAfterAll1
	w0 := down(0, 6, 0)
	return []figureGroup{
		{source: "rfc", id: no.Rule, f: no.Fragmentation, figs: []figure{{
			comment: "Figure 31: No-ACK, no losses (the figure has an All-1 of 15; N is 5)", flags: []string{"LastTileAlone", "TextNotFigure"}, bits: 6*88 + 40,
			lines: "mtu 96\nS 0 6\nS 1 5\nS 2 4\nS 3 3\nS 4 2\nS 5 1\nA 0",
		}, {
			comment: "Figure 32: No-ACK, a loss (the figure has an All-1 of 15; N is 5)", flags: []string{"MessageLost", "LastTileAlone", "TextNotFigure"}, bits: 6*88 + 40, result: "incomplete",
			lines: "mtu 96\nS 0 6\nS 1 5 X\nS 2 4\nS 3 3\nS 4 2\nS 5 1\nA 0",
		}}},
		{source: "rfc", id: one.Rule, f: one.Fragmentation, figs: []figure{{
			comment: "Figure 33: no losses", flags: []string{"Timer", "LastTileAlone"}, bits: 10*88 + 64,
			lines: lines("mtu 96", w0, "TS", down(1, 6, 4), "A 1\n+ 1"),
		}, {
			comment: "Figure 34: losses in the first window", flags: []string{"MessageLost", "CompoundAck", "LastTileAlone"}, bits: 10*88 + 64,
			lines: lines("mtu 96", "S 0 6\nS 0 5 X\nS 0 4\nS 0 3\nS 0 2 X\nS 0 1\nS 0 0\n- 0 1011011\nS 0 5\nS 0 2", down(1, 6, 4), "A 1\n+ 1"),
		}, {
			comment: "Figure 35: All-0 lost", flags: []string{"MessageLost", "Timer", "CompoundAck", "LastTileAlone"}, bits: 10*88 + 64,
			lines: lines("mtu 96", down(0, 6, 1), "S 0 0 X\nTS", down(1, 6, 4), "A 1\n- 0 1111110\nS 0 0\nA 1\n+ 1"),
		}, {
			comment: "Figure 36: All-0 and others lost", flags: []string{"MessageLost", "Timer", "CompoundAck", "LastTileAlone"}, bits: 10*88 + 64,
			lines: lines("mtu 96", "S 0 6\nS 0 5 X\nS 0 4\nS 0 3 X\nS 0 2\nS 0 1\nS 0 0 X\nTS", down(1, 6, 4), "A 1\n- 0 1010110\nS 0 5\nS 0 3\nS 0 0\nA 1\n+ 1"),
		}, {
			comment: "Figure 37: losses in the first and second windows (1)", flags: []string{"MessageLost", "Timer", "CompoundAck", "LastTileAlone"}, bits: 10*88 + 64,
			lines: lines("mtu 96", "S 0 6\nS 0 5 X\nS 0 4\nS 0 3 X\nS 0 2\nS 0 1\nS 0 0 X\nTS", "S 1 6 X\nS 1 5\nS 1 4 X\nA 1\n- 0 1010110 1 0100001",
				"S 0 5\nS 0 3\nS 0 0\nS 1 6\nS 1 4\nA 1\n+ 1"),
		}, {
			comment: "Figure 38: losses in the first and second windows (2)", flags: []string{"MessageLost", "Timer", "CompoundAck", "LastTileAlone"}, bits: 8*88 + 16,
			lines: lines("mtu 96", "S 0 6\nS 0 5 X\nS 0 4\nS 0 3 X\nS 0 2\nS 0 1\nS 0 0 X\nTS", "S 1 6 X\nA 1\n- 0 1010110 1 0000001",
				"S 0 5\nS 0 3\nS 0 0\nS 1 6\nA 1\n+ 1"),
		}, {
			comment: "Figure 39: SCHC ACK lost", flags: []string{"MessageLost", "Timer", "LastTileAlone"}, bits: 10*88 + 64,
			lines: lines("mtu 96", w0, "TS", down(1, 6, 4), "A 1\n+ 1 X\nTS\nA 1\n+ 1"),
		}, {
			comment: "Figure 41: Sender-Abort", flags: []string{"MessageLost", "Timer", "LastTileAlone", "Abort"}, bits: 10*88 + 64, result: "unanswered",
			lines: lines("mtu 96", w0, "TS", down(1, 6, 4), "A 1\n+ 1 X\nTS\nA 1\n+ 1 X\nTS\nA 1\n+ 1 X\nTS\nA 1\n+ 1 X\nTS\nA 1\n+ 1 X\nTS\nA 1\n+ 1 X\nTS\n!S"),
		}, {
			comment: "Figure 42: Receiver-Abort", flags: []string{"Abort", "LastTileAlone"}, bits: 10*88 + 64, result: "refused", refuses: true,
			lines: lines("mtu 96", w0, "!R"),
		}, {
			comment: "a packet of 7 whole tiles ends with an empty one", flags: []string{"Timer", "LastTileAlone"}, bits: 7 * 88,
			lines: lines("mtu 96", w0, "TS", "A 1\n+ 1"),
		}}},
		{source: "rfc", id: atEnd.Rule, f: atEnd.Fragmentation, figs: []figure{{
			comment: "Figure 40: Compound ACK at the end", flags: []string{"MessageLost", "CompoundAck", "LastTileAlone"}, bits: 8*88 + 16,
			lines: lines("mtu 96", "S 0 6\nS 0 5 X\nS 0 4\nS 0 3 X\nS 0 2\nS 0 1\nS 0 0", "S 1 6 X\nA 1\n- 0 1010111 1 0000001",
				"S 0 5\nS 0 3\nS 1 6\nA 1\n+ 1"),
		}}},
		{source: "rfc", id: opt1.Rule, f: opt1.Fragmentation, figs: []figure{{
			comment: "Figures 12-16: header of two bytes, option 1, losses in three windows", flags: []string{"MessageLost", "Timer", "CompoundAck", "LastTileAlone"}, bits: 26*80 + 80,
			lines: lines("mtu 96", "S 0 11 X", down(0, 10, 1), "S 0 0 X\nTS", "S 1 11\nS 1 10 X", down(1, 9, 1), "S 1 0 X\nTS", "S 2 11\nS 2 10 X\nA 2",
				"- 0 011111111110 1 101111111110 2 100000000001", "S 0 11\nS 0 0\nS 1 10\nS 1 0\nS 2 10\nA 2\n+ 2"),
		}}},
		{source: "rfc", id: opt2.Rule, f: opt2.Fragmentation, figs: []figure{{
			comment: "Figures 19-22: header of two bytes, option 2", flags: []string{"MessageLost", "CompoundAck", "LastTileAlone"}, bits: 4*80 + 72,
			lines: lines("mtu 96", "S 0 30\nS 0 29 X\nS 0 28\nS 0 27\nA 0\n- 0 1011000000000000000000000000001\nS 0 29\nA 0\n+ 0"),
		}}},
		{source: "rfc", id: dn.Rule, f: dn.Fragmentation, figs: []figure{{
			comment: "Figures 25-28: downlink", flags: []string{"MessageLost", "Timer", "LastTileAlone"}, bits: 3*56 + 24,
			lines: lines("mtu 64", "S 0 30\nS 0 29 X\nS 0 28\nA 0 X\nTS\nA 0\n- 0 1010000000000000000000000000001\nS 0 29\n+ 0"),
		}}},
	}
}
