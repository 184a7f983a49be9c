package pcapio

import "strings"

// value of arithmetic: a 32-bit number, unsigned as in BPF. ok is false for a
// load behind the end of the packet and a division by zero.
type value func(v view) (n uint32, ok bool)

// operand is a value and the protocol tests that it asks for (nil: none): a
// comparison is false where they are.
type operand struct {
	val     value
	needs   test
	literal bool // does not depend on the packet
}

// comparison parses ARITH RELATION ARITH if one is here, and returns nil,
// having consumed nothing, if not.
func (p *filterParser) comparison() test {
	c := p.cur()
	other := false // the same token can start another kind of term
	switch {
	case c.kind == tokNumber, p.is("("):
		other = true
	case p.is("len", "-"):
	case c.kind == tokWord && p.toks[p.i+1].kind == tokOp && p.toks[p.i+1].text == "[":
	case c.kind == tokWord && p.named():
	default:
		return nil
	}
	if !other {
		return p.relation()
	}
	start, q := p.i, p.q
	t, err := p.attempt(p.relation)
	if err == nil {
		return t
	}
	// Its error counts if nothing gets further.
	if !strings.HasPrefix(err.Msg, noRelation) && (p.far == nil || err.Pos > p.far.Pos) {
		p.far = err
	}
	p.i, p.q = start, q
	return nil
}

const noRelation = "a comparison is missing"

func (p *filterParser) relation() test {
	left := p.arith(0)
	var cmp func(a, b uint32) bool
	if p.cur().kind == tokOp {
		cmp = relation(p.cur().text)
	}
	if cmp == nil {
		p.fail(noRelation+" before %v", p.cur())
	}
	p.i++
	right := p.arith(0)
	p.q = qualifiers{}
	return compare(left, right, cmp)
}

func (p *filterParser) named() bool {
	_, ok := arithNames[p.cur().text]
	return ok
}

func relation(op string) func(a, b uint32) bool {
	switch op {
	case "=", "==":
		return func(a, b uint32) bool { return a == b }
	case "!=":
		return func(a, b uint32) bool { return a != b }
	case "<":
		return func(a, b uint32) bool { return a < b }
	case "<=":
		return func(a, b uint32) bool { return a <= b }
	case ">":
		return func(a, b uint32) bool { return a > b }
	case ">=":
		return func(a, b uint32) bool { return a >= b }
	}
	return nil
}

func compare(l, r operand, cmp func(a, b uint32) bool) test {
	t := func(v view) verdict {
		a, ok := l.val(v)
		if !ok {
			return reject
		}
		b, ok := r.val(v)
		if !ok {
			return reject
		}
		return truth(cmp(a, b))
	}
	if needs := both(l.needs, r.needs); needs != nil {
		return and(needs, t)
	}
	return t
}

func both(a, b test) test {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return and(a, b)
}

// arithLevels are the operators, those that bind least first.
var arithLevels = [...][]string{{"|", "^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"}}

func (p *filterParser) arith(level int) operand {
	if level == len(arithLevels) {
		return p.unary()
	}
	x := p.arith(level + 1)
	for p.is(arithLevels[level]...) {
		op := p.next()
		pos := p.cur().pos
		y := p.arith(level + 1)
		if n, _ := y.val(view{}); n == 0 && y.literal && (op.text == "/" || op.text == "%") {
			p.failAt(pos, "division by zero")
		}
		x = operand{combine(op.text, x.val, y.val), both(x.needs, y.needs), x.literal && y.literal}
	}
	return x
}

func combine(op string, x, y value) value {
	f := map[string]func(a, b uint32) (uint32, bool){
		"|":  func(a, b uint32) (uint32, bool) { return a | b, true },
		"^":  func(a, b uint32) (uint32, bool) { return a ^ b, true },
		"&":  func(a, b uint32) (uint32, bool) { return a & b, true },
		"<<": func(a, b uint32) (uint32, bool) { return a << b, true },
		">>": func(a, b uint32) (uint32, bool) { return a >> b, true },
		"+":  func(a, b uint32) (uint32, bool) { return a + b, true },
		"-":  func(a, b uint32) (uint32, bool) { return a - b, true },
		"*":  func(a, b uint32) (uint32, bool) { return a * b, true },
		"/": func(a, b uint32) (uint32, bool) {
			if b == 0 {
				return 0, false
			}
			return a / b, true
		},
		"%": func(a, b uint32) (uint32, bool) {
			if b == 0 {
				return 0, false
			}
			return a % b, true
		},
	}[op]
	return func(v view) (uint32, bool) {
		a, ok := x(v)
		if !ok {
			return 0, false
		}
		b, ok := y(v)
		if !ok {
			return 0, false
		}
		return f(a, b)
	}
}

// unary: -x, ( x ), a number or its name, len, PROTO[OFFSET:SIZE].
func (p *filterParser) unary() operand {
	defer p.enter()()
	c := p.next()
	switch {
	case c.kind == tokNumber:
		return constant(c.num)
	case c.kind == tokOp && c.text == "-":
		x := p.unary()
		return operand{combine("-", constant(0).val, x.val), x.needs, x.literal}
	case c.kind == tokOp && c.text == "(":
		x := p.arith(0)
		p.expect(")")
		return x
	case c.kind == tokWord && c.text == "len":
		return operand{val: func(v view) (uint32, bool) { return v.wire, true }}
	case c.kind == tokWord:
		if n, ok := arithNames[c.text]; ok {
			return constant(n)
		}
		if p.is("[") {
			return p.accessor(c)
		}
	}
	p.failAt(c.pos, "a number is missing before %v", c)
	return operand{}
}

func constant(n uint32) operand {
	return operand{val: func(view) (uint32, bool) { return n, true }, literal: true}
}

// accessor: PROTO[OFFSET] or PROTO[OFFSET:SIZE]. Transport protocols are found
// over IPv4 only, as in libpcap, except icmp6.
func (p *filterParser) accessor(proto token) operand {
	tags := p.tags
	var base func(v view) (uint64, bool)
	var needs test
	network := func(v view) (uint64, bool) { return v.net(tags), true }
	switch name := proto.text; name {
	case "ether":
		base = func(v view) (uint64, bool) { return 0, true }
	case "ip", "ip6", "arp", "rarp":
		base, needs = network, linkProto(tags, linkProtocols[name])
	case "icmp6", "icmpv6":
		base = func(v view) (uint64, bool) { return v.net(tags) + 40, true }
		needs = and(linkProto(tags, EtherTypeIPv6), netField(tags, 6, 1, 0xff, 58))
	default:
		x, ok := ipProtocols[name]
		if !ok || name == "ah" || name == "esp" {
			p.failAt(proto.pos, "bytes of %v cannot be looked at", proto)
		}
		base = func(v view) (uint64, bool) { return v.transport(tags) }
		needs = and(ipv4Proto(tags, x.num), firstFragment(tags))
	}
	p.expect("[")
	off := p.arith(0)
	size := 1
	if p.accept(":") {
		pos := p.cur().pos
		size = int(p.number("a size"))
		if size != 1 && size != 2 && size != 4 {
			p.failAt(pos, "a size is 1, 2 or 4")
		}
	}
	p.expect("]")
	val := func(v view) (uint32, bool) {
		b, ok := base(v)
		if !ok {
			return 0, false
		}
		n, ok := off.val(v)
		if !ok {
			return 0, false
		}
		return v.load(b+uint64(n), size)
	}
	return operand{val: val, needs: both(needs, off.needs)}
}
