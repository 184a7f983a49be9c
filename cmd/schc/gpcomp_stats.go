package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/gpcomp"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
)

// gpcompResult is what schc gpcomp stats found.
type gpcompResult struct {
	Form     string         `json:"form"` // implied, explicit or ipcomp
	Payloads uint64         `json:"payloads"`
	InBytes  uint64         `json:"in_bytes"`
	Codecs   []codecResult  `json:"codecs"`
	Files    []fileResult   `json:"files,omitempty"`
	IPComp   []ipcompResult `json:"ipcomp,omitempty"`
	Passed   uint64         `json:"passed_through"` // packets without IP, or cut
	Failed   uint64         `json:"failed"`
}

// codecResult is what a codec makes of all payloads.
type codecResult struct {
	Codec          string   `json:"codec"`
	CPI            uint16   `json:"cpi"`
	Tried          uint64   `json:"tried"`
	Smaller        uint64   `json:"smaller"`
	SmallerPercent float64  `json:"smaller_percent"`
	OutBytes       uint64   `json:"out_bytes"`
	SavedPercent   float64  `json:"saved_percent"`
	CompressNs     *float64 `json:"compress_ns_per_byte,omitempty"`
	DecompressNs   *float64 `json:"decompress_ns_per_byte,omitempty"`
}

// fileResult is what the codecs make of one file.
type fileResult struct {
	File     string             `json:"file"`
	Payloads uint64             `json:"payloads"`
	InBytes  uint64             `json:"in_bytes"`
	OutBytes map[string]uint64  `json:"out_bytes"`
	Saved    map[string]float64 `json:"saved_percent"`
}

// ipcompResult are the IPComp packets of one CPI. Bytes are from the IP header on,
// as captured and restored.
type ipcompResult struct {
	CPI      uint16 `json:"cpi"`
	Kind     string `json:"kind"`
	Packets  uint64 `json:"packets"`
	Bytes    uint64 `json:"bytes"`
	Restored uint64 `json:"restored_bytes"`
	Failed   uint64 `json:"failed"`
}

// gpcompStatsFlags are the flags of schc gpcomp stats.
type gpcompStatsFlags struct {
	loudness
	in     input
	out    output
	form   format
	assoc  assocFlags
	hex    bool
	header bool
	speed  bool
}

func newGPCompStats(e *env) *cobra.Command {
	var f gpcompStatsFlags
	cmd := &cobra.Command{
		Use:   "stats [flags] [FILE]...",
		Short: "Show what each codec saves on a capture or on payloads in hex",
		Long: `Compress every IP packet of a capture with each codec to IPComp, and show the packets
that were long enough to be tried, those that got smaller, and the bytes from the IP
header on. IPComp packets in the capture are counted by CPI, and restored first where
the codec is known.

With --hex, the lines of the files are payloads in hex, and what is counted is GPComp in
its implied form, without a header (draft-moskowitz-gpcomp-02, Section 4.1), or with
--header in its explicit form. Several files get a table of their own.

With --speed, every payload that is long enough is compressed and restored again and
again, and the shortest time of five counts. The payloads are then kept in memory.`,
		Example: `  schc gpcomp stats testdata/captures/mixed.pcap
  schc gpcomp stats --hex --speed testdata/payloads/test/*.hex
  schc gpcomp stats --hex --codec lzs -f json testdata/payloads/test/coap.hex`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, e, args) },
	}
	cmd.Flags().SortFlags = false
	f.assoc.addCodec(cmd, "default: all")
	cmd.Flags().IntVar(&f.assoc.threshold, "threshold", 0, "try no payloads of fewer than `N` bytes (default: the codec's)")
	f.assoc.addReceiving(cmd)
	f.in.add(cmd)
	f.out.add(cmd)
	f.form.add(cmd)
	cmd.Flags().BoolVar(&f.hex, "hex", false, "packet mode: one payload in hex per line")
	cmd.Flags().BoolVar(&f.header, "header", false, "with --hex: count the GPComp header of 4 bytes")
	cmd.Flags().BoolVar(&f.speed, "speed", false, "measure the time per byte, too")
	f.loudness.add(cmd)
	return cmd
}

func (f *gpcompStatsFlags) run(cmd *cobra.Command, e *env, args []string) error {
	if err := errors.Join(f.form.check(cmd), f.loudness.check(cmd), conflict(cmd, "hex", "filter")); err != nil {
		return err
	}
	if f.header && !f.hex {
		return usagef(cmd, "--header needs --hex; IPComp always has a header")
	}
	if !f.hex && len(args) > 1 {
		return usagef(cmd, "%d files, but only --hex takes several", len(args))
	}
	if len(args) > 0 && given(cmd, "read") {
		return usagef(cmd, "the input is given twice, with -r and as an argument")
	}
	if len(args) == 0 {
		args = []string{f.in.path}
	}
	if err := f.in.check(cmd, nil); err != nil {
		return err
	}
	assocs, err := f.assoc.load(cmd)
	if err != nil {
		return err
	}
	x := newGPCompCounter(assocs, f)
	damage, infos, err := error(nil), []os.FileInfo(nil), error(nil)
	if f.hex {
		infos, err = x.readLines(e, &f.in, args)
	} else {
		f.in.path = args[0]
		damage, infos, err = x.readCapture(cmd, e, &f.in, f.quiet)
	}
	if err != nil {
		return err
	}
	x.finish()
	out, err := f.out.create(cmd, e, false, infos...)
	if err != nil {
		return err
	}
	defer guard(out)()
	if err := x.result.write(out, f.form.text); err != nil {
		return err
	}
	if err := commit(out); err != nil {
		return err
	}
	x.failed.report(e, x.item)
	if err := e.damaged(damage); err != nil {
		return err
	}
	if x.failed.n > 0 {
		return errFailed
	}
	return nil
}

// gpcompCounter compresses payloads with every codec.
type gpcompCounter struct {
	assocs []*gpcomp.Association
	ip     bool
	header bool
	keep   bool
	item   string // what the items of failed are

	result gpcompResult
	file   *fileResult // nil: one input only
	buf    []byte
	kept   [][]byte // payloads, for --speed
	failed failures
}

func newGPCompCounter(assocs []*gpcomp.Association, f *gpcompStatsFlags) *gpcompCounter {
	x := &gpcompCounter{assocs: assocs, ip: !f.hex, header: f.header, keep: f.speed, item: "packet"}
	x.result.Form = "ipcomp"
	if f.hex {
		x.item = "line"
		x.result.Form = map[bool]string{false: "implied", true: "explicit"}[f.header]
	}
	for _, a := range assocs {
		x.result.Codecs = append(x.result.Codecs, codecResult{Codec: codecName(a.Codec.Transform()), CPI: uint16(a.CPI)})
	}
	return x
}

// add counts a payload, or an IP packet.
func (x *gpcompCounter) add(p []byte) {
	x.result.Payloads++
	x.result.InBytes += uint64(len(p))
	if x.file != nil {
		x.file.Payloads++
		x.file.InBytes += uint64(len(p))
	}
	if x.keep {
		x.kept = append(x.kept, append([]byte(nil), p...))
	}
	for i, a := range x.assocs {
		var fate gpcompDecision
		x.buf, fate = decide(a, x.buf[:0], p, x.ip, x.header)
		c := &x.result.Codecs[i]
		if fate == fateCompressed || fate == fateNotSmaller {
			c.Tried++
		}
		if fate == fateCompressed {
			c.Smaller++
		}
		c.OutBytes += uint64(len(x.buf))
		if x.file != nil {
			x.file.OutBytes[c.Codec] += uint64(len(x.buf))
		}
	}
}

// gpcompDecision is what the non-expansion policy made of a payload.
type gpcompDecision string

const (
	fateCompressed gpcompDecision = "compressed"
	fateNotSmaller gpcompDecision = "not-smaller"
	fateBelow      gpcompDecision = "below-threshold"
	fateOutside    gpcompDecision = "passed-through" // not for IPComp
)

// decide compresses p as a does, and says why it did not.
func decide(a *gpcomp.Association, dst, p []byte, ip, header bool) ([]byte, gpcompDecision) {
	var out []byte
	var ok bool
	size := len(p)
	switch {
	case ip:
		out, ok = a.AppendCompressIP(dst, p)
		off, err := gpcomp.PayloadIP(p)
		if err != nil {
			return out, fateOutside
		}
		size -= off
	case header:
		out, ok = a.AppendCompressHeader(dst, 0, p)
	default:
		out, ok = a.AppendCompress(dst, p)
	}
	threshold := a.Threshold
	if threshold == 0 {
		threshold = a.Codec.Threshold()
	}
	switch {
	case ok:
		return out, fateCompressed
	case size < threshold:
		return out, fateBelow
	}
	return out, fateNotSmaller
}

func percentOf(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return math.Round(1000*float64(part)/float64(whole)) / 10
}

func savedPercent(in, out uint64) float64 {
	if in == 0 {
		return 0
	}
	return math.Round(1000*(float64(in)-float64(out))/float64(in)) / 10
}

func (x *gpcompCounter) finish() {
	for i := range x.result.Codecs {
		c := &x.result.Codecs[i]
		c.SmallerPercent = percentOf(c.Smaller, x.result.Payloads)
		c.SavedPercent = savedPercent(x.result.InBytes, c.OutBytes)
		if x.keep {
			c.CompressNs, c.DecompressNs = speed(x.assocs[i], x.kept)
		}
	}
	for _, f := range x.result.Files {
		for name, n := range f.OutBytes {
			f.Saved[name] = savedPercent(f.InBytes, n)
		}
	}
	x.result.Failed = x.failed.n
}

// speed is the time per byte of the payloads that are long enough, in nanoseconds; nil
// if none is.
func speed(a *gpcomp.Association, payloads [][]byte) (compress, decompress *float64) {
	threshold := a.Threshold
	if threshold == 0 {
		threshold = a.Codec.Threshold()
	}
	var there, back stopwatch
	buf := make([]byte, 0, 1<<16)
	for _, p := range payloads {
		if len(p) < threshold {
			continue
		}
		there.time(len(p), func() { a.Codec.AppendCompress(buf, p, len(p)-1) })
		if code, err := a.Codec.AppendCompress(nil, p, len(p)-1); err == nil {
			back.time(len(p), func() { a.Codec.AppendDecompress(buf, code, len(p)) })
		}
	}
	return there.perByte(), back.perByte()
}

// stopwatch adds up times.
type stopwatch struct {
	ns    float64
	bytes int
}

// time adds the time of f, which handles a number of bytes: the shortest of five
// measurements of at least 20 microseconds, as other programs take time, too.
func (s *stopwatch) time(bytes int, f func()) {
	const rounds, least = 5, 20 * time.Microsecond
	measure := func(n int) time.Duration {
		start := time.Now()
		for range n {
			f()
		}
		return time.Since(start)
	}
	n := 1
	if d := measure(1); d < least {
		n = int(least/max(d, 1)) + 1
	}
	best := time.Duration(math.MaxInt64)
	for range rounds {
		best = min(best, measure(n))
	}
	s.ns += float64(best.Nanoseconds()) / float64(n)
	s.bytes += bytes
}

func (s *stopwatch) perByte() *float64 {
	if s.bytes == 0 {
		return nil
	}
	ns := math.Round(10*s.ns/float64(s.bytes)) / 10
	return &ns
}

// readLines reads payloads in hex from files.
func (x *gpcompCounter) readLines(e *env, in *input, paths []string) (infos []os.FileInfo, err error) {
	for _, path := range paths {
		if len(paths) > 1 {
			x.result.Files = append(x.result.Files, fileResult{File: filepath.ToSlash(path), OutBytes: map[string]uint64{}, Saved: map[string]float64{}})
			x.file = &x.result.Files[len(x.result.Files)-1]
		}
		info, err := x.readFile(e, in, path)
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}

func (x *gpcompCounter) readFile(e *env, in *input, path string) (info os.FileInfo, err error) {
	src := e.stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		if info, err = file.Stat(); err != nil {
			return nil, err
		}
		if info.IsDir() {
			return nil, fmt.Errorf("%s: a directory", path)
		}
		src = file
	}
	lines := newLineReader(src)
	lines.wait = func() error { return nil }
	var payload []byte
	var words [][]byte
	n := uint64(0)
	for taken := uint64(0); in.count == 0 || taken < in.count; {
		n++
		line, err := lines.next()
		if err == io.EOF {
			break
		}
		if err != nil && err != errLongLine {
			return info, fmt.Errorf("%s: %w", path, err)
		}
		if words = appendFields(words[:0], line); len(words) == 0 && err == nil {
			continue
		}
		taken++
		if err == nil && len(words) > 1 {
			err = errLine("%d words", len(words))
		}
		if err == nil {
			payload, err = decodePayload(payload, words[0])
		}
		if err != nil {
			x.failed.addText(n, err.Error())
			continue
		}
		x.add(payload)
	}
	return info, nil
}

// readCapture reads the IP packets of a capture.
func (x *gpcompCounter) readCapture(cmd *cobra.Command, e *env, in *input, quiet bool) (damage error, infos []os.FileInfo, err error) {
	r, err := in.open(cmd, e)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	progress := e.progress(r, quiet)
	damage, err = in.each(r, x.packet)
	progress.stop()
	return damage, []os.FileInfo{r.Info()}, err
}

func (x *gpcompCounter) packet(n uint64, p *pcapio.Packet) error {
	loc, ok := pcapio.Locate(p.Interface.LinkType, p.Data)
	if !ok || p.Snapped() {
		x.result.Passed++
		return nil
	}
	pkt := p.Data[loc.Off : loc.Off+loc.Len]
	h, _, err := gpcomp.ParseIP(pkt)
	if err != nil {
		x.add(pkt)
		return nil
	}
	c := x.cpi(h.CPI)
	c.Packets++
	c.Bytes += uint64(len(pkt))
	a := gpcomp.Find(x.assocs, h.CPI)
	if a == nil {
		c.Restored += uint64(len(pkt))
		return nil
	}
	back, err := a.AppendDecompressIP(nil, pkt)
	if err != nil {
		c.Failed++
		x.failed.addText(n, gpcompError(err))
		c.Restored += uint64(len(pkt))
		return nil
	}
	c.Restored += uint64(len(back))
	x.add(back)
	return nil
}

// cpi is the entry of a CPI.
func (x *gpcompCounter) cpi(cpi gpcomp.CPI) *ipcompResult {
	for i := range x.result.IPComp {
		if c := &x.result.IPComp[i]; c.CPI == uint16(cpi) {
			return c
		}
	}
	x.result.IPComp = append(x.result.IPComp, ipcompResult{CPI: uint16(cpi), Kind: cpiText(cpi)})
	return &x.result.IPComp[len(x.result.IPComp)-1]
}

func (r *gpcompResult) write(w io.Writer, form string) error {
	switch form {
	case "json":
		return report.WriteJSON(w, r)
	case "jsonl":
		return report.WriteJSONLine(w, r)
	case "tsv":
		return report.WriteTSV(w, append([][]string{r.head()}, r.rows(false)...))
	}
	return r.text(w)
}

func (r *gpcompResult) head() []string {
	head := []string{"codec", "cpi", "payloads", "tried", "smaller", "smaller_percent", "in_bytes", "out_bytes", "saved_percent"}
	if r.timed() {
		head = append(head, "compress_ns_per_byte", "decompress_ns_per_byte")
	}
	return head
}

func (r *gpcompResult) timed() bool {
	for _, c := range r.Codecs {
		if c.CompressNs != nil {
			return true
		}
	}
	return false
}

func (r *gpcompResult) rows(percent bool) (rows [][]string) {
	sign := ""
	if percent {
		sign = "%"
	}
	dec := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
	u := func(v uint64) string { return strconv.FormatUint(v, 10) }
	ns := func(v *float64) string {
		if v == nil {
			return "-"
		}
		return dec(*v)
	}
	for _, c := range r.Codecs {
		row := []string{c.Codec, strconv.Itoa(int(c.CPI)), u(r.Payloads), u(c.Tried), u(c.Smaller), dec(c.SmallerPercent) + sign, u(r.InBytes), u(c.OutBytes), dec(c.SavedPercent) + sign}
		if r.timed() {
			row = append(row, ns(c.CompressNs), ns(c.DecompressNs))
		}
		rows = append(rows, row)
	}
	return rows
}

func (r *gpcompResult) text(w io.Writer) error {
	what, in := "payload", "in bytes"
	switch r.Form {
	case "implied":
		in = "payloads, implied form"
	case "explicit":
		in = "payloads, with the header"
	default:
		what, in = "packet", "IP packets, as IPComp"
	}
	fmt.Fprintf(w, "%s, %d bytes (%s)", report.Plural(int(r.Payloads), what), r.InBytes, in)
	if r.Passed > 0 {
		fmt.Fprintf(w, "; %d without IP, or cut", r.Passed)
	}
	fmt.Fprint(w, "\n\n")
	if len(r.IPComp) > 0 {
		t := report.Table{Head: []string{"IPComp CPI", "packets", "bytes", "restored", "failed"}, Right: []bool{false, true, true, true, true}}
		for _, c := range r.IPComp {
			t.Add(fmt.Sprintf("%d (%s)", c.CPI, c.Kind), fmt.Sprint(c.Packets), fmt.Sprint(c.Bytes), fmt.Sprint(c.Restored), fmt.Sprint(c.Failed))
		}
		fmt.Fprint(w, t.String(), "\n")
	}
	t := report.Table{Head: []string{"codec", "CPI", "tried", "smaller", "share", "bytes", "saved"}, Right: []bool{false, true, true, true, true, true, true, true, true}}
	if r.timed() {
		t.Head = append(t.Head, "ns/B", "back")
	}
	for _, row := range r.rows(true) {
		t.Add(append([]string{row[0], row[1], row[3], row[4], row[5]}, row[7:]...)...)
	}
	if _, err := io.WriteString(w, t.String()); err != nil {
		return err
	}
	if len(r.Files) == 0 {
		return nil
	}
	ft := report.Table{Head: []string{"saved by file", "payloads", "bytes"}, Right: []bool{false, true, true, true, true, true, true}}
	for _, c := range r.Codecs {
		ft.Head = append(ft.Head, c.Codec)
	}
	for _, f := range r.Files {
		row := []string{f.File, fmt.Sprint(f.Payloads), fmt.Sprint(f.InBytes)}
		for _, c := range r.Codecs {
			row = append(row, strconv.FormatFloat(f.Saved[c.Codec], 'f', 1, 64)+"%")
		}
		ft.Add(row...)
	}
	_, err := fmt.Fprint(w, "\n", ft.String())
	return err
}
