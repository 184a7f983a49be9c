package ehc

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
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
	if n := len(ao.Encr); !bytes.Equal(ao.Encr, keymat[1:1+n]) { // "from the initiator to the responder are taken before"
		t.Errorf("the initiator sends with %x of %x", ao.Encr, keymat[1:])
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

// TestAnswerTSDSCP: a TS_DSCP that breaks the rules of draft-mglt-ipsecme-ts-dscp-03,
// Section 2.2, gets the notify that it names.
func TestAnswerTSDSCP(t *testing.T) {
	ini, res := childPolicies()
	ini.Local = append(ini.Local, Selector{Type: Numbers{}.Defaults().TSDSCP, DSCPs: []byte{10, 46}})
	var request Chain
	if err := ini.AppendRequest(&request, nil); err != nil {
		t.Fatal(err)
	}
	good := h("f1 00 0006 0a2e")
	at := bytes.Index(request.Bytes, good)
	for dscps, want := range map[string]uint16{"0a2e": 0, "2e0a": NotifyTSUnacceptable, "0a0a": NotifyTSUnacceptable} {
		copy(request.Bytes[at+4:], h(dscps))
		var answer Chain
		_, err := res.Answer(&answer, request.First, request.Bytes, nil)
		if (err == nil) != (want == 0) {
			t.Errorf("%s: %v", dscps, err)
		}
		if want == 0 {
			continue
		}
		if e := res.AppendFailure(&answer, err); e != nil || !bytes.Equal(answer.Bytes, append(h("00000008 0000"), uint8(want>>8), uint8(want))) {
			t.Errorf("%s: %v gives %x, %v", dscps, err, answer.Bytes, e)
		}
	}
}

// TestAcceptChildRefuses: an answer that was not offered.
func TestAcceptChildRefuses(t *testing.T) {
	ini, res := childPolicies()
	ini.Modes = []esp.Mode{esp.ModeTunnel, esp.ModeTransport}
	sa := AnyPolicy(DialectHCP)
	sa.Sets[0].DSCP = []dietesp.Action{dietesp.ActionSA}
	ini.Diet, ini.DSCPs, res.Diet, res.DSCPs = &sa, []byte{46, 10}, &sa, []byte{46, 10}
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
		{"a type is missing", func(q *payloads) {
			q.sa = q.sa[:len(q.sa)-8] // ESN
			q.sa[3], q.sa[7], q.sa[12] = uint8(len(q.sa)), 1, 0
		}, "not one transform of every type"},
		{"two proposals", func(q *payloads) {
			more := bytes.Clone(q.sa)
			more[4]++
			q.sa[0] = 2
			q.sa = append(q.sa, more...)
		}, "several proposals in the SA payload"},
		{"a type twice", func(q *payloads) { q.sa[28] = 1 }, "not one transform of every type"},
		{"wider selectors", func(q *payloads) { q.tsi = []Selector{v6(17, 0, 1, 5683, 5683)} }, "traffic selectors that were not offered"},
		{"more ports", func(q *payloads) { q.tsr = []Selector{v6(17, 2, 2, 5683, 5684)} }, "traffic selectors that were not offered"},
		{"any protocol", func(q *payloads) { q.tsr = []Selector{v6(0, 2, 2, 5683, 5683)} }, "traffic selectors that were not offered"},
		{"transport", func(q *payloads) { q.transport = true }, "the mode was not offered"},
		{"DSCPs that were not offered", func(q *payloads) { q.hasDSCPs, q.dscps = true, []byte{46, 10, 0} }, "no DSCPs in common"},
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

// TestKeymat: prf+ as the RFC writes it down, block by block.

// TestNarrow: what is chosen is within what was offered and what is allowed, and

// has in it what the first one offered allows.

// TestAcceptUnasked: an answer of Diet-ESP to a request without it.
func TestAcceptUnasked(t *testing.T) {
	ini, res := childPolicies()
	_, _, _, answer, err := exchange(&ini, &res)
	if err != nil {
		t.Fatal(err)
	}
	plain := ini
	plain.Diet = nil
	var request Chain
	if err := plain.AppendRequest(&request, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := ini.Accept(request.First, request.Bytes, answer.First, answer.Bytes); class(err) != ErrRefused || err.Error() != "ehc: Diet-ESP was not offered" {
		t.Errorf("Accept: %v", err)
	}
	if c, err := plain.Accept(request.First, request.Bytes, answer.First, answer.Bytes); err != nil || c.Diet {
		t.Errorf("Accept without a policy for it: %+v, %v", c, err)
	}
}

// TestKEPayload: a KE payload of another method than the one chosen is refused,
// and the initiator learns which one to use.
func TestKEPayload(t *testing.T) {
	ini, res := childPolicies()
	ini.Groups, res.Groups = []uint16{31, 19}, []uint16{19, 31}
	for _, tt := range []struct {
		body  string
		class Error
		group uint16
	}{{"0013 0000 aabb", 0, 0}, {"001f 0000 aabb", ErrRefused, 19}, {"0013 00", ErrTruncated, 0}} {
		var request, answer Chain
		if err := ini.AppendRequest(&request, []byte("nonce")); err != nil {
			t.Fatal(err)
		}
		if err := request.Add(PayloadKE, h(tt.body)); err != nil {
			t.Fatal(err)
		}
		c, err := res.Answer(&answer, request.First, request.Bytes, []byte("nonce"))
		if class(err) != tt.class || err == nil && c.Group != 19 {
			t.Errorf("%s: %+v, %v", tt.body, c, err)
		}
		if tt.group == 0 {
			continue
		}
		if err := res.AppendFailure(&answer, err); err != nil || !bytes.Equal(answer.Bytes, h("0000000a 00000011 0013")) {
			t.Errorf("%s: AppendFailure: %x, %v", tt.body, answer.Bytes, err)
		}
		_, err = ini.Accept(request.First, request.Bytes, answer.First, answer.Bytes)
		if n, ok := err.(*NegotiationError); !ok || n.Group != tt.group || n.Err != ErrRefused {
			t.Errorf("%s: Accept: %v", tt.body, err)
		}
	}
}

// TestAgree: attributes that package dietesp makes no Rules of are refused.
func TestAgree(t *testing.T) {
	c := Child{OutSPI: 0x1000, InSPI: 0x2000, Mode: esp.ModeTunnel, Algorithm: esp.Algorithm{Encr: esp.EncrAESGCM16, KeyBits: 128},
		Local: []Selector{v6(17, 1, 1), v6(6, 1, 1)}, Remote: []Selector{v6(17, 2, 2), v6(6, 2, 2)}}
	if err := c.agree(dietesp.DefaultAttributes(dietesp.ProfileDietESP10)); class(err) != ErrRefused || !strings.Contains(err.Error(), "ts_proto") || c.Diet {
		t.Errorf("two protocols: %v", err)
	}
	if err := c.agree(dietesp.DefaultAttributes(dietesp.ProfileEHC2023)); err != nil || !c.Diet || !bytes.Equal(c.In.Selectors.Protocols, []byte{17, 6}) {
		t.Errorf("two protocols in the profile of 2023: %+v, %v", c, err)
	}
}
