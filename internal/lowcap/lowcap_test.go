package lowcap

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/lowpan"
)

func mustHex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The IID of the 64-bit form is that of the 48-bit address, and it is undone.
func TestEUI64(t *testing.T) {
	for _, s := range []string{"00005e005301", "0200000000ff", "fedcba987654"} {
		mac := mustHex(t, s)
		a := EUI64(mac)
		b, err := lowpan.ParseAddr(mac)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := a.IID()
		want, _ := b.IID()
		back, ok := AppendMAC(nil, a)
		if got != want || !ok || !bytes.Equal(back, mac) {
			t.Errorf("EUI64(%s) = %+v: IID %x, want %x; back %x, %v", s, a, got, want, back, ok)
		}
	}
	if a := EUI64(mustHex(t, "333300000001")); a != lowpan.ShortAddr(0xffff) {
		t.Errorf("EUI64 of a group: %+v", a)
	}
	for _, a := range []lowpan.Addr{{}, lowpan.ShortAddr(1), lowpan.ExtAddr(1)} {
		if b, ok := AppendMAC([]byte("p"), a); ok || string(b) != "p" {
			t.Errorf("AppendMAC(%+v) = %x", a, b)
		}
	}
}

const mac = "41dc01cdabccbbaa10ef5e00000011220000ef5e00" // both addresses extended

func TestLocate(t *testing.T) {
	const payload = "7a333a8000010203040506"
	for _, c := range []struct {
		t    pcapio.LinkType
		data string
		want Status
		bad  bool
	}{
		{LinkTypeNoFCS, mac + payload, LoWPAN, false},
		{LinkTypeFCS, mac + payload + "0000", LoWPAN, true},
		{LinkTypeTAP, "00000400" + mac + payload, LoWPAN, false},                                                  // no field: no FCS
		{LinkTypeTAP, "00000c000000010001000000" + mac + payload + "0000", LoWPAN, true},                          // 16 bits
		{LinkTypeTAP, "000014000000010002000000" + "0100040000004040" + mac + payload + "00000000", LoWPAN, true}, // 32 bits, signal strength
		{LinkTypeTAP, "01000400" + mac + payload, BadFrame, false},
		{LinkTypeTAP, "0000", BadFrame, false},
		{LinkTypeNoFCS, mac, NoPayload, false},
		{LinkTypeNoFCS, "020001", NoPayload, false},
		{LinkTypeNoFCS, "0700", NoPayload, false}, // an extended frame
		{LinkTypeNoFCS, mac + "44aa", NotIPv6, false},
		{LinkTypeNoFCS, mac + "00aa", NotIPv6, false},
		{LinkTypeNoFCS, "49" + mac[2:] + "0d0100000001aabbccddeeff00112233445566", Encrypted, false},
		{LinkTypeNoFCS, "41", BadFrame, false},
		{pcapio.LinkTypeEthernet, "0200000000010200000000 02a0ed" + payload, LoWPAN, false},
		{pcapio.LinkTypeEthernet, "0200000000010200000000 028100 0001a0ed" + payload, LoWPAN, false},
		{pcapio.LinkTypeEthernet, "0200000000010200000000 0286dd" + payload, OtherLink, false},
		{pcapio.LinkTypeRaw, payload, OtherLink, false},
	} {
		data := mustHex(t, string(bytes.ReplaceAll([]byte(c.data), []byte(" "), nil)))
		p := pcapio.Packet{Data: data, OrigLen: uint32(len(data)), Interface: &pcapio.Interface{LinkType: c.t}}
		f := Locate(&p, false)
		if f.Status != c.want || f.BadFCS != c.bad || (f.Err != nil) != (c.want == BadFrame) {
			t.Errorf("Locate(%v, %s) = %+v, want %v, wrong FCS %v", c.t, c.data, f, c.want, c.bad)
		}
		if c.want == LoWPAN && (hex.EncodeToString(f.Payload) != payload || f.MACLen != len(data)-len(f.Payload)) {
			t.Errorf("Locate(%v, %s) = %x, %d bytes around it", c.t, c.data, f.Payload, f.MACLen)
		}
		if p.OrigLen++; c.want != OtherLink && Locate(&p, false).Status != Cut {
			t.Errorf("Locate(%v, %s) of a cut frame: %+v", c.t, c.data, Locate(&p, false))
		}
	}
	// Texas Instruments' metadata: the top bit says that the FCS was right.
	for s, bad := range map[string]bool{"c8ec": false, "c86c": true} {
		data := mustHex(t, mac+payload+s)
		p := pcapio.Packet{Data: data, OrigLen: uint32(len(data)), Interface: &pcapio.Interface{LinkType: LinkTypeFCS}}
		if f := Locate(&p, true); f.BadFCS != bad {
			t.Errorf("metadata %s: wrong FCS %v", s, f.BadFCS)
		}
	}
}

func TestClock(t *testing.T) {
	var c Clock
	f := &pcapio.Interface{Resolution: pcapio.Micro}
	for i, step := range []struct {
		ticks, want uint64
		none        bool
	}{{5_000_000, 0, false}, {5_001_500, 1, false}, {4_000_000, 1, false}, {0, 1, true}, {65_000_000, 60000, false}, {1 << 63, 60000, false}} {
		got := c.At(&pcapio.Packet{Interface: f, Ticks: step.ticks, NoTime: step.none})
		if got != step.want && step.ticks < 1<<63 {
			t.Errorf("step %d: %d ms, want %d", i, got, step.want)
		}
		if got < step.want {
			t.Errorf("step %d: the clock goes back", i)
		}
	}
}

func TestDerive(t *testing.T) {
	in := &pcapio.Interface{LinkType: pcapio.LinkTypeEthernet, SnapLen: 1500, Name: "eth0", Description: "x \"y\"", Resolution: pcapio.Nano, TimeOffset: 7}
	for _, passed := range []bool{false, true} {
		out := Derive(in, passed, LinkTypeNoFCS, 3, pcapio.Format{Nano: true, SnapLen: 1500, Major: 2, Minor: 4})
		if _, ok := pcapio.ParseMeta(out.Description); ok {
			t.Errorf("%q is taken for SCHC's", out.Description)
		}
		orig, m, ok := Original(&out)
		if !ok || orig.LinkType != in.LinkType || orig.Name != in.Name || orig.Description != in.Description || orig.TimeOffset != 7 ||
			m.Iface != 3 || !m.Format.Nano || (m.Role == pcapio.RolePass) != passed || passed != (out.LinkType == in.LinkType) {
			t.Errorf("Original(%+v) = %+v, %+v, %v", out, orig, m, ok)
		}
	}
	if _, _, ok := Original(in); ok {
		t.Error("an interface that Derive did not make has an original")
	}
}

// TestReceiver: packets with missing fragments are counted, after a minute or at
// the end.
func TestReceiver(t *testing.T) {
	f := &pcapio.Interface{LinkType: LinkTypeNoFCS, Resolution: pcapio.Micro}
	var r Receiver
	send := func(sec uint64, payload string) ([]byte, bool) {
		data := mustHex(t, mac+payload)
		p := pcapio.Packet{Data: data, OrigLen: uint32(len(data)), Interface: f, Ticks: sec * 1e6}
		fr := Locate(&p, false)
		pkt, fragment, err := r.Packet(&p, &fr)
		if err != nil {
			t.Fatal(err)
		}
		return pkt, fragment
	}
	send(1, "c10000087a333a8000010203040506")
	send(2, "c03800077a333a8000010203040506")
	if pkt, fragment := send(3, "e0380007060102030405060708"); len(pkt) != 56 || !fragment {
		t.Errorf("%x, %v", pkt, fragment)
	}
	if pkt, fragment := send(4, "7a333a8000010203040506"); len(pkt) != 48 || fragment || r.Incomplete != 0 {
		t.Errorf("%x, %v, %d incomplete", pkt, fragment, r.Incomplete)
	}
	send(70, "c10000097a333a8000010203040506")
	if r.Incomplete != 1 {
		t.Errorf("%d incomplete, want 1", r.Incomplete)
	}
	if r.End(); r.Incomplete != 2 {
		t.Errorf("%d incomplete, want 2", r.Incomplete)
	}
}

func TestProtocol(t *testing.T) {
	header := func(next byte, rest string) []byte {
		b := make([]byte, 40)
		b[0], b[6] = 0x60, next
		return append(b, mustHex(t, rest)...)
	}
	for _, c := range []struct {
		pkt  []byte
		want string
	}{
		{header(17, "16330001"), "UDP, CoAP"},
		{header(17, "00011633"), "UDP, CoAP"},
		{header(17, "0001"), "UDP, other"},
		{header(58, ""), "ICMPv6"},
		{header(0, "06000104000000000000"), "TCP"},
		{header(44, "110000080000000000000000"), "other"}, // a later fragment
		{header(44, "110000010000000016330000"), "UDP, CoAP"},
		{header(43, "00ff000000000000"), "other"},
		{header(59, ""), "other"},
	} {
		if got := Protocol(c.pkt); got != c.want {
			t.Errorf("Protocol(%x) = %s, want %s", c.pkt, got, c.want)
		}
	}
}

// TestFragments compares with what a Fragmenter makes of packets that cannot be
// compressed: those whose length field is wrong.
func TestFragments(t *testing.T) {
	pkt := make([]byte, 700)
	pkt[0] = 0x60
	var f lowpan.Fragmenter
	for n := 40; n < len(pkt); n++ {
		for room := lowpan.MinMTU; room < 120; room += 7 {
			if err := f.Reset(pkt[:n], lowpan.Link{}, nil, lowpan.Options{}, 0, room); err != nil {
				t.Fatal(err)
			}
			want := Size{Bytes: n + 1}
			if n == 40 {
				continue // its length field is right
			}
			for more := true; more; want.Frames++ {
				var b []byte
				var err error
				if b, more, err = f.AppendFrame(nil); err != nil {
					t.Fatal(err)
				}
				want.Sent += len(b)
			}
			if got := Fragments(n+1, room); got != want {
				t.Fatalf("Fragments(%d, %d) = %+v, want %+v", n+1, room, got, want)
			}
		}
	}
	// A SCHC Datagram: 4 + 1 + 96, 5 + 96, 5 + 7.
	if got, want := Fragments(200, 104), (Size{200, 3, 214}); got != want {
		t.Errorf("Fragments(200, 104) = %+v, want %+v", got, want)
	}
	if got, want := Fragments(104, 104), (Size{104, 1, 104}); got != want {
		t.Errorf("Fragments(104, 104) = %+v, want %+v", got, want)
	}
	for n := 1; n < 700; n++ {
		if err := f.ResetSCHC(pkt[:n], 0, 0, 60); err != nil {
			t.Fatal(err)
		}
		want := Size{Bytes: n + 1}
		for more := true; more; want.Frames++ {
			var b []byte
			var err error
			if b, more, err = f.AppendFrame(nil); err != nil {
				t.Fatal(err)
			}
			want.Sent += len(b)
		}
		if got := Fragments(n+1, 60); got != want {
			t.Fatalf("Fragments(%d, 60) = %+v, want %+v", n+1, got, want)
		}
	}
}

// TestReceiverSCHC: a SCHC Datagram in fragments is not an incomplete packet.
func TestReceiverSCHC(t *testing.T) {
	var f lowpan.Fragmenter
	if err := f.ResetSCHC(make([]byte, 100), 0, 9, 50); err != nil {
		t.Fatal(err)
	}
	var recv Receiver
	for more := true; more; {
		b, m, err := f.AppendFrame(mustHex(t, mac))
		if err != nil {
			t.Fatal(err)
		}
		more = m
		p := captured(LinkTypeNoFCS, b)
		x := recv.Locate(p)
		if pkt, fragment, err := recv.Packet(p, &x); x.Status != LoWPAN || pkt != nil || !fragment || err != nil {
			t.Errorf("%x: %+v: %x, %v, %v", b, x, pkt, fragment, err)
		}
	}
	if recv.End(); recv.Incomplete != 0 {
		t.Errorf("%d incomplete", recv.Incomplete)
	}
}
