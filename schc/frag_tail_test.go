package schc

import "testing"

// regularsOf returns the messages of a packet up to the All-1.
func regularsOf(t *testing.T, p *Profile, packet []byte, bits, mtu int) (msgs [][]byte, lens []int) {
	t.Helper()
	var s Sender
	s.Reset(p, make([]byte, p.SenderBytes(bits)))
	if err := s.Start(packet, bits, 0, 0); err != nil {
		return nil, nil // too small for the Rule
	}
	for {
		out, err := s.Next(make([]byte, 64), mtu, 0)
		if err != nil {
			t.Fatal(err)
		}
		if out.Bits == 0 {
			return msgs, lens
		}
		msgs, lens = append(msgs, out.Msg), append(lens, out.Bits)
	}
}

// TestZeroTail: of a packet that ends with zeros, nothing is taken for whole
// while a fragment is missing: the padding of the one before it must not stand
// for what is missing.
func TestZeroTail(t *testing.T) {
	for _, l2 := range []uint8{8, 16} {
		for tile := uint16(16); tile < 40; tile++ {
			f := Fragmentation{Mode: FragmentationAckOnError, Direction: DirUp, L2WordBits: l2, WBits: 3, FCNBits: 5, TileBits: tile, InactivityMs: 1000}
			var p Profile
			if err := p.Init(RuleID{27, 7}, &f); err != nil {
				t.Fatal(err)
			}
			for bits := 90; bits < 190; bits++ {
				packet := make([]byte, (bits+7)/8)
				packet[0] = 0x5a
				msgs, lens := regularsOf(t, &p, packet, bits, 15+2*int(tile)+int(l2)+int(l2)+7)
				for lost := range msgs {
					var r Receiver
					r.Reset([]Profile{p}, make([]Session, 1), make([]byte, p.SessionBytes()))
					for i, m := range msgs {
						if i == lost {
							continue
						}
						if ev, err := r.Receive(m, lens[i], 0); err != nil || ev.Kind == EventPacket {
							t.Fatalf("L2 Word %d, tile %d, %d bits, fragment %d of %d lost: %+v, %v", l2, tile, bits, lost, len(msgs), ev, err)
						}
					}
				}
			}
		}
	}
}

// TestShortPenultimateLate: the last tile comes before the penultimate one, which
// is shorter; both have padding that is longer than a byte.
func TestShortPenultimateLate(t *testing.T) {
	f := Fragmentation{Mode: FragmentationAckOnError, Direction: DirUp, L2WordBits: 32, DTagBits: 3, WBits: 2, FCNBits: 4, WindowSize: 4, TileBits: 80,
		PenultimateShort: true, InactivityMs: 1000}
	var p Profile
	if err := p.Init(RuleID{21, 6}, &f); err != nil {
		t.Fatal(err)
	}
	for bits := 400 + 8; bits < 400+32; bits++ {
		packet := figurePacket(bits, uint32(bits))
		msgs, lens := regularsOf(t, &p, packet, bits, 96)
		n := len(msgs)
		if n < 4 {
			t.Fatalf("%d bits: %d messages", bits, n)
		}
		msgs[n-2], msgs[n-3], lens[n-2], lens[n-3] = msgs[n-3], msgs[n-2], lens[n-3], lens[n-2]
		var r Receiver
		r.Reset([]Profile{p}, make([]Session, 1), make([]byte, p.SessionBytes()))
		var got Event
		for i, m := range msgs {
			ev, err := r.Receive(m, lens[i], 0)
			if err != nil {
				t.Fatal(err)
			}
			if ev.Kind == EventPacket {
				got = ev
			}
		}
		if got.Kind != EventPacket || unpackBits(got.Packet, bits) != unpackBits(packet, bits) {
			t.Errorf("%d bits: %+v", bits, got)
		}
	}
}
