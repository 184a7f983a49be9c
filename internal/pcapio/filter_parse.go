package pcapio

import (
	"fmt"
	"strconv"
	"strings"
)

// direction is a src or dst qualifier.
type direction uint8

const (
	dirDefault direction = iota // either
	dirSrc
	dirDst
	dirEither
	dirBoth
)

// qualifiers of a primitive, kept for "port 80 or 443".
type qualifiers struct {
	proto string // "", ether, ip, ip6, arp, rarp, tcp, ...
	dir   direction
	typ   string // "" (host), host, net, port, portrange, proto
	set   bool
}

// ipProtocols are the words that stand for an IP protocol number: over which
// IP versions, and the number.
var ipProtocols = map[string]struct {
	v4, v6 bool
	num    uint32
}{
	"icmp": {true, false, 1}, "igmp": {true, false, 2}, "igrp": {true, false, 9}, "vrrp": {true, false, 112},
	"tcp": {true, true, 6}, "udp": {true, true, 17}, "sctp": {true, true, 132}, "pim": {true, true, 103},
	"ah": {true, true, 51}, "esp": {true, true, 50},
	"icmp6": {false, true, 58}, "icmpv6": {false, true, 58},
}

var linkProtocols = map[string]uint16{"ip": EtherTypeIPv4, "ip6": EtherTypeIPv6, "arp": 0x0806, "rarp": 0x8035}

// protocolNumbers are the names that "proto \NAME" takes besides ipProtocols.
var protocolNumbers = map[string]uint32{
	"ipip": 4, "ipv4": 4, "egp": 8, "dccp": 33, "ipv6": 41, "ipv6-route": 43, "ipv6-frag": 44,
	"gre": 47, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "ospf": 89, "udplite": 136,
}

var portNames = map[string]uint32{
	"ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "bootps": 67, "bootpc": 68,
	"tftp": 69, "http": 80, "ntp": 123, "snmp": 161, "snmptrap": 162, "bgp": 179, "ldap": 389, "https": 443,
	"isakmp": 500, "syslog": 514, "dhcpv6-client": 546, "dhcpv6-server": 547, "radius": 1812, "mqtt": 1883,
	"ipsec-nat-t": 4500, "mdns": 5353, "coap": 5683, "coaps": 5684, "secure-mqtt": 8883,
}

// constants that arithmetic knows by name.
var arithNames = map[string]uint32{
	"tcpflags": 13, "tcp-fin": 1, "tcp-syn": 2, "tcp-rst": 4, "tcp-push": 8, "tcp-ack": 16, "tcp-urg": 32,
	"tcp-ece": 64, "tcp-cwr": 128, "icmptype": 0, "icmpcode": 1, "icmp-echoreply": 0, "icmp-unreach": 3,
	"icmp-sourcequench": 4, "icmp-redirect": 5, "icmp-echo": 8, "icmp-routeradvert": 9,
	"icmp-routersolicit": 10, "icmp-timxceed": 11, "icmp-paramprob": 12, "icmp-tstamp": 13,
	"icmp-tstampreply": 14, "icmp-ireq": 15, "icmp-ireqreply": 16, "icmp-maskreq": 17, "icmp-maskreply": 18,
	"icmp6type": 0, "icmp6code": 1, "icmp6-destinationunreach": 1, "icmp6-packettoobig": 2,
	"icmp6-timeexceeded": 3, "icmp6-parameterproblem": 4, "icmp6-echo": 128, "icmp6-echoreply": 129,
	"icmp6-routersolicit": 133, "icmp6-routeradvert": 134, "icmp6-neighborsolicit": 135,
	"icmp6-neighboradvert": 136, "icmp6-redirect": 137,
}

// notHere are words of pcap-filter(7) that get an error of their own.
var notHere = map[string]bool{
	"gateway": true, "protochain": true, "mpls": true, "pppoed": true, "pppoes": true, "geneve": true,
	"vxlan": true, "inbound": true, "outbound": true, "ifname": true, "on": true, "fddi": true, "tr": true, "wlan": true,
	"iso": true, "clnp": true, "esis": true, "isis": true, "atalk": true, "aarp": true, "decnet": true,
	"lat": true, "moprc": true, "mopdl": true, "stp": true, "ipx": true, "netbeui": true, "type": true,
	"subtype": true, "dir": true, "lane": true, "link": true, "ppp": true, "slip": true,
}

func isProtocol(s string) bool {
	_, link := linkProtocols[s]
	_, ip := ipProtocols[s]
	return link || ip || s == "ether"
}

const maxFilterDepth = 100

type filterParser struct {
	expr  string
	toks  []token
	i     int
	q     qualifiers // of the last primitive
	tags  int        // vlan tests so far: offsets of all that follows
	depth int
	far   *FilterError // the error of an abandoned attempt that got furthest
}

// parseFilter is a recursive descent over the tokens. Errors unwind as panics
// of *FilterError within it.
func parseFilter(expr string) (t test, err error) {
	toks, ferr := lexFilter(expr)
	if ferr != nil {
		return nil, ferr
	}
	if len(toks) == 1 {
		return nil, nil
	}
	p := &filterParser{expr: expr, toks: toks}
	t, ferr = p.attempt(func() test {
		t := p.expression()
		if p.cur().kind != tokEnd {
			p.fail("%v is not expected here", p.cur())
		}
		return t
	})
	if ferr != nil {
		if p.far != nil && p.far.Pos > ferr.Pos {
			ferr = p.far
		}
		return nil, ferr
	}
	return t, nil
}

// attempt calls f and returns its error.
func (p *filterParser) attempt(f func() test) (t test, err *FilterError) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *FilterError:
			t, err = nil, e
		default:
			panic(e)
		}
	}()
	return f(), nil
}

func (p *filterParser) fail(format string, args ...any) {
	p.failAt(p.cur().pos, format, args...)
}

func (p *filterParser) failAt(pos int, format string, args ...any) {
	panic(&FilterError{Expr: p.expr, Pos: pos, Msg: fmt.Sprintf(format, args...)})
}

func (p *filterParser) cur() token { return p.toks[p.i] }

func (p *filterParser) next() token {
	t := p.toks[p.i]
	if t.kind != tokEnd {
		p.i++
	}
	return t
}

// is reports whether the next token is one of these words or operators.
func (p *filterParser) is(texts ...string) bool {
	t := p.cur()
	if t.kind != tokWord && t.kind != tokOp {
		return false
	}
	for _, s := range texts {
		if t.text == s {
			return true
		}
	}
	return false
}

func (p *filterParser) accept(texts ...string) bool {
	if p.is(texts...) {
		p.i++
		return true
	}
	return false
}

func (p *filterParser) expect(text string) {
	if !p.accept(text) {
		p.fail("%q is missing before %v", text, p.cur())
	}
}

func (p *filterParser) enter() func() {
	if p.depth++; p.depth > maxFilterDepth {
		p.fail("nested too deeply")
	}
	return func() { p.depth-- }
}

// expression: terms, with "and" and "or" from left to right.
func (p *filterParser) expression() test {
	defer p.enter()()
	t := p.term()
	for {
		switch {
		case p.accept("and", "&&"):
			t = and(t, p.term())
		case p.accept("or", "||"):
			t = or(t, p.term())
		default:
			return t
		}
	}
}

// term: not term, ( expression ), a comparison, or a primitive.
func (p *filterParser) term() test {
	defer p.enter()()
	if p.accept("not", "!") {
		return not(p.term())
	}
	if t := p.comparison(); t != nil {
		return t
	}
	if p.accept("(") {
		t := p.expression()
		p.expect(")")
		return t
	}
	return p.primitive()
}

func (p *filterParser) primitive() test {
	c := p.cur()
	switch c.kind {
	case tokEnd:
		p.fail("the expression is not complete")
	case tokNumber, tokIPv4, tokIPv6, tokMAC, tokEscaped:
		return p.repeated()
	case tokOp:
		p.fail("%v is not expected here", c)
	}
	switch c.text {
	case "less", "greater":
		p.i++
		n := p.number("a length")
		if c.text == "less" {
			return func(v view) verdict { return truth(v.wire <= n) }
		}
		return func(v view) verdict { return truth(v.wire >= n) }
	case "vlan":
		p.i++
		p.q = qualifiers{}
		id := -1
		if p.cur().kind == tokNumber {
			if p.cur().num > 4095 {
				p.fail("a VLAN ID is at most 4095")
			}
			id = int(p.next().num)
		}
		p.tags++
		return vlanTag(p.tags-1, id)
	case "multicast", "broadcast":
		return p.group("ether")
	}
	q := qualifiers{set: true}
	if isProtocol(c.text) {
		q.proto = c.text
		p.i++
		if p.is("multicast", "broadcast") {
			return p.group(q.proto)
		}
	}
	q.dir = p.direction()
	if p.is("host", "net", "port", "portrange", "proto") {
		q.typ = p.next().text
	}
	if q.dir == dirDefault && q.typ == "" {
		if q.proto == "" {
			return p.unknown(c)
		}
		p.q = qualifiers{}
		return p.protocol(q.proto, c)
	}
	p.q = q
	if p.accept("(") { // port (80 or 443)
		t := p.expression()
		p.expect(")")
		return t
	}
	return p.value(q)
}

// unknown handles a word that starts no primitive: the name of a port or
// protocol under the qualifiers before ("port http or https").
func (p *filterParser) unknown(c token) test {
	if notHere[c.text] {
		p.fail("%v is not supported", c)
	}
	switch {
	case !p.q.set || p.is("and", "or", "not", "mask", "len"):
		p.fail("unknown word %v", c)
	}
	return p.value(p.q)
}

// repeated is an id without a keyword: it takes the qualifiers before.
func (p *filterParser) repeated() test {
	if !p.q.set {
		p.fail("a keyword such as host, net, port or proto is missing before %v", p.cur())
	}
	return p.value(p.q)
}

// direction: src, dst, src or dst, src and dst.
func (p *filterParser) direction() direction {
	first := p.cur().text
	if !p.accept("src", "dst") {
		return dirDefault
	}
	if p.is("or", "and") {
		if second := p.toks[p.i+1]; second.kind == tokWord && second.text != first &&
			(second.text == "src" || second.text == "dst") {
			both := p.next().text == "and"
			p.i++
			if both {
				return dirBoth
			}
			return dirEither
		}
	}
	if first == "src" {
		return dirSrc
	}
	return dirDst
}

// protocol is a protocol's name alone.
func (p *filterParser) protocol(name string, at token) test {
	if t, ok := linkProtocols[name]; ok {
		return linkProto(p.tags, t)
	}
	if x, ok := ipProtocols[name]; ok {
		return p.ipProto(x.v4, x.v6, x.num)
	}
	p.failAt(at.pos, "%q needs host, proto, multicast or broadcast behind it", name)
	return nil
}

func (p *filterParser) ipProto(v4, v6 bool, num uint32) test {
	switch {
	case !v6:
		return ipv4Proto(p.tags, num)
	case !v4:
		return ipv6Proto(p.tags, num)
	}
	return or(ipv4Proto(p.tags, num), ipv6Proto(p.tags, num))
}

// group: ether broadcast and multicast, ip multicast, ip6 multicast.
func (p *filterParser) group(proto string) test {
	p.q = qualifiers{}
	tags := p.tags
	broadcast := p.cur().text == "broadcast"
	switch {
	case proto == "ether" && broadcast:
		p.i++
		return etherHost(dirDst, [6]byte{255, 255, 255, 255, 255, 255})
	case proto == "ether":
		p.i++
		return etherMulticast
	case proto == "ip" && !broadcast:
		p.i++
		return and(linkProto(tags, EtherTypeIPv4), func(v view) verdict {
			x, ok := v.load(v.net(tags)+16, 1)
			if !ok {
				return reject
			}
			return truth(x >= 224)
		})
	case proto == "ip6" && !broadcast:
		p.i++
		return and(linkProto(tags, EtherTypeIPv6), netField(tags, 24, 1, 0xff, 255))
	}
	p.fail("%s %v is not supported", proto, p.cur())
	return nil
}

func (p *filterParser) number(what string) uint32 {
	if p.cur().kind != tokNumber {
		p.fail("%s is missing before %v", what, p.cur())
	}
	return p.next().num
}

// value reads what is behind the qualifiers.
func (p *filterParser) value(q qualifiers) test {
	if p.cur().kind == tokEnd {
		p.fail("the expression is not complete")
	}
	if p.accept("not", "!") {
		return not(p.value(q))
	}
	switch q.typ {
	case "port", "portrange":
		return p.portValue(q)
	case "proto":
		return p.protoValue(q)
	}
	return p.addressValue(q)
}

func (p *filterParser) portValue(q qualifiers) test {
	num := uint32(0)
	switch q.proto {
	case "":
	case "tcp", "udp", "sctp":
		num = ipProtocols[q.proto].num
	default:
		p.fail("%s has no ports", q.proto)
	}
	t := p.next()
	lo, hi := uint32(0), uint32(0)
	ok := false
	if first, second, found := strings.Cut(t.text, "-"); q.typ == "portrange" && found {
		var ok2 bool
		lo, ok = portNumber(first)
		hi, ok2 = portNumber(second)
		ok = ok && ok2
		lo, hi = min(lo, hi), max(lo, hi)
	}
	if !ok {
		if lo, ok = portNumber(t.text); !ok {
			p.failAt(t.pos, "%v is not a port", t)
		}
		hi = lo
	}
	return ports(p.tags, num, q.dir, lo, hi)
}

func portNumber(s string) (uint32, bool) {
	if n, ok := portNames[s]; ok {
		return n, true
	}
	n, err := strconv.ParseUint(s, 0, 16)
	return uint32(n), err == nil && !strings.Contains(s, "_")
}

func (p *filterParser) protoValue(q qualifiers) test {
	t := p.next()
	if q.dir != dirDefault {
		p.failAt(t.pos, "src and dst do not go with proto")
	}
	num, known := t.num, t.kind == tokNumber
	if q.proto == "ether" {
		if !known {
			et, ok := linkProtocols[t.text]
			num, known = uint32(et), ok
		}
		switch {
		case !known:
			p.failAt(t.pos, "%v is not an EtherType", t)
		case num <= 1500 || num > 0xffff:
			p.failAt(t.pos, "EtherType %d: only 1501 to 65535 are supported", num)
		}
		return linkProto(p.tags, uint16(num))
	}
	if !known && (t.kind == tokEscaped || t.kind == tokWord) {
		if x, ok := ipProtocols[t.text]; ok {
			num, known = x.num, true
		} else if num, known = protocolNumbers[t.text]; !known {
			p.failAt(t.pos, "%v is not a protocol (write its number)", t)
		}
	}
	if !known || num > 255 {
		p.failAt(t.pos, "%v is not an IP protocol", t)
	}
	switch q.proto {
	case "":
		return p.ipProto(true, true, num)
	case "ip":
		return p.ipProto(true, false, num)
	case "ip6":
		return p.ipProto(false, true, num)
	}
	p.failAt(t.pos, "%s proto is not possible", q.proto)
	return nil
}

// addressValue: ADDRESS, NET/LEN, NET mask MASK.
func (p *filterParser) addressValue(q qualifiers) test {
	t := p.next()
	switch t.kind {
	case tokMAC:
		if q.proto != "ether" || q.typ == "net" {
			p.failAt(t.pos, "a hardware address goes with ether host")
		}
		return etherHost(q.dir, t.mac)
	case tokIPv6:
		return p.ipv6Value(q, t)
	case tokNumber: // a short net (10), or an address as one number
		t.bits = 32
		if q.typ == "net" {
			for t.num != 0 && t.num>>24 == 0 {
				t.num <<= 8
				t.bits -= 8
			}
		}
	case tokIPv4:
	default:
		p.failAt(t.pos, "%v is not an address (names are not looked up)", t)
	}
	mask := uint32(uint64(0xffffffff) << (32 - t.bits))
	if p.is("/", "mask") {
		if q.typ != "net" {
			p.fail("a mask goes with net")
		}
		mask = p.mask(32)
	}
	if t.num&^mask != 0 {
		p.failAt(t.pos, "%s has bits behind its mask", t.text)
	}
	switch q.proto {
	case "":
		return or(or(ipv4Net(p.tags, EtherTypeIPv4, q.dir, t.num, mask),
			ipv4Net(p.tags, linkProtocols["arp"], q.dir, t.num, mask)),
			ipv4Net(p.tags, linkProtocols["rarp"], q.dir, t.num, mask))
	case "ip", "arp", "rarp":
		return ipv4Net(p.tags, linkProtocols[q.proto], q.dir, t.num, mask)
	}
	p.failAt(t.pos, "%s does not go with an IPv4 address", q.proto)
	return nil
}

func (p *filterParser) mask(width uint32) uint32 {
	if p.next().text == "mask" {
		m := p.next()
		if m.kind != tokIPv4 && m.kind != tokNumber {
			p.failAt(m.pos, "%v is not a mask", m)
		}
		return m.num
	}
	if p.cur().num > width {
		p.fail("a prefix length is at most %d", width)
	}
	return uint32(uint64(0xffffffff) << (32 - p.number("a prefix length")))
}

func (p *filterParser) ipv6Value(q qualifiers, t token) test {
	n := uint32(128)
	if p.is("/") {
		if q.typ != "net" {
			p.fail("a prefix length goes with net")
		}
		p.i++
		if n = p.number("a prefix length"); n > 128 {
			p.failAt(t.pos, "a prefix length is at most 128")
		}
	}
	if q.proto != "" && q.proto != "ip6" {
		p.failAt(t.pos, "%s does not go with an IPv6 address", q.proto)
	}
	prefix, err := t.ip6.Prefix(int(n))
	if err != nil || prefix.Addr() != t.ip6 {
		p.failAt(t.pos, "%s has bits behind its prefix length", t.text)
	}
	return ipv6Net(p.tags, q.dir, t.ip6.As16(), int(n))
}
