package pcapio

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Format says what kind of capture file a Reader reads, in enough detail that
// a classic file can be written again with the same header.
type Format struct {
	NG        bool // pcapng, else classic pcap
	Nano      bool // classic: nanoseconds, else microseconds
	BigEndian bool // pcapng: of the first section
	Gzip      bool // compressed; writers do not compress
	SnapLen   uint32

	// The rest of a classic header, mostly 0 (Major and Minor: 2.4, for which 0.0 stands too).
	Major, Minor uint16
	LinkFlags    uint16 // upper half of the link type field (FCS length)
	Zone         int32
	SigFigs      uint32
}

// String returns pcap-us-le, pcap-ns-be, pcapng-le and so on.
func (f Format) String() string {
	s := "pcap-us"
	if f.NG {
		s = "pcapng"
	} else if f.Nano {
		s = "pcap-ns"
	}
	if f.BigEndian {
		s += "-be"
	} else {
		s += "-le"
	}
	return s
}

func parseFormatName(s string) (f Format, ok bool) {
	name, be := strings.CutSuffix(s, "-be")
	if !be {
		if name, ok = strings.CutSuffix(s, "-le"); !ok {
			return f, false
		}
	}
	f.BigEndian = be
	switch name {
	case "pcapng":
		f.NG = true
	case "pcap-ns":
		f.Nano = true
	case "pcap-us":
	default:
		return f, false
	}
	return f, true
}

// Role says which packets of an input interface an interface of a compressed
// capture holds.
type Role uint8

const (
	_        Role = iota
	RolePass      // passed through unchanged
	RoleUp        // compressed, direction up
	RoleDown      // compressed, direction down
)

var roleNames = [...]string{RolePass: "pass", RoleUp: "up", RoleDown: "down"}

func (r Role) String() string {
	if int(r) < len(roleNames) && r != 0 {
		return roleNames[r]
	}
	return "unset"
}

// Meta is what a compressed capture remembers, in the description of each of
// its interfaces, of the input interface that the packets came from:
//
//	schckit role=up iface=0 original=pcap-us-le snaplen=65535 linktype=1 ethertype=88b5
//
// so that all packets of the up to three interfaces with the same Iface can be
// put back under one that equals the original.
type Meta struct {
	Role      Role
	Iface     int      // number of the input interface
	Format    Format   // of the input file
	LinkType  LinkType // of the input interface
	EtherType uint16   // the SCHC EtherType of compressed frames; 0: bare SCHC Packets
	// LinkHeader is what was in front of the IP datagram and is not in a bare
	// SCHC Packet: the 4-byte family of loopback captures. A frame with another one
	// cannot be restored from this interface: pass it through, or add an interface.
	LinkHeader        []byte
	Name, Description string // if_name and if_description of the input
	FCSLen            int    // if_fcslen of the input, -1: not given
	Fragments         bool   // the SCHC Packets are in fragments
	Rules             string // fingerprint of the Rules, in hex, of compressed frames; may be empty
}

const metaPrefix = "schckit "

// String returns m in the form that ParseMeta reads.
func (m Meta) String() string {
	var b strings.Builder
	f := &m.Format
	fmt.Fprintf(&b, metaPrefix+"role=%v iface=%d original=%v snaplen=%d linktype=%d",
		m.Role, m.Iface, f, f.SnapLen, m.LinkType)
	if m.EtherType != 0 {
		fmt.Fprintf(&b, " ethertype=%04x", m.EtherType)
	}
	if len(m.LinkHeader) > 0 {
		fmt.Fprintf(&b, " linkheader=%x", m.LinkHeader)
	}
	if (f.Major != 2 || f.Minor != 4) && f.Major != 0 {
		fmt.Fprintf(&b, " version=%d.%d", f.Major, f.Minor)
	}
	if f.LinkFlags != 0 {
		fmt.Fprintf(&b, " linkflags=%04x", f.LinkFlags)
	}
	if f.Zone != 0 || f.SigFigs != 0 {
		fmt.Fprintf(&b, " zone=%d sigfigs=%d", f.Zone, f.SigFigs)
	}
	if f.Gzip {
		b.WriteString(" gzip=1")
	}
	if m.FCSLen >= 0 {
		fmt.Fprintf(&b, " fcslen=%d", m.FCSLen)
	}
	if m.Fragments {
		b.WriteString(" fragments=1")
	}
	if m.Rules != "" {
		b.WriteString(" rules=" + m.Rules)
	}
	if m.Name != "" {
		b.WriteString(" name=" + strconv.QuoteToASCII(m.Name))
	}
	if m.Description != "" {
		b.WriteString(" description=" + strconv.QuoteToASCII(m.Description))
	}
	return b.String()
}

// ParseMeta reads the description of an interface. It returns false for one
// that Meta.String did not write. Keys it does not know are ignored.
func ParseMeta(s string) (Meta, bool) {
	m := Meta{FCSLen: -1}
	m.Format.Major, m.Format.Minor = 2, 4
	rest, ok := strings.CutPrefix(s, metaPrefix)
	if !ok {
		return Meta{}, false
	}
	seen := 0
	for rest = strings.TrimLeft(rest, " "); rest != ""; rest = strings.TrimLeft(rest, " ") {
		key, value, ok := strings.Cut(rest, "=")
		if !ok {
			return Meta{}, false
		}
		if strings.HasPrefix(value, `"`) {
			q, err := strconv.QuotedPrefix(value)
			if err != nil {
				return Meta{}, false
			}
			rest = value[len(q):]
			value, _ = strconv.Unquote(q)
		} else {
			value, rest, _ = strings.Cut(value, " ")
		}
		required, ok := m.set(key, value)
		if !ok {
			return Meta{}, false
		}
		if required {
			seen++
		}
	}
	return m, seen == 4
}

// set stores one key and says whether it is one that cannot be missing.
func (m *Meta) set(key, value string) (required, ok bool) {
	f := &m.Format
	num := func(base, bitLen int) uint64 {
		n, err := strconv.ParseUint(value, base, bitLen)
		ok = err == nil
		return n
	}
	switch key {
	case "role":
		for r, name := range roleNames {
			if name == value && r != 0 {
				m.Role, ok = Role(r), true
			}
		}
		return true, ok
	case "iface":
		m.Iface = int(num(10, 31))
		return true, ok
	case "original":
		g, ok := parseFormatName(value)
		f.NG, f.Nano, f.BigEndian = g.NG, g.Nano, g.BigEndian
		return true, ok
	case "linktype":
		m.LinkType = LinkType(num(10, 16))
		return true, ok
	case "snaplen":
		f.SnapLen = uint32(num(10, 32))
	case "ethertype":
		m.EtherType = uint16(num(16, 16))
	case "linkheader":
		b, err := hex.DecodeString(value)
		m.LinkHeader, ok = b, err == nil && len(b) <= 64
	case "version":
		major, minor, _ := strings.Cut(value, ".")
		value = major
		f.Major = uint16(num(10, 16))
		value = minor
		majorOK := ok
		f.Minor = uint16(num(10, 16))
		ok = ok && majorOK
	case "linkflags":
		f.LinkFlags = uint16(num(16, 16))
	case "zone":
		n, err := strconv.ParseInt(value, 10, 32)
		f.Zone, ok = int32(n), err == nil
	case "sigfigs":
		f.SigFigs = uint32(num(10, 32))
	case "gzip":
		f.Gzip, ok = value == "1", true
	case "fcslen":
		m.FCSLen = int(num(10, 8))
	case "fragments":
		m.Fragments, ok = value == "1", true
	case "rules":
		_, err := hex.DecodeString(value)
		m.Rules, ok = value, err == nil && len(value) <= 64
	case "name":
		m.Name, ok = value, true
	case "description":
		m.Description, ok = value, true
	default:
		ok = true
	}
	return false, ok
}

// maxMetaText bounds what is kept of names and descriptions, so that the
// quoted form always fits an option.
const maxMetaText = 4 << 10

// Derive returns the interface of a compressed capture that holds the packets
// of f which have the given role. iface is the number of f, format that of
// the file; etherType is the SCHC EtherType where the link layer has one
// (LinkType.HasEtherType) and is ignored elsewhere; linkHeader is what
// stood in front of the datagrams on a loopback. Times keep their resolution.
func (f *Interface) Derive(role Role, iface int, format Format, etherType uint16, linkHeader []byte) Interface {
	m := Meta{Role: role, Iface: iface, Format: format, LinkType: f.LinkType, FCSLen: -1,
		Name: f.Name, Description: f.Description}
	if len(m.Name) > maxMetaText {
		m.Name = ""
	}
	if len(m.Description) > maxMetaText {
		m.Description = ""
	}
	g := *f
	g.Extra = nil
	for _, o := range f.Extra {
		if o.Code == optFCSLen && len(o.Value) == 1 {
			m.FCSLen = int(o.Value[0])
			if role != RolePass {
				continue // a compressed frame has none
			}
		}
		g.Extra = append(g.Extra, o)
	}
	if role != RolePass {
		g.Name = "schc " + role.String()
		if f.LinkType.HasEtherType() {
			m.EtherType = etherType
		} else {
			g.LinkType = LinkTypeUser0
			m.LinkHeader = linkHeader
		}
	}
	g.Description = m.String()
	return g
}

// SetFragments says in the description of f, which Derive made, whether its SCHC
// Packets are in fragments. Other interfaces stay as they are.
func (f *Interface) SetFragments(v bool) {
	if m, ok := ParseMeta(f.Description); ok && m.Fragments != v {
		m.Fragments = v
		f.Description = m.String()
	}
}

// SetRules notes in the description of f, which Derive made, the fingerprint of
// the Rules that compressed its packets. Other interfaces stay as they are.
func (f *Interface) SetRules(fingerprint []byte) {
	if m, ok := ParseMeta(f.Description); ok {
		m.Rules = hex.EncodeToString(fingerprint)
		f.Description = m.String()
	}
}

// Original undoes Derive: it returns the input interface that f was derived
// from. It returns false for an interface without a Meta.
func (f *Interface) Original() (Interface, Meta, bool) {
	m, ok := ParseMeta(f.Description)
	if !ok {
		return Interface{}, Meta{}, false
	}
	g := *f
	g.LinkType, g.Name, g.Description = m.LinkType, m.Name, m.Description
	if m.FCSLen >= 0 && m.Role != RolePass {
		g.Extra = append(g.Extra[:len(g.Extra):len(g.Extra)], Option{optFCSLen, []byte{byte(m.FCSLen)}})
	}
	return g, m, true
}
