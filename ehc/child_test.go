package ehc

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"math/rand"
	"reflect"
	"strings"
	"testing"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/esp"
)

// v6 is a selector of IPv6 addresses that begin with 2001:db8:: and end with
// bytes lo to hi.
func v6(protocol uint8, lo, hi byte, ports ...uint16) Selector {
	a := h("20010db80000000000000000000000 00")
	b := bytes.Clone(a)
	a[15], b[15] = lo, hi
	s := Selector{Type: TSIPv6Range, Protocol: protocol, EndPort: 0xffff, Start: esp.AddrFromSlice(a), End: esp.AddrFromSlice(b)}
	if len(ports) > 0 {
		s.StartPort, s.EndPort = ports[0], ports[1]
	}
	return s
}

func v4(protocol uint8, lo, hi string, ports ...uint16) Selector {
	s := Selector{Type: TSIPv4Range, Protocol: protocol, EndPort: 0xffff, Start: esp.AddrFromSlice(h(lo)), End: esp.AddrFromSlice(h(hi))}
	if len(ports) > 0 {
		s.StartPort, s.EndPort = ports[0], ports[1]
	}
	return s
}

func childPolicies() (ini, res ChildPolicy) {
	diet := AnyPolicy(DialectHCP)
	ini = ChildPolicy{SPI: 0x1111, Local: []Selector{v6(17, 1, 1, 5683, 5683)}, Remote: []Selector{v6(17, 2, 2, 5683, 5683)}, Diet: &diet,
		Algorithms: []esp.Algorithm{{Encr: esp.EncrAESCCM8IIV, KeyBits: 128}, {Encr: esp.EncrAESGCM16, KeyBits: 128}, {Encr: esp.EncrAESCBC, KeyBits: 256, Integ: esp.IntegHMACSHA2256128}},
		ESN:        []bool{false, true}}
	other := diet
	res = ChildPolicy{SPI: 0x2222, Local: []Selector{v6(0, 2, 2)}, Remote: []Selector{v6(0, 0, 255)}, Diet: &other,
		Algorithms: []esp.Algorithm{{Encr: esp.EncrAESGCM16, KeyBits: 128}, {Encr: esp.EncrAESCCM8IIV, KeyBits: 128}}, ESN: []bool{true, false}}
	return ini, res
}

// exchange runs a CREATE_CHILD_SA exchange.
func exchange(ini, res *ChildPolicy) (a, b Child, request, answer Chain, err error) {
	if err = ini.AppendRequest(&request, []byte("nonce of the initiator")); err != nil {
		return a, b, request, answer, err
	}
	if b, err = res.Answer(&answer, request.First, request.Bytes, []byte("nonce of the responder")); err != nil {
		return a, b, request, answer, err
	}
	a, err = ini.Accept(request.First, request.Bytes, answer.First, answer.Bytes)
	return a, b, request, answer, err
}

// agree reports whether the ends of a pair of SAs fit.
func agree(a, b *Child) bool {
	return a.Initiator && !b.Initiator && a.Algorithm == b.Algorithm && a.ESN == b.ESN && a.Group == b.Group && a.Mode == b.Mode &&
		a.OutSPI == b.InSPI && a.InSPI == b.OutSPI && reflect.DeepEqual(a.Local, b.Remote) && reflect.DeepEqual(a.Remote, b.Local) &&
		a.Diet == b.Diet && reflect.DeepEqual(a.Out, b.In) && reflect.DeepEqual(a.In, b.Out)
}

func TestChild(t *testing.T) {
	ini, res := childPolicies()
	a, b, request, answer, err := exchange(&ini, &res)
	if err != nil || !agree(&a, &b) || !a.Diet {
		t.Fatalf("%v: %+v, %+v", err, a, b)
	}
	if a.Algorithm.String() != "aes128gcm16" || !a.ESN || a.Mode != esp.ModeTunnel || a.OutSPI != 0x2222 {
		t.Errorf("%+v", a)
	}
	want := dietesp.Selectors{SrcStart: v6(0, 1, 1).Start, SrcEnd: v6(0, 1, 1).Start, DstStart: v6(0, 2, 2).Start, DstEnd: v6(0, 2, 2).Start, Version: 6,
		Protocols: []uint8{17}, SrcPortStart: 5683, SrcPortEnd: 5683, DstPortStart: 5683, DstPortEnd: 5683}
	if !reflect.DeepEqual(a.Out.Selectors, want) {
		t.Errorf("selectors %+v, want %+v", a.Out.Selectors, want)
	}
	out, in := a.Configs(v6(0, 9, 9).Start, v6(0, 8, 8).Start)
	if out.SPI != 0x2222 || in.SPI != 0x1111 || !out.ESN || out.Src != in.Dst || out.Src != v6(0, 9, 9).Start {
		t.Errorf("%+v, %+v", out, in)
	}
	// The payloads stand as the comment says.
	var types []uint8
	l := NewPayloads(request.First, request.Bytes)
	for {
		p, ok, err := l.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		types = append(types, p.Type)
	}
	if !bytes.Equal(types, []uint8{PayloadNotify, PayloadSA, PayloadNonce, PayloadTSi, PayloadTSr}) {
		t.Errorf("payloads %d", types)
	}
	if l := NewPayloads(answer.First, answer.Bytes); l.next != PayloadNotify {
		t.Errorf("the answer begins with %d", l.next)
	}
	// Keys: both ends take the same out of the keying material.
	keymat, err := AppendKeymat([]byte{1}, a.KeymatLen(), hmac.New(sha256.New, make([]byte, 32)), []byte("ni"), []byte("nr"))
	if err != nil || len(keymat) != 41 {
		t.Fatal(keymat, err)
	}
	ao, ai, err1 := a.Split(keymat[1:])
	bo, bi, err2 := b.Split(keymat[1:])
	if err1 != nil || err2 != nil || !reflect.DeepEqual(ao, bi) || !reflect.DeepEqual(ai, bo) || bytes.Equal(ao.Encr, ai.Encr) {
		t.Errorf("%x %x %x %x", ao, ai, bo, bi)
	}
	if _, _, err := a.Split(keymat[2:]); class(err) != ErrTruncated {
		t.Errorf("Split of too little: %v", err)
	}
}

// TestChildVariants: what policies say comes about, or is refused with the right
// notify.
func TestChildVariants(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(ini, res *ChildPolicy)
		want   func(c *Child) bool
		text   string // of the refusal
		notify uint16
	}{
		{"the responder has no Diet-ESP", func(_, res *ChildPolicy) { res.Diet = nil }, func(c *Child) bool { return !c.Diet }, "", 0},
		{"the initiator has none", func(ini, _ *ChildPolicy) { ini.Diet = nil }, func(c *Child) bool { return !c.Diet }, "", 0},
		{"the initiator wants nothing else", func(ini, res *ChildPolicy) { res.Diet, ini.DietOnly = nil, true }, nil, "the answer says nothing of Diet-ESP", 0},
		{"the responder wants nothing else", func(ini, res *ChildPolicy) { ini.Diet, res.DietOnly = nil, true }, nil, "no offer of Diet-ESP", 14},
		{"no values in common", func(ini, res *ChildPolicy) {
			ini.Diet, res.Diet = &Policy{}, &Policy{Sets: []Set{{SPILSB: []uint8{8}}}}
		}, func(c *Child) bool { return !c.Diet }, "", 0},
		{"no values in common, nothing else", func(ini, res *ChildPolicy) {
			ini.Diet, res.Diet, res.DietOnly = &Policy{}, &Policy{Sets: []Set{{SPILSB: []uint8{8}}}}, true
		}, nil, "esp_spi_lsb: no value in common", 14},
		{"EHC, nothing else", func(ini, res *ChildPolicy) {
			ini.Diet, res.Diet, res.DietOnly = &Policy{Dialect: DialectEHC}, &Policy{Dialect: DialectEHC, Sets: []Set{{SPILSB: []uint8{8}}}}, true
		}, nil, "esp_spi_lsb: no value in common", 0x2ec1},
		{"transport", func(ini, res *ChildPolicy) {
			ini.Modes, res.Modes = []esp.Mode{esp.ModeTransport, esp.ModeTunnel}, []esp.Mode{esp.ModeTunnel, esp.ModeTransport}
		}, func(c *Child) bool { return c.Mode == esp.ModeTransport && c.Diet }, "", 0},
		{"transport declined", func(ini, res *ChildPolicy) { ini.Modes = []esp.Mode{esp.ModeTransport, esp.ModeTunnel} }, func(c *Child) bool { return c.Mode == esp.ModeTunnel }, "", 0},
		{"transport only, declined", func(ini, res *ChildPolicy) { ini.Modes = []esp.Mode{esp.ModeTransport} }, nil, "the mode was not offered, or", 0},
		{"transport only at the responder", func(ini, res *ChildPolicy) { res.Modes = []esp.Mode{esp.ModeTransport} }, nil, "the policy does not allow the mode", 14},
		{"no algorithm", func(ini, res *ChildPolicy) {
			res.Algorithms = []esp.Algorithm{{Encr: esp.EncrChaCha20Poly1305}}
		}, nil, "no ESP proposal of the SA payload is acceptable", 14},
		{"CBC", func(ini, res *ChildPolicy) { res.Algorithms = ini.Algorithms[2:] }, func(c *Child) bool { return c.Algorithm.String() == "aes256cbc-sha256" }, "", 0},
		{"ESN not offered", func(ini, res *ChildPolicy) { ini.ESN, res.ESN = nil, []bool{true} }, nil, "no ESP proposal", 14},
		{"key exchange", func(ini, res *ChildPolicy) { ini.Groups, res.Groups = []uint16{31, 19}, []uint16{19, 31} }, func(c *Child) bool { return c.Group == 19 }, "", 0},
		{"key exchange or not", func(ini, res *ChildPolicy) { ini.Groups = []uint16{31, 0} }, func(c *Child) bool { return c.Group == 0 }, "", 0},
		{"key exchange declined", func(ini, res *ChildPolicy) { ini.Groups = []uint16{31} }, nil, "no ESP proposal", 14},
		{"key exchange not offered", func(ini, res *ChildPolicy) { res.Groups = []uint16{31} }, nil, "no ESP proposal", 14},
		{"selectors apart", func(ini, res *ChildPolicy) { res.Local = []Selector{v6(0, 3, 9)} }, nil, "no traffic selector is acceptable", 38},
		{"other protocol", func(ini, res *ChildPolicy) { res.Local = []Selector{v6(6, 2, 2)} }, nil, "no traffic selector", 38},
		{"narrowed", func(ini, res *ChildPolicy) {
			ini.Local, res.Remote = []Selector{v6(0, 0, 100)}, []Selector{v6(17, 50, 200, 1000, 2000)}
		}, func(c *Child) bool {
			return reflect.DeepEqual(c.Remote, []Selector{v6(17, 50, 100, 1000, 2000)}) || reflect.DeepEqual(c.Local, []Selector{v6(17, 50, 100, 1000, 2000)})
		}, "", 0},
		{"the first one and more", func(ini, res *ChildPolicy) {
			ini.Local = []Selector{v6(17, 7, 7, 9, 9), v6(0, 0, 100)}
		}, func(c *Child) bool {
			return reflect.DeepEqual(c.Remote, []Selector{v6(0, 0, 100)}) || reflect.DeepEqual(c.Local, []Selector{v6(0, 0, 100)})
		}, "", 0},
		{"IPv4 where IPv6 is not allowed", func(ini, res *ChildPolicy) {
			ini.Local, ini.Remote = append(ini.Local, v4(0, "0a000001", "0a000001")), append(ini.Remote, v4(0, "0a000002", "0a000002"))
			res.Local, res.Remote = []Selector{v4(0, "00000000", "ffffffff")}, []Selector{v4(0, "00000000", "ffffffff")}
		}, func(c *Child) bool { return c.Out.Selectors.Version == 4 && c.Diet }, "", 0},
		{"DSCPs", func(ini, res *ChildPolicy) {
			ini.DSCPs, res.DSCPs = []uint8{46, 10, 0}, []uint8{10, 46}
			d := Policy{Sets: []Set{{DSCP: []dietesp.Action{dietesp.ActionSA}}}}
			ini.Diet, res.Diet = &d, &d
		}, func(c *Child) bool {
			return c.Out.DSCP == dietesp.ActionSA && bytes.Equal(c.Out.DSCPs, []byte{46, 10}) && bytes.Equal(c.In.DSCPs, []byte{46, 10})
		}, "", 0},
		{"no DSCPs in common", func(ini, res *ChildPolicy) {
			ini.DSCPs, res.DSCPs = []uint8{46}, []uint8{10}
			d := Policy{Sets: []Set{{DSCP: []dietesp.Action{dietesp.ActionSA}}}}
			ini.Diet, res.Diet, res.DietOnly = &d, &d, true
		}, nil, "no DSCPs in common", 14},
		{"DSCPs that no one knows", func(ini, res *ChildPolicy) { ini.DSCPs = []uint8{46} }, func(c *Child) bool { return c.Diet && c.Out.DSCPs == nil }, "", 0},
	} {
		ini, res := childPolicies()
		tt.change(&ini, &res)
		a, b, request, answer, err := exchange(&ini, &res)
		if tt.want != nil {
			if err != nil || !agree(&a, &b) || !tt.want(&a) || !tt.want(&b) {
				t.Errorf("%s: %v: %+v, %+v", tt.name, err, a, b)
			}
			continue
		}
		if class(err) != ErrRefused || !strings.Contains(err.Error(), tt.text) || err.(*NegotiationError).Notify != tt.notify {
			t.Errorf("%s: %v, want %s, notify %d", tt.name, err, tt.text, tt.notify)
			continue
		}
		if tt.notify == 0 {
			continue // at the initiator
		}
		if len(answer.Bytes) != 0 {
			t.Errorf("%s: Answer changed the chain", tt.name)
		}
		if err := res.AppendFailure(&answer, err); err != nil {
			t.Errorf("%s: AppendFailure: %v", tt.name, err)
		}
		p, _, err := ParsePayload(PayloadNotify, answer.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := ParseNotify(p.Body); err != nil || n.Type != tt.notify {
			t.Errorf("%s: AppendFailure gives %x", tt.name, answer.Bytes)
		}
		if _, err := ini.Accept(request.First, request.Bytes, answer.First, answer.Bytes); class(err) != ErrRefused {
			t.Errorf("%s: Accept of the failure: %v", tt.name, err)
		}
	}
}

// TestAcceptChildRefuses: an answer that was not offered.
func TestAcceptChildRefuses(t *testing.T) {
	ini, res := childPolicies()
	var request Chain
	if err := ini.AppendRequest(&request, []byte("nonce")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(q *payloads)
		text   string
	}{
		{"right", func(q *payloads) {}, ""},
		{"another proposal number", func(q *payloads) { q.sa[4] = 9 }, "an SA proposal that was not offered"},
		{"AH", func(q *payloads) { q.sa[5] = ProtocolAH }, "an SA proposal that was not offered"},
		{"a reserved SPI", func(q *payloads) { copy(q.sa[8:], []byte{0, 0, 0, 1}) }, "an SA proposal that was not offered"},
		{"another cipher", func(q *payloads) { q.sa[19] = 18 }, "a transform that was not offered"},
		{"another key", func(q *payloads) { q.sa[22] = 1 }, "a transform that was not offered"},
		{"another transform type", func(q *payloads) { q.sa[28] = 2 }, "not one transform of every type"},
		{"a type twice", func(q *payloads) { q.sa[28] = 1 }, "not one transform of every type"},
		{"wider selectors", func(q *payloads) { q.tsi = []Selector{v6(17, 0, 1, 5683, 5683)} }, "traffic selectors that were not offered"},
		{"more ports", func(q *payloads) { q.tsr = []Selector{v6(17, 2, 2, 5683, 5684)} }, "traffic selectors that were not offered"},
		{"any protocol", func(q *payloads) { q.tsr = []Selector{v6(0, 2, 2, 5683, 5683)} }, "traffic selectors that were not offered"},
		{"transport", func(q *payloads) { q.transport = true }, "the mode was not offered"},
		{"Diet-ESP that was not offered", func(q *payloads) { q.diet = notifyOf(hcpType, "09 00 0000") }, "a proposal that was not offered"},
		{"several selectors", func(q *payloads) {
			q.tsi = []Selector{v6(17, 1, 1, 5683, 5683), v6(17, 1, 1, 5683, 5683), v6(17, 1, 1, 5683, 5683)}
		}, ""},
	} {
		var chain, answer Chain
		if _, err := res.Answer(&chain, request.First, request.Bytes, []byte("nonce")); err != nil {
			t.Fatal(err)
		}
		q, err := ini.parsePayloads(chain.First, bytes.Clone(chain.Bytes))
		if err != nil {
			t.Fatal(err)
		}
		tt.change(&q)
		if err := ini.appendPayloads(&answer, q); err != nil {
			t.Fatal(err)
		}
		_, err = ini.Accept(request.First, request.Bytes, answer.First, answer.Bytes)
		if tt.text == "" && err != nil || tt.text != "" && (class(err) != ErrRefused || !strings.Contains(err.Error(), tt.text)) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.text)
		}
	}
}

// TestSelectors: what Diet-ESP can have as its one traffic selector.
func TestSelectors(t *testing.T) {
	dscp := Selector{Type: 241, DSCPs: []byte{1}}
	for _, tt := range []struct {
		name      string
		src, dst  []Selector
		protocols []uint8
		ok        bool
	}{
		{"one", []Selector{v6(17, 1, 1)}, []Selector{v6(17, 2, 2)}, []uint8{17}, true},
		{"any", []Selector{v6(0, 1, 1)}, []Selector{v6(0, 2, 2)}, nil, true},
		{"the protocol of one end", []Selector{v6(0, 1, 1)}, []Selector{v6(6, 2, 2)}, []uint8{6}, true},
		{"a list of protocols", []Selector{v6(17, 1, 1), v6(6, 1, 1), v6(1, 1, 1)}, []Selector{v6(6, 2, 2), v6(17, 2, 2)}, []uint8{17, 6}, true},
		{"with TS_DSCP", []Selector{v6(17, 1, 1), dscp}, []Selector{v6(17, 2, 2)}, []uint8{17}, true},
		{"two protocols", []Selector{v6(17, 1, 1)}, []Selector{v6(6, 2, 2)}, nil, false},
		{"two ranges", []Selector{v6(17, 1, 1), v6(17, 3, 3)}, []Selector{v6(17, 2, 2)}, nil, false},
		{"two IP versions", []Selector{v6(17, 1, 1)}, []Selector{v4(17, "0a000001", "0a000001")}, nil, false},
		{"OPAQUE", []Selector{v6(17, 1, 1, 0xffff, 0)}, []Selector{v6(17, 2, 2)}, nil, false},
		{"no addresses", []Selector{dscp}, []Selector{v6(17, 2, 2)}, nil, false},
	} {
		s, ok := selectors(tt.src, tt.dst)
		if ok != tt.ok || ok && !bytes.Equal(s.Protocols, tt.protocols) {
			t.Errorf("%s: %+v, %v", tt.name, s, ok)
		}
	}
}

func TestTS(t *testing.T) {
	list := []Selector{
		v6(17, 1, 9, 5683, 5684), v4(0, "0a000000", "0a0000ff"), {Type: 241, DSCPs: []byte{0, 10, 46}}, {Type: 9, Protocol: 5, Other: []byte{1, 2, 3}},
		v6(1, 0, 0, 0xffff, 0),
	}
	const want = "05000000" +
		"08110028 16331634 20010db8000000000000000000000001 20010db8000000000000000000000009" +
		"07000010 0000ffff 0a000000 0a0000ff" +
		"f1000007 000a2e" + "09050007 010203" +
		"08010028 ffff0000 20010db8000000000000000000000000 20010db8000000000000000000000000"
	got, err := AppendTS([]byte{7}, list, Numbers{})
	if err != nil || !bytes.Equal(got, append([]byte{7}, h(want)...)) {
		t.Fatalf("AppendTS = %x, %v, want %s", got, err, want)
	}
	back, err := ParseTS(nil, got[1:], Numbers{})
	if err != nil || !reflect.DeepEqual(back, list) {
		t.Errorf("ParseTS = %+v, %v", back, err)
	}
	for _, tt := range []struct {
		name, ts string
		want     Error
	}{
		{"nothing", "", ErrTruncated},
		{"no selector", "00000000", ErrMalformed},
		{"two where one is", "02000000 07000010 0000ffff 0a000000 0a0000ff", ErrTruncated},
		{"bytes behind it", "01000000 07000010 0000ffff 0a000000 0a0000ff 00", ErrMalformed},
		{"too long", "01000000 07000011 0000ffff 0a000000 0a0000ff", ErrTruncated},
		{"a length of IPv4 that cannot be", "01000000 0700000f 0000ffff 0a000000 0a0000", ErrMalformed},
		{"no length", "01000000 07000003", ErrMalformed},
		{"addresses upside down", "01000000 07000010 0000ffff 0a000001 0a000000", ErrMalformed},
		{"ports upside down", "01000000 07000010 00020001 0a000001 0a000001", ErrMalformed},
		{"no DSCP", "01000000 f1000004", ErrMalformed},
		{"DSCPs not in order", "01000000 f1000006 0201", ErrMalformed},
		{"a DSCP twice", "01000000 f1000006 0101", ErrMalformed},
		{"a DSCP too large", "01000000 f1000005 40", ErrMalformed},
	} {
		if got, err := ParseTS(nil, h(tt.ts), Numbers{}); class(err) != tt.want || got != nil {
			t.Errorf("%s: %+v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
	for _, s := range [][]Selector{nil, make([]Selector, 256), {{Type: 7}}, {{Type: 241}}, {v6(0, 2, 1)}} {
		if got, err := AppendTS([]byte{1}, s, Numbers{}); class(err) != ErrMalformed || len(got) != 1 {
			t.Errorf("AppendTS(%+v) = %x, %v", s, got, err)
		}
	}
}

func TestSA(t *testing.T) {
	// Two proposals, as the example of RFC 7296, Section 3.3, has them.
	const sa = "02 00 0044 01 03 04 06 052357bb" +
		"03 00 000c 01 00 000c 800e0080" + "03 00 000c 01 00 000c 800e00c0" + "03 00 0008 03 00 0002" + "03 00 0008 03 00 0005" + "03 00 0008 05 00 0001" + "00 00 0008 05 00 0000" +
		"00 00 0028 02 03 04 03 35a1d6f2" +
		"03 00 000c 01 00 0012 800e0080" + "03 00 0008 05 00 0001" + "00 00 0008 05 00 0000"
	list, err := ParseSA(nil, h(sa))
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	all := make([][]Transform, 2)
	for i := range list {
		list[i].Each(func(t Transform) { all[i] = append(all[i], t) })
	}
	again, err := AppendSA(nil, list, func(i int) []Transform { return all[i] })
	if err != nil || !bytes.Equal(again, h(sa)) {
		t.Errorf("AppendSA = %x, %v, want %s", again, err, sa)
	}
	if all[0][1] != (Transform{Type: TransformEncr, ID: 12, KeyBits: 192}) || list[1].Num != 2 || !bytes.Equal(list[1].SPI, h("35a1d6f2")) {
		t.Errorf("%+v", all)
	}
	p := ChildPolicy{SPI: 0x300, Algorithms: []esp.Algorithm{{Encr: esp.EncrAESCBC, KeyBits: 192, Integ: esp.IntegHMACSHA196}, {Encr: esp.EncrAESGCM8, KeyBits: 128}}, ESN: []bool{false, true}}
	out, s, spi, err := p.selectSA(nil, h(sa))
	if want := h("00 00 0028 01 03 04 03 00000300 03 00 000c 01 00 000c 800e00c0 03 00 0008 03 00 0002 00 00 0008 05 00 0000"); err != nil || !bytes.Equal(out, want) {
		t.Errorf("selectSA = %x, %v, want %x", out, err, want)
	}
	if s.alg != p.Algorithms[0] || s.esn || spi != 0x052357bb {
		t.Errorf("%+v, %x", s, spi)
	}
	const one = "00 00 0028 01 03 04 03 052357bb 03 00 000c 01 00 0014 800e0080 03 00 0008 03 00 0000 00 00 0008 05 00 0000"
	for _, tt := range []struct {
		name, from, to string
		want           Error // 0: it parses; the proposal is acceptable if ok
		ok             bool
	}{
		{"INTEG of NONE", "", "", 0, true},
		{"another last", "00 00 0028", "01 00 0028", ErrMalformed, false},
		{"a proposal too long", "00 00 0028", "00 00 0029", ErrTruncated, false},
		{"bytes behind it", "00 00 0028", "00 00 0027", ErrMalformed, false},
		{"fewer transforms", "04 03 0523", "04 02 0523", ErrMalformed, false},
		{"more transforms", "04 03 0523", "04 04 0523", ErrMalformed, false},
		{"a transform too short", "03 00 000c", "03 00 0007", ErrMalformed, false},
		{"an attribute ends early", "800e0080", "000e0080", ErrTruncated, false},
		{"an unknown attribute", "800e0080", "800f0080", 0, false},
		{"an unknown transform type", "0008 05", "0008 06", 0, false},
		{"HMAC with GCM", "03 00 0000", "03 00 000c", 0, false},
		{"no SPI", "04 03 052357bb", "00 03", ErrTruncated, false},
		{"a reserved SPI", "052357bb", "000000ff", 0, false},
		{"IKE", "01 03 04", "01 01 04", 0, false},
		{"no ESN transform", "05 00 0000", "03 00 0001", 0, false},
	} {
		text := strings.Replace(one, tt.from, tt.to, 1)
		p := ChildPolicy{SPI: 0x300}
		_, _, _, err := p.selectSA(nil, h(text))
		want := tt.want
		if want == 0 && !tt.ok {
			want = ErrRefused
		}
		if class(err) != want {
			t.Errorf("%s: %v, want %v", tt.name, err, want)
		}
	}
	if _, err := AppendSA(nil, []SAProposal{{Num: 1}, {Num: 3}}, func(int) []Transform { return make([]Transform, 1) }); class(err) != ErrMalformed {
		t.Errorf("AppendSA with numbers apart: %v", err)
	}
}

func TestNeighbours(t *testing.T) {
	type result struct {
		got any
		err error
	}
	r := func(got any, err error) result { return result{got, err} }
	rekey := func(s string) result {
		spi, ike, err := ParseOptimizedRekey(h(s))
		return r([]any{spi, ike}, err)
	}
	for _, tt := range []struct {
		name string
		got  result
		want any // nil: an error
	}{
		{"DSCP", r(ParseDSCP(h("0a2e00"))), h("0a2e00")},
		{"DSCP, none", r(ParseDSCP(h(""))), h("")},
		{"DSCP too large", r(ParseDSCP(h("40"))), nil},
		{"DSCP twice", r(ParseDSCP(h("0a0a"))), nil},
		{"OPTIMIZED_REKEY, IKE", rekey("0102030405060708"), []any{uint64(0x0102030405060708), true}},
		{"OPTIMIZED_REKEY, Child", rekey("01020304"), []any{uint64(0x01020304), false}},
		{"OPTIMIZED_REKEY, reserved", rekey("000000ff"), nil},
		{"OPTIMIZED_REKEY, zero", rekey("0000000000000000"), nil},
		{"OPTIMIZED_REKEY, empty", rekey(""), nil},
		{"IPCOMP_SUPPORTED", r(ParseIPComp(h("012303"))), IPComp{CPI: 0x123, Transform: 3}},
		{"IPCOMP_SUPPORTED, attributes", r(ParseIPComp(h("012303aa"))), IPComp{CPI: 0x123, Transform: 3, Attributes: h("aa")}},
		{"IPCOMP_SUPPORTED, CPI 0", r(ParseIPComp(h("000003"))), nil},
		{"IPCOMP_SUPPORTED, short", r(ParseIPComp(h("0123"))), nil},
		{"LMAP", r(ParseLMAP(h("6fff0500"))), LMAP{IPVersion: 6, FragLen: 0x500}},
		{"LMAP, version 5", r(ParseLMAP(h("50000500"))), nil},
		{"LMAP, short", r(ParseLMAP(h("400005"))), nil},
		{"LMAP, long", r(ParseLMAP(h("4000050000"))), nil},
		{"PTB", r(ParsePTB(h("000005dc00010000"))), PTB{LMTU: 1500, EMTUR: 65536}},
		{"PTB, short", r(ParsePTB(h("000005dc000100"))), nil},
		{"PTB, long", r(ParsePTB(h("000005dc0001000000"))), nil},
		{"SEPARATE_TRANSPORTS", r(0, ParseEmpty(nil)), 0},
		{"SEPARATE_TRANSPORTS with data", r(0, ParseEmpty(h("00"))), nil},
	} {
		if tt.want == nil {
			if tt.got.err == nil {
				t.Errorf("%s: %v, want an error", tt.name, tt.got.got)
			}
		} else if tt.got.err != nil || !reflect.DeepEqual(tt.got.got, tt.want) {
			t.Errorf("%s: %v, %v, want %v", tt.name, tt.got.got, tt.got.err, tt.want)
		}
	}
	p := []byte{7}
	for _, tt := range []struct {
		name string
		got  result
		want string // "": an error
	}{
		{"DSCP", r(AppendDSCP(p, []byte{10})), "070a"},
		{"DSCP too large", r(AppendDSCP(p, []byte{64})), ""},
		{"OPTIMIZED_REKEY", r(AppendOptimizedRekey(p, 0x100, false)), "0700000100"},
		{"OPTIMIZED_REKEY, IKE", r(AppendOptimizedRekey(p, 1, true)), "070000000000000001"},
		{"OPTIMIZED_REKEY, too large", r(AppendOptimizedRekey(p, 1<<32, false)), ""},
		{"OPTIMIZED_REKEY, reserved", r(AppendOptimizedRekey(p, 1, false)), ""},
		{"IPCOMP_SUPPORTED", r(AppendIPComp(p, IPComp{CPI: 0x123, Transform: 2, Attributes: []byte{9}})), "0701230209"},
		{"IPCOMP_SUPPORTED, none", r(AppendIPComp(p, IPComp{CPI: 1})), ""},
		{"LMAP", r(AppendLMAP(p, LMAP{IPVersion: 4, FragLen: 1280})), "0740000500"},
		{"LMAP, no version", r(AppendLMAP(p, LMAP{})), ""},
		{"PTB", r(AppendPTB(p, PTB{LMTU: 1280, EMTUR: 1500}), nil), "0700000500000005dc"},
	} {
		if tt.want == "" {
			if class(tt.got.err) != ErrMalformed || !bytes.Equal(tt.got.got.([]byte), p) {
				t.Errorf("%s: %x, %v, want an error", tt.name, tt.got.got, tt.got.err)
			}
		} else if tt.got.err != nil || hex.EncodeToString(tt.got.got.([]byte)) != tt.want {
			t.Errorf("%s: %x, %v, want %s", tt.name, tt.got.got, tt.got.err, tt.want)
		}
	}
	l4, l6 := LMAP{IPVersion: 4, FragLen: 1300}, LMAP{IPVersion: 6, FragLen: 1300}
	if l4.AtomicPacket() != 1300 || l6.AtomicPacket() != 1340 || l6.TunnelPacket(40, 30) != 1270 || l4.TunnelPacket(1200, 200) != 0 {
		t.Error("sizes of packets")
	}
}

func TestPayloads(t *testing.T) {
	var c Chain
	if err := c.Add(PayloadNotify, h("00004007")); err != nil {
		t.Fatal(err)
	}
	if err := c.Add(PayloadNonce, h("0102")); err != nil {
		t.Fatal(err)
	}
	if c.First != PayloadNotify || !bytes.Equal(c.Bytes, h("2800000800004007 000000060102")) {
		t.Errorf("%d %x", c.First, c.Bytes)
	}
	if err := c.Add(PayloadNonce, make([]byte, 0xfffc)); class(err) != ErrMalformed || len(c.Bytes) != 14 {
		t.Errorf("a payload too long: %v", err)
	}
	for _, tt := range []struct {
		name, chain string
		first       uint8
		want        Error
	}{
		{"none", "", 0, 0},
		{"bytes and no payload", "00", 0, ErrMalformed},
		{"a payload and no bytes", "", 41, ErrTruncated},
		{"one missing", "29000004", 41, ErrTruncated},
		{"too short", "00000003", 41, ErrMalformed},
		{"bytes behind the last", "0000000400", 41, ErrMalformed},
		{"behind SK", "2900000400000004", PayloadSK, ErrMalformed},
		{"SK names what is inside", "29000004", PayloadSK, 0},
		{"too many", strings.Repeat("29000004", 65), 41, ErrRefused},
	} {
		l := NewPayloads(tt.first, h(tt.chain))
		var err error
		for ok := true; ok && err == nil; {
			_, ok, err = l.Next()
		}
		if class(err) != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	if n, err := ParseNotify(h("0304 4009 11223344 55")); err != nil || n.Protocol != 3 || n.Type != NotifyRekeySA || !bytes.Equal(n.SPI, h("11223344")) || !bytes.Equal(n.Data, h("55")) {
		t.Errorf("%+v, %v", n, err)
	}
	if n, err := ParseNotify(h("0300 4009")); err != nil || n.Protocol != 0 {
		t.Errorf("the protocol without an SPI: %+v, %v", n, err)
	}
	if _, err := ParseNotify(h("0304 4009 112233")); class(err) != ErrTruncated {
		t.Errorf("the SPI ends early: %v", err)
	}
	for _, n := range []Notify{{Protocol: 3}, {SPI: []byte{1}}, {Protocol: 3, SPI: make([]byte, 256)}} {
		if _, err := AppendNotify(nil, n); class(err) != ErrMalformed {
			t.Errorf("AppendNotify(%+v): %v", n, err)
		}
	}
	// An unknown payload is skipped, unless it is critical.
	p := ChildPolicy{}
	if _, err := p.parsePayloads(49, h("00000004")); err != nil {
		t.Errorf("an unknown payload: %v", err)
	}
	if _, err := p.parsePayloads(49, h("00800004")); class(err) != ErrUnsupported || err.(*NegotiationError).Notify != NotifyUnsupportedCriticalPayload {
		t.Errorf("a critical one: %v", err)
	}
	if _, err := p.parsePayloads(PayloadVendor, h("00800004")); err != nil {
		t.Errorf("a known one: %v", err)
	}
}

func TestAttribute(t *testing.T) {
	for _, tt := range []struct {
		a    Attribute
		want string
	}{
		{Attribute{Type: 14, Short: true, Value: 128}, "800e0080"},
		{Attribute{Type: 0x7fff, Short: true, Value: 0xffff}, "ffffffff"},
		{Attribute{Type: 14, Data: []byte{1, 2, 3}}, "000e0003010203"},
		{Attribute{Type: 0, Data: []byte{}}, "00000000"},
	} {
		got, err := AppendAttribute([]byte{1}, tt.a)
		if err != nil || hex.EncodeToString(got) != "01"+tt.want {
			t.Errorf("AppendAttribute(%+v) = %x, %v", tt.a, got, err)
		}
		a, rest, err := ParseAttribute(append(got[1:], 9))
		if err != nil || !reflect.DeepEqual(a, tt.a) || !bytes.Equal(rest, []byte{9}) {
			t.Errorf("ParseAttribute(%x) = %+v, %x, %v", got[1:], a, rest, err)
		}
		for n := range got[1:] {
			if _, _, err := ParseAttribute(got[1 : 1+n]); class(err) != ErrTruncated {
				t.Errorf("ParseAttribute(%x): %v", got[1:1+n], err)
			}
		}
	}
	for _, a := range []Attribute{{Type: 0x8000}, {Data: make([]byte, 0x10000)}, {Short: true, Data: []byte{1}}} {
		if got, err := AppendAttribute([]byte{1}, a); class(err) != ErrMalformed || len(got) != 1 {
			t.Errorf("AppendAttribute(%d): %x, %v", a.Type, got, err)
		}
	}
}

// TestKeymat: prf+ as the RFC writes it down, block by block.
func TestKeymat(t *testing.T) {
	key, s := []byte("key"), []byte("seed")
	prf := func(parts ...[]byte) []byte {
		m := hmac.New(sha256.New, key)
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	t1 := prf(s, []byte{1})
	t2 := prf(t1, s, []byte{2})
	t3 := prf(t2, s, []byte{3})
	want := append(append(t1, t2...), t3...)
	for n := 0; n <= len(want); n++ {
		got, err := AppendKeymat([]byte{5}, n, hmac.New(sha256.New, key), s[:1], s[1:])
		if err != nil || !bytes.Equal(got[1:], want[:n]) {
			t.Fatalf("%d: %x, %v, want %x", n, got, err, want[:n])
		}
	}
	if _, err := AppendKeymat(nil, 255*32, hmac.New(sha256.New, key)); err != nil {
		t.Error(err)
	}
	if _, err := AppendKeymat(nil, 255*32+1, hmac.New(sha256.New, key)); class(err) != ErrMalformed {
		t.Errorf("more than prf+ has: %v", err)
	}
}

// TestNarrow: what is chosen is within what was offered and what is allowed, and
// has in it what the first one offered allows.
func TestNarrow(t *testing.T) {
	const seed = 3
	r := rand.New(rand.NewSource(seed))
	random := func() Selector {
		lo, hi := byte(r.Intn(8)), byte(r.Intn(8))
		p, q := uint16(r.Intn(4)), uint16(r.Intn(4))
		return v6([]uint8{0, 6, 17}[r.Intn(3)], min(lo, hi), max(lo, hi), min(p, q), max(p, q))
	}
	// packets of a selector: protocol, last byte of the address, port.
	packets := func(s *Selector) map[[3]int]bool {
		m := map[[3]int]bool{}
		for _, proto := range []int{6, 17} {
			if s.Protocol != 0 && int(s.Protocol) != proto {
				continue
			}
			for a := int(s.Start.Bytes()[15]); a <= int(s.End.Bytes()[15]); a++ {
				for port := int(s.StartPort); port <= int(s.EndPort); port++ {
					m[[3]int{proto, a, port}] = true
				}
			}
		}
		return m
	}
	for i := 0; i < 3000; i++ {
		offered, allowed := []Selector{random(), random()}, []Selector{random(), random()}
		got, ok := narrow(offered, allowed, TSIPv6Range)
		union := func(list []Selector) map[[3]int]bool {
			m := map[[3]int]bool{}
			for i := range list {
				for k := range packets(&list[i]) {
					m[k] = true
				}
			}
			return m
		}
		o, a := union(offered), union(allowed)
		some := false
		for k := range o {
			some = some || a[k]
		}
		if ok != some {
			t.Fatalf("seed %d: narrow(%v, %v) = %v, %v", seed, offered, allowed, got, ok)
		}
		if !ok {
			continue
		}
		mine := packets(&got)
		for k := range mine {
			if !o[k] || !a[k] {
				t.Fatalf("seed %d: narrow(%v, %v) = %v, which is too much", seed, offered, allowed, got)
			}
		}
		// "a subset that includes the initiator's first choices", where all of
		// them are allowed by one selector.
		if first := packets(&offered[0]); len(first) > 0 && (offered[0].within(&allowed[0]) || offered[0].within(&allowed[1])) {
			for k := range first {
				if !mine[k] {
					t.Fatalf("seed %d: narrow(%v, %v) = %v without %v", seed, offered, allowed, got, k)
				}
			}
		}
	}
}
