package main

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/safile"
)

// convertFlags are the flags of schc esp compress and decompress.
type convertFlags struct {
	espFlags
	eecOnly bool
}

func (f *convertFlags) add(cmd *cobra.Command) {
	f.espFlags.add(cmd, func(flags *pflag.FlagSet) {
		flags.BoolVar(&f.eecOnly, "eec-only", false, "compress SPI and Sequence Number only, which needs no keys")
	})
}

func newESPCompress(e *env) *cobra.Command {
	var f convertFlags
	cmd := &cobra.Command{
		Use:   "compress --sa FILE [flags] [FILE]",
		Short: "Convert packets of standard ESP to Diet-ESP",
		Long: `Convert the packets of standard ESP in a capture to Diet-ESP, under the SAs of the
file that have attributes ("diet"). schc esp decompress gives the same capture back,
packet for packet.

The same key, Sequence Number and initialization vector are used for both forms of a
packet. Whoever sees both learns about the plaintext: this is for test benches, on
traffic that is no secret, and for nothing else. schc esp seal makes Diet-ESP of clear
packets.

What has no SA, does not verify, or would not come back as it is (other padding than the
least, packets that the Rules do not describe) is passed through. A packet that is
Diet-ESP of one of the SAs already is passed through and reported, and the exit code is
then 1.

--eec-only compresses SPI and Sequence Number and leaves the rest as it is: it takes spi
and seq, the number before the first, from the SA file and needs no keys. A packet
whose number the receiver would not find from those before is passed through.

With --hex, every line is an IP packet in hex and comes back as the other form, or as it
is where it is passed through.`,
		Example: `  schc esp compress --sa sa.json -r esp.pcap -w diet.pcap
  schc esp compress --sa sa.json --eec-only -r esp.pcap -w diet.pcap`,
		Args: maxArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return runConvert(cmd, e, &f, args, true) },
	}
	f.add(cmd)
	return cmd
}

func newESPDecompress(e *env) *cobra.Command {
	var f convertFlags
	cmd := &cobra.Command{
		Use:   "decompress --sa FILE [flags] [FILE]",
		Short: "Convert packets of Diet-ESP back to standard ESP",
		Long: `Convert the packets of Diet-ESP in a capture back to the standard ESP that schc esp
compress was given. The SA file, and --eec-only, are the same as there.

Other packets are passed through. A packet of Diet-ESP that does not verify is passed
through and reported, and the exit code is then 1.

With --hex, every line is an IP packet in hex and comes back as the other form or, where
it failed, as

    error: CLASS: TEXT`,
		Example: `  schc esp decompress --sa sa.json -r diet.pcap -w esp.pcap`,
		Args:    maxArgs(1, "one FILE"),
		RunE:    func(cmd *cobra.Command, args []string) error { return runConvert(cmd, e, &f, args, false) },
	}
	f.add(cmd)
	return cmd
}

func runConvert(cmd *cobra.Command, e *env, f *convertFlags, args []string, compress bool) error {
	file, info, err := f.load(cmd, e, args)
	if err != nil {
		return err
	}
	c, err := newConverter(cmd, file, f.eecOnly)
	if err != nil {
		return err
	}
	x := &espCapture{do: c.decompress, what: "decompressed", convert: true}
	if compress {
		x.do, x.what = c.compress, "compressed"
	}
	return f.run(cmd, e, info, x)
}

// errPass is for packets that are passed through and count as without an SA.
const errPass = esp.ErrNoSA

// passes reports whether an error of a converter means that the packet stays as
// it is.
func passes(err error) bool { return err == errPass || err == dietesp.ErrNoRule }

// converter converts between standard ESP and Diet-ESP. Both directions of a
// conversion see the same packets in the same order.
type converter struct {
	sad *dietesp.SAD    // nil: --eec-only
	eec *dietesp.EECSet // nil: with keys
}

func newConverter(cmd *cobra.Command, file *safile.File, eecOnly bool) (*converter, error) {
	c := &converter{}
	if eecOnly {
		c.eec = new(dietesp.EECSet)
	} else {
		c.sad = new(dietesp.SAD)
	}
	found := false
	for _, a := range file.SAs {
		if a.Diet == nil {
			continue
		}
		found = true
		var err error
		if eecOnly {
			err = c.addEEC(a)
		} else {
			var s *dietesp.SA
			if s, err = newDietSA(a); err == nil && c.sad.Add(s) != nil {
				err = a.Errorf("spi", "another SA has the same SPI and addresses")
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if !found {
		return nil, errNoDiet(cmd)
	}
	return c, nil
}

// addEEC adds an SA without keys.
func (c *converter) addEEC(a *safile.SA) error {
	attr, err := a.Attributes()
	if err != nil {
		return err
	}
	s := new(dietesp.EECOnly)
	if err := s.Init(a.HeaderConfig(), attr, dietesp.Options{}); err != nil {
		return dietError(a, err)
	}
	if c.eec.Add(s) != nil {
		return a.Errorf("spi", "another SA has the same SPI and addresses")
	}
	return nil
}

// errAlready is for packets that would be converted back although they were not
// converted.
var errAlready = errors.New("malformed: is Diet-ESP already")

// compress appends the Diet-ESP form of pkt.
func (c *converter) compress(dst, pkt []byte) ([]byte, error) {
	if _, err := dietesp.Locate(pkt, 0); err == nil {
		if _, err := c.restore(nil, pkt); err != nil {
			return dst, errPass // the other end does not touch it
		}
		return dst, errAlready
	}
	var out []byte
	var err error
	if c.eec != nil {
		out, err = c.eec.AppendCompress(dst, pkt)
	} else {
		out, _, err = c.sad.AppendCompress(dst, pkt)
	}
	if err != nil && err != dietesp.ErrNoRule {
		err = errPass // not ESP, or it does not verify: the other end finds that, too
	}
	return out, err
}

// decompress appends the standard form of pkt. What was passed through moves the
// windows as it did at the other end.
func (c *converter) decompress(dst, pkt []byte) ([]byte, error) {
	if _, err := dietesp.Locate(pkt, 0); err != nil {
		if c.eec != nil {
			_ = c.eec.Observe(pkt) // what it does not take, compress did not either
		} else {
			_ = c.sad.Observe(pkt)
		}
		return dst, errPass
	}
	out, err := c.restore(dst, pkt)
	if err == dietesp.ErrNoSA || err == dietesp.ErrTruncated {
		return dst, errPass // of no SA, or too short for what its SA makes
	}
	return out, dietClass(err)
}

func (c *converter) restore(dst, pkt []byte) (out []byte, err error) {
	if c.eec != nil {
		return c.eec.AppendDecompress(dst, pkt)
	}
	out, _, err = c.sad.AppendDecompress(dst, pkt)
	return out, err
}
