package lowcap

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/lowpan"
)

var (
	bleCentral    = lowpan.Addr{Kind: lowpan.AddrBLE, Value: 0xc0ffee112233}
	blePeripheral = lowpan.Addr{Kind: lowpan.AddrBLE, Value: 0x00a050445566}
)

// bleWriter makes the frames of a connection for one link type.
type bleWriter struct {
	t       *testing.T
	link    pcapio.LinkType
	access  uint32
	init    uint32
	piece   int // bytes of L2CAP in one frame
	list    [][]byte
	flags   uint16 // more flags of LINKTYPE 256
	seq     [2]byte
	again   bool // every packet of the air is sent twice
	crcFlip byte
}

func le16(v int) []byte { return []byte{byte(v), byte(v >> 8)} }

func reversed(a lowpan.Addr) []byte {
	b := a.AppendBytes(nil)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return b
}

// crc24 is the CRC of Bluetooth LE, by the shift register of the specification:
// position 0 takes the data in, most significant position out.
func crc24(init uint32, b []byte) []byte {
	reg := [24]byte{}
	for i := range reg {
		reg[i] = byte(init >> i & 1)
	}
	for _, x := range b {
		for i := 0; i < 8; i++ {
			in := reg[23] ^ x>>i&1
			copy(reg[1:], reg[:23])
			reg[0] = in
			for _, tap := range []int{1, 3, 4, 6, 9, 10} {
				reg[tap] ^= in
			}
		}
	}
	out := make([]byte, 3)
	for i := range reg { // sent from position 23 on, each byte from its lowest bit on
		out[i/8] |= reg[23-i] << (i % 8)
	}
	return out
}

// air is a link-layer packet.
func (w *bleWriter) air(access, init uint32, head byte, payload []byte, direction uint16) {
	pdu := append([]byte{head, byte(len(payload))}, payload...)
	b := binary.LittleEndian.AppendUint32(nil, access)
	crc := crc24(init, pdu)
	crc[0] ^= w.crcFlip
	b = append(append(b, pdu...), crc...)
	if w.link == LinkTypeBLERadio {
		h := append([]byte{10, 0, 0, 0}, 0, 0, 0, 0)
		b = append(binary.LittleEndian.AppendUint16(h, 1|direction<<7|w.flags), b...)
	}
	w.list = append(w.list, b)
}

// hci is a packet between host and controller.
func (w *bleWriter) hci(kind byte, from int, b []byte) {
	if w.link == LinkTypeHCI {
		w.list = append(w.list, append([]byte{0, 0, 0, byte(from), kind}, b...))
		return
	}
	op := map[byte]int{1: 2, 4: 3, 2: 4 + from}[kind]
	w.list = append(w.list, append([]byte{0, 0, 0, byte(op)}, b...))
}

func (w *bleWriter) isAir() bool { return w.link == LinkTypeBLE || w.link == LinkTypeBLERadio }

// connect begins the connection and asks for a channel: the central listens at
// 0x41, the peripheral at 0x42.
func (w *bleWriter) connect() {
	if w.isAir() {
		b := append(reversed(bleCentral), reversed(blePeripheral)...)
		b = binary.LittleEndian.AppendUint32(b, w.access)
		b = append(b, byte(w.init), byte(w.init>>8), byte(w.init>>16))
		b = append(b, make([]byte, 34-len(b))...)
		w.air(lowpan.BLEAdvertising, 0x555555, 5, b, 0)
	} else {
		bd := append([]byte{0x0e, 10, 1, 0x09, 0x10, 0}, reversed(bleCentral)...)
		w.hci(4, 1, bd)
		d := append([]byte{0x3e, 19, 1, 0, 0x40, 0, 0, 0}, reversed(blePeripheral)...)
		w.hci(4, 1, append(d, make([]byte, 7)...))
	}
	w.l2cap(0, 5, []byte{0x14, 7, 10, 0, 0x23, 0, 0x41, 0, 0, 5, 0x40, 0, 9, 0})
	w.l2cap(1, 5, []byte{0x15, 7, 10, 0, 0x42, 0, 0, 5, 0x40, 0, 9, 0, 0, 0})
}

// l2cap sends an L2CAP frame from end.
func (w *bleWriter) l2cap(end, channel int, payload []byte) {
	b := append(append(le16(len(payload)), le16(channel)...), payload...)
	for start := true; len(b) > 0; start = false {
		n := min(w.piece, len(b))
		if w.isAir() {
			head := byte(lowpan.BLEStart)
			if !start {
				head = lowpan.BLEContinue
			}
			head |= w.seq[end]<<3 | w.seq[1-end]<<2
			w.seq[end] ^= 1
			w.air(w.access, w.init, head, b[:n], uint16(2+end))
			if w.again {
				w.air(w.access, w.init, head, b[:n], uint16(2+end))
			}
		} else {
			handle := 0x0040
			if !start {
				handle |= 0x1000
			} else if end == 1 {
				handle |= 0x2000
			}
			w.hci(2, end, append(append(le16(handle), le16(n)...), b[:n]...))
		}
		b = b[n:]
	}
}

// packet sends a packet from end in L2CAP frames of at most mps bytes.
func (w *bleWriter) packet(end int, payload []byte, mps int) {
	b := append(le16(len(payload)), payload...)
	for len(b) > 0 {
		n := min(mps, len(b))
		w.l2cap(end, 0x42-end, b[:n])
		b = b[n:]
	}
}

func captured(t pcapio.LinkType, data []byte) *pcapio.Packet {
	return &pcapio.Packet{Data: data, OrigLen: uint32(len(data)), Interface: &pcapio.Interface{LinkType: t}}
}

// blePackets are IPv6 packets between the two ends, in frames that elide what
// the addresses of the link give (IIDs of RFC 7668).
func blePackets(t *testing.T, r *rand.Rand, n int) (pkts, frames [][]byte, from []int) {
	for i := 0; i < n; i++ {
		end := r.Intn(2)
		link := lowpan.Link{Src: bleCentral, Dst: blePeripheral}
		if end == 1 {
			link.Src, link.Dst = link.Dst, link.Src
		}
		p := make([]byte, 40+8+r.Intn(300))
		r.Read(p[48:])
		p[0], p[6], p[7] = 0x60, 17, 255
		binary.BigEndian.PutUint16(p[4:], uint16(len(p)-40))
		binary.BigEndian.PutUint16(p[40:], 0x1633)
		binary.BigEndian.PutUint16(p[42:], 0x1633)
		binary.BigEndian.PutUint16(p[44:], uint16(len(p)-40))
		for k, a := range []lowpan.Addr{link.Src, link.Dst} {
			iid, _ := a.IID()
			p[8+16*k], p[9+16*k] = 0xfe, 0x80
			binary.BigEndian.PutUint64(p[16+16*k:], iid)
		}
		f, err := lowpan.AppendCompress(nil, p, link, nil, lowpan.Options{})
		if err != nil || f[0] != 0x7f || f[1] != 0x33 {
			t.Fatalf("AppendCompress(%x) = %x, %v", p, f, err)
		}
		pkts, frames, from = append(pkts, p), append(frames, f), append(from, end)
	}
	return pkts, frames, from
}

// TestBluetooth restores packets from captures of every link type of Bluetooth,
// in pieces of every size.
func TestBluetooth(t *testing.T) {
	const seed = 7668
	for _, link := range []pcapio.LinkType{LinkTypeHCI, LinkTypeMonitor, LinkTypeBLERadio} {
		r := rand.New(rand.NewSource(seed))
		for _, piece := range []int{1, 3, 5, 27, 100, 251} {
			w := &bleWriter{t: t, link: link, access: 0x12345678, init: 0xabcdef, piece: piece, again: piece == 5}
			w.connect()
			pkts, frames, from := blePackets(t, r, 8)
			for i, f := range frames {
				if i == 4 { // something else in between
					w.l2cap(0, 4, []byte{2, 0, 1})
					w.l2cap(0, 0x77, []byte{2, 0, 1})
				}
				w.packet(from[i], f, []int{23, 64, 400}[i%3])
			}
			recv := Receiver{}
			var got [][]byte
			for _, b := range w.list {
				p := captured(link, b)
				f := recv.Locate(p)
				switch f.Status {
				case LoWPAN:
					pkt, _, err := recv.Packet(p, &f)
					if err != nil {
						t.Fatalf("seed %d, link type %d, pieces of %d: %x: %v", seed, link, piece, f.Payload, err)
					}
					got = append(got, bytes.Clone(pkt))
				case BadFrame, OtherLink, Encrypted, Cut:
					t.Fatalf("link type %d: %x: %+v", link, b, f)
				}
				if f.BadFCS {
					t.Fatalf("link type %d: %x: wrong CRC", link, b)
				}
			}
			if recv.End(); len(got) != len(pkts) || recv.Incomplete != 0 {
				t.Fatalf("link type %d, pieces of %d: %d packets, want %d; %d incomplete", link, piece, len(got), len(pkts), recv.Incomplete)
			}
			for i := range pkts {
				if !bytes.Equal(got[i], pkts[i]) {
					t.Errorf("link type %d, pieces of %d: %x, want %x", link, piece, got[i], pkts[i])
				}
			}
		}
	}
}

// TestBluetoothStatus: what is not a packet, and why.
func TestBluetoothStatus(t *testing.T) {
	_, frames, _ := blePackets(t, rand.New(rand.NewSource(1)), 1)
	new256 := func() *bleWriter {
		return &bleWriter{t: t, link: LinkTypeBLERadio, access: 0x12345678, init: 0xabcdef, piece: 251}
	}
	for _, v := range []struct {
		name string
		make func(w *bleWriter)
		want Status // of the last frame
		bad  bool
		lost uint64
	}{
		{"empty packet", func(w *bleWriter) { w.air(w.access, w.init, 1, nil, 2) }, NoPayload, false, 0},
		{"control", func(w *bleWriter) { w.air(w.access, w.init, 3, []byte{2, 19}, 2) }, NoPayload, false, 0},
		{"encrypted", func(w *bleWriter) { w.air(w.access, w.init, 3, []byte{5}, 3); w.packet(0, frames[0], 400) }, Encrypted, false, 0},
		{"decrypted", func(w *bleWriter) {
			w.air(w.access, w.init, 3, []byte{5}, 3)
			w.flags = 8
			w.packet(0, frames[0], 400)
		}, LoWPAN, false, 0},
		{"wrong CRC", func(w *bleWriter) { w.crcFlip = 1; w.packet(0, frames[0], 400) }, NoPayload, true, 0},
		{"the radio says that the CRC is wrong", func(w *bleWriter) { w.flags = 0x0400; w.packet(0, frames[0], 400) }, NoPayload, true, 0},
		{"the radio says that the CRC is right", func(w *bleWriter) { w.flags = 0x0c00; w.crcFlip = 1; w.packet(0, frames[0], 400) }, LoWPAN, false, 0},
		{"whitened", func(w *bleWriter) { w.packet(0, frames[0], 400); w.list[len(w.list)-1][8] &^= 1 }, NoPayload, false, 0},
		{"no direction", func(w *bleWriter) {
			w.packet(0, frames[0], 400)
			w.list[len(w.list)-1][8] &^= 0x80
			w.list[len(w.list)-1][9] = 0
		}, LoWPAN, false, 0},
		{"another connection", func(w *bleWriter) { w.access++; w.init = 0; w.packet(0, frames[0], 400) }, NotIPv6, false, 0},
		{"the channel is closed", func(w *bleWriter) { w.l2cap(1, 5, []byte{7, 9, 4, 0, 0x42, 0, 0x41, 0}); w.packet(0, frames[0], 400) }, NotIPv6, false, 0},
		{"a channel for something else", func(w *bleWriter) {
			w.l2cap(0, 5, []byte{0x14, 8, 10, 0, 0x25, 0, 0x43, 0, 0, 5, 0x40, 0, 9, 0})
			w.l2cap(1, 5, []byte{0x15, 8, 10, 0, 0x44, 0, 0, 5, 0x40, 0, 9, 0, 0, 0})
			w.l2cap(0, 0x44, append(le16(len(frames[0])), frames[0]...))
		}, NotIPv6, false, 0},
		{"a channel that was refused", func(w *bleWriter) {
			w.l2cap(0, 5, []byte{0x14, 8, 10, 0, 0x23, 0, 0x43, 0, 0, 5, 0x40, 0, 9, 0})
			w.l2cap(1, 5, []byte{0x15, 8, 10, 0, 0x44, 0, 0, 5, 0x40, 0, 9, 0, 2, 0})
			w.l2cap(0, 0x44, append(le16(len(frames[0])), frames[0]...))
		}, NotIPv6, false, 0},
		{"SCHC", func(w *bleWriter) { w.packet(0, []byte{0x44, 1, 2}, 400) }, NotIPv6, false, 0},
		{"a part only", func(w *bleWriter) { w.l2cap(0, 0x42, append(le16(100), 1, 2, 3)) }, Part, false, 1},
		{"a part of the first L2CAP frame only", func(w *bleWriter) { w.piece = 20; w.packet(0, frames[0], 400); w.list = w.list[:5] }, Part, false, 1},
		{"a part, then the packet", func(w *bleWriter) {
			w.piece = 20
			w.packet(0, frames[0], 400)
			w.list = w.list[:len(w.list)-1]
			w.piece = 251
			w.packet(0, frames[0], 400)
		}, LoWPAN, false, 1},
		{"an L2CAP frame that is longer than it says", func(w *bleWriter) { w.air(w.access, w.init, 2, []byte{1, 0, 4, 0, 1, 2}, 2) }, BadFrame, false, 0},
		{"a packet that is longer than it says", func(w *bleWriter) { w.l2cap(0, 0x42, append(le16(2), 1, 2, 3)) }, BadFrame, false, 0},
		{"an L2CAP frame without the length of the packet", func(w *bleWriter) { w.l2cap(0, 0x42, []byte{1}) }, BadFrame, false, 0},
		{"an empty packet", func(w *bleWriter) { w.l2cap(0, 0x42, le16(0)) }, NoPayload, false, 0},
		{"a continuation without a start", func(w *bleWriter) { w.air(w.access, w.init, 1, []byte{1, 2}, 2) }, Part, false, 0},
		{"a signal that is cut", func(w *bleWriter) { w.l2cap(0, 5, []byte{0x14, 8, 10, 0, 0x23}) }, NoPayload, false, 0},
		{"a packet of the air that is cut", func(w *bleWriter) { w.list = append(w.list, make([]byte, 12)) }, NoPayload, false, 0},
	} {
		w := new256()
		w.connect()
		v.make(w)
		var recv Receiver
		var f Frame
		for _, b := range w.list {
			f = recv.Locate(captured(w.link, b))
		}
		recv.End()
		if f.Status != v.want || f.BadFCS != v.bad || recv.Incomplete != v.lost || v.want == LoWPAN && !bytes.Equal(f.Payload, frames[0]) {
			t.Errorf("%s: %+v, %d incomplete, want status %v, wrong CRC %v, %d incomplete", v.name, f, recv.Incomplete, v.want, v.bad, v.lost)
		}
		p := captured(w.link, w.list[len(w.list)-1])
		if p.OrigLen++; recv.Locate(p).Status != Cut {
			t.Errorf("%s: cut by the snap length: %+v", v.name, recv.Locate(p))
		}
	}
	// Without directions the addresses are not known, the packet is.
	w := &bleWriter{t: t, link: LinkTypeBLE, access: 0x12345678, init: 0xabcdef, piece: 27}
	w.connect()
	w.packet(1, frames[0], 64)
	var recv Receiver
	var f Frame
	for _, b := range w.list {
		f = recv.Locate(captured(w.link, b))
	}
	if f.Status != LoWPAN || !bytes.Equal(f.Payload, frames[0]) || f.Link != (lowpan.Link{}) || f.Parts < 2 {
		t.Errorf("without directions: %+v", f)
	}
}

// TestBluetoothAddresses: which of its addresses a host uses.
func TestBluetoothAddresses(t *testing.T) {
	random := "060504030201"
	for _, v := range []struct {
		name, events string
		want         uint64
	}{
		{"public", "", bleCentral.Value},
		{"random", "01 0520 06 " + random + ";01 0d20 19 00000000000000000000000001" + strings.Repeat("00", 12), 0x010203040506},
		{"random, then public", "01 0520 06 " + random + ";01 0d20 19 00000000000000000000000001" + strings.Repeat("00", 12) + ";01 4320 02 0000", bleCentral.Value},
		{"advertising set with a random one", "01 3520 07 00" + random + ";01 3620 0b 00 0000 000000 000000 00 01", 0x010203040506},
		{"advertising with a random one", "01 0520 06 " + random + ";01 0620 0f 000000000001" + strings.Repeat("00", 9), 0x010203040506},
	} {
		w := &bleWriter{t: t, link: LinkTypeHCI, piece: 100}
		for _, e := range strings.Split(v.events, ";") {
			if b := mustHex(t, strings.ReplaceAll(e, " ", "")); len(b) > 0 {
				w.hci(b[0], 0, b[1:])
			}
		}
		w.connect()
		w.packet(0, []byte{0x7a, 0x33, 0x3b}, 64)
		var recv Receiver
		var f Frame
		for _, b := range w.list {
			f = recv.Locate(captured(w.link, b))
		}
		if f.Status != LoWPAN || f.Link.Src.Value != v.want || f.Link.Dst != blePeripheral {
			t.Errorf("%s: %+v, want %x", v.name, f, v.want)
		}
	}
}

// TestBluetoothPrivate: where the controller resolves private addresses, those on
// the air count.
func TestBluetoothPrivate(t *testing.T) {
	for _, sub := range []byte{0x0a, 0x29} {
		for _, v := range []struct {
			local, peer string
			want        [2]uint64
		}{
			{"000000000000", "000000000000", [2]uint64{bleCentral.Value, blePeripheral.Value}},
			{"665544332211", "000000000000", [2]uint64{0x112233445566, blePeripheral.Value}},
			{"000000000000", "665544332211", [2]uint64{bleCentral.Value, 0x112233445566}},
		} {
			w := &bleWriter{t: t, link: LinkTypeHCI, piece: 100}
			w.connect()
			d := append([]byte{sub, 0, 0x40, 0, 0, 0}, reversed(blePeripheral)...)
			d = append(append(d, mustHex(t, v.local)...), mustHex(t, v.peer)...)
			d = append(d, make([]byte, 7)...)
			rest := w.list[2:] // its connection instead of the other
			w.list = w.list[:1:1]
			w.hci(4, 1, append([]byte{0x3e, byte(len(d))}, d...))
			w.list = append(w.list, rest...)
			w.packet(1, []byte{0x7a, 0x33, 0x3b}, 64)
			var recv Receiver
			var f Frame
			for _, b := range w.list {
				f = recv.Locate(captured(w.link, b))
			}
			if f.Status != LoWPAN || f.Link.Dst.Value != v.want[0] || f.Link.Src.Value != v.want[1] {
				t.Errorf("event %02x, %s, %s: %+v, want %x", sub, v.local, v.peer, f, v.want)
			}
		}
	}
}

// TestBluetoothBounds: what is kept of a capture has limits.
func TestBluetoothBounds(t *testing.T) {
	var recv Receiver
	w := &bleWriter{t: t, link: LinkTypeBLERadio, init: 0xabcdef, piece: 251}
	for i := 0; i < 3*maxBLELinks; i++ {
		w.access = uint32(i + 1)
		w.connect()
		for k := 0; k < 2*maxBLEChannels; k++ {
			w.l2cap(0, 5, []byte{0x14, byte(k), 10, 0, 0x23, 0, byte(k), 1, 0, 5, 0x40, 0, 9, 0})
		}
	}
	for _, b := range w.list {
		recv.Locate(captured(w.link, b))
	}
	if n := len(recv.ble.links); n > maxBLELinks {
		t.Errorf("%d connections", n)
	}
	for _, l := range recv.ble.links {
		if len(l.channels) > maxBLEChannels {
			t.Errorf("%d channels", len(l.channels))
		}
	}
}

// TestBluetoothNoise: packets on many access addresses do not make a connection
// be forgotten.
func TestBluetoothNoise(t *testing.T) {
	w := &bleWriter{t: t, link: LinkTypeBLERadio, access: 1, init: 0xabcdef, piece: 251}
	w.connect()
	for i := 0; i < 3*maxBLELinks; i++ {
		w.air(uint32(1000+i), 0, 2, []byte{1, 2, 3}, 2)
	}
	w.packet(0, []byte{0x7a, 0x33, 0x3b}, 64)
	var recv Receiver
	var f Frame
	for _, b := range w.list {
		f = recv.Locate(captured(w.link, b))
	}
	if f.Status != LoWPAN || f.Link.Src != bleCentral || len(recv.ble.links) != maxBLELinks {
		t.Errorf("%+v, %d connections", f, len(recv.ble.links))
	}
}

// FuzzBluetooth takes frames of anything.
func FuzzBluetooth(f *testing.F) {
	for _, link := range []pcapio.LinkType{LinkTypeHCI, LinkTypeBLE, LinkTypeMonitor, LinkTypeBLERadio} {
		w := &bleWriter{link: link, access: 0x12345678, init: 0xabcdef, piece: 27}
		w.connect()
		w.packet(0, []byte{0x7a, 0x33, 0x3a, 0x80, 0}, 64)
		var b []byte
		for _, x := range w.list {
			b = append(append(b, byte(len(x))), x...)
		}
		f.Add(b, uint8(link))
	}
	f.Fuzz(func(t *testing.T, b []byte, link uint8) {
		recv := Receiver{}
		frames := 0
		for len(b) > 0 {
			n := min(int(b[0]), len(b)-1)
			kind := pcapio.LinkType(link)
			if link == 0 {
				kind = LinkTypeBLERadio
			}
			p := captured(kind, b[1:1+n])
			b = b[1+n:]
			frames++
			x := recv.Locate(p)
			if (x.Status == BadFrame) != (x.Err != nil) || x.Status == LoWPAN && len(x.Payload) == 0 || x.Parts > frames {
				t.Fatalf("%x: %+v", p.Data, x)
			}
			if x.Status == LoWPAN {
				recv.Packet(p, &x)
			}
		}
		recv.End()
	})
}

// TestBluetoothTshark: tshark finds the same packets in a capture.
func TestBluetoothTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("absent: tshark")
	}
	pkts, frames, from := blePackets(t, rand.New(rand.NewSource(3)), 12)
	for _, link := range []pcapio.LinkType{LinkTypeHCI, LinkTypeBLERadio} {
		w := &bleWriter{t: t, link: link, access: 0x12345678, init: 0xabcdef, piece: 27}
		w.connect()
		for i, f := range frames {
			w.packet(from[i], f, 64)
		}
		var b bytes.Buffer
		put := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) }
		put([]uint32{0xa1b2c3d4, 2 | 4<<16, 0, 0, 65535, uint32(link)})
		for i, m := range w.list {
			put([]uint32{uint32(i), 0, uint32(len(m)), uint32(len(m))})
			b.Write(m)
		}
		file := filepath.Join(t.TempDir(), "ble.pcap")
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(tshark, "-n", "-r", file, "-T", "fields", "-e", "udp.payload", "-e", "btle.crc.incorrect").Output()
		if err != nil {
			t.Fatalf("tshark: %v", err)
		}
		var got []string
		for _, line := range strings.Split(string(out), "\n") {
			payload, crc, _ := strings.Cut(line, "\t")
			if crc != "" {
				t.Errorf("link type %d: tshark finds a wrong CRC: %q", link, line)
			}
			if payload != "" {
				got = append(got, payload)
			}
		}
		var want []string
		for _, p := range pkts {
			want = append(want, hex.EncodeToString(p[48:]))
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("link type %d: tshark has %d packets, want %d:\n%q\n%q", link, len(got), len(want), got, want)
		}
	}
}
