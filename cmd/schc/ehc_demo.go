package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/ehc"
	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/ehcfile"
	"github.com/schckit/schckit/internal/ikemsg"
	"github.com/schckit/schckit/internal/inet"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
)

// ehcDemoFlags are the flags of schc ehc demo.
type ehcDemoFlags struct {
	ini, res   policyFlags
	dialect    string
	encr, auth string
	mode       string
	fallback   bool
	seed       int64
	capture    string
	form       format
}

func newEHCDemo(e *env) *cobra.Command {
	var f ehcDemoFlags
	cmd := &cobra.Command{
		Use:   "demo [flags]",
		Short: "Run both ends of a negotiation, and send packets under what they agree on",
		Long: `Run a CREATE_CHILD_SA exchange between a device and a gateway: the device offers, the gateway
answers, the device checks the answer. Both take their keys from the same keying material,
and then seal and open sample packets of CoAP with Diet-ESP, beside standard ESP for
comparison.

Without policy files both allow any value that loses nothing. The keys follow from --seed:
they are no secret. With -w the exchange, encrypted with AES-GCM, and the packets that were
sent are a capture, for schc ehc decode and other programs; the keys are printed.

Exit code 1: the ends do not agree, or a packet does not come back as it was.`,
		Example: `  schc ehc demo
  schc ehc demo --initiator device.yaml --responder gateway.yaml --mode transport
  schc ehc demo --dialect ehc -w demo.pcap -f json`,
		Args: maxArgs(0, "none"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.form.check(cmd); err != nil {
				return err
			}
			d, err := f.demo(cmd, e)
			if err != nil {
				return err
			}
			if err := d.run(); err != nil {
				return err
			}
			if f.capture != "" {
				if err := d.write(cmd, e, f.capture); err != nil {
					return err
				}
			}
			if err := d.print(e.stdout, f.form.text); err != nil {
				return err
			}
			if d.Error != "" || d.Different > 0 {
				return errFailed
			}
			return nil
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&f.ini.path, "initiator", "", "policy `FILE` of the device")
	cmd.Flags().StringVar(&f.res.path, "responder", "", "policy `FILE` of the gateway")
	cmd.Flags().StringVar(&f.dialect, "dialect", "hcp", "`NAME` of the dialect where no file says it: hcp or ehc")
	cmd.Flags().StringVar(&f.encr, "encr", "aes128ccm8iiv", "encryption `NAME` of the Child SA, as in SA files")
	cmd.Flags().StringVar(&f.auth, "auth", "", "integrity `NAME` of the Child SA, as in SA files")
	cmd.Flags().StringVar(&f.mode, "mode", "tunnel", "`MODE` of the Child SA: tunnel or transport")
	cmd.Flags().BoolVar(&f.fallback, "fallback", false, "use standard ESP where the ends do not agree on Diet-ESP; else the gateway refuses the Child SA")
	cmd.Flags().Int64Var(&f.seed, "seed", 1, "`N` that keys, nonces and SPIs follow from")
	cmd.Flags().StringVarP(&f.capture, "write", "w", "", "`FILE` for a capture of all that was sent")
	cmd.MarkFlagFilename("initiator", "yaml", "yml", "json")
	cmd.MarkFlagFilename("responder", "yaml", "yml", "json")
	cmd.RegisterFlagCompletionFunc("mode", cobra.FixedCompletions([]string{"tunnel", "transport"}, cobra.ShellCompDirectiveNoFileComp))
	f.form.add(cmd)
	return cmd
}

// ehcDemo is a negotiation, what came of it, and the packets sent.
type ehcDemo struct {
	Seed       int64             `json:"seed"`
	Keys       map[string]string `json:"ike_keys"`
	Request    *ikeView          `json:"request"`
	Answer     *ikeView          `json:"answer"`
	Error      string            `json:"error,omitempty"`
	Diet       *ehcfile.Diet     `json:"diet,omitempty"` // null: standard ESP
	Encr       string            `json:"encr,omitempty"`
	Mode       string            `json:"mode,omitempty"`
	SPIs       []string          `json:"spis,omitempty"` // of the device's and of the gateway's packets
	OfferBytes int               `json:"offer_bytes"`    // of the notify
	AgreeBytes int               `json:"answer_bytes"`
	Packets    []ehcDemoPacket   `json:"packets"`
	PlainBytes int               `json:"plain_bytes"`
	ESPBytes   int               `json:"esp_bytes"`
	DietBytes  int               `json:"diet_bytes"`
	Different  int               `json:"different"`

	ini, res ehc.ChildPolicy
	policies [2]*ehc.Policy
	secrets  func(label string, n int) []byte
	sent     [][]byte // IP packets
}

// ehcDemoPacket is a sample packet.
type ehcDemoPacket struct {
	What       string `json:"what"`
	From       string `json:"from"`
	PlainBytes int    `json:"plain_bytes"`
	ESPBytes   int    `json:"esp_bytes"`
	DietBytes  int    `json:"diet_bytes"`
	Saved      int    `json:"saved_bytes"`
	Result     string `json:"result"` // same, or what went wrong
	Sealed     string `json:"sealed,omitempty"`
}

// The addresses of the demo: of the two hosts, and of the ends of the tunnel.
var (
	demoHosts = [2]netip.Addr{netip.MustParseAddr("2001:db8::d"), netip.MustParseAddr("2001:db8::a")}
	demoOuter = [2]netip.Addr{netip.MustParseAddr("2001:db8:f::1"), netip.MustParseAddr("2001:db8:f::2")}
)

const demoPort = 5683

// demo reads the flags.
func (f *ehcDemoFlags) demo(cmd *cobra.Command, e *env) (*ehcDemo, error) {
	if f.ini.path == "-" && f.res.path == "-" {
		return nil, usagef(cmd, "two policies cannot both come from standard input")
	}
	alg, err := esp.ParseAlgorithm(f.encr, f.auth)
	if err == nil && alg.Integ == esp.IntegAbsent {
		err = esp.ErrMalformed
	}
	if err != nil {
		return nil, usagef(cmd, "--encr %s with --auth %q is no algorithm; schc esp --help names them", f.encr, f.auth)
	}
	mode := esp.ModeTunnel
	switch f.mode {
	case "tunnel":
	case "transport":
		mode = esp.ModeTransport
	default:
		return nil, usagef(cmd, "--mode: %q is not tunnel or transport", f.mode)
	}
	d := &ehcDemo{Seed: f.seed, Packets: []ehcDemoPacket{}}
	for i, p := range []*policyFlags{&f.ini, &f.res} {
		p.dialect = f.dialect
		if d.policies[i], err = p.read(cmd, e); err != nil {
			return nil, err
		}
	}
	// All that is random follows from the seed.
	d.secrets = func(label string, n int) []byte {
		b, err := ehc.AppendKeymat(nil, n, hmac.New(sha256.New, binary.BigEndian.AppendUint64(nil, uint64(f.seed))), []byte(label))
		if err != nil {
			panic(err) // n is small
		}
		return b
	}
	spi := func(label string) uint32 { return binary.BigEndian.Uint32(d.secrets(label, 4)) | esp.MinSPI }
	hosts := [2][]ehc.Selector{demoSelector(demoHosts[0]), demoSelector(demoHosts[1])}
	d.ini = ehc.ChildPolicy{SPI: spi("spi of the device"), Local: hosts[0], Remote: hosts[1]}
	d.res = ehc.ChildPolicy{SPI: spi("spi of the gateway"), Local: hosts[1], Remote: hosts[0]}
	for i, p := range []*ehc.ChildPolicy{&d.ini, &d.res} {
		p.Algorithms, p.Modes, p.Diet, p.DSCPs = []esp.Algorithm{alg}, []esp.Mode{mode}, d.policies[i], d.policies[i].Base.DSCPs
		p.DietOnly = !f.fallback
	}
	return d, nil
}

func demoSelector(a netip.Addr) []ehc.Selector {
	addr := esp.AddrFromSlice(a.AsSlice())
	return []ehc.Selector{{Type: ehc.TSIPv6Range, Protocol: 17, StartPort: demoPort, EndPort: demoPort, Start: addr, End: addr}}
}

// run negotiates and sends packets.
func (d *ehcDemo) run() error {
	keys := [2]ikemsg.Keys{{Encr: d.secrets("SK_ei", 20)}, {Encr: d.secrets("SK_er", 20)}}
	d.Keys = map[string]string{"sk_ei": hex.EncodeToString(keys[0].Encr), "sk_er": hex.EncodeToString(keys[1].Encr), "sk_d": hex.EncodeToString(d.secrets("SK_d", 32))}
	nonces := [2][]byte{d.secrets("Ni", 16), d.secrets("Nr", 16)}
	h := ikemsg.Header{SPIi: [8]byte(d.secrets("IKE SPIi", 8)), SPIr: [8]byte(d.secrets("IKE SPIr", 8)), Major: 2, Exchange: ikemsg.ExchangeCreateChild, MessageID: 2}
	views := [2]**ikeView{&d.Request, &d.Answer}
	// send encrypts a chain, shows it, and returns what the peer finds in it.
	send := func(side int, c *ehc.Chain) (ehc.Chain, error) {
		h.Next, h.Flags = c.First, []uint8{ikemsg.FlagInitiator, ikemsg.FlagResponse}[side]
		msg, err := ikemsg.Seal(nil, h, c.Bytes, keys[side], d.secrets("IV", 8*(side+1))[8*side:])
		if err != nil {
			return ehc.Chain{}, err
		}
		d.sent = append(d.sent, demoUDP(demoOuter[side], demoOuter[1-side], ikePort, msg))
		f := &skFlags{keys: [2]*ikemsg.Keys{&keys[0], &keys[1]}}
		v, err := viewMessage(msg, f, d.policies[side])
		if err != nil {
			return ehc.Chain{}, err
		}
		*views[side] = &v
		var got ehc.Chain
		got.First, got.Bytes, err = ikemsg.Open(msg, keys[side])
		return got, err
	}
	var request, answer ehc.Chain
	if err := d.ini.AppendRequest(&request, nonces[0]); err != nil {
		return err
	}
	atGateway, err := send(0, &request)
	if err != nil {
		return err
	}
	gateway, failure := d.res.Answer(&answer, atGateway.First, atGateway.Bytes, nonces[1])
	if failure != nil {
		d.Error = "the gateway refuses: " + ehcError(failure)
		if err := d.res.AppendFailure(&answer, failure); err != nil {
			return err
		}
	}
	atDevice, err := send(1, &answer)
	if err != nil {
		return err
	}
	d.OfferBytes, d.AgreeBytes = dietBytes(d.Request), dietBytes(d.Answer)
	device, err := d.ini.Accept(request.First, request.Bytes, atDevice.First, atDevice.Bytes)
	if err != nil {
		if d.Error == "" {
			d.Error = "the device deletes the Child SA: " + ehcError(err)
		}
		return nil
	}
	d.Encr, d.Mode = device.Algorithm.String(), device.Mode.String()
	d.SPIs = []string{fmt.Sprintf("%08x", device.OutSPI), fmt.Sprintf("%08x", device.InSPI)}
	if device.Diet {
		d.Diet = ehcfile.NewDiet(&device.Out)
	}
	keymat, err := ehc.AppendKeymat(nil, device.KeymatLen(), hmac.New(sha256.New, d.secrets("SK_d", 32)), nonces[0], nonces[1])
	if err != nil {
		return err
	}
	return d.packets(&device, &gateway, keymat)
}

// dietBytes are those of the notify of Diet-ESP.
func dietBytes(v *ikeView) int {
	for i := range v.Payloads {
		if n := v.Payloads[i].Notify; n != nil && len(n.Proposals) > 0 {
			return v.Payloads[i].Bytes
		}
	}
	return 0
}

// tunnelEnd seals or opens packets of one direction, at one end: with Diet-ESP and
// with standard ESP.
type tunnelEnd struct {
	diet  dietesp.SA
	plain esp.SA
}

// newTunnelEnd sets an end up with its attributes and keys.
func newTunnelEnd(c *ehc.Child, config esp.Config, a *dietesp.Attributes, keys ehc.Keys) (*tunnelEnd, error) {
	t := new(tunnelEnd)
	suites := [2]esp.Suite{}
	for i := range suites {
		if err := suites[i].Init(c.Algorithm, keys.Encr, keys.Auth); err != nil {
			return nil, err
		}
	}
	if err := t.plain.Init(config, &suites[0]); err != nil {
		return nil, err
	}
	if !c.Diet {
		return t, nil
	}
	return t, t.diet.Init(config, &suites[1], *a, dietesp.Options{})
}

// demoPackets are what device and gateway say to each other.
var demoPackets = []struct {
	from int
	what string
	coap string
}{
	{0, "POST /t 21.5", "4402 0001 a1b2c3d4 b174 ff 32312e35"},
	{1, "2.04 Changed", "6444 0001 a1b2c3d4"},
	{0, "POST /t 21.6", "4402 0002 a1b2c3d5 b174 ff 32312e36"},
	{1, "2.04 Changed", "6444 0002 a1b2c3d5"},
	{1, "GET /.well-known/core", "4401 7f10 00c0ffee bb2e77656c6c2d6b6e6f776e 04636f7265"},
	{0, "2.05 Content, link format", "6445 7f10 00c0ffee c128 ff 3c2f743e3b72743d2274656d7065726174757265223b63743d30"},
}

// packets sends the sample packets.
func (d *ehcDemo) packets(device, gateway *ehc.Child, keymat []byte) error {
	addrs := demoOuter
	if device.Mode == esp.ModeTransport {
		addrs = demoHosts
	}
	var sends, opens [2]*tunnelEnd // of the packets of the device, and of the gateway
	for side, c := range []*ehc.Child{device, gateway} {
		outKeys, inKeys, err := c.Split(keymat)
		if err != nil {
			return err
		}
		out, in := c.Configs(esp.AddrFromSlice(addrs[side].AsSlice()), esp.AddrFromSlice(addrs[1-side].AsSlice()))
		if sends[side], err = newTunnelEnd(c, out, &c.Out, outKeys); err != nil {
			return err
		}
		if opens[1-side], err = newTunnelEnd(c, in, &c.In, inKeys); err != nil {
			return err
		}
	}
	for i := range demoPackets {
		p := &demoPackets[i]
		coap, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(p.coap), []byte{' '}, nil)))
		if err != nil {
			return err
		}
		pkt := demoUDP(demoHosts[p.from], demoHosts[1-p.from], demoPort, coap)
		r := ehcDemoPacket{What: p.what, From: []string{"device", "gateway"}[p.from], PlainBytes: len(pkt)}
		d.packet(&r, pkt, sends[p.from], opens[p.from], device.Diet)
		d.Packets = append(d.Packets, r)
		d.PlainBytes, d.ESPBytes, d.DietBytes = d.PlainBytes+r.PlainBytes, d.ESPBytes+r.ESPBytes, d.DietBytes+r.DietBytes
	}
	return nil
}

// packet sends one packet, under Diet-ESP and under standard ESP.
func (d *ehcDemo) packet(r *ehcDemoPacket, pkt []byte, out, in *tunnelEnd, diet bool) {
	wrong := func(format string, args ...any) {
		d.Different++
		r.Result = fmt.Sprintf(format, args...)
	}
	sealed, err := out.plain.AppendSeal(nil, pkt)
	if err != nil {
		wrong("standard ESP: %s", ehcError(err))
		return
	}
	opened, err := in.plain.AppendOpen(nil, sealed)
	if err != nil || !bytes.Equal(opened, pkt) {
		wrong("standard ESP does not come back: %v", err)
		return
	}
	r.ESPBytes, r.DietBytes, r.Result = len(sealed), len(sealed), "same"
	if diet {
		if sealed, err = out.diet.AppendSeal(nil, pkt); err != nil {
			wrong("%s", ehcError(err))
			return
		}
		if opened, err = in.diet.AppendOpen(nil, sealed); err != nil || !bytes.Equal(opened, pkt) {
			wrong("does not come back: %v", err)
		}
		r.DietBytes = len(sealed)
	}
	r.Saved, r.Sealed = r.ESPBytes-r.DietBytes, hex.EncodeToString(sealed)
	d.sent = append(d.sent, sealed)
}

// demoUDP makes an IPv6 packet with UDP, both ports the same, with hop limit 64.
func demoUDP(src, dst netip.Addr, port uint16, payload []byte) []byte {
	n := uint16(8 + len(payload))
	pkt := binary.BigEndian.AppendUint16([]byte{0x60, 0, 0, 0}, n)
	pkt = append(append(append(pkt, 17, 64), src.AsSlice()...), dst.AsSlice()...)
	pkt = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(pkt, port), port)
	pkt = append(binary.BigEndian.AppendUint16(pkt, n), 0, 0)
	pkt = append(pkt, payload...)
	sum := inet.Fold(inet.Sum(inet.PseudoIPv6(pkt[8:40], uint32(n), 17), pkt[40:]))
	if sum == 0 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(pkt[46:], sum)
	return pkt
}

// write writes a capture of all that was sent, a second apart.
func (d *ehcDemo) write(cmd *cobra.Command, e *env, path string) error {
	o := output{path: path}
	out, err := o.create(cmd, e, true)
	if err != nil {
		return err
	}
	defer guard(out)()
	w, err := pcapio.NewWriter(out, pcapio.Format{SnapLen: 1 << 18}, application)
	if err != nil {
		return err
	}
	iface := pcapio.Interface{LinkType: pcapio.LinkTypeRaw, Resolution: pcapio.Micro}
	id, err := w.AddInterface(iface)
	if err != nil {
		return err
	}
	for i, pkt := range d.sent {
		p := pcapio.Packet{Interface: &iface, Ticks: uint64(i) * 1_000_000, Data: pkt, OrigLen: uint32(len(pkt))}
		if err := w.WritePacket(id, &p); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return commit(out)
}

func (d *ehcDemo) print(w io.Writer, form string) error {
	switch form {
	case "json":
		return report.WriteJSON(w, d)
	case "jsonl":
		return report.WriteJSONLine(w, d)
	case "tsv":
		rows := [][]string{{"what", "from", "plain_bytes", "esp_bytes", "diet_bytes", "saved_bytes", "result"}}
		for i := range d.Packets {
			p := &d.Packets[i]
			rows = append(rows, []string{p.What, p.From, strconv.Itoa(p.PlainBytes), strconv.Itoa(p.ESPBytes), strconv.Itoa(p.DietBytes), strconv.Itoa(p.Saved), p.Result})
		}
		return report.WriteTSV(w, rows)
	}
	return d.text(w)
}

func (d *ehcDemo) text(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "keys of the IKE SA (seed %d): SK_ei %s, SK_er %s\n", d.Seed, d.Keys["sk_ei"], d.Keys["sk_er"])
	fmt.Fprintf(&b, "device > gateway: %s", d.Request.text())
	fmt.Fprintf(&b, "gateway > device: %s", d.Answer.text())
	if d.Error != "" {
		fmt.Fprintf(&b, "%s\n", d.Error)
		_, err := w.Write(b.Bytes())
		return err
	}
	fmt.Fprintf(&b, "agreed: %s, %s mode, SPIs %s and %s\n", d.Encr, d.Mode, d.SPIs[0], d.SPIs[1])
	if d.Diet == nil {
		fmt.Fprintf(&b, "Diet-ESP: no, standard ESP\n")
	} else {
		diet, err := json.Marshal(d.Diet)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "Diet-ESP: %s\n", diet)
	}
	fmt.Fprintf(&b, "%-8s %-26s %9s %5s %9s %6s  %s\n", "from", "packet", "IP bytes", "ESP", "Diet-ESP", "saved", "restored")
	for i := range d.Packets {
		p := &d.Packets[i]
		fmt.Fprintf(&b, "%-8s %-26s %9d %5d %9d %6d  %s\n", p.From, p.What, p.PlainBytes, p.ESPBytes, p.DietBytes, p.Saved, p.Result)
	}
	fmt.Fprintf(&b, "%s: %d bytes of IP, %d with ESP, %d with Diet-ESP; %d saved", report.Plural(len(d.Packets), "packet"), d.PlainBytes, d.ESPBytes, d.DietBytes, d.ESPBytes-d.DietBytes)
	if n := d.OfferBytes + d.AgreeBytes; n > 0 {
		fmt.Fprintf(&b, ", for %d bytes of negotiation", n)
	}
	b.WriteString("\n")
	_, err := w.Write(b.Bytes())
	return err
}
