package dietesp

import (
	"bytes"
	"math/rand"
	"strings"
	"testing"

	"github.com/schckit/schckit/esp"
)

// This file is sealing and opening once more: written from the texts of both
// drafts, on strings of '0' and '1', with no engine and no Rules. It takes
// encryption from package esp, which has a slow reference of its own.

func slowBits(b []byte) string {
	var s strings.Builder
	for _, x := range b {
		for i := 7; i >= 0; i-- {
			s.WriteByte('0' + x>>i&1)
		}
	}
	return s.String()
}

func slowBytes(s string) []byte {
	if len(s)%8 != 0 {
		panic("not whole bytes")
	}
	b := make([]byte, len(s)/8)
	for i := range s {
		b[i/8] |= (s[i] - '0') << (7 - i%8)
	}
	return b
}

func slowNum(v uint64, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '0' + byte(v>>(n-1-i)&1)
	}
	return string(b)
}

func slowUint(s string) (v uint64) {
	for i := range s {
		v = v<<1 | uint64(s[i]-'0')
	}
	return v
}

// slowSum is the Internet checksum of s, padded with zeros.
func slowSum(s string) string {
	sum := uint64(0)
	for s += strings.Repeat("0", (16-len(s)%16)%16); s != ""; s = s[16:] {
		sum += slowUint(s[:16])
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return slowNum(sum^0xffff, 16)
}

// slowCRC32c is the checksum of SCTP (RFC 9260, Appendix A).
func slowCRC32c(b []byte) string {
	c := ^uint32(0)
	for _, x := range b {
		c ^= uint32(x)
		for i := 0; i < 8; i++ {
			c = c>>1 ^ c&1*0x82f63b78
		}
	}
	c = ^c
	return slowBits([]byte{byte(c), byte(c >> 8), byte(c >> 16), byte(c >> 24)})
}

// A slowField is one header field and what the draft's text says of it.
type slowField struct {
	bits int
	// how: "sent", "=VALUE" (not sent, that value), "lsb PREFIX", "list V V V",
	// "lower VALUE", "checksum" and "length" (computed), "lost"
	how string
}

// slowSA is an SA for the slow reference.
type slowSA struct {
	c     esp.Config
	alg   esp.Algorithm
	a     Attributes
	suite *esp.Suite
}

func (s *slowSA) v6() bool {
	t := &s.a.Selectors
	return t.Version == 6 || t.Version == 0 && (t.SrcStart.Len() == 16 || t.DstStart.Len() == 16)
}

// prefix is prefix_bits(start, end) of Section 4.2.
func slowPrefix(start, end string) string {
	n := 0
	for n < len(start) && start[n] == end[n] {
		n++
	}
	return "lsb " + start[:n]
}

func (s *slowSA) addr(start, end esp.Addr) string {
	if !start.IsValid() {
		return "sent"
	}
	return slowPrefix(slowBits(start.Bytes()), slowBits(end.Bytes()))
}

func (s *slowSA) port(start, end uint16) string {
	if start == 0 && end == 0 {
		return "sent"
	}
	return slowPrefix(slowNum(uint64(start), 16), slowNum(uint64(end), 16))
}

func slowList(bits int, list []uint8) string {
	if len(list) == 1 {
		return "=" + slowNum(uint64(list[0]), bits)
	}
	s := "list"
	for _, v := range list {
		s += " " + slowNum(uint64(v), bits)
	}
	return s
}

func (s *slowSA) proto() string {
	for _, p := range s.a.Selectors.Protocols {
		if p == 0 {
			return "sent"
		}
	}
	if len(s.a.Selectors.Protocols) == 0 {
		return "sent"
	}
	return slowList(8, s.a.Selectors.Protocols)
}

func slowAction(a Action, zero, lower string) string {
	switch a {
	case ActionLower:
		return "lower " + lower
	case ActionZero:
		return "=" + zero
	case ActionGenerated:
		return "lost"
	}
	return "sent"
}

// ipFields are the fields of the inner IP header (Sections 6.1.2 and 6.1.3), with
// what the outer header has.
func (s *slowSA) ipFields(outer string) []slowField {
	class, label, hops := outer[4:12], outer[12:32], outer[56:64]
	if outer[:4] == "0100" {
		class, label, hops = outer[8:16], "0000"+outer[32:48], outer[64:72]
	}
	t := &s.a.Selectors
	dscp := slowAction(s.a.DSCP, "", class[:6])
	if s.a.DSCP == ActionSA {
		dscp = slowList(6, s.a.DSCPs)
	}
	ecn := slowAction(s.a.ECN, "", class[6:])
	hop := "lower " + hops
	if s.a.HopLimit == HopLimitValueSent {
		hop = "sent"
	}
	src, dst := s.addr(t.SrcStart, t.SrcEnd), s.addr(t.DstStart, t.DstEnd)
	if s.v6() {
		return []slowField{{4, "=0110"}, {6, dscp}, {2, ecn}, {20, slowAction(s.a.FlowLabel, slowNum(0, 20), label)},
			{16, "length"}, {8, s.proto()}, {8, hop}, {128, src}, {128, dst}}
	}
	return []slowField{{4, "=0100"}, {4, "sent"}, {6, dscp}, {2, ecn}, {16, "length"},
		{16, slowAction(s.a.FlowLabel, slowNum(0, 16), label[4:])}, {3, "sent"}, {13, "sent"}, {8, hop}, {8, s.proto()},
		{16, "checksum"}, {32, src}, {32, dst}}
}

// transportFields are those of Section 6.1.1.
func (s *slowSA) transportFields(proto uint64) []slowField {
	t := &s.a.Selectors
	ports := []slowField{{16, s.port(t.SrcPortStart, t.SrcPortEnd)}, {16, s.port(t.DstPortStart, t.DstPortEnd)}}
	sent := func(list ...int) (f []slowField) {
		for _, n := range list {
			f = append(f, slowField{n, "sent"})
		}
		return f
	}
	switch proto {
	case 17, 136:
		return append(ports, slowField{16, "length"}, slowField{16, "checksum"})
	case 6: // sequence, acknowledgment, offset, reserved, flags, window; urgent pointer
		return append(append(append(ports, sent(32, 32, 4, 4, 8, 16)...), slowField{16, "checksum"}), sent(16)...)
	case 132:
		return append(append(ports, sent(32)...), slowField{32, "checksum"})
	}
	return nil
}

// described returns the protocol whose header the Rule describes, 0 for none.
func (s *slowSA) described(proto uint64) uint64 {
	list := s.a.Selectors.Protocols
	if s.a.Profile == ProfileEHC2023 {
		return proto // "If the inner IP payload is an UDP or TCP packet the checksum is elided"
	}
	if len(list) == 1 {
		return uint64(list[0])
	}
	return 0
}

// pseudo is the pseudo-header of a segment of n bytes.
func slowPseudo(ip string, proto uint64, n int) string {
	addrs := ip[64:min(320, len(ip))]
	if ip[:4] == "0100" {
		addrs = ip[96:160]
	}
	return addrs + slowNum(uint64(n), 32) + slowNum(proto, 32)
}

// checksum returns the right checksum of a segment.
func slowChecksum(ip string, proto uint64, seg string) string {
	at := map[uint64]int{17: 48, 136: 48, 6: 128}[proto]
	if proto == 132 {
		return slowCRC32c(slowBytes(seg[:64] + slowNum(0, 32) + seg[96:]))
	}
	seg = seg[:at] + slowNum(0, 16) + seg[at+16:]
	sum := slowSum(slowPseudo(ip, proto, len(seg)/8) + seg)
	if sum == slowNum(0, 16) && proto != 6 {
		sum = slowNum(0xffff, 16)
	}
	return sum
}

// shrink compresses the header fields at the front of v; sum is the right
// checksum, length the right length. It returns the residue and how many bits the
// fields have; ok is false if the packet would not come back.
func slowShrink(v string, fields []slowField, sum, length string) (residue string, n int, ok bool) {
	for _, f := range fields {
		if len(v) < n+f.bits {
			return "", 0, false
		}
		x := v[n : n+f.bits]
		n += f.bits
		how, arg, _ := strings.Cut(f.how, " ")
		switch {
		case how == "sent":
			residue += x
		case how[0] == '=':
			ok = x == how[1:]
		case how == "lsb":
			ok = strings.HasPrefix(x, arg)
			residue += x[len(arg):]
		case how == "list":
			list := strings.Fields(arg)
			i := 0
			for i < len(list) && list[i] != x {
				i++
			}
			ok = i < len(list)
			residue += slowNum(uint64(i), slowWidth(len(list)))
		case how == "lower":
			ok = x == arg
		case how == "checksum":
			ok = x == sum
		case how == "length":
			ok = x == length
		}
		if how != "sent" && how != "lost" && !ok {
			return "", 0, false
		}
	}
	return residue, n, true
}

func slowWidth(n int) int {
	w := 0
	for 1<<w < n {
		w++
	}
	return w
}

// slowGrow is the inverse: fields that are computed come out as '?'.
func slowGrow(r *string, fields []slowField) (v string) {
	take := func(n int) string {
		x := (*r)[:n]
		*r = (*r)[n:]
		return x
	}
	for _, f := range fields {
		how, arg, _ := strings.Cut(f.how, " ")
		switch {
		case how == "sent":
			v += take(f.bits)
		case how[0] == '=':
			v += how[1:]
		case how == "lsb":
			v += arg + take(f.bits-len(arg))
		case how == "list":
			list := strings.Fields(arg)
			v += list[slowUint(take(slowWidth(len(list))))]
		case how == "lower":
			v += arg
		case how == "lost":
			v += slowNum(0, f.bits)
		default:
			v += strings.Repeat("?", f.bits)
		}
	}
	return v
}

// slowIP takes apart what is compressed: in tunnel mode the inner packet, in
// transport mode what follows the IP headers.
func (s *slowSA) iipc(payload, ip, outer string, proto uint64) (front, rest string, ok bool) {
	if s.a.IIPC == IIPCNotCompressed {
		return "", payload, true
	}
	residue := ""
	seg := payload
	if s.c.Mode == esp.ModeTunnel {
		length := slowNum(uint64(len(payload)/8-40), 16)
		sum := ""
		if !s.v6() {
			length = slowNum(uint64(len(payload)/8), 16)
			if n := int(slowUint(payload[4:8])) * 32; n >= 160 && n <= len(payload) {
				sum = slowSum(payload[:80] + payload[96:n])
			}
		}
		r, n, ok := slowShrink(payload, s.ipFields(outer), sum, length)
		if !ok {
			return "", "", false
		}
		residue, seg = r, payload[n:]
	}
	fields := s.transportFields(s.described(proto))
	if fields != nil {
		if s.c.Mode == esp.ModeTunnel && !s.v6() && (payload[4:8] != "0101" || slowUint(payload[51:64]) != 0) {
			return "", "", false // options, or a later fragment
		}
		if proto != s.described(proto) || len(seg) < map[uint64]int{17: 64, 136: 64, 6: 160, 132: 96}[proto] {
			return "", "", false
		}
		r, n, ok := slowShrink(seg, fields, slowChecksum(ip, proto, seg), slowNum(uint64(len(seg)/8), 16))
		if !ok {
			return "", "", false
		}
		residue += r
		seg = seg[n:]
	}
	if s.c.Mode == esp.ModeTransport && fields == nil {
		return "", seg, true
	}
	if s.a.RuleID == RuleIDSent {
		residue = "00000001" + residue
	}
	if s.a.Profile == ProfileDietESP10 {
		residue += strings.Repeat("0", (8-len(residue)%8)%8)
	}
	return residue, seg, true
}

// trailer compresses the ESP trailer behind n bits (Section 6.2).
func (s *slowSA) trailer(n int, next uint64) (string, bool) {
	nh := "sent"
	switch {
	case s.a.Trailer == TrailerMandatory:
	case s.c.Mode == esp.ModeTransport:
		nh = s.proto()
	case s.v6():
		nh = "=" + slowNum(41, 8)
	default:
		nh = "=" + slowNum(4, 8)
	}
	r, _, ok := slowShrink(slowNum(next, 8), []slowField{{8, nh}}, "", "")
	if !ok {
		return "", false
	}
	block := map[bool]int{true: 128, false: 8}[s.alg.Encr == esp.EncrAESCBC]
	word := max(block, map[Alignment]int{Alignment8: 8, Alignment16: 16, Alignment32: 32, Alignment64: 64}[s.a.Alignment])
	if s.a.Profile == ProfileEHC2023 {
		k := map[int]int{8: 3, 32: 5, 128: 7}[word]
		if word == 8 && s.alwaysWhole() {
			return r, true
		}
		pad := 0
		for (n+len(r)+pad+k)%word != 0 {
			pad++
		}
		return r + strings.Repeat("0", pad) + slowNum(uint64(pad), k), true
	}
	id := ""
	if s.a.RuleID == RuleIDSent {
		id = "00000010"
	}
	if word == 8 && s.a.Trailer == TrailerOptional {
		return id + r, true
	}
	padding := ""
	for i := 1; (n+len(id)+len(padding)+8+len(r))%word != 0; i++ {
		padding += slowNum(uint64(i), 8)
	}
	return id + padding + slowNum(uint64(len(padding)/8), 8) + r, true
}

// alwaysWhole reports whether all packets of the SA have whole bytes in front of
// the padding of the 2023 profile.
func (s *slowSA) alwaysWhole() bool {
	n := func(fields []slowField) (n int) {
		for _, f := range fields {
			how, arg, _ := strings.Cut(f.how, " ")
			switch how {
			case "sent":
				n += f.bits
			case "lsb":
				n += f.bits - len(arg)
			case "list":
				n += slowWidth(len(strings.Fields(arg)))
			}
		}
		return n
	}
	front := 0
	if s.c.Mode == esp.ModeTunnel {
		front = n(s.ipFields(strings.Repeat("0", 320)))
	} else {
		front = n([]slowField{{8, s.proto()}})
	}
	list := s.a.Selectors.Protocols
	if s.proto() == "sent" || len(list) > 1 {
		// What is not one of the transport protocols may come, too.
		if front%8 != 0 {
			return false
		}
		if s.proto() == "sent" {
			list = []uint8{6, 17, 132, 136}
		}
	}
	for _, p := range list {
		if (front+n(s.transportFields(uint64(p))))%8 != 0 {
			return false
		}
	}
	return true
}

// head is the compressed ESP header (Section 6.3).
func (s *slowSA) head(seq uint64) string {
	id := ""
	if s.a.RuleID == RuleIDSent {
		id = "00000011"
	}
	return id + slowNum(uint64(s.c.SPI), 32)[32-s.a.SPILSBBits:] + slowNum(seq&0xffffffff, 32)[32-s.a.SNLSBBits:]
}

// seal returns the packet with sequence number seq; ok is false if the Rules do
// not describe pkt.
func (s *slowSA) seal(pkt []byte, seq uint64) (out []byte, ok bool) {
	v := slowBits(pkt)
	ip, payload := v, v
	proto, end := slowUint(v[48:56]), 320
	if v[:4] == "0100" {
		proto, end = slowUint(v[72:80]), int(slowUint(v[4:8]))*32
	}
	outer, next := v[:end], proto
	if s.c.Mode == esp.ModeTunnel {
		next = map[string]uint64{"0110": 41, "0100": 4}[v[:4]]
		class, label := v[4:12], v[12:32]
		if v[:4] == "0100" {
			class, label = v[8:16], "0000"+v[32:48]
		}
		if s.a.FlowLabel != ActionLower || s.a.IIPC == IIPCNotCompressed {
			label = slowNum(0, 20)
		}
		if s.a.FlowLabel == ActionGenerated && s.a.IIPC == IIPCDietESP && v[:4] == "0100" && slowUint(v[50:64]) != 0 {
			return nil, false
		}
		outer = "0110" + class + label + slowNum(0, 16) + slowNum(145, 8) + slowNum(64, 8)
		if s.c.Src.Len() == 4 {
			outer = "01000101" + class + slowNum(0, 16) + label[4:] + "0100000000000000" + slowNum(64, 8) + slowNum(145, 8) + slowNum(0, 16)
		}
		outer += slowBits(s.c.Src.Bytes()) + slowBits(s.c.Dst.Bytes())
	} else {
		payload = v[end:]
		if v[:4] == "0110" {
			outer = v[:48] + slowNum(145, 8) + v[56:end]
		} else {
			outer = v[:72] + slowNum(145, 8) + v[80:end]
		}
	}
	front, rest, ok := s.iipc(payload, ip, outer, proto)
	if !ok {
		return nil, false
	}
	tail, ok := s.trailer(len(front)+len(rest), next)
	if !ok {
		return nil, false
	}
	text := slowBytes(front + rest + tail)
	body := make([]byte, s.suite.IVLen(), 2000)
	s.suite.PutIV(body, seq)
	body = append(append(body, text...), make([]byte, s.suite.ICVLen())...)
	if err := s.suite.Seal(body, s.c.SPI, seq, s.c.ESN); err != nil {
		panic(err)
	}
	out = append(append(slowBytes(outer), slowBytes(s.head(seq))...), body...)
	if outer[:4] == "0110" {
		out[4], out[5] = byte((len(out)-40)>>8), byte(len(out)-40)
	} else {
		out[2], out[3], out[10], out[11] = byte(len(out)>>8), byte(len(out)), 0, 0
		copy(out[10:], slowBytes(slowSum(slowBits(out[:len(outer)/8]))))
	}
	return out, true
}

// open returns the packet that was protected with sequence number seq.
func (s *slowSA) open(wire []byte, seq uint64) []byte {
	w := slowBits(wire)
	end := 320
	if w[:4] == "0100" {
		end = int(slowUint(w[4:8])) * 32
	}
	text, err := s.suite.AppendOpen(nil, wire[(end+len(s.head(seq)))/8:], s.c.SPI, seq, s.c.ESN)
	if err != nil {
		return nil
	}
	b := slowBits(text)
	// From the end: the trailer.
	nh := slowField{8, "sent"}
	switch {
	case s.a.Trailer == TrailerMandatory:
	case s.c.Mode == esp.ModeTransport:
		nh.how = s.proto()
	case s.v6():
		nh.how = "=" + slowNum(41, 8)
	default:
		nh.how = "=" + slowNum(4, 8)
	}
	var next uint64
	untrail := func() {
		n := 0
		switch how, arg, _ := strings.Cut(nh.how, " "); how {
		case "sent":
			n = 8
		case "list":
			n = slowWidth(len(strings.Fields(arg)))
		}
		r := b[len(b)-n:]
		b = b[:len(b)-n]
		next = slowUint(slowGrow(&r, []slowField{nh}))
	}
	block := s.alg.Encr == esp.EncrAESCBC
	if s.a.Profile == ProfileEHC2023 {
		k := 0
		switch {
		case block:
			k = 7
		case s.a.Alignment == Alignment32:
			k = 5
		case !s.alwaysWhole():
			k = 3
		}
		pad := int(slowUint(b[len(b)-k:]))
		b = b[:len(b)-k-pad]
		untrail()
	} else {
		untrail()
		if s.a.Trailer == TrailerMandatory || s.a.Alignment != Alignment8 || block {
			pad := int(slowUint(b[len(b)-8:]))
			b = b[:len(b)-8-8*pad]
		}
		if s.a.RuleID == RuleIDSent {
			b = b[:len(b)-8]
		}
	}
	return s.expand(b, w[:end], next)
}

// expand undoes iipc.
func (s *slowSA) expand(b, outer string, next uint64) []byte {
	proto := next
	list := s.a.Selectors.Protocols
	nothing := s.a.IIPC == IIPCNotCompressed || s.c.Mode == esp.ModeTransport && s.transportFields(s.described(proto)) == nil
	all := len(b)
	if s.a.RuleID == RuleIDSent && !nothing {
		b = b[8:]
	}
	ip, seg := outer, ""
	if s.c.Mode == esp.ModeTunnel && !nothing {
		ip = slowGrow(&b, s.ipFields(outer))
		at := 48
		if !s.v6() {
			at = 72
		}
		proto = slowUint(ip[at : at+8])
	}
	if !nothing {
		if s.a.Profile == ProfileDietESP10 && len(list) == 1 {
			proto = uint64(list[0])
		}
		seg = slowGrow(&b, s.transportFields(s.described(proto)))
		if s.a.Profile == ProfileDietESP10 {
			b = b[(8-(all-len(b))%8)%8:]
		}
	}
	seg += b
	out := outer + seg
	if s.c.Mode == esp.ModeTunnel {
		out = ip + seg
		if nothing {
			out = seg
		}
	}
	return s.compute(out, len(out)-len(seg), proto, next, nothing)
}

// compute fills in what is computed: lengths and checksums, and what transport
// mode changes in the headers that stayed.
func (s *slowSA) compute(v string, end int, proto, next uint64, nothing bool) []byte {
	set := func(at, n int, x string) { v = v[:at] + x + v[at+n:] }
	n := len(v) / 8
	if s.c.Mode == esp.ModeTunnel && nothing {
		return slowBytes(v)
	}
	if s.c.Mode == esp.ModeTransport {
		if v[:4] == "0110" {
			set(48, 8, slowNum(next, 8))
		} else {
			set(72, 8, slowNum(next, 8))
		}
	}
	if v[:4] == "0110" {
		set(32, 16, slowNum(uint64(n-40), 16))
	} else {
		set(16, 16, slowNum(uint64(n), 16))
		head := int(slowUint(v[4:8])) * 32
		set(80, 16, slowSum(v[:80]+v[96:head]))
	}
	if nothing || s.transportFields(s.described(proto)) == nil {
		return slowBytes(v)
	}
	if proto == 17 || proto == 136 {
		set(end+32, 16, slowNum(uint64((len(v)-end)/8), 16))
	}
	at := map[uint64]int{17: 48, 136: 48, 6: 128, 132: 64}[proto]
	width := 16
	if proto == 132 {
		width = 32
	}
	set(end+at, width, slowNum(0, width))
	set(end+at, width, slowChecksum(v[:end], proto, v[end:]))
	return slowBytes(v)
}

// spoil makes something of a packet wrong, or unusual.
func (g gen) spoil(pkt []byte) []byte {
	b := bytes.Clone(pkt)
	switch g.Intn(4) {
	case 0:
		b[g.Intn(len(b))] ^= 1 << g.Intn(8)
	case 1:
		b[g.Intn(min(len(b), 60))] ^= 1 << g.Intn(8)
	case 2:
		if len(b) > 48 {
			b[46], b[47] = 0, 0
		}
	case 3:
		b = b[:g.Intn(len(b)+1)]
	}
	return b
}

// The package seals as the slow reference does, refuses what it refuses, and
// each opens what the other sealed.
func TestSlow(t *testing.T) {
	var g gen
	same, refused := 0, 0
	for i := 0; i < 8000; i++ {
		if testing.Short() && i >= 800 {
			return
		}
		seed := int64(i / 500)
		if i%500 == 0 {
			g = gen{rand.New(rand.NewSource(seed))}
		}
		c, alg := g.config(), mustAlgorithm(pick(g, testAlgorithms...))
		a := g.attributes(&c, alg)
		s := &slowSA{c, alg, a, mustSuite(alg)}
		out, in := mustSA(t, c, alg, a), mustSA(t, c, alg, a)
		for j := 0; j < 6; j++ {
			pkt := g.packet(&a)
			if g.chance(30) {
				pkt = g.spoil(pkt)
			}
			got, err := out.AppendSeal(nil, pkt)
			if err != nil && err != ErrNoRule {
				continue // not a packet that ESP can protect
			}
			want, ok := s.seal(pkt, out.Sent()+map[bool]uint64{true: 1}[err != nil])
			if ok != (err == nil) || ok && !bytes.Equal(got, want) {
				t.Fatalf("seed %d: %+v\n%+v %v\nAppendSeal(%x)\n = %x, %v\nwant %x, %v", seed, a, c, alg, pkt, got, err, want, ok)
			}
			if !ok {
				refused++
				continue
			}
			same++
			back := s.open(got, out.Sent())
			mine, err := in.AppendOpen(nil, got)
			if a.FlowLabel == ActionGenerated && c.Mode == esp.ModeTunnel && a.IIPC == IIPCDietESP {
				clearLabel(back)
				clearLabel(mine)
				clearLabel(pkt)
			}
			if err != nil || !bytes.Equal(back, pkt) || !bytes.Equal(mine, pkt) {
				t.Fatalf("seed %d: %+v\n%+v %v\nopening %x:\nslow %x\nfast %x, %v\nwant %x", seed, a, c, alg, got, back, mine, err, pkt)
			}
		}
	}
	if same < 3000 || refused < 500 {
		t.Errorf("%d packets alike, %d refused: the generator is one-sided", same, refused)
	}
}
