package safile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/esp"
)

// dietReader reads the value of one key of a diet object.
type dietReader func(d *dietesp.Attributes, raw []byte) error

// The keys of a diet object are the names of draft-ietf-ipsecme-diet-esp-10, Table
// 1, and, in the second table, those of the draft of June 2023 that differ. The
// widths are read apart: their unit is the profile's.
var dietReaders = map[string]dietReader{
	"iipc_profile": func(d *dietesp.Attributes, raw []byte) error {
		return word(raw, &d.IIPC, dietesp.IIPCDietESP, dietesp.IIPCNotCompressed)
	},
	"dscp_action": func(d *dietesp.Attributes, raw []byte) error {
		return word(raw, &d.DSCP, dietesp.ActionNotCompressed, dietesp.ActionLower, dietesp.ActionSA)
	},
	"ecn_action": func(d *dietesp.Attributes, raw []byte) error {
		return word(raw, &d.ECN, dietesp.ActionNotCompressed, dietesp.ActionLower)
	},
	"flow_label_action": func(d *dietesp.Attributes, raw []byte) error {
		return word(raw, &d.FlowLabel, dietesp.ActionNotCompressed, dietesp.ActionLower, dietesp.ActionGenerated, dietesp.ActionZero)
	},
	"hop_limit": func(d *dietesp.Attributes, raw []byte) error {
		return word(raw, &d.HopLimit, dietesp.HopLimitLower, dietesp.HopLimitValueSent)
	},
	"alignment": func(d *dietesp.Attributes, raw []byte) error {
		return word(raw, &d.Alignment, dietesp.Alignment8, dietesp.Alignment16, dietesp.Alignment32, dietesp.Alignment64)
	},
	"esp_trailer": func(d *dietesp.Attributes, raw []byte) error {
		return word(raw, &d.Trailer, dietesp.TrailerMandatory, dietesp.TrailerOptional)
	},
	"rule_id": func(d *dietesp.Attributes, raw []byte) error {
		return word(raw, &d.RuleID, dietesp.RuleIDElided, dietesp.RuleIDSent)
	},
	"ts_ip_version":     readVersion,
	"ts_ip_src_start":   func(d *dietesp.Attributes, raw []byte) error { return address(raw, &d.Selectors.SrcStart) },
	"ts_ip_src_end":     func(d *dietesp.Attributes, raw []byte) error { return address(raw, &d.Selectors.SrcEnd) },
	"ts_ip_dst_start":   func(d *dietesp.Attributes, raw []byte) error { return address(raw, &d.Selectors.DstStart) },
	"ts_ip_dst_end":     func(d *dietesp.Attributes, raw []byte) error { return address(raw, &d.Selectors.DstEnd) },
	"ts_proto":          readProtocols,
	"ts_port_src_start": func(d *dietesp.Attributes, raw []byte) error { return small(raw, 16, &d.Selectors.SrcPortStart) },
	"ts_port_src_end":   func(d *dietesp.Attributes, raw []byte) error { return small(raw, 16, &d.Selectors.SrcPortEnd) },
	"ts_port_dst_start": func(d *dietesp.Attributes, raw []byte) error { return small(raw, 16, &d.Selectors.DstPortStart) },
	"ts_port_dst_end":   func(d *dietesp.Attributes, raw []byte) error { return small(raw, 16, &d.Selectors.DstPortEnd) },
	"dscp_list":         readDSCPs,
}

var dietReaders2023 = map[string]dietReader{
	"ts_flow_label": readFlowLabel,
	"ts_proto_list": readProtocols,
	"ts_dsp_list":   readDSCPs, // as the draft's table spells it
	"ts_dscp_list":  readDSCPs,
}

// dietElsewhere are attributes that the SA itself has.
var dietElsewhere = map[string]string{
	"tunnel_ip": "src and dst", "esp_encr": "encr", "esp_spi": "spi", "esp_sn": "seq",
}

// Attributes returns the Diet-ESP attributes of an SA that has them. Ranges of
// addresses that are not among them are ts_src and ts_dst of the SA.
func (a *SA) Attributes() (dietesp.Attributes, error) {
	list, e := a.dietMembers()
	if e != nil {
		return dietesp.Attributes{}, e
	}
	profile := dietesp.ProfileDietESP10
	for _, m := range list {
		if m.key == "profile" && string(m.raw) != "null" {
			if err := word(m.raw, &profile, dietesp.ProfileDietESP10, dietesp.ProfileEHC2023); err != nil {
				return dietesp.Attributes{}, a.dietErrorf(m, "%v", err)
			}
		}
	}
	d := dietesp.DefaultAttributes(profile)
	given := map[string]bool{}
	for _, m := range list {
		if string(m.raw) == "null" {
			continue
		}
		given[m.key] = true
		if err := a.readDiet(&d, m); err != nil {
			return dietesp.Attributes{}, a.dietErrorf(m, "%v", err)
		}
	}
	a.addSelectors(&d.Selectors, given)
	return d, nil
}

// dietMembers splits the object; offsets are those of the file.
func (a *SA) dietMembers() ([]member, *Error) {
	s := newScanner(a.Diet, a.place.name)
	s.sa = a.place.sa
	list, e := s.object("not an object")
	base := a.keys["diet"]
	if i := bytes.Index(a.place.data[base:], a.Diet); i >= 0 {
		base += i
	}
	if e != nil {
		return nil, a.place.errorf(base, "diet", "%s", e.Text)
	}
	for i := range list {
		list[i].off += base
	}
	return list, nil
}

// readDiet reads one key.
func (a *SA) readDiet(d *dietesp.Attributes, m member) error {
	switch m.key {
	case "profile":
		return nil
	case "esp_spi_lsb":
		return width(d.Profile, m.raw, &d.SPILSBBits)
	case "esp_sn_lsb":
		return width(d.Profile, m.raw, &d.SNLSBBits)
	case "ipsec_mode":
		var s string
		if err := str(m.raw, &s); err != nil {
			return err
		}
		if !strings.EqualFold(s, a.Mode.String()) {
			return fmt.Errorf("%.40q is not the mode of the SA, %v", s, a.Mode)
		}
		return nil
	}
	read := dietReaders[m.key]
	if read == nil && d.Profile == dietesp.ProfileEHC2023 {
		read = dietReaders2023[m.key]
	}
	if read == nil {
		if key, ok := dietElsewhere[m.key]; ok {
			return fmt.Errorf("the SA has it as %s", key)
		}
		if dietReaders2023[m.key] != nil {
			return fmt.Errorf("of the profile \"ehc-2023\" only")
		}
		return fmt.Errorf("unknown key")
	}
	return read(d, m.raw)
}

// dietErrorf is an error at a key of the diet object.
func (a *SA) dietErrorf(m member, format string, args ...any) *Error {
	return a.place.errorf(m.off, "diet."+m.key, format, args...)
}

// DietErrorf returns an error at a key of the diet object of a, or at the object
// itself if it has no such key.
func (a *SA) DietErrorf(key, format string, args ...any) *Error {
	list, _ := a.dietMembers()
	for _, m := range list {
		if m.key == key {
			return a.dietErrorf(m, format, args...)
		}
	}
	if key == "" {
		return a.Errorf("diet", format, args...)
	}
	e := a.Errorf("diet", format, args...)
	e.Key = "diet." + key
	return e
}

// addSelectors fills address ranges that are missing from ts_src and ts_dst, and
// the ends of ranges of which only the start is given.
func (a *SA) addSelectors(s *dietesp.Selectors, given map[string]bool) {
	for _, r := range [][2]*esp.Addr{{&s.SrcStart, &s.SrcEnd}, {&s.DstStart, &s.DstEnd}} {
		if r[0].IsValid() && !r[1].IsValid() {
			*r[1] = *r[0]
		}
	}
	if !given["ts_port_src_end"] {
		s.SrcPortEnd = s.SrcPortStart
	}
	if !given["ts_port_dst_end"] {
		s.DstPortEnd = s.DstPortStart
	}
	if !s.SrcStart.IsValid() && !s.SrcEnd.IsValid() && a.TSSrc.IsValid() {
		s.SrcStart, s.SrcEnd = ends(a.TSSrc)
	}
	if !s.DstStart.IsValid() && !s.DstEnd.IsValid() && a.TSDst.IsValid() {
		s.DstStart, s.DstEnd = ends(a.TSDst)
	}
}

// ends returns the first and the last address of a prefix.
func ends(p netip.Prefix) (first, last esp.Addr) {
	b := p.Masked().Addr().AsSlice()
	first = esp.AddrFromSlice(b)
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return first, esp.AddrFromSlice(b)
}

// word reads one of the names of values.
func word[T fmt.Stringer](raw []byte, v *T, values ...T) error {
	var s string
	if err := str(raw, &s); err != nil {
		return err
	}
	names := make([]string, len(values))
	for i, x := range values {
		if names[i] = x.String(); strings.EqualFold(s, names[i]) {
			*v = x
			return nil
		}
	}
	return fmt.Errorf("%.40q is not one of %s", s, strings.Join(names, ", "))
}

// width reads the width of an LSB: bits, in the 2023 profile bytes.
func width(p dietesp.Profile, raw []byte, v *uint8) error {
	var n uint32
	if err := number(raw, 32, &n); err != nil {
		return err
	}
	if p == dietesp.ProfileEHC2023 {
		if n > 4 {
			return fmt.Errorf("%d is not 0 to 4 bytes", n)
		}
		n *= 8
	}
	if n > 32 {
		return fmt.Errorf("%d is not 0 to 32 bits", n)
	}
	*v = uint8(n)
	return nil
}

// small reads a number of up to 16 bits.
func small[T uint8 | uint16](raw []byte, bits int, v *T) error {
	var n uint32
	if err := number(raw, bits, &n); err != nil {
		return err
	}
	*v = T(n)
	return nil
}

func address(raw []byte, v *esp.Addr) error {
	var a netip.Addr
	if err := text(raw, &a, netip.ParseAddr, "an IP address"); err != nil {
		return err
	}
	*v = addr(a)
	return nil
}

// readVersion reads ts_ip_version: the -10 draft's strings, or the number.
func readVersion(d *dietesp.Attributes, raw []byte) error {
	switch strings.ToLower(strings.Trim(string(raw), `"`)) {
	case "ipv4-only", "ipv4", "4":
		d.Selectors.Version = 4
	case "ipv6-only", "ipv6", "6":
		d.Selectors.Version = 6
	default:
		return fmt.Errorf("%.40s is not \"IPv4-only\" or \"IPv6-only\"", raw)
	}
	return nil
}

// elements calls f for each element of a list, or for a value that is no list.
func elements(raw []byte, f func(raw []byte) error) error {
	if raw[0] != '[' {
		return f(raw)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	if len(list) > 256 {
		return fmt.Errorf("more than 256 values")
	}
	for _, x := range list {
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}

// protocols are the names of ts_proto.
var protocols = map[string]uint8{
	"any": 0, "tcp": 6, "udp": 17, "sctp": 132, "udp-lite": 136, "udplite": 136, "icmp": 1, "icmpv6": 58,
}

// readProtocols reads ts_proto or ts_proto_list: names and numbers, one or a list.
func readProtocols(d *dietesp.Attributes, raw []byte) error {
	d.Selectors.Protocols = nil
	return elements(raw, func(raw []byte) error {
		var n uint8
		if err := small(raw, 8, &n); err != nil {
			var ok bool
			if n, ok = protocols[strings.ToLower(strings.Trim(string(raw), `"`))]; !ok {
				return fmt.Errorf("%.40s is not a protocol: TCP, UDP, UDP-Lite, SCTP, ANY or a number", raw)
			}
		}
		d.Selectors.Protocols = append(d.Selectors.Protocols, n)
		return nil
	})
}

// readDSCPs reads dscp_list.
func readDSCPs(d *dietesp.Attributes, raw []byte) error {
	d.DSCPs = nil
	if d.Profile == dietesp.ProfileEHC2023 {
		d.DSCP = dietesp.ActionSA
	}
	return elements(raw, func(raw []byte) error {
		var n uint8
		if err := small(raw, 8, &n); err != nil || n > 63 {
			return fmt.Errorf("%.40s is not a DSCP, 0 to 63", raw)
		}
		d.DSCPs = append(d.DSCPs, n)
		return nil
	})
}

// readFlowLabel reads ts_flow_label.
func readFlowLabel(d *dietesp.Attributes, raw []byte) error {
	var on bool
	if err := boolean([]byte(strings.ToLower(strings.Trim(string(raw), `"`))), &on); err != nil {
		return err
	}
	d.FlowLabel = dietesp.ActionNotCompressed
	if on {
		d.FlowLabel = dietesp.ActionLower
	}
	return nil
}
