package lowcap

import (
	"bytes"
	"encoding/binary"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/lowpan"
)

// Link layers of Bluetooth LE that carry LoWPAN frames (RFC 7668) on channels
// whose set-up is in the capture.
const (
	LinkTypeHCI      pcapio.LinkType = 201 // H4 of the host controller interface, with a direction
	LinkTypeBLE      pcapio.LinkType = 251 // link-layer packets of the air
	LinkTypeMonitor  pcapio.LinkType = 254 // the monitor of Linux
	LinkTypeBLERadio pcapio.LinkType = 256 // link-layer packets with what the radio knows
)

// IsBLE reports whether frames of link type t are those of Bluetooth.
func IsBLE(t pcapio.LinkType) bool {
	return t == LinkTypeHCI || t == LinkTypeBLE || t == LinkTypeMonitor || t == LinkTypeBLERadio
}

// Limits of what is kept of a capture.
const (
	maxBLELinks    = 64
	maxBLEChannels = 16
)

// The ends of a connection: central and peripheral, or this host and its peer.
const (
	endUnknown = 2
	ends       = 2
)

// bluetooth follows the connections of a capture.
type bluetooth struct {
	links []*bleLink // the newest last
	// Of the controller: its public address and its random one, and whether it
	// is the latter that it uses.
	public, random lowpan.Addr
	useRandom      bool
	incomplete     uint64
}

// bleLink is one connection.
type bleLink struct {
	iface     int
	id        uint32 // access address or connection handle
	addrs     [ends]lowpan.Addr
	channels  []*bleChannel
	frames    [ends + 1]assembly // L2CAP frames, by the end they come from
	last      [ends + 1][]byte   // sequence bit, kind and payload of the last packet of the air
	encrypted bool
	crcInit   uint32
	hasCRC    bool // crcInit is known
}

// bleChannel is one channel for IPv6.
type bleChannel struct {
	asked    uint8 // identifier of the request
	from     int   // the end that asked
	listens  [ends]uint16
	open     bool
	incoming [ends + 1]assembly // packets, by the end they come from
}

// assembly puts pieces together.
type assembly struct {
	buf   []byte
	want  int // bytes, 0: no start
	parts int
}

// link finds a connection.
func (x *bluetooth) link(iface int, id uint32) *bleLink {
	for _, l := range x.links {
		if l.iface == iface && l.id == id {
			return l
		}
	}
	return nil
}

// begin makes a new connection, and gives up an old one for it if need be.
func (x *bluetooth) begin(iface int, id uint32) *bleLink {
	x.end(iface, id)
	if len(x.links) == maxBLELinks {
		old := x.links[0]
		for _, l := range x.links { // rather one that nothing is known of: it may be noise
			if len(l.channels) == 0 && l.addrs == [ends]lowpan.Addr{} {
				old = l
				break
			}
		}
		x.end(old.iface, old.id)
	}
	l := &bleLink{iface: iface, id: id}
	x.links = append(x.links, l)
	return l
}

// end forgets a connection.
func (x *bluetooth) end(iface int, id uint32) {
	for i, l := range x.links {
		if l.iface == iface && l.id == id {
			for from := range l.frames {
				x.lose(l, from)
			}
			for _, c := range l.channels {
				x.giveUp(c)
			}
			x.links = append(x.links[:i], x.links[i+1:]...)
			return
		}
	}
}

// giveUp counts the packets that a channel still lacks parts of.
func (x *bluetooth) giveUp(c *bleChannel) {
	for i := range c.incoming {
		if c.incoming[i].want > 0 {
			x.incomplete++
		}
	}
}

// lose gives up a frame of a link that lacks parts, and the packet that it was
// to begin.
func (x *bluetooth) lose(l *bleLink, from int) {
	a := &l.frames[from]
	if a.want == 0 {
		return
	}
	a.want = 0
	if len(a.buf) < l2capHeader {
		return
	}
	for _, c := range l.channels {
		sender, ok := c.sender(binary.LittleEndian.Uint16(a.buf[2:]), from)
		if ok && c.incoming[sender].want == 0 {
			x.incomplete++
		}
	}
}

// flush gives up all connections.
func (x *bluetooth) flush() {
	for len(x.links) > 0 {
		x.end(x.links[0].iface, x.links[0].id)
	}
}

// locate finds what a captured frame of Bluetooth completes.
func (x *bluetooth) locate(p *pcapio.Packet) Frame {
	if p.Snapped() {
		return Frame{Status: Cut}
	}
	var f Frame
	switch t := p.Interface.LinkType; t {
	case LinkTypeHCI:
		f = x.h4(p.Iface, p.Data)
	case LinkTypeMonitor:
		f = x.monitor(p.Iface, p.Data)
	default:
		f = x.radio(p.Iface, p.Data, t == LinkTypeBLERadio)
	}
	f.MACLen = len(p.Data)
	if f.Status == LoWPAN && f.Parts == 1 {
		f.MACLen -= len(f.Payload)
	}
	return f
}

func badFrame(err error) Frame { return Frame{Status: BadFrame, Err: err} }

// radio is a packet of the air.
func (x *bluetooth) radio(iface int, b []byte, header bool) Frame {
	var r lowpan.BLERadio
	var err error
	if header {
		b, r, err = lowpan.ParseBLERadio(b)
		if e, _ := err.(lowpan.Error); e == lowpan.ErrUnsupported {
			return Frame{Status: NoPayload} // whitened
		} else if err != nil {
			return badFrame(err)
		}
	}
	f, err := lowpan.ParseBLE(b, r.Coded)
	if err != nil {
		return badFrame(err)
	}
	if f.Access == lowpan.BLEAdvertising {
		bad := !crcOK(&f, r, 0x555555, true)
		if c, ok := f.Connection(); ok && !bad {
			l := x.begin(iface, c.Access)
			l.addrs, l.crcInit, l.hasCRC = [ends]lowpan.Addr{c.Central, c.Peripheral}, c.CRCInit, true
		}
		return Frame{Status: NoPayload, BadFCS: bad}
	}
	l := x.link(iface, f.Access)
	if l == nil {
		l = x.begin(iface, f.Access) // its beginning is not in the capture
	}
	if !crcOK(&f, r, l.crcInit, l.hasCRC && !r.Decrypted) {
		return Frame{Status: NoPayload, BadFCS: true} // the receiver did not take it either
	}
	const startEncryption = 5 // LL_START_ENC_REQ
	switch kind := f.LLID(); {
	case l.encrypted && !r.Decrypted:
		return Frame{Status: Encrypted}
	case kind == lowpan.BLEControl:
		l.encrypted = l.encrypted || len(f.Payload) > 0 && f.Payload[0] == startEncryption
		return Frame{Status: NoPayload}
	case kind == lowpan.BLEStart, kind == lowpan.BLEContinue && len(f.Payload) > 0:
		from := endUnknown
		if r.Direction > 0 {
			from = int(r.Direction) - 1
		}
		// Sent again, as it was not acknowledged: the same sequence number (a
		// bit) and content.
		const seqAndKind = 0x08 | 3
		last := append([]byte{f.Head & seqAndKind}, f.Payload...)
		if bytes.Equal(last, l.last[from]) {
			return Frame{Status: NoPayload}
		}
		l.last[from] = last
		return x.data(l, kind == lowpan.BLEStart, f.Payload, from)
	}
	return Frame{Status: NoPayload}
}

// crcOK reports whether the CRC is right, as far as that is known: by whoever
// captured the packet, or, if check says so, with init.
func crcOK(f *lowpan.BLE, r lowpan.BLERadio, init uint32, check bool) bool {
	if r.CRCKnown {
		return r.CRCOK
	}
	return !check || f.CRCOK(init)
}

// h4 is a packet between host and controller behind its direction: 0 to the
// controller, 1 to the host.
func (x *bluetooth) h4(iface int, b []byte) Frame {
	if len(b) < 5 {
		return badFrame(lowpan.ErrTruncated)
	}
	from := int(binary.BigEndian.Uint32(b) & 1)
	switch b[4] {
	case 1:
		return x.command(b[5:])
	case 2:
		return x.acl(iface, b[5:], from)
	case 4:
		return x.event(iface, b[5:])
	}
	return Frame{Status: NoPayload}
}

// monitor is a packet of the monitor of Linux.
func (x *bluetooth) monitor(iface int, b []byte) Frame {
	if len(b) < 4 {
		return badFrame(lowpan.ErrTruncated)
	}
	op := binary.BigEndian.Uint16(b[2:])
	switch b = b[4:]; op {
	case 0: // New Index
		if len(b) >= 8 {
			x.public = addrOf(b[2:])
		}
	case 2:
		return x.command(b)
	case 3:
		return x.event(iface, b)
	case 4, 5:
		return x.acl(iface, b, int(op-4))
	}
	return Frame{Status: NoPayload}
}

// addrOf reads a device address, least significant byte first.
func addrOf(b []byte) lowpan.Addr {
	return lowpan.BLEAddr([6]byte{b[5], b[4], b[3], b[2], b[1], b[0]})
}

// command takes note of the address that the controller is to use (Core
// Specification, Volume 4, Part E, Section 7.8).
func (x *bluetooth) command(b []byte) Frame {
	if len(b) < 3 || len(b) < 3+int(b[2]) {
		return badFrame(lowpan.ErrTruncated)
	}
	d := b[3:]
	own := -1 // where the type of its own address is
	switch binary.LittleEndian.Uint16(b) {
	case 0x2005: // LE Set Random Address
		if len(d) >= 6 {
			x.random = addrOf(d)
		}
	case 0x2006: // LE Set Advertising Parameters
		own = 5
	case 0x200d: // LE Create Connection
		own = 12
	case 0x2035: // LE Set Advertising Set Random Address
		if len(d) >= 7 {
			x.random = addrOf(d[1:])
		}
	case 0x2036: // LE Set Extended Advertising Parameters
		own = 10
	case 0x2043: // LE Extended Create Connection
		own = 1
	}
	if own >= 0 && own < len(d) {
		x.useRandom = d[own]&1 != 0
	}
	return Frame{Status: NoPayload}
}

// event takes note of connections (Volume 4, Part E, Section 7.7).
func (x *bluetooth) event(iface int, b []byte) Frame {
	if len(b) < 2 || len(b) < 2+int(b[1]) {
		return badFrame(lowpan.ErrTruncated)
	}
	d := b[2:]
	switch {
	case b[0] == 0x05 && len(d) >= 3: // Disconnection Complete
		if d[0] == 0 {
			x.end(iface, uint32(binary.LittleEndian.Uint16(d[1:])&0xfff))
		}
	case b[0] == 0x0e && len(d) >= 10 && binary.LittleEndian.Uint16(d[1:]) == 0x1009: // Read BD_ADDR
		x.public = addrOf(d[4:])
	case b[0] == 0x3e && len(d) >= 12 && (d[0] == 0x01 || enhanced(d)) && d[1] == 0: // LE (Enhanced) Connection Complete
		l := x.begin(iface, uint32(binary.LittleEndian.Uint16(d[2:])&0xfff))
		l.addrs = [ends]lowpan.Addr{x.public, addrOf(d[6:])}
		if x.useRandom {
			l.addrs[0] = x.random
		}
		if enhanced(d) { // the private addresses that are on the air
			for i, a := range []lowpan.Addr{addrOf(d[12:]), addrOf(d[18:])} {
				if a.Value != 0 {
					l.addrs[i] = a
				}
			}
		}
	}
	return Frame{Status: NoPayload}
}

// enhanced reports whether an LE event is that of a connection with the private
// addresses of both ends (LE Enhanced Connection Complete, two versions).
func enhanced(d []byte) bool { return (d[0] == 0x0a || d[0] == 0x29) && len(d) >= 24 }

// acl is data between host and controller (Volume 4, Part E, Section 5.4.2).
func (x *bluetooth) acl(iface int, b []byte, from int) Frame {
	if len(b) < 4 {
		return badFrame(lowpan.ErrTruncated)
	}
	n := int(binary.LittleEndian.Uint16(b[2:]))
	if len(b)-4 < n {
		return badFrame(lowpan.ErrTruncated)
	}
	handle := binary.LittleEndian.Uint16(b)
	id := uint32(handle & 0xfff)
	l := x.link(iface, id)
	if l == nil {
		l = x.begin(iface, id)
	}
	return x.data(l, handle>>12&3 != 1, b[4:4+n], from)
}

const l2capHeader = 4 // length and channel

// data is a piece of an L2CAP frame.
func (x *bluetooth) data(l *bleLink, start bool, b []byte, from int) Frame {
	a := &l.frames[from]
	if start {
		x.lose(l, from)
		*a = assembly{buf: a.buf[:0], want: 1 << 17} // more than a frame may have, until its length is there
	} else if a.want == 0 {
		return Frame{Status: Part} // of a frame whose start is not in the capture
	}
	a.buf = append(a.buf, b...)
	a.parts++
	if len(a.buf) >= l2capHeader {
		a.want = l2capHeader + int(binary.LittleEndian.Uint16(a.buf))
	}
	switch {
	case len(a.buf) < a.want:
		return Frame{Status: Part}
	case len(a.buf) > a.want:
		a.want = 0
		return badFrame(lowpan.ErrMalformed)
	}
	a.want = 0
	f, err := lowpan.ParseL2CAP(a.buf, false)
	if err != nil {
		return badFrame(err)
	}
	if f.Channel == lowpan.L2CAPSignaling {
		x.signal(l, f.Payload, from)
		return Frame{Status: NoPayload}
	}
	for _, c := range l.channels {
		if sender, ok := c.sender(f.Channel, from); ok {
			return x.packet(l, c, f.Payload, sender, a.parts)
		}
	}
	return Frame{Status: NotIPv6}
}

// sender says from which end a frame on channel id comes, if it is of c. from
// is what the capture says of that.
func (c *bleChannel) sender(id uint16, from int) (int, bool) {
	switch {
	case !c.open:
		return 0, false
	case from != endUnknown:
		return from, c.listens[1-from] == id
	}
	return endUnknown, c.listens[0] == id || c.listens[1] == id
}

// signal takes note of channels for IPv6 that are made and closed.
func (x *bluetooth) signal(l *bleLink, b []byte, from int) {
	s, err := lowpan.ParseL2CAPSignal(b)
	if err != nil {
		return
	}
	if from == endUnknown {
		from = 0 // the ends then are the one that asked and the other one
		if s.Code == lowpan.L2CAPConnectResponse {
			from = 1
		}
	}
	switch s.Code {
	case lowpan.L2CAPConnectRequest:
		if s.SPSM != lowpan.SPSMIPSP {
			return
		}
		if len(l.channels) == maxBLEChannels {
			x.giveUp(l.channels[0])
			l.channels = l.channels[1:]
		}
		c := &bleChannel{asked: s.Identifier, from: from}
		c.listens[from] = s.Channel
		l.channels = append(l.channels, c)
	case lowpan.L2CAPConnectResponse:
		for _, c := range l.channels {
			if !c.open && c.asked == s.Identifier && c.from != from && s.Result == 0 {
				c.listens[from], c.open = s.Channel, true
			}
		}
	case lowpan.L2CAPDisconnectResponse:
		for i, c := range l.channels {
			if c.listens == [ends]uint16{s.Channel, s.Other} || c.listens == [ends]uint16{s.Other, s.Channel} {
				x.giveUp(c)
				l.channels = append(l.channels[:i], l.channels[i+1:]...)
				return
			}
		}
	}
}

// packet takes a frame of a channel for IPv6: a packet, or a part of one, in
// front of which is its length.
func (x *bluetooth) packet(l *bleLink, c *bleChannel, b []byte, from, parts int) Frame {
	a := &c.incoming[from]
	if a.want == 0 {
		if len(b) < 2 {
			return badFrame(lowpan.ErrTruncated)
		}
		*a = assembly{buf: a.buf[:0], want: int(binary.LittleEndian.Uint16(b))}
		if b = b[2:]; a.want == 0 && len(b) == 0 {
			return Frame{Status: NoPayload}
		}
	}
	a.buf = append(a.buf, b...)
	a.parts += parts
	switch {
	case len(a.buf) < a.want:
		return Frame{Status: Part}
	case len(a.buf) > a.want:
		a.want = 0
		return badFrame(lowpan.ErrMalformed)
	}
	a.want = 0
	f := Frame{Payload: a.buf, Parts: a.parts}
	if from != endUnknown {
		f.Link = lowpan.Link{Src: l.addrs[from], Dst: l.addrs[1-from]}
	}
	f.classify()
	return f
}
