// Command gateway is the network's end of a constrained link: what comes from
// the network is compressed for the device, what comes from the device is
// restored. It shows the library on a host: making a Context, one Compressor
// and Decompressor for each goroutine, what to do about each error, and new
// Rules while traffic flows.
//
//	go run ./examples/host/gateway testdata/rules/coap.json
//
// Messages are lines of standard input:
//
//	down HEX    an IP packet from the network, for the device
//	up HEX      a SCHC Packet from the device, for the network
//	load FILE   use these Rules from now on
package main

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gateway RULES")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

// gateway is what all workers share. A Context never changes: new Rules are a
// new Context.
type gateway struct {
	ctx atomic.Pointer[schc.Context]
}

// load makes the Rules of a file those that all workers use from their next
// packet on. If something is wrong with them, the old ones stay.
//
// Both ends of a link must hold the same Rules. Fingerprint tells.
func (g *gateway) load(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	file, err := rulefile.Load(data, path)
	if err != nil {
		return err
	}
	set, err := file.Set("") // of the only device
	if err != nil {
		return err
	}
	ctx, err := schc.NewContext(set.Rules, schc.Options{})
	if err != nil {
		return set.Locate(err) // adds the line in the file
	}
	g.ctx.Store(ctx)
	return nil
}

// worker is what one goroutine needs. Its memory is used again and again:
// nothing is allocated per packet.
type worker struct {
	g   *gateway
	ctx *schc.Context // the one that c and d work under
	c   schc.Compressor
	d   schc.Decompressor
	buf []byte
}

// renew takes over new Rules between two packets.
func (w *worker) renew() {
	if ctx := w.g.ctx.Load(); ctx != w.ctx {
		w.ctx = ctx
		w.c.Reset(ctx)
		w.d.Reset(ctx)
	}
}

// down compresses a packet for the device. The result is valid until the next
// call of a method of w.
func (w *worker) down(packet []byte) ([]byte, schc.RuleID, error) {
	w.renew()
	var id schc.RuleID
	var err error
	w.buf, id, err = w.c.AppendCompress(w.buf[:0], packet, schc.DirDown)
	return w.buf, id, err
}

// up restores the packet of a SCHC Packet from the device.
func (w *worker) up(packet []byte) ([]byte, schc.RuleID, error) {
	w.renew()
	var id schc.RuleID
	var err error
	w.buf, id, err = w.d.AppendDecompress(w.buf[:0], packet, schc.DirUp)
	return w.buf, id, err
}

// why says what a gateway does about an error: there is one class for each
// reaction.
func why(err error) string {
	switch {
	case errors.Is(err, schc.ErrNoRule):
		return "dropped: no Rule is for it" // a no-compression Rule would carry it
	case errors.Is(err, schc.ErrTruncated), errors.Is(err, schc.ErrMalformed):
		return "dropped: it is damaged"
	case errors.Is(err, schc.ErrUnsupported):
		return "passed on: it is a fragment" // for a reassembler
	}
	return "dropped: " + err.Error()
}

func run(rules string, in io.Reader, out io.Writer) error {
	g := new(gateway)
	if err := g.load(rules); err != nil {
		return err
	}
	w := &worker{g: g}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		verb, arg, _ := strings.Cut(lines.Text(), " ")
		if verb == "load" {
			if err := g.load(arg); err != nil {
				fmt.Fprintln(out, "the old Rules stay:", err)
				continue
			}
			fmt.Fprintf(out, "new Rules, fingerprint %x\n", g.ctx.Load().Fingerprint())
			continue
		}
		packet, err := hex.DecodeString(arg)
		if err != nil {
			return err
		}
		var result []byte
		var id schc.RuleID
		switch verb {
		case "down":
			result, id, err = w.down(packet)
		case "up":
			result, id, err = w.up(packet)
		default:
			return fmt.Errorf("%q is not down, up or load", verb)
		}
		if err != nil {
			fmt.Fprintln(out, why(err))
			continue
		}
		fmt.Fprintf(out, "Rule %v, %d bytes to %d: %x\n", id, len(packet), len(result), result)
	}
	return lines.Err()
}
