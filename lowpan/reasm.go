package lowpan

import (
	"encoding/binary"
	"math/bits"

	"github.com/schckit/schckit/internal/bitio"
)

// DefaultTimeoutMs is the longest reassembly time that RFC 4944 allows.
const DefaultTimeoutMs = 60000

// Slot is the memory for one packet in reassembly. The caller provides Buf: a
// packet longer than Buf is not reassembled in this slot. IPv6 over 802.15.4
// needs 1280 bytes.
type Slot struct {
	Buf []byte

	link     Link
	size     uint16
	tag      uint16
	used     bool
	schc     bool // it is a SCHC Datagram
	elided   bool // the UDP checksum is to be computed
	ip, udp  uint16
	deadline uint64
	missing  int // bytes
	// One bit for 8 bytes of the datagram: what has arrived, and where the
	// fragments begin.
	have, start [(MaxDatagram/8 + 64) / 64]uint64
}

// Reassembler puts fragments together (RFC 4944, Section 5.3). Its memory is
// Slots, one for each packet that may be in reassembly at a time; when all are
// in use, fragments of a further packet are refused. It is for one goroutine.
type Reassembler struct {
	Slots []Slot
	// TimeoutMs is how long the fragments of a packet may take, from the first
	// that arrives: 1 to 60000 ms, which is the default.
	TimeoutMs uint32
}

// AppendPacket takes the next frame payload that came over link. If it
// completes an IPv6 packet, the packet is appended to dst, and done is true; a
// frame that is no fragment does so at once, like AppendDecompress. now is in
// milliseconds of any monotonic clock.
//
// A fragment that repeats one is ignored. One that overlaps others and differs
// in offset or size discards them and begins anew, as the RFC has it.
//
// Errors: those of AppendDecompress; ErrMalformed for a fragment that does not
// lie within its packet or does not end at a multiple of 8; ErrShortBuffer if
// there is no free slot with enough memory. On error the frame is dropped and
// the result is dst, unchanged up to len(dst). Nothing is allocated when dst
// has room for the packet.
func (r *Reassembler) AppendPacket(dst, frame []byte, link Link, tab *Table, opts Options, now uint64) (out []byte, done bool, err error) {
	out, _, done, err = r.datagram(dst, frame, link, tab, &opts, now, false)
	return out, done, err
}

// AppendDatagram is AppendPacket for networks that have both 6LoWPAN and SCHC
// (draft-ietf-6lo-schc-15dot4): a SCHC Datagram is appended as it was sent, without
// its dispatch, and kind is then KindSCHC; for an IPv6 packet it is KindIPv6.
// Routing headers are dropped with Options.StripRouting only, from either.
func (r *Reassembler) AppendDatagram(dst, frame []byte, link Link, tab *Table, opts Options, now uint64) (out []byte, kind Kind, done bool, err error) {
	return r.datagram(dst, frame, link, tab, &opts, now, true)
}

// datagram is AppendDatagram; schc says whether SCHC Datagrams are wanted.
func (r *Reassembler) datagram(dst, frame []byte, link Link, tab *Table, opts *Options, now uint64, schc bool) ([]byte, Kind, bool, error) {
	h, e := parseHeaders(frame, opts.SCHCDispatch)
	switch {
	case e != 0:
		return dst, KindNone, false, e
	case h.Fragment.Kind != FragmentNone:
		out, kind, done, e := r.fragment(dst, &h, link, tab, opts, now, schc)
		if e != 0 {
			return dst, KindNone, false, e
		}
		return out, kind, done, nil
	case schc && h.Kind == KindSCHC:
		b, e := h.schc(opts)
		if e != 0 {
			return dst, KindNone, false, e
		}
		return bitio.Append(dst, b...), KindSCHC, true, nil
	}
	out, err := AppendDecompress(dst, frame, link, tab, *opts)
	if err != nil {
		return dst, KindNone, false, err
	}
	return out, KindIPv6, true, nil
}

// schc is what there is of a SCHC Datagram.
func (h *Headers) schc(opts *Options) ([]byte, Error) {
	if len(h.Routing) > 0 && !opts.StripRouting {
		return nil, ErrUnsupported
	}
	return h.Payload[1:], 0
}

// fragment takes a fragment; schc says that SCHC Datagrams are wanted, too.
func (r *Reassembler) fragment(dst []byte, h *Headers, link Link, tab *Table, opts *Options, now uint64, schc bool) ([]byte, Kind, bool, Error) {
	if h.HasMesh {
		link = h.Mesh.Link()
	}
	f := &h.Fragment
	key := link
	base := len(dst)
	part := h.Payload // of the uncompressed packet
	u := unpacker{tab: tab, link: link.iids(), base: base, linkIID: opts.LinkIID}
	size, from := int(f.Size), int(f.Offset)
	out := dst
	if size > opts.maxLen() {
		return dst, KindNone, false, ErrShortBuffer
	}
	isSCHC := f.Kind == FragmentFirst && schc && h.Kind == KindSCHC
	switch {
	case isSCHC:
		var e Error
		if part, e = h.schc(opts); e != 0 {
			return dst, KindNone, false, e
		}
	case f.Kind == FragmentFirst:
		frame, e := h.datagram(&link, opts.StripRouting)
		if e != 0 {
			return dst, KindNone, false, e
		}
		u.link = link.iids()
		// dst needs room for all of the packet anyway, so it serves to expand
		// the first fragment, of which the length is unknown.
		out = bitio.Grow(dst, size)
		if out, e = u.unpack(out, frame, size, size, opts.maxHeaders()); e != 0 {
			if e == ErrShortBuffer {
				e = ErrMalformed // longer than it says
			}
			return dst, KindNone, false, e
		}
		part = out[base:]
	case from == 0:
		return dst, KindNone, false, ErrMalformed
	}
	to := from + len(part)
	if len(part) == 0 || to > size || to < size && to%8 != 0 {
		return dst, KindNone, false, ErrMalformed
	}
	s, e := r.slot(f, key, now)
	if e != 0 {
		return dst, KindNone, false, e
	}
	switch s.overlap(from, to) {
	case overlapSame:
		return dst[:base], KindNone, false, 0
	case overlapOther:
		// "A fresh reassembly may be commenced with the most recently received
		// link fragment": with all of the time that one has.
		s.begin(f, now+r.timeout())
	}
	copy(s.Buf[from:], part)
	s.add(from, to)
	if f.Kind == FragmentFirst {
		s.schc = isSCHC
		s.elided, s.ip, s.udp = u.elided, uint16(u.ip-base), uint16(u.udp-base)
	}
	if s.missing > 0 {
		return dst[:base], KindNone, false, 0
	}
	s.used = false
	if s.schc {
		if !schc {
			return dst, KindNone, false, ErrUnsupported
		}
		return bitio.Append(dst[:base], s.Buf[:size]...), KindSCHC, true, 0
	}
	out = bitio.Append(dst[:base], s.Buf[:size]...)
	if s.elided {
		udp := out[base+int(s.udp):]
		binary.BigEndian.PutUint16(udp[6:], udpChecksum(out[base+int(s.ip):], udp))
	}
	return out, KindIPv6, true, 0
}

// slot finds the packet that f belongs to, or begins one.
func (r *Reassembler) slot(f *Fragment, link Link, now uint64) (*Slot, Error) {
	var free *Slot
	for i := range r.Slots {
		s := &r.Slots[i]
		if s.used && now >= s.deadline {
			s.used = false
		}
		if s.used {
			if s.tag == f.Tag && s.size == f.Size && s.link == link {
				return s, 0
			}
			continue
		}
		// The smallest that does.
		if len(s.Buf) >= int(f.Size) && (free == nil || len(s.Buf) < len(free.Buf)) {
			free = s
		}
	}
	if free == nil {
		return nil, ErrShortBuffer
	}
	free.used, free.link, free.size, free.tag = true, link, f.Size, f.Tag
	free.begin(f, now+r.timeout())
	return free, 0
}

func (r *Reassembler) timeout() uint64 {
	if r.TimeoutMs == 0 || r.TimeoutMs > DefaultTimeoutMs {
		return DefaultTimeoutMs
	}
	return uint64(r.TimeoutMs)
}

// begin forgets all fragments.
func (s *Slot) begin(f *Fragment, deadline uint64) {
	s.deadline = deadline
	s.missing = int(f.Size)
	s.elided, s.schc = false, false
	clear(s.have[:])
	clear(s.start[:])
}

type overlap uint8

const (
	overlapNone  overlap = iota
	overlapSame          // the same fragment again
	overlapOther         // a different one
)

// overlap compares the fragment from..to with those that have arrived.
func (s *Slot) overlap(from, to int) overlap {
	a, b := from/8, (to+7)/8
	have := count(&s.have, a, b)
	if have == 0 {
		return overlapNone
	}
	// The same fragment: it begins here, nothing else begins inside, and what
	// comes behind it is missing or begins there.
	if have == b-a && count(&s.start, a, b) == 1 && count(&s.start, a, a+1) == 1 &&
		(b*8 >= int(s.size) || count(&s.have, b, b+1) == 0 || count(&s.start, b, b+1) == 1) {
		return overlapSame
	}
	return overlapOther
}

func (s *Slot) add(from, to int) {
	a, b := from/8, (to+7)/8
	s.start[a/64] |= 1 << uint(a%64)
	for ; a < b; a++ {
		s.have[a/64] |= 1 << uint(a%64)
	}
	s.missing -= to - from
}

// count is the number of bits set from a to b.
func count(m *[(MaxDatagram/8 + 64) / 64]uint64, a, b int) int {
	n := 0
	for a < b {
		w := m[a/64] >> uint(a%64)
		k := 64 - a%64
		if k > b-a {
			k = b - a
			w &= 1<<uint(k) - 1
		}
		n += bits.OnesCount64(w)
		a += k
	}
	return n
}

// Expire drops the packets whose time is over and returns how many, and when
// it next wants to be called; 0 is never.
func (r *Reassembler) Expire(now uint64) (dropped int, next uint64) {
	for i := range r.Slots {
		s := &r.Slots[i]
		switch {
		case !s.used:
		case now >= s.deadline:
			s.used = false
			dropped++
		case next == 0 || s.deadline < next:
			next = s.deadline
		}
	}
	return dropped, next
}

// Discard drops all fragments, as a node must that leaves its network ("upon
// detection of a IEEE 802.15.4 Disassociation event").
func (r *Reassembler) Discard() {
	for i := range r.Slots {
		r.Slots[i].used = false
	}
}
