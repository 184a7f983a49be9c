package corpus

import (
	"encoding/binary"
	"fmt"
	"math"
)

// cb writes CBOR (RFC 8949) of definite lengths.
type cb []byte

func (c *cb) head(major byte, n uint64) {
	switch {
	case n < 24:
		*c = append(*c, major<<5|byte(n))
	case n < 1<<8:
		*c = append(*c, major<<5|24, byte(n))
	case n < 1<<16:
		*c = binary.BigEndian.AppendUint16(append(*c, major<<5|25), uint16(n))
	case n < 1<<32:
		*c = binary.BigEndian.AppendUint32(append(*c, major<<5|26), uint32(n))
	default:
		*c = binary.BigEndian.AppendUint64(append(*c, major<<5|27), n)
	}
}

func (c *cb) int(v int64) {
	if v < 0 {
		c.head(1, uint64(-v-1))
		return
	}
	c.head(0, uint64(v))
}

func (c *cb) bytes(b []byte) { c.head(2, uint64(len(b))); *c = append(*c, b...) }
func (c *cb) text(s string)  { c.head(3, uint64(len(s))); *c = append(*c, s...) }
func (c *cb) array(n int)    { c.head(4, uint64(n)) }
func (c *cb) dict(n int)     { c.head(5, uint64(n)) }
func (c *cb) float(v float64) {
	*c = binary.BigEndian.AppendUint64(append(*c, 0xfb), math.Float64bits(v))
}
func (c *cb) single(v float32) {
	*c = binary.BigEndian.AppendUint32(append(*c, 0xfa), math.Float32bits(v))
}

func (c *cb) bool(v bool) {
	if v {
		*c = append(*c, 0xf5)
		return
	}
	*c = append(*c, 0xf4)
}

// number is one as encoders of devices send it: an integer if it is one, a float
// of 4 or 8 bytes, or a decimal fraction (tag 4).
func (c *cb) number(g *gen, q quantity) {
	v := q.lo + g.Float64()*(q.hi-q.lo)
	switch {
	case q.digits == 0:
		c.int(int64(v))
	case g.Intn(4) == 0:
		*c = append(*c, 0xc4)
		c.array(2)
		c.int(-2)
		c.int(int64(v * 100))
	case g.Intn(2) == 0:
		c.single(float32(math.Round(v*100) / 100))
	default:
		c.float(math.Round(v*100) / 100)
	}
}

// senmlCBOR is a SenML pack in CBOR (RFC 8428, Section 6).
func senmlCBOR(g *gen) []byte {
	var c cb
	n := 1 + g.Intn(6)
	c.array(n)
	stamp, same := g.Intn(2) == 0, g.Intn(2) == 0
	q := g.quantity()
	for i := range n {
		if !same {
			q = g.quantity()
		}
		keys := 3
		if i == 0 {
			keys++
			if stamp {
				keys++
			}
		}
		c.dict(keys)
		if i == 0 {
			c.int(-2)
			c.text(g.name() + ":")
			if stamp {
				c.int(-3)
				c.int(g.time())
			}
		}
		c.int(0)
		c.text(g.pick(q.name, q.short))
		if same && n > 1 {
			c.int(6)
			c.int(int64(-10 * (n - 1 - i)))
		} else {
			c.int(1)
			c.text(q.unit)
		}
		c.int(2)
		c.number(g, q)
	}
	return c
}

// lwm2mTLV is a read of an object in OMA TLV.
func lwm2mTLV(g *gen) []byte {
	var out []byte
	tlv := func(kind byte, id int, v []byte) {
		head := kind << 6
		if id > 255 {
			head |= 0x20
		}
		if len(v) < 8 {
			head |= byte(len(v))
		} else {
			head |= 8
		}
		out = append(out, head)
		if id > 255 {
			out = append(out, byte(id>>8))
		}
		out = append(out, byte(id))
		if len(v) >= 8 {
			out = append(out, byte(len(v)))
		}
		out = append(out, v...)
	}
	double := func(v float64) []byte { return binary.BigEndian.AppendUint64(nil, math.Float64bits(v)) }
	if g.Intn(2) == 0 {
		q := g.quantity()
		v := func() []byte { return double(math.Round((q.lo+g.Float64()*(q.hi-q.lo))*10) / 10) }
		for _, id := range []int{5700, 5601, 5602, 5603, 5604} {
			if id == 5700 || g.Intn(3) > 0 {
				tlv(3, id, v())
			}
		}
		tlv(3, 5701, []byte(q.unit))
		if g.Intn(2) == 0 {
			tlv(3, 5750, []byte(g.pick("Kitchen", "Outside", "Boiler", "Machine Room", "Roof")))
		}
		return out
	}
	tlv(3, 0, []byte(g.pick("Example Devices", "Harbour Instruments", "Acme Sensors", "Northwind")))
	tlv(3, 1, []byte(g.pick("Room Sensor 3", "EnviroNode 2", "TH-100", "Meter 7")))
	tlv(3, 2, []byte(fmt.Sprint(100000000+g.Intn(899999999))))
	tlv(3, 3, []byte(fmt.Sprintf("%d.%d", g.Intn(4), g.Intn(10))))
	tlv(3, 9, []byte{byte(g.Intn(101))})
	tlv(3, 13, binary.BigEndian.AppendUint32(nil, uint32(g.time())))
	tlv(3, 14, []byte(fmt.Sprintf("+0%d:00", g.Intn(4))))
	tlv(3, 16, []byte("U"))
	return out
}

// cborMaps are messages with keys that are words or numbers.
func cborMaps(g *gen) []byte {
	var c cb
	n := 1 + g.Intn(4)
	switch g.Intn(3) {
	case 0: // words
		c.dict(n + 2)
		c.text(g.pick("id", "device", "deviceId"))
		c.text(g.name())
		c.text(g.pick("ts", "time", "timestamp"))
		c.int(g.time())
		for _, i := range g.Perm(len(quantities))[:n] {
			c.text(g.pick(quantities[i].name, quantities[i].short))
			c.number(g, quantities[i])
		}
	case 1: // numbers
		c.dict(n + 3)
		c.int(1)
		c.bytes(g.bytes(8))
		c.int(2)
		c.head(6, 1) // a time
		c.int(g.time())
		c.int(3)
		c.bool(g.Intn(2) == 0)
		for i := range n {
			c.int(int64(10 + i))
			c.number(g, quantities[i])
		}
	default: // a list of samples under a name
		q := g.quantity()
		c.dict(3)
		c.text("name")
		c.text(q.name)
		c.text("unit")
		c.text(q.unit)
		c.text("values")
		n = 3 + g.Intn(12)
		c.array(n)
		for range n {
			c.number(g, q)
		}
	}
	return c
}
