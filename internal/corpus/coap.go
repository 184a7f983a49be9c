package corpus

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// message writes a CoAP message (RFC 7252).
type message struct {
	b    []byte
	last int // option number
}

// newMessage begins a message of a code such as 2.05.
func newMessage(g *gen, typ, class, detail int) *message {
	token := g.bytes(g.Intn(5))
	b := []byte{byte(0x40 | typ<<4 | len(token)), byte(class<<5 | detail)}
	b = binary.BigEndian.AppendUint16(b, uint16(g.Intn(65536)))
	return &message{b: append(b, token...)}
}

func (m *message) option(number int, value []byte) {
	part := func(n int) (byte, []byte) {
		switch {
		case n < 13:
			return byte(n), nil
		case n < 269:
			return 13, []byte{byte(n - 13)}
		}
		return 14, binary.BigEndian.AppendUint16(nil, uint16(n-269))
	}
	d, dx := part(number - m.last)
	l, lx := part(len(value))
	m.b = append(append(append(append(m.b, d<<4|l), dx...), lx...), value...)
	m.last = number
}

func (m *message) uint(number, v int) {
	var b []byte
	for ; v > 0; v >>= 8 {
		b = append([]byte{byte(v)}, b...)
	}
	m.option(number, b)
}

func (m *message) payload(p []byte) []byte {
	if len(p) == 0 {
		return m.b
	}
	return append(append(m.b, 0xff), p...)
}

// The options in use.
const (
	optETag     = 4
	optObserve  = 6
	optLocation = 8
	optURIHost  = 3
	optURIPath  = 11
	optFormat   = 12
	optMaxAge   = 14
	optURIQuery = 15
	optAccept   = 17
	optBlock2   = 23
	optOSCORE   = 9
)

// contents are payloads with their Content-Format.
func contents(g *gen) (format int, p []byte) {
	switch g.Intn(6) {
	case 0:
		return 40, linkFormat(g)
	case 1:
		return 110, senmlJSON(g)
	case 2:
		return 112, senmlCBOR(g)
	case 3:
		return 60, cborMaps(g)
	case 4:
		return 50, jsonTelemetry(g)
	}
	q := g.quantity()
	return 0, []byte(g.value(q) + g.pick("", " "+q.unit))
}

// coapMessage is a message of a device or of its server.
func coapMessage(g *gen) []byte {
	q := g.quantity()
	switch g.Intn(6) {
	case 0: // a registration with a resource directory or a LwM2M server
		m := newMessage(g, 0, 0, 2)
		m.option(optURIPath, []byte("rd"))
		m.uint(optFormat, 40)
		m.option(optURIQuery, []byte("ep="+g.name()))
		m.option(optURIQuery, []byte("lt="+g.pick("60", "300", "3600", "86400", "90000")))
		if g.Intn(2) == 0 {
			m.option(optURIQuery, []byte("lwm2m="+g.pick("1.0", "1.1")))
			m.option(optURIQuery, []byte("b=U"))
		}
		body := lwm2m(g)
		for !strings.HasPrefix(string(body), "<") {
			body = lwm2m(g)
		}
		return m.payload(body)
	case 1: // a request
		m := newMessage(g, g.Intn(2), 0, 1)
		if g.Intn(3) == 0 {
			m.option(optURIHost, []byte(g.pick("example.com", "sensors.example", "gw.local", "coap.example.org")))
		}
		if g.Intn(3) == 0 {
			m.uint(optObserve, 0)
		}
		for _, s := range strings.Split(g.pick(".well-known/core", "sensors/"+q.name, "sensors/"+q.short, fmt.Sprintf("%d/0/5700", q.object), "3/0", "config", "time"), "/") {
			m.option(optURIPath, []byte(s))
		}
		if g.Intn(3) == 0 {
			m.option(optURIQuery, []byte(g.pick("rt=", "u=", "if=")+g.pick(q.rt, q.unit, "core.s")))
		}
		if g.Intn(3) == 0 {
			m.uint(optAccept, []int{0, 40, 50, 60, 110, 112}[g.Intn(6)])
		}
		return m.payload(nil)
	case 2: // a measurement
		m := newMessage(g, g.Intn(2), 0, 2+g.Intn(2))
		m.option(optURIPath, []byte(g.pick("sensors", "data", "telemetry", "t", "dp")))
		if g.Intn(2) == 0 {
			m.option(optURIPath, []byte(q.name))
		}
		f, p := contents(g)
		m.uint(optFormat, f)
		return m.payload(p)
	case 3: // created
		m := newMessage(g, 2, 2, 1)
		m.option(optLocation, []byte("rd"))
		m.option(optLocation, []byte(g.hex(2+g.Intn(4))))
		if g.Intn(2) == 0 {
			m.uint(optMaxAge, g.Intn(3600))
		}
		return m.payload(nil)
	case 4: // a notification
		m := newMessage(g, 1, 2, 5)
		m.uint(optObserve, g.Intn(5000))
		f, p := contents(g)
		m.uint(optFormat, f)
		m.uint(optMaxAge, g.Intn(120))
		return m.payload(p)
	}
	m := newMessage(g, 2, 2, 5)
	if g.Intn(3) == 0 {
		m.option(optETag, g.bytes(1+g.Intn(8)))
	}
	f, p := contents(g)
	m.uint(optFormat, f)
	if g.Intn(4) == 0 {
		m.uint(optBlock2, 0x0a+g.Intn(4)<<4)
	}
	return m.payload(p)
}
