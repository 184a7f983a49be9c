package ehc

import "encoding/binary"

// Notify types that IANA has assigned (RFC 7296, Section 3.10.1). Below 16384
// are errors, from there on status.
const (
	NotifyUnsupportedCriticalPayload uint16 = 1
	NotifyInvalidSyntax              uint16 = 7
	NotifyNoProposalChosen           uint16 = 14
	NotifyInvalidKEPayload           uint16 = 17
	NotifyTSUnacceptable             uint16 = 38
	NotifyAdditionalTSPossible       uint16 = 16386
	NotifyIPCompSupported            uint16 = 16387
	NotifyUseTransportMode           uint16 = 16391
	NotifyRekeySA                    uint16 = 16393

	firstStatus = 16384
)

// Numbers are those that drafts only ask for. The zero value has the defaults,
// which are of the ranges for private use: 8192 to 16383 for errors, 40960 to
// 65535 for status (RFC 7296, Section 3.10.1).
type Numbers struct {
	HCPProposal     uint16 // HCP_PROPOSAL; default 0xec00
	EHCSupported    uint16 // EHC_SUPPORTED; default 0xec01
	EHCUnacceptable uint16 // EHC_UNACCEPTABLE_PARAMETER, an error; default 0x2ec1

	DSCP                    uint16 // DSCP (draft-mglt-ipsecme-dscp-np-03); default 0xec02
	OptimizedRekeySupported uint16 // OPTIMIZED_REKEY_SUPPORTED (draft-ietf-ipsecme-ikev2-sa-ts-payloads-opt-07); default 0xec03
	OptimizedRekey          uint16 // OPTIMIZED_REKEY; default 0xec04
	LMAPAndPTBSupported     uint16 // LMAP_AND_PTB_SUPPORTED (draft-liu-ipsecme-ikev2-mtu-dect-09); default 0xec05
	LMAP                    uint16 // LMAP; default 0xec06
	PTB                     uint16 // PTB; default 0xec07
	SeparateTransports      uint16 // SEPARATE_TRANSPORTS (draft-ietf-ipsecme-ikev2-reliable-transport-04); default 0xec08

	TSDSCP uint8 // TS_DSCP, a type of Traffic Selector (draft-mglt-ipsecme-ts-dscp-03); default 241

	// Range is the code point of range_afrg_proposal. Deviation: the draft says
	// 65535, but an Attribute Type has 15 bits; the default is 32767, its low
	// bits.
	Range uint16
	// Trailer is the code point of esp_trailer. Deviation: Table 3 of the draft
	// lacks it; TrailerCodePoint is the next free one. 0: it is not negotiated.
	Trailer uint16
}

// TrailerCodePoint is the first code point that Table 3 of
// draft-ietf-ipsecme-ikev2-diet-esp-extension-04 leaves free.
const TrailerCodePoint = 6

// Defaults returns n with the default in place of every 0.
func (n Numbers) Defaults() Numbers {
	def := func(v *uint16, d uint16) {
		if *v == 0 {
			*v = d
		}
	}
	def(&n.HCPProposal, 0xec00)
	def(&n.EHCSupported, 0xec01)
	def(&n.EHCUnacceptable, 0x2ec1)
	def(&n.DSCP, 0xec02)
	def(&n.OptimizedRekeySupported, 0xec03)
	def(&n.OptimizedRekey, 0xec04)
	def(&n.LMAPAndPTBSupported, 0xec05)
	def(&n.LMAP, 0xec06)
	def(&n.PTB, 0xec07)
	def(&n.SeparateTransports, 0xec08)
	def(&n.Range, 0x7fff)
	if n.TSDSCP == 0 {
		n.TSDSCP = 241
	}
	return n
}

// check reports whether no two meanings have one number.
func (n *Numbers) check() bool {
	list := [...]uint16{n.HCPProposal, n.EHCSupported, n.EHCUnacceptable, n.DSCP, n.OptimizedRekeySupported, n.OptimizedRekey,
		n.LMAPAndPTBSupported, n.LMAP, n.PTB, n.SeparateTransports}
	for i, a := range list {
		for _, b := range list[:i] {
			if a == b {
				return false
			}
		}
	}
	return n.Range >= TrailerCodePoint && n.Range < shortBit && n.Range != n.Trailer &&
		(n.Trailer == 0 || n.Trailer >= TrailerCodePoint && n.Trailer < shortBit)
}

// NotifyName returns the name of a notify type under n, or "".
func (n Numbers) NotifyName(typ uint16) string {
	n = n.Defaults()
	switch typ {
	case NotifyUnsupportedCriticalPayload:
		return "UNSUPPORTED_CRITICAL_PAYLOAD"
	case NotifyInvalidSyntax:
		return "INVALID_SYNTAX"
	case NotifyNoProposalChosen:
		return "NO_PROPOSAL_CHOSEN"
	case NotifyInvalidKEPayload:
		return "INVALID_KE_PAYLOAD"
	case NotifyTSUnacceptable:
		return "TS_UNACCEPTABLE"
	case NotifyAdditionalTSPossible:
		return "ADDITIONAL_TS_POSSIBLE"
	case NotifyIPCompSupported:
		return "IPCOMP_SUPPORTED"
	case NotifyUseTransportMode:
		return "USE_TRANSPORT_MODE"
	case NotifyRekeySA:
		return "REKEY_SA"
	case n.HCPProposal:
		return "HCP_PROPOSAL"
	case n.EHCSupported:
		return "EHC_SUPPORTED"
	case n.EHCUnacceptable:
		return "EHC_UNACCEPTABLE_PARAMETER"
	case n.DSCP:
		return "DSCP"
	case n.OptimizedRekeySupported:
		return "OPTIMIZED_REKEY_SUPPORTED"
	case n.OptimizedRekey:
		return "OPTIMIZED_REKEY"
	case n.LMAPAndPTBSupported:
		return "LMAP_AND_PTB_SUPPORTED"
	case n.LMAP:
		return "LMAP"
	case n.PTB:
		return "PTB"
	case n.SeparateTransports:
		return "SEPARATE_TRANSPORTS"
	}
	return ""
}

// Protocols of IKEv2 (RFC 7296, Section 3.3.1).
const (
	ProtocolIKE uint8 = 1
	ProtocolAH  uint8 = 2
	ProtocolESP uint8 = 3
)

const notifyHeaderLen = 4

// A Notify is the body of a Notify payload (RFC 7296, Section 3.10).
type Notify struct {
	Protocol uint8 // of the SPI; 0 without one
	Type     uint16
	SPI      []byte
	Data     []byte
}

// ParseNotify reads the body of a Notify payload. SPI and Data are parts of it.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|  Protocol ID  |   SPI Size    |      Notify Message Type      |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|   Security Parameter Index (SPI), then Notification Data      ~
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//
// The Protocol ID is ignored where there is no SPI, as the RFC demands.
func ParseNotify(body []byte) (Notify, error) {
	if len(body) < notifyHeaderLen {
		return Notify{}, ErrTruncated
	}
	n := int(body[1])
	if len(body) < notifyHeaderLen+n {
		return Notify{}, ErrTruncated
	}
	c := Notify{Type: binary.BigEndian.Uint16(body[2:]), Data: body[notifyHeaderLen+n:]}
	if n > 0 {
		c.Protocol, c.SPI = body[0], body[notifyHeaderLen:notifyHeaderLen+n:notifyHeaderLen+n]
	}
	return c, nil
}

// AppendNotify appends the body of a Notify payload. ErrMalformed: the SPI is
// too long, or is without a protocol; dst comes back as it was then.
func AppendNotify(dst []byte, n Notify) ([]byte, error) {
	if len(n.SPI) > 255 || (len(n.SPI) == 0) != (n.Protocol == 0) {
		return dst, ErrMalformed
	}
	dst = append(dst, n.Protocol, uint8(len(n.SPI)), uint8(n.Type>>8), uint8(n.Type))
	return append(append(dst, n.SPI...), n.Data...), nil
}

// AppendNotifyPayload appends a Notify payload without an SPI, with its generic
// header and nothing behind it: Next Payload is 0. ErrMalformed: data is too
// long; dst comes back as it was then.
func AppendNotifyPayload(dst []byte, typ uint16, data []byte) ([]byte, error) {
	n := payloadHeaderLen + notifyHeaderLen + len(data)
	if n > 0xffff {
		return dst, ErrMalformed
	}
	dst = append(dst, 0, 0, uint8(n>>8), uint8(n), 0, 0, uint8(typ>>8), uint8(typ))
	return append(dst, data...), nil
}

// ParseNotifyPayload reads a Notify payload with its generic header, whose Next
// Payload does not matter.
func ParseNotifyPayload(b []byte) (Notify, error) {
	p, rest, err := ParsePayload(PayloadNotify, b)
	if err != nil {
		return Notify{}, err
	}
	if len(rest) > 0 {
		return Notify{}, ErrMalformed
	}
	return ParseNotify(p.Body)
}
