package main

import (
	"bytes"
	_ "embed" // what zlib and openconnect make
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/schckit/schckit/vectors"
)

// gpcompFamilies are the files about payload compression. Codes are put together here
// bit by bit, after RFC 2395, RFC 7400 and RFC 1951, or come from zlib.
var gpcompFamilies = map[string]func() *vectors.GPCompFile{
	"gpcomp/header.json":  gpcompHeader,
	"gpcomp/lzs.json":     gpcompLZS,
	"gpcomp/ghc.json":     gpcompGHC,
	"gpcomp/deflate.json": gpcompDeflate,
	"gpcomp/policy.json":  gpcompPolicy,
	"gpcomp/ipcomp.json":  gpcompIP,
}

// gpcompNotes say what each flag means.
var gpcompNotes = map[string]string{
	"Bomb":        "a short code of a long payload: a receiver stops at its limit",
	"Escape":      "a payload that begins like a compressed one is sent compressed, though that is longer: an option, not in the draft",
	"Flags":       "the Flags are reserved and ignored on receipt",
	"Padding":     "about bits or bytes behind the end",
	"ReceiveOnly": "a sender sends something else, or this cannot be sent",
	"SendOnly":    "about the sender: nothing is sent, or nothing arrives compressed",
}

const (
	gpcompRFC  = "rfc"
	gpcompSelf = "self"
)

type gpcompGroup struct{ vectors.GPCompGroup }

func newGPComp(source, form, codec, comment string) *gpcompGroup {
	return &gpcompGroup{vectors.GPCompGroup{Source: source, Form: form, Codec: codec, Comment: comment}}
}

func gpcompFile(spec, comment string, groups ...*gpcompGroup) *vectors.GPCompFile {
	f := &vectors.GPCompFile{Schema: vectors.SchemaGPComp, Spec: spec, Comment: comment, Notes: map[string]string{}}
	for _, g := range groups {
		for i := range g.Tests {
			f.NumberOfTests++
			g.Tests[i].ID = f.NumberOfTests
			for _, flag := range g.Tests[i].Flags {
				if gpcompNotes[flag] == "" {
					panic("flag " + flag + " has no note")
				}
				f.Notes[flag] = gpcompNotes[flag]
			}
		}
		f.Groups = append(f.Groups, g.GPCompGroup)
	}
	return f
}

func (g *gpcompGroup) add(t vectors.GPCompTest) { g.Tests = append(g.Tests, t) }

// code adds a payload and its code.
func (g *gpcompGroup) code(comment string, payload, code []byte, flags ...string) {
	g.add(vectors.GPCompTest{Comment: comment, Flags: flags, Payload: hex.EncodeToString(payload), Sent: hex.EncodeToString(code), Result: "valid"})
}

// bad adds a code or message that is refused on receipt.
func (g *gpcompGroup) bad(comment, result string, sent []byte, flags ...string) {
	g.add(vectors.GPCompTest{Comment: comment, Flags: append(flags, "ReceiveOnly"), Sent: hex.EncodeToString(sent), Result: result})
}

// plain adds a payload that is sent as it is.
func (g *gpcompGroup) plain(comment string, payload []byte) {
	g.add(vectors.GPCompTest{Comment: comment, Payload: hex.EncodeToString(payload), Sent: hex.EncodeToString(payload), Result: "valid"})
}

// smaller adds one that is sent compressed.
func (g *gpcompGroup) smaller(comment string, payload, sent []byte, flags ...string) {
	g.add(vectors.GPCompTest{Comment: comment, Flags: flags, Payload: hex.EncodeToString(payload), Sent: hex.EncodeToString(sent), Compressed: true, Result: "valid"})
}

func gpcompHeader() *vectors.GPCompFile {
	g := newGPComp(gpcompRFC, "header", "", "Next Header, Flags, CPI")
	head := func(comment, sent string, next uint8, cpi uint16, flags ...string) {
		g.add(vectors.GPCompTest{Comment: comment, Flags: flags, Sent: sent, NextHeader: next, CPI: cpi, Result: "valid"})
	}
	head("UDP, DEFLATE", "11000002", 17, 2)
	head("TCP, LZS", "06000003", 6, 3)
	head("NULL, as many uses of GPComp have it", "0000f000", 0, 61440)
	head("the first negotiated CPI", "3b000100", 59, 256)
	head("the last negotiated CPI", "3b00efff", 59, 61439)
	head("the last CPI", "3b00ffff", 59, 65535)
	head("flags are ignored", "11ff0003", 17, 3, "Flags", "ReceiveOnly")
	g.bad("three bytes", "truncated", unhex("110000"))
	g.bad("nothing", "truncated", nil)
	return gpcompFile("draft-moskowitz-gpcomp-02, Section 4.2; RFC 3173, Section 3.3", "", g)
}

// The tokens of LZS, as bits (RFC 2395, Section 2.2).
const lzsEnd = "110000000"

func lzsBytes(s string) string {
	out := ""
	for i := range len(s) {
		out += "0" + num(uint64(s[i]), 8)
	}
	return out
}

func lzsCopy(offset, length int) string {
	out := "11" + num(uint64(offset), 7)
	if offset > 127 {
		out = "10" + num(uint64(offset), 11)
	}
	return out + lzsLength(length)
}

// lzsLength goes on from the table of the RFC: each 1111 behind the first two adds 15.
func lzsLength(n int) string {
	switch {
	case n < 5:
		return num(uint64(n-2), 2)
	case n < 8:
		return "11" + num(uint64(n-5), 2)
	}
	out := "1111"
	for n -= 8; n >= 15; n -= 15 {
		out += "1111"
	}
	return out + num(uint64(n), 4)
}

// lzsRun is the shortest code of n times 'a'.
func lzsRun(n int) []byte {
	if n < 3 {
		return pack(lzsBytes(strings.Repeat("a", n)) + lzsEnd)
	}
	return pack(lzsBytes("a") + lzsCopy(1, n-1) + lzsEnd)
}

// distinct are n bytes in which no pair occurs twice.
func distinct(n int) []byte {
	var b []byte
	for step := 1; len(b) < n; step += 2 {
		for i := 0; i < 256 && len(b) < n; i++ {
			b = append(b, byte(i*step))
		}
	}
	return b
}

//go:embed openconnect.json
var openconnectJSON []byte

func gpcompLZS() *vectors.GPCompFile {
	rfc := newGPComp(gpcompRFC, "codec", "lzs", "every length of the table and some beyond, both offsets")
	rfc.code("nothing", nil, pack(lzsEnd))
	rfc.code("one byte", []byte("a"), pack(lzsBytes("a")+lzsEnd))
	rfc.code("two bytes", []byte("ab"), pack(lzsBytes("ab")+lzsEnd))
	for n := 2; n <= 23; n++ {
		rfc.code(fmt.Sprintf("a copy of %d bytes", n), bytes.Repeat([]byte("a"), n+1), lzsRun(n+1))
	}
	for _, n := range []int{24, 37, 38, 39, 52, 53, 1000} {
		rfc.code(fmt.Sprintf("a copy of %d bytes", n), bytes.Repeat([]byte("a"), n+1), lzsRun(n+1))
	}
	rfc.code("a copy that overlaps itself", []byte("abcabcab"), pack(lzsBytes("abc")+lzsCopy(3, 5)+lzsEnd))
	for _, n := range []int{126, 127, 128, 255} {
		p := distinct(n)
		rfc.code(fmt.Sprintf("a copy from %d bytes back", n), join(p, p[:6]), pack(lzsBytes(string(p))+lzsCopy(n, 6)+lzsEnd))
	}
	far := join([]byte("temperature"), bytes.Repeat([]byte{0}, 2047-11), []byte("temperature"))
	rfc.code("a copy from 2047 bytes back", far, pack(lzsBytes("temperature")+lzsBytes("\x00")+lzsCopy(1, 2047-12)+lzsCopy(2047, 11)+lzsEnd))

	var recorded []struct{ Comment, Payload, Code string }
	if err := json.Unmarshal(openconnectJSON, &recorded); err != nil {
		panic(err)
	}
	theirs := newGPComp("interop", "codec", "lzs", "openconnect (vectors/gen/openconnect.py)")
	for _, t := range recorded {
		theirs.code(t.Comment, unhex(t.Payload), unhex(t.Code))
	}

	padding := newGPComp(gpcompRFC, "codec", "lzs", "what is behind the end marker is padding (RFC 2395, Section 2.3)")
	padding.code("bits", []byte("a"), pack(lzsBytes("a")+lzsEnd+"111111"), "Padding", "ReceiveOnly")
	padding.code("bytes", []byte("a"), join(pack(lzsBytes("a")+lzsEnd), []byte{0, 0xff, 0x55}), "Padding", "ReceiveOnly")
	padding.code("a short offset in 11 bits", []byte("aaa"), pack(lzsBytes("a")+"10"+num(1, 11)+"00"+lzsEnd), "ReceiveOnly")

	bad := newGPComp(gpcompRFC, "codec", "lzs", "what no compressor sends")
	bad.bad("nothing", "truncated", nil)
	bad.bad("no end marker", "truncated", pack(lzsBytes("abcdefg")))
	bad.bad("a byte cut", "truncated", pack("0"+"0110000"))
	bad.bad("a length cut", "truncated", pack(lzsBytes("aa")+"110000001"+"11111"))
	bad.bad("a long length cut", "truncated", pack(lzsBytes("a")+"110000001"+strings.Repeat("1", 14)))
	bad.bad("a copy from before the payload", "malformed", pack(lzsBytes("a")+lzsCopy(2, 2)+lzsEnd))
	bad.bad("a copy before any byte", "malformed", pack(lzsCopy(1, 2)+lzsEnd))
	bad.bad("offset 0 in 11 bits", "malformed", pack(lzsBytes("a")+"10"+num(0, 11)+"00"+lzsEnd))

	bomb := newGPComp(gpcompRFC, "codec", "lzs", "at most 1000 bytes are wanted")
	bomb.MaxLen = 1000
	bomb.code("1000 bytes", bytes.Repeat([]byte("a"), 1000), lzsRun(1000))
	bomb.bad("1001 bytes", "short-buffer", lzsRun(1001), "Bomb")
	bomb.bad("60,000 bytes", "short-buffer", lzsRun(60000), "Bomb")
	return gpcompFile("RFC 2395, Section 2.2", "RFC 2395 and RFC 1974 have no worked example. Codes are put together from the table of Section 2.2, or openconnect's.", rfc, theirs, padding, bad, bomb)
}

func gpcompGHC() *vectors.GPCompFile {
	rfc := newGPComp(gpcompRFC, "codec", "ghc", "RFC 7400, Figures 15 to 17, whose addresses are zero as GPComp's dictionary has them")
	rfc.code("Figure 15", unhex("17fefd0001000000000001001d000100000000000109b20e82c16eb696c51f368d1761e2b5d422d4ed2b"),
		unhex("b0d1011df21509b20e82c16eb696c51f368d1761e2b5d422d4ed2b"))
	rfc.code("Figure 16", unhex("17fefd000100000000000500160001000000000005aea0155667924dff8a24e4cb35b9"),
		unhex("b0c303050016f20eaea0155667924dff8a24e4cb35b9"))
	rfc.code("Figure 17", unhex("16fefd000000000000000000360100002a000000000000002afefd5152ed79a420c962561147c939ee6cc0a4fec6892f32269a164e317e9f20929200000002c0a80100"),
		unhex("a1cd870136a1cd012a85232afefd5152ed79a420c962561147c939ee6cc0a4fec6892f32269a164e317e9f209292810502c0a80100"))
	table := newGPComp(gpcompRFC, "codec", "ghc", "the codes of Table 1")
	table.code("nothing", nil, nil)
	table.code("literals", []byte("ab"), unhex("026162"))
	table.code("95 literals", distinct(95), join([]byte{95}, distinct(95)), "ReceiveOnly")
	table.code("2 zeros", make([]byte, 2), unhex("80"))
	table.code("17 zeros", make([]byte, 17), unhex("8f"))
	table.code("from the first byte of the 16 constant ones", unhex("16fefd17fefd0001"), unhex("a1f0"))
	table.code("a stop code at the end", []byte("ab"), unhex("02616290"), "ReceiveOnly")
	bad := newGPComp(gpcompRFC, "codec", "ghc", "what no compressor sends")
	bad.bad("literals cut", "truncated", unhex("036162"))
	bad.bad("reserved code 01100000", "malformed", unhex("60"))
	bad.bad("reserved code 10010001", "malformed", unhex("91"))
	bad.bad("a copy from before the dictionary", "malformed", unhex("a7c7"))
	bad.bad("bytes behind the stop code", "malformed", unhex("900161"), "Padding")
	bomb := newGPComp(gpcompRFC, "codec", "ghc", "at most 34 bytes are wanted")
	bomb.MaxLen = 34
	bomb.code("34 bytes", make([]byte, 34), unhex("8f8f"))
	bomb.bad("35 bytes", "short-buffer", unhex("01618f8f"), "Bomb")
	return gpcompFile("RFC 7400, Section 2", "In GPComp the 32 bytes of addresses are zero.", rfc, table, bad, bomb)
}

//go:embed zlib.json
var zlibJSON []byte

func gpcompDeflate() *vectors.GPCompFile {
	var recorded struct {
		Zlib  string
		Tests []struct {
			Comment, Payload, Code string
			Dict                   bool
		}
	}
	if err := json.Unmarshal(zlibJSON, &recorded); err != nil {
		panic(err)
	}
	by := "zlib " + recorded.Zlib + " (vectors/gen/zlib.py)"
	plain, dict := newGPComp("interop", "codec", "deflate", by), newGPComp("interop", "codec", "iot-1", by+", with gpcomp/deflate/iot-1.dict")
	for _, t := range recorded.Tests {
		g := plain
		if t.Dict {
			g = dict
		}
		g.code(t.Comment, unhex(t.Payload), unhex(t.Code))
	}
	bad := newGPComp(gpcompRFC, "codec", "deflate", "what no compressor sends (RFC 1951, Section 3.2)")
	bad.bad("nothing", "truncated", nil)
	bad.bad("a block that is not the last", "truncated", unhex("4a0400"))
	bad.bad("an empty block and no end", "truncated", unhex("000000ffff"))
	bad.bad("a stored block cut", "truncated", unhex("010200fdff61"))
	bad.bad("a header cut", "truncated", unhex("010200"))
	bad.bad("codes cut", "truncated", unhex("0580"))
	bad.bad("reserved block type", "malformed", unhex("07"))
	bad.bad("lengths that disagree", "malformed", unhex("010100ffff61"))
	bad.bad("a copy from before the payload", "malformed", unhex("4b04620000"))
	bad.bad("a byte behind the end", "malformed", unhex("030000"), "Padding")
	bits := newGPComp(gpcompRFC, "codec", "deflate", "bits behind the end are padding")
	bits.code("nothing, padded with ones", nil, unhex("03fc"), "Padding", "ReceiveOnly")
	bomb := newGPComp("interop", "codec", "deflate", by+"; at most 999 bytes are wanted")
	bomb.MaxLen = 999
	for _, t := range recorded.Tests {
		if len(t.Payload) == 2000 && !t.Dict {
			bomb.bad("1000 bytes", "short-buffer", unhex(t.Code), "Bomb")
		}
	}
	return gpcompFile("RFC 2394, RFC 1951", "Raw DEFLATE, one stream a payload.", plain, dict, bad, bits, bomb)
}

func gpcompPolicy() *vectors.GPCompFile {
	a := func(n int) []byte { return bytes.Repeat([]byte("a"), n) }
	implied := newGPComp(gpcompRFC, "implied", "lzs", "sent compressed only if that is smaller (Section 3.3)")
	implied.Threshold = 1
	implied.plain("nothing", nil)
	implied.plain("one byte", a(1))
	implied.plain("4 bytes, the code has as many", a(4))
	implied.smaller("5 bytes, the code has 4", a(5), lzsRun(5))
	implied.smaller("40 bytes", a(40), lzsRun(40))
	implied.plain("not compressible", distinct(60))
	implied.bad("the flag on a payload that is none", "truncated", []byte("a"))

	explicit := newGPComp(gpcompRFC, "explicit", "lzs", "the header counts")
	explicit.Threshold, explicit.CPI, explicit.NextHeader = 1, 3, 17
	head := unhex("11000003")
	explicit.plain("5 bytes, the code has 4", a(5))
	explicit.plain("9 bytes, header and code have as many", a(9))
	explicit.smaller("10 bytes, header and code have 9", a(10), join(head, lzsRun(10)))
	explicit.smaller("flags are ignored", a(10), join(unhex("11ff0003"), lzsRun(10)), "Flags", "ReceiveOnly")
	explicit.bad("another CPI", "no-sa", join(unhex("11000004"), lzsRun(10)))
	explicit.bad("a header cut", "truncated", unhex("110000"))
	explicit.bad("a header alone", "truncated", head)

	negotiated := newGPComp(gpcompRFC, "explicit", "lzs", "a negotiated CPI (RFC 3173, Section 3.3)")
	negotiated.Threshold, negotiated.CPI = 1, 300
	negotiated.smaller("40 bytes", a(40), join(unhex("0000012c"), lzsRun(40)))
	negotiated.bad("the well-known CPI is another one", "no-sa", join(unhex("00000003"), lzsRun(40)))

	threshold := newGPComp(gpcompRFC, "implied", "lzs", "90 bytes are the threshold (RFC 2395, Section 4.4)")
	threshold.plain("89 bytes", a(89))
	threshold.smaller("90 bytes", a(90), lzsRun(90))

	back := newGPComp(gpcompSelf, "implied", "lzs", "i = 2, k = 2, j = 1, n = 3, at most 6 (Section 3.3): noise is never smaller, the others are where they are tried")
	back.Threshold, back.Backoff = 10, &vectors.GPCompBackoff{Fails: 2, Skip: 2, Retries: 1, Step: 3, MaxSkip: 6}
	no, yes := distinct(60), a(40)
	fail := func() { back.plain("tried, not smaller", no) }
	skipped := func(n int) {
		for range n {
			back.plain("not tried", yes)
		}
	}
	fail()
	back.smaller("success: all starts anew", yes, lzsRun(40))
	fail()
	back.plain("below the threshold: does not count", a(9))
	fail()
	skipped(2)
	fail()
	skipped(5)
	fail()
	skipped(6)
	fail()
	skipped(6)
	back.smaller("tried again, and smaller", yes, lzsRun(40))
	fail()
	fail()
	skipped(2)
	back.smaller("tried again, and smaller", yes, lzsRun(40))

	unmarked := newGPComp(gpcompSelf, "unmarked", "lzs", "nothing outside says whether there is a header: the receiver goes by Next Header and CPI (Section 3.2)")
	unmarked.Threshold, unmarked.CPI = 1, 3
	unmarked.plain("short", []byte("abc"))
	unmarked.plain("like three bytes of a header", unhex("000000"))
	unmarked.plain("another CPI", unhex("00000004616263"))
	unmarked.smaller("40 bytes", a(40), join(unhex("00000003"), lzsRun(40)))
	like := unhex("00550003")
	unmarked.smaller("like a header, gets smaller", join(like, a(40)), join(unhex("00000003"), pack(lzsBytes(string(like))+lzsBytes("a")+lzsCopy(1, 39)+lzsEnd)))
	unmarked.add(vectors.GPCompTest{Comment: "like a header, does not get smaller", Flags: []string{"SendOnly"}, Payload: hex.EncodeToString(join(like, []byte("xyz"))), Result: "refused"})
	unmarked.bad("like a header, and no code", "malformed", join(like, pack(lzsCopy(1, 2)+lzsEnd)))

	escape := newGPComp(gpcompSelf, "unmarked", "lzs", "the same, with the option to send longer")
	escape.Threshold, escape.CPI, escape.Escape = 1, 3, true
	escape.smaller("like a header, does not get smaller", join(like, []byte("xyz")), join(unhex("00000003"), pack(lzsBytes(string(like)+"xyz")+lzsEnd)), "Escape")
	escape.plain("another payload", []byte("xyz"))

	limit := newGPComp(gpcompSelf, "explicit", "lzs", "at most 100 bytes are wanted")
	limit.Threshold, limit.CPI, limit.MaxLen = 1, 3, 100
	limit.smaller("100 bytes", a(100), join(unhex("00000003"), lzsRun(100)))
	limit.bad("101 bytes", "short-buffer", join(unhex("00000003"), lzsRun(101)), "Bomb")
	return gpcompFile("draft-moskowitz-gpcomp-02", "", implied, explicit, negotiated, threshold, back, unmarked, escape, limit)
}

// gpcompIPv6 and gpcompIPv4 build packets.
func gpcompIPv6(next byte, parts ...[]byte) []byte {
	rest := join(parts...)
	p := join(unhex("60000000"), u16(len(rest)), []byte{next, 64},
		unhex("20010db8000000000000000000000001 20010db8000000000000000000000002"))
	return append(p, rest...)
}

func gpcompIPv4(proto byte, options []byte, parts ...[]byte) []byte {
	rest := join(parts...)
	p := join([]byte{0x45 + byte(len(options)/4), 0}, u16(20+len(options)+len(rest)), unhex("12344000"), []byte{64, proto},
		unhex("0000 c0000201 c0000202"), options)
	sum := 0
	for i := 0; i < len(p); i += 2 {
		sum += int(binary.BigEndian.Uint16(p[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(p[10:], ^uint16(sum))
	return append(p, rest...)
}

func gpcompIP() *vectors.GPCompFile {
	g := newGPComp(gpcompRFC, "ip", "lzs", "where the header goes, and what else changes (RFC 3173, Sections 2.1, 3.1, 3.2)")
	g.Threshold, g.CPI = 1, 3
	udp := join(unhex("c001163300301234"), bytes.Repeat([]byte("a"), 40))
	code := pack(lzsBytes(string(udp[:9])) + lzsCopy(1, 39) + lzsEnd)
	comp := func(next byte) []byte { return join([]byte{next, 0, 0, 3}, code) }
	g.smaller("IPv6", gpcompIPv6(17, udp), gpcompIPv6(108, comp(17)))
	g.smaller("IPv4", gpcompIPv4(17, nil, udp), gpcompIPv4(108, nil, comp(17)))
	options := unhex("0707040000000000")
	g.smaller("IPv4 options stay", gpcompIPv4(17, options, udp), gpcompIPv4(108, options, comp(17)))
	hop := func(next byte) []byte { return []byte{next, 0, 5, 2, 0, 0, 1, 0} }
	routing := func(next byte) []byte { return join([]byte{next, 2, 4, 1, 0, 0, 0, 0}, distinct(16)) }
	dest := func(next byte) []byte { return []byte{next, 0, 1, 4, 0, 0, 0, 0} }
	atomic := func(next byte) []byte { return []byte{next, 0, 0, 0, 1, 2, 3, 4} }
	g.smaller("hop-by-hop options stay outside", gpcompIPv6(0, hop(17), udp), gpcompIPv6(0, hop(108), comp(17)))
	g.smaller("a routing header stays outside", gpcompIPv6(43, routing(17), udp), gpcompIPv6(43, routing(108), comp(17)))
	g.smaller("destination options in front of a routing header stay outside", gpcompIPv6(60, dest(43), routing(17), udp), gpcompIPv6(60, dest(43), routing(108), comp(17)))
	g.smaller("a fragment header of a whole packet stays outside", gpcompIPv6(44, atomic(17), udp), gpcompIPv6(44, atomic(108), comp(17)))
	inside := join([]byte{60, 0, 0, 3}, pack(lzsBytes(string(dest(17)[:5]))+lzsCopy(1, 3)+lzsBytes(string(udp[:9]))+lzsCopy(1, 39)+lzsEnd))
	g.smaller("destination options alone are compressed", gpcompIPv6(60, dest(17), udp), gpcompIPv6(108, inside))
	g.plain("a first fragment", gpcompIPv6(44, []byte{17, 0, 0, 1, 1, 2, 3, 4}, udp))
	g.plain("a last fragment", gpcompIPv6(44, []byte{17, 0, 0, 8, 1, 2, 3, 4}, udp))
	g.plain("ESP", gpcompIPv6(50, udp))
	g.plain("AH", gpcompIPv6(51, udp))
	g.plain("IPComp", gpcompIPv6(108, comp(17)))
	g.plain("not compressible", gpcompIPv6(17, distinct(60)))
	g.plain("no payload", gpcompIPv6(59))
	wrong := gpcompIPv4(17, nil, udp)
	wrong[10]++
	g.plain("a wrong IPv4 checksum, which would come back right", wrong)
	long := gpcompIPv6(17, udp)
	long[5]++
	g.plain("a wrong length", long)
	g.smaller("flags are ignored", gpcompIPv6(17, udp), gpcompIPv6(108, []byte{17, 255, 0, 3}, code), "Flags", "ReceiveOnly")
	g.bad("no IPComp", "unsupported", gpcompIPv6(17, udp))
	g.bad("a fragment of IPComp", "unsupported", gpcompIPv6(44, []byte{108, 0, 0, 1, 1, 2, 3, 4}, comp(17)))
	g.bad("another CPI", "no-sa", gpcompIPv6(108, unhex("11000004"), code))
	g.bad("a header cut", "truncated", gpcompIPv6(108, unhex("110000")))
	g.bad("a code cut", "truncated", gpcompIPv6(108, comp(17)[:12]))
	g.bad("a copy from before the payload", "malformed", gpcompIPv6(108, unhex("11000003"), pack(lzsCopy(1, 2)+lzsEnd)))
	broken := gpcompIPv4(108, nil, comp(17))
	broken[10]++
	g.bad("a wrong IPv4 checksum", "malformed", broken)
	g.bad("longer than IPv4 can be", "short-buffer", gpcompIPv4(108, nil, []byte{17, 0, 0, 3}, lzsRun(65516)), "Bomb")
	return gpcompFile("RFC 3173", "IP protocol 108", g)
}

// encodeGPComp lays a file out: one test a line.
func encodeGPComp(f *vectors.GPCompFile) []byte {
	var b bytes.Buffer
	line := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return string(data)
	}
	head := *f
	head.Groups = nil
	fmt.Fprintf(&b, "%s\"groups\": [\n", strings.TrimSuffix(line(head), "\"groups\":null}"))
	for i, g := range f.Groups {
		tests := g.Tests
		g.Tests = nil
		fmt.Fprintf(&b, "  %s\"tests\": [\n", strings.TrimSuffix(line(g), "\"tests\":null}"))
		for j, t := range tests {
			fmt.Fprintf(&b, "    %s%s\n", line(t), map[bool]string{true: ","}[j+1 < len(tests)])
		}
		fmt.Fprintf(&b, "  ]}%s\n", map[bool]string{true: ","}[i+1 < len(f.Groups)])
	}
	b.WriteString("]}\n")
	return b.Bytes()
}
