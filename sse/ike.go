package sse

import "encoding/binary"

// IKENumbers are the numbers by which an IKEv2 Security Association payload
// speaks of SSE. sse-05, Section 7.1, only says that it should follow ESP in
// Transport Mode; so all of these are ours, from the ranges for private use of
// RFC 7296. The zero value has the defaults.
type IKENumbers struct {
	Protocol    uint8 // Security Protocol Identifier; default 201
	Format      uint8 // transform type of the formats, whose IDs are those of HIP; default 241
	Compression uint8 // transform type of the widths of compressed headers; default 242
}

func (n IKENumbers) defaults() IKENumbers {
	if n.Protocol == 0 {
		n.Protocol = 201
	}
	if n.Format == 0 {
		n.Format = 241
	}
	if n.Compression == 0 {
		n.Compression = 242
	}
	return n
}

// Numbers of IKEv2 (RFC 7296, Section 3.3).
const (
	ikeEncr         = 1      // transform type
	ikeKeyLength    = 14     // attribute
	ikeNoWidths     = 0xffff // our transform ID: headers are not compressed
	ikeMoreProposal = 2
	ikeMoreTransf   = 3
	ikeProposalLen  = 8
	ikeTransformLen = 8
	ikeSPILen       = 4
)

// encr is the transform ID of ENCR_AES_CCM_8, ENCR_AES_CCM_16, ENCR_AES_GCM_8
// and ENCR_AES_GCM_16, 0 for others.
func (s Suite) encr() uint16 {
	switch s {
	case SuiteCCM8:
		return 14
	case SuiteCCM16:
		return 16
	case SuiteGCM8:
		return 18
	case SuiteGCM16:
		return 20
	}
	return 0
}

func suiteOf(encr uint16) Suite {
	for s := SuiteCCM8; s <= SuiteGCM16; s++ {
		if s.encr() == encr {
			return s
		}
	}
	return 0
}

// AppendIKE appends the body of a Security Association payload with one
// proposal, which has the number num: protocol SSE, the SPI of 4 bytes, an
// encryption transform for each suite and length of key, a transform for each
// format, and one for each pair of widths, with another for "not compressed" in
// an offer. GPComp is not part of it: IKEv2 has IPCOMP_SUPPORTED for that (RFC
// 7296, Section 2.22; gpcomp-02, Section 5). offer tells an offer from an answer.
//
// ErrMalformed says that there is no SPI or suite, or more than 255 transforms;
// dst comes back as it was then.
func AppendIKE(dst []byte, num uint8, p Proposal, offer bool, n IKENumbers) ([]byte, error) {
	n = n.defaults()
	count := len(p.Suites)*len(p.keyBits()) + len(p.formats()) + len(p.Widths)
	if len(p.Widths) > 0 && offer {
		count++
	}
	if p.SPI == 0 || len(p.Suites) == 0 || count > 255 {
		return dst, ErrMalformed
	}
	at := len(dst)
	out := append(dst, 0, 0, 0, 0, num, n.Protocol, ikeSPILen, uint8(count))
	out = binary.BigEndian.AppendUint32(out, p.SPI)
	more := func(typ uint8, id uint16, attributes ...uint16) {
		count--
		next := uint8(0)
		if count > 0 {
			next = ikeMoreTransf
		}
		size := ikeTransformLen + 2*len(attributes)
		out = append(out, next, 0, uint8(size>>8), uint8(size), typ, 0, uint8(id>>8), uint8(id))
		for _, a := range attributes {
			out = binary.BigEndian.AppendUint16(out, a)
		}
	}
	for _, s := range p.Suites {
		if s.encr() == 0 {
			return dst, ErrUnsupported
		}
		for _, bits := range p.keyBits() {
			more(ikeEncr, s.encr(), 1<<15|ikeKeyLength, bits)
		}
	}
	for _, f := range p.formats() {
		more(n.Format, uint16(f))
	}
	for _, w := range p.Widths {
		more(n.Compression, uint16(w.SPIBits)<<8|uint16(w.SNBits))
	}
	if len(p.Widths) > 0 && offer {
		more(n.Compression, ikeNoWidths)
	}
	binary.BigEndian.PutUint16(out[at+2:], uint16(len(out)-at))
	return out, nil
}

// ParseIKE reads the first proposal for SSE in the body of a Security
// Association payload, and its number. Suites that are not known are left
// out of the list. Suites and lengths of keys are lists of their own here:
// what AppendIKE sends is their product.
//
// ErrTruncated and ErrMalformed are for payloads whose lengths and counts do not
// agree, ErrRefused for one without a proposal for SSE.
func ParseIKE(b []byte, n IKENumbers) (p Proposal, num uint8, err error) {
	n = n.defaults()
	for {
		if len(b) < ikeProposalLen {
			return Proposal{}, 0, ErrTruncated
		}
		size := int(binary.BigEndian.Uint16(b[2:]))
		spi := int(b[6])
		switch last := b[0] == 0; {
		case b[0] != 0 && b[0] != ikeMoreProposal, size < ikeProposalLen+spi:
			return Proposal{}, 0, ErrMalformed
		case size > len(b), !last && size == len(b):
			return Proposal{}, 0, ErrTruncated
		case last && size < len(b):
			return Proposal{}, 0, ErrMalformed
		}
		if b[5] == n.Protocol {
			if spi != ikeSPILen {
				return Proposal{}, 0, ErrMalformed
			}
			num = b[4]
			p.SPI = binary.BigEndian.Uint32(b[ikeProposalLen:])
			if e := p.ikeTransforms(b[ikeProposalLen+spi:size], int(b[7]), &n); e != 0 {
				return Proposal{}, 0, e
			}
			return p, num, nil
		}
		if b[0] == 0 {
			return Proposal{}, 0, ErrRefused
		}
		b = b[size:]
	}
}

func (p *Proposal) ikeTransforms(b []byte, count int, n *IKENumbers) Error {
	for ; count > 0; count-- {
		if len(b) < ikeTransformLen {
			return ErrTruncated
		}
		size := int(binary.BigEndian.Uint16(b[2:]))
		want := uint8(ikeMoreTransf)
		if count == 1 {
			want = 0
		}
		if size < ikeTransformLen || b[0] != want {
			return ErrMalformed
		}
		if size > len(b) {
			return ErrTruncated
		}
		if e := p.ikeTransform(b[4], binary.BigEndian.Uint16(b[6:]), b[ikeTransformLen:size], n); e != 0 {
			return e
		}
		b = b[size:]
	}
	if len(b) > 0 {
		return ErrMalformed
	}
	return 0
}

func (p *Proposal) ikeTransform(typ uint8, id uint16, attributes []byte, n *IKENumbers) Error {
	keyBits, e := ikeAttributes(attributes)
	if e != 0 {
		return e
	}
	switch typ {
	case ikeEncr:
		// A known cipher without a length of key is not complete; skip it.
		if s := suiteOf(id); s != 0 && keyBits != 0 {
			p.Suites, _ = appendNew(p.Suites, s, true)
			p.KeyBits, _ = appendNew(p.KeyBits, keyBits, true)
		}
	case n.Format:
		f := Format(id)
		if id > uint16(FormatExtreme) || !f.Valid() {
			f = formatUnknown
		}
		p.Formats, _ = appendNew(p.Formats, f, true)
	case n.Compression:
		if w := (Widths{uint8(id >> 8), uint8(id)}); w.valid() {
			p.Widths, _ = appendNew(p.Widths, w, true)
		}
	}
	return 0
}

// ikeAttributes returns the Key Length, 0 if there is none (RFC 7296, Section
// 3.3.5).
func ikeAttributes(b []byte) (keyBits uint16, e Error) {
	for len(b) > 0 {
		if len(b) < 4 {
			return 0, ErrTruncated
		}
		typ, v := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		n := 4
		if typ&(1<<15) == 0 {
			n += int(v)
		} else if typ == 1<<15|ikeKeyLength {
			keyBits = v
		}
		if n > len(b) {
			return 0, ErrTruncated
		}
		b = b[n:]
	}
	return keyBits, 0
}
