package learn

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand"
	"net/netip"

	"github.com/schckit/schckit/internal/pcapio"
)

// packets is a Source of packets in memory.
type packets []Packet

func (s packets) Each(f func(p *Packet) error) error {
	for i := range s {
		p := s[i]
		if err := f(&p); err != nil {
			return err
		}
	}
	return nil
}

// capture is a Source of the IP packets of a file.
type capture string

func (c capture) Each(f func(p *Packet) error) error {
	r, err := pcapio.Open(string(c), nil)
	if err != nil {
		return err
	}
	defer r.Close()
	var p pcapio.Packet
	for {
		switch err := r.Next(&p); {
		case err == io.EOF, errors.Is(err, pcapio.ErrTruncated), errors.Is(err, pcapio.ErrCorrupt):
			return nil
		case err != nil:
			return err
		}
		loc, ok := pcapio.Locate(p.Interface.LinkType, p.Data)
		if !ok || p.Snapped() || int(p.OrigLen) != len(p.Data) {
			continue
		}
		n, _ := p.Nanos()
		var link uint64
		if p.Interface.LinkType == pcapio.LinkTypeEthernet {
			for _, b := range p.Data[6:12] {
				link = link<<8 | uint64(b)
			}
		}
		if err := f(&Packet{p.Data[loc.Off : loc.Off+loc.Len], n, link}); err != nil {
			return err
		}
	}
}

// traffic makes packets of a random deployment.
type traffic struct {
	rng     *rand.Rand
	devices []netip.Addr
	server  netip.Addr
	v4      bool
	flows   []flow
}

type flow struct {
	proto    byte
	dev, app uint16
	kind     int
	mid      uint16
	seq, ack uint32
}

func newTraffic(seed int64) *traffic {
	t := &traffic{rng: rand.New(rand.NewSource(seed))}
	t.v4 = t.rng.Intn(3) == 0
	for i := 0; i <= t.rng.Intn(6); i++ {
		if t.v4 {
			t.devices = append(t.devices, netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + i)}))
		} else {
			a := [16]byte{0x20, 1, 0xd, 0xb8, 0, 1, 15: byte(2 + i)}
			t.devices = append(t.devices, netip.AddrFrom16(a))
		}
	}
	t.server = netip.MustParseAddr("2001:db8:2::1")
	if t.v4 {
		t.server = netip.MustParseAddr("198.51.100.1")
	}
	for i := 0; i <= t.rng.Intn(5); i++ {
		f := flow{proto: []byte{17, 17, 17, 6, 58}[t.rng.Intn(5)], dev: uint16(t.rng.Intn(1 << 16)), app: 5683, kind: t.rng.Intn(4),
			mid: uint16(t.rng.Intn(1 << 16)), seq: t.rng.Uint32(), ack: t.rng.Uint32()}
		if t.rng.Intn(4) == 0 {
			f.app = 53
		}
		if f.proto == 58 && t.v4 {
			f.proto = 1
		}
		t.flows = append(t.flows, f)
	}
	return t
}

// prefix is that of the devices.
func (t *traffic) prefix() []netip.Prefix {
	var list []netip.Prefix
	for _, d := range t.devices {
		list = append(list, netip.PrefixFrom(d, d.BitLen()))
	}
	return list
}

var paths = []string{"temp", "humidity", "time", "led", "core"}

// coap appends a CoAP message.
func (t *traffic) coap(b []byte, f *flow, request bool) []byte {
	typ := byte(t.rng.Intn(3))
	code := byte(69)
	if request {
		code = byte(1 + t.rng.Intn(3))
	}
	token := make([]byte, []int{0, 1, 1, 2, 4, 8}[t.rng.Intn(6)])
	t.rng.Read(token)
	f.mid++
	b = append(b, 0x40|typ<<4|byte(len(token)), code, byte(f.mid>>8), byte(f.mid))
	b = append(b, token...)
	last := 0
	opt := func(n int, v []byte) {
		d := n - last
		last = n
		head := byte(min(d, 13)) << 4
		if len(v) < 13 {
			head |= byte(len(v))
		} else {
			head |= 13
		}
		b = append(b, head)
		if d >= 13 {
			b = append(b, byte(d-13))
		}
		if len(v) >= 13 {
			b = append(b, byte(len(v)-13))
		}
		b = append(b, v...)
	}
	if request {
		opt(11, []byte("sensors"))
		if f.kind > 0 {
			opt(11, []byte(paths[t.rng.Intn(len(paths))]))
		}
		if f.kind > 2 {
			opt(15, []byte("a query of some length")[:t.rng.Intn(23)])
		}
	} else {
		if f.kind&1 != 0 {
			opt(6, []byte{byte(f.mid)})
		}
		opt(12, []byte{50})
		if f.kind == 3 {
			opt(14, []byte{60})
		}
	}
	if t.rng.Intn(3) > 0 {
		b = append(b, 0xff)
		b = append(b, "payload"...)
	}
	return b
}

// next makes a packet.
func (t *traffic) next() []byte {
	f := &t.flows[t.rng.Intn(len(t.flows))]
	up := t.rng.Intn(2) == 0
	dev := t.devices[t.rng.Intn(len(t.devices))]
	if t.rng.Intn(40) == 0 {
		f.dev = uint16(t.rng.Intn(1 << 16))
	}
	var b []byte
	ports := func() {
		if up {
			b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, f.dev), f.app)
		} else {
			b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, f.app), f.dev)
		}
	}
	sum := 6
	switch f.proto {
	case 17:
		ports()
		b = append(b, 0, 0, 0, 0)
		b = t.coap(b, f, up)
		binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	case 6:
		ports()
		f.seq += uint32(t.rng.Intn(1000))
		b = binary.BigEndian.AppendUint32(b, f.seq)
		b = binary.BigEndian.AppendUint32(b, f.ack)
		options := t.rng.Intn(3) * 4
		b = append(b, byte(20+options)<<2, 16, 1, 0, 0, 0, 0, 0)
		for i := 0; i < options; i++ {
			b = append(b, 1)
		}
		b = append(b, "data"...)
		sum = 16
	default:
		b = append(b, 128, 0, 0, 0, byte(f.dev>>8), byte(f.dev), byte(f.mid>>8), byte(f.mid))
		if f.proto == 1 {
			b[0] = 8
		}
		f.mid++
		b = append(b, "ping"...)
		sum = 2
	}
	src, dst := dev, t.server
	if !up {
		src, dst = dst, src
	}
	var pkt []byte
	if t.v4 {
		pkt = append(pkt, 0x45, 0, 0, 0, byte(t.rng.Intn(256)), byte(f.mid), 0x40, 0, 64, f.proto, 0, 0)
		binary.BigEndian.PutUint16(pkt[2:], uint16(20+len(b)))
	} else {
		pkt = append(pkt, 0x60, 0, 0, 0, 0, 0, f.proto, 64)
		binary.BigEndian.PutUint16(pkt[4:], uint16(len(b)))
	}
	pkt = append(append(pkt, src.AsSlice()...), dst.AsSlice()...)
	if t.v4 {
		binary.BigEndian.PutUint16(pkt[10:], ^onesSum(pkt, 0))
	}
	acc := uint32(0)
	if f.proto != 1 {
		acc = uint32(f.proto) + uint32(len(b)) + uint32(onesSum(src.AsSlice(), 0)) + uint32(onesSum(dst.AsSlice(), 0))
	}
	at := sum
	c := ^onesSum(b, acc)
	if f.proto == 17 && c == 0 {
		c = 0xffff
	}
	binary.BigEndian.PutUint16(b[at:], c)
	return t.damage(append(pkt, b...))
}

// damage changes a few packets: wrong checksums and lengths, cut headers, noise.
func (t *traffic) damage(p []byte) []byte {
	switch t.rng.Intn(60) {
	case 0:
		p[t.rng.Intn(len(p))] ^= 1 << t.rng.Intn(8)
	case 1:
		return p[:t.rng.Intn(len(p))]
	case 2:
		t.rng.Read(p[20:])
	}
	return p
}

// onesSum is the Internet checksum's sum over b.
func onesSum(b []byte, acc uint32) uint16 {
	for i := 0; i+1 < len(b); i += 2 {
		acc += uint32(b[i])<<8 | uint32(b[i+1])
	}
	if len(b)&1 != 0 {
		acc += uint32(b[len(b)-1]) << 8
	}
	for acc>>16 != 0 {
		acc = acc&0xffff + acc>>16
	}
	return uint16(acc)
}
