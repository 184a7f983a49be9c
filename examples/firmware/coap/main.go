// Command coap is a device that sends CoAP over a link that carries only tiny
// packets. It compresses one request and restores it again, without a heap:
// all that it works with is the image of the Rules, which stays in flash, and
// the variables below.
//
//	tinygo build -target=cortex-m-qemu -opt=z -panic=trap -scheduler=none -gc=none -o coap.elf ./examples/firmware/coap
//	qemu-system-arm -machine lm3s6965evb -semihosting -nographic -kernel coap.elf
//
// Plain Go runs it too: go run ./examples/firmware/coap
package main

import "github.com/schckit/schckit/schc"

//go:generate go run ../../../cmd/schc gen -C rules.json -o rules_gen.go --package main

// request is an IPv6 packet with UDP and CoAP: POST /temp, 77 bytes.
const request = "\x60\x00\x00\x00\x00\x25\x11\x40" +
	"\x20\x01\x0d\xb8\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" +
	"\x20\x01\x0d\xb8\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
	"\x16\x33\x16\x33\x00\x25\x74\x8b" +
	"\x44\x02\x00\x07\x21\xfa\x01\xfb\xb4temp\x11\x3c\xff{\"t\":21.5,\"x\""

// mtu is the longest packet that this device handles.
const mtu = 128

// What a device holds in RAM. Package variables rather than local ones, so
// that they count as data and not against a small stack.
var (
	ctx          schc.Context
	compressor   schc.Compressor
	decompressor schc.Decompressor

	packet   [mtu]byte                       // as the IPv6 stack gives it
	frame    [mtu + MaxCompressedExcess]byte // as the radio sends it
	restored [mtu]byte
)

func main() {
	// Once, at start-up.
	if err := Load(&ctx); err != nil {
		fail("load", err)
		return
	}
	compressor.Reset(&ctx)
	decompressor.Reset(&ctx)

	// Send.
	p := packet[:copy(packet[:], request)]
	n, id, err := compressor.CompressInto(frame[:], p, schc.DirUp)
	if err != nil {
		fail("compress", err)
		return
	}
	println(len(p), "bytes compressed to", n, "with Rule", id.Value)
	printHex(frame[:n])

	// What the other end does. A device decompresses with schc.DirDown.
	m, _, err := decompressor.DecompressInto(restored[:], frame[:n], schc.DirUp)
	if err != nil {
		fail("decompress", err)
		return
	}
	if !same(restored[:m], request) {
		println("FAIL: the packet came back different")
		return
	}
	println("restored", m, "bytes, all the same")
}

// fail prints an error. Comparing errors with == or errors.Is would link
// several kilobytes of reflection; the class is an integer.
func fail(what string, err error) {
	class, _ := err.(schc.Error)
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
