package lowpan

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/gopacket/pcapgo"
)

// readCapture returns the first max frames of a capture and its link type.
func readCapture(t *testing.T, file string, max int) (frames [][]byte, linkType uint32) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Skip("absent: captures/" + filepath.Base(filepath.Dir(file)))
	}
	defer f.Close()
	var read func() ([]byte, error)
	if r, err := pcapgo.NewReader(f); err == nil {
		linkType = uint32(r.LinkType())
		read = func() ([]byte, error) { b, _, err := r.ReadPacketData(); return b, err }
	} else {
		if _, err := f.Seek(0, 0); err != nil {
			t.Fatal(err)
		}
		r, err := pcapgo.NewNgReader(f, pcapgo.DefaultNgReaderOptions)
		if err != nil {
			t.Fatal(err)
		}
		linkType = uint32(r.LinkType())
		read = func() ([]byte, error) { b, _, err := r.ReadPacketData(); return b, err }
	}
	for len(frames) < max {
		b, err := read()
		if err != nil {
			break
		}
		frames = append(frames, b)
	}
	return frames, linkType & 0xff // gopacket's LinkType has 8 bits
}

// TestCaptures reads frames from radios and from other stacks and compares the
// packets with tshark's, which also decrypts where that is needed.
func TestCaptures(t *testing.T) {
	root := "../../shared/captures/"
	tables := map[string]*Table{
		"salties": mustTable(t, map[string]string{"0": "aaaa::/64"}),
		"made":    mustTable(t, map[string]string{"0": "fd00:cafe:face:1234::/64", "1": "2001:2:0:1::/64", "2": "2001:2:0:2::/64 C=0"}),
	}
	names, _ := filepath.Glob(root + "salties/*.pcap*")
	for _, n := range []string{"extra-6lowpan-230", "extra-6lowpan-eth-a0ed", "iphc-openthread-compressed", "openthread_test_lowpan-fcs",
		"openthread_test_lowpan-nofcs", "riot-frag-0", "riot-frag-1", "riot-frag-3"} {
		names = append(names, root+"made/"+n+".pcap")
	}
	for _, file := range names {
		dir := filepath.Base(filepath.Dir(file))
		t.Run(filepath.Base(file), func(t *testing.T) {
			const max = 400
			macs, linkType := readCapture(t, file, max)
			tab := tables[dir]
			args := []string{"-c", "400", "-o", `uat:ieee802154_keys:"000102030405060708090a0b0c0d0e0f","0","No hash"`}
			if strings.HasSuffix(file, "ng") || strings.Contains(file, "filtered") {
				args = append(args, "-o", "wpan.fcs_format:TI CC24xx metadata")
			}
			theirs := tsharkRead(t, file, tab, args...)
			if len(theirs) != len(macs) {
				t.Fatalf("tshark has %d frames, the file %d", len(theirs), len(macs))
			}
			r := newReassembler(4, MaxDatagram)
			packets, encrypted, skipped, differ := 0, 0, 0, 0
			for i, mac := range macs {
				payload, link, ok := framePayload(t, mac, linkType)
				if !ok {
					for _, s := range theirs[i] {
						if strings.HasPrefix(s.title, "Decrypted IEEE") {
							payload, ok = s.data, true
							encrypted++
						}
					}
				}
				if !ok {
					skipped++
					continue
				}
				pkt, done, err := r.AppendPacket(nil, payload, link, tab, Options{}, uint64(i))
				want := 0
				for _, s := range theirs[i] {
					if strings.HasPrefix(s.title, "Decompressed 6LoWPAN") || strings.HasPrefix(s.title, "Reassembled 6LoWPAN") {
						want++
					}
				}
				switch {
				case err == ErrUnsupported && want > 0 && payload[2] == 0: // an NHC that does not exist
				case err == nil && usesGHC(t, payload, link, tab): // which tshark does not know
					packets++
				case err == nil && done && has(theirs[i], checksumFFFF(pkt)): // which is what tshark says of an elided one
					packets++
				case err == nil && done && payload[0] == DispatchIPv6 && bytes.Equal(pkt, payload[1:]):
					packets++
				case err == nil && done && has(theirs[i], pkt):
					packets++
				case want == 0: // tshark leaves it at that
				case err == nil && !done && payload[0]&0xf8 == DispatchFrag1:
					// tshark decompresses what a first fragment has.
				default:
					if differ++; differ < 4 {
						t.Errorf("frame %d: %x is %x, %v; tshark has %x", i+1, payload, pkt, err, theirs[i][1:])
					}
				}
			}
			t.Logf("%d frames: %d packets, %d decrypted, %d without LoWPAN", len(macs), packets, encrypted, skipped)
		})
	}
}

// framePayload takes the link layer off.
func framePayload(t *testing.T, b []byte, linkType uint32) ([]byte, Link, bool) {
	t.Helper()
	fcs := FCSNone
	switch linkType {
	case 1:
		link, payload, err := ParseEthernet(b)
		// tshark does not invert the universal/local bit, as RFC 2464 does.
		link.Src.Kind, link.Dst.Kind = AddrBLE, AddrBLE
		return payload, link, err == nil
	case 195:
		fcs = FCS16
	case 230:
	default:
		t.Fatalf("link type %d", linkType)
	}
	f, err := ParseFrame(b, fcs)
	if err != nil {
		t.Errorf("ParseFrame(%x): %v", b, err)
		return nil, Link{}, false
	}
	payload, ok := f.LoWPAN()
	return payload, f.Link(), ok
}

func usesGHC(t *testing.T, payload []byte, link Link, tab *Table) bool {
	t.Helper()
	parts, err := Explain(payload, link, tab, Options{})
	for _, p := range parts {
		if err == nil && p.Form == "GHC" {
			return true
		}
	}
	return false
}

// checksumFFFF sets the UDP checksum of a packet without extension headers.
func checksumFFFF(pkt []byte) []byte {
	pkt = append([]byte{}, pkt...)
	if len(pkt) >= 48 && pkt[6] == protoUDP {
		pkt[46], pkt[47] = 0xff, 0xff
	}
	return pkt
}
