package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/safile"
)

// newDietSA makes the dietesp.SA of an entry of an SA file that has attributes.
func newDietSA(a *safile.SA) (*dietesp.SA, error) {
	attr, err := a.Attributes()
	if err != nil {
		return nil, err
	}
	c, err := a.Config()
	if err != nil {
		return nil, err
	}
	suite, err := a.Suite()
	if err != nil {
		return nil, err
	}
	s := new(dietesp.SA)
	if err := s.Init(c, suite, attr, dietesp.Options{}); err != nil {
		return nil, dietError(a, err)
	}
	return s, nil
}

// dietError says where in the SA file an error of package dietesp is.
func dietError(a *safile.SA, err error) error {
	var ae *dietesp.AttributeError
	if !errors.As(err, &ae) {
		return a.Errorf("", "%v", err)
	}
	var e *safile.Error
	switch ae.Attribute {
	case "ipsec_mode":
		e = a.Errorf("mode", "%s", ae.Text)
	case "esp_spi":
		e = a.Errorf("spi", "%s", ae.Text)
	case "esp_encr":
		e = a.Errorf("encr", "%s", ae.Text)
	case "udp_encap":
		e = a.Errorf("udp_encap", "%s", ae.Text)
	default:
		e = a.DietErrorf(ae.Attribute, "%s", ae.Text)
	}
	e.Err = ae.Err
	return e
}

// dietClass makes an error of package dietesp one of package esp where there is
// one of the same class.
func dietClass(err error) error {
	e, ok := err.(dietesp.Error)
	if !ok {
		return err
	}
	for c := esp.ErrTruncated; c.Class() != ""; c++ {
		if c.Class() == e.Class() {
			return c
		}
	}
	return err
}

// dietText is "<class>: <text>" of an error that package esp has none for.
func dietText(e dietesp.Error) string {
	text := strings.TrimPrefix(e.Error(), "dietesp: ")
	if e == dietesp.ErrNoRule {
		text = "the Rules of the SA would not restore the packet"
	}
	return e.Class() + ": " + text
}

// openDiet opens a packet of Diet-ESP; ok is false if it is none, which is then
// tried as standard ESP.
func openDiet(d *dietesp.SAD, dst, pkt []byte) (out []byte, ok bool, err error) {
	if _, err := dietesp.Locate(pkt, 0); err != nil {
		return dst, false, nil
	}
	out, _, err = d.AppendOpen(dst, pkt)
	return out, true, dietClass(err)
}

// dietTakes reports whether an SA with attributes protects a packet: one that is
// between its traffic selectors, which are those of the Rules, too.
func dietTakes(s *dietesp.SA, pkt []byte) bool {
	t := s.Attributes().Selectors
	src, dst, ok := endpoints(pkt)
	if !ok {
		return true // broken: sealing says how
	}
	v := uint8(6)
	if src.Is4() {
		v = 4
	}
	if t.Version != 0 && t.Version != v ||
		!between(t.SrcStart, t.SrcEnd, src.AsSlice()) || !between(t.DstStart, t.DstEnd, dst.AsSlice()) {
		return false
	}
	proto, rest, ok := upper(pkt)
	if !ok {
		return true
	}
	any, listed := len(t.Protocols) == 0, false
	for _, p := range t.Protocols {
		any, listed = any || p == 0, listed || p == proto
	}
	if !any && !listed {
		return false
	}
	switch proto {
	case 6, 17, 132, 136:
		if len(rest) < 4 {
			return true
		}
		return inPorts(t.SrcPortStart, t.SrcPortEnd, rest) && inPorts(t.DstPortStart, t.DstPortEnd, rest[2:])
	}
	return true
}

// upper returns the protocol behind the IP header, without extension headers,
// and what follows; ok is false for a fragment that is not the first.
func upper(pkt []byte) (proto uint8, rest []byte, ok bool) {
	if pkt[0]>>4 == 6 {
		return pkt[6], pkt[40:], true
	}
	n := int(pkt[0]&15) * 4
	if n < 20 || n > len(pkt) || binary.BigEndian.Uint16(pkt[6:])&0x1fff != 0 {
		return 0, nil, false
	}
	return pkt[9], pkt[n:], true
}

// between reports whether an address is in a range; one that is not valid has
// all addresses.
func between(start, end esp.Addr, a []byte) bool {
	if !start.IsValid() {
		return true
	}
	return start.Len() == len(a) && bytes.Compare(start.Bytes(), a) <= 0 && bytes.Compare(a, end.Bytes()) <= 0
}

func inPorts(start, end uint16, port []byte) bool {
	p := binary.BigEndian.Uint16(port)
	return start == 0 && end == 0 || start <= p && p <= end
}
