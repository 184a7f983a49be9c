package lowpan

import (
	"bytes"
	"hash/crc32"
	"reflect"
	"testing"
)

func TestParseFrame(t *testing.T) {
	short, short2 := ShortAddr(0x1234), ShortAddr(0x5678)
	long, long2 := ExtAddr(0x0011223344556677), ExtAddr(0x8899aabbccddeeff)
	const l, l2 = "7766554433221100", "ffeeddccbbaa9988"
	data := func(version uint8, f Frame) Frame {
		f.Type, f.Version, f.FCSOK = FrameData, version, true
		return f
	}
	for _, v := range []struct {
		name string
		hex  string
		f    Frame
	}{
		{"2006, short to short, one PAN", "6198 05 cdab 7856 3412", data(1, Frame{Seq: 5, AckRequest: true, HasDstPAN: true, DstPAN: 0xabcd, SrcPAN: 0xabcd, Dst: short2, Src: short})},
		{"2003, two PANs", "01c8 05 cdab 7856 efcd " + l, data(0, Frame{Seq: 5, HasDstPAN: true, HasSrcPAN: true, DstPAN: 0xabcd, SrcPAN: 0xcdef, Dst: short2, Src: long})},
		{"2006, source only", "1190 05 cdab 3412", data(1, Frame{Seq: 5, Pending: true, HasSrcPAN: true, SrcPAN: 0xabcd, Src: short})},
		{"2006, destination only", "011c 05 cdab " + l, data(1, Frame{Seq: 5, HasDstPAN: true, DstPAN: 0xabcd, Dst: long})},
		// 802.15.4-2015, Table 7-2, in its order.
		{"2015, none", "0120 05", data(2, Frame{Seq: 5})},
		{"2015, none, compressed", "4120 05 cdab", data(2, Frame{Seq: 5, HasDstPAN: true, DstPAN: 0xabcd})},
		{"2015, destination", "0128 05 cdab 3412", data(2, Frame{Seq: 5, HasDstPAN: true, DstPAN: 0xabcd, Dst: short})},
		{"2015, destination, compressed", "412c 05 " + l, data(2, Frame{Seq: 5, Dst: long})},
		{"2015, source", "01a0 05 cdab 3412", data(2, Frame{Seq: 5, HasSrcPAN: true, SrcPAN: 0xabcd, Src: short})},
		{"2015, source, compressed", "41e0 05 " + l, data(2, Frame{Seq: 5, Src: long})},
		{"2015, extended", "01ec 05 cdab " + l2 + l, data(2, Frame{Seq: 5, HasDstPAN: true, DstPAN: 0xabcd, SrcPAN: 0xabcd, Dst: long2, Src: long})},
		{"2015, extended, compressed", "41ec 05 " + l2 + l, data(2, Frame{Seq: 5, Dst: long2, Src: long})},
		{"2015, short", "01a8 05 cdab 7856 efcd 3412", data(2, Frame{Seq: 5, HasDstPAN: true, HasSrcPAN: true, DstPAN: 0xabcd, SrcPAN: 0xcdef, Dst: short2, Src: short})},
		{"2015, short to extended", "01ac 05 cdab " + l2 + " efcd 3412", data(2, Frame{Seq: 5, HasDstPAN: true, HasSrcPAN: true, DstPAN: 0xabcd, SrcPAN: 0xcdef, Dst: long2, Src: short})},
		{"2015, extended to short", "01e8 05 cdab 7856 efcd " + l, data(2, Frame{Seq: 5, HasDstPAN: true, HasSrcPAN: true, DstPAN: 0xabcd, SrcPAN: 0xcdef, Dst: short2, Src: long})},
		{"2015, short, compressed", "41a8 05 cdab 7856 3412", data(2, Frame{Seq: 5, HasDstPAN: true, DstPAN: 0xabcd, SrcPAN: 0xabcd, Dst: short2, Src: short})},
		{"2015, no sequence number", "41a9 cdab 7856 3412", data(2, Frame{NoSeq: true, HasDstPAN: true, DstPAN: 0xabcd, SrcPAN: 0xabcd, Dst: short2, Src: short})},
		{"2015, header IE", "41aa 05 cdab 7856 3412 0200aabb 803f", data(2, Frame{Seq: 5, HasDstPAN: true, DstPAN: 0xabcd, SrcPAN: 0xabcd, Dst: short2, Src: short,
			HeaderIEs: []byte{2, 0, 0xaa, 0xbb, 0x80, 0x3f}})},
		{"2015, payload IE", "41aa 05 cdab 7856 3412 003f 0390aabbcc 00f8", data(2, Frame{Seq: 5, HasDstPAN: true, DstPAN: 0xabcd, SrcPAN: 0xabcd, Dst: short2, Src: short,
			HeaderIEs: []byte{0, 0x3f}, PayloadIEs: []byte{3, 0x90, 0xaa, 0xbb, 0xcc, 0, 0xf8}})},
		{"2006, MIC-32, key index", "6998 05 cdab 7856 3412 09 04030201 07", data(1, Frame{Seq: 5, AckRequest: true, HasDstPAN: true, DstPAN: 0xabcd, SrcPAN: 0xabcd, Dst: short2, Src: short,
			Secured: true, Security: Security{Level: 1, KeyIDMode: 1, FrameCounter: 0x01020304, KeyIndex: 7}})},
		{"2006, MIC-64, implicit key", "6998 05 cdab 7856 3412 02 04030201", data(1, Frame{Seq: 5, AckRequest: true, HasDstPAN: true, DstPAN: 0xabcd, SrcPAN: 0xabcd, Dst: short2, Src: short,
			Secured: true, Security: Security{Level: 2, FrameCounter: 0x01020304}})},
		{"2006, ENC-MIC-128, key source of 8", "6998 05 cdab 7856 3412 1f 04030201 0102030405060708 07", data(1, Frame{Seq: 5, AckRequest: true, HasDstPAN: true, DstPAN: 0xabcd, SrcPAN: 0xabcd, Dst: short2, Src: short,
			Secured: true, Security: Security{Level: 7, KeyIDMode: 3, FrameCounter: 0x01020304, KeySource: []byte{1, 2, 3, 4, 5, 6, 7, 8}, KeyIndex: 7}})},
		{"2015, no counter, key source of 4", "49a8 05 cdab 7856 3412 74 01020304 07", data(2, Frame{Seq: 5, HasDstPAN: true, DstPAN: 0xabcd, SrcPAN: 0xabcd, Dst: short2, Src: short,
			Secured: true, Security: Security{Level: 4, KeyIDMode: 2, NoCounter: true, ASN: true, KeySource: []byte{1, 2, 3, 4}, KeyIndex: 7}})},
		{"2015, encrypted payload IE", "49aa 05 cdab 7856 3412 6c 07 003f", data(2, Frame{Seq: 5, HasDstPAN: true, DstPAN: 0xabcd, SrcPAN: 0xabcd, Dst: short2, Src: short,
			Secured: true, Security: Security{Level: 4, KeyIDMode: 1, NoCounter: true, ASN: true, KeyIndex: 7}, HeaderIEs: []byte{0, 0x3f}})},
	} {
		header := mustHex(t, v.hex)
		payload := []byte{0x7a, 0x33, 0x3a, 9, 9, 9}
		mic := bytes.Repeat([]byte{0xee}, int(micLen[v.f.Security.Level&3]))
		b := append(append(append([]byte{}, header...), payload...), mic...)
		for fcs := FCSNone; fcs <= FCS32; fcs++ {
			want := v.f
			all := b
			switch fcs {
			case FCS16:
				c := fcs16(b)
				want.FCS = []byte{byte(c), byte(c >> 8)}
			case FCS32:
				c := crc32.ChecksumIEEE(b)
				want.FCS = []byte{byte(c), byte(c >> 8), byte(c >> 16), byte(c >> 24)}
			default:
				want.FCS = []byte{}
			}
			all = append(append([]byte{}, b...), want.FCS...)
			want.Payload, want.MIC = payload, mic
			got, err := ParseFrame(all, fcs)
			if err != nil || !sameFrame(got, want) {
				t.Errorf("%s: ParseFrame(%x, %d) = %+v, %v, want %+v", v.name, all, fcs, got, err, want)
			}
			if lp, ok := got.LoWPAN(); ok != (v.f.Security.Level < 4) || ok && !bytes.Equal(lp, payload) {
				t.Errorf("%s: LoWPAN() = %x, %v", v.name, lp, ok)
			}
			if fcs != FCSNone {
				all[0] ^= 0x10
				if got, err := ParseFrame(all, fcs); err != nil || got.FCSOK {
					t.Errorf("%s: damaged frame: %v, %v", v.name, got.FCSOK, err)
				}
			}
		}
		for n := 0; n < len(header); n++ {
			_, err := ParseFrame(b[:n], FCSNone)
			if noIEs := v.f.HeaderIEs == nil; err == nil && noIEs {
				t.Errorf("%s: ParseFrame(%x): no error", v.name, b[:n])
			}
		}
	}
}

// sameFrame takes nil and empty slices for the same.
func sameFrame(a, b Frame) bool {
	for _, f := range []*Frame{&a, &b} {
		for _, s := range []*[]byte{&f.HeaderIEs, &f.PayloadIEs, &f.Payload, &f.MIC, &f.FCS, &f.Security.KeySource} {
			if len(*s) == 0 {
				*s = nil
			}
		}
	}
	return reflect.DeepEqual(a, b)
}

func TestParseFrameErrors(t *testing.T) {
	for _, v := range []struct {
		hex string
		fcs FCSKind
		err error
	}{
		{"", FCSNone, ErrTruncated},
		{"6198", FCS16, ErrTruncated},
		{"6198", FCSNone, ErrTruncated},
		{"6194 05 cdab 7856 3412", FCSNone, ErrMalformed}, // addressing mode 1
		{"6158 05 cdab 7856 3412", FCSNone, ErrMalformed},
		{"61b8 05 cdab 7856 3412", FCSNone, ErrMalformed}, // version 3
		{"6598 05 cdab 7856 3412", FCSNone, ErrUnsupported},
		{"6988 05 cdab 7856 3412", FCSNone, ErrUnsupported}, // secured, 2003
		{"6998 05 cdab 7856 3412 09 04030201 07 aabb", FCSNone, ErrTruncated},
		{"41aa 05 cdab 7856 3412 02", FCSNone, ErrTruncated},
		{"41aa 05 cdab 7856 3412 0200aa", FCSNone, ErrTruncated},
		{"41aa 05 cdab 7856 3412 0080", FCSNone, ErrMalformed},
		{"41aa 05 cdab 7856 3412 003f 0000", FCSNone, ErrMalformed},
		{"41aa 05 cdab 7856 3412 003f 0190", FCSNone, ErrTruncated},
	} {
		if got, err := ParseFrame(mustHex(t, v.hex), v.fcs); err != v.err || !reflect.DeepEqual(got, Frame{}) {
			t.Errorf("ParseFrame(%s) = %+v, %v, want %v", v.hex, got, err, v.err)
		}
	}
	// An acknowledgment has no addresses, and carries nothing for LoWPAN.
	f, err := ParseFrame([]byte{2, 0, 5}, FCSNone)
	if _, ok := f.LoWPAN(); err != nil || ok || f.Type != FrameAck || f.Link() != (Link{}) {
		t.Errorf("acknowledgment: %+v, %v", f, err)
	}
}

func TestParseIE(t *testing.T) {
	id, payload, content, n, err := ParseIE([]byte{0x03, 0x90, 1, 2, 3, 9})
	if id != 2 || !payload || !bytes.Equal(content, []byte{1, 2, 3}) || n != 5 || err != nil {
		t.Errorf("payload IE: %d, %v, %x, %d, %v", id, payload, content, n, err)
	}
	id, payload, content, n, err = ParseIE([]byte{0x02, 0x0f, 1, 2})
	if id != 0x1e || payload || !bytes.Equal(content, []byte{1, 2}) || n != 4 || err != nil {
		t.Errorf("header IE: %#x, %v, %x, %d, %v", id, payload, content, n, err)
	}
	if _, _, _, _, err := ParseIE([]byte{1}); err != ErrTruncated {
		t.Errorf("one byte: %v", err)
	}
}

func TestAppendFrame(t *testing.T) {
	addrs := []Addr{{}, ShortAddr(0x1234), ExtAddr(0x0011223344556677)}
	for _, src := range addrs {
		for _, dst := range addrs {
			for _, srcPAN := range []uint16{0xabcd, 0x1111} {
				for fcs := FCSNone; fcs <= FCS32; fcs++ {
					f := Frame{Type: FrameData, Version: Version2006, Seq: 7, AckRequest: true, Pending: true, DstPAN: 0xabcd, SrcPAN: srcPAN, Src: src, Dst: dst}
					b, err := AppendFrame([]byte("p"), &f, []byte{0x7a, 1}, fcs)
					if err != nil {
						t.Fatal(err)
					}
					got, err := ParseFrame(b[1:], fcs)
					if err != nil || !got.FCSOK || got.Src != src || got.Dst != dst || got.Seq != 7 || !got.AckRequest || !got.Pending ||
						dst.Kind != AddrNone && got.DstPAN != 0xabcd || src.Kind != AddrNone && got.SrcPAN != srcPAN || !bytes.Equal(got.Payload, []byte{0x7a, 1}) {
						t.Errorf("AppendFrame(%+v) = %x, read as %+v, %v", f, b[1:], got, err)
					}
				}
			}
		}
	}
	for _, f := range []Frame{
		{Version: Version2015}, {Type: 5}, {Secured: true}, {NoSeq: true}, {Src: Addr{AddrBLE, 1}}, {Dst: Addr{AddrEUI48, 1}}, {HeaderIEs: []byte{0, 0}},
	} {
		if b, err := AppendFrame([]byte("p"), &f, nil, FCSNone); err != ErrUnsupported || string(b) != "p" {
			t.Errorf("AppendFrame(%+v) = %x, %v", f, b, err)
		}
	}
}

// TestFCS16 has the value of 802.15.4-2006, Section 7.2.1.9: an acknowledgment
// frame with sequence number 0x56.
func TestFCS16(t *testing.T) {
	if got := fcs16([]byte{0x02, 0x00, 0x6a}); got != 0x79e4 {
		t.Errorf("fcs16(02006a) = %04x, want 79e4", got)
	}
}
