package ehc

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"math/rand"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/schckit/schckit/dietesp"
)

// pick returns some of the values, in any order, at times none.
func pick[T any](r *rand.Rand, values ...T) []T {
	list := slices.Clone(values)
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:r.Intn(len(list)+1)]
}

// randomPolicy returns a policy that Check takes.
func randomPolicy(r *rand.Rand, d Dialect, n Numbers) Policy {
	for {
		p := Policy{Dialect: d, Numbers: n}
		if r.Intn(3) == 0 {
			p.Base.DSCPs = []uint8{10, 46}
		}
		for i := r.Intn(4); i > 0; i-- {
			p.Sets = append(p.Sets, randomSet(r, d, n))
		}
		if d == DialectEHC {
			p.NoZeroBytes = r.Intn(3) == 0
		}
		if p.Check() == nil {
			return p
		}
	}
}

func randomSet(r *rand.Rand, d Dialect, n Numbers) (s Set) {
	s.FlowLabel = pick(r, dietesp.ActionNotCompressed, dietesp.ActionLower)
	s.Alignment = pick(r, dietesp.Alignment8, dietesp.Alignment32)
	s.SPILSB, s.SNLSB = pick(r, uint8(0), 8, 16, 24, 32), pick(r, uint8(0), 8, 16, 24, 32)
	if d == DialectEHC {
		return s
	}
	s.DSCP = pick(r, dietesp.ActionNotCompressed, dietesp.ActionLower, dietesp.ActionSA)
	s.ECN = pick(r, dietesp.ActionNotCompressed, dietesp.ActionLower)
	s.FlowLabel = pick(r, dietesp.ActionNotCompressed, dietesp.ActionLower, dietesp.ActionGenerated, dietesp.ActionZero)
	s.Alignment = pick(r, dietesp.Alignment8, dietesp.Alignment16, dietesp.Alignment32, dietesp.Alignment64)
	s.SPILSB, s.SNLSB = pick(r, Widths(0, 32)...), pick(r, Widths(0, 32)...)
	if n.Trailer != 0 {
		s.Trailer = pick(r, dietesp.TrailerMandatory, dietesp.TrailerOptional)
	}
	return s
}

// allows reports whether a policy allows attributes.
func allows(p *Policy, a *dietesp.Attributes) bool {
	sets := p.Sets
	if len(sets) == 0 {
		sets = []Set{{}}
	}
	def := dietesp.DefaultAttributes(p.Dialect.Profile())
	for _, s := range sets {
		ok := true
		for attr := Attr(0); attr < NumAttrs; attr++ {
			if every(p.Dialect, attr) == 0 {
				continue
			}
			list := []uint8{}
			for i := 0; ; i++ {
				v, more := s.at(attr, i)
				if !more {
					break
				}
				list = append(list, v)
			}
			if len(list) == 0 {
				list = append(list, valueOf(&def, attr))
			}
			ok = ok && slices.Contains(list, valueOf(a, attr))
		}
		if ok && (a.SPILSBBits+a.SNLSBBits)%8 == 0 && (a.DSCP != dietesp.ActionSA || len(a.DSCPs) > 0) {
			return true
		}
	}
	return false
}

// TestNegotiate: for any two policies the answer is accepted, both ends have
// equal attributes, neither has any that its policy does not allow, and they are
// those of the readable reference; or the reference finds none either.
func TestNegotiate(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewSource(seed))
	agreed, refusals := 0, 0
	for i := 0; i < 6000; i++ {
		d := Dialect(i % 2)
		n := Numbers{}
		if i%3 == 0 {
			n.Trailer = TrailerCodePoint
		}
		ini, res := randomPolicy(r, d, n), randomPolicy(r, d, n)
		res.Base.DSCPs = ini.Base.DSCPs // which are agreed on in the same exchange
		ini.Base.HopLimit, res.Base.HopLimit = dietesp.HopLimitValueSent, dietesp.HopLimitValueSent
		if res.Check() != nil {
			continue
		}
		offer, err := Offer(nil, &ini)
		if err != nil {
			t.Fatalf("seed %d, %d: Offer(%+v): %v", seed, i, ini, err)
		}
		want := slowSelect(&res, offer[8:])
		answer, a, err := Select([]byte{1}, offer, &res)
		if (err == nil) != (want != nil) {
			t.Fatalf("seed %d, %d: Select(%x, %+v): %v, want %v", seed, i, offer, res, err, want)
		}
		if err != nil {
			refusals++
			var ne *NegotiationError
			if !errors.As(err, &ne) || ne.Err != ErrRefused || ne.Notify != res.refusal() || len(answer) != 1 {
				t.Fatalf("seed %d, %d: Select(%x): %v", seed, i, offer, err)
			}
			refusal, err := AppendRefusal(nil, &res)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Accept(offer, refusal, &ini); class(err) != ErrRefused {
				t.Fatalf("seed %d, %d: Accept(%x, %x): %v", seed, i, offer, refusal, err)
			}
			continue
		}
		agreed++
		if got := names(&res, &a); !maps.Equal(got, want) {
			t.Fatalf("seed %d, %d: Select(%x) agrees on %v, want %v", seed, i, offer, got, want)
		}
		b, err := Accept(offer, answer[1:], &ini)
		if err != nil || !reflect.DeepEqual(a, b) || a.HopLimit != dietesp.HopLimitValueSent {
			t.Fatalf("seed %d, %d: Accept(%x, %x) = %+v, %v, want %+v", seed, i, offer, answer[1:], b, err, a)
		}
		if !allows(&ini, &a) || !allows(&res, &a) {
			t.Fatalf("seed %d, %d: %+v is not what both policies allow", seed, i, a)
		}
	}
	t.Logf("%d agreed, %d refused", agreed, refusals)
	if agreed < 500 || refusals < 500 {
		t.Error("too few of one kind to prove anything")
	}
}

// TestAcceptEverything: of all values of all attributes in an answer, Accept
// takes just those that were offered.
func TestAcceptEverything(t *testing.T) {
	const seed = 2
	r := rand.New(rand.NewSource(seed))
	taken := 0
	for i := 0; i < 300; i++ {
		p := randomPolicy(r, Dialect(i%2), Numbers{Trailer: TrailerCodePoint})
		offer, err := Offer(nil, &p)
		if err != nil {
			t.Fatal(err)
		}
		for j := 0; j < 200; j++ {
			q := Proposal{ID: uint8(1 + r.Intn(p.count()+1)), Named: true}
			for a := Attr(0); a < NumAttrs; a++ {
				if m := every(p.Dialect, a); m != 0 && (p.Dialect == DialectEHC || r.Intn(3) > 0) {
					if p.NoZeroBytes && (a == AttrSPILSB || a == AttrSNLSB) {
						m &^= 1
					}
					for n := r.Intn(m.Count()); n > 0; n-- {
						m &= m - 1
					}
					q.Stated |= 1 << a
					q.Values[a] = 1 << m.Lowest()
				}
			}
			answer, err := p.appendAnswer(nil, &q)
			if err != nil {
				t.Fatal(err)
			}
			a, err := Accept(offer, answer, &p)
			if err != nil {
				if class(err) != ErrRefused {
					t.Fatalf("seed %d: Accept(%x, %x): %v", seed, offer, answer, err)
				}
				// It is right to refuse: the policy does not allow it, or not in
				// the Proposal that it names.
				def := dietesp.DefaultAttributes(p.Dialect.Profile())
				v := values{}
				for x := Attr(0); x < NumAttrs; x++ {
					v[x] = valueOf(&def, x)
					if q.Has(x) {
						v[x] = q.Values[x].Lowest()
					}
				}
				attrs := p.attributes(&v)
				one := p
				if p.Dialect == DialectHCP && int(q.ID) <= len(p.Sets) {
					one.Sets = p.Sets[q.ID-1 : q.ID]
				}
				if int(q.ID) <= p.count() && allows(&one, &attrs) {
					t.Fatalf("seed %d: Accept(%x, %x): %v, but it was offered", seed, offer, answer, err)
				}
				continue
			}
			taken++
			if !allows(&p, &a) {
				t.Fatalf("seed %d: Accept(%x, %x) = %+v, which %+v does not allow", seed, offer, answer, a, p)
			}
		}
	}
	if taken < 100 {
		t.Errorf("%d answers were accepted", taken)
	}
}

// h decodes hex with blanks.
func h(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// notifyOf makes a Notify payload.
func notifyOf(typ uint16, data string) []byte {
	b, err := AppendNotifyPayload(nil, typ, h(data))
	if err != nil {
		panic(err)
	}
	return b
}

const (
	hcpType = 0xec00
	ehcType = 0xec01
)

// TestFigure5: the range of the draft, widths of 6 to 8 bits.
func TestFigure5(t *testing.T) {
	p := Policy{Sets: []Set{{DSCP: []dietesp.Action{0, 1, 2}, ECN: []dietesp.Action{0, 1}, FlowLabel: []dietesp.Action{0, 1, 3, 4},
		Alignment: []dietesp.Alignment{0, 1, 2, 3}, SPILSB: Widths(6, 8), SNLSB: Widths(0, 32)}}, Base: dietesp.Attributes{DSCPs: []uint8{1}}}
	got, err := Offer(nil, &p)
	want := notifyOf(hcpType, "01 00 000c  7fff 0008 8004 0006 8004 0008")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("Offer = %x, %v, want %x", got, err, want)
	}
	// As the figure prints it, and with the AF bit that 65535 would set.
	for _, head := range []string{"7fff 0008", "7fff 0004", "ffff 0008", "ffff 0004"} {
		list, err := ParseProposals(nil, h("01 00 000c "+head+" 8004 0006 8004 0008"), DialectHCP, Numbers{}, true)
		if err != nil || len(list) != 1 || list[0].Flaws != FlawRange || list[0].Values[AttrSPILSB] != maskOf(6, 7, 8) {
			t.Errorf("%s: %+v, %v", head, list, err)
		}
	}
}

func TestSelectRefuses(t *testing.T) {
	all := AnyPolicy(DialectHCP)
	allEHC := AnyPolicy(DialectEHC)
	defaults, defaultsEHC := Policy{}, Policy{Dialect: DialectEHC}
	many := strings.Repeat("0000 ", 17)
	for _, tt := range []struct {
		name  string
		p     *Policy
		offer []byte
		class Error
		text  string
	}{
		{"unknown HCP Name", &all, notifyOf(hcpType, "01 01 0000"), ErrRefused, "proposal 1: an HCP Name, EHC Context or attribute is unknown"},
		{"unknown attribute", &all, notifyOf(hcpType, "01 00 0004 8007 0000"), ErrRefused, "proposal 1: an HCP Name"},
		{"esp_trailer has no code point", &all, notifyOf(hcpType, "01 00 0004 8006 0000"), ErrRefused, "proposal 1: an HCP Name"},
		{"unknown value", &all, notifyOf(hcpType, "01 00 0004 8003 0004"), ErrRefused, "proposal 1: alignment: no value in common"},
		{"value 65535, which must not count as 0", &all, notifyOf(hcpType, "01 00 0004 8002 ffff"), ErrRefused, "proposal 1: flow_label_action: no value in common"},
		{"AF of an attribute", &all, notifyOf(hcpType, "01 00 0005 0003 0001 00"), ErrRefused, "proposal 1: an attribute has a wrong format"},
		{"an attribute ends early", &all, notifyOf(hcpType, "01 00 0003 8003 00"), ErrRefused, "proposal 1: an attribute has a wrong format"},
		{"range of two attributes", &all, notifyOf(hcpType, "01 00 000c 7fff 0008 8004 0006 8005 0008"), ErrRefused, "proposal 1: an attribute has a wrong format"},
		{"range upside down", &all, notifyOf(hcpType, "01 00 000c 7fff 0008 8004 0008 8004 0006"), ErrRefused, "proposal 1: an attribute has a wrong format"},
		{"range of an unknown attribute", &all, notifyOf(hcpType, "01 00 000c 7fff 0008 8009 0006 8009 0008"), ErrRefused, "proposal 1: an HCP Name"},
		{"range of a range", &all, notifyOf(hcpType, "01 00 000c 7fff 0008 ffff 0006 ffff 0008"), ErrRefused, "proposal 1: an HCP Name"},
		{"the widths never add up", &all, notifyOf(hcpType, "01 00 0008 8004 0001 8005 0001"), ErrRefused, "proposal 1: esp_sn_lsb: no value in common for which the widths add up"},
		{"not the default", &defaults, notifyOf(hcpType, "01 00 0004 8004 0008"), ErrRefused, "proposal 1: esp_spi_lsb: no value in common"},
		{"no proposal", &all, notifyOf(hcpType, ""), ErrMalformed, "malformed"},
		{"one ID twice", &all, notifyOf(hcpType, "01 00 0000 01 00 0000"), ErrMalformed, "malformed"},
		{"proposal ends early", &all, notifyOf(hcpType, "01 00 0004 8004"), ErrTruncated, "ends early"},
		{"half a header", &all, notifyOf(hcpType, "01 00 00"), ErrTruncated, "ends early"},
		{"another notify", &all, notifyOf(ehcType, ""), ErrMalformed, "not a notify of this dialect"},
		{"with an SPI", &all, h("00 00 0010 03 04 ec00 11223344 01000000"), ErrMalformed, "not a notify of this dialect"},
		{"too many attributes", &all, notifyOf(hcpType, "01 00 0104"+strings.Repeat("80040008", 65)), ErrRefused, "too many proposals or attributes"},
		{"too many proposals", &allEHC, notifyOf(ehcType, many), ErrRefused, "too many proposals or attributes"},
		{"another EHC Context", &allEHC, notifyOf(ehcType, "0004 8000 0001"), ErrRefused, "proposal 1: an HCP Name, EHC Context"},
		{"unknown parameter", &allEHC, notifyOf(ehcType, "0004 8005 0001"), ErrRefused, "proposal 1: an HCP Name, EHC Context"},
		{"AF=0", &allEHC, notifyOf(ehcType, "0004 0001 0000"), ErrRefused, "proposal 1: an attribute has a wrong format"},
		{"twice", &allEHC, notifyOf(ehcType, "0008 8001 0001 8001 0002"), ErrRefused, "proposal 1: an attribute is repeated"},
		{"no bit", &allEHC, notifyOf(ehcType, "0004 8001 0000"), ErrRefused, "proposal 1: alignment: no value in common"},
		{"unknown bits alone", &allEHC, notifyOf(ehcType, "0004 8001 fffc"), ErrRefused, "proposal 1: alignment: no value in common"},
		{"not the default", &defaultsEHC, notifyOf(ehcType, "0004 8001 0002"), ErrRefused, "proposal 1: alignment: no value in common"},
		{"bytes behind the payload", &allEHC, append(notifyOf(ehcType, ""), 0), ErrMalformed, "malformed"},
		{"no payload", &allEHC, h("000000"), ErrTruncated, "ends early"},
		{"no notify", &allEHC, h("00000006 0000"), ErrTruncated, "ends early"},
	} {
		before := []byte{7}
		got, _, err := Select(before, tt.offer, tt.p)
		if class(err) != tt.class || !strings.Contains(err.Error(), tt.text) || !bytes.Equal(got, before) {
			t.Errorf("%s: Select(%x) = %x, %v, want %v: %s", tt.name, tt.offer, got, err, tt.class, tt.text)
		}
	}
}

func TestSelects(t *testing.T) {
	all, allEHC := AnyPolicy(DialectHCP), AnyPolicy(DialectEHC)
	trailer := AnyPolicy(DialectHCP)
	trailer.Numbers.Trailer = TrailerCodePoint
	trailer.Sets[0].Trailer = []dietesp.Trailer{dietesp.TrailerMandatory, dietesp.TrailerOptional}
	zero := Policy{Dialect: DialectEHC, Sets: []Set{{SPILSB: []uint8{0, 32}, SNLSB: []uint8{0, 16, 32}}}}
	strict := zero
	strict.NoZeroBytes, strict.Sets = true, []Set{{SPILSB: []uint8{32}, SNLSB: []uint8{16, 32}}}
	for _, tt := range []struct {
		name, offer, want string
		p                 *Policy
	}{
		{"everything is allowed", "01 00 0000", "01 00 0018 8000 0001 8001 0001 8002 0001 8003 0000 8004 0008 8005 0008", &all},
		{"the second is acceptable", "05 01 0000 07 00 0010 8000 0000 8001 0000 8002 0000 8003 0003", "07 00 0018 8000 0000 8001 0000 8002 0000 8003 0003 8004 0008 8005 0008", &all},
		{"values repeated", "01 00 0020 8000 0000 8001 0000 8002 0000 8003 0003 8004 0020 8004 0004 8005 0020 8005 0004", "01 00 0018 8000 0000 8001 0000 8002 0000 8003 0003 8004 0004 8005 0004", &all},
		{"unknown values beside a known one", "01 00 000c 8003 0009 8003 0001 8003 ffff", "01 00 0018 8000 0001 8001 0001 8002 0001 8003 0001 8004 0008 8005 0008", &all},
		{"a trailer that is not stated", "01 00 0000", "01 00 0018 8000 0001 8001 0001 8002 0001 8003 0000 8004 0008 8005 0008", &trailer},
		{"a trailer that is", "01 00 0008 8006 0000 8006 0001", "01 00 001c 8000 0001 8001 0001 8002 0001 8003 0000 8004 0008 8005 0008 8006 0000", &trailer},
		{"no proposal is any", "", "0014 8000 0000 8001 0002 8002 0008 8003 0008 8004 0001", &allEHC},
		{"an empty proposal is any", "0000", "0014 8000 0000 8001 0002 8002 0008 8003 0008 8004 0001", &allEHC},
		{"unknown bits are ignored", "0008 8001 fffd 8004 fffe", "0014 8000 0000 8001 0001 8002 0008 8003 0008 8004 0002", &allEHC},
		{"parameters of another context", "0010 8000 0009 9234 0001 8000 0000 1234 0000", "0014 8000 0000 8001 0002 8002 0008 8003 0008 8004 0001", &allEHC},
		{"zero bytes where bit 4 is set", "0008 8002 001f 8003 0013", "0014 8000 0000 8001 0001 8002 0010 8003 0010 8004 0001", &zero},
		{"no zero bytes where it is not", "0000", "0014 8000 0000 8001 0001 8002 0001 8003 0004 8004 0001", &zero},
		{"bit 4 turned off", "0008 8002 001f 8003 001f", "0014 8000 0000 8001 0001 8002 0001 8003 0004 8004 0001", &strict},
	} {
		offer := notifyOf(tt.p.OfferType(), tt.offer)
		got, _, err := Select(nil, offer, tt.p)
		if want := notifyOf(tt.p.OfferType(), tt.want); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: Select(%x) = %x, %v, want %x", tt.name, offer, got, err, want)
		}
	}
}

func TestAcceptRefuses(t *testing.T) {
	p := Policy{Sets: []Set{
		{Alignment: []dietesp.Alignment{0}, SPILSB: []uint8{8, 16}, SNLSB: []uint8{8, 16}},
		{Alignment: []dietesp.Alignment{3}, SPILSB: []uint8{4}, SNLSB: []uint8{4, 12}}}}
	e := Policy{Dialect: DialectEHC, Sets: []Set{{Alignment: []dietesp.Alignment{0}, SPILSB: []uint8{8, 0}, SNLSB: []uint8{8, 16}}}}
	off := e
	off.NoZeroBytes, off.Sets = true, []Set{{Alignment: []dietesp.Alignment{0}, SPILSB: []uint8{8}, SNLSB: []uint8{8, 16}}}
	const ok = "8003 0000 8004 0008 8005 0010"
	const okEHC = "8000 0000 8001 0002 8002 0008 8003 0004 8004 0001"
	for _, tt := range []struct {
		name   string
		p      *Policy
		answer []byte
		class  Error // 0: it is accepted
		text   string
	}{
		{"right", &p, notifyOf(hcpType, "01 00 000c"+ok), 0, ""},
		{"right, defaults stated", &p, notifyOf(hcpType, "01 00 0010 8000 0000"+ok), 0, ""},
		{"two values", &p, notifyOf(hcpType, "01 00 0010"+ok+"8005 0008"), ErrRefused, "an attribute is repeated"},
		{"the same value twice", &p, notifyOf(hcpType, "01 00 0010"+ok+"8005 0010"), ErrRefused, "an attribute is repeated"},
		{"a value never offered", &p, notifyOf(hcpType, "01 00 000c 8003 0000 8004 0018 8005 0008"), ErrRefused, "esp_spi_lsb: a value that was not offered"},
		{"a value of another proposal", &p, notifyOf(hcpType, "02 00 000c"+ok), ErrRefused, "proposal 2: alignment: a value that was not offered"},
		{"a default that was not offered", &p, notifyOf(hcpType, "01 00 0008 8003 0000 8004 0008"), ErrRefused, "esp_sn_lsb: a value that was not offered"},
		{"a range", &p, notifyOf(hcpType, "01 00 0014 8003 0000 8004 0008 7fff 0008 8005 0008 8005 0010"), ErrRefused, "it has a range"},
		{"a range of one", &p, notifyOf(hcpType, "01 00 0014 8003 0000 8004 0008 7fff 0008 8005 0008 8005 0008"), ErrRefused, "it has a range"},
		{"an unknown attribute", &p, notifyOf(hcpType, "01 00 0010"+ok+"8009 0000"), ErrRefused, "an HCP Name, EHC Context or attribute is unknown"},
		{"an unknown value", &p, notifyOf(hcpType, "01 00 0010"+ok+"8000 0009"), ErrRefused, "dscp_action: a value that is not known"},
		{"another HCP Name", &p, notifyOf(hcpType, "01 01 000c"+ok), ErrRefused, "unknown"},
		{"a proposal never offered", &p, notifyOf(hcpType, "03 00 000c"+ok), ErrRefused, "a proposal that was not offered"},
		{"several proposals", &p, notifyOf(hcpType, "01 00 000c"+ok+"02 00 0000"), ErrRefused, "several proposals in an answer"},
		{"widths that do not add up", &p, notifyOf(hcpType, "02 00 0008 8004 0004 8005 0006"), ErrRefused, "do not add up"},
		{"NO_PROPOSAL_CHOSEN", &p, notifyOf(14, ""), ErrRefused, "the peer refuses: NO_PROPOSAL_CHOSEN"},
		{"another error", &p, notifyOf(9999, ""), ErrRefused, "the peer refuses: notify 9999"},
		{"another status", &p, notifyOf(ehcType, ""), ErrMalformed, "not a notify of this dialect"},
		{"nothing", &p, notifyOf(hcpType, ""), ErrMalformed, ""},
		{"no payload", &p, nil, ErrTruncated, ""},
		{"right", &e, notifyOf(ehcType, "0014"+okEHC), 0, ""},
		{"bare", &e, notifyOf(ehcType, okEHC), 0, ""},
		{"zero bytes", &e, notifyOf(ehcType, "0014 8000 0000 8001 0002 8002 0010 8003 0004 8004 0001"), 0, ""},
		{"zero bytes turned off", &off, notifyOf(ehcType, "0014 8000 0000 8001 0002 8002 0010 8003 0004 8004 0001"), ErrRefused, "esp_spi_lsb: a value that is not known"},
		{"unknown bits are ignored", &e, notifyOf(ehcType, "0014 8000 0000 8001 fff2 8002 0008 8003 0004 8004 0001"), 0, ""},
		{"two bits", &e, notifyOf(ehcType, "0014 8000 0000 8001 0002 8002 0008 8003 000c 8004 0001"), ErrRefused, "esp_sn_lsb: several values"},
		{"no bit", &e, notifyOf(ehcType, "0014 8000 0000 8001 0002 8002 0008 8003 0000 8004 0001"), ErrRefused, "esp_sn_lsb: a value that is not known"},
		{"never offered", &e, notifyOf(ehcType, "0014 8000 0000 8001 0001 8002 0008 8003 0004 8004 0001"), ErrRefused, "alignment: a value that was not offered"},
		{"no context", &e, notifyOf(ehcType, "0010 8001 0002 8002 0008 8003 0004 8004 0001"), ErrRefused, "ehc_context_id is not Diet-ESP alone"},
		{"two contexts", &e, notifyOf(ehcType, "0018 8000 0001"+okEHC), ErrRefused, "ehc_context_id is not Diet-ESP alone"},
		{"a context twice", &e, notifyOf(ehcType, "0018 8000 0000"+okEHC), ErrRefused, "repeated"},
		{"a parameter is missing", &e, notifyOf(ehcType, "0010 8000 0000 8001 0002 8002 0008 8003 0004"), ErrRefused, "flow_label_action: missing from the answer"},
		{"a parameter is repeated", &e, notifyOf(ehcType, "0018 8001 0002"+okEHC), ErrRefused, "repeated"},
		{"an unknown parameter", &e, notifyOf(ehcType, "0018 8009 0002"+okEHC), ErrRefused, "unknown"},
		{"nothing", &e, notifyOf(ehcType, ""), ErrRefused, "ehc_context_id"},
		{"EHC_UNACCEPTABLE_PARAMETER", &e, notifyOf(0x2ec1, "0000"), ErrRefused, "the peer refuses: EHC_UNACCEPTABLE_PARAMETER"},
	} {
		offer, err := Offer(nil, tt.p)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Accept(offer, tt.answer, tt.p)
		if class(err) != tt.class || err != nil && !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: Accept(%x): %v, want %v: %s", tt.name, tt.answer, err, tt.class, tt.text)
		}
	}
	// An offer that the policy no longer allows.
	offer, _ := Offer(nil, &p)
	if _, err := Accept(offer, notifyOf(hcpType, "01 00 000c"+ok), &Policy{}); class(err) != ErrRefused {
		t.Errorf("Accept under another policy: %v", err)
	}
}

func TestPolicyCheck(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    Policy
		text string
	}{
		{"dialect", Policy{Dialect: 2}, "the dialect is unknown"},
		{"numbers", Policy{Numbers: Numbers{HCPProposal: 0xec01}}, "two numbers are the same"},
		{"range", Policy{Numbers: Numbers{Range: 0xffff}}, "out of range"},
		{"trailer", Policy{Numbers: Numbers{Trailer: 5}}, "out of range"},
		{"too many", Policy{Sets: make([]Set, 17)}, "too many proposals"},
		{"sa of ECN", Policy{Sets: []Set{{ECN: []dietesp.Action{dietesp.ActionSA}}}}, "proposal 1: ecn_action: a value that cannot be negotiated here"},
		{"width", Policy{Sets: []Set{{}, {SPILSB: []uint8{33}}}}, "proposal 2: esp_spi_lsb: a value that cannot"},
		{"twice", Policy{Sets: []Set{{SNLSB: []uint8{8, 8}}}}, "esp_sn_lsb: a value is repeated"},
		{"sa without DSCPs", Policy{Sets: []Set{{DSCP: []dietesp.Action{dietesp.ActionSA}}}}, "dscp_action: the action sa needs a list of DSCPs"},
		{"trailer without a code point", Policy{Sets: []Set{{Trailer: []dietesp.Trailer{dietesp.TrailerMandatory}}}}, "esp_trailer: a value that cannot"},
		{"sum", Policy{Sets: []Set{{SPILSB: []uint8{3}, SNLSB: []uint8{4, 12}}}}, "no widths of SPI and Sequence Number add up"},
		{"DSCP of the 2023 draft", Policy{Dialect: DialectEHC, Sets: []Set{{DSCP: []dietesp.Action{dietesp.ActionNotCompressed}}}}, "dscp_action: a value that cannot"},
		{"bits of the 2023 draft", Policy{Dialect: DialectEHC, Sets: []Set{{SPILSB: []uint8{4}}}}, "esp_spi_lsb: a value that cannot"},
		{"no zero bytes", Policy{Dialect: DialectEHC, NoZeroBytes: true, Sets: []Set{{SPILSB: []uint8{0}}}}, "esp_spi_lsb: a value that cannot"},
	} {
		err := tt.p.Check()
		if class(err) != ErrMalformed || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.text)
		}
		if _, err := Offer(nil, &tt.p); class(err) != ErrMalformed {
			t.Errorf("%s: Offer: %v", tt.name, err)
		}
	}
	for _, d := range []Dialect{DialectHCP, DialectEHC} {
		if p := AnyPolicy(d); p.Check() != nil {
			t.Errorf("AnyPolicy(%v): %v", d, p.Check())
		}
	}
}

// TestAppend: what appends keeps a prefix, appends the same bytes behind it as to
// nil, and leaves its inputs alone.
func TestAppend(t *testing.T) {
	p := AnyPolicy(DialectHCP)
	offer, err := Offer(nil, &p)
	if err != nil {
		t.Fatal(err)
	}
	list, err := ParseProposals(nil, offer[8:], DialectHCP, Numbers{}, true)
	if err != nil {
		t.Fatal(err)
	}
	sa := []SAProposal{{Num: 1, Protocol: ProtocolESP, SPI: []byte{0, 0, 1, 0}}}
	kept := bytes.Clone(offer)
	for name, f := range map[string]func(dst []byte) ([]byte, error){
		"Offer": func(dst []byte) ([]byte, error) { return Offer(dst, &p) },
		"Select": func(dst []byte) ([]byte, error) {
			out, _, err := Select(dst, offer, &p)
			return out, err
		},
		"AppendRefusal":       func(dst []byte) ([]byte, error) { return AppendRefusal(dst, &Policy{Dialect: DialectEHC}) },
		"AppendProposals":     func(dst []byte) ([]byte, error) { return AppendProposals(dst, list, DialectHCP, Numbers{}, true) },
		"AppendNotify":        func(dst []byte) ([]byte, error) { return AppendNotify(dst, Notify{Type: 5, Data: offer}) },
		"AppendNotifyPayload": func(dst []byte) ([]byte, error) { return AppendNotifyPayload(dst, 5, offer) },
		"AppendPayload":       func(dst []byte) ([]byte, error) { return AppendPayload(dst, 41, true, offer) },
		"AppendTS":            func(dst []byte) ([]byte, error) { return AppendTS(dst, []Selector{v6(17, 1, 2)}, Numbers{}) },
		"AppendSA": func(dst []byte) ([]byte, error) {
			return AppendSA(dst, sa, func(int) []Transform { return []Transform{{Type: TransformEncr, ID: 20, KeyBits: 128}} })
		},
		"AppendKeymat": func(dst []byte) ([]byte, error) { return AppendKeymat(dst, 50, hmac.New(sha256.New, nil), offer) },
	} {
		want, err := f(nil)
		if err != nil || len(want) == 0 {
			t.Errorf("%s: %x, %v", name, want, err)
			continue
		}
		got, err := f([]byte{1, 2, 3})
		if err != nil || !bytes.Equal(got, append([]byte{1, 2, 3}, want...)) {
			t.Errorf("%s behind a prefix: %x, %v, want %x", name, got, err, want)
		}
	}
	if !bytes.Equal(offer, kept) {
		t.Error("the offer was changed")
	}
	for name, f := range map[string]func(dst []byte) ([]byte, error){
		"Offer":               func(dst []byte) ([]byte, error) { return Offer(dst, &Policy{Dialect: 9}) },
		"AppendProposals":     func(dst []byte) ([]byte, error) { return AppendProposals(dst, list, DialectEHC, Numbers{}, true) },
		"AppendProposals, 0":  func(dst []byte) ([]byte, error) { return AppendProposals(dst, nil, DialectEHC, Numbers{}, true) },
		"AppendNotifyPayload": func(dst []byte) ([]byte, error) { return AppendNotifyPayload(dst, 5, make([]byte, 0xfff8)) },
		"AppendPayload":       func(dst []byte) ([]byte, error) { return AppendPayload(dst, 5, false, make([]byte, 0xfffc)) },
		"AppendSA":            func(dst []byte) ([]byte, error) { return AppendSA(dst, sa, func(int) []Transform { return nil }) },
	} {
		if got, err := f([]byte{1, 2, 3}); class(err) != ErrMalformed || !bytes.Equal(got, []byte{1, 2, 3}) {
			t.Errorf("%s: %x, %v, want an error and dst as it was", name, got, err)
		}
	}
}
