package schc

import "github.com/schckit/schckit/internal/bitio"

// Never is the deadline of something that has no timer running.
const Never = ^uint64(0)

// A Profile is a fragmentation Rule, checked and with its defaults filled in:
// what both ends of a link share (RFC 8724, Section 8 and Appendix D). After
// Init it never changes and may be shared. The zero value is not usable.
type Profile struct {
	id  RuleID
	f   Fragmentation
	rcs RCSFunc

	hdr     int // bits of RuleID, DTag, W and FCN
	regHdr  int // bits before the payload of a Regular SCHC Fragment
	all1Hdr int // bits before the payload of an All-1 SCHC Fragment
	ackHdr  int // bits of RuleID, DTag, W and C
	l2      int // bits of an L2 Word
}

// Init checks the parameters of the fragmentation Rule with that RuleID. It
// returns a bare Error: ErrMalformed for parameters that contradict RFC 8724,
// ErrUnsupported for those that are not implemented. Fragmentation.Check says
// in words what is wrong. Init does not allocate.
func (p *Profile) Init(id RuleID, f *Fragmentation) error {
	if class, _ := p.init(id, f); class != 0 {
		return class
	}
	return nil
}

// SetRCS sets the function for RCSOther; it is to be called between Init and
// the first use.
func (p *Profile) SetRCS(f RCSFunc) { p.rcs = f }

// Check returns nil or a *FieldError that says what is wrong with the
// parameters, as a Rule with that RuleID.
func (f *Fragmentation) Check(id RuleID) error {
	var p Profile
	if class, text := p.init(id, f); class != 0 {
		return &FieldError{Rule: id, Field: -1, Err: class, Text: text}
	}
	return nil
}

// Rule returns the RuleID.
func (p *Profile) Rule() RuleID { return p.id }

// Fragmentation returns the parameters with all defaults filled in.
func (p *Profile) Fragmentation() Fragmentation { return p.f }

// Matches reports whether a message of that many bits starts with the RuleID.
func (p *Profile) Matches(msg []byte, bits int) bool {
	n := int(p.id.Bits)
	return bits >= n && bits <= 8*len(msg) && uint32(bitio.Get(msg, 0, n)) == p.id.Value
}

func (p *Profile) init(id RuleID, in *Fragmentation) (Error, string) {
	f := *in
	if f.L2WordBits == 0 {
		f.L2WordBits = 8
	}
	if f.WindowSize == 0 && f.Mode != FragmentationNoAck {
		f.WindowSize = uint16(min(1<<min(f.FCNBits, 16)-1, 1<<16-1))
	}
	if f.RCSBits == 0 {
		f.RCSBits = 32
	}
	if f.MaxPacket == 0 {
		f.MaxPacket = 1280
	}
	if f.MaxInterleaved == 0 {
		f.MaxInterleaved = 1
	}
	if f.Mode != FragmentationNoAck && f.MaxAckRequests == 0 {
		f.MaxAckRequests = 4
	}
	if f.Mode == FragmentationAckOnError {
		if f.All1Data == 0 {
			f.All1Data = All1DataNo
		}
		if f.AckBehavior == 0 {
			f.AckBehavior = AckAfterAll1
		}
	}
	rcs := p.rcs
	*p = Profile{id: id, f: f, l2: int(f.L2WordBits)}
	switch {
	case f.RCSAlgorithm == RCSCRC32:
		p.rcs = CRC32
	case f.RCSAlgorithm == RCSOther:
		p.rcs = rcs
	}
	p.hdr = int(id.Bits) + int(f.DTagBits) + int(f.WBits) + int(f.FCNBits)
	p.ackHdr = int(id.Bits) + int(f.DTagBits) + int(f.WBits) + 1
	p.regHdr, p.all1Hdr = p.hdr, p.hdr+int(f.RCSBits)
	if f.HeaderPad {
		p.regHdr, p.all1Hdr = p.up(p.regHdr), p.up(p.all1Hdr)
	}
	if text := p.checkFields(); text != "" {
		return ErrMalformed, text
	}
	if text := p.checkTiles(); text != "" {
		return ErrMalformed, text
	}
	return p.checkSpecial()
}

// checkFields checks the sizes of the header fields.
func (p *Profile) checkFields() string {
	f := &p.f
	switch {
	case p.id.Bits > 32 || p.id.Bits < 32 && p.id.Value>>p.id.Bits != 0:
		return "the RuleID does not fit its length"
	case f.Mode < FragmentationNoAck || f.Mode > FragmentationAckOnError:
		return "has no fragmentation mode"
	case f.Direction != DirUp && f.Direction != DirDown:
		return "has no direction: fragments go up or down"
	case f.DTagBits > 32 || f.WBits > 32 || f.FCNBits > 32 || f.RCSBits > 32:
		return "has a DTag, W, FCN or RCS of more than 32 bits"
	case f.FCNBits == 0:
		return "has no FCN"
	case f.DTagBits < 8 && int(f.MaxInterleaved) > 1<<f.DTagBits:
		return "allows more interleaved packets than the DTag can tell apart"
	case f.Mode == FragmentationNoAck && f.WBits != 0:
		return "is No-ACK and has a W field (RFC 8724, Section 8.4.1)"
	case f.Mode == FragmentationNoAck:
		return ""
	case f.Mode == FragmentationAckAlways && f.WBits > 1:
		return "is ACK-Always: W has 1 bit (RFC 8724, Section 8.4.2)"
	case f.Mode == FragmentationAckOnError && f.WBits == 0:
		return "is ACK-on-Error and has no W field (RFC 8724, Section 8.4.3)"
	case f.FCNBits < 16 && int(f.WindowSize) >= 1<<f.FCNBits:
		return "WINDOW_SIZE is not less than 2^N (RFC 8724, Section 8.4)"
	}
	return ""
}

// checkTiles checks the size of tiles against the headers and the L2 Word.
func (p *Profile) checkTiles() string {
	f := &p.f
	t := int(f.TileBits)
	switch {
	case f.Mode == FragmentationAckOnError && t == 0:
		return "is ACK-on-Error and has no tile size (RFC 8724, Section 8.4.3)"
	case t > 0 && t < p.l2:
		return "has tiles smaller than an L2 Word (RFC 8724, Section 8.4)"
	case f.Mode != FragmentationAckOnError && t > 0 && (p.regHdr+t)%p.l2 != 0:
		return "has tiles that do not complement the header to whole L2 Words (RFC 8724, Section 8.4)"
	case f.PenultimateShort && (f.Mode != FragmentationAckOnError || t < 2*p.l2):
		return "lets the penultimate tile be shorter: only in ACK-on-Error, with tiles of two L2 Words (RFC 8724, Section 8.4.3)"
	case f.Mode == FragmentationAckOnError && f.FragmentBytes == 0 && p.up(p.all1Hdr+p.minAll1()) <= p.up(p.hdr):
		return "All-1 and Sender-Abort have the same length (RFC 8724, Section 8.3.1.2)"
	}
	return ""
}

// minAll1 returns the least payload of an All-1 in ACK-on-Error.
func (p *Profile) minAll1() int {
	if p.f.All1Data == All1DataYes && !p.f.All1Empty {
		return 1
	}
	return 0
}

// checkSpecial checks what goes beyond RFC 8724.
func (p *Profile) checkSpecial() (Error, string) {
	f := &p.f
	aoe, fixed := f.Mode == FragmentationAckOnError, f.TileBits > 0
	switch {
	case f.RCSAlgorithm > RCSOther:
		return ErrUnsupported, "has an unknown RCS algorithm"
	case f.RCSAlgorithm == RCSCRC32 && f.RCSBits != 32:
		return ErrUnsupported, "has an RCS of other than 32 bits: CRC-32 has 32"
	case f.RCSAlgorithm == RCSFragments && (!fixed || aoe && f.All1Data != All1DataYes):
		return ErrMalformed, "counts fragments as RCS: tiles have a fixed size and the last one is in the All-1"
	case f.RCSAlgorithm == RCSFragments && f.Mode != FragmentationNoAck && f.RCSBits < 16 && int(f.WindowSize) >= 1<<f.RCSBits:
		return ErrMalformed, "counts fragments as RCS: a window's fragments do not fit the RCS"
	case (f.CompoundAck || f.AckOnRepair) && !aoe:
		return ErrMalformed, "has ACK-on-Error parameters in another mode"
	case f.All1Empty && (!fixed || aoe && f.All1Data != All1DataYes):
		return ErrMalformed, "sends empty last tiles: tiles have a fixed size and the last one is in the All-1"
	case f.CountDown && (f.Mode != FragmentationNoAck || !fixed):
		return ErrMalformed, "counts down the FCN: only in No-ACK with tiles of a fixed size"
	case f.FragmentBytes > 0 && (aoe || f.RCSAlgorithm != RCSFragments || 8*int(f.FragmentBytes) != p.regHdr+int(f.TileBits)):
		return ErrUnsupported, "has fragments of a fixed length that are not a header, a tile and a counting RCS"
	case f.FragmentBytes > 0 && 8*int(f.FragmentBytes)%p.l2 != 0, f.AckBytes > 0 && 8*int(f.AckBytes)%p.l2 != 0:
		return ErrMalformed, "has messages of a fixed length that is no multiple of an L2 Word"
	case f.AckBytes > 0 && 8*int(f.AckBytes) < p.up(p.ackHdr)+p.l2:
		return ErrMalformed, "has messages of a fixed length that a Receiver-Abort does not fit in"
	case f.AckBytes > 0 && f.Mode != FragmentationNoAck && (!f.FullLastBitmap || 8*int(f.AckBytes) < p.ackHdr+int(f.WindowSize)):
		return ErrMalformed, "has ACKs of a fixed length: bitmaps are not compressed and one has to fit"
	}
	return 0, ""
}

// up rounds a number of bits up to whole L2 Words.
func (p *Profile) up(bits int) int { return (bits + p.l2 - 1) / p.l2 * p.l2 }

// down rounds a number of bits down to whole L2 Words.
func (p *Profile) down(bits int) int { return max(bits, 0) / p.l2 * p.l2 }

// all1 is the FCN of an All-1 SCHC Fragment.
func (p *Profile) all1() uint32 { return lowOnes(p.f.FCNBits) }

// maxW is the greatest value of the W field, and that of aborts.
func (p *Profile) maxW() uint32 { return lowOnes(p.f.WBits) }

// lowOnes returns a number of n one bits, n at most 32.
func lowOnes(n uint8) uint32 { return uint32(1<<n - 1) }

// maxTiles returns how many tiles a packet can have (RFC 8724, Section
// 8.4.3.1), in ACK-on-Error.
func (p *Profile) maxTiles() uint32 {
	return uint32(min((uint64(p.maxW())+1)*uint64(p.f.WindowSize), 1<<31-1))
}

// MessageKind says which message of RFC 8724, Section 8.3 one is.
type MessageKind uint8

// The SCHC F/R messages. Zero is none.
const (
	MessageNone MessageKind = iota
	MessageRegular
	MessageAll1
	MessageAckReq
	MessageSenderAbort
	MessageAck
	MessageReceiverAbort
)

// String returns the name of the message in RFC 8724.
func (k MessageKind) String() string {
	switch k {
	case MessageRegular:
		return "Regular SCHC Fragment"
	case MessageAll1:
		return "All-1 SCHC Fragment"
	case MessageAckReq:
		return "SCHC ACK REQ"
	case MessageSenderAbort:
		return "SCHC Sender-Abort"
	case MessageAck:
		return "SCHC ACK"
	case MessageReceiverAbort:
		return "SCHC Receiver-Abort"
	}
	return "none"
}

// A Message is one SCHC F/R message taken apart. Fields that the message does
// not have are zero.
type Message struct {
	Kind    MessageKind
	C       bool   // of an ACK: the integrity check was successful
	DTag    uint32 // datagram tag
	W       uint32 // window, or its low bits
	FCN     uint32 // of a fragment: Fragment Compressed Number
	RCS     uint32 // of an All-1
	OffBits int    // where the payload, or the first bitmap, starts
	LenBits int    // its length; padding is included, it cannot be told apart here
}

// ParseFragment takes apart a message of so many bits that goes in the
// fragments' direction: a SCHC Fragment, SCHC ACK REQ or Sender-Abort (RFC
// 8724, Section 8.3).
//
//	|------- SCHC Fragment Header -------|
//	         |-- T --|-M-|-- N --|-- U --|
//	+-- ... -+- ... -+---+- ... -+- ... -+-----...-----+~~~~~~~~~~~~~~~~~
//	| RuleID | DTag  | W |  FCN  |  RCS  | FragPayload | pad. (as needed)
//	+-- ... -+- ... -+---+- ... -+- ... -+-----...-----+~~~~~~~~~~~~~~~~~
//
// It returns ErrNoRule for another RuleID, ErrTruncated, or ErrMalformed.
func (p *Profile) ParseFragment(msg []byte, bits int) (m Message, err error) {
	if err := p.frame(msg, bits, p.hdr, int(p.f.FragmentBytes)); err != nil {
		return m, err
	}
	off := p.parseTags(msg, &m)
	m.FCN = uint32(bitio.Get(msg, off, int(p.f.FCNBits)))
	bare := bits <= p.up(p.hdr)
	switch {
	case m.FCN == p.all1():
		m.Kind = MessageAll1
		m.OffBits = p.all1Hdr
		if m.LenBits = bits - p.all1Hdr; m.LenBits >= 0 {
			m.RCS = uint32(bitio.Get(msg, p.hdr, int(p.f.RCSBits)))
		}
		// Messages of a fixed length: an All-1 counts itself.
		if bare || p.f.FragmentBytes > 0 && m.RCS == 0 {
			m = Message{Kind: MessageSenderAbort, DTag: m.DTag, W: m.W, FCN: m.FCN}
			if m.W != p.maxW() {
				return m, ErrMalformed // "If the value is different from all ones, the message MUST be ignored."
			}
			return m, nil
		}
		if m.LenBits < 0 {
			return m, ErrTruncated
		}
		return m, p.checkPad(msg, p.hdr+int(p.f.RCSBits), p.all1Hdr)
	case bare && m.FCN == 0 && p.f.Mode != FragmentationNoAck && !p.f.NoAckReq:
		m.Kind = MessageAckReq
		return m, nil
	}
	m.Kind, m.OffBits, m.LenBits = MessageRegular, p.regHdr, bits-p.regHdr
	if m.LenBits <= 0 {
		return m, ErrTruncated
	}
	return m, p.checkPad(msg, p.hdr, p.regHdr)
}

// frame makes the checks that all messages need.
func (p *Profile) frame(msg []byte, bits, hdr, fixed int) error {
	switch {
	case bits < 0 || bits > 8*len(msg):
		return ErrMalformed
	case !p.Matches(msg, bits):
		return ErrNoRule
	case bits < hdr:
		return ErrTruncated
	case bits%p.l2 != 0 || fixed > 0 && bits != 8*fixed:
		return ErrMalformed
	}
	return nil
}

// checkPad checks that the padding of a header is zero.
func (p *Profile) checkPad(msg []byte, from, to int) error {
	if !zeroBits(msg, from, to) {
		return ErrMalformed
	}
	return nil
}

// zeroBits reports whether the bits from <= i < to of b are zero.
func zeroBits(b []byte, from, to int) bool {
	for ; from < to; from += 64 {
		if bitio.Get(b, from, min(to-from, 64)) != 0 {
			return false
		}
	}
	return true
}

// parseTags reads DTag and W and returns the offset behind them.
func (p *Profile) parseTags(msg []byte, m *Message) int {
	off := int(p.id.Bits)
	m.DTag = uint32(bitio.Get(msg, off, int(p.f.DTagBits)))
	off += int(p.f.DTagBits)
	m.W = uint32(bitio.Get(msg, off, int(p.f.WBits)))
	return off + int(p.f.WBits)
}

// putTags writes RuleID, DTag and W at the start of a zeroed message and
// returns the offset behind them.
func (p *Profile) putTags(msg []byte, dtag, w uint32) int {
	bitio.Put(msg, 0, int(p.id.Bits), uint64(p.id.Value))
	off := int(p.id.Bits)
	bitio.Put(msg, off, int(p.f.DTagBits), uint64(dtag))
	off += int(p.f.DTagBits)
	bitio.Put(msg, off, int(p.f.WBits), uint64(w&p.maxW()))
	return off + int(p.f.WBits)
}

// putFragment writes a message of the fragments' direction with n bits of
// payload behind hdr, and returns its length in bits. dst has room for it.
func (p *Profile) putFragment(dst []byte, dtag, w, fcn uint32, hdr int, payload []byte, off, n int) int {
	bits := p.up(hdr + n)
	if p.f.FragmentBytes > 0 {
		bits = 8 * int(p.f.FragmentBytes)
	}
	clear(dst[:(bits+7)/8])
	bitio.Put(dst, p.putTags(dst, dtag, w), int(p.f.FCNBits), uint64(fcn))
	bitio.Copy(dst, hdr, payload, off, n)
	return bits
}

// SessionBytes returns how many bytes of memory a Session needs for the
// largest packet of this Profile. With less, the packets are limited.
func (p *Profile) SessionBytes() int {
	n := int(p.f.MaxPacket) + packetSlack + (p.l2+7)/8
	return n + p.overhead(n) + 3 // rounding in bufferBytes
}

// packetSlack is by how many bytes a SCHC Packet may exceed MaxPacket: a
// RuleID and residue that are longer than the header they replace.
const packetSlack = 8

// overhead returns the bytes besides the buffer of a session whose buffer has
// n bytes.
func (p *Profile) overhead(n int) int {
	switch p.f.Mode {
	case FragmentationAckAlways:
		b := (int(p.f.WindowSize) + 7) / 8
		if p.f.TileBits == 0 {
			b += 4 * int(p.f.WindowSize)
		}
		return b
	case FragmentationAckOnError:
		t := int(p.f.TileBits)
		return (t+p.l2+7)/8 + (8*n/t+2+7)/8
	}
	return 0
}

// SenderBytes returns how many bytes of memory a Sender needs for packets of
// so many bits.
func (p *Profile) SenderBytes(bits int) int {
	switch p.f.Mode {
	case FragmentationAckAlways:
		return p.overhead(0)
	case FragmentationAckOnError:
		return (bits/int(p.f.TileBits) + 1 + 7) / 8
	}
	return 0
}
