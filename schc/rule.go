package schc

// A RuleID identifies a Rule within a set: the Bits low bits of Value, sent
// most significant bit first (RFC 8724, Section 6). Bits is 0 to 32; 0 bits,
// an implicit RuleID, is possible only where a set has exactly one Rule.
type RuleID struct {
	Value uint32
	Bits  uint8
}

// String returns "value/bits" in decimal, such as "5/3".
func (r RuleID) String() string { return utoa(r.Value) + "/" + utoa(uint32(r.Bits)) }

// Direction is the direction of a packet or the Direction Indicator of a
// Field Descriptor (RFC 8724, Section 7.1).
type Direction uint8

// Packets are DirUp (from the device) or DirDown; Field Descriptors may also
// be DirBidirectional. Zero is unset: DirBidirectional in a Field Descriptor.
const (
	_                Direction = iota
	DirUp                      // uplink: the device is the source
	DirDown                    // downlink: the device is the destination
	DirBidirectional           // both
)

// String returns the YANG identity of RFC 9363, such as "di-up".
func (d Direction) String() string {
	switch d {
	case DirUp:
		return "di-up"
	case DirDown:
		return "di-down"
	case DirBidirectional:
		return "di-bidirectional"
	}
	return "di-unset"
}

// Reverse swaps DirUp and DirDown.
func (d Direction) Reverse() Direction {
	switch d {
	case DirUp:
		return DirDown
	case DirDown:
		return DirUp
	}
	return d
}

// MO is a Matching Operator (RFC 8724, Section 7.3).
type MO uint8

// The Matching Operators. Zero is unset and invalid.
const (
	_              MO = iota
	MOEqual           // the field equals the Target Value
	MOIgnore          // always true
	MOMSB             // the MSB most significant bits equal those of the Target Value
	MOMatchMapping    // the field equals one of the Target Values
)

// String returns the YANG identity of RFC 9363, such as "mo-match-mapping".
func (m MO) String() string {
	switch m {
	case MOEqual:
		return "mo-equal"
	case MOIgnore:
		return "mo-ignore"
	case MOMSB:
		return "mo-msb"
	case MOMatchMapping:
		return "mo-match-mapping"
	}
	return "mo-unset"
}

// CDA is a Compression/Decompression Action (RFC 8724, Section 7.4).
type CDA uint8

// The Compression/Decompression Actions. Zero is unset and invalid.
const (
	_              CDA = iota
	CDANotSent         // elided; the Target Value is restored
	CDAValueSent       // the field is sent
	CDAMappingSent     // the index in the list of Target Values is sent, in ceil(log2 n) bits
	CDALSB             // the bits behind the MSB ones are sent
	CDACompute         // elided; a length or checksum is computed again
	CDADevIID          // elided; the IID of the device's link-layer address
	CDAAppIID          // elided; the IID of the application's link-layer address
	CDALower           // elided; read from the IP header of the layer below (draft-ietf-ipsecme-diet-esp-10, Section 6.1.2)
)

// String returns the YANG identity of RFC 9363, such as "cda-not-sent".
func (c CDA) String() string {
	switch c {
	case CDANotSent:
		return "cda-not-sent"
	case CDAValueSent:
		return "cda-value-sent"
	case CDAMappingSent:
		return "cda-mapping-sent"
	case CDALSB:
		return "cda-lsb"
	case CDACompute:
		return "cda-compute"
	case CDADevIID:
		return "cda-deviid"
	case CDAAppIID:
		return "cda-appiid"
	case CDALower:
		return "cda-lower"
	}
	return "cda-unset"
}

// FieldLength is FL: a fixed length in bits, or one of the constants for a
// variable one. Zero means the field's own length.
type FieldLength uint16

// Variable field lengths (RFC 8724, Section 7.1; RFC 9363; RFC 8824). The
// variable-length fields themselves are always whole bytes; FLVarBits and
// FLVar differ in the unit of the size that precedes the residue.
const (
	FLVar         FieldLength = 0xffff - iota // variable, the residue's size is in bytes
	FLVarBits                                 // variable, the residue's size is in bits
	FLTokenLength                             // of COAP.TOKEN: the length is COAP.TKL, no size is sent
	FLOSCOREPIV                               // of COAP.OSCORE_PIV: the length is n of COAP.OSCORE_FLAGS, no size is sent
	maxFixedFL    FieldLength = 0xff00
)

// Variable reports whether l is one of the variable lengths.
func (l FieldLength) Variable() bool { return l > maxFixedFL }

// String returns the length in bits, or the rule-file name of a variable one.
func (l FieldLength) String() string {
	switch l {
	case FLVar:
		return "var"
	case FLVarBits:
		return "var-bits"
	case FLTokenLength:
		return "tkl"
	case FLOSCOREPIV:
		return "osc.piv"
	}
	return utoa(uint32(l))
}

// A FieldDescriptor says how one header field is matched and compressed (RFC
// 8724, Section 7.1).
type FieldDescriptor struct {
	FID FID         // the field; required
	FL  FieldLength // its length; 0: the field's own
	FP  uint8       // its position: which occurrence, from 1; see FPAny
	DI  Direction   // the directions it applies to; 0: both
	// TV is the list of Target Values: none, one, or several for
	// match-mapping. With ignore and not-sent, none restores zero. A value of a fixed-length field is right-aligned in
	// ceil(FL/8) bytes; one of a variable-length field is the whole field,
	// left-aligned.
	TV  [][]byte
	MO  MO     // the Matching Operator; required
	MSB uint16 // x of MSB(x), in bits
	CDA CDA    // the action; required
}

// FPAny as FP is the "don't care" position, 0 in RFC 8724. (A Go zero value
// must mean the default, position 1.) Descriptors with FPAny take the
// occurrences that no other descriptor names, in order, so that nothing is
// reordered.
const FPAny = 0xff

// Nature says what a Rule is for (RFC 9363).
type Nature uint8

// The natures of a Rule. Zero is NatureCompression.
const (
	NatureCompression   Nature = iota // header compression
	NatureNoCompression               // tags packets that no Rule compresses
	NatureFragmentation               // SCHC F/R
)

// String returns the YANG identity of RFC 9363.
func (n Nature) String() string {
	switch n {
	case NatureCompression:
		return "nature-compression"
	case NatureNoCompression:
		return "nature-no-compression"
	case NatureFragmentation:
		return "nature-fragmentation"
	}
	return "nature-unknown"
}

// A Rule is one entry of a SCHC Context (RFC 8724, Section 6 and 7.1).
type Rule struct {
	ID       RuleID
	Nature   Nature
	Fields   []FieldDescriptor // of a compression Rule; the order of the residues
	Fragment *Fragmentation    // of a fragmentation Rule
}

// FragmentationMode is one of the three modes of RFC 8724, Section 8.4.
type FragmentationMode uint8

// The fragmentation modes. Zero is unset and invalid.
const (
	_                       FragmentationMode = iota
	FragmentationNoAck                        // RFC 8724, Section 8.4.1
	FragmentationAckAlways                    // RFC 8724, Section 8.4.2
	FragmentationAckOnError                   // RFC 8724, Section 8.4.3
)

// String returns the YANG identity of RFC 9363.
func (m FragmentationMode) String() string {
	switch m {
	case FragmentationNoAck:
		return "fragmentation-mode-no-ack"
	case FragmentationAckAlways:
		return "fragmentation-mode-ack-always"
	case FragmentationAckOnError:
		return "fragmentation-mode-ack-on-error"
	}
	return "fragmentation-mode-unset"
}

// AckBehavior says when an ACK is expected (RFC 9363, ack-behavior).
type AckBehavior uint8

// When ACKs are expected. Zero is unset: the mode's own.
const (
	_            AckBehavior = iota
	AckAfterAll0             // after an All-0 SCHC Fragment
	AckAfterAll1             // after an All-1 SCHC Fragment
	AckByLayer2              // the layer below gives the opportunity
)

// All1Data says whether the All-1 carries the last tile (RFC 9363,
// tile-in-all-1).
type All1Data uint8

// Whether tiles are in an All-1. Zero is unset: All1DataNo.
const (
	_                    All1Data = iota
	All1DataNo                    // never
	All1DataYes                   // always
	All1DataSenderChoice          // as the sender likes
)

// RCSAlgorithm is the Reassembly Check Sequence in use (RFC 9363).
type RCSAlgorithm uint8

// The algorithms. Zero is RCSCRC32.
const (
	RCSCRC32     RCSAlgorithm = iota // RFC 8724, Section 8.2.3
	RCSFragments                     // the number of fragments in the last window (RFC 9442, Section 3.5.1.5)
	RCSOther                         // a function that Profile.SetRCS is given
)

// Fragmentation holds the parameters of a fragmentation Rule under the names
// of RFC 9363, Section 5.3.
type Fragmentation struct {
	Mode           FragmentationMode
	Direction      Direction    // of the fragments: DirUp or DirDown
	L2WordBits     uint8        // L2 Word size in bits; 0: 8
	DTagBits       uint8        // T
	WBits          uint8        // M
	FCNBits        uint8        // N
	WindowSize     uint16       // tiles in a window; 0: 2^N - 1
	TileBits       uint16       // tile size in bits; 0: chosen per fragment
	RCSAlgorithm   RCSAlgorithm // RCS
	RCSBits        uint8        // U; 0: 32
	MaxPacket      uint16       // largest packet in bytes; 0: 1280
	MaxInterleaved uint8        // parallel packets; 0: 1
	AckBehavior    AckBehavior
	All1Data       All1Data
	MaxAckRequests uint8 // 0: 4

	RetransmissionMs uint32 // retransmission timer in milliseconds; 0: none
	InactivityMs     uint32 // inactivity timer in milliseconds; 0: none

	// What RFC 9441 adds for ACK-on-Error.
	CompoundAck    bool // bitmap-compound-ack: an ACK may report several windows
	FullLastBitmap bool // last-bitmap-compression is false: bitmaps are never compressed

	// What RFC 8724 leaves to profiles and RFC 9363 has no name for.
	PenultimateShort bool   // ACK-on-Error: the penultimate tile may be one L2 Word shorter
	AckOnRepair      bool   // ACK-on-Error: the receiver reports repaired windows by itself (RFC 8724, Figures 31, 32)
	AttemptsPerAck   bool   // attempts are repetitions for one ACK (RFC 9363, RFC 9442), not requests of a whole packet
	NoAckReq         bool   // the All-1 is sent again instead of an ACK REQ (RFC 9442)
	All1Empty        bool   // a packet of whole tiles ends with an All-1 of an empty tile (RFC 9442)
	HeaderPad        bool   // headers are padded to an L2 Word before the payload (RFC 9442)
	CountDown        bool   // No-ACK: the FCN counts down to the All-1 (RFC 9442)
	FragmentBytes    uint8  // fixed length of all messages in the fragments' direction; 0: none
	AckBytes         uint8  // fixed length of all messages in the other direction; 0: none
	ListenMs         uint32 // AckByLayer2: how long a sender listens behind a window before it goes on
	UplinkAckMs      uint32 // ACK-Always: how long a receiver waits before it repeats an ACK (RFC 8724, Appendix F); 0: never
}
