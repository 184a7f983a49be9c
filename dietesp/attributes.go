package dietesp

import "github.com/schckit/schckit/esp"

// Profile is the draft that Rules are derived after.
type Profile uint8

// The profiles. Zero is the default.
const (
	ProfileDietESP10 Profile = iota // draft-ietf-ipsecme-diet-esp-10
	ProfileEHC2023                  // draft-mglt-ipsecme-diet-esp-10, June 2023
)

// String returns the name of an SA file, such as "diet-esp-10".
func (p Profile) String() string { return name(profileNames, int(p)) }

// IIPCProfile says whether inner headers are compressed
// (draft-ietf-ipsecme-diet-esp-10, Section 4.2, iipc_profile).
type IIPCProfile uint8

// The values of iipc_profile. Zero is the default.
const (
	IIPCDietESP IIPCProfile = iota
	IIPCNotCompressed
)

// String returns the draft's name, such as "iipc_diet-esp".
func (p IIPCProfile) String() string { return name(iipcNames, int(p)) }

// Action is dscp_action, ecn_action or flow_label_action
// (draft-ietf-ipsecme-diet-esp-10, Section 4.2): what becomes of a field of the
// inner IP header.
type Action uint8

// The actions. Zero is the default. ActionSA is for DSCP only, ActionGenerated
// and ActionZero are for the flow label only.
const (
	ActionNotCompressed Action = iota
	ActionLower                // read from the outer IP header
	ActionSA                   // one of Attributes.DSCPs
	ActionGenerated            // made anew by the receiver: the value is lost
	ActionZero                 // only packets that have 0
)

// String returns the draft's name, such as "not_compressed".
func (a Action) String() string { return name(actionNames, int(a)) }

// HopLimitAction is what becomes of the inner Hop Limit or Time to Live.
type HopLimitAction uint8

// The actions. Zero is the drafts' one; HopLimitValueSent is an addition of ours
// for packets that were forwarded.
const (
	HopLimitLower HopLimitAction = iota
	HopLimitValueSent
)

// String returns the name of an SA file, "lower" or "value-sent".
func (a HopLimitAction) String() string { return name(hopLimitNames, int(a)) }

// Alignment is the alignment of the clear-text ESP packet
// (draft-ietf-ipsecme-diet-esp-10, Section 4.2, alignment). Its numbers are those
// of the Bit Alignment Value registry (draft-ietf-ipsecme-ikev2-diet-esp-extension-04,
// Section 8.5.4).
type Alignment uint8

// The alignments. The 2023 profile has Alignment8 and Alignment32 only.
const (
	Alignment8 Alignment = iota
	Alignment16
	Alignment32
	Alignment64
)

// String returns the draft's name, such as "8 bit".
func (a Alignment) String() string { return name(alignmentNames, int(a)) }

// Bytes returns the alignment in bytes.
func (a Alignment) Bytes() int { return 1 << a }

// Trailer is esp_trailer (draft-ietf-ipsecme-diet-esp-10, Section 4.2). Its
// numbers are those of the registry (draft-ietf-ipsecme-ikev2-diet-esp-extension-04,
// Section 8.6).
type Trailer uint8

// The values of esp_trailer.
const (
	TrailerMandatory Trailer = iota // Pad Length and Next Header are sent
	TrailerOptional                 // they are compressed
)

// String returns the draft's name, such as "Mandatory".
func (t Trailer) String() string { return name(trailerNames, int(t)) }

// RuleIDMode says whether SCHC Packets begin with their RuleID of one byte
// (draft-ietf-ipsecme-diet-esp-10, Section 4.1).
type RuleIDMode uint8

// The modes. Zero is the default.
const (
	RuleIDElided RuleIDMode = iota
	RuleIDSent
)

// String returns the name of an SA file, "elided" or "sent".
func (m RuleIDMode) String() string { return name(ruleIDNames, int(m)) }

// The names of the values, in order.
const (
	profileNames   = "diet-esp-10|ehc-2023"
	iipcNames      = "iipc_diet-esp|iipc_not_compressed"
	actionNames    = "not_compressed|lower|sa|generated|zero"
	hopLimitNames  = "lower|value-sent"
	alignmentNames = "8 bit|16 bit|32 bit|64 bit"
	trailerNames   = "Mandatory|Optional"
	ruleIDNames    = "elided|sent"
)

// name returns name i of a list, or "unset".
func name(list string, i int) string {
	for len(list) > 0 {
		n := 0
		for n < len(list) && list[n] != '|' {
			n++
		}
		if i == 0 {
			return list[:n]
		}
		list, i = list[min(n+1, len(list)):], i-1
	}
	return "unset"
}

// Selectors is the one traffic selector per direction of an SA
// (draft-ietf-ipsecme-diet-esp-10, Section 4.2; RFC 7296, Section 3.13.1), as the
// sender of the protected packets sees it: Src is the local end of an outbound SA
// and the remote end of an inbound one.
type Selectors struct {
	// SrcStart to SrcEnd and DstStart to DstEnd are ranges of addresses, both
	// ends included, all four of one IP version (ts_ip_version). None is valid:
	// the whole range of Version.
	SrcStart, SrcEnd, DstStart, DstEnd esp.Addr
	// Version is 4 or 6, ts_ip_version; 0 is that of the addresses.
	Version uint8
	// Protocols is ts_proto, or ts_proto_list of the 2023 profile: none, or one
	// that is 0, is any protocol.
	Protocols []uint8
	// Ranges of ports, both ends included; 0 to 65535 is any port, and so is the
	// zero value 0 to 0.
	SrcPortStart, SrcPortEnd, DstPortStart, DstPortEnd uint16
}

// Attributes are the Attributes for Rules Derivation of one SA
// (draft-ietf-ipsecme-diet-esp-10, Section 4.2, Table 1) that are not those of the
// SA itself: esp.Config and esp.Suite have the mode, addresses, SPI, sequence
// number and algorithm. DefaultAttributes has what counts if nothing else was
// agreed.
type Attributes struct {
	Profile   Profile
	IIPC      IIPCProfile
	DSCP      Action // ActionNotCompressed, ActionLower or ActionSA
	ECN       Action // ActionNotCompressed or ActionLower
	FlowLabel Action // all but ActionSA; in the 2023 profile ActionLower is ts_flow_label True, ActionNotCompressed is False
	HopLimit  HopLimitAction
	Alignment Alignment
	Trailer   Trailer
	// SPILSBBits and SNLSBBits are how many low-order bits of the SPI and of the
	// Sequence Number are sent, 0 to 32: esp_spi_lsb and esp_sn_lsb. Their sum is
	// a multiple of 8; in the 2023 profile each is.
	SPILSBBits, SNLSBBits uint8
	// DSCPs is dscp_list, values of 6 bits, for ActionSA.
	DSCPs     []uint8
	RuleID    RuleIDMode
	Selectors Selectors
}

// DefaultAttributes returns the default values of the IKEv2 extensions
// (draft-ietf-ipsecme-ikev2-diet-esp-extension-04, Section 7;
// draft-mglt-ipsecme-ikev2-diet-esp-extension-04, Figure 2): whole SPI and Sequence
// Number, and for p = ProfileDietESP10 no action, 64 bit alignment, an optional
// trailer; for ProfileEHC2023 32 bit alignment, and DSCP, ECN and flow label of
// the outer header.
func DefaultAttributes(p Profile) Attributes {
	a := Attributes{Profile: p, Trailer: TrailerOptional, Alignment: Alignment64, SPILSBBits: 32, SNLSBBits: 32}
	if p == ProfileEHC2023 {
		a.Alignment, a.DSCP, a.ECN, a.FlowLabel = Alignment32, ActionLower, ActionLower, ActionLower
	}
	return a
}
