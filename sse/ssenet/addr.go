package ssenet

import (
	"fmt"
	"net"
	"net/netip"
)

// ID names a transport of a session. Numbers are given from 1 and not again.
type ID uint32

// Addr is an end of a session or, with an ID, of one of its transports: what
// ReadFrom returns, and what WriteTo takes.
type Addr struct {
	SPI       uint32   // of what this end receives (local) or sends (remote), as in headers
	Transport ID       // 0: none in particular
	Conn      net.Addr // of the transport; may be nil
}

// Network returns "sse".
func (a Addr) Network() string { return "sse" }

// String returns the SPI, and the address of the transport if there is one.
func (a Addr) String() string {
	if a.Conn == nil {
		return fmt.Sprintf("%06x", a.SPI)
	}
	return fmt.Sprintf("%06x via %s %v", a.SPI, a.Conn.Network(), a.Conn)
}

// sameAddr reports whether two addresses of datagrams are equal.
func sameAddr(a, b net.Addr) bool {
	x, ok1 := a.(*net.UDPAddr)
	y, ok2 := b.(*net.UDPAddr)
	if !ok1 || !ok2 || x == nil || y == nil {
		return a != nil && b != nil && a.Network() == b.Network() && a.String() == b.String()
	}
	return plain(x) == plain(y)
}

func plain(a *net.UDPAddr) netip.AddrPort {
	p := a.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}
