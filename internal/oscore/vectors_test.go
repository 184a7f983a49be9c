package oscore

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatalf("hex %q: %v", s, err)
	}
	if b == nil {
		b = []byte{}
	}
	return b
}

const (
	secretC = "0102030405060708090a0b0c0d0e0f10"
	saltC   = "9e7ca92223786340"
)

// endpoints are the parameters of the contexts of RFC 8613, Appendix C.1 to
// C.3. salt and context may be "-" for none.
func paramsC(t testing.TB, salt, context, sender, recipient string) *Parameters {
	p := &Parameters{MasterSecret: unhex(t, secretC), SenderID: unhex(t, sender), RecipientID: unhex(t, recipient)}
	if salt != "-" {
		p.MasterSalt = unhex(t, salt)
	}
	if context != "-" {
		p.IDContext = unhex(t, context)
	}
	return p
}

// TestAppendixCDerivation is RFC 8613, Appendix C.1.1, C.1.2, C.2.1, C.2.2,
// C.3.1 and C.3.2.
func TestAppendixCDerivation(t *testing.T) {
	for _, v := range []struct {
		name, salt, context, sender, recipient string
		infoSender, infoRecipient, infoIV      string
		keySender, keyRecipient, iv            string
		nonceSender, nonceRecipient            string
	}{
		{"C.1.1", saltC, "-", "", "01", "8540f60a634b657910", "854101f60a634b657910", "8540f60a6249560d",
			"f0910ed7295e6ad4b54fc793154302ff", "ffb14e093c94c9cac9471648b4f98710", "4622d4dd6d944168eefb54987c",
			"4622d4dd6d944168eefb54987c", "4722d4dd6d944169eefb54987c"},
		{"C.1.2", saltC, "-", "01", "", "854101f60a634b657910", "8540f60a634b657910", "8540f60a6249560d",
			"ffb14e093c94c9cac9471648b4f98710", "f0910ed7295e6ad4b54fc793154302ff", "4622d4dd6d944168eefb54987c",
			"4722d4dd6d944169eefb54987c", "4622d4dd6d944168eefb54987c"},
		{"C.2.1", "-", "-", "00", "01", "854100f60a634b657910", "854101f60a634b657910", "8540f60a6249560d",
			"321b26943253c7ffb6003b0b64d74041", "e57b5635815177cd679ab4bcec9d7dda", "be35ae297d2dace910c52e99f9",
			"bf35ae297d2dace910c52e99f9", "bf35ae297d2dace810c52e99f9"},
		{"C.2.2", "-", "-", "01", "00", "854101f60a634b657910", "854100f60a634b657910", "8540f60a6249560d",
			"e57b5635815177cd679ab4bcec9d7dda", "321b26943253c7ffb6003b0b64d74041", "be35ae297d2dace910c52e99f9",
			"bf35ae297d2dace810c52e99f9", "bf35ae297d2dace910c52e99f9"},
		{"C.3.1", saltC, "37cbf3210017a2d3", "", "01", "85404837cbf3210017a2d30a634b657910",
			"8541014837cbf3210017a2d30a634b657910", "85404837cbf3210017a2d30a6249560d",
			"af2a1300a5e95788b356336eeecd2b92", "e39a0c7c77b43f03b4b39ab9a268699f", "2ca58fb85ff1b81c0b7181b85e",
			"2ca58fb85ff1b81c0b7181b85e", "2da58fb85ff1b81d0b7181b85e"},
		{"C.3.2", saltC, "37cbf3210017a2d3", "01", "", "8541014837cbf3210017a2d30a634b657910",
			"85404837cbf3210017a2d30a634b657910", "85404837cbf3210017a2d30a6249560d",
			"e39a0c7c77b43f03b4b39ab9a268699f", "af2a1300a5e95788b356336eeecd2b92", "2ca58fb85ff1b81c0b7181b85e",
			"2da58fb85ff1b81d0b7181b85e", "2ca58fb85ff1b81c0b7181b85e"},
	} {
		p := paramsC(t, v.salt, v.context, v.sender, v.recipient)
		c, err := NewContext(p)
		if err != nil {
			t.Errorf("%s: NewContext: %v", v.name, err)
			continue
		}
		check := func(what string, got []byte, want string) {
			t.Helper()
			if hex.EncodeToString(got) != want {
				t.Errorf("%s: %s = %x, want %s", v.name, what, got, want)
			}
		}
		check("info for Sender Key", appendInfo(nil, p.SenderID, p.IDContext, "Key", 16), v.infoSender)
		check("info for Recipient Key", appendInfo(nil, p.RecipientID, p.IDContext, "Key", 16), v.infoRecipient)
		check("info for Common IV", appendInfo(nil, nil, p.IDContext, "IV", 13), v.infoIV)
		var key [16]byte
		derive(key[:], p, p.SenderID, "Key")
		check("Sender Key", key[:], v.keySender)
		derive(key[:], p, p.RecipientID, "Key")
		check("Recipient Key", key[:], v.keyRecipient)
		check("Common IV", c.commonIV[:], v.iv)
		c.setNonce(&c.senderID, []byte{0})
		check("sender nonce", c.nonce[:], v.nonceSender)
		c.setNonce(&c.recipientID, []byte{0})
		check("recipient nonce", c.nonce[:], v.nonceRecipient)
	}
}

// messageC is one of RFC 8613, Appendix C.4 to C.8.
type messageC struct {
	name, salt, context, client, server string
	seq                                 uint64
	newPIV                              bool // C.8
	plainMsg, piv, aad, plaintext       string
	nonce, option, ciphertext, msg      string
}

var requestsC = []messageC{
	{"C.4", saltC, "-", "", "01", 20, false, "44015d1f00003974396c6f63616c686f737483747631", "14",
		"8368456e63727970743040488501810a40411440", "01b3747631", "4622d4dd6d944168eefb549868", "0914",
		"612f1092f1776f1c1668b3825e", "44025d1f00003974396c6f63616c686f7374620914ff612f1092f1776f1c1668b3825e"},
	{"C.5", "-", "-", "00", "01", 20, false, "440171c30000b932396c6f63616c686f737483747631", "14",
		"8368456e63727970743040498501810a4100411440", "01b3747631", "bf35ae297d2dace910c52e99ed", "091400",
		"4ed339a5a379b0b8bc731fffb0", "440271c30000b932396c6f63616c686f737463091400ff4ed339a5a379b0b8bc731fffb0"},
	{"C.6", saltC, "37cbf3210017a2d3", "", "01", 20, false, "44012f8eef9bbf7a396c6f63616c686f737483747631", "14",
		"8368456e63727970743040488501810a40411440", "01b3747631", "2ca58fb85ff1b81c0b7181b84a", "19140837cbf3210017a2d3",
		"72cd7273fd331ac45cffbe55c3", "44022f8eef9bbf7a396c6f63616c686f73746b19140837cbf3210017a2d3ff72cd7273fd331ac45cffbe55c3"},
}

// The responses are to the request of C.4.
var responsesC = []messageC{
	{"C.7", saltC, "-", "", "01", 0, false, "64455d1f00003974ff48656c6c6f20576f726c6421", "",
		"8368456e63727970743040488501810a40411440", "45ff48656c6c6f20576f726c6421", "4622d4dd6d944168eefb549868", "",
		"dbaad1e9a7e7b2a813d3c31524378303cdafae119106", "64445d1f0000397490ffdbaad1e9a7e7b2a813d3c31524378303cdafae119106"},
	{"C.8", saltC, "-", "", "01", 0, true, "64455d1f00003974ff48656c6c6f20576f726c6421", "00",
		"8368456e63727970743040488501810a40411440", "45ff48656c6c6f20576f726c6421", "4722d4dd6d944169eefb54987c", "0100",
		"4d4c13669384b67354b2b6175ff4b8658c666a6cf88e", "64445d1f00003974920100ff4d4c13669384b67354b2b6175ff4b8658c666a6cf88e"},
}

// pair makes the contexts of client and server of v.
func (v *messageC) pair(t testing.TB) (client, server *Context) {
	t.Helper()
	p := paramsC(t, v.salt, v.context, v.client, v.server)
	p.NextSequence = 20
	p.SendIDContext = v.context != "-"
	client, err := NewContext(p)
	if err != nil {
		t.Fatalf("%s: NewContext: %v", v.name, err)
	}
	server, err = NewContext(paramsC(t, v.salt, v.context, v.server, v.client))
	if err != nil {
		t.Fatalf("%s: NewContext: %v", v.name, err)
	}
	return client, server
}

// steps checks the intermediate values that c has after it sealed v.
func (v *messageC) steps(t *testing.T, c *Context, req *Request, opt Option, plain, ct []byte) {
	t.Helper()
	optValue, err := opt.AppendBinary(nil)
	if err != nil {
		t.Errorf("%s: AppendBinary: %v", v.name, err)
	}
	for _, x := range []struct {
		what string
		got  []byte
		want string
	}{
		{"AAD", c.additional(req), v.aad}, {"plaintext", plain, v.plaintext}, {"nonce", c.nonce[:], v.nonce},
		{"Partial IV", opt.PIV, v.piv}, {"OSCORE option", optValue, v.option}, {"ciphertext", ct, v.ciphertext},
	} {
		if hex.EncodeToString(x.got) != x.want {
			t.Errorf("%s: %s = %x, want %s", v.name, x.what, x.got, x.want)
		}
	}
}

// TestAppendixCRequests is RFC 8613, Appendix C.4 to C.6: every value that is
// printed there, in one step and in three, and the way back.
func TestAppendixCRequests(t *testing.T) {
	for _, v := range requestsC {
		client, server := v.pair(t)
		msg := unhex(t, v.plainMsg)
		var req Request
		got, err := client.ProtectRequest([]byte("pre"), msg, &req)
		if err != nil || hex.EncodeToString(got[3:]) != v.msg || string(got[:3]) != "pre" {
			t.Errorf("%s: ProtectRequest(%x) = %x, %v, want %s", v.name, msg, got, err, v.msg)
		}
		if n := client.NextSequence(); n != v.seq+1 {
			t.Errorf("%s: NextSequence = %d, want %d", v.name, n, v.seq+1)
		}

		client, _ = v.pair(t)
		plain, err := AppendPlaintext(nil, msg)
		if err != nil {
			t.Fatalf("%s: AppendPlaintext: %v", v.name, err)
		}
		ct, opt, err := client.SealRequest(nil, plain, &req)
		if err != nil {
			t.Fatalf("%s: SealRequest: %v", v.name, err)
		}
		v.steps(t, client, &req, opt, plain, ct)
		outer, err := AppendOuter(nil, msg, opt)
		if err != nil || hex.EncodeToString(append(outer, ct...)) != v.msg {
			t.Errorf("%s: AppendOuter(%x) = %x, %v, want %s without its payload", v.name, msg, outer, err, v.msg)
		}

		var sreq Request
		back, err := server.UnprotectRequest([]byte("pre"), unhex(t, v.msg), &sreq)
		if err != nil || string(back) != "pre"+string(msg) {
			t.Errorf("%s: UnprotectRequest(%s) = %x, %v, want %x", v.name, v.msg, back, err, msg)
		}
		if back, err = server.UnprotectRequest([]byte("pre"), unhex(t, v.msg), &sreq); err != ErrReplay || string(back) != "pre" {
			t.Errorf("%s: UnprotectRequest again = %x, %v, want %v", v.name, back, err, ErrReplay)
		}
		_, server = v.pair(t)
		opt, ct, err = ParseOuter(unhex(t, v.msg))
		if err != nil {
			t.Fatalf("%s: ParseOuter: %v", v.name, err)
		}
		plain, err = server.OpenRequest(nil, opt, ct, &sreq)
		if err != nil || hex.EncodeToString(plain) != v.plaintext {
			t.Errorf("%s: OpenRequest = %x, %v, want %s", v.name, plain, err, v.plaintext)
		}
		back, err = AppendMessage(nil, unhex(t, v.msg), plain, opt)
		if err != nil || !bytes.Equal(back, msg) {
			t.Errorf("%s: AppendMessage = %x, %v, want %x", v.name, back, err, msg)
		}
	}
}

// TestAppendixCResponses is RFC 8613, Appendix C.7 and C.8.
func TestAppendixCResponses(t *testing.T) {
	for _, v := range responsesC {
		msg := unhex(t, v.plainMsg)
		exchange := func() (client, server *Context, creq, sreq *Request) {
			client, server = v.pair(t)
			creq, sreq = new(Request), new(Request)
			out, err := client.ProtectRequest(nil, unhex(t, requestsC[0].plainMsg), creq)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = server.UnprotectRequest(nil, out, sreq); err != nil {
				t.Fatal(err)
			}
			return client, server, creq, sreq
		}
		client, server, creq, sreq := exchange()
		got, err := server.ProtectResponse([]byte("pre"), msg, sreq, v.newPIV)
		if err != nil || string(got) != "pre"+string(unhex(t, v.msg)) {
			t.Errorf("%s: ProtectResponse(%x) = %x, %v, want %s", v.name, msg, got, err, v.msg)
		}
		back, err := client.UnprotectResponse([]byte("pre"), unhex(t, v.msg), creq)
		if err != nil || string(back) != "pre"+string(msg) {
			t.Errorf("%s: UnprotectResponse(%s) = %x, %v, want %x", v.name, v.msg, back, err, msg)
		}
		if back, err = client.UnprotectResponse([]byte("pre"), unhex(t, v.msg), creq); err != ErrReplay || string(back) != "pre" {
			t.Errorf("%s: UnprotectResponse again = %x, %v, want %v", v.name, back, err, ErrReplay)
		}

		client, server, creq, sreq = exchange()
		plain, err := AppendPlaintext(nil, msg)
		if err != nil {
			t.Fatalf("%s: AppendPlaintext: %v", v.name, err)
		}
		ct, opt, err := server.SealResponse(nil, plain, sreq, v.newPIV)
		if err != nil {
			t.Fatalf("%s: SealResponse: %v", v.name, err)
		}
		v.steps(t, server, sreq, opt, plain, ct)
		outer, err := AppendOuter(nil, msg, opt)
		if err != nil || hex.EncodeToString(append(outer, ct...)) != v.msg {
			t.Errorf("%s: AppendOuter(%x) = %x, %v, want %s without its payload", v.name, msg, outer, err, v.msg)
		}
		opt, ct, err = ParseOuter(unhex(t, v.msg))
		if err != nil {
			t.Fatalf("%s: ParseOuter: %v", v.name, err)
		}
		plain, err = client.OpenResponse(nil, opt, ct, creq)
		if err != nil || hex.EncodeToString(plain) != v.plaintext {
			t.Errorf("%s: OpenResponse = %x, %v, want %s", v.name, plain, err, v.plaintext)
		}
	}
}

// TestAAD is the example of RFC 8613, Section 5.4.
func TestAAD(t *testing.T) {
	c, err := NewContext(paramsC(t, "-", "-", "00", "01"))
	if err != nil {
		t.Fatal(err)
	}
	var r Request
	r.kid.set([]byte{0x00})
	r.piv.set([]byte{0x25})
	if got := hex.EncodeToString(c.additional(&r)); got != "8368456e63727970743040498501810a4100412540" {
		t.Errorf("AAD = %s", got)
	}
}
