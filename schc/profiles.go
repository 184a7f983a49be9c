package schc

// A NamedProfile is a fragmentation Rule that an RFC gives for a link, as data:
// its fields may be changed before Profile.Init.
type NamedProfile struct {
	Name          string // such as "lorawan-up"
	Spec          string // the RFC
	Title         string // what it is for
	Rule          RuleID // the RuleID that the RFC recommends or has in its examples
	Fragmentation Fragmentation
	// Notes has a line for every parameter that the RFC decides: its name
	// (that of RFC 9363, if it has one), its value, the section, and perhaps
	// a remark, separated by tabs.
	Notes string
}

// Profiles returns all profiles of this package that have a fragmentation Rule.
func Profiles() []NamedProfile {
	return []NamedProfile{
		LoRaWANUp(), LoRaWANDown(), LoRaWANDownC(), LoRaWANMulticast(),
		SigfoxNoAck(), SigfoxSingleByte(), SigfoxTwoByte1(), SigfoxTwoByte2(), SigfoxDown(),
		NBIoTSmall(), NBIoTLarge(),
	}
}

// IEEE802154 is SCHC over IEEE 802.15.4 (draft-ietf-6lo-schc-15dot4-13). It has
// no fragmentation Rule: what does not fit a frame is fragmented as 6LoWPAN is
// (RFC 4944, Section 5.3). Package lowpan has the dispatch bytes.
func IEEE802154() NamedProfile {
	return NamedProfile{
		Name: "15dot4", Spec: "draft-ietf-6lo-schc-15dot4-13", Title: "IEEE 802.15.4, behind a 6LoWPAN dispatch",
		Notes: "dispatch\t0x44\t4.1.1\t01000100 in page 0, and in page 1 behind 6LoRH headers (4.2); IANA has not assigned it\n" +
			"pointer-dispatch\t0x45\t4.3\t01000101 in page 0, for PRO\n" +
			"control-header-size\t0\t4.1.2\tMUST be, in networks with one end point; else a RuleID of 1 to 8 bits and a residue\n" +
			"rule-id-length\t1..16\t4.1.3\tRECOMMENDED\n" +
			"l2-word-size\t8\t4.1.5\tzero bits up to an octet\n" +
			"iid\tDevIID, AppIID\t6.1.1\tfrom the source and destination address of the frame\n" +
			"udp-checksum\tcompute-checksum\t6.1.2\tMUST be elided\n" +
			"fragmentation\t6LoWPAN\t8\tRFC 4944, or RFC 8930 and 8931, of the SCHC Datagram; not SCHC's\n" +
			"maximum-packet-size\t1500\t10\tMUST NOT reconstruct a larger one\n",
	}
}

const hourMs = 3_600_000

// LoRaWANUp is uplink fragmentation over LoRaWAN (RFC 9011, Section 5.6.2). The
// RuleID is the FPort, so the first byte of a message: the L2 MTU is that of
// the LoRaWAN payload and one byte more.
//
// The RFC recommends 12 hours for both timers. Where an ACK or an All-1 was
// lost, the receiver then gives up just before the sender asks again: a
// RetransmissionMs of minutes is what makes repetitions useful. The same goes
// for the profiles of RFC 9442.
func LoRaWANUp() NamedProfile {
	return NamedProfile{
		Name: "lorawan-up", Spec: "RFC 9011", Title: "LoRaWAN, uplink", Rule: RuleID{20, 8},
		Fragmentation: Fragmentation{
			Mode: FragmentationAckOnError, Direction: DirUp, L2WordBits: 8,
			WBits: 2, FCNBits: 6, WindowSize: 63, TileBits: 80, RCSBits: 32,
			All1Data: All1DataSenderChoice, AckBehavior: AckAfterAll0, MaxAckRequests: 8,
			RetransmissionMs: 12 * hourMs, InactivityMs: 12 * hourMs, MaxPacket: 2520,
		},
		Notes: "rule-id-value\t20\t5.2\tRECOMMENDED; carried in the FPort\n" +
			"rule-id-length\t8\t5.2\n" +
			"fragmentation-mode\tfragmentation-mode-ack-on-error\t5.6.2\n" +
			"l2-word-size\t8\t5.6\n" +
			"dtag-size\t0\t5.6.1\n" +
			"w-size\t2\t5.6.2\n" +
			"fcn-size\t6\t5.6.2\n" +
			"window-size\t63\t5.6.2\n" +
			"tile-size\t80\t5.6.2\t10 bytes\n" +
			"penultimate-short\tfalse\t5.6.2\tMUST be equal to the regular size\n" +
			"tile-in-all-1\tall-1-data-sender-choice\t5.6.2\n" +
			"rcs-algorithm\trcs-crc32\t5.6.2\n" +
			"rcs-size\t32\t5.6.2.2\n" +
			"ack-behavior\tack-behavior-after-all-0\t5.6.2\tRECOMMENDED for battery powered devices; after-all-1 is the other choice\n" +
			"max-ack-requests\t8\t5.6.2\n" +
			"retransmission-timer\t43200000\t5.6.2\tRECOMMENDED default, 12 hours\n" +
			"inactivity-timer\t43200000\t5.6.2\tRECOMMENDED default, 12 hours\n" +
			"maximum-packet-size\t2520\t5.6.2\t4 windows of 63 tiles of 10 bytes\n",
	}
}

// LoRaWANDown is unicast downlink fragmentation over LoRaWAN to a class A
// device (RFC 9011, Section 5.6.3).
func LoRaWANDown() NamedProfile {
	return NamedProfile{
		Name: "lorawan-down", Spec: "RFC 9011", Title: "LoRaWAN, downlink, class A", Rule: RuleID{21, 8},
		Fragmentation: Fragmentation{
			Mode: FragmentationAckAlways, Direction: DirDown, L2WordBits: 8,
			WBits: 1, FCNBits: 1, WindowSize: 1, RCSBits: 32, MaxAckRequests: 8,
			RetransmissionMs: 4 * hourMs, InactivityMs: 36 * hourMs, UplinkAckMs: 60_000,
		},
		Notes: loRaWANDownNotes +
			"retransmission-timer\t14400000\t5.6.3.5.1\tRECOMMENDED: the inactivity timer / (MAX_ACK_REQUESTS + 1)\n" +
			"inactivity-timer\t129600000\t5.6.3.5.1\tRECOMMENDED, 36 hours\n" +
			"uplink-ack-timer\t60000\t5.6.3.5.1\tthe ACK is repeated to open downlinks; the RFC gives no time\n",
	}
}

// LoRaWANDownC is LoRaWANDown for a class C device (RFC 9011, Section
// 5.6.3.6). For class B, RetransmissionMs is 3 times the ping slot period.
func LoRaWANDownC() NamedProfile {
	p := LoRaWANDown()
	p.Name, p.Title = "lorawan-down-c", "LoRaWAN, downlink, class C"
	p.Fragmentation.RetransmissionMs, p.Fragmentation.InactivityMs, p.Fragmentation.UplinkAckMs = 30_000, 12*hourMs, 0
	p.Notes = loRaWANDownNotes +
		"retransmission-timer\t30000\t5.6.3.6\tRECOMMENDED\n" +
		"inactivity-timer\t43200000\t5.6.3.6\tRECOMMENDED, 12 hours\n"
	return p
}

const loRaWANDownNotes = "rule-id-value\t21\t5.2\tRECOMMENDED; carried in the FPort\n" +
	"rule-id-length\t8\t5.2\n" +
	"fragmentation-mode\tfragmentation-mode-ack-always\t5.6.3\n" +
	"l2-word-size\t8\t5.6\n" +
	"dtag-size\t0\t5.6.1\n" +
	"w-size\t1\t5.6.3\n" +
	"fcn-size\t1\t5.6.3\n" +
	"window-size\t1\t5.6.3\n" +
	"tile-size\t0\t5.6.3\twhat the current MTU takes\n" +
	"rcs-algorithm\trcs-crc32\t5.6.3\n" +
	"rcs-size\t32\t5.6.3.2\n" +
	"max-ack-requests\t8\t5.6.3\n"

// LoRaWANMulticast is multicast downlink fragmentation over LoRaWAN (RFC 9011,
// Section 5.6.3).
func LoRaWANMulticast() NamedProfile {
	return NamedProfile{
		Name: "lorawan-multicast", Spec: "RFC 9011", Title: "LoRaWAN, multicast downlink", Rule: RuleID{21, 8},
		Fragmentation: Fragmentation{
			Mode: FragmentationNoAck, Direction: DirDown, L2WordBits: 8, FCNBits: 1, RCSBits: 32, InactivityMs: 12 * hourMs,
		},
		Notes: "rule-id-value\t21\t5.2\tRECOMMENDED; carried in the FPort\n" +
			"rule-id-length\t8\t5.2\n" +
			"fragmentation-mode\tfragmentation-mode-no-ack\t5.6.3\n" +
			"l2-word-size\t8\t5.6\n" +
			"dtag-size\t0\t5.6.1\n" +
			"fcn-size\t1\t5.6.3\n" +
			"rcs-algorithm\trcs-crc32\t5.6.3\n" +
			"rcs-size\t32\t5.6.3.2\n" +
			"inactivity-timer\t43200000\t5.6.3\tRECOMMENDED default, 12 hours\n",
	}
}

// SigfoxNoAck is uplink No-ACK over Sigfox with a header of one byte (RFC 9442,
// Section 3.5.1.3.1). The RFC's RuleIDs are examples. Over Sigfox a SCHC Packet
// is padded to whole bytes before it is fragmented: the All-1 has room for 10
// bytes, not for a part of an eleventh. And the RCS counts fragments: that what
// they carry is right, and of one packet, is left to the radio protocol.
func SigfoxNoAck() NamedProfile {
	return NamedProfile{
		Name: "sigfox-no-ack", Spec: "RFC 9442", Title: "Sigfox, uplink, No-ACK", Rule: RuleID{0, 3},
		Fragmentation: Fragmentation{
			Mode: FragmentationNoAck, Direction: DirUp, L2WordBits: 8,
			FCNBits: 5, TileBits: 88, RCSAlgorithm: RCSFragments, RCSBits: 5,
			InactivityMs: 12 * hourMs, MaxPacket: 340, CountDown: true, HeaderPad: true, All1Empty: true,
		},
		Notes: "rule-id-value\t0\t4.1\texample\n" +
			"rule-id-length\t3\t3.5.1.3.1\n" +
			"fragmentation-mode\tfragmentation-mode-no-ack\t3.5.1.3.1\n" +
			"l2-word-size\t8\t3.2\n" +
			"dtag-size\t0\t3.5.1.3.1\n" +
			"fcn-size\t5\t3.5.1.3.1\n" +
			"fcn-counts-down\ttrue\t3.5.1.3.1\tthe first fragment of X has FCN X-1; Figures 31 and 32 show N = 4\n" +
			"tile-size\t88\t3.5.1.3.1\t11 bytes\n" +
			"empty-last-tile\ttrue\t3.5.1.3.1\tthe All-1 has 0 to 10 bytes\n" +
			"rcs-algorithm\tfragments\t3.5.1.5\n" +
			"rcs-size\t5\t3.5.1.3.1\n" +
			"header-padding\ttrue\t3.6.1.2\tFigure 4\n" +
			"inactivity-timer\t43200000\t3.5.1.3.1\tdefault, 12 hours\n" +
			"maximum-packet-size\t340\t3.5.1.3.1\n",
	}
}

// sigfoxUp has what the three ACK-on-Error profiles of RFC 9442 have in common.
func sigfoxUp() Fragmentation {
	return Fragmentation{
		Mode: FragmentationAckOnError, Direction: DirUp, L2WordBits: 8,
		RCSAlgorithm: RCSFragments, All1Data: All1DataYes, AckBehavior: AckByLayer2, MaxAckRequests: 5,
		RetransmissionMs: 12 * hourMs, InactivityMs: 12 * hourMs, ListenMs: 60_000,
		CompoundAck: true, FullLastBitmap: true, AttemptsPerAck: true, NoAckReq: true, HeaderPad: true, AckBytes: 8,
	}
}

const sigfoxUpNotes = "fragmentation-mode\tfragmentation-mode-ack-on-error\t3.5.1\n" +
	"l2-word-size\t8\t3.2\n" +
	"dtag-size\t0\t3.5.1\n" +
	"tile-in-all-1\tall-1-data-yes\t3.5.1.5\n" +
	"penultimate-short\tfalse\t3.6\tof the regular size\n" +
	"rcs-algorithm\tfragments\t3.5.1.5\tthe number of fragments in the last window\n" +
	"header-padding\ttrue\t3.6\tFigures 7, 12 and 20\n" +
	"ack-behavior\tack-behavior-by-layer2\t3.3.1\ta downlink is possible behind All-0 and All-1\n" +
	"listen-timer\t60000\t3.3.1\tan uplink's receive window; the RFC gives no time\n" +
	"ack-req\tfalse\t3.6\tMUST NOT be used, the All-1 is sent again\n" +
	"bitmap-format\tbitmap-compound-ack\t3.5.1\n" +
	"last-bitmap-compression\tfalse\t3.6\tFigures 9, 15 and 22\n" +
	"ack-bytes\t8\t3.7\tdownlink frames have 64 bits\n" +
	"max-ack-requests\t5\t3.5.1\trepetitions without an ACK in between, 3.5.1.1\n" +
	"retransmission-timer\t43200000\t3.5.1\tdefault, 12 hours\n" +
	"inactivity-timer\t43200000\t3.5.1\tdefault, 12 hours\n"

// SigfoxSingleByte is uplink ACK-on-Error over Sigfox with a header of one byte
// (RFC 9442, Section 3.5.1.3.2).
func SigfoxSingleByte() NamedProfile {
	f := sigfoxUp()
	f.WBits, f.FCNBits, f.WindowSize, f.RCSBits, f.TileBits, f.MaxPacket, f.All1Empty = 2, 3, 7, 3, 88, 300, true
	return NamedProfile{
		Name: "sigfox-single-byte", Spec: "RFC 9442", Title: "Sigfox, uplink, header of one byte", Rule: RuleID{1, 3}, Fragmentation: f,
		Notes: "rule-id-value\t1\t4.1\texample\n" +
			"rule-id-length\t3\t3.5.1.3.2\n" +
			"w-size\t2\t3.5.1.3.2\n" +
			"fcn-size\t3\t3.5.1.3.2\n" +
			"window-size\t7\t3.5.1.3.2\n" +
			"tile-size\t88\t3.5.1.3.2\t11 bytes\n" +
			"empty-last-tile\ttrue\t3.5.1.3.2\tthe All-1 has 0 to 10 bytes\n" +
			"rcs-size\t3\t3.5.1.3.2\n" +
			"maximum-packet-size\t300\t3.5.1.3.2\n" + sigfoxUpNotes,
	}
}

// SigfoxTwoByte1 is uplink ACK-on-Error over Sigfox with a header of two bytes,
// option 1 (RFC 9442, Section 3.5.1.4.1).
func SigfoxTwoByte1() NamedProfile {
	f := sigfoxUp()
	f.WBits, f.FCNBits, f.WindowSize, f.RCSBits, f.TileBits, f.MaxPacket = 2, 4, 12, 4, 80, 480
	return NamedProfile{
		Name: "sigfox-two-byte-1", Spec: "RFC 9442", Title: "Sigfox, uplink, header of two bytes, option 1", Rule: RuleID{0b111000, 6}, Fragmentation: f,
		Notes: "rule-id-value\t56\t4.1\texample\n" +
			"rule-id-length\t6\t3.5.1.4.1\n" +
			"w-size\t2\t3.5.1.4.1\n" +
			"fcn-size\t4\t3.5.1.4.1\n" +
			"window-size\t12\t3.5.1.4.1\n" +
			"tile-size\t80\t3.5.1.4.1\t10 bytes\n" +
			"empty-last-tile\tfalse\t3.5.1.4.1\tthe All-1 has 1 to 10 bytes\n" +
			"rcs-size\t4\t3.5.1.4.1\n" +
			"maximum-packet-size\t480\t3.5.1.4.1\n" + sigfoxUpNotes,
	}
}

// SigfoxTwoByte2 is uplink ACK-on-Error over Sigfox with a header of two bytes,
// option 2 (RFC 9442, Section 3.5.1.4.2). A Compound ACK of 64 bits has room
// for one window, not for the three of Section 3.6.4.3.
func SigfoxTwoByte2() NamedProfile {
	f := sigfoxUp()
	f.WBits, f.FCNBits, f.WindowSize, f.RCSBits, f.TileBits, f.MaxPacket, f.All1Empty = 3, 5, 31, 5, 80, 2400, true
	return NamedProfile{
		Name: "sigfox-two-byte-2", Spec: "RFC 9442", Title: "Sigfox, uplink, header of two bytes, option 2", Rule: RuleID{0b11111100, 8}, Fragmentation: f,
		Notes: "rule-id-value\t252\t4.1\texample\n" +
			"rule-id-length\t8\t3.5.1.4.2\n" +
			"w-size\t3\t3.5.1.4.2\n" +
			"fcn-size\t5\t3.5.1.4.2\n" +
			"window-size\t31\t3.5.1.4.2\n" +
			"tile-size\t80\t3.5.1.4.2\t10 bytes\n" +
			"empty-last-tile\ttrue\t3.5.1.4.2\tthe All-1 has 0 to 9 bytes\n" +
			"rcs-size\t5\t3.5.1.4.2\n" +
			"maximum-packet-size\t2400\t3.5.1.4.2\n" + sigfoxUpNotes,
	}
}

// SigfoxDown is downlink ACK-Always over Sigfox (RFC 9442, Section 3.5.2). Its
// frames always have 8 bytes, and nothing in them says how long the last tile
// is: up to 6 zero bytes may follow the packet.
func SigfoxDown() NamedProfile {
	return NamedProfile{
		Name: "sigfox-down", Spec: "RFC 9442", Title: "Sigfox, downlink", Rule: RuleID{0, 3},
		Fragmentation: Fragmentation{
			Mode: FragmentationAckAlways, Direction: DirDown, L2WordBits: 8,
			FCNBits: 5, WindowSize: 31, TileBits: 56, RCSAlgorithm: RCSFragments, RCSBits: 5, MaxAckRequests: 5,
			RetransmissionMs: 12 * hourMs, InactivityMs: 12 * hourMs, MaxPacket: 216,
			FullLastBitmap: true, NoAckReq: true, HeaderPad: true, All1Empty: true, FragmentBytes: 8,
		},
		Notes: "rule-id-value\t0\t4.2\texample\n" +
			"rule-id-length\t3\t3.5.2\n" +
			"fragmentation-mode\tfragmentation-mode-ack-always\t3.5.2\n" +
			"l2-word-size\t8\t3.2\n" +
			"dtag-size\t0\t3.5.2\n" +
			"w-size\t0\t3.5.2\tone window; RFC 8724 asks for 1 bit\n" +
			"fcn-size\t5\t3.5.2\n" +
			"window-size\t31\t3.5.2\n" +
			"tile-size\t56\t3.5.2\t7 bytes\n" +
			"empty-last-tile\ttrue\t3.5.2\tthe All-1 has 0 to 6 bytes\n" +
			"rcs-algorithm\tfragments\t3.5.1.5\n" +
			"rcs-size\t5\t3.5.2\n" +
			"header-padding\ttrue\t3.6.5.2\tFigure 26\n" +
			"ack-req\tfalse\t3.6.5.1\tMUST NOT be used, the All-1 is sent again\n" +
			"last-bitmap-compression\tfalse\t3.6.5.3\tFigure 28\n" +
			"fragment-bytes\t8\t3.7\tdownlink frames have 64 bits\n" +
			"max-ack-requests\t5\t3.5.2\n" +
			"retransmission-timer\t43200000\t3.5.2\tdefault, 12 hours\n" +
			"inactivity-timer\t43200000\t3.5.2\tdefault, 12 hours\n" +
			"maximum-packet-size\t216\t3.5.2\t30 tiles of 7 bytes and one of 6\n",
	}
}

// NBIoTSmall is ACK-on-Error over NB-IoT with a header of 8 bits, for transfer
// blocks of up to 304 bits (RFC 9391, Section 5.1.1.2). 14 tiles of the RFC's
// 8 bits are 14 bytes: raise TileBits, up to 296, for larger packets.
func NBIoTSmall() NamedProfile {
	return NamedProfile{
		Name: "nb-iot-small", Spec: "RFC 9391", Title: "NB-IoT, transfer blocks up to 304 bits", Rule: RuleID{0, 3},
		Fragmentation: Fragmentation{
			Mode: FragmentationAckOnError, Direction: DirUp, L2WordBits: 8,
			DTagBits: 1, WBits: 1, FCNBits: 3, WindowSize: 7, TileBits: 8, RCSBits: 32, All1Data: All1DataYes,
			MaxAckRequests: 2, RetransmissionMs: hourMs, InactivityMs: 3 * hourMs, MaxPacket: 1358,
		},
		Notes: "rule-id-length\t3\t5.1.1.2\t1 to 3 bits\n" +
			"dtag-size\t1\t5.1.1.2\n" +
			"w-size\t1\t5.1.1.2\n" + nbIoTNotes,
	}
}

// NBIoTLarge is ACK-on-Error over NB-IoT with a header of 16 bits, for transfer
// blocks of more than 304 bits (RFC 9391, Section 5.1.1.2). 56 tiles of the
// RFC's 8 bits are 56 bytes: raise TileBits for larger packets.
func NBIoTLarge() NamedProfile {
	p := NBIoTSmall()
	p.Name, p.Title, p.Rule = "nb-iot-large", "NB-IoT, transfer blocks of more than 304 bits", RuleID{0, 8}
	p.Fragmentation.DTagBits, p.Fragmentation.WBits = 2, 3
	p.Notes = "rule-id-length\t8\t5.1.1.2\t8 to 10 bits\n" +
		"dtag-size\t2\t5.1.1.2\t1 or 2 bits\n" +
		"w-size\t3\t5.1.1.2\t2 or 3 bits\n" + nbIoTNotes
	return p
}

const nbIoTNotes = "fragmentation-mode\tfragmentation-mode-ack-on-error\t5.1.1.2\tRECOMMENDED for reliability; No-ACK may be enough\n" +
	"l2-word-size\t8\t6\n" +
	"fcn-size\t3\t5.1.1.2\n" +
	"window-size\t7\t5.1.1.2\tRECOMMENDED, 2^N - 1\n" +
	"tile-size\t8\t5.1.1.2\t4 or 8 bits; ACK-on-Error asks for an L2 Word at least\n" +
	"rcs-algorithm\trcs-crc32\t5.1.1.2\n" +
	"rcs-size\t32\t5.1.1.2\tthe default size; the RFC also says an L2 Word\n" +
	"max-ack-requests\t2\t5.1.1.2\tRECOMMENDED\n" +
	"retransmission-timer\t3600000\t5.1.1.2\tN to 3 N hours, N = 1 here\n" +
	"inactivity-timer\t10800000\t5.1.1.2\tN to 3 N hours, N = 1 here\n" +
	"maximum-packet-size\t1358\t5.1.1.2\tRECOMMENDED MTU\n"
