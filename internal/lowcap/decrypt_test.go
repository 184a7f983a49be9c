package lowcap

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/schckit/schckit/internal/ccm"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/lowpan"
)

func newKey(t *testing.T, s string) cipher.Block {
	k, err := aes.NewCipher(mustHex(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestOpenFrame is the MAC command of IEEE 802.15.4-2006, Annex C.2.3, whose
// command identifier (01) is not encrypted, but authenticated.
func TestOpenFrame(t *testing.T) {
	const mhr = "2bdc84 2143 0200000000 48deac ffff 0100000000 48deac 06 05000000"
	m := &lowpan.Frame{Src: lowpan.ExtAddr(0xacde480000000001), Security: lowpan.Security{Level: 6, FrameCounter: 5}, MIC: make([]byte, 8)}
	header := mustHex(t, squeeze(mhr+"01"))
	key := newKey(t, "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf")
	got, err := openFrame(nil, key, m, header, mustHex(t, "d84fde529061f9c6f1"))
	if err != nil || !bytes.Equal(got, []byte{0xce}) {
		t.Errorf("openFrame = %x, %v, want ce", got, err)
	}
}

// sealed makes a frame of header, up to and including the security header, and
// payload.
func sealed(t *testing.T, key cipher.Block, src uint64, counter uint32, level int, header, payload string) string {
	nonce := binary.BigEndian.AppendUint64(nil, src)
	nonce = append(binary.BigEndian.AppendUint32(nonce, counter), byte(level))
	var c ccm.CCM
	if err := c.Reset(key, 13, 2<<(level&3)); err != nil {
		t.Fatal(err)
	}
	h := mustHex(t, squeeze(header))
	return hex.EncodeToString(c.Seal(h, nonce, mustHex(t, squeeze(payload)), bytes.Clone(h)))
}

func TestDecrypt(t *testing.T) {
	key, other := newKey(t, "000102030405060708090a0b0c0d0e0f"), newKey(t, "0f0102030405060708090a0b0c0d0e0f")
	const src = 0x0012740100010101
	const plain = "7a333a8000"
	const head = "49d8 07 cdab 0200 0101010001741200" // 2006, short to extended
	for _, v := range []struct {
		name, frame string
		want        Status
		payload     string
	}{
		{"level 5", sealed(t, key, src, 9, 5, head+"05 09000000", plain), LoWPAN, plain},
		{"level 6", sealed(t, key, src, 9, 6, head+"06 09000000", plain), LoWPAN, plain},
		{"level 7, key identifier mode 1", sealed(t, key, src, 9, 7, head+"0f 09000000 01", plain), LoWPAN, plain},
		{"another key", sealed(t, other, src, 9, 5, head+"05 09000000", plain), Encrypted, ""},
		{"another counter", sealed(t, key, src, 8, 5, head+"05 09000000", plain), Encrypted, ""},
		{"level 4 has no integrity code", squeeze(head + "04 09000000" + plain), Encrypted, ""},
		{"short source address", sealed(t, key, 1, 9, 5, "4998 07 cdab 0200 0100 05 09000000", plain), Encrypted, ""},
		{"no frame counter", sealed(t, key, src, 0, 5, "49e8 07 cdab 0200 0101010001741200 25", plain), Encrypted, ""},
		{"SCHC", sealed(t, key, src, 9, 5, head+"05 09000000", "44aa"), NotIPv6, ""},
		{"empty", sealed(t, key, src, 9, 5, head+"05 09000000", ""), NoPayload, ""},
		{"header IEs", sealed(t, key, src, 9, 5, "49ea 07 cdab 0200 0101010001741200 05 09000000 0301aabbcc 803f", plain), LoWPAN, plain},
		{"payload IEs", sealed(t, key, src, 9, 5, "49ea 07 cdab 0200 0101010001741200 05 09000000 003f", "0488aabbccdd 00f8"+plain), LoWPAN, plain},
		{"payload IEs, broken", sealed(t, key, src, 9, 5, "49ea 07 cdab 0200 0101010001741200 05 09000000 003f", "0488aabb"), NoPayload, ""},
	} {
		recv := Receiver{Keys: []cipher.Block{newKey(t, strings.Repeat("77", 16)), key}}
		p := captured(LinkTypeNoFCS, mustHex(t, v.frame))
		before := bytes.Clone(p.Data)
		f := recv.Locate(p)
		if f.Status != v.want || f.Decrypted != (v.want == LoWPAN || v.want == NotIPv6) || v.want == LoWPAN && hex.EncodeToString(f.Payload) != v.payload {
			t.Errorf("%s: Locate(%s) = %+v, want status %v, %s", v.name, v.frame, f, v.want, v.payload)
		}
		if f := (&Receiver{}).Locate(p); v.want == LoWPAN && f.Status != Encrypted {
			t.Errorf("%s: without a key: %+v", v.name, f)
		}
		// Every byte is authenticated.
		for i := range p.Data {
			p.Data[i] ^= 0x10
			if f := recv.Locate(p); v.want == LoWPAN && f.Decrypted {
				t.Errorf("%s: byte %d changed, decrypted nevertheless: %+v", v.name, i, f)
			}
			p.Data[i] ^= 0x10
		}
		if !bytes.Equal(p.Data, before) {
			t.Errorf("%s: the captured frame was written to", v.name)
		}
	}
}

// TestDecryptCaptures decrypts frames of real radios and compares with tshark.
func TestDecryptCaptures(t *testing.T) {
	const key = "000102030405060708090a0b0c0d0e0f"
	files, _ := filepath.Glob("../../../shared/captures/salties/*.pcap*")
	if len(files) == 0 {
		t.Skip("absent: captures/salties")
	}
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("absent: tshark")
	}
	for _, file := range files {
		const limit = 300
		args := []string{"-c", "300", "-n", "-x", "-r", file, "-o", `uat:ieee802154_keys:"` + key + `","0","No hash"`}
		if strings.HasSuffix(file, "ng") || strings.Contains(file, "filtered") {
			args = append(args, "-o", "wpan.fcs_format:TI CC24xx metadata")
		}
		out, err := exec.Command(tshark, args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.Split(strings.TrimSpace(string(out)), "\n\n")
		in, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := pcapio.NewReader(in)
		if err != nil {
			t.Fatal(err)
		}
		recv := Receiver{Keys: []cipher.Block{newKey(t, key)}}
		decrypted, encrypted := 0, 0
		for n := 0; n < limit; n++ {
			var p pcapio.Packet
			if err := r.Next(&p); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			f := recv.Locate(&p)
			want, within := "", false
			for _, line := range strings.Split(blocks[n], "\n") {
				if strings.HasSuffix(line, "):") {
					within = strings.HasPrefix(line, "Decrypted IEEE")
				} else if within {
					want += squeeze(line[6:min(53, len(line))])
				}
			}
			if f.Decrypted {
				decrypted++
			}
			if f.Status == Encrypted {
				encrypted++
			}
			if f.Decrypted != (want != "") || f.Decrypted && hex.EncodeToString(f.Payload) != want {
				t.Errorf("%s, frame %d: %v, %x; tshark has %s", filepath.Base(file), n+1, f.Status, f.Payload, want)
			}
		}
		in.Close()
		t.Logf("%s: %d decrypted, %d not", filepath.Base(file), decrypted, encrypted)
	}
}
