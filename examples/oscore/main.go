// Command oscore runs the worked examples of draft-ietf-schc-8824-update-09
// (the successor of RFC 8824): CoAP messages whose plaintext SCHC compresses
// before OSCORE encrypts it, and whose OSCORE message SCHC compresses again.
//
//	go run ./examples/oscore
//
// It goes all the way there and back and prints each step as the draft does.
// The draft does not give its keys, so its ciphertexts cannot be computed: the
// run uses the Master Secret and Master Salt of RFC 8613, Appendix C.1. What
// is around the ciphertext is as in the draft, bit for bit; the test of this
// package compares every figure, with the draft's own ciphertexts.
package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/schckit/schckit/internal/oscore"
	"github.com/schckit/schckit/schc"
)

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "oscore: error:", err)
		os.Exit(1)
	}
}

// The messages of the draft's applications.
const (
	figure8  = "4101000182bb74656d7065726174757265"                                     // GET coap://.../temperature
	figure9  = "6145000182ff32332043"                                                   // 2.05 "23 C"
	figure18 = "41010001823b6578616d706c652e636f6d8b74656d7065726174757265d40f636f6170" // the GET, for a proxy
	figure19 = "6145000475ff32332043"                                                   // the answer to the proxy
)

func run(w io.Writer) error {
	if err := direct(w); err != nil {
		return fmt.Errorf("the exchange of Section 8.3: %w", err)
	}
	if err := proxied(w); err != nil {
		return fmt.Errorf("the exchange of Section 10.2: %w", err)
	}
	return nil
}

// direct is Section 8.3: a Device asks a server.
func direct(w io.Writer) error {
	fmt.Fprintln(w, "Section 8.3: from a Device to a server")
	p := &printer{w: w}
	inner, outer := p.context(table4()), p.context(table5(), table6())
	client, server := p.endpoints("client", "server")
	if p.err != nil {
		return p.err
	}

	request := p.message("Request (Figure 8)", unhex(figure8))
	var sent, received oscore.Request
	protected := p.protectRequest(inner, client, request, &sent)
	packet := p.compress("Outer SCHC (as Figure 14)", outer, protected, up)
	plain := p.compress("Without OSCORE (Figure 16)", outer, request, up)

	at := p.decompress("Outer SCHC, decompressed", outer, packet, up)
	p.same(at, protected)
	p.same(p.unprotectRequest(inner, server, at, &received), request)

	response := p.message("Response (Figure 9)", unhex(figure9))
	protected = p.protectResponse(inner, server, response, &received)
	packet2 := p.compress("Outer SCHC (as Figure 15)", outer, protected, down)
	plain2 := p.compress("Without OSCORE (Figure 17)", outer, response, down)

	at = p.decompress("Outer SCHC, decompressed", outer, packet2, down)
	p.same(at, protected)
	p.same(p.unprotectResponse(inner, client, at, &sent), response)
	if p.err == nil {
		fmt.Fprintf(w, "\nOn the air: request %d bytes of %d, response %d of %d; without OSCORE %d and %d.\n",
			len(packet), len(request), len(packet2), len(response), len(plain), len(plain2))
	}
	return p.err
}

// proxied is Section 10.2: the proxy compresses and decompresses the outer
// messages, and cannot look inside.
func proxied(w io.Writer) error {
	fmt.Fprintln(w, "\nSection 10.2: from a Device over a proxy to a server")
	p := &printer{w: w}
	inner := p.context(table9())
	device, upstream := p.context(table7(), table10()), p.context(table8(), table11())
	client, server := p.endpoints("\x00\x05", "\x00\x06")
	if p.err != nil {
		return p.err
	}

	request := p.message("Request (Figure 18)", unhex(figure18))
	var sent, received oscore.Request
	protected := p.protectRequest(inner, client, request, &sent)
	packet := p.compress("Outer SCHC, Device to proxy (as Figure 29)", device, protected, up)
	at := p.decompress("Outer SCHC, decompressed by the proxy (as Figure 28)", device, packet, up)
	p.same(at, protected)

	forward := p.message("Forwarded by the proxy (as Figure 30)", p.forward(at, 0x0004, 0x75))
	packet = p.compress("Outer SCHC, proxy to server (as Figure 31)", upstream, forward, up)
	at = p.decompress("Outer SCHC, decompressed by the server", upstream, packet, up)
	p.same(at, forward)
	p.message("Request at the server (Figure 21)", p.unprotectRequest(inner, server, at, &received))

	response := p.message("Response (Figure 19)", unhex(figure19))
	protected = p.protectResponse(inner, server, response, &received)
	packet = p.compress("Outer SCHC, server to proxy (as Figure 33)", upstream, protected, down)
	at = p.decompress("Outer SCHC, decompressed by the proxy (as Figure 32)", upstream, packet, down)
	p.same(at, protected)

	forward = p.message("Forwarded by the proxy (as Figure 34)", p.forward(at, 0x0001, 0x82))
	packet = p.compress("Outer SCHC, proxy to Device (as Figure 35)", device, forward, down)
	at = p.decompress("Outer SCHC, decompressed by the Device", device, packet, down)
	p.same(at, forward)
	p.message("Response at the Device (Figure 24)", p.unprotectResponse(inner, client, at, &sent))
	return p.err
}

// printer runs the steps and prints each. After an error it does nothing more.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) fail(err error) bool {
	if p.err == nil {
		p.err = err
	}
	return p.err != nil
}

func (p *printer) show(name string, b []byte, more string) {
	fmt.Fprintf(p.w, "  %-52s 0x%x (%d bytes%s)\n", name, b, len(b), more)
}

func (p *printer) context(rules ...schc.Rule) *schc.Context {
	ctx, err := schc.NewContext(rules, schc.Options{})
	p.fail(err)
	return ctx
}

// endpoints makes the Security Contexts of client and server. The first
// Partial IV is 4, as in the draft.
func (p *printer) endpoints(clientID, serverID string) (client, server *oscore.Context) {
	params := oscore.Parameters{
		MasterSecret: unhex("0102030405060708090a0b0c0d0e0f10"),
		MasterSalt:   unhex("9e7ca92223786340"),
		SenderID:     []byte(clientID),
		RecipientID:  []byte(serverID),
		NextSequence: 4,
	}
	client, err := oscore.NewContext(&params)
	p.fail(err)
	params.SenderID, params.RecipientID, params.NextSequence = params.RecipientID, params.SenderID, 0
	server, err = oscore.NewContext(&params)
	p.fail(err)
	return client, server
}

// message prints a CoAP message.
func (p *printer) message(name string, msg []byte) []byte {
	if p.err == nil {
		fmt.Fprintf(p.w, "\n%s\n  0x%x (%d bytes)\n", name, msg, len(msg))
	}
	return msg
}

func (p *printer) compress(name string, ctx *schc.Context, msg []byte, dir schc.Direction) []byte {
	if p.err != nil {
		return nil
	}
	var c schc.Compressor
	c.Reset(ctx)
	out, id, err := c.AppendCompress(nil, msg, dir)
	if !p.fail(err) {
		p.show(name, out, fmt.Sprintf("; RuleID %d, residue %d bits", id.Value, c.Last().ResidueBits))
	}
	return out
}

func (p *printer) decompress(name string, ctx *schc.Context, packet []byte, dir schc.Direction) []byte {
	if p.err != nil {
		return nil
	}
	var d schc.Decompressor
	d.Reset(ctx)
	out, _, err := d.AppendDecompress(nil, packet, dir)
	if !p.fail(err) {
		p.show(name, out, "")
	}
	return out
}

func (p *printer) same(got, want []byte) {
	if p.err == nil && string(got) != string(want) {
		p.fail(fmt.Errorf("%x came back as %x", want, got))
	}
}

// plaintext splits a message and compresses what will be encrypted.
func (p *printer) plaintext(inner *schc.Context, msg []byte, dir schc.Direction) []byte {
	if p.err != nil {
		return nil
	}
	plain, err := oscore.AppendPlaintext(nil, msg)
	if p.fail(err) {
		return nil
	}
	p.show("OSCORE plaintext", plain, "")
	return p.compress("Inner SCHC: compressed plaintext", inner, plain, dir)
}

// protected joins the outer header and the ciphertext.
func (p *printer) protected(msg, ciphertext []byte, opt oscore.Option, err error) []byte {
	if p.fail(err) {
		return nil
	}
	p.show("Ciphertext and tag", ciphertext, "")
	out, err := oscore.AppendOuter(nil, msg, opt)
	if p.fail(err) {
		return nil
	}
	out = append(out, ciphertext...)
	p.show("Protected message", out, "")
	return out
}

func (p *printer) protectRequest(inner *schc.Context, c *oscore.Context, msg []byte, req *oscore.Request) []byte {
	plain := p.plaintext(inner, msg, up)
	if p.err != nil {
		return nil
	}
	ct, opt, err := c.SealRequest(nil, plain, req)
	return p.protected(msg, ct, opt, err)
}

func (p *printer) protectResponse(inner *schc.Context, c *oscore.Context, msg []byte, req *oscore.Request) []byte {
	plain := p.plaintext(inner, msg, down)
	if p.err != nil {
		return nil
	}
	ct, opt, err := c.SealResponse(nil, plain, req, false)
	return p.protected(msg, ct, opt, err)
}

func (p *printer) unprotectRequest(inner *schc.Context, c *oscore.Context, outer []byte, req *oscore.Request) []byte {
	opt, ct, err := oscore.ParseOuter(outer)
	if p.fail(err) {
		return nil
	}
	plain, err := c.OpenRequest(nil, opt, ct, req)
	return p.original(inner, outer, plain, opt, up, err)
}

func (p *printer) unprotectResponse(inner *schc.Context, c *oscore.Context, outer []byte, req *oscore.Request) []byte {
	opt, ct, err := oscore.ParseOuter(outer)
	if p.fail(err) {
		return nil
	}
	plain, err := c.OpenResponse(nil, opt, ct, req)
	return p.original(inner, outer, plain, opt, down, err)
}

// original decompresses the plaintext and joins it with the outer message.
func (p *printer) original(inner *schc.Context, outer, plain []byte, opt oscore.Option, dir schc.Direction, err error) []byte {
	if p.fail(err) {
		return nil
	}
	p.show("Decrypted", plain, "")
	plain = p.decompress("Inner SCHC: OSCORE plaintext", inner, plain, dir)
	if p.err != nil {
		return nil
	}
	msg, err := oscore.AppendMessage(nil, outer, plain, opt)
	if !p.fail(err) {
		p.show("Original message", msg, "")
	}
	return msg
}

// forward is the proxy: it sets Message ID and token, and removes the option
// Proxy-Scheme, which is the last one in the messages here.
func (p *printer) forward(msg []byte, mid uint16, token byte) []byte {
	if p.err != nil {
		return nil
	}
	out := append([]byte(nil), msg...)
	out[2], out[3], out[4] = byte(mid>>8), byte(mid), token
	all, n := schc.AppendFields(nil, out, up, schc.ParseOptions{Start: schc.ProtoCoAP})
	for i, f := range all {
		if f.ID != proxyScheme {
			continue
		}
		start := int(all[i-1].OffBits+all[i-1].LenBits) / 8 // where the option before ends
		end := int(f.OffBits+f.LenBits) / 8
		if end != n-1 {
			p.fail(fmt.Errorf("%x has options behind Proxy-Scheme", msg))
		}
		return append(out[:start], out[end:]...)
	}
	return out
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err) // of a constant
	}
	return b
}
