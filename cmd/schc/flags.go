package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
)

// Flags that several commands have are kept in the structs below. Each has a
// method add, which defines the flags, and methods that read them.

// loudness is -q and -v.
type loudness struct {
	quiet, verbose bool
}

func (l *loudness) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&l.quiet, "quiet", "q", false, "say nothing but errors on standard error")
	cmd.Flags().BoolVarP(&l.verbose, "verbose", "v", false, "say more on standard error")
}

func (l *loudness) check(cmd *cobra.Command) error { return conflict(cmd, "quiet", "verbose") }

// rulesFlags choose the Rules.
type rulesFlags struct {
	file, device string
	sids         []string
	opts         schc.Options
}

func (f *rulesFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.file, "rules", "C", "", "`FILE` of Rules")
	cmd.Flags().StringVar(&f.device, "device", "", "`NAME` of the device whose Rules are used, in a file of several")
	cmd.Flags().Uint8Var(&f.opts.SSEICVBytes, "sse-icv", 0, "`BYTES` of the ICV behind payloads of SSE, for Rules with its headers")
	cmd.Flags().BoolVar(&f.opts.SplitHeader, "split-header", false, "pad the header of SCHC Packets to a whole byte, as Diet-ESP and SSE do, not the packet")
	cmd.MarkFlagFilename("rules", "json", "cbor")
	addSIDs(cmd, &f.sids)
}

// read reads the file.
func (f *rulesFlags) read(e *env) (*rulefile.File, os.FileInfo, error) {
	sids, err := loadSIDs(f.sids)
	if err != nil {
		return nil, nil, err
	}
	return e.loadRules(f.file, sids...)
}

// addChoice adds the flags that say which Rule is taken.
func (f *rulesFlags) addChoice(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.opts.Lossless, "lossless", false, "pass over a Rule for a packet that it would change")
	cmd.Flags().BoolVar(&f.opts.FirstMatch, "first-match", false, "take the first Rule that matches, not the one with the fewest bits")
	cmd.Flags().BoolVar(&f.opts.TrustComputed, "trust-computed", false, "do not verify lengths and checksums that are elided (faster; wrong ones come back right)")
}

// loaded is a device's set of Rules, ready for use.
type loaded struct {
	set  *rulefile.Set
	ctx  *schc.Context
	info os.FileInfo
}

// loadFile reads the rule file.
func (f *rulesFlags) loadFile(cmd *cobra.Command, e *env, in *input) (*rulefile.File, os.FileInfo, error) {
	if f.file == "" {
		return nil, nil, usagef(cmd, "no Rules are given; name a file with -C")
	}
	if f.file == "-" && in != nil && in.path == "-" {
		return nil, nil, usagef(cmd, "Rules and packets cannot both come from standard input")
	}
	return f.read(e)
}

// load reads the Rules. captures says that they are for IP packets.
func (f *rulesFlags) load(cmd *cobra.Command, e *env, in *input, captures bool) (*loaded, error) {
	file, info, err := f.loadFile(cmd, e, in)
	if err != nil {
		return nil, err
	}
	set, err := file.Set(f.device)
	if err != nil {
		return nil, hint(err, "--device NAME picks one")
	}
	return f.compile(set, info, captures)
}

// compile makes the context of a set.
func (f *rulesFlags) compile(set *rulefile.Set, info os.FileInfo, captures bool) (l *loaded, err error) {
	l = &loaded{set: set, info: info}
	if l.ctx, err = schc.NewContext(set.Rules, f.opts); err != nil {
		return nil, hint(set.Locate(err), "correct the Rule; schc rules check %s finds more", f.file)
	}
	if captures {
		err = checkStart(set)
	}
	return l, err
}

// checkStart refuses Rules that do not describe IP packets.
func checkStart(set *rulefile.Set) error {
	for i := range set.Rules {
		r := &set.Rules[i]
		if r.Nature != schc.NatureCompression || len(r.Fields) == 0 {
			continue
		}
		switch p := r.Fields[0].FID.Protocol(); p {
		case schc.ProtoIPv6, schc.ProtoIPv4:
		default:
			err := set.Locate(&schc.FieldError{Rule: r.ID, Index: i, Field: 0, FID: r.Fields[0].FID, Err: schc.ErrUnsupported,
				Text: fmt.Sprintf("starts with %v, but the packets of captures start with IP", p)})
			return hint(err, "compress and decompress take packets of any protocol with --hex")
		}
	}
	return nil
}

// loadRules reads a rule file; "-" is standard input.
func (e *env) loadRules(path string, sids ...*rulefile.SIDFile) (*rulefile.File, os.FileInfo, error) {
	var data []byte
	var info os.FileInfo
	var err error
	name := path
	if path == "-" {
		name = "standard input"
		data, err = io.ReadAll(io.LimitReader(e.stdin, rulefile.MaxFileSize+1))
	} else {
		data, info, err = readRules(path)
	}
	if err != nil {
		return nil, nil, err
	}
	file, err := rulefile.Load(data, name, sids...)
	if err != nil && strings.Contains(err.Error(), "unknown SID") {
		return nil, nil, hint(err, "--sid FILE gives it")
	}
	if err != nil {
		return nil, nil, hint(err, "a rule file is JSON in the style of OpenSCHC, or the RFC 9363 model as JSON or CBOR")
	}
	return file, info, nil
}

func readRules(path string) ([]byte, os.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, rulefile.MaxFileSize+1))
	return data, info, err
}

// input is where packets come from.
type input struct {
	path  string
	count uint64
	expr  string
	flt   *pcapio.Filter
}

// add defines the flags of a command that reads captures.
func (in *input) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&in.path, "read", "r", "-", "`FILE` to read; - is standard input")
	cmd.Flags().Uint64VarP(&in.count, "count", "c", 0, "stop after `N` packets")
	cmd.Flags().StringVar(&in.expr, "filter", "", "take only packets that match the pcap-filter(7) `EXPR`ession")
	cmd.MarkFlagFilename("read", "pcap", "pcapng", "cap", "gz")
}

// check takes FILE from the arguments and compiles the filter.
func (in *input) check(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		if given(cmd, "read") {
			return usagef(cmd, "the input is given twice, with -r and as an argument")
		}
		in.path = args[0]
	}
	if given(cmd, "count") && in.count == 0 {
		return usagef(cmd, "-c needs a number of at least 1")
	}
	if in.expr != "" {
		var err error
		if in.flt, err = pcapio.CompileFilter(in.expr); err != nil {
			return hint(err, "filters are written as for tcpdump, such as \"ip6 and udp port 5683\"")
		}
	}
	return nil
}

// name is the input in messages.
func (in *input) name() string {
	if in.path == "-" {
		return "standard input"
	}
	return in.path
}

// open opens the capture.
func (in *input) open(cmd *cobra.Command, e *env) (*pcapio.Reader, error) {
	if in.path == "-" && isTerminal(e.stdin) {
		return nil, usagef(cmd, "no capture is given, and standard input is a terminal; name a file with -r")
	}
	r, err := pcapio.Open(in.path, e.stdin)
	if errors.Is(err, pcapio.ErrFormat) {
		err = hint(fmt.Errorf("%s: %w", in.name(), err), "captures are pcap or pcapng files, plain or gzip-compressed")
	}
	return r, err
}

// output is where results go.
type output struct {
	path string
}

func (o *output) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.path, "write", "w", "-", "`FILE` to write; - is standard output")
}

// create opens the output. binary says that it is not text.
func (o *output) create(cmd *cobra.Command, e *env, binary bool, inputs ...os.FileInfo) (*pcapio.Output, error) {
	if binary && !given(cmd, "write") && isTerminal(e.stdout) {
		return nil, hint(errors.New("the output is binary and standard output is a terminal"), "name a file with -w, or insist with -w -")
	}
	if binary && o.path != "-" && namesTerminal(o.path) {
		return nil, hint(fmt.Errorf("the output is binary and %s is a terminal", o.path), "name another file with -w, or insist with -w -")
	}
	if o.path == "" {
		return nil, hint(errors.New("the name of the output is empty"), "name a file; - is standard output")
	}
	out, err := pcapio.Create(o.path, e.stdout, inputs...)
	if errors.Is(err, pcapio.ErrSameFile) {
		err = hint(err, "choose another name for the output")
	}
	return out, err
}

// namesTerminal reports whether path is the name of a terminal, as /dev/stdout
// may be.
func namesTerminal(path string) bool {
	if info, err := os.Stat(path); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return isTerminal(f)
}

// isTerminal reports whether x is a terminal; tests replace it.
var isTerminal = func(x any) bool {
	f, ok := x.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// link is the link-layer inputs of a Rule, and the SCHC EtherType.
type link struct {
	devIID, appIID string
	etherType      uint16
	etherTypeText  string
	lorawan        lorawanFlags
}

// defaultEtherType is the local experimental EtherType 1 of IEEE 802, as none
// is assigned to SCHC yet.
const defaultEtherType = 0x88b5

func (l *link) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.devIID, "dev-iid", "", "IID of the device's link-layer address, 16 `HEX` digits, for the action DevIID")
	cmd.Flags().StringVar(&l.appIID, "app-iid", "", "IID of the application's link-layer address, 16 `HEX` digits, for the action AppIID")
	l.lorawan.add(cmd)
	l.etherType = defaultEtherType
}

func (l *link) addEtherType(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.etherTypeText, "ethertype", "0x88B5", "EtherType of SCHC Packets, `HEX`")
}

// inputs reads the IIDs and the EtherType.
func (l *link) inputs(cmd *cobra.Command) (in schc.Inputs, err error) {
	if in.DevIID, err = parseIID(l.devIID); err != nil {
		return in, usagef(cmd, "--dev-iid: %w", err)
	}
	if in.AppIID, err = parseIID(l.appIID); err != nil {
		return in, usagef(cmd, "--app-iid: %w", err)
	}
	if err := l.lorawan.load(cmd, &in); err != nil {
		return in, err
	}
	if given(cmd, "ethertype") {
		var b []byte
		if b, err = parseHex(l.etherTypeText, 2); err != nil {
			return in, usagef(cmd, "--ethertype: %w", err)
		}
		l.etherType = uint16(b[0])<<8 | uint16(b[1])
		switch l.etherType {
		case pcapio.EtherTypeIPv4, pcapio.EtherTypeIPv6, 0x8100, 0x88a8, 0x9100:
			return in, usagef(cmd, "--ethertype: %04x is taken by IP or VLAN tags", l.etherType)
		}
		if l.etherType < 0x600 {
			return in, usagef(cmd, "--ethertype: %04x is a length; EtherTypes start at 0600", l.etherType)
		}
	}
	return in, nil
}

func parseIID(s string) ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	return parseHex(s, 8)
}

// parseHex reads exactly n bytes in hex, perhaps with 0x, colons or hyphens.
func parseHex(s string, n int) ([]byte, error) {
	digits := strings.NewReplacer(":", "", "-", "").Replace(strings.TrimPrefix(strings.ToLower(s), "0x"))
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != n {
		return nil, fmt.Errorf("%q is not %d hex digits", s, 2*n)
	}
	return b, nil
}

// direction is how the direction of a packet is found.
type direction struct {
	text string
	devs []string

	fixed schc.Direction // 0: auto or by address
	nets  []netip.Prefix
}

func (d *direction) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&d.text, "dir", "auto", "`DIR`ection of the packets: up, down, or auto, which tries the Rules both ways")
	cmd.Flags().StringArrayVar(&d.devs, "dev", nil, "`ADDR`[/LEN] of the device: packets from it are up, packets to it down (may be repeated)")
	cmd.RegisterFlagCompletionFunc("dir", cobra.FixedCompletions([]string{"up", "down", "auto"}, cobra.ShellCompDirectiveNoFileComp))
}

func (d *direction) check(cmd *cobra.Command) error {
	if err := conflict(cmd, "dev", "dir"); err != nil {
		return err
	}
	var err error
	if d.fixed, err = parseDirection(d.text); err != nil {
		return usagef(cmd, "--dir: %w", err)
	}
	for _, s := range d.devs {
		n, err := parsePrefix(s)
		if err != nil {
			return usagef(cmd, "--dev: %q is not an IP address or prefix", s)
		}
		d.nets = append(d.nets, n)
	}
	return nil
}

// parseDirection reads up, down (dw) and auto, which gives 0.
func parseDirection(s string) (schc.Direction, error) {
	switch strings.ToLower(s) {
	case "up":
		return schc.DirUp, nil
	case "down", "dw":
		return schc.DirDown, nil
	case "auto":
		return 0, nil
	}
	return 0, fmt.Errorf("%q is not up, down or auto", s)
}

func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		return p.Masked(), err
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	a = a.WithZone("")
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// dirName is the direction in results: up or down.
func dirName(d schc.Direction) string {
	if d == schc.DirDown {
		return "down"
	}
	return "up"
}

// format is -f.
type format struct {
	text string
}

var formats = []string{"text", "json", "jsonl", "tsv"}

func (f *format) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.text, "format", "f", "text", "`FORM` of the result: text, json, jsonl or tsv")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

func (f *format) check(cmd *cobra.Command) error {
	for _, s := range formats {
		if f.text == s {
			return nil
		}
	}
	return usagef(cmd, "-f: %q is not text, json, jsonl or tsv", f.text)
}
