package main

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/schckit/schckit/internal/linksim"
	"github.com/schckit/schckit/internal/lorawan"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/schc"
)

// sniffed is the LoRaTap capture of a device that sends packets, one after the
// other, over a link with losses, and of the answers. The sniffer hears what the
// other end hears, and with all what is lost on the way. It returns what was sent and delivered.
func sniffed(t *testing.T, named schc.NamedProfile, loss float64, seed int64, all bool) (path string, sent, delivered [][]byte) {
	t.Helper()
	data, err := os.ReadFile(loraKeys)
	if err != nil {
		t.Fatal(err)
	}
	devices, err := lorawan.Load(data)
	if err != nil {
		t.Fatal(err)
	}
	dev := devices.List[0]
	channel := lorawan.Channel{FreqHz: 868_300_000, HzWide: 125_000, SF: 9}
	var b bytes.Buffer
	w := pcapio.NewNgWriter(&b, "")
	w.AddInterface(pcapio.Interface{LinkType: pcapio.LinkTypeLoRaTap, Resolution: pcapio.Micro})
	f := named.Fragmentation
	f.RetransmissionMs, f.InactivityMs = 60_000, 3_600_000
	var p schc.Profile
	if err := p.Init(named.Rule, &f); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewSource(seed))
	sim := linksim.Sim{Receiver: new(schc.Receiver), Senders: []*schc.Sender{new(schc.Sender)}}
	sim.Forward = linksim.Link{Loss: loss, AirMs: 1500, DelayMs: 100, MTUBits: func(r *rand.Rand) int { return 8 * []int{52, 116}[r.Intn(2)] }}
	sim.Back = linksim.Link{Loss: loss, AirMs: 1500, DelayMs: 1000}
	sim.OnEvent = func(ev schc.Event) {
		if ev.Kind == schc.EventPacket {
			for i := len(sent) - 1; ; i-- {
				if i < 0 {
					t.Errorf("delivered %x, which was not sent", ev.Packet)
					return
				}
				if p := sent[i]; ev.Bits >= 8*len(p) && ev.Bits <= 8*len(p)+7 && bytes.Equal(ev.Packet[:len(p)], p) {
					delivered = append(delivered, p) // without padding
					return
				}
			}
		}
	}
	sim.Trace = func(m linksim.Message) {
		if m.Lost && m.Forward && !all {
			return
		}
		data, err := dev.AppendFrame(channel.AppendHeader(nil), m.Msg, m.Forward == (f.Direction == schc.DirUp))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WritePacket(0, &pcapio.Packet{Data: data, OrigLen: uint32(len(data)), Ticks: m.At * 1000}); err != nil {
			t.Fatal(err)
		}
	}
	sim.Receiver.Reset([]schc.Profile{p}, make([]schc.Session, 1), make([]byte, p.SessionBytes()))
	sim.Reset(r, 1_795_176_000_000)
	for range 12 {
		// Rule 22 is no-compression: an IPv6 packet with any content behind it.
		pkt := make([]byte, 1+40+r.Intn(900))
		r.Read(pkt)
		pkt[0], pkt[1] = 22, 0x60|pkt[1]&15
		sent = append(sent, pkt)
		s := sim.Senders[0]
		s.Reset(&p, make([]byte, p.SenderBytes(8*len(pkt))))
		if err := s.Start(pkt, 8*len(pkt), 0, sim.Now); err != nil {
			t.Fatal(err)
		}
		sim.Until = func() bool { return !s.Active() }
		if !sim.Run(1_000_000) {
			t.Fatal("does not come to rest")
		}
		sim.Now += uint64(10_000 + r.Intn(100_000))
	}
	sim.Until = nil
	if !sim.Run(1_000_000) {
		t.Fatal("does not come to rest")
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "radio")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path, sent, delivered
}

// TestSniffedAbort: a Receiver-Abort that is heard ends the packet, so that the
// next one is not taken for its continuation: in ACK-Always the numbers of
// windows go round.
func TestSniffedAbort(t *testing.T) {
	aborted := 0
	for seed := int64(1); seed <= 12; seed++ {
		n := schc.LoRaWANDown()
		n.Fragmentation.MaxAckRequests = 2
		radio, sent, delivered := sniffed(t, n, 0.35, seed, false)
		small := filepath.Join(t.TempDir(), "small")
		r := tool("", "frag", "reassemble", "-C", loraRules, "--lorawan", loraKeys, "-r", radio, "-w", small)
		got, _, _ := readPackets(t, small)
		heard(t, fmt.Sprintf("seed %d", seed), got, sent, delivered, r.stderr)
		aborted += strings.Count(r.stderr, "aborted by the receiver")
	}
	if aborted == 0 {
		t.Error("no Receiver-Abort was heard")
	}
}

// heard checks what came of listening: packets that were sent, each once and in
// order, and no fewer than the other end got, which may have given up.
func heard(t *testing.T, what string, got, sent, delivered [][]byte, stderr string) {
	t.Helper()
	next := 0
	for _, p := range got {
		for next < len(sent) && !bytes.Equal(p, sent[next]) {
			next++
		}
		if next++; next > len(sent) {
			t.Fatalf("%s: %x was not sent, or twice", what, p)
		}
	}
	if len(got) < len(delivered) {
		t.Errorf("%s: %d packets, the other end got %d\n%s", what, len(got), len(delivered), stderr)
	}
}

// TestSniffedExchange: from the frames of a whole exchange, with repetitions and
// ACKs, come the packets that the other end got. A sniffer that hears more may
// get more, never anything else.
func TestSniffedExchange(t *testing.T) {
	compound := schc.LoRaWANUp()
	compound.Fragmentation.AckBehavior = schc.AckAfterAll1
	for name, n := range map[string]schc.NamedProfile{"up": schc.LoRaWANUp(), "down": schc.LoRaWANDown(), "after-all-1": compound} {
		for _, loss := range []float64{0, 0.1, 0.3} {
			for seed := int64(1); seed <= 4; seed++ {
				for _, all := range []bool{false, true} {
					radio, sent, delivered := sniffed(t, n, loss, seed, all)
					small := filepath.Join(t.TempDir(), "small")
					r := tool("", "frag", "reassemble", "-C", loraRules, "--lorawan", loraKeys, "-r", radio, "-w", small)
					got, _, _ := readPackets(t, small)
					what := map[bool]string{true: ", hears all", false: ""}[all]
					if loss == 0 && (r.code != exitDone || len(delivered) != len(sent)) {
						t.Errorf("%s%s: %+v, %d delivered", name, what, r, len(delivered))
					}
					if !strings.Contains(r.stderr, " 0 passed through,") || !strings.Contains(r.stderr, "0 without\n") {
						t.Errorf("%s%s, loss %v, seed %d: %s", name, what, loss, seed, r.stderr)
					}
					if !all {
						samePackets(t, name+what, got, delivered)
						continue
					}
					heard(t, fmt.Sprintf("%s%s, loss %v, seed %d", name, what, loss, seed), got, sent, delivered, r.stderr)
				}
			}
		}
	}
}
