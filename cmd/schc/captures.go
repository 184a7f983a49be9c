package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/schckit/schckit/internal/pcapio"
	"github.com/schckit/schckit/schc"
)

// application is what compressed captures say they were written by.
const application = "schc"

// each calls f for every packet that the filter selects, numbered from 1 as it
// stands in the capture. damage is why the capture could not be read to its
// end; err is any other error, after which nothing should be written.
func (in *input) each(r *pcapio.Reader, f func(n uint64, p *pcapio.Packet) error) (damage, err error) {
	var p pcapio.Packet
	var taken uint64
	for n := uint64(1); in.count == 0 || taken < in.count; n++ {
		if err := r.Next(&p); err != nil {
			return in.ended(err)
		}
		if !in.flt.Match(&p) {
			continue
		}
		taken++
		if err := f(n, &p); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// ended tells the end of a capture from damage and from other errors.
func (in *input) ended(err error) (damage, other error) {
	switch {
	case err == io.EOF:
		return nil, nil
	case errors.Is(err, pcapio.ErrTruncated), errors.Is(err, pcapio.ErrCorrupt):
		return fmt.Errorf("%s: %w", in.name(), err), nil
	}
	return nil, fmt.Errorf("%s: %w", in.name(), err)
}

// damaged reports damage and returns the error that ends the command then.
func (e *env) damaged(damage error) error {
	if damage == nil {
		return nil
	}
	e.report(hint(damage, "all complete packets before it were processed"))
	return errFailed
}

// compressedSide are the interfaces of a compressed capture: for every input
// interface one for packets passed through, and one for each direction as
// packets of it appear. On loopback captures that hold both IP versions there is
// one more for each direction, as their link headers differ.
type compressedSide struct {
	w         *pcapio.NgWriter
	r         *pcapio.Reader
	etherType uint16
	fragments bool     // the SCHC Packets are in fragments
	rules     [16]byte // the fingerprint of those that compressed
	ifaces    []sides
}

// sides are the output interfaces of one input interface.
type sides struct {
	pass int
	schc [2][]side // up, down
}

// side is one output interface.
type side struct {
	head string // the link header that its packets had
	id   int
}

// sync adds the interfaces for packets passed through, in the order of the
// input, so that the restored capture has the same interfaces.
func (c *compressedSide) sync() error {
	all := c.r.Interfaces()
	for i := len(c.ifaces); i < len(all); i++ {
		id, err := c.w.AddInterface(all[i].Derive(pcapio.RolePass, i, c.r.Format(), 0, nil))
		if err != nil {
			return err
		}
		c.ifaces = append(c.ifaces, sides{pass: id})
	}
	return nil
}

// id returns the interface for packet p, compressed in direction dir.
func (c *compressedSide) id(p *pcapio.Packet, dir schc.Direction, head []byte) (int, error) {
	s := &c.ifaces[p.Iface].schc[index(dir)]
	for i := range *s {
		if (*s)[i].head == string(head) {
			return (*s)[i].id, nil
		}
	}
	role := pcapio.RoleUp
	if dir == schc.DirDown {
		role = pcapio.RoleDown
	}
	f := p.Interface.Derive(role, p.Iface, c.r.Format(), c.etherType, slices.Clone(head))
	f.SetFragments(c.fragments)
	if c.rules != ([16]byte{}) {
		f.SetRules(c.rules[:])
	}
	f.SnapLen = 0 // a no-compression Rule makes packets longer
	id, err := c.w.AddInterface(f)
	*s = append(*s, side{string(head), id})
	return id, err
}

// restoredSide are the interfaces of a restored capture and the file itself,
// whose format is known only when the first packet was read.
type restoredSide struct {
	r      *pcapio.Reader
	out    io.Writer
	pcapng bool     // do not write classic pcap
	rules  [16]byte // the fingerprint of those that decompress; 0: of several

	w      pcapio.Writer
	known  int // interfaces of r that are in ifaces
	ifaces []restoredIface
	keys   []ifaceKey
	orig   []pcapio.Interface // by number in the output
	format pcapio.Format
	others string // the fingerprint of other Rules, which compressed the capture
}

// restoredIface is where the packets of one interface of a compressed capture go.
type restoredIface struct {
	pass bool
	origin
	id int // in the output
}

// ifaceKey tells the interfaces of the capture that was compressed apart.
type ifaceKey struct {
	iface             int
	format            pcapio.Format
	linkType          pcapio.LinkType
	name, description string
	resolution        pcapio.Resolution
	offset            int64
}

// errNoDirection is for captures that schc compress did not write.
var errNoDirection = errors.New("the capture does not say which packets are compressed, and in which direction")

// errLoRaTap is for LoRaWAN frames without keys.
var errLoRaTap = errors.New("the capture has LoRaWAN frames, which are encrypted")

// sync takes note of new interfaces. fallback is the origin of packets whose
// interface does not tell; without a direction that is an error.
func (c *restoredSide) sync(fallback origin) error {
	all := c.r.Interfaces()
	for ; c.known < len(all); c.known++ {
		f := all[c.known]
		orig, m, ok := f.Original()
		in := restoredIface{origin: origin{linkType: f.LinkType, etherType: m.EtherType, head: m.LinkHeader}}
		if !ok {
			orig, m = *f, pcapio.Meta{Iface: c.known, Format: pcapio.Format{NG: true}}
			in.origin = fallback
			in.linkType = f.LinkType
			switch f.Name {
			case "schc up":
				in.dir = schc.DirUp
			case "schc down":
				in.dir = schc.DirDown
			}
			if f.LinkType == pcapio.LinkTypeLoRaTap {
				return hint(errLoRaTap, "--lorawan FILE names the devices and their session keys")
			}
			if in.dir == 0 {
				return hint(errNoDirection, "give the direction with --dir up or --dir down")
			}
			if f.LinkType == pcapio.LinkTypeUser0 {
				orig.LinkType = pcapio.LinkTypeRaw
			} else {
				in.pass = true // what is not SCHC
			}
		}
		if m.Rules != "" && c.rules != ([16]byte{}) && m.Rules != hex.EncodeToString(c.rules[:]) {
			c.others = m.Rules
		}
		switch m.Role {
		case pcapio.RolePass:
			in.pass, in.dir = true, 0
		case pcapio.RoleUp:
			in.dir = schc.DirUp
		case pcapio.RoleDown:
			in.dir = schc.DirDown
		}
		key := ifaceKey{m.Iface, m.Format, orig.LinkType, orig.Name, orig.Description, orig.Resolution, orig.TimeOffset}
		if in.id = slices.Index(c.keys, key); in.id < 0 {
			in.id = len(c.keys)
			c.keys = append(c.keys, key)
			c.orig = append(c.orig, orig)
			c.format = m.Format
			if c.w != nil {
				if err := c.addInterface(orig); err != nil {
					return err
				}
			}
		}
		c.ifaces = append(c.ifaces, in)
	}
	return nil
}

// open starts the output, in the format of the capture that was compressed if
// that can hold its interfaces.
func (c *restoredSide) open() error {
	f := c.format
	if c.pcapng || len(c.orig) != 1 {
		f.NG = true
	}
	var err error
	if c.w, err = pcapio.NewWriter(c.out, f, application); err != nil {
		return err
	}
	for _, o := range c.orig {
		if err := c.addInterface(o); err != nil {
			return err
		}
	}
	return nil
}

func (c *restoredSide) addInterface(f pcapio.Interface) error {
	_, err := c.w.AddInterface(f)
	if err == nil && len(c.orig) > 1 {
		if _, classic := c.w.(*pcapio.PcapWriter); classic {
			err = pcapio.ErrRange
		}
	}
	return classicLimit(err)
}

// classicLimit explains ErrRange.
func classicLimit(err error) error {
	if errors.Is(err, pcapio.ErrRange) {
		return hint(err, "--pcapng writes a format that holds everything")
	}
	return err
}
