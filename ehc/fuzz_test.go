package ehc

import (
	"bytes"
	"maps"
	"math/rand"
	"reflect"
	"testing"
)

// FuzzSelect: whatever is offered, the answer is one that the offer's sender
// accepts if it allows what it offered; it is within the policy; and it is the
// readable reference's.
func FuzzSelect(f *testing.F) {
	for _, d := range []Dialect{DialectHCP, DialectEHC} {
		p := AnyPolicy(d)
		offer, err := Offer(nil, &p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(offer[8:], int64(d), byte(d))
	}
	f.Add(h("01 00 000c 7fff 0008 8004 0006 8004 0008"), int64(1), byte(2))
	f.Add(h("05 01 0000 07 00 0010 8000 0000 8001 0000 8002 0000 8003 0003"), int64(2), byte(0))
	f.Add(h("0010 8000 0009 9234 0001 8000 0000 1234 0000 0000"), int64(3), byte(1))
	f.Fuzz(func(t *testing.T, data []byte, seed int64, mode byte) {
		n := Numbers{}
		if mode&2 != 0 {
			n.Trailer = TrailerCodePoint
		}
		p := randomPolicy(rand.New(rand.NewSource(seed)), Dialect(mode&1), n)
		offer, err := AppendNotifyPayload(nil, p.OfferType(), data)
		if err != nil {
			return
		}
		kept := bytes.Clone(offer)
		answer, a, err := Select([]byte{1}, offer, &p)
		if !bytes.Equal(offer, kept) || answer[0] != 1 {
			t.Fatal("Select changed what is not its own")
		}
		var want map[string]string
		if _, err := ParseProposals(nil, data, p.Dialect, p.Numbers, !p.NoZeroBytes); err == nil {
			want = slowSelect(&p, data)
		}
		if err != nil {
			if class(err) == 0 || len(answer) != 1 || want != nil {
				t.Fatalf("Select(%x): %x, %v, want %v", offer, answer, err, want)
			}
			return
		}
		if got := names(&p, &a); !allows(&p, &a) || !maps.Equal(got, want) {
			t.Fatalf("Select(%x) under %+v agrees on %v, want %v", offer, p, got, want)
		}
		got, err := ParseProposals(nil, data, p.Dialect, p.Numbers, !p.NoZeroBytes)
		if err != nil {
			t.Fatal(err)
		}
		offered := false
		for i := range got {
			ok := got[i].discard(p.Dialect) == 0
			for x := Attr(0); x < NumAttrs; x++ {
				ok = ok && (every(p.Dialect, x) == 0 || got[i].Offers(p.Dialect, x).Has(valueOf(&a, x)))
			}
			offered = offered || ok
		}
		if !offered {
			t.Fatalf("Select(%x) = %+v, which was not offered", offer, a)
		}
		b, err := Accept(offer, answer[1:], &p)
		if err != nil || !reflect.DeepEqual(a, b) {
			t.Fatalf("Accept(%x, %x) = %+v, %v, want %+v", offer, answer[1:], b, err, a)
		}
	})
}

// FuzzAccept: what is accepted was offered.
func FuzzAccept(f *testing.F) {
	f.Add(h("01 00 0018 8000 0001 8001 0001 8002 0001 8003 0000 8004 0008 8005 0008"), int64(1), byte(0))
	f.Add(h("0014 8000 0000 8001 0002 8002 0008 8003 0008 8004 0001"), int64(2), byte(1))
	f.Add(h("8000 0000 8001 0002 8002 0008 8003 0008 8004 0001"), int64(2), byte(1))
	f.Fuzz(func(t *testing.T, data []byte, seed int64, mode byte) {
		n := Numbers{}
		if mode&2 != 0 {
			n.Trailer = TrailerCodePoint
		}
		p := randomPolicy(rand.New(rand.NewSource(seed)), Dialect(mode&1), n)
		if mode&4 != 0 {
			p = AnyPolicy(Dialect(mode & 1))
		}
		offer, err := Offer(nil, &p)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := AppendNotifyPayload(nil, p.OfferType(), data)
		if err != nil {
			return
		}
		a, err := Accept(offer, answer, &p)
		if err != nil {
			if class(err) == 0 {
				t.Fatalf("Accept(%x): %v", answer, err)
			}
			return
		}
		if !allows(&p, &a) {
			t.Fatalf("Accept(%x, %x) = %+v, which %+v does not allow", offer, answer, a, p)
		}
	})
}

// FuzzProposals: what parses without a flaw is coded and read to the same.
func FuzzProposals(f *testing.F) {
	f.Add(h("01 00 000c 7fff 0008 8004 0006 8004 0008"), byte(0))
	f.Add(h("0014 8000 0000 8001 0002 8002 0008 8003 0008 8004 0001"), byte(1))
	f.Fuzz(func(t *testing.T, data []byte, mode byte) {
		d, n, zero := Dialect(mode&1), Numbers{}, mode&2 != 0
		if mode&4 != 0 {
			n.Trailer = 77
		}
		var room [MaxProposals]Proposal
		list, err := ParseProposals(room[:0], data, d, n, zero)
		if err != nil {
			if class(err) == 0 || len(list) != 0 {
				t.Fatalf("ParseProposals(%x) = %v, %v", data, list, err)
			}
			return
		}
		for i := range list {
			p := &list[i]
			if p.Flaws&^(FlawRepeated|FlawRange) != 0 || p.Others {
				return
			}
			for a := Attr(0); a < NumAttrs; a++ {
				if p.Has(a) && p.Values[a] == 0 {
					return // nothing says that
				}
			}
			p.Flaws = 0
		}
		out, err := AppendProposals(nil, list, d, n, zero)
		if err != nil {
			t.Fatalf("AppendProposals(%+v): %v", list, err)
		}
		back, err := ParseProposals(nil, out, d, n, zero)
		for i := range back {
			back[i].Flaws = 0
		}
		if err != nil || !reflect.DeepEqual(back, list) {
			t.Fatalf("ParseProposals(%x) = %+v, %v, want %+v", out, back, err, list)
		}
	})
}

// FuzzPayloads: whatever comes is refused or read; SA and TS payloads that are
// read are coded to the same.
func FuzzPayloads(f *testing.F) {
	ini, res := childPolicies()
	_, _, request, answer, err := exchange(&ini, &res)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request.First, request.Bytes)
	f.Add(answer.First, answer.Bytes)
	f.Fuzz(func(t *testing.T, first uint8, data []byte) {
		l := NewPayloads(first, data)
		for {
			p, ok, err := l.Next()
			if err != nil && class(err) == 0 {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			body(t, &p)
		}
		// Both sides of an exchange.
		var out Chain
		b, err := res.Answer(&out, first, data, nil)
		if err != nil {
			if class(err) == 0 || len(out.Bytes) > 0 {
				t.Fatalf("Answer(%x): %v, %x", data, err, out.Bytes)
			}
			if err := res.AppendFailure(&out, err); err != nil {
				t.Fatal(err)
			}
		} else if !res.Local[0].has(&b.Local[0]) || !res.Remote[0].has(&b.Remote[0]) || b.OutSPI < 256 {
			t.Fatalf("Answer(%x) = %+v", data, b)
		}
		a, err := ini.Accept(request.First, request.Bytes, first, data)
		if err == nil && (a.OutSPI < 256 || !allWithin(a.Local, ini.Local) || !allWithin(a.Remote, ini.Remote)) || err != nil && class(err) == 0 {
			t.Fatalf("Accept(%x) = %+v, %v", data, a, err)
		}
	})
}

func (s *Selector) has(o *Selector) bool { return o.within(s) }

// body reads what is in a payload.
func body(t *testing.T, p *Payload) {
	switch p.Type {
	case PayloadSA:
		list, err := ParseSA(nil, p.Body)
		if err != nil {
			return
		}
		all, known := make([][]Transform, len(list)), true
		for i := range list {
			list[i].Each(func(x Transform) {
				all[i] = append(all[i], x)
				known = known && !x.Unknown
			})
			known = known && len(all[i]) > 0
		}
		if !known {
			return
		}
		out, err := AppendSA(nil, list, func(i int) []Transform { return all[i] })
		if err != nil {
			t.Fatalf("AppendSA(%+v): %v", list, err)
		}
		back, err := ParseSA(nil, out)
		if err != nil || len(back) != len(list) || len(out) != len(p.Body) {
			t.Fatalf("ParseSA(%x): %v", out, err)
		}
	case PayloadTSi, PayloadTSr:
		list, err := ParseTS(nil, p.Body, Numbers{})
		if err != nil {
			return
		}
		out, err := AppendTS(nil, list, Numbers{})
		if err != nil {
			t.Fatalf("AppendTS(%+v): %v", list, err)
		}
		back, err := ParseTS(nil, out, Numbers{})
		if err != nil || !reflect.DeepEqual(back, list) {
			t.Fatalf("ParseTS(%x) = %+v, %v, want %+v", out, back, err, list)
		}
	case PayloadNotify:
		n, err := ParseNotify(p.Body)
		if err != nil {
			return
		}
		out, err := AppendNotify(nil, n)
		if err == nil && n.Protocol != 0 && !bytes.Equal(out, p.Body) {
			t.Fatalf("AppendNotify(%+v) = %x, want %x", n, out, p.Body)
		}
		neighbours(t, n.Data)
	}
}

// neighbours: what parses is coded to the same.
func neighbours(t *testing.T, data []byte) {
	check := func(name string, out []byte, err error) {
		if err != nil || !bytes.Equal(out, data) {
			t.Fatalf("%s: %x, %v, want %x", name, out, err, data)
		}
	}
	if v, err := ParseDSCP(data); err == nil {
		out, err := AppendDSCP(nil, v)
		check("DSCP", out, err)
	}
	if spi, ike, err := ParseOptimizedRekey(data); err == nil {
		out, err := AppendOptimizedRekey(nil, spi, ike)
		check("OPTIMIZED_REKEY", out, err)
	}
	if c, err := ParseIPComp(data); err == nil {
		out, err := AppendIPComp(nil, c)
		check("IPCOMP_SUPPORTED", out, err)
	}
	if l, err := ParseLMAP(data); err == nil {
		out, err := AppendLMAP(nil, l)
		if err != nil || out[0]>>4 != data[0]>>4 || !bytes.Equal(out[2:], data[2:]) {
			t.Fatalf("LMAP: %x, %v, want %x", out, err, data)
		}
	}
	if p, err := ParsePTB(data); err == nil {
		check("PTB", AppendPTB(nil, p), nil)
	}
}
