package schc

// figuresOwn are sequences that no RFC draws: what its text asks for.
func figuresOwn() []figureGroup {
	regular := Fragmentation{Mode: FragmentationAckOnError, Direction: DirUp, WBits: 2, FCNBits: 3, TileBits: 80, WindowSize: 7,
		All1Data: All1DataNo, MaxAckRequests: 3, RetransmissionMs: 10_000, InactivityMs: 60_000}
	inAll1 := regular
	inAll1.All1Data = All1DataYes
	short := regular
	short.TileBits, short.PenultimateShort = 64, true
	bit := inAll1
	bit.L2WordBits, bit.TileBits, bit.WBits = 1, 13, 3
	word := inAll1
	word.L2WordBits = 16
	each := inAll1
	each.AckBehavior = AckAfterAll0
	always := Fragmentation{Mode: FragmentationAckAlways, Direction: DirUp, WBits: 1, FCNBits: 2, MaxAckRequests: 2, RetransmissionMs: 10_000, InactivityMs: 60_000}
	silent := always
	silent.NoAckReq = true
	noAck := Fragmentation{Mode: FragmentationNoAck, Direction: DirDown, DTagBits: 3, FCNBits: 2, InactivityMs: 60_000}
	id := RuleID{0x55, 8}
	return []figureGroup{
		{source: "self", id: id, f: regular, figs: []figure{{
			comment: "ACK-on-Error, the last tile in a Regular SCHC Fragment: padding belongs to the RCS", flags: []string{"PartialByte", "LastTileInRest"},
			bits: 3*80 + 21, lines: "mtu 400\nS 0 6 4\nA 0 -\n+ 0",
		}, {
			comment: "ACK-on-Error, All-1 without a tile lost", flags: []string{"PartialByte", "LastTileInRest", "MessageLost", "Timer"},
			bits: 3*80 + 21, lines: "mtu 400\nS 0 6 4\nA 0 - X\nTS\nA 0 -\n+ 0",
		}, {
			comment: "ACK-on-Error, all fragments of the last window and the All-1 lost", flags: []string{"LastTileInRest", "MessageLost", "Timer"},
			bits: 9 * 80, lines: "mtu 593\nS 0 6 7\nS 1 6 2 X\nA 1 - X\nTS\nA 1 -\n- 1 0000000\nS 1 6 2\nA 1 -\n+ 1",
		}, {
			comment: "ACK-on-Error, MAX_ACK_REQUESTS at the sender", flags: []string{"LastTileInRest", "MessageLost", "Timer", "Abort"}, result: "unanswered",
			bits: 3 * 80, lines: "mtu 400\nS 0 6 3\nA 0 - X\nTS\nA 0 - X\nTS\nA 0 - X\nTS\n!S",
		}, {
			comment: "ACK-on-Error, MAX_ACK_REQUESTS at the receiver", flags: []string{"LastTileInRest", "MessageLost", "Abort"}, result: "refused",
			bits: 3 * 80, lines: "mtu 110\nS 0 6 X\nS 0 5\nS 0 4\nA 0 -\n- 0 0110000\nS 0 6 X\nA 0 -\n- 0 0110000\nS 0 6 X\nA 0 -\n- 0 0110000\nS 0 6 X\nA 0 -\n!R",
		}}},
		{source: "self", id: id, f: inAll1, figs: []figure{{
			comment: "ACK-on-Error, one tile only, in the All-1", flags: []string{"PartialByte", "LastTileAlone"},
			bits: 11, lines: "A 0\n+ 0",
		}, {
			comment: "ACK-on-Error, the ACK REQ after a repair", flags: []string{"LastTileAlone", "MessageLost"},
			bits: 4 * 80, lines: "mtu 140\nS 0 6\nS 0 5 X\nS 0 4\nA 0\n- 0 1010001\nS 0 5\nQ 0\n+ 0",
		}, {
			comment: "ACK-on-Error, the All-1 lost: the timer sends it again", flags: []string{"LastTileAlone", "MessageLost", "Timer"},
			bits: 4 * 80, lines: "mtu 140\nS 0 6\nS 0 5\nS 0 4\nA 0 X\nTS\nA 0\n+ 0",
		}, {
			comment: "ACK-on-Error, inactivity at the receiver", flags: []string{"LastTileAlone", "MessageLost", "Abort", "Timer"}, result: "incomplete",
			bits: 4 * 80, lines: "mtu 140\nS 0 6\nS 0 5\nS 0 4\nA 0 X\nTR\n!R",
		}}},
		{source: "self", id: id, f: short, figs: []figure{{
			comment: "ACK-on-Error, a last tile of 7 bits makes the penultimate one shorter", flags: []string{"PartialByte", "LastTileInRest"},
			bits: 3*64 + 7, tiles: []int{64, 64, 56, 15}, lines: "mtu 400\nS 0 6 3\nS 0 3\nA 0 -\n+ 0",
		}, {
			comment: "ACK-on-Error, the short penultimate tile lost", flags: []string{"PartialByte", "LastTileInRest", "MessageLost"},
			bits: 3*64 + 7, tiles: []int{64, 64, 56, 15}, lines: "mtu 400\nS 0 6 3 X\nS 0 3\nA 0 -\n- 0 0001000\nS 0 6 3\nA 0 -\n+ 0",
		}}},
		{source: "self", id: RuleID{5, 3}, f: bit, figs: []figure{{
			comment: "L2 Word of one bit: nothing is padded", flags: []string{"PartialByte", "LastTileAlone", "MessageLost"},
			bits: 9*13 + 5, lines: "mtu 37\nS 0 6 2\nS 0 4 2 X\nS 0 2 2\nS 0 0 2\nS 1 5\nmtu 200\nA 1\n- 0 1100111\nS 0 4 2\nQ 1\n+ 1",
		}}},
		{source: "self", id: id, f: word, figs: []figure{{
			comment: "L2 Word of 16 bits", flags: []string{"PartialByte", "LastTileAlone", "MessageLost"},
			bits: 9*80 + 5, lines: "mtu 192\nS 0 6 2\nS 0 4 2 X\nS 0 2 2\nS 0 0 2\nS 1 5\nA 1\n- 0 1100111\nS 0 4 2\nQ 1\n+ 1",
		}}},
		{source: "self", id: id, f: each, figs: []figure{{
			comment: "ACK-on-Error, an ACK after each window, one lost", flags: []string{"LastTileAlone", "MessageLost", "Timer"},
			bits: 8 * 80, lines: "mtu 593\nS 0 6 7\n- 0 1111111 X\nTS\nQ 0\n- 0 1111111\nA 1\n+ 1",
		}, {
			comment: "ACK-on-Error, an ACK after each window, a loss in the first", flags: []string{"LastTileAlone", "MessageLost"},
			bits: 8 * 80, lines: "mtu 300\nS 0 6 3 X\nS 0 3 3\nS 0 0\n- 0 0001111\nS 0 6 3\nQ 0\n- 0 1111111\nA 1\n+ 1",
		}}},
		{source: "self", id: id, f: always, figs: []figure{{
			comment: "ACK-Always, MAX_ACK_REQUESTS at the sender", flags: []string{"MessageLost", "Timer", "Abort"}, result: "unanswered",
			bits: 200, tiles: []int{69, 69, 62}, lines: "mtu 80\nS 0 2 X\nmtu 80\nS 0 1 X\nmtu 120\nA 0 X\nTS\nQ 0 X\nTS\nQ 0 X\nTS\n!S",
		}, {
			comment: "ACK-Always, all fragments of the first window lost: the ACK REQ begins the packet", flags: []string{"MessageLost", "Timer"},
			bits: 200, tiles: []int{69, 69, 62}, lines: "mtu 80\nS 0 2 X\nmtu 80\nS 0 1 X\nmtu 120\nA 0 X\nTS\nQ 0\n- 0 000\nS 0 2\nS 0 1\nA 0\n+ 0",
		}}},
		{source: "self", id: id, f: silent, figs: []figure{{
			comment: "ACK-Always without ACK REQ: the All-0 asks again", flags: []string{"MessageLost", "Timer"},
			bits: 269, tiles: []int{69, 69, 69, 62}, lines: "mtu 80\nS 0 2\nS 0 1\nS 0 0\n- 0 111 X\nTS\nS 0 0\n- 0 111\nmtu 120\nA 1 X\nTS\nA 1\n+ 1",
		}}},
		{source: "self", id: id, f: noAck, figs: []figure{{
			comment: "No-ACK, a lost fragment: the RCS tells", flags: []string{"MessageLost"}, result: "rcs", dtag: 5,
			bits: 3*67 + 20, tiles: []int{67, 67, 67, 20}, lines: "mtu 80\nS 0 0\nS 1 0 X\nS 2 0\nA 0",
		}}},
	}
}
