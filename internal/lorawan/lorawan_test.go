package lorawan

import (
	"bytes"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"github.com/schckit/schckit/internal/pcapio"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCMAC has the examples of RFC 4493, Section 4, that begin with a block.
func TestCMAC(t *testing.T) {
	key := newAES(unhex(t, "2b7e151628aed2a6abf7158809cf4f3c"))
	msg := unhex(t, "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51 30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710")
	for n, want := range map[int]string{16: "070a16b46b4d4144f79bdd9dd04a287c", 40: "dfa66747de9ae63030ca32611497c827", 64: "51f0bebf7e3b9d92fc49741779363cfe"} {
		if got := cmac(key, msg[:16], msg[16:n]); hex.EncodeToString(got[:]) != want {
			t.Errorf("cmac of %d bytes: %x, want %s", n, got, want)
		}
	}
}

// TestFrame opens a frame of another implementation's documentation (lora-packet)
// and seals it again.
func TestFrame(t *testing.T) {
	const phy = "40f17dbe4900020001954378762b11ff0d"
	devices, err := Load([]byte(`{"devices": [{"dev_eui": "0102030405060708", "dev_addr": "49be7df1", "f_cnt_up": 2,
	 "app_s_key": "ec925802ae430ca77fd3dd73cb2cc588", "nwk_s_key": "44024241ed4ce9a68c6a8bc055233fd3"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	d := devices.List[0]
	got, err := d.AppendFrame([]byte("p"), append([]byte{1}, "test"...), true)
	if err != nil || hex.EncodeToString(got[1:]) != phy || got[0] != 'p' {
		t.Errorf("AppendFrame = %x, %v, want %s", got, err, phy)
	}
	d.upCount = counter{}
	b := unhex(t, phy)
	f, ok := parseFrame(b)
	if !ok || f.addr != 0x49be7df1 || f.cnt != 2 || f.port != 1 || !f.up {
		t.Fatalf("parseFrame = %+v, %v", f, ok)
	}
	cnt, v := d.open(&f, b)
	if cnt != 2 || v != good {
		t.Fatalf("open = %d, %d", cnt, v)
	}
	crypt(d.app, true, f.addr, cnt, f.payload)
	if string(f.payload) != "test" {
		t.Errorf("payload %q", f.payload)
	}
	for name, c := range map[string]struct {
		d   Device
		msg []byte
		err error
	}{
		"no keys": {Device{}, []byte{1}, ErrNoKeys},
		"FPort 0": {*d, []byte{0}, ErrPort}, "FPort 224": {*d, []byte{224}, ErrPort}, "empty": {*d, nil, ErrPort},
		"too long": {*d, make([]byte, 0, 300)[:1:300], nil},
	} {
		if name == "too long" {
			c.msg, c.err = append([]byte{1}, make([]byte, 243)...), ErrTooLong
		}
		if out, err := c.d.AppendFrame([]byte("p"), c.msg, true); err != c.err || string(out) != "p" {
			t.Errorf("%s: %x, %v, want %v", name, out, err, c.err)
		}
	}
	d.downCount.next = 1 << 32
	if _, err := d.AppendFrame(nil, []byte{1}, false); err != ErrExhausts {
		t.Errorf("counter used up: %v", err)
	}
}

// TestCounter: the upper half of the frame counter, with the MIC and without.
func TestCounter(t *testing.T) {
	for _, nwk := range []string{"", `, "nwk_s_key": "44024241ed4ce9a68c6a8bc055233fd3"`} {
		devices, err := Load([]byte(`{"devices": [{"dev_eui": "0102030405060708", "dev_addr": "00000001", "app_s_key": "ec925802ae430ca77fd3dd73cb2cc588"` + nwk + `}]}`))
		if err != nil {
			t.Fatal(err)
		}
		d, seal := devices.List[0], *devices.List[0]
		seal.nwk = newAES(unhex(t, "44024241ed4ce9a68c6a8bc055233fd3"))
		for i, want := range []uint32{40000, 40001, 65535, 65536, 65535, 65540, 98000, 130700, 131072, 131071} {
			seal.upCount.next = uint64(want)
			phy, err := seal.AppendFrame(nil, []byte{9, byte(i)}, true)
			if err != nil {
				t.Fatal(err)
			}
			f, _ := parseFrame(phy)
			if cnt, v := d.open(&f, phy); cnt != want || v != good {
				t.Errorf("MIC %v, frame %d: %d, %d, want %d", nwk != "", i, cnt, v, want)
			}
		}
	}
}

func TestLoad(t *testing.T) {
	const eui = `"dev_eui": "0102030405060708"`
	for in, want := range map[string]string{
		``:                                "ends early",
		`{"devices": []}`:                 "0 devices",
		`{"devices": [{}]}`:               `device 1: dev_eui: "" is not`,
		`{"devices": [{"dev_eui": 7}]}`:   "line 1: devices.dev_eui: a number",
		`{"devices": [{` + eui + `}]} x`:  "line 1: ",
		"{\"devices\": [\n{\"dev\": 1}]}": `unknown field "dev"`,
		`{"devices": [{` + eui + `},{` + eui + `}]}`:                                                                    "device 2: dev_eui: 0102030405060708 is there twice",
		`{"devices": [{` + eui + `, "dev_addr": "123"}]}`:                                                               `dev_addr: "123" is not`,
		`{"devices": [{` + eui + `, "app_s_key": "00112233445566778899"}]}`:                                             "app_s_key: not 32 hex digits",
		`{"devices": [{` + eui + `, "app_s_key": {"0011223344": "778899"}}]}`:                                           "app_s_key: a object",
		`{"devices": [{` + eui + `, "dev_addr": "01020304"}, {"dev_eui": "0102030405060709", "dev_addr": "01020304"}]}`: "dev_addr: 01020304 is there twice",
	} {
		_, err := Load([]byte(in))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "00112233") || strings.Contains(err.Error(), "778899")) {
			t.Errorf("%s: the error tells the key: %v", in, err)
		}
	}
	for _, s := range []string{"0102030405060708", "lorawan:0102030405060708", "01:02:03:04:05:06:07:08", " 01-02-03-04-05-06-07-08", "0x0102030405060708"} {
		if e, ok := ParseEUI(s); !ok || e.String() != "0102030405060708" {
			t.Errorf("ParseEUI(%q) = %v, %v", s, e, ok)
		}
	}
}

// FuzzSource gives any bytes as events and as LoRaTap frames: what comes out is
// a capture whose messages begin with an FPort.
func FuzzSource(f *testing.F) {
	f.Add([]byte(`{"devEUI":"0004a30b001c0530","fPort":10,"data":"AQI="}[{"uplink_message":{}}]`))
	f.Add([]byte(`[{"end_device_ids":{"dev_eui":"0004A30B001C0530"},"uplink_message":{"f_port":1,"frm_payload":"AA=="}}]`))
	f.Add(unhex(f, "0000000f33bca1a001 0a ffffff 00 34 40f17dbe4900020001954378762b11ff0d"))
	f.Fuzz(func(t *testing.T, in []byte) {
		drain(t, FromEvents(bytes.NewReader(in)))
		devices, err := Load([]byte(`{"devices": [{"dev_eui": "0102030405060708", "dev_addr": "49be7df1", "app_s_key": "ec925802ae430ca77fd3dd73cb2cc588"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		w := pcapio.NewNgWriter(&b, "")
		w.AddInterface(pcapio.Interface{LinkType: pcapio.LinkTypeLoRaTap})
		w.WritePacket(0, &pcapio.Packet{Data: in, OrigLen: uint32(len(in))})
		w.Flush()
		r, err := pcapio.NewReader(&b)
		if err != nil {
			t.Fatal(err)
		}
		s := FromCapture(r, devices)
		if n := drain(t, s); n+s.Counts().Repeated != 1 {
			t.Errorf("%d packets of one frame: %+v", n, s.Counts())
		}
	})
}

func drain(t *testing.T, s *Source) (n uint64) {
	t.Helper()
	r, err := pcapio.NewReader(s)
	if err != nil {
		t.Fatal(err)
	}
	var p pcapio.Packet
	for ; ; n++ {
		if err = r.Next(&p); err != nil {
			break
		}
		if p.Interface.LinkType == pcapio.LinkTypeUser0 && (len(p.Data) == 0 || !carriesSCHC(int(p.Data[0]))) {
			t.Errorf("message %x", p.Data)
		}
	}
	if c := s.Counts(); err == io.EOF && c.Messages+c.Others+c.Broken+c.Repeated != c.Events {
		t.Errorf("%+v do not add up", c)
	}
	return n
}
