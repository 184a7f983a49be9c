package lowpan

import (
	"bytes"
	"testing"
)

func TestTable(t *testing.T) {
	var tab Table
	for _, v := range []struct {
		cid int
		c   Context
	}{{-1, Context{}}, {16, Context{}}, {0, Context{PrefixLen: 129}}} {
		if err := tab.Set(v.cid, v.c); err != ErrMalformed {
			t.Errorf("Set(%d, %v): %v", v.cid, v.c, err)
		}
	}
	var ones [16]byte
	for i := range ones {
		ones[i] = 0xff
	}
	for n := 0; n <= 128; n++ {
		if err := tab.Set(n%16, Context{Prefix: ones, PrefixLen: uint8(n), Compress: n%2 == 0}); err != nil {
			t.Fatal(err)
		}
		c, ok := tab.Context(n % 16)
		if !ok || int(c.PrefixLen) != n || c.Compress != (n%2 == 0) {
			t.Fatalf("Context(%d) = %v, %v", n%16, c, ok)
		}
		for i := 0; i < 128; i++ {
			if bitOf(c.Prefix[:], i) == 1 != (i < n) {
				t.Fatalf("prefix length %d: %x", n, c.Prefix)
			}
		}
	}
	tab.Delete(3)
	tab.Delete(-1)
	tab.Delete(16)
	for cid := -1; cid < 18; cid++ {
		if _, ok := tab.Context(cid); ok != (cid >= 0 && cid < 16 && cid != 3) {
			t.Errorf("Context(%d): %v", cid, ok)
		}
	}
	var none *Table
	if _, ok := none.Context(0); ok {
		t.Error("nil table has a context")
	}
}

// TestLifetimes is one context's life (RFC 6775, Section 5.4.3).
func TestLifetimes(t *testing.T) {
	var tab Table
	o := ContextOption{Prefix: prefix(0x20010db8<<32, 0), PrefixLen: 64, CID: 7, Compress: true, LifetimeMin: 10}
	const router = 1800
	if err := tab.Update(o, router, 1000); err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		now      uint64
		ok, comp bool
		next     uint64
	}{
		{1000, true, true, 601000},
		{600999, true, true, 601000},
		{601000, true, false, 601000 + 3600000},
		{4200999, true, false, 601000 + 3600000},
		{4201000, false, false, 0},
	} {
		next := tab.Expire(v.now)
		c, ok := tab.Context(7)
		if ok != v.ok || c.Compress != v.comp || next != v.next {
			t.Errorf("at %d: %v, %v, next %d, want %v", v.now, ok, c.Compress, next, v)
		}
	}
	// Renewed while on hold; removed by a lifetime of zero.
	_ = tab.Update(o, router, 0)
	tab.Expire(600000)
	_ = tab.Update(o, router, 700000)
	if next := tab.Expire(700000); next != 1300000 {
		t.Errorf("renewed: next %d", next)
	}
	if c, _ := tab.Context(7); !c.Compress {
		t.Error("renewed context does not compress")
	}
	o.LifetimeMin = 0
	_ = tab.Update(o, router, 700000)
	if _, ok := tab.Context(7); ok {
		t.Error("lifetime 0 did not remove the context")
	}
	o.CID = 16
	if err := tab.Update(o, router, 0); err != ErrMalformed {
		t.Errorf("CID 16: %v", err)
	}
	// Expired long ago: removed at once.
	_ = tab.Set(1, Context{PrefixLen: 64, ExpiresMs: 5})
	if next := tab.Expire(10); next != 0 {
		t.Errorf("next %d", next)
	}
	if _, ok := tab.Context(1); ok {
		t.Error("expired context without hold is still there")
	}
}

// TestDecompressOnly: such a context is not used to compress (RFC 6775, 4.2).
func TestDecompressOnly(t *testing.T) {
	var tab Table
	_ = tab.Set(0, Context{Prefix: prefix(0x20010db8<<32, 0), PrefixLen: 64})
	p := mustHex(t, "6000000000003b40"+"20010db8000000000000000000000001"+"20010db8000000000000000000000002")
	if got := roundTrip(t, p, testLink, &tab, newGHC()); len(got) != 35 {
		t.Errorf("AppendCompress(%x) = %x", p, got)
	}
	frame := mustHex(t, "7a553b"+"0000000000000001"+"0000000000000002")
	if got, err := AppendDecompress(nil, frame, testLink, &tab, Options{}); err != nil || !bytes.Equal(got, p) {
		t.Errorf("AppendDecompress(%x) = %x, %v, want %x", frame, got, err, p)
	}
}

func TestContextOption(t *testing.T) {
	for _, v := range []struct {
		o   ContextOption
		hex string
	}{
		{ContextOption{Prefix: prefix(0x20010db8<<32, 0), PrefixLen: 64, CID: 3, Compress: true, LifetimeMin: 0x1234}, "22024013 00001234 20010db800000000"},
		{ContextOption{Prefix: prefix(0x20010db8<<32, 1), PrefixLen: 128, CID: 15}, "2203800f 00000000 20010db8000000000000000000000001"},
		{ContextOption{}, "22020000 00000000 0000000000000000"},
	} {
		b, err := AppendContextOption([]byte("p"), v.o)
		if want := mustHex(t, v.hex); err != nil || !bytes.Equal(b[1:], want) {
			t.Errorf("AppendContextOption(%v) = %x, %v, want %x", v.o, b[1:], err, want)
		}
		o, n, err := ParseContextOption(append(b[1:], 0))
		if err != nil || o != v.o || n != len(b)-1 {
			t.Errorf("ParseContextOption(%x) = %v, %d, %v, want %v", b[1:], o, n, err, v.o)
		}
	}
	// Bits behind the prefix and reserved ones are ignored.
	o, n, err := ParseContextOption(mustHex(t, "220330f4 ffff0001 20010db80001ffff ffffffffffffffff"))
	if want := (ContextOption{Prefix: prefix(0x20010db800010000, 0), PrefixLen: 48, CID: 4, Compress: true, LifetimeMin: 1}); err != nil || o != want || n != 24 {
		t.Errorf("ParseContextOption = %v, %d, %v", o, n, err)
	}
	for _, v := range []struct {
		hex string
		err error
	}{
		{"22", ErrTruncated},
		{"2300", ErrMalformed},
		{"2200", ErrMalformed},
		{"22024013 00001234 20010db8000000", ErrTruncated},
		{"22014013 00001234", ErrMalformed},
		{"22024113 00001234 20010db800000000", ErrMalformed},
		{"22038113 00001234 20010db8000000000000000000000000", ErrMalformed},
		{"22044013 00001234 20010db80000000000000000000000000000000000000000", ErrMalformed},
	} {
		if o, n, err := ParseContextOption(mustHex(t, v.hex)); err != v.err || n != 0 {
			t.Errorf("ParseContextOption(%s) = %v, %d, %v, want %v", v.hex, o, n, err, v.err)
		}
	}
	for _, o := range []ContextOption{{CID: 16}, {PrefixLen: 129}} {
		if b, err := AppendContextOption([]byte("p"), o); err != ErrMalformed || string(b) != "p" {
			t.Errorf("AppendContextOption(%v) = %x, %v", o, b, err)
		}
	}
}

func TestCapabilityOption(t *testing.T) {
	b := AppendCapabilityOption([]byte("p"), CapabilityOption{Flags: CapabilityGHC})
	if want := mustHex(t, "2401000100000000"); !bytes.Equal(b[1:], want) {
		t.Errorf("AppendCapabilityOption = %x, want %x", b[1:], want)
	}
	o, n, err := ParseCapabilityOption(b[1:])
	if err != nil || n != 8 || !o.GHC() {
		t.Errorf("ParseCapabilityOption(%x) = %v, %d, %v", b[1:], o, n, err)
	}
	// "Length values larger than 1 MUST be accepted"
	o, n, err = ParseCapabilityOption(mustHex(t, "2402800000000001 ffffffffffffffff"))
	if err != nil || n != 16 || o.GHC() || o.Flags != 1<<47|1 {
		t.Errorf("longer option: %v, %d, %v", o, n, err)
	}
	for _, v := range []struct {
		hex string
		err error
	}{{"24", ErrTruncated}, {"24010001000000", ErrTruncated}, {"2400000100000000", ErrMalformed}, {"2201000100000000", ErrMalformed}} {
		if _, _, err := ParseCapabilityOption(mustHex(t, v.hex)); err != v.err {
			t.Errorf("ParseCapabilityOption(%s): %v, want %v", v.hex, err, v.err)
		}
	}
}
