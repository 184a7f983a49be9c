package pcapio

import (
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	ethHead = "020000000001 020000000002 "
	v6empty = "60000000 0000 3b 40 fd000000000000000000000000000001 fd000000000000000000000000000002 "
	v6udp8  = "60000000 0008 11 40 fd000000000000000000000000000001 fd000000000000000000000000000002 0001000200080000 "
	v4udp8  = "4500001c 00000000 40110000 0a000001 0a000002 0001000200080000 "
)

func TestLocate(t *testing.T) {
	v4, v6 := uint8(4), uint8(6)
	for _, tt := range []struct {
		name  string
		link  LinkType
		frame string
		want  Loc
		ok    bool
	}{
		{"ethernet 4", 1, ethHead + "0800" + v4udp8, Loc{Off: 14, Len: 28, TypeOff: 12, Version: v4}, true},
		{"ethernet 6", 1, ethHead + "86dd" + v6udp8, Loc{Off: 14, Len: 48, TypeOff: 12, Version: v6}, true},
		{"padding", 1, ethHead + "0800" + v4udp8 + "000000", Loc{Off: 14, Len: 28, Trailer: 3, TypeOff: 12, Version: v4}, true},
		{"padding 6", 1, ethHead + "86dd" + v6udp8 + "ff", Loc{Off: 14, Len: 48, Trailer: 1, TypeOff: 12, Version: v6}, true},
		{"one tag", 1, ethHead + "81000005 86dd" + v6udp8, Loc{Off: 18, Len: 48, TypeOff: 16, Version: v6}, true},
		{"qinq", 1, ethHead + "88a80005 81000005 0800" + v4udp8, Loc{Off: 22, Len: 28, TypeOff: 20, Version: v4}, true},
		{"four tags", 1, ethHead + "91000001 88a80001 81000005 81000006 0800" + v4udp8, Loc{Off: 30, Len: 28, TypeOff: 28, Version: v4}, true},
		{"five tags", 1, ethHead + "81000001 81000002 81000003 81000004 81000005 0800" + v4udp8, Loc{}, false},
		{"arp", 1, ethHead + "0806 0001", Loc{}, false},
		{"802.3", 1, ethHead + "0030 aaaa03000000 0800" + v4udp8, Loc{}, false},
		{"version 6 under 0800", 1, ethHead + "0800" + v6udp8, Loc{}, false},
		{"version 4 under 86dd", 1, ethHead + "86dd" + v4udp8, Loc{}, false},
		{"no datagram", 1, ethHead + "0800", Loc{}, false},
		{"no type", 1, ethHead + "08", Loc{}, false},
		{"tag cut", 1, ethHead + "81000005 08", Loc{}, false},
		{"empty", 1, "", Loc{}, false},
		{"snapped", 1, ethHead + "86dd" + v6udp8[:len(v6empty)], Loc{Off: 14, Len: 40, TypeOff: 12, Version: v6, Short: true}, true},
		{"snapped in header", 1, ethHead + "0800 450000", Loc{Off: 14, Len: 3, TypeOff: 12, Version: v4, Short: true}, true},
		{"snapped in header 6", 1, ethHead + "86dd 6000000000", Loc{Off: 14, Len: 5, TypeOff: 12, Version: v6, Short: true}, true},
		{"offload", 101, "45000000" + v4udp8[8:], Loc{Len: 28, TypeOff: -1, Version: v4, NoLength: true}, true},
		{"short total length", 101, "45000013" + v4udp8[8:], Loc{Len: 28, TypeOff: -1, Version: v4, NoLength: true}, true},
		{"empty 6", 101, v6empty, Loc{Len: 40, TypeOff: -1, Version: v6}, true},
		{"jumbo 6", 101, v6empty + "0000", Loc{Len: 42, TypeOff: -1, Version: v6, NoLength: true}, true},
		{"raw 4", 101, v4udp8, Loc{Len: 28, TypeOff: -1, Version: v4}, true},
		{"raw 12", 12, v6udp8, Loc{Len: 48, TypeOff: -1, Version: v6}, true},
		{"raw 14", 14, v4udp8 + "00", Loc{Len: 28, Trailer: 1, TypeOff: -1, Version: v4}, true},
		{"raw version 5", 101, "5" + v4udp8[1:], Loc{}, false},
		{"raw empty", 101, "", Loc{}, false},
		{"ipv4", 228, v4udp8, Loc{Len: 28, TypeOff: -1, Version: v4}, true},
		{"ipv4 with 6", 228, v6udp8, Loc{}, false},
		{"ipv6", 229, v6udp8, Loc{Len: 48, TypeOff: -1, Version: v6}, true},
		{"ipv6 with 4", 229, v4udp8, Loc{}, false},
		{"null le 4", 0, "02000000" + v4udp8, Loc{Off: 4, Len: 28, TypeOff: -1, Version: v4}, true},
		{"null be 4", 0, "00000002" + v4udp8, Loc{Off: 4, Len: 28, TypeOff: -1, Version: v4}, true},
		{"null 24", 0, "18000000" + v6udp8, Loc{Off: 4, Len: 48, TypeOff: -1, Version: v6}, true},
		{"null 28", 0, "0000001c" + v6udp8, Loc{Off: 4, Len: 48, TypeOff: -1, Version: v6}, true},
		{"null 30", 0, "1e000000" + v6udp8, Loc{Off: 4, Len: 48, TypeOff: -1, Version: v6}, true},
		{"null 10", 0, "0a000000" + v6udp8, Loc{Off: 4, Len: 48, TypeOff: -1, Version: v6}, true},
		{"null disagrees", 0, "02000000" + v6udp8, Loc{}, false},
		{"null other family", 0, "07000000" + v4udp8, Loc{}, false},
		{"null wide family", 0, "02000002" + v4udp8, Loc{}, false},
		{"null short", 0, "020000", Loc{}, false},
		{"null empty", 0, "02000000", Loc{}, false},
		{"loop", 108, "00000018" + v6udp8, Loc{Off: 4, Len: 48, TypeOff: -1, Version: v6}, true},
		{"sll", 113, "0000 0001 0006 0200000000010000 0800" + v4udp8, Loc{Off: 16, Len: 28, TypeOff: 14, Version: v4}, true},
		{"sll tag", 113, "0000 0001 0006 0200000000010000 8100 0005 86dd" + v6udp8, Loc{Off: 20, Len: 48, TypeOff: 18, Version: v6}, true},
		{"sll netlink", 113, "0000 0338 0000 0000000000000000 0800" + v4udp8, Loc{}, false},
		{"sll short", 113, "0000 0001 0006 0200000000010000 08", Loc{}, false},
		{"sll2", 276, "86dd 0000 00000001 0001 00 06 0200000000010000" + v6udp8, Loc{Off: 20, Len: 48, TypeOff: 0, Version: v6}, true},
		{"sll2 netlink", 276, "86dd 0000 00000001 0338 00 06 0200000000010000" + v6udp8, Loc{}, false},
		{"sll2 short", 276, "86dd 0000 00000001", Loc{}, false},
		{"802.15.4", 195, v6udp8, Loc{}, false},
		{"user0", 147, v6udp8, Loc{}, false},
	} {
		frame := unhex(t, tt.frame)
		got, ok := Locate(tt.link, frame)
		if got != tt.want || ok != tt.ok {
			t.Errorf("%s: Locate = %+v, %v, want %+v, %v", tt.name, got, ok, tt.want, tt.ok)
		}
		if ok {
			checkSubstitution(t, tt.link, frame, got)
		}
	}
}

// checkSubstitution puts the SCHC EtherType into a frame and finds it again.
func checkSubstitution(t testing.TB, link LinkType, frame []byte, l Loc) {
	if link.HasEtherType() != (l.TypeOff >= 0) || !link.Carries() {
		t.Fatalf("%v: TypeOff %d", link, l.TypeOff)
	}
	if l.TypeOff < 0 {
		return
	}
	old := [2]byte(frame[l.TypeOff:])
	if want := EtherTypeOf(l.Version); uint16(old[0])<<8|uint16(old[1]) != want {
		t.Fatalf("EtherType %x, want %x", old, want)
	}
	frame[l.TypeOff], frame[l.TypeOff+1] = 0x88, 0xb5
	got, ok := LocateEtherType(link, frame, 0x88b5)
	if want := (Loc{Off: l.Off, Len: len(frame) - l.Off, TypeOff: l.TypeOff}); !ok || got != want {
		t.Fatalf("LocateEtherType(%x) = %+v, %v, want %+v", frame, got, ok, want)
	}
	if _, ok := Locate(link, frame); ok {
		t.Fatalf("Locate(%x) takes SCHC for IP", frame)
	}
	if _, ok := LocateEtherType(link, frame, 0x88b6); ok {
		t.Fatalf("LocateEtherType(%x) finds another EtherType", frame)
	}
	copy(frame[l.TypeOff:], old[:])
}

func TestLocateEtherType(t *testing.T) {
	if l, ok := LocateEtherType(LinkTypeUser0, []byte{1, 2}, 0x88b5); !ok || l != (Loc{Len: 2, TypeOff: -1}) {
		t.Errorf("USER0: %+v, %v", l, ok)
	}
	for _, link := range []LinkType{0, 12, 14, 101, 108, 228, 229, 195} {
		if _, ok := LocateEtherType(link, make([]byte, 100), 0); ok {
			t.Errorf("%v has an EtherType", link)
		}
	}
}

func TestLinkTypeString(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range []LinkType{0, 1, 101, 108, 113, 147, 195, 228, 229, 276} {
		if s := l.String(); s == "" || seen[s] {
			t.Errorf("%d is %q", l, s)
		} else {
			seen[s] = true
		}
	}
}
