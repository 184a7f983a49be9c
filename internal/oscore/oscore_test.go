package oscore

import (
	"bytes"
	"encoding/hex"
	"math/rand"
	"strings"
	"testing"
)

// TestOption is RFC 8613, Section 6.3, and what else an option can be.
func TestOption(t *testing.T) {
	none := []byte(nil)
	for _, v := range []struct {
		value             string
		piv, context, kid []byte
	}{
		{"090525", []byte{5}, none, []byte{0x25}},
		{"0900", []byte{0}, none, []byte{}},
		{"19050544616c656b", []byte{5}, unhex(t, "44616c656b"), []byte{}},
		{"", none, none, none},
		{"0107", []byte{7}, none, none},
		{"0904636c69656e74", []byte{4}, none, []byte("client")},
		{"08", none, none, []byte{}},
		{"1000", none, []byte{}, none},
		{"1d0102030405020607aabb", []byte{1, 2, 3, 4, 5}, []byte{6, 7}, []byte{0xaa, 0xbb}},
	} {
		o, err := ParseOption(unhex(t, v.value))
		if err != nil || !same(o.PIV, v.piv) || !same(o.KIDContext, v.context) || !same(o.KID, v.kid) {
			t.Errorf("ParseOption(%s) = %+v, %v", v.value, o, err)
		}
		got, err := Option{v.piv, v.context, v.kid}.AppendBinary([]byte("pre"))
		if err != nil || string(got) != "pre"+string(unhex(t, v.value)) {
			t.Errorf("AppendBinary(%+v) = %x, %v, want %s", o, got, err, v.value)
		}
		if o.len() != len(v.value)/2 {
			t.Errorf("len(%s) = %d", v.value, o.len())
		}
	}
	for _, bad := range []string{
		"00",           // all zero flags must be an empty value
		"20", "40ff81", // reserved bits
		"06010203040506", "0701020304050607", // reserved lengths
		"0104ff", // bytes that are no kid
		"09", "0501020304",
		"10", "1002aa", "190403aabb", // kid context is cut off
	} {
		if o, err := ParseOption(unhex(t, bad)); err != ErrMalformed {
			t.Errorf("ParseOption(%s) = %+v, %v, want %v", bad, o, err, ErrMalformed)
		}
	}
	for _, o := range []Option{{PIV: make([]byte, 6)}, {PIV: []byte{}}, {KIDContext: make([]byte, 256)}} {
		if got, err := o.AppendBinary([]byte("pre")); err != ErrMalformed || string(got) != "pre" {
			t.Errorf("AppendBinary(%+v) = %x, %v, want %v", o, got, err, ErrMalformed)
		}
	}
}

// same is equality that tells nil from empty.
func same(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

// option is one CoAP option of a test message.
type option struct {
	number int
	value  string
}

// build makes a CoAP message with the token "tk".
func build(code byte, payload string, opts ...option) []byte {
	msg := []byte{0x42, code, 0x12, 0x34, 't', 'k'}
	last := 0
	for _, o := range opts {
		msg = appendOption(msg, last, o.number, []byte(o.value))
		last = o.number
	}
	if payload != "" {
		msg = append(append(msg, 0xff), payload...)
	}
	return msg
}

// TestClasses checks where each option of RFC 8613, Figure 5, and of later
// RFCs goes.
func TestClasses(t *testing.T) {
	all := []option{{1, "e"}, {3, "host"}, {4, "et"}, {5, ""}, {6, ""}, {7, "\x16\x33"}, {8, "l"}, {11, "a"}, {11, "b"}, {12, ""},
		{14, "\x01"}, {15, "q"}, {16, "\x10"}, {17, ""}, {20, "lq"}, {23, "\x06"}, {27, "\x06"}, {28, "\x09"}, {39, "coap"},
		{60, "\x09"}, {252, "echo"}, {258, "\x1a"}, {292, "rt"}, {2000, strings.Repeat("x", 300)}, {65000, "y"}}
	msg := build(1, "payload", all...)
	plain, err := AppendPlaintext(nil, msg)
	if err != nil {
		t.Fatal(err)
	}
	var inner message
	if e := inner.scan(plain[1:]); e != 0 || plain[0] != 1 || string(inner.payload) != "payload" {
		t.Fatalf("AppendPlaintext(%x) = %x", msg, plain)
	}
	numbers := func(b []byte) (n []int) {
		o := options{b: b}
		for {
			more, _ := o.next()
			if !more {
				return n
			}
			n = append(n, o.number)
		}
	}
	var wantIn, wantOut []int
	for _, o := range all {
		u := o.number == 3 || o.number == 7 || o.number == 16 || o.number == 39
		if !u {
			wantIn = append(wantIn, o.number)
		}
		if u || o.number == 6 {
			wantOut = append(wantOut, o.number)
		}
		if o.number == 8 {
			wantOut = append(wantOut, 9) // where OSCORE goes
		}
	}
	if got := numbers(plain[1:]); !equalInts(got, wantIn) {
		t.Errorf("inner options %v, want %v", got, wantIn)
	}
	outer, err := AppendOuter(nil, msg, Option{PIV: []byte{1}, KID: []byte{}})
	if err != nil {
		t.Fatal(err)
	}
	outer = append(outer, "ciphertext"...)
	m, e := parse(outer)
	if e != 0 || m.code() != codeFETCH || !equalInts(numbers(m.options), wantOut) || string(m.payload) != "ciphertext" {
		t.Errorf("AppendOuter = %x, options %v, want %v", outer, numbers(m.options), wantOut)
	}
	opt, ct, err := ParseOuter(outer)
	if err != nil || string(ct) != "ciphertext" {
		t.Fatalf("ParseOuter = %x, %v", ct, err)
	}
	if back, err := AppendMessage(nil, outer, plain, opt); err != nil || !bytes.Equal(back, msg) {
		t.Errorf("AppendMessage = %x, %v, want %x", back, err, msg)
	}
}

func equalInts(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// TestOuterInjection puts class E options outside, as a proxy could: they must
// not come out (RFC 8613, Section 8.2, step 1), and class U options must.
func TestOuterInjection(t *testing.T) {
	client, server := requestsC[0].pair(t)
	msg := build(1, "", option{3, "host"}, option{11, "a"})
	var req, sreq Request
	out, err := client.ProtectRequest(nil, msg, &req)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := parse(out)
	forged := build(codePOST, string(m.payload), option{1, "x"}, option{3, "other"}, option{6, ""}, option{9, string(m.oscore)},
		option{11, "evil"}, option{14, "\x01"}, option{23, "\x06"}, option{39, "coap"}, option{258, "\x1a"})
	want := build(1, "", option{3, "other"}, option{11, "a"}, option{39, "coap"})
	got, err := server.UnprotectRequest(nil, forged, &sreq)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("UnprotectRequest = %x, %v, want %x", got, err, want)
	}
	if sreq.Observe {
		t.Error("an outer Observe option alone registered an observation")
	}
}

// mustRequest sends a request and returns it as both ends have it.
func mustRequest(t *testing.T, client, server *Context) (req, sreq Request) {
	t.Helper()
	out, err := client.ProtectRequest(nil, build(1, ""), &req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = server.UnprotectRequest(nil, out, &sreq); err != nil {
		t.Fatal(err)
	}
	return req, sreq
}

// TestRefused checks what cannot be protected, and what is no OSCORE message.
func TestRefused(t *testing.T) {
	client, server := requestsC[0].pair(t)
	_, sreq := mustRequest(t, client, server)
	seq := client.NextSequence()
	long := build(2, strings.Repeat("x", 70000))
	for _, v := range []struct {
		name     string
		msg      []byte
		request  error
		response error
	}{
		{"empty", nil, ErrMalformed, ErrMalformed},
		{"version 2", []byte{0x80, 1, 0, 0}, ErrMalformed, ErrMalformed},
		{"token length 9", append([]byte{0x49, 1, 0, 0}, make([]byte, 9)...), ErrMalformed, ErrMalformed},
		{"cut token", []byte{0x42, 1, 0, 0, 1}, ErrMalformed, ErrMalformed},
		{"Empty message", []byte{0x40, 0, 0, 0}, ErrMalformed, ErrMalformed},
		{"code 1.01", []byte{0x40, 0x21, 0, 0}, ErrMalformed, ErrMalformed},
		{"signaling", []byte{0x40, 0xe1, 0, 0}, ErrUnsupported, ErrUnsupported},
		{"option nibble 15", []byte{0x40, 1, 0, 0, 0xf0}, ErrMalformed, ErrMalformed},
		{"length nibble 15", []byte{0x40, 1, 0, 0, 0x1f}, ErrMalformed, ErrMalformed},
		{"cut extension", []byte{0x40, 1, 0, 0, 0xd0}, ErrMalformed, ErrMalformed},
		{"cut long extension", []byte{0x40, 1, 0, 0, 0xe0, 1}, ErrMalformed, ErrMalformed},
		{"number over 65535", []byte{0x40, 1, 0, 0, 0xe0, 0xff, 0xff}, ErrMalformed, ErrMalformed},
		{"cut value", []byte{0x40, 1, 0, 0, 0xb4, 'a'}, ErrMalformed, ErrMalformed},
		{"marker without payload", []byte{0x40, 1, 0, 0, 0xff}, ErrMalformed, ErrMalformed},
		{"OSCORE within OSCORE", build(1, "", option{9, ""}), ErrMalformed, ErrMalformed},
		{"two OSCORE options", build(1, "", option{9, ""}, option{9, ""}), ErrMalformed, ErrMalformed},
		{"Proxy-Uri", build(1, "", option{35, "coap://h/"}), ErrUnsupported, ErrUnsupported},
		{"a response", build(69, ""), ErrMalformed, nil},
		{"a request", build(1, ""), nil, ErrMalformed},
		{"too long", long, ErrUnsupported, ErrMalformed},
		{"too long a response", append([]byte{0x40, 69}, long[2:]...), ErrMalformed, ErrMalformed},
	} {
		if v.name == "too long a response" {
			v.msg = append([]byte{0x42, 69}, long[2:]...)
			v.response = ErrUnsupported
		}
		if v.request != nil {
			var r Request
			if got, err := client.ProtectRequest([]byte("pre"), v.msg, &r); err != v.request || string(got) != "pre" {
				t.Errorf("%s: ProtectRequest = %x, %v, want %v", v.name, got, err, v.request)
			}
		}
		if v.response != nil {
			if got, err := server.ProtectResponse([]byte("pre"), v.msg, &sreq, false); err != v.response || string(got) != "pre" {
				t.Errorf("%s: ProtectResponse = %x, %v, want %v", v.name, got, err, v.response)
			}
		}
		if v.name != "OSCORE within OSCORE" {
			if got, err := server.UnprotectRequest([]byte("pre"), v.msg, &Request{}); err != ErrMalformed || string(got) != "pre" {
				t.Errorf("%s: UnprotectRequest = %x, %v, want %v", v.name, got, err, ErrMalformed)
			}
		}
	}
	if client.NextSequence() != seq {
		t.Errorf("refused messages used sequence numbers: %d, want %d", client.NextSequence(), seq)
	}
	// A nonce was not spent on what was refused either.
	if out, err := server.ProtectResponse(nil, build(69, ""), &sreq, false); err != nil || hex.EncodeToString(out[6:7]) != "90" {
		t.Errorf("ProtectResponse = %x, %v, want an empty OSCORE option", out, err)
	}
}

func TestWrongContext(t *testing.T) {
	client, _ := requestsC[2].pair(t) // sends its ID Context
	var req Request
	out, err := client.ProtectRequest(nil, build(1, ""), &req)
	if err != nil {
		t.Fatal(err)
	}
	p := paramsC(t, saltC, "37cbf3210017a2d3", "01", "")
	for name, change := range map[string]func(*Parameters){
		"other kid":               func(p *Parameters) { p.RecipientID = []byte{7} },
		"other ID Context":        func(p *Parameters) { p.IDContext = []byte{7} },
		"no ID Context":           func(p *Parameters) { p.IDContext = nil },
		"other secret":            func(p *Parameters) { p.MasterSecret = []byte{7} },
		"other salt":              func(p *Parameters) { p.MasterSalt = []byte{7} },
		"no salt, but the others": func(p *Parameters) { p.MasterSalt = nil },
	} {
		q := *p
		change(&q)
		s, err := NewContext(&q)
		if err != nil {
			t.Fatal(err)
		}
		want := ErrNoContext
		if strings.Contains(name, "secret") || strings.Contains(name, "salt") {
			want = ErrAuth
		}
		if got, err := s.UnprotectRequest([]byte("pre"), out, &Request{}); err != want || string(got) != "pre" {
			t.Errorf("%s: UnprotectRequest = %x, %v, want %v", name, got, err, want)
		}
	}
}

func TestParameters(t *testing.T) {
	good := Parameters{MasterSecret: []byte("secret"), SenderID: []byte("a"), RecipientID: []byte("b")}
	for name, change := range map[string]func(*Parameters){
		"no secret":           func(p *Parameters) { p.MasterSecret = nil },
		"long sender":         func(p *Parameters) { p.SenderID = make([]byte, 8) },
		"long recipient":      func(p *Parameters) { p.RecipientID = make([]byte, 8) },
		"long ID context":     func(p *Parameters) { p.IDContext = make([]byte, 256) },
		"equal IDs":           func(p *Parameters) { p.SenderID = p.RecipientID },
		"sequence":            func(p *Parameters) { p.NextSequence = 1 << 40 },
		"window":              func(p *Parameters) { p.ReplayWindow = 65 },
		"nothing to send":     func(p *Parameters) { p.SendIDContext = true },
		"both IDs empty, too": func(p *Parameters) { p.SenderID, p.RecipientID = nil, []byte{} },
	} {
		p := good
		change(&p)
		if c, err := NewContext(&p); err != ErrParameters || c != nil {
			t.Errorf("%s: NewContext = %v, %v, want %v", name, c, err, ErrParameters)
		}
	}
	for _, n := range []int{0, 1, 23, 24, 255} { // both forms of the CBOR byte string
		p := good
		p.IDContext = make([]byte, n)
		if _, err := NewContext(&p); err != nil {
			t.Errorf("ID Context of %d bytes: NewContext: %v", n, err)
		}
	}
	for e := Error(0); e < 10; e++ {
		if !strings.HasPrefix(e.Error(), "oscore: ") {
			t.Errorf("Error(%d) = %q", e, e.Error())
		}
	}
}

// TestExhausted uses the last sequence numbers, of 5 bytes.
func TestExhausted(t *testing.T) {
	p := paramsC(t, saltC, "-", "", "01")
	p.NextSequence = maxSequence - 1
	client, err := NewContext(p)
	if err != nil {
		t.Fatal(err)
	}
	_, server := requestsC[0].pair(t)
	for i := 0; i < 2; i++ {
		var req, sreq Request
		out, err := client.ProtectRequest(nil, build(1, ""), &req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := server.UnprotectRequest(nil, out, &sreq); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := client.ProtectRequest([]byte("pre"), build(1, ""), &Request{}); err != ErrExhausted || string(out) != "pre" {
		t.Errorf("ProtectRequest = %x, %v, want %v", out, err, ErrExhausted)
	}
	if client.NextSequence() != 1<<40 {
		t.Errorf("NextSequence = %d", client.NextSequence())
	}
}

// TestWindow compares the replay window with a set of numbers.
func TestWindow(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for _, size := range []uint8{1, 2, 31, 32, 33, 63, 64} {
		w := window{size: size}
		seen, top := map[uint64]bool{}, int64(-1)
		base := uint64(0)
		for i := 0; i < 5000; i++ {
			n := base + uint64(rnd.Intn(150))
			if rnd.Intn(100) == 0 {
				base += uint64(rnd.Intn(300))
			} else {
				base += uint64(rnd.Intn(2))
			}
			want := !seen[n] && int64(n) > top-int64(size)
			if got := w.fresh(n); got != want {
				t.Fatalf("size %d: fresh(%d) = %v with the right edge at %d", size, n, got, top)
			}
			if want {
				w.accept(n)
				seen[n] = true
				top = max(top, int64(n))
			}
		}
	}
}

// TestReplayNeedsAuth: a forged request must not move the window.
func TestReplayNeedsAuth(t *testing.T) {
	client, server := requestsC[0].pair(t)
	var req Request
	out, err := client.ProtectRequest(nil, build(1, ""), &req)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(out)*8; i++ {
		out[i/8] ^= 0x80 >> uint(i%8)
		got, err := server.UnprotectRequest(nil, out, &Request{})
		out[i/8] ^= 0x80 >> uint(i%8)
		if err == nil && i >= 6*8 { // bits of header and token are not protected
			t.Fatalf("bit %d flipped: UnprotectRequest = %x", i, got)
		}
		if err == nil {
			server.replay = window{size: 32}
		} else if server.replay.next != 0 {
			t.Fatalf("bit %d flipped: the replay window moved", i)
		}
	}
	if _, err := server.UnprotectRequest(nil, out, &Request{}); err != nil {
		t.Fatalf("UnprotectRequest: %v", err)
	}
}

// TestObserve registers an observation and checks the rules of RFC 8613,
// Sections 4.1.3.5 and 7.4.1, for its notifications.
func TestObserve(t *testing.T) {
	client, server := requestsC[0].pair(t)
	var creq, sreq Request
	msg := build(1, "", option{6, ""}, option{11, "temp"})
	out, err := client.ProtectRequest(nil, msg, &creq)
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := parse(out); m.code() != codeFETCH || !m.observe {
		t.Fatalf("ProtectRequest = %x, want FETCH with Observe", out)
	}
	if got, err := server.UnprotectRequest(nil, out, &sreq); err != nil || !bytes.Equal(got, msg) || !sreq.Observe {
		t.Fatalf("UnprotectRequest = %x, %v, want %x", got, err, msg)
	}
	var sent [][]byte
	for i := 0; i < 300; i++ {
		n := build(69, "23 C", option{6, "\x01\x02\x03"}, option{14, "\x05"})
		out, err := server.ProtectResponse(nil, n, &sreq, false)
		if err != nil {
			t.Fatal(err)
		}
		m, _ := parse(out)
		if o, _ := ParseOption(m.oscore); (o.PIV == nil) != (i == 0) {
			t.Fatalf("notification %d: option %x", i, m.oscore)
		}
		if m.code() != codeContent || !m.observe {
			t.Fatalf("notification %d: %x, want 2.05 with Observe", i, out)
		}
		sent = append(sent, out)
	}
	// The inner Observe is empty; the client gets the Partial IV's low bytes.
	deliver := func(i int, want error, observe string) {
		t.Helper()
		got, err := client.UnprotectResponse(nil, sent[i], &creq)
		if err != want {
			t.Fatalf("notification %d: %v, want %v", i, err, want)
		}
		if want == nil && !bytes.Equal(got, build(69, "23 C", option{6, observe}, option{14, "\x05"})) {
			t.Fatalf("notification %d: %x, want Observe %x", i, got, observe)
		}
	}
	deliver(0, nil, "") // without Partial IV: the oldest
	deliver(0, ErrReplay, "")
	deliver(1, nil, "") // Partial IV 0
	deliver(3, nil, "\x02")
	deliver(2, ErrReplay, "")
	deliver(3, ErrReplay, "")
	deliver(299, nil, "\x01\x2a")
	deliver(0, ErrReplay, "")

	// A notification to who did not ask for it.
	var plainReq Request
	out, err = client.ProtectRequest(nil, build(1, ""), &plainReq)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = server.UnprotectRequest(nil, out, &sreq); err != nil {
		t.Fatal(err)
	}
	out, err = server.ProtectResponse(nil, build(69, "", option{6, ""}), &sreq, true)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := client.UnprotectResponse(nil, out, &plainReq); err != ErrMalformed {
		t.Errorf("notification without registration: %x, %v, want %v", got, err, ErrMalformed)
	}
	if string(observeValue([]byte{1, 2, 0, 3, 4})) != "\x03\x04" {
		t.Errorf("observeValue = %x", observeValue([]byte{1, 2, 0, 3, 4}))
	}
}

// TestNonceOnce: the second response to a request has a Partial IV, asked for
// or not, and a zero Request seals nothing.
func TestNonceOnce(t *testing.T) {
	client, server := requestsC[0].pair(t)
	req, sreq := mustRequest(t, client, server)
	for i := 0; i < 3; i++ {
		_, opt, err := server.SealResponse(nil, []byte{69}, &sreq, false)
		if err != nil || (opt.PIV == nil) != (i == 0) {
			t.Errorf("response %d: option %+v, %v", i, opt, err)
		}
	}
	if _, _, err := server.SealResponse(nil, []byte{69}, &Request{}, false); err != ErrParameters {
		t.Errorf("SealResponse to no request: %v, want %v", err, ErrParameters)
	}
	if _, _, err := client.SealResponse(nil, []byte{69}, &req, false); err != ErrParameters {
		t.Errorf("SealResponse to one's own request: %v, want %v", err, ErrParameters)
	}
	if _, err := client.OpenResponse(nil, Option{}, make([]byte, 9), &Request{}); err != ErrParameters {
		t.Errorf("OpenResponse to no request: %v, want %v", err, ErrParameters)
	}
	if _, err := client.OpenResponse(nil, Option{PIV: make([]byte, 6)}, make([]byte, 9), &req); err != ErrMalformed {
		t.Errorf("OpenResponse with 6 bytes of Partial IV: %v, want %v", err, ErrMalformed)
	}
	if _, err := client.OpenResponse(nil, Option{KID: []byte{9}}, make([]byte, 9), &req); err != ErrNoContext {
		t.Errorf("OpenResponse with another kid: %v, want %v", err, ErrNoContext)
	}
	if _, err := client.OpenResponse(nil, Option{}, make([]byte, 9), &req); err != ErrAuth {
		t.Errorf("OpenResponse of zeros: %v, want %v", err, ErrAuth)
	}
	if _, err := server.OpenRequest(nil, Option{KID: []byte{}}, make([]byte, 9), &req); err != ErrMalformed {
		t.Errorf("OpenRequest without Partial IV: %v, want %v", err, ErrMalformed)
	}
}

// TestAuthenticNonsense seals plaintexts that no conforming peer makes.
func TestAuthenticNonsense(t *testing.T) {
	client, server := requestsC[0].pair(t)
	for _, plain := range []string{"\x45", "\x00", "\x01\xff", "\x01\xf0", "\x01\x90", "\x21"} {
		var req, sreq Request
		ct, opt, err := client.SealRequest(nil, []byte(plain), &req)
		if err != nil {
			t.Fatal(err)
		}
		outer, err := AppendOuter(nil, build(1, ""), opt)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := server.UnprotectRequest([]byte("pre"), append(outer, ct...), &sreq); err != ErrMalformed || string(got) != "pre" {
			t.Errorf("plaintext %x: UnprotectRequest = %x, %v, want %v", plain, got, err, ErrMalformed)
		}
	}
	if _, err := AppendMessage(nil, build(2, "x", option{9, ""}), nil, Option{}); err != ErrMalformed {
		t.Errorf("AppendMessage of an empty plaintext: %v", err)
	}
	if _, err := AppendMessage(nil, []byte{1}, []byte{1}, Option{}); err != ErrMalformed {
		t.Errorf("AppendMessage in no message: %v", err)
	}
	if _, err := AppendOuter(nil, build(1, ""), Option{PIV: []byte{}}); err != ErrMalformed {
		t.Errorf("AppendOuter: %v", err)
	}
	if _, err := AppendOuter(nil, nil, Option{}); err != ErrMalformed {
		t.Errorf("AppendOuter: %v", err)
	}
	if _, _, err := ParseOuter(build(2, "", option{9, ""})); err != ErrMalformed {
		t.Errorf("ParseOuter without payload: %v", err)
	}
}

func TestAllocs(t *testing.T) {
	client, server := requestsC[0].pair(t)
	msg, resp := build(1, "", option{11, "temperature"}), build(69, "23 C")
	var req, sreq Request
	buf, buf2 := make([]byte, 0, 128), make([]byte, 0, 128)
	n := testing.AllocsPerRun(100, func() {
		out, err := client.ProtectRequest(buf, msg, &req)
		if err == nil {
			_, err = server.UnprotectRequest(buf2, out, &sreq)
		}
		if err == nil {
			out, err = server.ProtectResponse(buf, resp, &sreq, true)
		}
		if err == nil {
			_, err = client.UnprotectResponse(buf2, out, &req)
		}
		if err != nil {
			panic(err)
		}
	})
	if n != 0 {
		t.Errorf("one exchange: %v allocs, want 0", n)
	}
}

// FuzzExchange: what can be protected comes back; a flipped bit behind the
// header does not get through.
func FuzzExchange(f *testing.F) {
	for _, v := range append(requestsC[:3:3], responsesC...) {
		f.Add(unhex(f, v.plainMsg), uint16(80), false)
	}
	f.Add(build(1, "p", option{3, "h"}, option{6, ""}, option{11, "a"}, option{39, "coap"}), uint16(300), true)
	f.Fuzz(func(t *testing.T, msg []byte, flip uint16, newPIV bool) {
		client, server := requestsC[0].pair(t)
		var req, sreq Request
		if out, err := client.ProtectRequest(nil, msg, &req); err == nil {
			check(t, msg, out, flip, func(b []byte) ([]byte, error) { return server.UnprotectRequest(nil, b, &sreq) })
			return
		}
		out, err := client.ProtectRequest(nil, build(1, "", option{6, ""}), &req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = server.UnprotectRequest(nil, out, &sreq); err != nil {
			t.Fatal(err)
		}
		out, err = server.ProtectResponse(nil, msg, &sreq, newPIV)
		if err == nil {
			check(t, msg, out, flip, func(b []byte) ([]byte, error) { return client.UnprotectResponse(nil, b, &req) })
		}
	})
}

func check(t *testing.T, msg, out []byte, flip uint16, open func([]byte) ([]byte, error)) {
	t.Helper()
	m, e := parse(out)
	if e != 0 || !m.secured {
		t.Fatalf("%x: protected %x", msg, out)
	}
	bad := bytes.Clone(out)
	i := int(flip)%(len(m.payload)*8) + (len(out)-len(m.payload))*8
	bad[i/8] ^= 0x80 >> uint(i%8)
	if got, err := open(bad); err != ErrAuth || len(got) != 0 {
		t.Fatalf("%x: bit %d flipped: %x, %v, want %v", msg, i, got, err, ErrAuth)
	}
	got, err := open(out)
	if err != nil {
		t.Fatalf("%x: %x does not open: %v", msg, out, err)
	}
	// Lengths of options may be encoded in more bytes than needed, and the
	// Observe value of a notification is not kept.
	if want := canonical(t, msg); !bytes.Equal(canonical(t, got), want) {
		t.Fatalf("%x: back as %x", msg, got)
	}
}

// canonical re-encodes a message, without Observe values in responses.
func canonical(t *testing.T, msg []byte) []byte {
	t.Helper()
	m, e := parse(msg)
	if e != 0 {
		t.Fatalf("parse(%x): %v", msg, e)
	}
	out := bytes.Clone(m.header)
	o, last := options{b: m.options}, 0
	for {
		more, _ := o.next()
		if !more {
			return append(out, o.b...)
		}
		v := o.value
		if o.number == optObserve && isResponse(m.code()) {
			v = nil
		}
		out = appendOption(out, last, o.number, v)
		last = o.number
	}
}

// FuzzParse: no input panics, and what is parsed is stable.
func FuzzParse(f *testing.F) {
	for _, v := range append(requestsC[:3:3], responsesC...) {
		f.Add(unhex(f, v.msg), unhex(f, v.plaintext))
	}
	f.Fuzz(func(t *testing.T, msg, plain []byte) {
		if o, err := ParseOption(plain); err == nil {
			if b, err := o.AppendBinary(nil); err != nil || !bytes.Equal(b, plain) {
				t.Fatalf("option %x comes back as %x, %v", plain, b, err)
			}
		}
		opt, _, err := ParseOuter(msg)
		if err != nil {
			return
		}
		if out, err := AppendMessage(nil, msg, plain, opt); err == nil {
			if _, e := parse(out); e != 0 {
				t.Fatalf("AppendMessage(%x, %x) = %x, which is %v", msg, plain, out, e)
			}
		}
	})
}

func BenchmarkRequest(b *testing.B) {
	client, server := requestsC[0].pair(b)
	msg := build(1, "", option{11, "temperature"})
	buf, buf2 := make([]byte, 0, 128), make([]byte, 0, 128)
	var req, sreq Request
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		out, err := client.ProtectRequest(buf, msg, &req)
		if err == nil {
			_, err = server.UnprotectRequest(buf2, out, &sreq)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
