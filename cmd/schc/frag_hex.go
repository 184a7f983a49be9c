package main

import (
	"encoding/hex"
	"errors"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/linksim"
	"github.com/schckit/schckit/schc"
)

// fragHexFlags checks what does not go with --hex, and returns the direction, 0
// where it is not given.
func fragHexFlags(cmd *cobra.Command, in *input, dir string, args []string) (schc.Direction, error) {
	d, err := hexFlags(cmd, in, dir, args)
	if err != nil || !given(cmd, "dir") {
		return 0, err
	}
	return d, nil
}

// bitCount reads the number of bits behind a packet of n bytes.
func bitCount(words [][]byte, n int) (int, error) {
	if len(words) < 2 {
		return 8 * n, nil
	}
	v, err := strconv.ParseUint(string(words[1]), 10, 31)
	switch {
	case err != nil:
		return 0, errLine("%.40q is not a number of bits", words[1])
	case int(v) > 8*n:
		return 0, errors.New("truncated: " + strconv.Itoa(int(v)) + " bits are announced, " + strconv.Itoa(8*n) + " are there")
	case 8*n-int(v) > 7:
		return 0, errLine("%d bits are announced, %d bytes are there", v, n)
	}
	return int(v), nil
}

// appendBits appends hex digits, and the number of bits unless it is that of the
// bytes.
func appendBits(dst, b []byte, bits int) []byte {
	dst = hex.AppendEncode(dst, b[:(bits+7)/8])
	if bits%8 != 0 {
		dst = strconv.AppendInt(append(dst, ' '), int64(bits), 10)
	}
	return dst
}

func fragHex(cmd *cobra.Command, e *env, f *fragFlags, args []string) error {
	dir, err := fragHexFlags(cmd, &f.in, f.dir.text, args)
	if err != nil {
		return err
	}
	if dir == 0 && len(f.frag.ids) == 0 {
		dir = schc.DirUp
	}
	set, err := f.frag.load(cmd, e, &f.in, dir)
	if err != nil {
		return err
	}
	set.say(e, &f.loudness)
	if dir == 0 {
		if len(f.frag.ids) > 1 {
			return usagef(cmd, "--hex fragments under one Rule; %d are given", len(f.frag.ids))
		}
		dir = set.profiles[0].Fragmentation().Direction
	}
	p, err := set.pick(dir)
	if err != nil {
		return err
	}
	var x linksim.Exchange
	x.Reset(p)
	l := &lineLoop{e: e, in: &f.in, out: &f.out, rules: set.info}
	var pkt, dst []byte
	dtag := dtags{bits: p.Fragmentation().DTagBits}
	l.each = func(w io.Writer, words [][]byte, err error) error {
		dst = dst[:0]
		if err == nil {
			if pkt, dst, err = fragLine(&x, f.mtu, dtag.next, pkt, dst, words); err == nil {
				dtag.used()
			}
		}
		if err != nil {
			l.failed = true
			dst = append(append(append(dst[:0], "error: "...), err.Error()...), '\n')
		}
		_, err = w.Write(append(dst, '\n'))
		return err
	}
	return l.run(cmd)
}

// fragLine appends the fragments of a line's packet to dst, one a line.
func fragLine(x *linksim.Exchange, mtu int, dtag uint32, pkt, dst []byte, words [][]byte) (p, d []byte, err error) {
	// A third word is allowed if it is what compress puts there.
	if len(words) > 3 || len(words) == 3 && !isRuleID(words[2]) {
		return pkt, dst, errLine("%d words; a packet is HEX or HEX BITS", len(words))
	}
	if pkt, err = decodeHex(pkt, words[0]); err != nil {
		return pkt, dst, err
	}
	bits, err := bitCount(words, len(pkt))
	if err != nil {
		return pkt, dst, err
	}
	_, _, err = x.Run(pkt, bits, mtu, dtag, func(msg []byte, n int) {
		dst = append(appendBits(dst, msg, n), '\n')
	})
	if err != nil {
		return pkt, dst, errors.New(sendError(err, mtu))
	}
	return pkt, dst, nil
}

func reassembleHex(cmd *cobra.Command, e *env, f *reassembleFlags, args []string) error {
	dir, err := fragHexFlags(cmd, &f.in, f.dir, args)
	if err != nil {
		return err
	}
	link, err := f.link.inputs(cmd)
	if err != nil {
		return err
	}
	set, err := f.frag.load(cmd, e, &f.in, dir)
	if err != nil {
		return err
	}
	set.say(e, &f.loudness)
	// Lines may be those of packets with several DTags, as no Rule in the style of
	// OpenSCHC says how many; an empty line ends all of them.
	const interleaved = 16
	r, trim := set.newReceiver(newAckBuffer(), interleaved), newTrimmer(set.ctx, link)
	l := &lineLoop{e: e, in: &f.in, out: &f.out, rules: set.info}
	var out io.Writer
	var msg, dst []byte
	done := func(o outcome) error {
		if o.why != 0 {
			l.failed = true
			dst = append(append(dst[:0], "error: "...), dropText(o.why)...)
		} else {
			dst = appendBits(dst[:0], o.packet, trim.bits(o.packet, o.bits, o.dir))
		}
		_, err := out.Write(append(dst, '\n'))
		return err
	}
	l.each = func(w io.Writer, words [][]byte, err error) error {
		out = w
		var text string
		if err == nil {
			var bits int
			if msg, bits, err = fragmentOf(msg, words); err == nil {
				if err = r.receive(msg, bits, 0, done); err != nil {
					var class schc.Error
					if !errors.As(err, &class) {
						return err // of writing
					}
					text = fragmentError(err)
				}
			}
		}
		if err == nil {
			return nil
		}
		if text == "" {
			text = err.Error()
		}
		l.failed = true
		_, err = w.Write([]byte("error: " + text + "\n"))
		return err
	}
	l.blank = func(w io.Writer) error {
		out = w
		return r.end(done)
	}
	l.end = l.blank
	return l.run(cmd)
}

// fragmentOf reads the words of a fragment's line.
func fragmentOf(buf []byte, words [][]byte) ([]byte, int, error) {
	if len(words) > 2 {
		return buf, 0, errLine("%d words; a SCHC Fragment is HEX or HEX BITS", len(words))
	}
	buf, err := decodeHex(buf, words[0])
	if err != nil {
		return buf, 0, err
	}
	bits, err := bitCount(words, len(buf))
	return buf, bits, err
}
