package main

import (
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/safile"
)

func newESP(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "esp",
		Short: "ESP (RFC 4303) and Diet-ESP: protect, open and convert captures and packets",
		Long: `Protect IP packets with the Encapsulating Security Payload (RFC 4303) and open them,
under the Security Associations of an SA file.

An SA file is a JSON list of objects:

    [{"spi": "0x1001", "src": "2001:db8::1", "dst": "2001:db8::2", "mode": "tunnel",
      "encr": "aes128gcm16", "key": "000102030405060708090a0b0c0d0e0f10111213", "seq": 0}]

    spi         number, or a string of one in decimal or 0x and hex digits
    src, dst    addresses of the packets with ESP; any, if left out
    mode        tunnel or transport
    encr        aes128gcm16, aes256ccm8, chacha20poly1305, aes128gcm16iiv, aes128gmac,
                aes128cbc, aes128ctr, null and their likes, as strongSwan spells them
    key         of the cipher, followed by the salt, in hex
    auth        sha256 or sha1, with aes..cbc, aes..ctr and null; auth_key is its key
    esn         true for extended (64-bit) sequence numbers
    seq         last sequence number used, or right edge of the window (default 0)
    udp_encap   true, or a UDP port (RFC 3948)
    window      packets of the anti-replay window, 32 to 4096, 0 for none (default 64)
    max_packets, max_bytes   life of the SA (default: no limit)
    ts_src, ts_dst           prefixes of what a tunnel takes when sealing (default: any)
    diet        Diet-ESP attributes, {} for the defaults:

    profile             diet-esp-10 (default) or ehc-2023
    esp_spi_lsb, esp_sn_lsb   bits of SPI and Sequence Number that are sent, 0 to 32 (default);
                        together a multiple of 8. In ehc-2023 bytes, 0 to 4
    dscp_action         not_compressed (default), lower, sa (with dscp_list: [0, 46])
    ecn_action          not_compressed (default), lower
    flow_label_action   not_compressed (default), lower, generated, zero
    hop_limit           lower (default), value-sent
    alignment           8 bit, 16 bit, 32 bit, 64 bit (default)
    esp_trailer         Optional (default), Mandatory
    iipc_profile        iipc_diet-esp (default), iipc_not_compressed
    rule_id             elided (default), sent
    ts_ip_version       IPv4-only, IPv6-only (default: that of the addresses)
    ts_ip_src_start, ts_ip_src_end, ts_ip_dst_start, ts_ip_dst_end   (default: ts_src, ts_dst)
    ts_proto            UDP, TCP, UDP-Lite, SCTP, ANY (default) or a number
    ts_port_src_start, ts_port_src_end, ts_port_dst_start, ts_port_dst_end   (default: any)
    ts_flow_label, ts_proto_list, ts_dsp_list   of ehc-2023`,
		Example: `  schc esp seal --sa sa.json -r clear.pcap -w esp.pcap
  schc esp open --sa sa.json -r esp.pcap -w clear.pcap
  schc esp compress --sa sa.json -r esp.pcap -w diet.pcap
  schc esp stats --sa sa.json --by-field -r clear.pcap
  echo 6000... | schc esp seal --hex --sa sa.json`,
		Args: noCommand,
		RunE: noCommand,
	}
	for _, add := range []func(*env) *cobra.Command{newESPSeal, newESPOpen, newESPCompress, newESPDecompress, newESPStats, newESPRules} {
		c := add(e)
		c.DisableFlagsInUseLine = true
		cmd.AddCommand(c)
	}
	return cmd
}

// saFlags is --sa.
type saFlags struct {
	path string
}

func (f *saFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.path, "sa", "", "`FILE` of Security Associations; schc esp --help describes it")
	cmd.MarkFlagFilename("sa", "json")
}

// load reads the SA file.
func (f *saFlags) load(cmd *cobra.Command, e *env, in *input) (*safile.File, os.FileInfo, error) {
	if f.path == "" {
		return nil, nil, usagef(cmd, "no Security Associations are given; name a file with --sa")
	}
	if f.path == "-" && in.path == "-" {
		return nil, nil, usagef(cmd, "Security Associations and packets cannot both come from standard input")
	}
	file, info, err := safile.ReadFile(f.path, e.stdin)
	var fe *safile.Error
	if errors.As(err, &fe) {
		err = hint(err, "schc esp --help describes SA files")
	}
	return file, info, err
}

// espGateway protects and opens IP packets, as a gateway with these SAs would.
type espGateway struct {
	out  []espOutbound // in the order of the file
	sad  esp.SAD
	diet dietesp.SAD
}

// espOutbound is an SA and what it takes: sa, or diet for one with attributes.
type espOutbound struct {
	file *safile.SA
	sa   *esp.SA
	diet *dietesp.SA
}

// newESPGateway makes the SAs of a file.
func newESPGateway(file *safile.File) (*espGateway, error) {
	g := &espGateway{}
	for _, a := range file.SAs {
		o := espOutbound{file: a}
		var err error
		if a.Diet != nil {
			if o.diet, err = newDietSA(a); err == nil && g.diet.Add(o.diet) != nil {
				err = a.Errorf("spi", "another SA has the same SPI and addresses")
			}
		} else if o.sa, err = a.New(); err == nil && g.sad.Add(o.sa) != nil {
			err = a.Errorf("spi", "another SA has the same SPI and addresses")
		}
		if err != nil {
			return nil, err
		}
		g.out = append(g.out, o)
	}
	return g, nil
}

// seal appends the protected packet to dst. The first SA of the file that takes
// the packet is used. esp.ErrNoSA: none does.
func (g *espGateway) seal(dst, pkt []byte) ([]byte, error) {
	for i := range g.out {
		o := &g.out[i]
		if !o.takes(pkt) {
			continue
		}
		var out []byte
		var err error
		if o.diet != nil {
			out, err = o.diet.AppendSeal(dst, pkt)
			err = dietClass(err)
		} else {
			out, err = o.sa.AppendSeal(dst, pkt)
		}
		if e, _ := err.(esp.Error); e != esp.ErrNoSA {
			return out, err
		}
	}
	if _, err := esp.Locate(pkt, nil); err != nil && err != esp.ErrNoSA && err != esp.ErrUnsupported {
		return dst, err // not an IP packet at all
	}
	return dst, esp.ErrNoSA
}

// takes reports whether a packet is between the traffic selectors.
func (o *espOutbound) takes(pkt []byte) bool {
	src, dst, ok := endpoints(pkt)
	if !ok {
		return !o.file.TSSrc.IsValid() && !o.file.TSDst.IsValid()
	}
	return (!o.file.TSSrc.IsValid() || o.file.TSSrc.Contains(src)) &&
		(!o.file.TSDst.IsValid() || o.file.TSDst.Contains(dst)) &&
		(o.diet == nil || dietTakes(o.diet, pkt))
}

// open appends the packet that was protected to dst. esp.ErrNoSA: the packet has
// no ESP, or of no SA. Nothing is appended for a dummy packet, without an error.
func (g *espGateway) open(dst, pkt []byte) ([]byte, error) {
	if len(g.diet.All()) > 0 {
		if out, ok, err := openDiet(&g.diet, dst, pkt); ok {
			return out, err
		}
	}
	out, _, err := g.sad.AppendOpen(dst, pkt)
	return out, err
}

// espError is "<class>: <text>" of an error.
func espError(err error, seal bool) string {
	if e, ok := err.(dietesp.Error); ok {
		return dietText(e)
	}
	var e esp.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	text := strings.TrimPrefix(e.Error(), "esp: ")
	switch e {
	case esp.ErrTruncated:
		text = "the packet ends early"
	case esp.ErrMalformed:
		text = "not a packet that ESP carries: its version, lengths or checksum are wrong, or its padding"
	case esp.ErrShortBuffer:
		text = "longer than an IP packet can be"
	case esp.ErrUnsupported:
		text = "a fragment, No Next Header, or too many extension headers"
	case esp.ErrAuth:
		text = "the integrity check fails"
	case esp.ErrReplay:
		text = "the sequence number was seen before, or is too old"
	case esp.ErrNoSA:
		text = "no SA for this SPI and these addresses, or no ESP"
		if seal {
			text = "no SA takes the packet"
		}
	case esp.ErrExhausted:
		text = "the SA has used up its sequence numbers or its life; it needs a new key"
	}
	return e.Class() + ": " + text
}
