package schc

// A compiled Context is one immutable string, the image: the engine reads it
// in place, so that generated Go source (a string constant) stays in flash and
// needs neither heap nor start-up work. All integers are little-endian;
// offsets are bytes from the start of the image unless said otherwise.
//
// Image header:
//
//	0  "SCHC" and the format version, 4+1 bytes
//	5  flags (imgFirstMatch ...), 1 byte
//	6  bytes of the ICV behind an SSE payload, 1 byte; 7 reserved
//	8  length of the image, uint32
//	12 fingerprint, 16 bytes
//	28 number of Rules, uint32
//	32 Rule table, uint32 (recRule bytes each, in the order of the set)
//	36 RuleID table, uint32 (recID bytes each, by left-aligned value)
//	40 selection tree uplink, uint32; 0: none
//	44 selection tree downlink, uint32; 0: none
//	48 index of the no-compression Rule, uint32; noRule: none
//	52 most bits that a SCHC Packet is longer than its packet, uint32
const (
	imgMagic   = "SCHC\x01"
	imgHeader  = 56
	imgFlags   = 5
	imgICV     = 6
	imgLen     = 8
	imgFinger  = 12
	imgRules   = 28
	imgRuleTab = 32
	imgIDTab   = 36
	imgTreeUp  = 40
	imgTreeDw  = 44
	imgNoComp  = 48
	imgExcess  = 52

	noRule = 0xffffffff
)

// Flags of the image header, from Options.
const (
	imgFirstMatch = 1 << iota
	imgLossless
	imgTrustComputed
	imgSplitHeader
	imgFixedHeaders
)

// Rule table entry: RuleID value uint32, RuleID bits uint8, nature uint8,
// 2 reserved, program uplink uint32, program downlink uint32 (0: none).
const recRule = 16

// RuleID table entry: left-aligned value uint32, index in the Rule table uint32.
const recID = 8

// A program is one compression Rule compiled for one direction. It starts
// with this header, sections follow at the offsets it gives (uint16, from the
// start of the program).
//
//	0  index of the Rule, uint32
//	4  fewest bits of RuleID and residue, uint32
//	8  bytes of the static block (element 0), uint16
//	10 flags (prog...), 1 byte
//	11 RuleID bits, 1 byte
//	12 RuleID value, uint32
//	16 compares in the static block, 1 byte; 17 in later elements
//	18 loss compares in the static block; 19 in later elements
//	20 walk steps; 21 match steps; 22 emit steps; 23 computed fields
//	24 initial registers: COAP.TKL; 25 ICMPV6.TYPE; 26 COAP.OSCORE_FLAGS; 27 reserved
//	28 section of compares: static, later, loss static, loss later
//	30 walk; 32 match; 34 emit; 36 computed; 38 template; 40 length of template; 42 reserved
//	44 lower bound of the score: bits of RuleID and residue less bits of the
//	   header, int32; what a Rule gains over another on the same packet
const (
	progRule    = 0
	progMinBits = 4
	progBlock   = 8
	progFlags   = 10
	progIDBits  = 11
	progID      = 12
	progNCmp    = 16
	progNCmpX   = 17
	progNLoss   = 18
	progNLossX  = 19
	progNWalk   = 20
	progNMatch  = 21
	progNEmit   = 22
	progNCalc   = 23
	progRegs    = 24
	progCmps    = 28
	progWalk    = 30
	progMatch   = 32
	progEmit    = 34
	progCalc    = 36
	progTmpl    = 38
	progTmplLen = 40
	progScore   = 44
	progHeader  = 48
)

// Flags of a program.
const (
	progFlat      = 1 << iota // one static block, nothing to walk
	progCoAPTail              // flat, and CoAP options end behind the block
	progFixedBits             // the residue always has the fewest bits
	progRecheck               // residues may contradict the structure: compare after decompression
	progOuter                 // the IP header of the layer below is needed: Inputs.Outer
)

// Sizes of the records of a program's sections.
const (
	recCmp   = 20 // element, 0, offset uint16, mask uint64, value uint64
	recWalk  = 8  // kind, a, b uint16, c uint16, d uint16
	recMatch = 16 // kind, element, offset uint16, bits uint16, aux uint16, data uint32, count uint16, 0 uint16
	recEmit  = 16 // kind, element, offset uint16, first bit, bits, register, index bits, count uint16, aux uint16, data uint32
	recCalc  = 16 // kind, element, offset uint16, IP kind, IP element, IP offset uint16, proto, a, b uint16, field: first bit uint16, bits, 0
)

// Selection tree nodes. A leaf lists programs, best first; a hash node picks
// one child by masked bytes of the packet. After either, the next node in the
// chain is visited too.
//
//	leaf: kind 0, 0, count uint16, next uint32, program uint32 ...
//	hash: kind 1, log2 of the size, offset uint16, next uint32, mask uint64, child uint32 ...
const (
	nodeLeaf = 0
	nodeHash = 1
)

const hashMul = 0x9e3779b97f4a7c15

// Registers that the decompressor fills while it reads residues, because the
// length of another field depends on them.
const (
	regNone = iota
	regTKL
	regICMPType
	regOSCFlags
	numRegs
)

// Walk steps, in packet order. Each but walkEnd makes the next element.
const (
	walkBlock   = iota + 1 // c bytes of fixed layout; template at d
	walkToken              // CoAP token; TKL is the low nibble of byte b of element a
	walkIPOpt              // IPv4 options; IHL likewise
	walkTCPOpt             // TCP options; Data Offset is the high nibble of byte b of element a
	walkExt                // rest of an IPv6 extension header; its length is byte b of element a
	walkOption             // CoAP option header, then the value: the element; c is the delta
	walkOSCORE             // CoAP option header, then four elements: flags, PIV, kid context, kid
	walkICMP               // unused 32 bits of ICMPv6 types 1 and 3; the type is byte b of element a
	walkRest               // all that remains
	walkEncoded            // value of an encoded CoAP option whose header is byte b of element a; c: offset of its length extension from there, d: bytes of it
	walkEnd                // the end of the packet: makes no element
	walkCoAPEnd            // the payload marker with payload, or the end: makes no element
)

// Match steps of what masked compares cannot express.
const (
	matchWord       = iota + 1 // bits at offset (aux: first bit) equal one of count 8-byte values at data
	matchBytes                 // the element equals one of count values
	matchRange                 // bits bits at offset, whole bytes, equal one of count values
	matchPrefix                // the element has at least bits bits, which equal those at data
	matchDevIID                // 8 bytes at offset are the device's IID
	matchAppIID                // likewise the application's
	matchMaxBytes              // the element has at most aux bytes (a size of residue could not express more)
	matchExactBytes            // the element has aux bytes
	matchKID                   // the flags of the OSCORE option whose kid is the element announce one
	matchMarker                // payload follows the marker at offset
	matchNibbles               // byte at offset starts a CoAP option with bits bytes of delta extension and aux bytes of length extension
	matchNotEcho               // byte at offset, an ICMPv4 type, is neither 0 nor 8
	matchLoss                  // if the element differs from the one value at data, the Rule is lossy here
	matchLower                 // bits at offset (aux: first bit) are what the layer below has; data: lowerDSCP ...
)

// Emit steps, in the order of the Rule.
const (
	emitBits   = iota + 1 // bits bits at offset, first bit
	emitConst             // bits bits of data, always the same
	emitIndex             // index of the field's bits in count 8-byte values at data
	emitIndexB            // index of the element in count values at data
	emitIndexR            // index of the aux bytes at offset in count values at data
	emitVar               // size in bytes, then the element behind its first aux bits (data: those bits)
	emitVarBit            // likewise, size in bits
	emitTail              // the element behind its first aux bits, without a size
	emitFill              // nothing; restores the element from the one value at data
	emitDevIID            // nothing; restores 8 bytes at offset
	emitAppIID            // likewise
	emitLower             // nothing; restores bits at offset, first bit, from the layer below; data: lowerDSCP ...
)

// What the action lower takes from the IP header of the layer below.
const (
	lowerDSCP = iota + 1
	lowerECN
	lowerClass // both
	lowerLabel // the Flow Label, or the Identification of IPv4
	lowerHops
)

// Computed fields.
const (
	calcIPv6Length = iota + 1
	calcIPv4Length
	calcIPv4IHL // element a holds the options; a == 0: b bytes of options
	calcUDPLength
	calcTCPOffset // as calcIPv4IHL
	calcCoAPTKL   // as calcIPv4IHL
	calcExtLength // as calcIPv4IHL, of the data of an extension header
	calcSSECompact
	calcSSELarge
	calcSSEExtreme
	calcIPv4Sum
	calcUDPSum
	calcUDPLiteSum
	calcTCPSum
	calcICMPv6Sum
	calcICMPv4Sum
	calcSCTPSum
)

// maxElems bounds the elements of a program: the memory of a Compressor. A
// power of two, so that an index is masked and not divided.
const maxElems = 64

func le16(s string, i int) int {
	b := s[i : i+2]
	return int(b[0]) | int(b[1])<<8
}

func le32(s string, i int) uint32 {
	b := s[i : i+4]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func le64(s string, i int) uint64 {
	b := s[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

func put16(b []byte, v int) []byte { return append(b, byte(v), byte(v>>8)) }

func put32(b []byte, v uint32) []byte {
	return append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}

func put64(b []byte, v uint64) []byte { return put32(put32(b, uint32(v)), uint32(v>>32)) }
