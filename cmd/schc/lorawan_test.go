package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/schckit/schckit/internal/lorawan"
	"github.com/schckit/schckit/internal/pcapio"
)

const (
	loraRules = "../../testdata/lorawan/rules.json"
	loraKeys  = "../../testdata/lorawan/keys.json"
	loraPcap  = "../../testdata/lorawan/sensor.pcap"
	loraJSON  = "../../testdata/lorawan/uplinks.jsonl"
)

// loraDevices are those of testdata/lorawan.
var loraDevices = []struct{ eui, app, path string }{
	{"0004a30b001c0530", "2001:db8:2::1", "report"},
	{"0004a30b001c0531", "2001:db8:2::2", "meter"},
}

// loraPackets are the packets of a device: reports, answers, one long of each.
func loraPackets(t *testing.T, device int) (pkts [][]byte, up []bool) {
	t.Helper()
	data, err := os.ReadFile(loraKeys)
	if err != nil {
		t.Fatal(err)
	}
	devices, err := lorawan.Load(data)
	if err != nil {
		t.Fatal(err)
	}
	d := loraDevices[device]
	dev := append(net.ParseIP("2001:db8:1::")[:8:8], devices.List[device].IID()...)
	for i, size := range []int{9, 180, 20, 300, 48} {
		body := bytes.Repeat([]byte(fmt.Sprintf("%s %d; ", d.path, i)), 60)[:size]
		mid := byte(40*device + i)
		report := append([]byte{0x50, 2, 0x1c, mid, 0xb0 | byte(len(d.path))}, d.path...)
		answer := []byte{0x50, 68, 0x1c, mid}
		if i == 3 {
			answer = append(append(answer, 0xff), bytes.Repeat([]byte("set "), 40)...)
		}
		for _, v := range []struct {
			up   bool
			coap []byte
		}{{true, append(append(report, 0xff), body...)}, {false, answer}} {
			ip := &layers.IPv6{Version: 6, NextHeader: layers.IPProtocolUDP, HopLimit: 64, SrcIP: dev, DstIP: net.ParseIP(d.app)}
			if !v.up {
				ip.SrcIP, ip.DstIP = ip.DstIP, ip.SrcIP
			}
			udp := &layers.UDP{SrcPort: 5683, DstPort: 5683}
			udp.SetNetworkLayerForChecksum(ip)
			buf := gopacket.NewSerializeBuffer()
			if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, udp, gopacket.Payload(v.coap)); err != nil {
				t.Fatal(err)
			}
			pkts, up = append(pkts, buf.Bytes()), append(up, v.up)
		}
	}
	return pkts, up
}

// loraCapture is a classic capture of the packets of a device, one a minute.
func loraCapture(t *testing.T, device int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := pcapio.NewWriter(&b, pcapio.Format{Major: 2, Minor: 4, SnapLen: 65535}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddInterface(pcapio.Interface{LinkType: pcapio.LinkTypeRaw, Resolution: pcapio.Micro, SnapLen: 65535}); err != nil {
		t.Fatal(err)
	}
	pkts, _ := loraPackets(t, device)
	at := time.Date(2026, 11, 20, 12, 0, device, 0, time.UTC)
	for i, p := range pkts {
		q := pcapio.Packet{Data: p, OrigLen: uint32(len(p)), Ticks: uint64(at.Add(time.Duration(i) * time.Minute).UnixMicro())}
		if err := w.WritePacket(0, &q); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// loraFile compares a file of testdata/lorawan with what it should be.
func loraFile(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(path); err != nil || !bytes.Equal(have, want) {
		t.Errorf("%s differs (%v); -update rewrites it", path, err)
	}
}

// readPackets reads all packets of a capture with the names of their interfaces.
func readPackets(t *testing.T, path string) (pkts [][]byte, names []string, times []int64) {
	t.Helper()
	r, err := pcapio.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var p pcapio.Packet
	for r.Next(&p) == nil {
		ns, _ := p.Nanos()
		pkts, names, times = append(pkts, bytes.Clone(p.Data)), append(names, fmt.Sprintf("%v %s", p.Interface.LinkType, p.Interface.Name)), append(times, ns)
	}
	return pkts, names, times
}

func samePackets(t *testing.T, what string, got, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d packets, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("%s: packet %d is\n%x, want\n%x", what, i, got[i], want[i])
		}
	}
}

// radioFiles writes the LoRaTap captures of both devices and returns their names.
func radioFiles(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	var list []string
	for i, d := range loraDevices {
		in, out := filepath.Join(dir, fmt.Sprint("in", i)), filepath.Join(dir, fmt.Sprint("radio", i))
		if err := os.WriteFile(in, loraCapture(t, i), 0o644); err != nil {
			t.Fatal(err)
		}
		mustTool(t, "frag", "-C", loraRules, "--device", "lorawan:"+d.eui, "--mtu", "52", "--lorawan", loraKeys, "--dev-eui", d.eui, "--loratap", "-r", in, "-w", out)
		list = append(list, out)
	}
	return list
}

// joined is a capture of all packets of several.
func joined(t *testing.T, paths []string, link pcapio.LinkType) string {
	t.Helper()
	var b bytes.Buffer
	w := pcapio.NewNgWriter(&b, "")
	for i, path := range paths {
		w.AddInterface(pcapio.Interface{LinkType: link, Resolution: pcapio.Micro, Name: fmt.Sprint("gateway ", i)})
		pkts, _, times := readPackets(t, path)
		for j, p := range pkts {
			w.WritePacket(i, &pcapio.Packet{Data: p, OrigLen: uint32(len(p)), Ticks: uint64(times[j] / 1000)})
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "joined")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestLoRaTap: the packets of two devices go over the air as LoRaWAN frames,
// whole and in fragments, up and down, and come back by the Rules and the keys
// of each device.
func TestLoRaTap(t *testing.T) {
	loraFile(t, loraPcap, loraCapture(t, 0))
	radio := joined(t, radioFiles(t), pcapio.LinkTypeLoRaTap)
	dir := t.TempDir()
	small, again := filepath.Join(dir, "small"), filepath.Join(dir, "again")
	r := tool("", "frag", "reassemble", "-C", loraRules, "--lorawan", loraKeys, "-r", radio, "-w", small)
	if r.code != exitDone || !strings.Contains(r.stderr, "LoRaWAN: 46 events, 46 with a message, 0 without\n") ||
		!strings.Contains(r.stderr, "46 messages: 6 reassembled from 32 fragments, 14 whole, 0 passed through, 0 left out, 0 failed\n") {
		t.Errorf("reassemble: %+v", r)
	}
	r = tool("", "decompress", "-C", loraRules, "--lorawan", loraKeys, "-r", small, "-w", again)
	if r.code != exitDone {
		t.Fatalf("decompress: %+v", r)
	}
	pkts, names, times := readPackets(t, again)
	var have [2][][]byte
	for i, n := range names {
		switch n {
		case "RAW lorawan:" + loraDevices[0].eui:
			have[0] = append(have[0], pkts[i])
		case "RAW lorawan:" + loraDevices[1].eui:
			have[1] = append(have[1], pkts[i])
		default:
			t.Fatalf("packet %d is on interface %q", i, n)
		}
	}
	for i := range have {
		want, _ := loraPackets(t, i)
		samePackets(t, loraDevices[i].eui, have[i], want)
	}
	if at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC).UnixNano(); times[0] != at {
		t.Errorf("time %d, want %d", times[0], at)
	}
	// Without the keys nothing is touched; with the Rules of the other device,
	// nothing is right.
	r = tool("", "frag", "reassemble", "-q", "-C", loraRules, "--device", "lorawan:"+loraDevices[0].eui, "-r", radio, "-w", small)
	kept, _, _ := readPackets(t, small)
	frames, _, _ := readPackets(t, radio)
	samePackets(t, "without keys", kept, frames)
	if r := tool("", "frag", "reassemble", "-C", loraRules, "--device", "lorawan:"+loraDevices[0].eui, "-r", radio, "-w", small); !strings.Contains(r.stderr, "--lorawan FILE names") {
		t.Errorf("without keys: %+v", r)
	}
	if r := tool("", "decompress", "-C", loraRules, "-r", radio, "-w", small); r.code != exitError || !strings.Contains(r.stderr, "--lorawan FILE names") {
		t.Errorf("decompress without keys: %+v", r)
	}
	if r.code != exitDone {
		t.Errorf("without keys: %+v", r)
	}
}

// TestLoRaTapFrames: repeated, damaged and foreign frames, and a counter that
// goes round.
func TestLoRaTapFrames(t *testing.T) {
	files := radioFiles(t)
	frames, _, _ := readPackets(t, files[0])
	// keys.json has f_cnt_up 65534: the third uplink has the low bits 0.
	if a, b := binary.LittleEndian.Uint16(frames[0][15+6:]), binary.LittleEndian.Uint16(frames[0][15+1:]); a != 65534 || b != 0xb929 {
		t.Errorf("first FCnt %d, DevAddr %04x", a, b)
	}
	write := func(list ...[]byte) string {
		var b bytes.Buffer
		w := pcapio.NewNgWriter(&b, "")
		w.AddInterface(pcapio.Interface{LinkType: pcapio.LinkTypeLoRaTap, Resolution: pcapio.Micro})
		for _, p := range list {
			w.WritePacket(0, &pcapio.Packet{Data: p, OrigLen: uint32(len(p))})
		}
		w.Flush()
		path := filepath.Join(t.TempDir(), "radio")
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	change := func(b []byte, at int, v byte) []byte {
		b = bytes.Clone(b)
		b[at] ^= v
		return b
	}
	join := append(bytes.Clone(frames[0][:15]), bytes.Repeat([]byte{0}, 23)...)
	long := append(append(bytes.Clone(frames[0][:15]), make([]byte, 20)...), frames[0][15:]...)
	long[0], long[3] = 1, 35 // a header of version 1
	out := filepath.Join(t.TempDir(), "out")
	for _, c := range []struct {
		name   string
		frames [][]byte
		want   string
	}{
		{"repeated", [][]byte{frames[0], frames[0]}, "2 events, 1 with a message, 0 without, 1 repeated"},
		{"version 1", [][]byte{long}, "1 event, 1 with a message, 0 without"},
		{"damaged", [][]byte{change(frames[0], 25, 1)}, "1 event, 0 with a message, 1 without, 1 with another MIC"},
		{"other device", [][]byte{change(frames[0], 16, 0x80)}, "1 event, 0 with a message, 1 without, 1 of devices that are not known"},
		{"sync word", [][]byte{change(frames[0], 14, 0x20)}, "1 event, 0 with a message, 1 without"},
		{"join", [][]byte{join}, "1 event, 0 with a message, 1 without"},
		{"cut", [][]byte{frames[0][:15+11], frames[0][:14], {}}, "3 events, 0 with a message, 3 without"},
		{"header length", [][]byte{change(frames[0], 2, 0x40)}, "1 event, 0 with a message, 1 without"},
	} {
		r := tool("", "frag", "reassemble", "-C", loraRules, "--lorawan", loraKeys, "-r", write(c.frames...), "-w", out)
		if r.code != exitDone || !strings.HasPrefix(r.stderr, "LoRaWAN: "+c.want+"\n") {
			t.Errorf("%s: %+v, want %q", c.name, r, c.want)
		}
	}
	// A capture that begins with a later frame: the MIC tells the upper half of
	// its counter.
	r := tool("", "frag", "reassemble", "-C", loraRules, "--lorawan", loraKeys, "-r", write(frames[len(frames)-2:]...), "-w", out)
	if r.code != exitDone || !strings.Contains(r.stderr, "2 with a message, 0 without\n") {
		t.Errorf("later frames: %+v", r)
	}
}

// TestLoRaTapTshark: tshark decrypts the frames with the same keys, finds the
// MIC right, and sees the FPorts and payloads that schc frag gives in hex.
func TestLoRaTapTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	if testing.Short() {
		t.Skip("slow: runs tshark")
	}
	radio := radioFiles(t)[1]
	r := tool("", "frag", "reassemble", "-q", "-C", loraRules, "--lorawan", loraKeys, "-r", radio, "-w", filepath.Join(t.TempDir(), "small"))
	if r.code != exitDone {
		t.Fatalf("%+v", r)
	}
	config := t.TempDir() // DevAddr least significant byte first, NwkSKey, AppSKey, AppEUI
	keys := `"2ab9bc00","1f352c073b6108d72d9810a30914dff4","603deb1015ca71be2b73aef0857d7781","0000000000000000"` + "\n"
	if err := os.WriteFile(filepath.Join(config, "encryption_keys_lorawan"), []byte(keys), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tshark, "-r", radio, "-T", "fields", "-e", "loratap.channel.frequency", "-e", "loratap.channel.sf", "-e", "lorawan.mic.status",
		"-e", "lorawan.fport", "-e", "lorawan.frmpayload_decrypted", "-E", "separator=;")
	cmd.Env = append(os.Environ(), "WIRESHARK_CONFIG_DIR="+config)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	// The same messages, from the capture without LoRaWAN.
	in := filepath.Join(t.TempDir(), "in")
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(in, loraCapture(t, 1), 0o644); err != nil {
		t.Fatal(err)
	}
	mustTool(t, "frag", "-q", "-C", loraRules, "--device", "lorawan:"+loraDevices[1].eui, "--mtu", "52", "--lorawan", loraKeys, "--dev-eui", loraDevices[1].eui, "-r", in, "-w", plain)
	msgs, _, _ := readPackets(t, plain)
	if len(lines) != len(msgs) {
		t.Fatalf("tshark sees %d frames, want %d", len(lines), len(msgs))
	}
	for i, line := range lines {
		w := strings.Split(line, ";")
		if len(w) != 5 {
			t.Fatalf("%q", line)
		}
		if w[0] != "868100000" || w[1] != "10" || w[2] != "1" || w[3] != fmt.Sprintf("0x%02x", msgs[i][0]) {
			t.Errorf("frame %d: %q", i, line)
		}
		if got, _ := hex.DecodeString(w[4]); !bytes.Equal(got, msgs[i][1:]) {
			t.Errorf("frame %d: payload %s, want %x", i, w[4], msgs[i][1:])
		}
	}
}

// uplinkEvents are the uplinks of both devices as events of three network
// servers in turn, and events of other kinds.
func uplinkEvents(t *testing.T) []string {
	t.Helper()
	list := []string{`{"end_device_ids":{"device_id":"sensor-1","application_ids":{"application_id":"app1"},"dev_eui":"0004A30B001C0530"},"received_at":"2026-11-20T11:59:59Z","join_accept":{"session_key_id":"AXBSH1Pk6Z0G166RlH16CQ=="}}`}
	n := 0
	for i, d := range loraDevices {
		pcap := filepath.Join(t.TempDir(), "in")
		if err := os.WriteFile(pcap, loraCapture(t, i), 0o644); err != nil {
			t.Fatal(err)
		}
		frames := filepath.Join(t.TempDir(), "frames")
		mustTool(t, "frag", "-q", "-C", loraRules, "--device", "lorawan:"+d.eui, "--mtu", "52", "--lorawan", loraKeys, "--dev-eui", d.eui, "-r", pcap, "-w", frames)
		msgs, names, times := readPackets(t, frames)
		for j, m := range msgs {
			if names[j] != "USER0 schc up" {
				continue
			}
			at := time.Unix(0, times[j]).UTC().Format(time.RFC3339Nano)
			payload := base64.StdEncoding.EncodeToString(m[1:])
			eui, _ := hex.DecodeString(d.eui)
			switch n % 4 {
			case 0:
				list = append(list, fmt.Sprintf(`{"end_device_ids":{"device_id":"sensor-%d","application_ids":{"application_id":"app1"},"dev_eui":"%s","join_eui":"800000000000000C","dev_addr":"00BCB929"},"received_at":"%s","uplink_message":{"session_key_id":"AXBSH1Pk6Z0G166RlH16CQ==","f_port":%d,"f_cnt":%d,"frm_payload":"%s","rx_metadata":[{"gateway_ids":{"gateway_id":"gtw1"},"rssi":-35,"snr":5}],"settings":{"data_rate":{"lora":{"bandwidth":125000,"spreading_factor":10}},"frequency":"868100000"},"received_at":"%s"}}`,
					i+1, strings.ToUpper(d.eui), at, m[0], n, payload, at))
			case 1:
				list = append(list, fmt.Sprintf(`{"applicationID":"123","applicationName":"sensors","deviceName":"sensor-%d","devEUI":"%s","rxInfo":[{"gatewayID":"AwMDAwMDAwM=","time":"%s","rssi":-48}],"txInfo":{"frequency":868100000},"adr":true,"dr":2,"fCnt":%d,"fPort":%d,"data":"%s","objectJSON":"","tags":{}}`,
					i+1, base64.StdEncoding.EncodeToString(eui), at, n, m[0], payload))
			case 2:
				list = append(list, fmt.Sprintf(`{"applicationID":"123","deviceName":"sensor-%d","devEUI":"%s","rxInfo":[],"fCnt":%d,"fPort":%d,"data":"%s","publishedAt":"%s"}`,
					i+1, d.eui, n, m[0], payload, at))
			default:
				list = append(list, fmt.Sprintf(`{"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d","time":"%s","deviceInfo":{"tenantName":"ChirpStack","applicationName":"sensors","deviceName":"sensor-%d","devEui":"%s","tags":{}},"devAddr":"00bcb929","adr":true,"dr":2,"fCnt":%d,"fPort":%d,"confirmed":false,"data":"%s","rxInfo":[{"gatewayId":"0016c001f153a14c","rssi":-57}]}`,
					at, i+1, d.eui, n, m[0], payload))
			}
			n++
		}
	}
	return append(list, `{"time":"2026-11-20T12:30:00+00:00","deviceInfo":{"devEui":"0004a30b001c0530"},"devAddr":"00bcb929","fCnt":99,"fPort":0,"data":"Ag=="}`,
		`{"time":"2026-11-20T12:31:00+00:00","deviceInfo":{"devEui":"0004a30b001c0530"},"margin":10,"batteryLevel":86.1}`)
}

// TestUplinkEvents: the uplinks of two devices come back from the events of The
// Things Stack and ChirpStack, one a line or in an array, wrapped or not.
func TestUplinkEvents(t *testing.T) {
	events := uplinkEvents(t)
	lines := strings.Join(events, "\n") + "\n"
	loraFile(t, loraJSON, []byte(lines))
	var wrapped, data strings.Builder
	for _, e := range events {
		fmt.Fprintf(&wrapped, "{\"result\":%s}\n\n", e)
		fmt.Fprintf(&data, `{"name":"as.up.data.forward","time":"2026-11-20T12:00:00Z","data":%s}`, e)
	}
	var indented bytes.Buffer
	json.Indent(&indented, []byte("["+strings.Join(events, ",")+"]"), "", "  ")
	var want [2][][]byte
	for i := range want {
		pkts, up := loraPackets(t, i)
		for j, p := range pkts {
			if up[j] {
				want[i] = append(want[i], p)
			}
		}
	}
	dir := t.TempDir()
	small, again := filepath.Join(dir, "small"), filepath.Join(dir, "again")
	for name, in := range map[string]string{"lines": lines, "array": "\r\n " + indented.String() + "\n", "wrapped": wrapped.String(), "data": data.String()} {
		r := tool(in, "frag", "reassemble", "-C", loraRules, "--lorawan", loraKeys, "-w", small)
		if r.code != exitDone || !strings.HasPrefix(r.stderr, fmt.Sprintf("LoRaWAN: %d events, 30 with a message, 3 without\n", len(events))) {
			t.Errorf("%s: reassemble: %+v", name, r)
		}
		if r := tool("", "decompress", "-C", loraRules, "--lorawan", loraKeys, "-r", small, "-w", again); r.code != exitDone {
			t.Errorf("%s: decompress: %+v", name, r)
		}
		pkts, names, times := readPackets(t, again)
		var have [2][][]byte
		for i := range pkts {
			for k, d := range loraDevices {
				if names[i] == "RAW lorawan:"+d.eui {
					have[k] = append(have[k], pkts[i])
				}
			}
		}
		for k := range have {
			samePackets(t, name+" "+loraDevices[k].eui, have[k], want[k])
		}
		if at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC).UnixNano(); len(times) == 0 || times[0] != at {
			t.Errorf("%s: times %d, want %d first", name, times, at)
		}
	}
	// Without fragments, schc decompress alone will do.
	r := tool(events[1], "decompress", "-C", loraRules, "--lorawan", loraKeys, "-w", again)
	pkts, _, _ := readPackets(t, again)
	samePackets(t, "decompress", pkts, want[0][:1])
	if r.code != exitDone {
		t.Errorf("decompress: %+v", r)
	}
	// One device by its flags.
	r = tool(events[1], "decompress", "-C", loraRules, "--dev-eui", "00:04:a3:0b:00:1c:05:30", "--app-s-key", "00aabbccddeeff00aabbccddeeffaabb", "-w", again)
	pkts, _, _ = readPackets(t, again)
	samePackets(t, "decompress with --app-s-key", pkts, want[0][:1])
	if r.code != exitDone {
		t.Errorf("decompress: %+v", r)
	}
}

// TestUplinkErrors: what is wrong with an event is said, and the others are
// done.
func TestUplinkErrors(t *testing.T) {
	good := uplinkEvents(t)[1]
	other := strings.ReplaceAll(good, "0004A30B001C0530", "0004A30B001C05FF")
	out := filepath.Join(t.TempDir(), "out")
	for _, c := range []struct {
		name, in string
		code     int
		want     string
	}{
		{"not base64", `{"devEUI":"0004a30b001c0530","fPort":10,"data":"$"}` + good, exitFailed, "event 1: malformed: the payload is not base64\n"},
		{"no DevEUI", `{"devEUI":"0004a30b001c053","fPort":10,"data":""}` + good, exitFailed, `event 1: malformed: the DevEUI "0004a30b001c053" is not 16 hex digits`},
		{"FPort", `{"devEUI":"0004a30b001c0530","fPort":300,"data":""}` + good, exitFailed, "event 1: malformed: the FPort 300 is not from 0 to 255"},
		{"FPort text", `{"devEUI":"0004a30b001c0530","fPort":"10","data":""}` + good, exitFailed, "event 1: malformed: fPort: a string is not expected here"},
		{"number", "[1," + good + "]", exitFailed, "event 1: malformed: not an object"},
		{"cut", good + good[:50], exitFailed, "capture cut short: event 2"},
		{"cut array", "[" + good + ",", exitFailed, "capture cut short: event 2"},
		{"syntax", good + "{x}", exitFailed, "damaged capture: event 2"},
		{"behind an array", "[" + good + "]" + good, exitFailed, "something follows the array"},
		{"no set", other + good, exitFailed, "packet 1: no-rule: the file has no set of Rules for the device\n"},
		{"empty array", "[]", exitDone, "0 packets"},
		{"no uplinks", `{"a":1}`, exitDone, "1 event, 0 with a message, 1 without"},
		{"long", "{\"a\":\"" + strings.Repeat("a", 9<<20) + "\"}", exitFailed, "an event of more than"},
	} {
		r := tool(c.in, "decompress", "-C", loraRules, "--lorawan", loraKeys, "-w", out)
		if r.code != c.code || !strings.Contains(r.stderr, c.want) {
			t.Errorf("%s: %d, %.300s; want %d, %q", c.name, r.code, r.stderr, c.code, c.want)
		}
		if pkts, _, _ := readPackets(t, out); strings.Contains(c.in, good) != (len(pkts) == 1) {
			t.Errorf("%s: %d packets", c.name, len(pkts))
		}
	}
	for _, c := range []struct {
		args, want string
	}{
		{"decompress -C " + loraRules + " " + loraJSON + " --dev-eui 0004a30b001c0530", "--dev-eui needs the device's AppSKey"},
		{"decompress -C " + loraRules + " " + loraJSON + " --dev-eui 1 --lorawan " + loraKeys, "not 16 hex digits"},
		{"decompress -C " + loraRules + " " + loraJSON + " --dev-eui 0004a30b001c0533 --lorawan " + loraKeys, "there is no device 0004a30b001c0533"},
		{"decompress -C " + loraRules + " " + loraJSON + " --app-s-key 0004a30b001c0530", "--app-s-key: not 32 hex digits"},
		{"decompress -C " + loraRules + " " + loraJSON + " --lorawan " + loraRules, "line 1: "},
		{"decompress -C " + loraRules + " " + loraJSON + " --lorawan -", "--lorawan names a file"},
		{"decompress --dir up -C " + loraRules + " " + loraPcap, "the file has the rule sets of 2 devices"},
		{"frag -C " + loraRules + " --mtu 52 --loratap " + loraPcap, "--loratap needs the session keys"},
		{"frag -C " + loraRules + " --mtu 52 --dr SF9 " + loraPcap, "--dr is for --loratap"},
		{"frag -C " + loraRules + " --device lorawan:0004a30b001c0530 --mtu 52 --loratap --lorawan " + loraKeys + " " + loraPcap, "choose one of"},
		{"frag -C " + loraRules + " --device lorawan:0004a30b001c0530 --mtu 250 --loratap --lorawan " + loraKeys + " " + loraPcap, "243 bytes at most"},
		{"frag -C " + coapRules + " --profile lorawan --mtu 52 --loratap --dev-eui 0004a30b001c0530 --lorawan " + loraKeys + " " + loraPcap, "over LoRaWAN a RuleID is an FPort"},
	} {
		if r := tool("", strings.Fields(c.args+" -w "+out+"2")...); r.code != exitError || !strings.Contains(r.stderr, c.want) {
			t.Errorf("%s: %+v, want %q", c.args, r, c.want)
		}
	}
}
