package lowpan

import "encoding/binary"

// Context is one entry of a Table.
type Context struct {
	Prefix    [16]byte // bits behind PrefixLen are zero
	PrefixLen uint8    // 0 to 128
	// Compress is false for a context that is only for decompression (C=0 in
	// RFC 6775, Section 4.2).
	Compress bool
	// ExpiresMs is when the lifetime ends, on the caller's clock; 0 is never.
	ExpiresMs uint64
}

// Table holds the contexts 0 to 15 that the nodes of a 6LoWPAN share. The zero
// value is empty, and so is a nil *Table. AppendCompress and AppendDecompress
// only read it: any number may share it while nobody changes it.
type Table struct {
	valid    uint16 // bit c: context c may be used to decompress
	compress uint16 // bit c: and to compress; a subset of valid
	ctx      [16]context
}

// context is a Context in the form in which addresses are compared.
type context struct {
	hi, lo   uint64 // the prefix; bits behind its length are zero
	maskLo   uint64 // the bits of the IID that the prefix covers
	bits     uint8  // the prefix length
	expires  uint64 // ms; 0 is never
	holdMs   uint64 // how long to decompress with it after that
	released uint64 // ms; when the hold ends
}

// Set makes c the context cid. It returns ErrMalformed if cid is over 15 or
// the prefix length over 128.
func (t *Table) Set(cid int, c Context) error {
	if cid < 0 || cid > 15 || c.PrefixLen > 128 {
		return ErrMalformed
	}
	x := &t.ctx[cid]
	*x = context{bits: c.PrefixLen, expires: c.ExpiresMs}
	var maskHi uint64
	maskHi, x.maskLo = prefixMask(c.PrefixLen)
	x.hi = binary.BigEndian.Uint64(c.Prefix[:]) & maskHi
	x.lo = binary.BigEndian.Uint64(c.Prefix[8:]) & x.maskLo
	t.valid |= 1 << uint(cid)
	t.compress &^= 1 << uint(cid)
	if c.Compress {
		t.compress |= 1 << uint(cid)
	}
	return nil
}

// prefixMask has the first n of 128 bits set.
func prefixMask(n uint8) (hi, lo uint64) {
	if n <= 64 {
		return ^(^uint64(0) >> n), 0
	}
	return ^uint64(0), ^(^uint64(0) >> (n - 64))
}

// Delete removes context cid.
func (t *Table) Delete(cid int) {
	if cid >= 0 && cid < 16 {
		t.valid &^= 1 << uint(cid)
		t.compress &^= 1 << uint(cid)
	}
}

// Context returns context cid and whether there is one.
func (t *Table) Context(cid int) (Context, bool) {
	if t == nil || cid < 0 || cid > 15 || t.valid>>uint(cid)&1 == 0 {
		return Context{}, false
	}
	x := &t.ctx[cid]
	c := Context{PrefixLen: x.bits, Compress: t.compress>>uint(cid)&1 == 1, ExpiresMs: x.expires}
	binary.BigEndian.PutUint64(c.Prefix[:], x.hi)
	binary.BigEndian.PutUint64(c.Prefix[8:], x.lo)
	return c, true
}

// Update stores what a router advertised at the time now, in milliseconds (RFC
// 6775, Section 5.4.2). A lifetime of zero removes the context at once. When
// the lifetime ends, the context is kept for decompression only for twice
// routerLifetimeSec, the Router Lifetime of the default router (Section 5.4.3).
func (t *Table) Update(o ContextOption, routerLifetimeSec uint16, now uint64) error {
	if o.LifetimeMin == 0 {
		if o.CID > 15 {
			return ErrMalformed
		}
		t.Delete(int(o.CID))
		return nil
	}
	err := t.Set(int(o.CID), Context{
		Prefix:    o.Prefix,
		PrefixLen: o.PrefixLen,
		Compress:  o.Compress,
		ExpiresMs: now + uint64(o.LifetimeMin)*60000,
	})
	if err == nil {
		t.ctx[o.CID].holdMs = uint64(routerLifetimeSec) * 2000
	}
	return err
}

// Expire applies the lifetimes at the time now and returns when it next wants
// to be called; 0 is never. A context whose lifetime ended is used to
// decompress only, and removed when its hold ends.
func (t *Table) Expire(now uint64) (next uint64) {
	for c := range t.ctx {
		x, bit := &t.ctx[c], uint16(1)<<uint(c)
		if t.valid&bit == 0 {
			continue
		}
		if x.expires != 0 && now >= x.expires {
			t.compress &^= bit
			x.released = x.expires + x.holdMs
			x.expires = 0
		}
		if x.released != 0 && now >= x.released {
			t.Delete(c)
			continue
		}
		for _, at := range [2]uint64{x.expires, x.released} {
			if at != 0 && (next == 0 || at < next) {
				next = at
			}
		}
	}
	return next
}
