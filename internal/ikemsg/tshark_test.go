package ikemsg

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/schckit/schckit/ehc"
	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/pcapio"
)

// notifies are all of package ehc, with data.
func notifies(t *testing.T) (list []ehc.Notify) {
	t.Helper()
	n := ehc.Numbers{}.Defaults()
	add := func(typ uint16, data []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, ehc.Notify{Type: typ, Data: data})
	}
	for _, d := range []ehc.Dialect{ehc.DialectHCP, ehc.DialectEHC} {
		p := ehc.AnyPolicy(d)
		offer, err := ehc.Offer(nil, &p)
		if err != nil {
			t.Fatal(err)
		}
		add(p.OfferType(), offer[8:], nil)
		refusal, err := ehc.AppendRefusal(nil, &p)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ehc.ParseNotifyPayload(refusal)
		add(c.Type, c.Data, err)
	}
	data, err := ehc.AppendDSCP(nil, []byte{10, 46})
	add(n.DSCP, data, err)
	add(n.OptimizedRekeySupported, nil, nil)
	data, err = ehc.AppendOptimizedRekey(nil, 0x01020304, false)
	add(n.OptimizedRekey, data, err)
	data, err = ehc.AppendIPComp(nil, ehc.IPComp{CPI: 0x1234, Transform: 3})
	add(ehc.NotifyIPCompSupported, data, err)
	add(n.LMAPAndPTBSupported, nil, nil)
	data, err = ehc.AppendLMAP(nil, ehc.LMAP{IPVersion: 6, FragLen: 1280})
	add(n.LMAP, data, err)
	add(n.PTB, ehc.AppendPTB(nil, ehc.PTB{LMTU: 1280, EMTUR: 1500}), nil)
	add(n.SeparateTransports, nil, nil)
	return list
}

// ip4 puts a message into IPv4 and UDP.
func ip4(port uint16, msg []byte) []byte {
	pkt := []byte{0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2}
	pkt = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(pkt, port), port)
	if port == 4500 {
		msg = append(make([]byte, 4), msg...)
	}
	pkt = append(binary.BigEndian.AppendUint16(pkt, uint16(8+len(msg))), 0, 0)
	pkt = append(pkt, msg...)
	binary.BigEndian.PutUint16(pkt[2:], uint16(len(pkt)))
	return pkt
}

// TestTshark: an independent dissector finds nothing wrong with our messages, in
// the clear and encrypted with keys that it knows, and shows the data of every
// notify.
func TestTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	const seed = 1
	r := rand.New(rand.NewSource(seed))
	all := notifies(t)
	var clear ehc.Chain
	for _, n := range all {
		body, err := ehc.AppendNotify(nil, n)
		if err != nil {
			t.Fatal(err)
		}
		if err := clear.Add(ehc.PayloadNotify, body); err != nil {
			t.Fatal(err)
		}
	}
	// The request and the answer of a CREATE_CHILD_SA exchange, with TS_DSCP.
	diet := ehc.AnyPolicy(ehc.DialectHCP)
	selector := ehc.Selector{Type: ehc.TSIPv4Range, Protocol: 17, StartPort: 5683, EndPort: 5683, Start: esp.AddrFromSlice([]byte{192, 0, 2, 1}), End: esp.AddrFromSlice([]byte{192, 0, 2, 9})}
	policy := ehc.ChildPolicy{SPI: 0x1001, Local: []ehc.Selector{selector}, Remote: []ehc.Selector{selector}, Modes: []esp.Mode{esp.ModeTransport}, Groups: []uint16{31, 0}, Diet: &diet,
		Algorithms: []esp.Algorithm{{Encr: esp.EncrAESCCM8IIV, KeyBits: 128}, {Encr: esp.EncrAESCBC, KeyBits: 256, Integ: esp.IntegHMACSHA2256128}}, ESN: []bool{false, true}, DSCPs: []uint8{46}}
	var request, answer ehc.Chain
	if err := policy.AppendRequest(&request, random(r, 16)); err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Answer(&answer, request.First, request.Bytes, random(r, 16)); err != nil {
		t.Fatal(err)
	}
	h := Header{SPIi: [8]byte(random(r, 8)), Next: clear.First, Major: 2, Exchange: ExchangeSAInit, Flags: FlagInitiator}
	packets := [][]byte{ip4(500, Append(nil, h, clear.Bytes))}
	var args []string
	messages := 1
	for _, alg := range []struct {
		encr, integ string
		key, auth   int // bytes
		icv         int
	}{
		{"AES-GCM-128 with 16 octet ICV [RFC5282]", "NONE [RFC4306]", 20, 0, 16},
		{"AES-GCM-256 with 12 octet ICV [RFC5282]", "NONE [RFC4306]", 36, 0, 12},
		{"AES-CCM-128 with 8 octet ICV [RFC5282]", "NONE [RFC4306]", 19, 0, 8},
		{"AES-CBC-128 [RFC3602]", "HMAC_SHA2_256_128 [RFC4868]", 16, 32, 16},
		{"AES-CBC-256 [RFC3602]", "HMAC_SHA2_256_128 [RFC4868]", 32, 32, 16},
	} {
		h.SPIi, h.SPIr = [8]byte(random(r, 8)), [8]byte(random(r, 8))
		keys := [2]Keys{}
		for i := range keys {
			keys[i] = Keys{Encr: random(r, alg.key), Auth: random(r, alg.auth), ICVLen: alg.icv}
		}
		quoted := func(b []byte) string {
			if len(b) == 0 {
				return `""`
			}
			return hex.EncodeToString(b)
		}
		args = append(args, "-o", fmt.Sprintf(`uat:ikev2_decryption_table:%x,%x,%x,%x,"%s",%s,%s,"%s"`, h.SPIi, h.SPIr, keys[0].Encr, keys[1].Encr,
			alg.encr, quoted(keys[0].Auth), quoted(keys[1].Auth), alg.integ))
		for i, chain := range []*ehc.Chain{&clear, &request, &answer} {
			side, id := 0, uint32(i+1)
			h.Exchange, h.Flags = ExchangeAuth, FlagInitiator
			if i > 0 {
				h.Exchange = ExchangeCreateChild
			}
			if i == 2 {
				side, h.Flags, id = 1, FlagResponse, 2
			}
			h.Next, h.MessageID = chain.First, id
			iv := random(r, 8)
			if alg.auth > 0 {
				iv = random(r, 16)
			}
			msg, err := Seal(nil, h, chain.Bytes, keys[side], iv)
			if err != nil {
				t.Fatal(err)
			}
			packets = append(packets, ip4([]uint16{500, 4500, 500}[i], msg))
			messages++
		}
	}
	path := filepath.Join(t.TempDir(), "ike.pcap")
	writePcap(t, path, packets)
	out, err := exec.Command(tshark, append(args, "-r", path, "-O", "isakmp", "-V")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	text := string(out)
	for _, bad := range []string{"Malformed", "malformed", "Expert Info", "incorrect", "Invalid", "Truncated"} {
		if strings.Contains(text, bad) {
			i := strings.Index(text, bad)
			t.Errorf("tshark says %q: %s", bad, text[max(i-600, 0):min(i+200, len(text))])
		}
	}
	if n := strings.Count(text, "Decrypted Data"); n != messages-1 {
		t.Errorf("tshark decrypts %d messages, want %d", n, messages-1)
	}
	for _, n := range all {
		// Once in the clear, and once for each algorithm.
		want := fmt.Sprintf("(%d)", n.Type)
		if got := strings.Count(text, want+"\n"); got < 6 {
			t.Errorf("notify %d is shown %d times", n.Type, got)
		}
		if len(n.Data) > 0 && n.Type != ehc.NotifyIPCompSupported && strings.Count(text, hex.EncodeToString(n.Data)) < 6 {
			t.Errorf("the data of notify %d, %x, is shown %d times", n.Type, n.Data, strings.Count(text, hex.EncodeToString(n.Data)))
		}
	}
	for _, want := range []string{"USE_TRANSPORT_MODE", "IPCOMP_SUPPORTED", "Transform ID (ENCR): ENCR_AES_CBC (12)", "Start Port: 5683", "Starting Addr: 192.0.2.1", "192.0.2.9",
		"Key Length: 256", "Transform ID (INTEG): AUTH_HMAC_SHA2_256_128 (12)", "Curve25519", "Integrity Checksum Data"} {
		if !strings.Contains(text, want) {
			t.Errorf("tshark does not show %q", want)
		}
	}
}

func writePcap(t *testing.T, path string, packets [][]byte) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := pcapio.NewWriter(f, pcapio.Format{SnapLen: 1 << 16}, "")
	if err != nil {
		t.Fatal(err)
	}
	iface := pcapio.Interface{LinkType: pcapio.LinkTypeRaw, Resolution: pcapio.Micro}
	id, err := w.AddInterface(iface)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range packets {
		if err := w.WritePacket(id, &pcapio.Packet{Interface: &iface, Data: b, OrigLen: uint32(len(b))}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}
