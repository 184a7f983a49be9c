// Command dietesp is a sensor that sends through a tunnel of Diet-ESP. It seals
// one packet and opens it again, with Rules that were compiled before and stay in
// flash. AES is that of crypto/aes, whose key takes the heap once; a board with
// an AES engine passes its own cipher.Block, and then nothing needs one (see
// examples/firmware/size/dietesp).
//
//	tinygo build -target=cortex-m-qemu -opt=z -panic=trap -scheduler=none -gc=leaking -o dietesp.elf ./examples/firmware/dietesp
//	qemu-system-arm -machine lm3s6965evb -semihosting -nographic -kernel dietesp.elf
//
// Plain Go runs it too: go run ./examples/firmware/dietesp
package main

import (
	"crypto/aes"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/examples/firmware/dietesp/ctec"
	"github.com/schckit/schckit/examples/firmware/dietesp/eec"
	"github.com/schckit/schckit/examples/firmware/dietesp/iipc"
	"github.com/schckit/schckit/examples/firmware/dietesp/sa"
	"github.com/schckit/schckit/schc"
)

// request is an IPv6 packet with UDP: 58 bytes.
const request = "\x60\x00\x00\x00\x00\x12\x11\x40" +
	"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10" +
	"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x20" +
	"\x16\x33\x16\x33\x00\x12\xe7\x9f" +
	"{\"t\":21.5}"

// key and salt of AES-CCM, as IKEv2 would have made them.
const key = "0123456789abcdef" + "xyz"

// mtu is the longest packet that this device handles, room what it may grow by.
const mtu, room = 128, 128

// What a device holds in RAM.
var (
	rules  [3]schc.Context
	suite  [2]esp.Suite
	up, in dietesp.SA // the sensor's, and the other end's
	window [2][2]uint64
	packet [mtu]byte
	wire   [mtu + room]byte
	back   [2 * (mtu + room)]byte
	keyMem [len(key)]byte
)

func main() {
	if err := setUp(); err != nil {
		fail("set up", err)
		return
	}
	p := packet[:copy(packet[:], request)]
	w, err := up.AppendSeal(wire[:0], p)
	if err != nil {
		fail("seal", err)
		return
	}
	println(len(p), "bytes sealed to", len(w), "of which 40 are the outer header and 8 the ICV")
	printHex(w[40:])
	b, err := in.AppendOpen(back[:0], w)
	if err != nil {
		fail("open", err)
		return
	}
	if !same(b, request) {
		println("FAIL: the packet came back different")
		return
	}
	println("opened", len(b), "bytes, all the same")
	if _, err = in.AppendOpen(back[:0], w); err == nil {
		println("FAIL: a replay was opened")
		return
	}
	class, _ := err.(dietesp.Error)
	println("again:", class.Class())
}

// setUp is done once, at start-up.
func setUp() error {
	for i, load := range [...]func(*schc.Context) error{iipc.Load, ctec.Load, eec.Load} {
		if err := load(&rules[i]); err != nil {
			return err
		}
	}
	copy(keyMem[:], key)
	alg := esp.Algorithm{Encr: esp.EncrAESCCM8IIV, KeyBits: 128}
	for i, s := range [...]*dietesp.SA{&up, &in} {
		block, err := aes.NewCipher(keyMem[:16])
		if err != nil {
			return err
		}
		if err := suite[i].InitBlock(alg, block, keyMem[16:], nil); err != nil {
			return err
		}
		c := sa.Config()
		c.Memory = window[i][:]
		if err := s.Load(c, &suite[i], sa.Attributes(), dietesp.Options{IIPC: &rules[0], CTEC: &rules[1], EEC: &rules[2]}); err != nil {
			return err
		}
	}
	return nil
}

// fail prints an error. Comparing errors with == or errors.Is would link
// several kilobytes of reflection; the class is an integer.
func fail(what string, err error) {
	class, _ := err.(dietesp.Error)
	println("FAIL:", what, "error class", class)
}

// same is string(b) == s, for which TinyGo would copy b to the heap.
func same(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, x := range b {
		if x != s[i] {
			return false
		}
	}
	return true
}

func printHex(b []byte) {
	const digits = "0123456789abcdef"
	for _, x := range b {
		print(digits[x>>4:x>>4+1], digits[x&15:x&15+1])
	}
	println()
}
