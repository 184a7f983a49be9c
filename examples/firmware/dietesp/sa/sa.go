// Package sa is the Security Association of the example: what the firmware and
// the program that makes its Rules both know.
package sa

import (
	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/esp"
)

//go:generate go run ../gen

var protocols = [1]uint8{17} // UDP

// Config returns the SA without the memory of its window: a tunnel between two
// addresses.
func Config() esp.Config {
	return esp.Config{SPI: 0x1001, Mode: esp.ModeTunnel, Src: addr(1), Dst: addr(2)}
}

// Attributes returns what the Rules are derived from: UDP between one sensor and
// one port of one server, and 8 bits of the Sequence Number on the air.
func Attributes() dietesp.Attributes {
	a := dietesp.DefaultAttributes(dietesp.ProfileDietESP10)
	a.DSCP, a.ECN, a.FlowLabel = dietesp.ActionLower, dietesp.ActionLower, dietesp.ActionZero
	a.Alignment = dietesp.Alignment8
	a.SPILSBBits, a.SNLSBBits = 0, 8
	t := &a.Selectors
	t.Protocols = protocols[:]
	t.SrcStart, t.DstStart = addr(0x10), addr(0x20)
	t.SrcEnd, t.DstEnd = t.SrcStart, t.DstStart
	t.SrcPortStart, t.SrcPortEnd = 5683, 5683
	t.DstPortStart, t.DstPortEnd = 5683, 5683
	return a
}

// addr returns 2001:db8::last.
func addr(last byte) esp.Addr {
	a := [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: last}
	return esp.AddrFromSlice(a[:])
}
