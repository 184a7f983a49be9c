package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/lorawan"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/schc/rulefile"
)

// lorawanFlags are LoRaWAN devices: one, by its DevEUI, or those of a file.
type lorawanFlags struct {
	file, devEUI, appSKey string

	devices *lorawan.Devices // nil without a file
	one     *lorawan.Device  // nil: not one
	fixed   bool             // --dev-iid is given: it is that of all devices
	info    os.FileInfo
}

func (f *lorawanFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.devEUI, "dev-eui", "", "DevEUI of a LoRaWAN device, 16 `HEX` digits; with its AppSKey it gives DevIID (RFC 9011, Section 5.3)")
	cmd.Flags().StringVar(&f.appSKey, "app-s-key", "", "AppSKey of that device, 32 `HEX` digits (others see it in the list of processes: rather use --lorawan)")
	cmd.Flags().StringVar(&f.file, "lorawan", "", "`FILE` of LoRaWAN devices and their session keys")
	cmd.MarkFlagFilename("lorawan", "json")
}

// load reads the flags and sets the DevIID if they are about one device.
func (f *lorawanFlags) load(cmd *cobra.Command, in *schc.Inputs) error {
	if err := conflict(cmd, "lorawan", "app-s-key"); err != nil {
		return err
	}
	if err := conflict(cmd, "dev-iid", "app-s-key"); err != nil {
		return err
	}
	f.fixed = in.DevIID != nil
	var eui lorawan.EUI
	if given(cmd, "dev-eui") {
		var ok bool
		if eui, ok = lorawan.ParseEUI(f.devEUI); !ok {
			return usagef(cmd, "--dev-eui: %q is not 16 hex digits", f.devEUI)
		}
	}
	switch {
	case given(cmd, "app-s-key"):
		key, ok := lorawan.ParseKey(f.appSKey)
		if !ok {
			return usagef(cmd, "--app-s-key: not 32 hex digits")
		}
		if !given(cmd, "dev-eui") {
			return usagef(cmd, "--app-s-key needs --dev-eui")
		}
		f.one = lorawan.NewDevice(eui, key)
	case f.file == "-":
		return usagef(cmd, "--lorawan names a file")
	case given(cmd, "lorawan"):
		data, info, err := readRules(f.file)
		if err != nil {
			return err
		}
		if f.devices, err = lorawan.Load(data); err != nil {
			return hint(fmt.Errorf("%s: %w", f.file, err), `it is written {"devices": [{"dev_eui": ..., "dev_addr": ..., "app_s_key": ..., "nwk_s_key": ...}]}`)
		}
		f.info = info
		switch {
		case given(cmd, "dev-eui"):
			if f.one = f.devices.ByEUI(eui); f.one == nil {
				return fmt.Errorf("%s: there is no device %v", f.file, eui)
			}
		case len(f.devices.List) == 1:
			f.one = f.devices.List[0]
		}
	case given(cmd, "dev-eui"):
		return usagef(cmd, "--dev-eui needs the device's AppSKey: --app-s-key KEY or --lorawan FILE")
	}
	if f.one != nil && !f.fixed {
		in.DevIID = f.one.IID()
	}
	return nil
}

// inputs returns the inputs for the messages of a device.
func (f *lorawanFlags) inputs(in schc.Inputs, eui lorawan.EUI) schc.Inputs {
	if f.fixed {
		return in
	}
	in.DevIID = nil
	if d := f.devices.ByEUI(eui); d != nil {
		in.DevIID = d.IID()
	} else if f.one != nil && f.one.EUI == eui {
		in.DevIID = f.one.IID()
	}
	return in
}

// traffic is a capture to be read, or LoRaWAN traffic that was made one.
type traffic struct {
	*pcapio.Reader
	src  *lorawan.Source // nil: a capture as it is
	fail failures        // events that are broken
}

// openTraffic opens captures, LoRaTap captures with --lorawan, and JSON events.
func (in *input) openTraffic(cmd *cobra.Command, e *env, l *link) (*traffic, error) {
	if in.path == "-" && isTerminal(e.stdin) {
		return nil, usagef(cmd, "no capture is given, and standard input is a terminal; name a file with -r")
	}
	src, closer, info := e.stdin, io.Closer(nil), os.FileInfo(nil)
	if in.path != "-" {
		file, err := os.Open(in.path)
		if err != nil {
			return nil, err
		}
		src, closer = file, file
	}
	if file, ok := src.(*os.File); ok {
		info, _ = file.Stat() // only wanted for "is this also the output"
	}
	t, err := newTraffic(src, &l.lorawan)
	if err == nil {
		t.Attach(closer, info)
		return t, nil
	}
	if closer != nil {
		closer.Close()
	}
	if errors.Is(err, pcapio.ErrFormat) {
		err = hint(fmt.Errorf("%s: %w", in.name(), err), "captures are pcap or pcapng files, plain or gzip-compressed; or JSON events of a LoRaWAN network server")
	}
	return nil, err
}

func newTraffic(src io.Reader, l *lorawanFlags) (t *traffic, err error) {
	t = new(traffic)
	br := bufio.NewReaderSize(src, 1<<16)
	if isJSON(br) {
		t.src = lorawan.FromEvents(br)
		t.src.OnError = func(n uint64, text string) { t.fail.addText(n, "malformed: "+text) }
		t.Reader, err = pcapio.NewReader(t.src)
		return t, err
	}
	r, err := pcapio.NewReader(br)
	if err == nil && l.devices != nil {
		t.src = lorawan.FromCapture(r, l.devices)
		r, err = pcapio.NewReader(t.src)
	}
	t.Reader = r
	return t, err
}

// isJSON reports whether an object or an array begins.
func isJSON(br *bufio.Reader) bool {
	b, _ := br.Peek(512)
	for _, c := range b {
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		}
		return c == '{' || c == '['
	}
	return false
}

// say reports broken events and counts what was found.
func (t *traffic) say(e *env, quiet bool) {
	if t.src == nil {
		return
	}
	t.fail.report(e, "event")
	c := t.src.Counts()
	if quiet || c.Events == 0 {
		return
	}
	fmt.Fprintf(e.stderr, "LoRaWAN: %s, %d with a message, %d without", report.Plural(int(c.Events), "event"), c.Messages, c.Others)
	for _, v := range []struct {
		n    uint64
		text string
	}{{c.Unknown, "of devices that are not known"}, {c.BadMIC, "with another MIC"}, {c.Repeated, "repeated"}, {c.Broken, "broken"}} {
		if v.n > 0 {
			fmt.Fprintf(e.stderr, ", %d %s", v.n, v.text)
		}
	}
	fmt.Fprintln(e.stderr)
}

// deviceSets finds the set of Rules of the device that an interface is named
// after.
type deviceSets struct {
	file    *rulefile.File
	device  string // --device, for all
	lorawan *lorawanFlags
	byEUI   map[lorawan.EUI]*rulefile.Set
}

func newDeviceSets(file *rulefile.File, device string, l *lorawanFlags) *deviceSets {
	d := &deviceSets{file: file, device: device, lorawan: l, byEUI: map[lorawan.EUI]*rulefile.Set{}}
	for i := range file.Sets {
		if eui, ok := lorawan.ParseEUI(file.Sets[i].DeviceID); ok {
			d.byEUI[eui] = &file.Sets[i]
		}
	}
	return d
}

// single reports whether one set is for all interfaces, whatever their names.
func (d *deviceSets) single() bool {
	return d.device != "" || len(d.file.Sets) == 1 && len(d.byEUI) == 0
}

// find returns the set for an interface of that name, and the inputs.
func (d *deviceSets) find(name string, in schc.Inputs) (*rulefile.Set, schc.Inputs, error) {
	eui, ok := deviceOf(name)
	if !ok {
		set, err := d.file.Set(d.device)
		return set, in, hint(err, "--device NAME picks one")
	}
	in = d.lorawan.inputs(in, eui)
	if d.device != "" {
		set, err := d.file.Set(d.device)
		return set, in, err
	}
	if dev := d.lorawan.devices.ByEUI(eui); dev != nil && dev.Rules != "" {
		set, err := d.file.Set(dev.Rules)
		return set, in, err
	}
	if set := d.byEUI[eui]; set != nil {
		return set, in, nil
	}
	if d.single() {
		return &d.file.Sets[0], in, nil
	}
	return nil, in, errNoSet
}

// deviceOf returns the device that an interface is named after.
func deviceOf(name string) (eui lorawan.EUI, ok bool) {
	if !strings.HasPrefix(name, "lorawan:") {
		return eui, false
	}
	return lorawan.ParseEUI(name)
}

// errNoSet is for a device that has no Rules.
var errNoSet = errors.New("no-rule: the file has no set of Rules for the device")
