package main

import (
	"testing"
	"unsafe"

	"github.com/schckit/schckit/schc"
)

// TestLoRaWANMemory: the memory is what the profiles need, and the Rules are
// those of RFC 9011.
func TestLoRaWANMemory(t *testing.T) {
	var p, q, want schc.Profile
	if err := Profiles(&p, &q); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		have *schc.Profile
		rfc  schc.NamedProfile
	}{{&p, schc.LoRaWANUp()}, {&q, schc.LoRaWANDown()}} {
		if err := want.Init(c.rfc.Rule, &c.rfc.Fragmentation); err != nil {
			t.Fatal(err)
		}
		if c.have.Rule() != want.Rule() || c.have.Fragmentation() != want.Fragmentation() {
			t.Errorf("%v %+v, want %v %+v", c.have.Rule(), c.have.Fragmentation(), want.Rule(), want.Fragmentation())
		}
	}
	if n := p.SenderBytes(8 * 2520); n != SenderBytes {
		t.Errorf("SenderBytes is %d, the profile says %d", SenderBytes, n)
	}
	if n := q.SessionBytes(); n != SessionBytes {
		t.Errorf("SessionBytes is %d, the profile says %d", SessionBytes, n)
	}
	state := unsafe.Sizeof(up) + unsafe.Sizeof(down) + unsafe.Sizeof(sender) + unsafe.Sizeof(receiver) + unsafe.Sizeof(session)
	t.Logf("state %d bytes on this machine, memory %d", state, SenderBytes+SessionBytes)
	if max := uintptr(700); state > max {
		t.Errorf("state has %d bytes, want at most %d", state, max)
	}
}
