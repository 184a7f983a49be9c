package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/fragsim"
	"github.com/schckit/schckit/internal/lorawan"
	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/schc"
)

// tapFlags say that messages are written as LoRaWAN frames.
type tapFlags struct {
	on   bool
	freq float64
	dr   string
}

func (f *tapFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.on, "loratap", false, "write LoRaWAN frames of a device of --lorawan, in LoRaTap (link type 270)")
	cmd.Flags().Float64Var(&f.freq, "freq", 868.1, "their frequency in the LoRaTap header, in `MHZ`")
	cmd.Flags().StringVar(&f.dr, "dr", "SF10", "and their data `RATE`: SF7 to SF12, SF7BW250, or DR0 to DR6 of Europe")
}

// maxTapMessage is the largest message of a LoRaWAN frame.
const maxTapMessage = lorawan.MaxFrame - 12

func (f *tapFlags) check(cmd *cobra.Command, mtu int) error {
	if !f.on {
		for _, name := range []string{"freq", "dr"} {
			if given(cmd, name) {
				return usagef(cmd, "--%s is for --loratap", name)
			}
		}
		return nil
	}
	if !given(cmd, "lorawan") {
		return usagef(cmd, "--loratap needs the session keys of the device; name a file with --lorawan")
	}
	if mtu > maxTapMessage {
		return usagef(cmd, "--mtu: a LoRaWAN frame has room for a message of %d bytes at most", maxTapMessage)
	}
	if !(f.freq >= 1 && f.freq <= 4000) {
		return usagef(cmd, "--freq: %v is not from 1 to 4000 MHz", f.freq)
	}
	return conflict(cmd, "loratap", "hex")
}

// tap writes messages as LoRaWAN frames.
type tap struct {
	dev     *lorawan.Device
	channel lorawan.Channel
	ids     map[int]int // interfaces of the output by those of the input
}

// open prepares for the Rules of set.
func (f *tapFlags) open(cmd *cobra.Command, l *lorawanFlags, set *fragSet) (*tap, error) {
	if !f.on {
		return nil, nil
	}
	if l.one == nil {
		return nil, usagef(cmd, "--loratap writes frames of one device; choose one of %s with --dev-eui", l.file)
	}
	if !l.one.CanSeal() {
		return nil, fmt.Errorf("%s: device %v: %w", l.file, l.one.EUI, lorawan.ErrNoKeys)
	}
	for i := range set.rules {
		if id := set.rules[i].ID; id.Bits != 8 || id.Value < 1 || id.Value > 223 {
			return nil, hint(fmt.Errorf("over LoRaWAN a RuleID is an FPort: 8 bits, 1 to 223; there is a Rule %v", id), "RFC 9011, Section 5.2")
		}
	}
	sf, hz, err := fragsim.ParseDataRate(f.dr)
	if err != nil {
		return nil, usagef(cmd, "--dr: %w", err)
	}
	return &tap{dev: l.one, channel: lorawan.Channel{FreqHz: uint32(f.freq*1e6 + 0.5), HzWide: uint32(hz), SF: uint8(sf)}, ids: map[int]int{}}, nil
}

// write writes a message with the time of p.
func (t *tap) write(x *fragmenter, n uint64, p *pcapio.Packet, msg []byte, dir schc.Direction) error {
	id, ok := t.ids[p.Iface]
	if !ok {
		f := pcapio.Interface{LinkType: pcapio.LinkTypeLoRaTap, Name: t.dev.EUI.Name(),
			Resolution: p.Interface.Resolution, TimeOffset: p.Interface.TimeOffset}
		var err error
		if id, err = x.w.AddInterface(f); err != nil {
			return err
		}
		t.ids[p.Iface] = id
	}
	data, err := t.dev.AppendFrame(t.channel.AppendHeader(nil), msg, dir == schc.DirUp)
	switch {
	case errors.Is(err, lorawan.ErrTooLong):
		x.failures.addText(n, "unsupported: the packet is "+err.Error())
		return nil
	case err != nil:
		return err
	}
	p.Data, p.OrigLen = data, uint32(len(data))
	return x.w.WritePacket(id, p)
}
