package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/gpcomp"
	"github.com/schckit/schckit/internal/safile"
	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/sse"
)

func newSSE(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sse",
		Short: "Session Security Envelope: protect, open and compress UDP and TCP payloads",
		Long: `Protect the payloads of UDP and TCP with the Session Security Envelope
(draft-moskowitz-sse-05), open them, and compress the headers.

A session file is a JSON object:

    {"format": "compact", "suite": "aes-ccm-8", "port": 5000,
     "up":   {"spi": "0x010203", "key": "000102030405060708090a0b0c0d0e0f", "salt": "a0a1a2"},
     "down": {"spi": "0x040506", "key": "101112131415161718191a1b1c1d1e1f", "salt": "b0b1b2"},
     "headers": {"spi_bits": 0, "sn_bits": 8}}

    format      compact (default), large or extreme
    suite       aes-ccm-8, aes-ccm-16, aes-gcm-8 or aes-gcm-16
    port        of the application: in captures, UDP and TCP packets to it are up,
                packets from it are down, others are passed through
    up, down    keys of what the device sends, and receives; one may be missing
      spi       number, or a string of one in decimal or 0x and hex digits
      key       AES key of 16, 24 or 32 bytes in hex
      salt      3 bytes for AES-CCM, 4 for AES-GCM
      seq       last Sequence Number that was used (default 0)
    headers     the compact header is compressed
      spi_bits, sn_bits   low-order bits that are sent, 0 to 24 and 0 to 20
      stream_sn_bits      the same over TCP (default 20)
      flag_c              the flag C is sent (default: with gpcomp)
    gpcomp      payloads are compressed
      codec     ` + strings.Join(codecNames, ", ") + `
      threshold, max_len  in bytes: what is tried, what is restored at most
    window      packets of the anti-replay window, 32 to 4096 (default 64)
    trials      Sequence Numbers that are tried for a compressed header (default 4)
    rekey_at    Sequence Number from which on seal and open ask for new keys (default:
                at 7/8 of the numbers)

compress, decompress and rules need no key and salt.`,
		Example: `  schc sse seal --session s.json -r clear.pcap -w sse.pcap
  schc sse open --session s.json -r sse.pcap -w clear.pcap
  schc sse compress --session s.json -r sse.pcap -w small.pcapng
  echo 32312e3520 | schc sse seal --hex --session s.json
  schc sse demo`,
		Args: noCommand,
		RunE: noCommand,
	}
	for _, add := range []func(*env) *cobra.Command{newSSESeal, newSSEOpen, newSSECompress, newSSEDecompress, newSSERules,
		newSSENegotiate, newSSEDecode, newSSEDemo} {
		c := add(e)
		c.DisableFlagsInUseLine = true
		cmd.AddCommand(c)
	}
	return cmd
}

// sessionFlags is --session.
type sessionFlags struct {
	path string
}

func (f *sessionFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.path, "session", "", "`FILE` of an SSE session; schc sse --help describes it")
	cmd.MarkFlagFilename("session", "json")
}

// load reads the session file. in is where packets come from, or nil.
func (f *sessionFlags) load(cmd *cobra.Command, e *env, in *input) (*safile.Session, os.FileInfo, error) {
	if f.path == "" {
		return nil, nil, usagef(cmd, "no session is given; name a file with --session")
	}
	if f.path == "-" && in != nil && in.path == "-" {
		return nil, nil, usagef(cmd, "the session and packets cannot both come from standard input")
	}
	s, info, err := safile.ReadSession(f.path, e.stdin)
	return s, info, sessionHint(err)
}

func sessionHint(err error) error {
	var fe *safile.Error
	if errors.As(err, &fe) {
		err = hint(err, "schc sse --help describes session files")
	}
	return err
}

// sseSide is one direction of a session, at one end of it or between both.
type sseSide struct {
	s    *sse.Session    // nil: without keys
	h    [2]*sse.Headers // of datagrams, of streams; nil: headers are not compressed
	back [2]*sse.Headers // the other end's
	suit sse.Suite
	form sse.Format
	spi  uint32
	last uint64 // the largest Sequence Number that the receiver's model has seen
}

// verb is what a command does to payloads.
type verb uint8

const (
	verbSeal verb = iota
	verbOpen
	verbCompress
	verbDecompress
)

// newSide makes the direction d of a session; nil if the file has no keys for it.
func newSide(f *safile.Session, d schc.Direction, v verb) (*sseSide, error) {
	k := f.Direction(d)
	if k == nil {
		return nil, nil
	}
	x := &sseSide{suit: f.Suite, form: f.Format, spi: f.Format.TruncateSPI(k.SPI), last: k.Seq}
	if v == verbSeal || v == verbOpen {
		if err := x.keys(f, d, v); err != nil {
			return nil, sessionHint(err)
		}
	}
	if f.Headers == nil {
		if v == verbCompress || v == verbDecompress {
			return nil, sessionHint(f.Errorf("", "headers is missing: the session does not compress headers"))
		}
		return x, nil
	}
	out, in := d, d.Reverse() // of the Headers' own direction: in restores what goes in direction d
	for i, c := range sseForms(f) {
		up, down := f.SPIs()
		ctx, err := c.NewContext(up, down)
		if err != nil {
			return nil, err
		}
		x.h[i], x.back[i] = new(sse.Headers), new(sse.Headers)
		if err := errors.Join(x.h[i].Reset(ctx, c, f.Suite, out), x.back[i].Reset(ctx, c, f.Suite, in)); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// sseForms are the forms of compressed headers in datagrams and on streams.
func sseForms(f *safile.Session) [2]sse.Compression {
	datagram := *f.Headers
	stream := datagram
	stream.Stream, stream.SNBits = true, f.StreamBits
	return [2]sse.Compression{datagram, stream}
}

func (x *sseSide) keys(f *safile.Session, d schc.Direction, v verb) error {
	cfg, err := f.Receiver(d)
	if v == verbSeal {
		cfg, err = f.Sender(d)
	}
	if err != nil {
		return err
	}
	if g := f.GPComp; g != nil {
		codec := newCodec(g.Codec)
		if codec == nil {
			return f.Errorf("gpcomp.codec", "%q is not one of %s", g.Codec, strings.Join(codecNames, ", "))
		}
		a := &gpcomp.Association{Codec: codec, Threshold: g.Threshold, MaxLen: g.MaxLen}
		if v == verbSeal {
			cfg.CompressOut = a
		} else {
			cfg.CompressIn = a
		}
	}
	x.s = new(sse.Session)
	if err := x.s.Reset(cfg); err != nil {
		return f.Errorf("", "%s", strings.TrimPrefix(err.Error(), "sse: "))
	}
	return nil
}

func streamIndex(stream bool) int {
	if stream {
		return 1
	}
	return 0
}

// seal appends the packet of a payload.
func (x *sseSide) seal(dst, payload []byte, stream bool) ([]byte, error) {
	h := x.h[streamIndex(stream)]
	if h == nil {
		return x.s.AppendSeal(dst, payload)
	}
	whole, err := x.s.AppendSeal(nil, payload)
	if err != nil {
		return dst, err
	}
	return h.AppendCompress(dst, whole)
}

// open appends the payload of a packet.
func (x *sseSide) open(dst, pkt []byte, stream bool) ([]byte, error) {
	h := x.back[streamIndex(stream)]
	if h != nil && !stream && x.isWhole(pkt) { // as package ssenet sends some
		if out, err := x.s.AppendOpenWith(dst, pkt, nil); err == nil {
			return out, nil
		}
	}
	return x.s.AppendOpenWith(dst, pkt, h)
}

// isWhole reports whether b is a packet of the session with a header that is not
// compressed, as far as SPI and Length say.
func (x *sseSide) isWhole(b []byte) bool {
	h, err := sse.ParseHeader(x.form, b)
	if err != nil || h.SPI != x.spi || h.Seq == 0 {
		return false
	}
	n, err := sse.PacketLen(x.form, x.suit, b)
	return err == nil && n == uint64(len(b))
}

// compress appends the packet with its header compressed. ErrNoRule: it is no
// packet of the session, or the receiver's model would not restore it.
func (x *sseSide) compress(dst, pkt []byte, stream bool) ([]byte, error) {
	i := streamIndex(stream)
	out, err := x.h[i].AppendCompress(dst, pkt)
	if err != nil {
		return dst, err
	}
	back, err := x.back[i].AppendDecompress(nil, out[len(dst):], x.last)
	if err != nil || string(back) != string(pkt) {
		return dst, sse.ErrNoRule
	}
	x.saw(pkt)
	return out, nil
}

// decompress appends the packet with its header restored.
func (x *sseSide) decompress(dst, data []byte, stream bool) ([]byte, error) {
	out, err := x.back[streamIndex(stream)].AppendDecompress(dst, data, x.last)
	if err == nil {
		x.saw(out[len(dst):])
	}
	return out, err
}

// saw takes note of the Sequence Number of a packet that both ends of compression
// see: one that was compressed, or passed through with its header whole.
func (x *sseSide) saw(pkt []byte) {
	if x.isWhole(pkt) {
		h, _ := sse.ParseHeader(x.form, pkt)
		x.last = max(x.last, h.Seq)
	}
}

// rekey notes on standard error that it is time for new keys.
func (x *sseSide) rekey(e *env, dir schc.Direction, v verb) {
	if x == nil || x.s == nil || !x.s.NeedRekey() {
		return
	}
	last := x.s.LastSeq()
	if v == verbSeal {
		if next, ok := x.s.NextSeq(); ok {
			last = next - 1
		} else {
			last = x.form.MaxSeq()
		}
	}
	fmt.Fprintf(e.stderr, "schc: note: %s has come to Sequence Number %d of %d: it is time for new keys\n", dirName(dir), last, x.form.MaxSeq())
}

// do is the work of a verb.
func (x *sseSide) do(v verb) func(dst, b []byte, stream bool) ([]byte, error) {
	return []func(dst, b []byte, stream bool) ([]byte, error){x.seal, x.open, x.compress, x.decompress}[v]
}

// split returns the packets that make up the payload of a stream's segment, or
// false if it does not consist of whole ones.
func (x *sseSide) split(b []byte, v verb) (list [][]byte, ok bool) {
	for len(b) > 0 {
		n, err := uint64(0), error(nil)
		if h := x.h[1]; h != nil && v != verbCompress {
			var m int
			m, err = h.Compression().PacketLen(x.suit, b)
			n = uint64(m)
		} else {
			n, err = sse.PacketLen(x.form, x.suit, b)
		}
		if err != nil || n > uint64(len(b)) {
			return nil, false
		}
		list = append(list, b[:n])
		b = b[n:]
	}
	return list, len(list) > 0
}

// sseError is "<class>: <text>" of an error.
func sseError(err error, v verb) string {
	var e sse.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	text := strings.TrimPrefix(e.Error(), "sse: ")
	switch e {
	case sse.ErrTruncated:
		text = "the packet ends early"
	case sse.ErrMalformed:
		text = "no packet of this format: its lengths do not agree, its padding is not zero, or its Sequence Number is 0"
	case sse.ErrShortBuffer:
		text = "the payload would be longer than max_len"
	case sse.ErrUnsupported:
		text = "a flag that is not known, or C without gpcomp"
		if v == verbSeal {
			text = "more payload than a packet can carry"
		}
	case sse.ErrNoRule:
		text = "no packet of the session, or its Sequence Number would not be found again"
	case sse.ErrNoSA:
		text = "another SPI than the session's"
	case sse.ErrAuth:
		text = "the integrity check fails"
	case sse.ErrReplay:
		text = "the Sequence Number was seen before, or is too old"
	case sse.ErrExhausted:
		text = "the session has used up its Sequence Numbers; it needs new keys"
	}
	return e.Class() + ": " + text
}
