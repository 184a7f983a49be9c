package pcapio

import "encoding/binary"

// Filters are our own: the Go packages that compile tcpdump expressions without
// libpcap know Ethernet only, and filters here meet raw IP, loopback and cooked
// captures, several of them in one file.
//
// The language is that of pcap-filter(7):
//
//	[ether|ip|ip6|arp|rarp] [src|dst|src or dst|src and dst] host ADDRESS
//	[ip|ip6] [src|dst|...] net NET[/LEN] | net NET mask MASK      NET may be short: 10, 192.168
//	[tcp|udp|sctp] [src|dst|...] port N | portrange N-M           N or a common name
//	[ip|ip6|ether] proto N                                        a number, or a name after "\"
//	ip ip6 arp rarp tcp udp sctp icmp icmp6 igmp pim vrrp ah esp
//	ether|ip|ip6 multicast, ether broadcast, vlan [ID], less N, greater N
//	PROTO[OFFSET:SIZE], len, numbers with + - * / % & | ^ << >>, compared by = == != < <= > >=
//	not ! and && or || ( ); "port 80 or 443" repeats the qualifiers
//
// As in libpcap, "and" and "or" have the same precedence; ports are looked for
// behind an IPv6 header's own Next Header only ("tcp" and "proto" also see
// past one fragment header), and not in later IPv4 fragments; "host" finds
// ARP packets too; "vlan" moves everything to its right by one tag; len is
// the original length; and a packet too short for a byte that is looked at
// does not match at all, not even under "not".
//
// Different from libpcap:
//   - A test that the link layer cannot have (vlan on raw IP) is false, not an error.
//   - Loopback captures match ip6 with the family of any system.
//   - Every protocol named in a comparison must be there (libpcap forgets that
//     of a right-hand operand: 4 / ip[1] = 0), and no load is optimized away.
//   - There are no host names (nothing is looked up), and no gateway, broadcast
//     of a subnet, protochain, mpls, pppoe, geneve, wlan, ATM, ISO, DECnet,
//     inbound and outbound.

// Filter selects packets. It is immutable; a nil *Filter matches every packet.
type Filter struct {
	expr string
	test test
}

// CompileFilter compiles an expression. An empty one matches every packet. An
// error is a *FilterError with the position.
func CompileFilter(expr string) (*Filter, error) {
	t, err := parseFilter(expr)
	if err != nil {
		return nil, err
	}
	return &Filter{expr, t}, nil
}

// String returns the expression.
func (f *Filter) String() string { return f.expr }

// Match reports whether the filter selects p. It does not allocate.
func (f *Filter) Match(p *Packet) bool {
	if f == nil || f.test == nil {
		return true
	}
	v := view{b: p.Data, wire: p.OrigLen}
	switch p.Interface.LinkType {
	case LinkTypeEthernet:
		v.link, v.typeOff, v.payload = linkEther, 12, 14
	case LinkTypeSLL:
		v.link, v.typeOff, v.payload = linkCooked, 14, 16
	case LinkTypeSLL2:
		v.link, v.typeOff, v.payload = linkCooked, 0, 20
	case LinkTypeNull, LinkTypeLoop:
		v.link, v.payload = linkLoopback, 4
	case LinkTypeRaw, LinkTypeRaw12, LinkTypeRaw14:
		v.link = linkRaw
	case LinkTypeIPv4:
		v.link = linkIPv4
	case LinkTypeIPv6:
		v.link = linkIPv6
	}
	return f.test(v) == yes
}

// view is a packet with what its link layer says about offsets. It is passed
// by value (in registers): behind a pointer it would be allocated.
type view struct {
	b       []byte
	wire    uint32
	link    linkKind
	typeOff uint8
	payload uint8
}

type linkKind uint8

const (
	linkOther linkKind = iota
	linkEther
	linkCooked
	linkLoopback
	linkRaw
	linkIPv4
	linkIPv6
)

// verdict of a test. A load behind the end of the packet rejects it whatever
// the rest of the expression says, as in BPF.
type verdict uint8

const (
	no verdict = iota
	yes
	reject
)

type test func(v view) verdict

func truth(b bool) verdict {
	if b {
		return yes
	}
	return no
}

func and(a, b test) test {
	return func(v view) verdict {
		if r := a(v); r != yes {
			return r
		}
		return b(v)
	}
}

func or(a, b test) test {
	return func(v view) verdict {
		if r := a(v); r != no {
			return r
		}
		return b(v)
	}
}

func not(a test) test {
	return func(v view) verdict {
		switch a(v) {
		case yes:
			return no
		case no:
			return yes
		}
		return reject
	}
}

// load returns size bytes (1, 2 or 4) at off as a number.
func (v view) load(off uint64, size int) (uint32, bool) {
	if off+uint64(size) > uint64(len(v.b)) {
		return 0, false
	}
	b := v.b[off:]
	switch size {
	case 1:
		return uint32(b[0]), true
	case 2:
		return uint32(binary.BigEndian.Uint16(b)), true
	}
	return binary.BigEndian.Uint32(b), true
}

// shift returns how far tags vlan tags move what is behind the Ethernet header.
func (v view) shift(tags int) int {
	if v.link != linkEther {
		return 0
	}
	return 4 * tags
}

func (v view) net(tags int) uint64 { return uint64(int(v.payload) + v.shift(tags)) }

// transport returns where an IPv4 datagram's payload starts.
func (v view) transport(tags int) (uint64, bool) {
	off := v.net(tags)
	b, ok := v.load(off, 1)
	return off + 4*uint64(b&15), ok
}

// linkProto tests for an EtherType behind tags tags.
func linkProto(tags int, etherType uint16) test {
	return func(v view) verdict {
		switch v.link {
		case linkEther, linkCooked:
			t, ok := v.load(uint64(int(v.typeOff)+v.shift(tags)), 2)
			if !ok {
				return reject
			}
			return truth(t == uint32(etherType))
		case linkLoopback:
			if len(v.b) < 4 {
				return reject
			}
			f := familyVersion(v.b)
			return truth(f != 0 && EtherTypeOf(f) == etherType)
		case linkRaw:
			if etherType != EtherTypeIPv4 && etherType != EtherTypeIPv6 {
				return no
			}
			b, ok := v.load(0, 1)
			if !ok {
				return reject
			}
			return truth(b>>4 == 4 && etherType == EtherTypeIPv4 || b>>4 == 6 && etherType == EtherTypeIPv6)
		case linkIPv4:
			return truth(etherType == EtherTypeIPv4)
		case linkIPv6:
			return truth(etherType == EtherTypeIPv6)
		}
		return no
	}
}

// netField compares bits of the network header.
func netField(tags int, off uint64, size int, mask, value uint32) test {
	return func(v view) verdict {
		x, ok := v.load(v.net(tags)+off, size)
		if !ok {
			return reject
		}
		return truth(x&mask == value)
	}
}

func ipv4Proto(tags int, proto uint32) test {
	return and(linkProto(tags, EtherTypeIPv4), netField(tags, 9, 1, 0xff, proto))
}

// ipv6Proto finds a Next Header in the IPv6 header or in a fragment header
// right behind it.
func ipv6Proto(tags int, proto uint32) test {
	return and(linkProto(tags, EtherTypeIPv6), or(
		and(netField(tags, 6, 1, 0xff, 44), netField(tags, 40, 1, 0xff, proto)),
		netField(tags, 6, 1, 0xff, proto)))
}

// firstFragment: the fragment offset of an IPv4 header is zero.
func firstFragment(tags int) test { return netField(tags, 6, 2, 0x1fff, 0) }

// directed combines the tests of the source and the destination.
func directed(d direction, src, dst test) test {
	switch d {
	case dirSrc:
		return src
	case dirDst:
		return dst
	case dirBoth:
		return and(src, dst)
	}
	return or(src, dst)
}

// ports tests the ports of TCP, UDP and SCTP, or of one of them (proto not 0).
func ports(tags int, proto uint32, d direction, lo, hi uint32) test {
	protos := []uint32{6, 17, 132}
	if proto != 0 {
		protos = []uint32{proto}
	}
	anyOf := func(off uint64) test {
		t := test(nil)
		for _, p := range protos {
			if x := netField(tags, off, 1, 0xff, p); t == nil {
				t = x
			} else {
				t = or(t, x)
			}
		}
		return t
	}
	at4 := func(off uint64) test {
		return func(v view) verdict {
			base, ok := v.transport(tags)
			if !ok {
				return reject
			}
			x, ok := v.load(base+off, 2)
			if !ok {
				return reject
			}
			return truth(x >= lo && x <= hi)
		}
	}
	at6 := func(off uint64) test {
		return func(v view) verdict {
			x, ok := v.load(v.net(tags)+40+off, 2)
			if !ok {
				return reject
			}
			return truth(x >= lo && x <= hi)
		}
	}
	return or(
		and(linkProto(tags, EtherTypeIPv6), and(anyOf(6), directed(d, at6(0), at6(2)))),
		and(linkProto(tags, EtherTypeIPv4), and(anyOf(9), and(firstFragment(tags), directed(d, at4(0), at4(2))))))
}

// ipv4Net tests the addresses of IPv4, ARP or RARP packets.
func ipv4Net(tags int, etherType uint16, d direction, addr, mask uint32) test {
	src, dst := uint64(12), uint64(16)
	if etherType != EtherTypeIPv4 {
		src, dst = 14, 24
	}
	return and(linkProto(tags, etherType),
		directed(d, netField(tags, src, 4, mask, addr), netField(tags, dst, 4, mask, addr)))
}

func ipv6Net(tags int, d direction, addr [16]byte, bitLen int) test {
	at := func(off uint64) test {
		t := test(nil)
		for i := range 4 {
			word := binary.BigEndian.Uint32(addr[4*i:])
			mask := ^uint32(0)
			if n := 32*(i+1) - bitLen; n > 0 {
				mask = uint32(uint64(mask) << min(n, 32))
			}
			if mask == 0 && i > 0 {
				break
			}
			if f := netField(tags, off+uint64(4*i), 4, mask, word); t == nil {
				t = f
			} else {
				t = and(t, f)
			}
		}
		return t
	}
	return and(linkProto(tags, EtherTypeIPv6), directed(d, at(8), at(24)))
}

func etherHost(d direction, addr [6]byte) test {
	at := func(off int) test {
		return func(v view) verdict {
			if v.link != linkEther {
				return no
			}
			if len(v.b) < off+6 {
				return reject
			}
			return truth([6]byte(v.b[off:]) == addr)
		}
	}
	return directed(d, at(6), at(0))
}

// etherMulticast tests the group bit of the destination.
func etherMulticast(v view) verdict {
	if v.link != linkEther {
		return no
	}
	if len(v.b) == 0 {
		return reject
	}
	return truth(v.b[0]&1 != 0)
}

// vlanTag tests for a tag behind tags others; id is -1 for any.
func vlanTag(tags, id int) test {
	t := or(or(linkProto(tags, etherTypeVLAN), linkProto(tags, etherTypeQinQ)), linkProto(tags, etherTypeOld))
	if id >= 0 {
		t = and(t, netField(tags, 0, 2, 0x0fff, uint32(id)))
	}
	return func(v view) verdict {
		if v.link != linkEther {
			return no
		}
		return t(v)
	}
}
