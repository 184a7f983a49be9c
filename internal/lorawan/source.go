package lorawan

import (
	"bytes"
	"io"

	"github.com/schckit/schckit/internal/pcapio"
)

// Counts says what a Source found.
type Counts struct {
	Events   uint64 // frames or JSON events
	Messages uint64 // of them, with a message
	Others   uint64 // other frames and events; frames are kept as they are
	Unknown  uint64 // of them, data frames of devices that are not known
	BadMIC   uint64 // of them, data frames with another MIC than that of their device
	Repeated uint64 // copies of a frame, left out
	Broken   uint64 // events that should have a message; OnError says why
}

// A Source is a capture in pcapng that is made of LoRaWAN traffic as it is read.
// Devices with a message have an interface for each direction, of the link type
// USER0, that says so as those of schc compress do (pcapio.Meta); its Name is
// EUI.Name. The Source does not close what it reads.
type Source struct {
	// OnError, if set, is told what is wrong with an event, numbered from 1.
	OnError func(n uint64, text string)

	counts  Counts
	events  *events
	capture *pcapio.Reader
	devices *Devices

	buf    bytes.Buffer
	w      *pcapio.NgWriter
	ids    map[ifaceKey]int
	known  []int // by interface of the capture, where its other frames go; -1
	packet pcapio.Packet
	err    error
}

// ifaceKey tells the interfaces of the Source apart.
type ifaceKey struct {
	iface int // of the capture
	eui   EUI
	up    bool
}

// FromEvents returns a Source of JSON events.
func FromEvents(r io.Reader) *Source {
	s := &Source{events: newEvents(r)}
	s.init()
	return s
}

// FromCapture returns a Source of a capture whose LoRaTap frames are those of
// the devices. What is not LoRaTap is kept.
func FromCapture(r *pcapio.Reader, devices *Devices) *Source {
	s := &Source{capture: r, devices: devices}
	s.init()
	return s
}

func (s *Source) init() {
	s.w = pcapio.NewNgWriter(&s.buf, "schc")
	s.ids = map[ifaceKey]int{}
	s.w.Flush() // a section header, for a capture without packets
}

// Counts returns what was found so far.
func (s *Source) Counts() Counts { return s.counts }

// Read returns the next bytes of the capture. An error is that of reading the
// traffic; what came before it is complete.
func (s *Source) Read(p []byte) (int, error) {
	for s.buf.Len() == 0 && s.err == nil {
		if s.events != nil {
			s.err = s.event()
		} else {
			s.err = s.frame()
		}
		if err := s.w.Flush(); s.err == nil {
			s.err = err
		}
	}
	if s.buf.Len() > 0 {
		return s.buf.Read(p)
	}
	return 0, s.err
}

// iface returns the interface of a device's messages in one direction.
func (s *Source) iface(from *pcapio.Interface, n int, format pcapio.Format, eui EUI, up bool) (int, error) {
	key := ifaceKey{n, eui, up}
	if id, ok := s.ids[key]; ok {
		return id, nil
	}
	role := pcapio.RoleUp
	if !up {
		role = pcapio.RoleDown
	}
	f := *from
	// What is restored from the messages are bare IP packets.
	f.LinkType, f.Name, f.Description, f.SnapLen = pcapio.LinkTypeRaw, eui.Name(), "", 0
	g := f.Derive(role, n, format, 0, nil)
	id, err := s.w.AddInterface(g)
	s.ids[key] = id
	return id, err
}

// event takes the next JSON event.
func (s *Source) event() error {
	raw, err := s.events.next()
	if err != nil {
		return err
	}
	s.counts.Events++
	u, err := parseEvent(raw)
	switch {
	case err == errNoUplink:
		s.counts.Others++
		return nil
	case err != nil:
		s.counts.Broken++
		if s.OnError != nil {
			s.OnError(s.counts.Events, err.Error())
		}
		return nil
	}
	s.counts.Messages++
	id, err := s.iface(&pcapio.Interface{Resolution: pcapio.Nano}, 0, pcapio.Format{NG: true}, u.eui, true)
	if err != nil {
		return err
	}
	s.packet = pcapio.Packet{Data: u.msg, OrigLen: uint32(len(u.msg)), Ticks: uint64(u.at)}
	return s.w.WritePacket(id, &s.packet)
}

// frame takes the next frame of the capture.
func (s *Source) frame() error {
	p := &s.packet
	if err := s.capture.Next(p); err != nil {
		if serr := s.sync(); serr != nil {
			return serr
		}
		return err
	}
	if err := s.sync(); err != nil {
		return err
	}
	if p.Interface.LinkType != pcapio.LinkTypeLoRaTap {
		return s.w.WritePacket(s.known[p.Iface], p)
	}
	s.counts.Events++
	msg, d, up, drop := s.message(p)
	switch {
	case drop:
		s.counts.Repeated++
		return nil
	case d == nil:
		s.counts.Others++
		return s.w.WritePacket(s.known[p.Iface], p)
	}
	s.counts.Messages++
	id, err := s.iface(p.Interface, p.Iface, s.capture.Format(), d.EUI, up)
	if err != nil {
		return err
	}
	q := *p
	q.Data, q.OrigLen = msg, uint32(len(msg))
	return s.w.WritePacket(id, &q)
}

// message returns the message of a LoRaTap frame and the device that has it; nil
// where the frame holds none.
func (s *Source) message(p *pcapio.Packet) (msg []byte, d *Device, up, drop bool) {
	phy, ok := phyPayload(p.Data)
	if !ok || p.Snapped() {
		return nil, nil, false, false
	}
	f, ok := parseFrame(phy)
	if !ok {
		return nil, nil, false, false
	}
	d = s.devices.byAddr[f.addr]
	if d == nil || d.app == nil && d.nwk == nil {
		s.counts.Unknown++
		return nil, nil, false, false
	}
	cnt, v := d.open(&f, phy)
	switch {
	case v == repeated:
		return nil, nil, false, true
	case v == badMIC:
		s.counts.BadMIC++
		return nil, nil, false, false
	case !carriesSCHC(f.port) || d.app == nil:
		return nil, nil, false, false
	}
	msg = append([]byte{byte(f.port)}, f.payload...)
	crypt(d.app, f.up, f.addr, cnt, msg[1:])
	return msg, d, f.up, false
}

// sync adds the interfaces of the capture that are new.
func (s *Source) sync() error {
	all := s.capture.Interfaces()
	for i := len(s.known); i < len(all); i++ {
		f := *all[i]
		if f.LinkType == pcapio.LinkTypeLoRaTap {
			f = f.Derive(pcapio.RolePass, i, s.capture.Format(), 0, nil)
		}
		id, err := s.w.AddInterface(f)
		if err != nil {
			return err
		}
		s.known = append(s.known, id)
	}
	return nil
}
