// Package lowcap connects captures and 6LoWPAN for the host tools: it finds the
// LoWPAN frame payloads in captured frames and puts packets together from them
// (Receiver), makes IEEE 802.15.4 frames of IPv6 packets (Sender), and counts
// and compares what came of it (Summary, Comparison).
package lowcap

import (
	"crypto/cipher"
	"encoding/binary"
	"math"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/lowpan"
)

// Link layers that carry LoWPAN frames, besides Ethernet (EtherType 0xA0ED).
const (
	LinkTypeFCS   pcapio.LinkType = 195 // IEEE 802.15.4 with frame check sequence
	LinkTypeNoFCS pcapio.LinkType = 230 // without
	LinkTypeTAP   pcapio.LinkType = 283 // behind a header that says so
)

// Is802154 reports whether frames of link type t are IEEE 802.15.4 MAC frames.
func Is802154(t pcapio.LinkType) bool {
	return t == LinkTypeFCS || t == LinkTypeNoFCS || t == LinkTypeTAP
}

// Status is what a captured frame holds.
type Status uint8

const (
	LoWPAN    Status = iota // a LoWPAN frame payload
	OtherLink               // another link layer, or another EtherType
	NoPayload               // an 802.15.4 beacon, acknowledgment or command, or an empty frame
	NotIPv6                 // a dispatch that stands for something else than IPv6
	Encrypted               // an encrypted 802.15.4 payload
	Cut                     // a part of a frame (snap length)
	BadFrame                // a damaged or unknown link header
	Part                    // a part of a packet that the link layer put into several (Bluetooth)
)

// Frame is what is known of a captured frame.
type Frame struct {
	Status  Status
	Payload []byte // from the dispatch byte on; refers to the captured frame
	Link    lowpan.Link
	BadFCS  bool          // there is a frame check sequence, and it is wrong
	MAC     *lowpan.Frame // of 802.15.4 frames that could be read
	MACLen  int           // bytes of the captured frame that are not Payload
	Parts   int           // captured frames that Payload was in, where that may be several
	Err     error         // of BadFrame

	Decrypted bool   // Payload was encrypted
	header    []byte // what is in front of the payload of an Encrypted frame
}

// Locate is Receiver.Locate for link layers on which every frame stands for
// itself: IEEE 802.15.4 and Ethernet. ti says that frame
// check sequences are those of Texas Instruments' radios: signal strength, and a
// bit that says whether the right ones were there.
func Locate(p *pcapio.Packet, ti bool) Frame {
	t := p.Interface.LinkType
	if t != pcapio.LinkTypeEthernet && !Is802154(t) {
		return Frame{Status: OtherLink}
	}
	if p.Snapped() {
		return Frame{Status: Cut}
	}
	var f Frame
	if t == pcapio.LinkTypeEthernet {
		var err error
		if f.Link, f.Payload, err = lowpan.ParseEthernet(p.Data); err != nil {
			return Frame{Status: OtherLink}
		}
	} else {
		mac, fcs := p.Data, lowpan.FCSNone
		var err error
		switch t {
		case LinkTypeFCS:
			fcs = lowpan.FCS16
		case LinkTypeTAP:
			mac, fcs, err = lowpan.ParseTAP(p.Data)
		}
		if err != nil {
			return Frame{Status: BadFrame, Err: err}
		}
		m, err := lowpan.ParseFrame(mac, fcs)
		if e, _ := err.(lowpan.Error); e == lowpan.ErrUnsupported {
			return Frame{Status: NoPayload}
		} else if err != nil {
			return Frame{Status: BadFrame, Err: err}
		}
		f.MAC, f.Link, f.BadFCS = &m, m.Link(), !m.FCSOK
		if ti && len(m.FCS) == 2 {
			f.BadFCS = m.FCS[1]&0x80 == 0
		}
		var ok bool
		if f.Payload, ok = m.LoWPAN(); !ok {
			f.Status = NoPayload
			if m.Type == lowpan.FrameData && m.Security.Encrypted() {
				f.Status = Encrypted
				f.header = mac[:len(mac)-len(m.FCS)-len(m.MIC)-len(m.Payload)]
			}
			return f
		}
	}
	f.MACLen = len(p.Data) - len(f.Payload)
	f.classify()
	return f
}

// classify looks at the headers of the payload.
func (f *Frame) classify() {
	h, err := lowpan.ParseHeaders(f.Payload, 0)
	if err != nil {
		return
	}
	switch h.Kind {
	case lowpan.KindIPHC, lowpan.KindIPv6, lowpan.KindFragment:
	case lowpan.KindSCHC:
		// The fragments that follow do not say what they are of.
		if h.Fragment.Kind != lowpan.FragmentFirst {
			f.Status = NotIPv6
		}
	default:
		f.Status = NotIPv6
	}
	if h.HasMesh {
		f.Link = h.Mesh.Link()
	}
}

// EUI64 is the 64-bit address that stands for a 48-bit one on 802.15.4: with
// fffe in the middle, so that both give the same IID (RFC 2464, Section 4). A
// group address becomes the broadcast address: "IPv6 level multicast packets
// MUST be carried as link-layer broadcast frames" (RFC 4944, Section 3).
func EUI64(mac []byte) lowpan.Addr {
	if mac[0]&1 != 0 {
		return lowpan.ShortAddr(lowpan.Broadcast)
	}
	v := uint64(binary.BigEndian.Uint16(mac))<<8 | uint64(mac[2])
	return lowpan.ExtAddr(v<<40 | 0xfffe<<24 | uint64(mac[3])<<16 | uint64(binary.BigEndian.Uint16(mac[4:])))
}

// AppendMAC appends the 48-bit address that EUI64 made a of, and whether a is
// such an address.
func AppendMAC(dst []byte, a lowpan.Addr) ([]byte, bool) {
	if a.Kind != lowpan.AddrExt || a.Value>>24&0xffff != 0xfffe {
		return dst, false
	}
	b := a.AppendBytes(nil)
	return append(append(dst, b[:3]...), b[5:]...), true
}

// Clock turns the time stamps of a capture into milliseconds that never go
// back, as a Reassembler needs them.
type Clock struct {
	started bool
	base    int64
	now     uint64
}

// At returns the time of p.
func (c *Clock) At(p *pcapio.Packet) uint64 {
	if p.NoTime {
		return c.now
	}
	t, ok := p.Nanos()
	if !ok {
		return c.now
	}
	t /= 1e6
	if !c.started {
		c.started, c.base = true, t
	}
	if t > c.base && uint64(t-c.base) > c.now {
		c.now = uint64(t - c.base)
	}
	return c.now
}

// Receiver restores the IPv6 packets of LoWPAN frames. It is for one goroutine.
type Receiver struct {
	Table   *lowpan.Table
	Options lowpan.Options

	TI   bool           // frame check sequences are those of Texas Instruments' radios
	Keys []cipher.Block // of IEEE 802.15.4 security: each is tried

	clock Clock
	reasm lowpan.Reassembler
	ble   bluetooth
	plain []byte // of a frame that was encrypted
	buf   []byte

	// Incomplete counts the packets of which fragments are missing, so far.
	Incomplete uint64
}

// Locate finds the LoWPAN frame payload of the next frame of a capture, which is
// valid until the next call. It follows the connections of Bluetooth: every frame
// is to be given to it once, in the order of the capture.
func (r *Receiver) Locate(p *pcapio.Packet) Frame {
	if IsBLE(p.Interface.LinkType) {
		return r.ble.locate(p)
	}
	f := Locate(p, r.TI)
	if f.Status == Encrypted && len(r.Keys) > 0 {
		if r.decrypt(&f); f.Decrypted {
			f.MACLen = len(p.Data) - len(f.Payload)
		}
	}
	return f
}

// maxPending is how many packets may be in reassembly at a time. Captures of
// networks with several hops have every packet once per hop.
const maxPending = 128

// Packet restores the packet that a frame completes; it is valid until the next
// call. fragment says that the frame is one of several; pkt is nil where more of
// them are needed, or where they are of a SCHC Datagram.
func (r *Receiver) Packet(p *pcapio.Packet, f *Frame) (pkt []byte, fragment bool, err error) {
	h, err := lowpan.ParseHeaders(f.Payload, 0)
	pieces := err == nil && h.Fragment.Kind != lowpan.FragmentNone
	fragment = pieces || f.Parts > 1
	now := uint64(0)
	if pieces {
		if r.reasm.Slots == nil {
			r.reasm.Slots = make([]lowpan.Slot, maxPending)
			for i := range r.reasm.Slots {
				r.reasm.Slots[i].Buf = make([]byte, lowpan.MaxDatagram)
			}
		}
		now = r.clock.At(p)
		n, _ := r.reasm.Expire(now)
		r.Incomplete += uint64(n)
	}
	out, kind, done, err := r.reasm.AppendDatagram(r.buf[:0], f.Payload, f.Link, r.Table, r.Options, now)
	if err != nil {
		return nil, fragment, err
	}
	r.buf = out[:0]
	if !done || kind == lowpan.KindSCHC {
		return nil, fragment, nil
	}
	return out, fragment, nil
}

// End gives up the packets that are still in reassembly.
func (r *Receiver) End() {
	n, _ := r.reasm.Expire(math.MaxUint64)
	r.ble.flush()
	r.Incomplete += uint64(n) + r.ble.incomplete
	r.ble.incomplete = 0
}

// Sender makes IEEE 802.15.4 data frames of IPv6 packets. It is for one
// goroutine.
type Sender struct {
	Table   *lowpan.Table
	Options lowpan.Options
	PAN     uint16
	FCS     lowpan.FCSKind // what is written; room is always kept for two bytes
	MTU     int            // bytes of the longest frame, with its frame check sequence

	seq  uint8
	tag  uint16
	frag lowpan.Fragmenter
	pay  []byte
	mac  []byte
}

// DefaultMTU is aMaxPHYPacketSize of IEEE 802.15.4.
const DefaultMTU = 127

// Room is how many bytes of frame payload there are in a frame.
func (s *Sender) Room(link lowpan.Link) int {
	// Frame control, sequence number, PAN ID, addresses, frame check sequence.
	return s.MTU - 3 - 2 - link.Dst.Len() - link.Src.Len() - lowpan.FCS16.Len()
}

// Sent is what became of one packet.
type Sent struct {
	Frames   int
	OutBytes int // frame payloads: fragmentation headers included, MAC frames not
	AirBytes int // MAC frames with frame check sequence
}

// Send compresses pkt and calls emit for every frame that it takes. frame and
// payload, which is the part of it from the dispatch byte on, are valid until
// emit returns. If an error is returned and not emit's own, emit was not called.
func (s *Sender) Send(pkt []byte, link lowpan.Link, emit func(frame, payload []byte) error) (n Sent, err error) {
	if err := s.frag.Reset(pkt, link, s.Table, s.Options, s.tag, s.Room(link)); err != nil {
		return n, err
	}
	f := lowpan.Frame{Type: lowpan.FrameData, Version: lowpan.Version2006, Src: link.Src, Dst: link.Dst, DstPAN: s.PAN, SrcPAN: s.PAN}
	for more := true; more; {
		if s.pay, more, err = s.frag.AppendFrame(s.pay[:0]); err != nil {
			return n, err
		}
		f.Seq = s.seq
		if s.mac, err = lowpan.AppendFrame(s.mac[:0], &f, s.pay, s.FCS); err != nil {
			return n, err
		}
		s.seq++
		n.Frames++
		n.OutBytes += len(s.pay)
		n.AirBytes += len(s.mac) - s.FCS.Len() + lowpan.FCS16.Len()
		if err := emit(s.mac, s.pay); err != nil {
			return n, err
		}
	}
	if n.Frames > 1 {
		s.tag++
	}
	return n, nil
}

// NewGHC is a compressor for packets of up to 1280 bytes, which it codes in the
// shortest way; longer ones it codes in pieces.
func NewGHC() *lowpan.GHC {
	g := new(lowpan.GHC)
	g.Reset(make([]uint16, lowpan.GHCMemPerByte*1280+lowpan.GHCMemFixed))
	return g
}
