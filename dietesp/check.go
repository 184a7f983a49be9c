package dietesp

import "github.com/schckit/schckit/esp"

// IP protocol numbers.
const (
	protoIPv4    = 4
	protoTCP     = 6
	protoUDP     = 17
	protoIPv6    = 41
	protoNone    = 59
	protoSCTP    = 132
	protoUDPLite = 136
)

// Check returns nil, or an *AttributeError that names the first attribute from
// which no Rules can be derived for an SA with this configuration and algorithm
// (draft-ietf-ipsecme-diet-esp-10, Sections 4.2 and 6). Addresses of c may be
// missing: an inbound SA need not have them.
func (a Attributes) Check(c esp.Config, alg esp.Algorithm) error {
	if e := a.check(&c, alg); e != nil {
		return e
	}
	return nil
}

func malformed(attribute, text string) *AttributeError {
	return &AttributeError{attribute, ErrMalformed, text}
}

func (a *Attributes) check(c *esp.Config, alg esp.Algorithm) *AttributeError {
	if err := alg.Check(); err != nil {
		return &AttributeError{"esp_encr", espError(err), "not an algorithm of ESP, or one without integrity"}
	}
	for _, step := range [...]func(*esp.Config, esp.Algorithm) *AttributeError{
		a.checkValues, a.checkActions, a.checkProfile, a.checkHeader, a.checkSelectors} {
		if e := step(c, alg); e != nil {
			return e
		}
	}
	return nil
}

// checkValues checks that enumerations have values that there are.
func (a *Attributes) checkValues(c *esp.Config, _ esp.Algorithm) *AttributeError {
	switch {
	case a.Profile > ProfileEHC2023:
		return malformed("profile", "not a profile; use diet-esp-10 or ehc-2023")
	case c.Mode != esp.ModeTunnel && c.Mode != esp.ModeTransport:
		return malformed("ipsec_mode", "neither tunnel nor transport")
	case c.SPI < esp.MinSPI:
		return malformed("esp_spi", "SPIs below 256 are reserved (RFC 4303, Section 2.1)")
	case c.SrcPort != 0 || c.DstPort != 0:
		// A compressed SPI may begin with the bytes of the non-ESP marker, and
		// nothing on that port tells Diet-ESP from ESP.
		return &AttributeError{"udp_encap", ErrUnsupported, "Diet-ESP has no form for UDP encapsulation (RFC 3948)"}
	case a.IIPC > IIPCNotCompressed:
		return malformed("iipc_profile", "use iipc_diet-esp or iipc_not_compressed")
	case a.Alignment > Alignment64:
		return malformed("alignment", "use 8 bit, 16 bit, 32 bit or 64 bit")
	case a.Trailer > TrailerOptional:
		return malformed("esp_trailer", "use Mandatory or Optional")
	case a.RuleID > RuleIDSent:
		return malformed("rule_id", "use elided or sent")
	case a.HopLimit > HopLimitValueSent:
		return malformed("hop_limit", "use lower or value-sent")
	}
	return nil
}

// checkActions checks the three actions and dscp_list.
func (a *Attributes) checkActions(*esp.Config, esp.Algorithm) *AttributeError {
	switch {
	case a.DSCP > ActionSA:
		return malformed("dscp_action", "use not_compressed, lower or sa")
	case a.ECN > ActionLower:
		return malformed("ecn_action", "use not_compressed or lower")
	case a.FlowLabel > ActionZero || a.FlowLabel == ActionSA:
		return malformed("flow_label_action", "use not_compressed, lower, generated or zero")
	case a.DSCP == ActionSA && len(a.DSCPs) == 0:
		return malformed("dscp_list", "is empty, but dscp_action is sa")
	case a.DSCP != ActionSA && len(a.DSCPs) != 0:
		return malformed("dscp_list", "is for dscp_action sa only")
	}
	for i, v := range a.DSCPs {
		if v > 63 {
			return malformed("dscp_list", "a DSCP has 6 bits: 0 to 63")
		}
		for _, w := range a.DSCPs[:i] {
			if v == w {
				return malformed("dscp_list", "has a DSCP twice")
			}
		}
	}
	return nil
}

// checkProfile checks what the 2023 profile does not have.
func (a *Attributes) checkProfile(*esp.Config, esp.Algorithm) *AttributeError {
	if a.Profile != ProfileEHC2023 {
		return nil
	}
	const only = "; that is of diet-esp-10"
	switch {
	case a.Alignment != Alignment8 && a.Alignment != Alignment32:
		return malformed("alignment", "ehc-2023 has 8 bit and 32 bit only")
	case a.SPILSBBits%8 != 0:
		return malformed("esp_spi_lsb", "ehc-2023 counts whole bytes")
	case a.SNLSBBits%8 != 0:
		return malformed("esp_sn_lsb", "ehc-2023 counts whole bytes")
	case a.DSCP == ActionNotCompressed:
		return malformed("dscp_action", "ehc-2023 has sa, with a list, and lower"+only)
	case a.ECN != ActionLower:
		return malformed("ecn_action", "ehc-2023 has lower only"+only)
	case a.FlowLabel != ActionLower && a.FlowLabel != ActionNotCompressed:
		return malformed("flow_label_action", "ehc-2023 has ts_flow_label True (lower) and False (not_compressed)"+only)
	case a.Trailer != TrailerOptional:
		return malformed("esp_trailer", "ehc-2023 has no other than Optional"+only)
	case a.IIPC != IIPCDietESP:
		return malformed("iipc_profile", "ehc-2023 has no other than iipc_diet-esp"+only)
	case a.RuleID != RuleIDElided:
		return malformed("rule_id", "ehc-2023 sends no RuleIDs"+only)
	}
	return nil
}

// checkHeader checks what is sent of SPI and Sequence Number.
func (a *Attributes) checkHeader(c *esp.Config, alg esp.Algorithm) *AttributeError {
	switch {
	case a.SPILSBBits > 32:
		return malformed("esp_spi_lsb", "an SPI has 32 bits")
	case a.SNLSBBits > 32:
		return malformed("esp_sn_lsb", "a Sequence Number has 32 bits")
	case (a.SPILSBBits+a.SNLSBBits)%8 != 0: // Section 6.3
		return malformed("esp_sn_lsb", "esp_spi_lsb and esp_sn_lsb must add up to a multiple of 8")
	case a.SNLSBBits < 32 && c.Window == esp.NoWindow:
		return malformed("esp_sn_lsb", "without a replay window nothing says what the other bits are")
	case a.SPILSBBits+a.SNLSBBits < 64 && alg.ICVLen() == 0:
		return malformed("esp_encr", "without an ICV nothing tells which SPI and Sequence Number are right")
	}
	return nil
}

// checkSelectors checks the traffic selectors.
func (a *Attributes) checkSelectors(c *esp.Config, _ esp.Algorithm) *AttributeError {
	t := &a.Selectors
	version := t.Version
	for _, r := range [...]struct {
		name       string
		start, end *esp.Addr
	}{{"ts_ip_src", &t.SrcStart, &t.SrcEnd}, {"ts_ip_dst", &t.DstStart, &t.DstEnd}} {
		if r.start.Len() != r.end.Len() {
			return malformed(r.name+"_end", "start and end of a range are two addresses of one IP version")
		}
		if !r.start.IsValid() {
			continue
		}
		v := uint8(6)
		if r.start.Len() == 4 {
			v = 4
		}
		if version == 0 {
			version = v
		}
		if v != version {
			return malformed("ts_ip_version", "all addresses are of one IP version (Section 4.2)")
		}
		if compare(r.start.Bytes(), r.end.Bytes()) > 0 {
			return malformed(r.name+"_end", "the range ends before it starts")
		}
	}
	switch {
	case version != 0 && version != 4 && version != 6:
		return malformed("ts_ip_version", "use IPv4-only or IPv6-only")
	case version == 0 && c.Mode == esp.ModeTunnel && (a.IIPC == IIPCDietESP || a.Trailer == TrailerOptional):
		return malformed("ts_ip_version", "is not known; say IPv4-only or IPv6-only, or give a range of addresses")
	case t.SrcPortStart > t.SrcPortEnd:
		return malformed("ts_port_src_end", "the range ends before it starts")
	case t.DstPortStart > t.DstPortEnd:
		return malformed("ts_port_dst_end", "the range ends before it starts")
	case a.Profile != ProfileEHC2023 && len(t.Protocols) > 1:
		return malformed("ts_proto", "diet-esp-10 takes one protocol, or ANY (0) (Section 4.2)")
	}
	for i, p := range t.Protocols {
		for _, q := range t.Protocols[:i] {
			if p == q {
				return malformed("ts_proto", "has a protocol twice")
			}
		}
	}
	return nil
}

// compare compares two addresses as numbers.
func compare(a, b []byte) int {
	for i := range a {
		if a[i] != b[i] {
			return int(a[i]) - int(b[i])
		}
	}
	return 0
}

// version returns ts_ip_version, 0 if it is not known.
func (t *Selectors) version() uint8 {
	switch {
	case t.Version != 0:
		return t.Version
	case t.SrcStart.Len() == 4 || t.DstStart.Len() == 4:
		return 4
	case t.SrcStart.IsValid() || t.DstStart.IsValid():
		return 6
	}
	return 0
}

// any reports whether the selectors allow any protocol.
func (t *Selectors) any() bool {
	for _, p := range t.Protocols {
		if p == 0 {
			return true
		}
	}
	return len(t.Protocols) == 0
}

// protocol returns the one protocol of the selectors, 0 for any or several.
func (t *Selectors) protocol() uint8 {
	if len(t.Protocols) == 1 {
		return t.Protocols[0]
	}
	return 0
}
