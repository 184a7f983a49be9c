package learn

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
)

// devices finds the device: the addresses whose packets are uplink.
type devices struct {
	addrs map[netip.Addr]*endpoint
	flows map[flowKey]struct{}
	links map[uint64]int // packets from each link-layer address
}

// endpoint is what is known of an address.
type endpoint struct {
	flows   int
	peers   map[netip.Addr]struct{} // at most 64
	packets int
	first   int    // number of the first packet from it
	link    uint64 // link-layer address that it first sent from
}

type flowKey struct {
	a, b netip.AddrPort
}

func newDevices() *devices {
	return &devices{addrs: map[netip.Addr]*endpoint{}, flows: map[flowKey]struct{}{}, links: map[uint64]int{}}
}

// addresses returns source and destination of an IP packet with its ports, if
// they are at the usual place.
func addresses(pkt []byte) (src, dst netip.AddrPort, ok bool) {
	var a, b netip.Addr
	var proto byte
	var next []byte
	switch {
	case len(pkt) >= 40 && pkt[0]>>4 == 6:
		a, b = netip.AddrFrom16([16]byte(pkt[8:24])), netip.AddrFrom16([16]byte(pkt[24:40]))
		proto, next = pkt[6], pkt[40:]
	case len(pkt) >= 20 && pkt[0]>>4 == 4:
		a, b = netip.AddrFrom4([4]byte(pkt[12:16])), netip.AddrFrom4([4]byte(pkt[16:20]))
		proto, next = pkt[9], pkt[min(len(pkt), int(pkt[0]&15)*4):]
	default:
		return src, dst, false
	}
	var p, q uint16
	if (proto == 6 || proto == 17 || proto == 132 || proto == 136) && len(next) >= 4 {
		p, q = uint16(next[0])<<8|uint16(next[1]), uint16(next[2])<<8|uint16(next[3])
	}
	return netip.AddrPortFrom(a, p), netip.AddrPortFrom(b, q), true
}

// host reports whether a can be the address of a device.
func host(a netip.Addr) bool {
	return !a.IsMulticast() && !a.IsUnspecified() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// add counts a packet, number n of the capture.
func (d *devices) add(pkt []byte, link uint64, n int) {
	src, dst, ok := addresses(pkt)
	if !ok {
		return
	}
	k := flowKey{src, dst}
	if dst.Addr().Less(src.Addr()) || src.Addr() == dst.Addr() && dst.Port() < src.Port() {
		k = flowKey{dst, src}
	}
	_, old := d.flows[k]
	if !old && len(d.flows) < maxFlows {
		d.flows[k] = struct{}{}
	}
	for i, a := range [2]netip.Addr{src.Addr(), dst.Addr()} {
		peer := dst.Addr()
		if i == 1 {
			peer = src.Addr()
		}
		if !host(a) || i == 1 && a == peer { // a flow with itself is one flow
			continue
		}
		e := d.addrs[a]
		if e == nil {
			if len(d.addrs) >= maxAddresses {
				continue
			}
			e = &endpoint{peers: map[netip.Addr]struct{}{}, first: math.MaxInt}
			d.addrs[a] = e
		}
		e.packets++
		if !old {
			e.flows++
		}
		if host(peer) && len(e.peers) < 64 {
			e.peers[peer] = struct{}{}
		}
		if i == 0 {
			e.first = min(e.first, n)
			if e.link == 0 {
				e.link = link
			}
		}
	}
}

// guess returns the addresses of the device and why. The first is the address
// in the most flows; among equals the one with the fewest peers, then the one
// that sent first, then the lower one. Addresses that send from the same
// link-layer address are the device's too, and so are, by the same rule,
// addresses of packets in which none of these occurs.
func (d *devices) guess() ([]netip.Prefix, string) {
	order := make([]netip.Addr, 0, len(d.addrs))
	for a := range d.addrs {
		order = append(order, a)
	}
	slices.SortFunc(order, func(a, b netip.Addr) int {
		x, y := d.addrs[a], d.addrs[b]
		switch {
		case x.flows != y.flows:
			return y.flows - x.flows
		case len(x.peers) != len(y.peers):
			return len(x.peers) - len(y.peers)
		case x.first != y.first:
			return x.first - y.first
		}
		return a.Compare(b)
	})
	if len(order) == 0 {
		return nil, ""
	}
	best := d.addrs[order[0]]
	why := fmt.Sprintf("in %d of %d flows, %d peers", best.flows, len(d.flows), len(best.peers))
	chosen := []netip.Addr{order[0]}
	// A router's link-layer address has the addresses of many hosts behind it.
	shared := 0
	for _, a := range order {
		if d.addrs[a].link == best.link {
			shared++
		}
	}
	if best.link != 0 && shared <= maxDevices {
		for _, a := range order[1:] {
			if d.addrs[a].link == best.link {
				chosen = append(chosen, a)
			}
		}
	}
	for _, a := range order[1:] {
		if len(chosen) == maxDevices {
			break
		}
		if !slices.Contains(chosen, a) && !d.meets(a, chosen) {
			chosen = append(chosen, a)
		}
	}
	var nets []netip.Prefix
	for _, a := range chosen {
		nets = append(nets, netip.PrefixFrom(a, a.BitLen()))
	}
	return nets, why
}

// meets reports whether a exchanged packets with one of the chosen addresses.
func (d *devices) meets(a netip.Addr, chosen []netip.Addr) bool {
	for _, c := range chosen {
		if _, ok := d.addrs[a].peers[c]; ok {
			return true
		}
		if _, ok := d.addrs[c].peers[a]; ok {
			return true
		}
	}
	return len(d.addrs[a].peers) == 0
}

// byAddress returns the direction of a packet, or false if it is neither from
// nor to one of nets.
func byAddress(nets []netip.Prefix, pkt []byte) (int, bool) {
	src, dst, ok := addresses(pkt)
	if !ok {
		return 0, false
	}
	for _, n := range nets {
		if n.Contains(src.Addr()) {
			return up, true
		}
	}
	for _, n := range nets {
		if n.Contains(dst.Addr()) {
			return down, true
		}
	}
	return 0, false
}
