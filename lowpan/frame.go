package lowpan

import "encoding/binary"

// FrameType is the type of an 802.15.4 frame.
type FrameType uint8

const (
	FrameBeacon  FrameType = 0
	FrameData    FrameType = 1
	FrameAck     FrameType = 2
	FrameCommand FrameType = 3
)

// Frame versions (802.15.4-2015, Section 7.2.2.10).
const (
	Version2003 = 0
	Version2006 = 1
	Version2015 = 2
)

// Broadcast is the 16-bit address of all, and PAN identifier of any PAN.
const Broadcast = 0xffff

// Frame is an IEEE 802.15.4 MAC frame (2006: Section 7.2; 2015: Section 7.2).
// All multi-byte fields are little-endian on the wire.
//
//	 0                   1
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5   (bit 0 is the least significant)
//	+-----+-+-+-+-+-+-+-+---+---+---+
//	|type |S|P|A|C|-|N|I|DAM|Ver|SAM|
//	+-----+-+-+-+-+-+-+-+---+---+---+
//
// S: security enabled; P: frame pending; A: acknowledgment request; C: PAN ID
// compression; N: sequence number suppression; I: information elements (IEs)
// present (N and I since 2015); DAM, SAM: addressing modes; Ver: version.
type Frame struct {
	Type       FrameType
	Version    uint8
	Pending    bool
	AckRequest bool
	NoSeq      bool
	Seq        uint8

	HasDstPAN, HasSrcPAN bool // whether the frame states them
	DstPAN, SrcPAN       uint16
	Dst, Src             Addr

	Secured  bool
	Security Security

	HeaderIEs  []byte // including the descriptors and the termination
	PayloadIEs []byte
	// Payload is the MAC payload. It is ciphertext if Security.Encrypted, and
	// then the payload IEs, if there are any, are part of it.
	Payload []byte
	MIC     []byte // message integrity code
	FCS     []byte // frame check sequence, none if it was not captured
	FCSOK   bool   // it is right, or there is none
}

// Security is the auxiliary security header (2015: Section 9.4).
type Security struct {
	Level        uint8 // 0 to 7
	KeyIDMode    uint8 // 0 to 3
	NoCounter    bool  // the frame counter is suppressed
	ASN          bool  // the nonce is made of the absolute slot number
	FrameCounter uint32
	KeySource    []byte // 0, 4 or 8 bytes
	KeyIndex     uint8
}

// Encrypted reports whether the level encrypts the payload.
func (s Security) Encrypted() bool { return s.Level&4 != 0 }

// micLen is the length of the integrity code by the low bits of the level.
const micLen = "\x00\x04\x08\x10"

// FCSKind is what the frame check sequence of a captured frame is.
type FCSKind uint8

const (
	FCSNone FCSKind = iota // not captured: LINKTYPE 230
	FCS16                  // ITU-T CRC, 2 bytes: LINKTYPE 195
	FCS32                  // ANSI X3.66 CRC, 4 bytes
)

// Len is the length of the frame check sequence in bytes.
func (k FCSKind) Len() int {
	switch k {
	case FCS16:
		return 2
	case FCS32:
		return 4
	}
	return 0
}

const (
	fcfSecurity = 1 << 3
	fcfPending  = 1 << 4
	fcfAck      = 1 << 5
	fcfPANComp  = 1 << 6
	fcfNoSeq    = 1 << 8
	fcfIE       = 1 << 9

	modeNone  = 0
	modeShort = 2
	modeExt   = 3
)

// ParseFrame reads a MAC frame of one of the types above. The result refers to
// b. A wrong FCS is not an error, as captures often have none that is right:
// see Frame.FCSOK. Errors: ErrTruncated; ErrMalformed for reserved addressing
// modes and versions; ErrUnsupported for other frame types and for security of
// 2003 frames.
func ParseFrame(b []byte, fcs FCSKind) (Frame, error) {
	f, e := parseFrame(b, fcs)
	if e != 0 {
		return Frame{}, e
	}
	return f, nil
}

func parseFrame(b []byte, fcs FCSKind) (f Frame, err Error) {
	if len(b) < 2+fcs.Len() {
		return f, ErrTruncated
	}
	f.FCS = b[len(b)-fcs.Len():]
	b = b[:len(b)-len(f.FCS)]
	f.FCSOK = checkFCS(b, f.FCS)

	c := binary.LittleEndian.Uint16(b)
	f.Type = FrameType(c & 7)
	f.Version = uint8(c >> 12 & 3)
	f.Secured = c&fcfSecurity != 0
	f.Pending = c&fcfPending != 0
	f.AckRequest = c&fcfAck != 0
	if f.Type > FrameCommand {
		return f, ErrUnsupported
	}
	if f.Version > Version2015 {
		return f, ErrMalformed
	}
	r := reader{b: b[2:]}
	if f.NoSeq = f.Version == Version2015 && c&fcfNoSeq != 0; !f.NoSeq {
		f.Seq = r.byte()
	}
	dst, src := c>>10&3, c>>14&3
	if dst == 1 || src == 1 {
		return f, ErrMalformed
	}
	f.HasDstPAN, f.HasSrcPAN = panFields(f.Version, dst, src, c&fcfPANComp != 0)
	if f.HasDstPAN {
		f.DstPAN = r.uint16()
	}
	f.Dst = r.addr(dst)
	if f.HasSrcPAN {
		f.SrcPAN = r.uint16()
	} else if src != modeNone {
		f.SrcPAN = f.DstPAN
	}
	f.Src = r.addr(src)
	if f.Secured {
		if f.Version == Version2003 {
			return f, ErrUnsupported // has no auxiliary security header
		}
		f.security(&r)
	}
	if r.short {
		return f, ErrTruncated
	}
	rest := r.b
	mic := int(micLen[f.Security.Level&3])
	if len(rest) < mic {
		return f, ErrTruncated
	}
	rest, f.MIC = rest[:len(rest)-mic], rest[len(rest)-mic:]
	if f.Version == Version2015 && c&fcfIE != 0 {
		if rest, err = f.elements(rest); err != 0 {
			return f, err
		}
	}
	f.Payload = rest
	return f, 0
}

// panFields says which PAN identifiers a frame has.
func panFields(version uint8, dst, src uint16, compressed bool) (hasDst, hasSrc bool) {
	if version < Version2015 {
		return dst != modeNone, src != modeNone && !(compressed && dst != modeNone)
	}
	// 802.15.4-2015, Table 7-2.
	switch {
	case dst == modeNone && src == modeNone:
		return compressed, false
	case src == modeNone:
		return !compressed, false
	case dst == modeNone:
		return false, !compressed
	case dst == modeExt && src == modeExt:
		return !compressed, false
	}
	return true, !compressed
}

// security reads the auxiliary security header.
func (f *Frame) security(r *reader) {
	s := &f.Security
	c := r.byte()
	s.Level, s.KeyIDMode = c&7, c>>3&3
	if f.Version == Version2015 {
		s.NoCounter, s.ASN = c&0x20 != 0, c&0x40 != 0
	}
	if !s.NoCounter {
		s.FrameCounter = uint32(r.uint16())
		s.FrameCounter |= uint32(r.uint16()) << 16
	}
	switch s.KeyIDMode {
	case 2:
		s.KeySource = r.bytes(4)
	case 3:
		s.KeySource = r.bytes(8)
	}
	if s.KeyIDMode != 0 {
		s.KeyIndex = r.byte()
	}
}

// Information elements (2015: Section 7.4): a 16-bit descriptor and content.
//
//	header IE   0-6 length, 7-14 element ID, 15 type = 0
//	payload IE  0-10 length, 11-14 group ID, 15 type = 1
const (
	headerTerm1  = 0x7e // payload IEs follow
	headerTerm2  = 0x7f // the payload follows
	payloadTerm  = 0xf
	ieDescriptor = 2
)

// elements splits the IEs off the front of b.
func (f *Frame) elements(b []byte) (rest []byte, err Error) {
	at, id := 0, 0
	for at < len(b) && id != headerTerm1 && id != headerTerm2 {
		n, x, payload, e := parseIE(b[at:])
		if e != 0 || payload {
			return b, malformedOr(e)
		}
		at += n
		id = x
	}
	f.HeaderIEs, b = b[:at], b[at:]
	if id != headerTerm1 || f.Security.Encrypted() {
		return b, 0
	}
	at, id = 0, 0
	for at < len(b) && id != payloadTerm {
		n, x, payload, e := parseIE(b[at:])
		if e != 0 || !payload {
			return b, malformedOr(e)
		}
		at += n
		id = x
	}
	f.PayloadIEs = b[:at]
	return b[at:], 0
}

// parseIE reads one descriptor: the length with content, and the ID.
func parseIE(b []byte) (n, id int, payload bool, err Error) {
	if len(b) < ieDescriptor {
		return 0, 0, false, ErrTruncated
	}
	d := int(binary.LittleEndian.Uint16(b))
	if payload = d&0x8000 != 0; payload {
		n, id = d&0x7ff, d>>11&15
	} else {
		n, id = d&0x7f, d>>7&0xff
	}
	n += ieDescriptor
	if n > len(b) {
		return 0, 0, payload, ErrTruncated
	}
	return n, id, payload, 0
}

// ParseIE reads the information element that b begins with: its ID (header
// IE) or group ID (payload IE), its content, and its length in all.
func ParseIE(b []byte) (id int, payload bool, content []byte, n int, err error) {
	n, id, payload, e := parseIE(b)
	if e != 0 {
		return 0, false, nil, 0, e
	}
	return id, payload, b[ieDescriptor:n], n, nil
}

// Link is the pair of link-layer addresses of the frame.
func (f *Frame) Link() Link { return Link{Src: f.Src, Dst: f.Dst} }

// LoWPAN returns the frame payload for ParseHeaders, AppendDecompress or a
// Reassembler, and false if the frame carries none that can be read: it is not
// a data frame, is empty, or is encrypted.
func (f *Frame) LoWPAN() ([]byte, bool) {
	ok := f.Type == FrameData && len(f.Payload) > 0 && !f.Security.Encrypted()
	return f.Payload, ok
}

// AppendFrame appends f as a MAC frame with the payload payload and returns
// the extended slice. Used of f are Type, Version (2003 or 2006), Pending,
// AckRequest, Seq, the addresses (short, extended or none) and the PAN
// identifiers; the source PAN is left out where it is the destination PAN.
// Whatever else is set is ErrUnsupported.
func AppendFrame(dst []byte, f *Frame, payload []byte, fcs FCSKind) ([]byte, error) {
	dm, ok1 := addrMode(f.Dst)
	sm, ok2 := addrMode(f.Src)
	if f.Type > FrameCommand || f.Version > Version2006 || f.Secured || f.NoSeq || !ok1 || !ok2 ||
		len(f.HeaderIEs)+len(f.PayloadIEs) > 0 {
		return dst, ErrUnsupported
	}
	base := len(dst)
	c := uint16(f.Type) | uint16(f.Version)<<12 | dm<<10 | sm<<14
	if f.Pending {
		c |= fcfPending
	}
	if f.AckRequest {
		c |= fcfAck
	}
	if dm != modeNone && sm != modeNone && f.SrcPAN == f.DstPAN {
		c |= fcfPANComp
	}
	hasDst, hasSrc := panFields(f.Version, dm, sm, c&fcfPANComp != 0)
	dst = append(dst, byte(c), byte(c>>8), f.Seq)
	if hasDst {
		dst = append(dst, byte(f.DstPAN), byte(f.DstPAN>>8))
	}
	dst = appendReversed(dst, f.Dst)
	if hasSrc {
		dst = append(dst, byte(f.SrcPAN), byte(f.SrcPAN>>8))
	}
	dst = appendReversed(dst, f.Src)
	dst = append(dst, payload...)
	switch fcs {
	case FCS16:
		v := fcs16(dst[base:])
		dst = append(dst, byte(v), byte(v>>8))
	case FCS32:
		v := fcs32(dst[base:])
		dst = append(dst, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	}
	return dst, nil
}

func addrMode(a Addr) (uint16, bool) {
	switch a.Kind {
	case AddrNone:
		return modeNone, true
	case AddrShort:
		return modeShort, true
	case AddrExt:
		return modeExt, true
	}
	return 0, false
}

// appendReversed appends an address, least significant byte first.
func appendReversed(dst []byte, a Addr) []byte {
	for i := 0; i < a.Len(); i++ {
		dst = append(dst, byte(a.Value>>(8*uint(i))))
	}
	return dst
}

// reader takes little-endian fields off the front of b.
type reader struct {
	b     []byte
	short bool // b did not have that much
}

func (r *reader) bytes(n int) []byte {
	if len(r.b) < n {
		r.short = true
		r.b = nil
		return nil
	}
	x := r.b[:n]
	r.b = r.b[n:]
	return x
}

func (r *reader) byte() byte {
	if x := r.bytes(1); x != nil {
		return x[0]
	}
	return 0
}

func (r *reader) uint16() uint16 {
	if x := r.bytes(2); x != nil {
		return binary.LittleEndian.Uint16(x)
	}
	return 0
}

func (r *reader) addr(mode uint16) Addr {
	switch mode {
	case modeShort:
		return ShortAddr(r.uint16())
	case modeExt:
		if x := r.bytes(8); x != nil {
			return ExtAddr(binary.LittleEndian.Uint64(x))
		}
	}
	return Addr{}
}

func checkFCS(b, fcs []byte) bool {
	switch len(fcs) {
	case 2:
		return fcs16(b) == binary.LittleEndian.Uint16(fcs)
	case 4:
		return fcs32(b) == binary.LittleEndian.Uint32(fcs)
	}
	return true
}

// fcs16 is the CRC of 802.15.4: x^16+x^12+x^5+1, bits reversed, from zero.
func fcs16(b []byte) (crc uint16) {
	for _, x := range b {
		crc ^= uint16(x)
		for i := 0; i < 8; i++ {
			crc = crc>>1 ^ 0x8408&-(crc&1)
		}
	}
	return crc
}

// fcs32 is the CRC-32 of IEEE 802.3, which the 4-byte FCS uses.
func fcs32(b []byte) uint32 {
	crc := ^uint32(0)
	for _, x := range b {
		crc ^= uint32(x)
		for i := 0; i < 8; i++ {
			crc = crc>>1 ^ 0xedb88320&-(crc&1)
		}
	}
	// "If the length of the calculation field is less than 4 octets", it is
	// padded with zeros; a MAC frame with addresses never is.
	return ^crc
}

// malformedOr is e, or ErrMalformed if that is none.
func malformedOr(e Error) Error {
	if e != 0 {
		return e
	}
	return ErrMalformed
}
