package main

import "github.com/schckit/schckit/vectors"

// rfc8724 is Appendix A of RFC 8724, Rules 0 to 3 (Figures 26 to 28), with
// alpha, beta and gamma = 2001:db8:a, :b and :c. The RFC gives no lengths of
// RuleIDs: they have 8 bits in one group and 2 in the other. The number of bits
// of each residue is the column "Sent" of the figures.
func rfc8724() *vectors.File {
	const iid, other = "021122fffe334455", "021122fffe334456"
	dev := func(prefix string) string { return prefix + "::211:22ff:fe33:4455" }
	const a, b, c, ll = "2001:db8:a", "2001:db8:b", "2001:db8:c", "fe80:0:0"
	data := unhex("0011223344")
	up := func(h v6, sport, dport int) []byte { return udp6(h, sport, dport, data) }

	group := func(rules, bits string) *group {
		g := newGroup("rfc", rules, "")
		g.Inputs.DevIID = iid
		r := func(n string) string { return n + "/" + bits }
		whole := func(comment, dir string, pkt []byte) { g.ok(comment, dir, pkt, r("0"), len(pkt)) }
		partial := func() {
			if bits != "8" {
				g.flags("PartialByte")
			}
		}

		g.ok("Rule 1 uplink: nothing but the RuleID", "up", up(v6{hop: 255, src: dev(ll), dst: "fe80::1"}, 123, 124), r("1"), 5)
		partial()
		g.ok("Rule 1 downlink", "down", up(v6{hop: 255, src: "fe80::1", dst: dev(ll)}, 124, 123), r("1"), 5)
		partial()
		g.lossy("Rule 1 restores hop limit 255: its operator is ignore", "up", up(v6{hop: 64, src: dev(ll), dst: "fe80::1"}, 123, 124),
			up(v6{hop: 255, src: dev(ll), dst: "fe80::1"}, 123, 124), r("1"), 5)
		for i, x := range []string{a, ll} {
			for j, y := range []string{b, a, ll} {
				g.ok("Rule 2 uplink: prefixes "+x+", "+y, "up", up(v6{hop: 255, src: dev(x), dst: y + "::1000"}, 5683, 5683), r("2"), 5,
					"IPV6.DEV_PREFIX "+num(uint64(i), 1), "IPV6.APP_PREFIX "+num(uint64(j), 2))
				g.flags("PartialByte")
			}
		}
		g.ok("Rule 2 downlink: the Device's prefix still comes first", "down", up(v6{hop: 255, src: a + "::1000", dst: dev(ll)}, 5683, 5683), r("2"), 5,
			"IPV6.DEV_PREFIX 1", "IPV6.APP_PREFIX 01")
		g.flags("PartialByte", "DownlinkOrder")
		g.ok("Rule 3 uplink: 4 bits of each port", "up", up(v6{hop: 255, src: dev(a), dst: c + "::1000"}, 8720, 8735), r("3"), 5,
			"UDP.DEV_PORT 0000", "UDP.APP_PORT 1111")
		g.ok("Rule 3 downlink: the hop limit is sent, then the ports, the Device's first", "down",
			up(v6{hop: 57, src: c + "::1000", dst: dev(a)}, 8725, 8730), r("3"), 5,
			"IPV6.HOP_LMT 00111001", "UDP.DEV_PORT 1010", "UDP.APP_PORT 0101")
		g.flags("DownlinkOrder")
		whole("Rule 0: the Device's IID is not that of the link layer", "up", up(v6{hop: 255, src: a + "::211:22ff:fe33:4456", dst: b + "::1000"}, 5683, 5683))
		whole("Rule 0: a port above those of Rule 3", "up", up(v6{hop: 255, src: dev(a), dst: c + "::1000"}, 8720, 8736))
		whole("Rule 0: a port below those of Rule 3", "down", up(v6{hop: 57, src: c + "::1000", dst: dev(a)}, 8719, 8720))
		whole("Rule 0: a flow label", "up", up(v6{label: 1, hop: 255, src: dev(ll), dst: "fe80::1"}, 123, 124))
		whole("Rule 0: ECN", "up", up(v6{tc: 1, hop: 255, src: dev(ll), dst: "fe80::1"}, 123, 124))
		whole("Rule 0: Rule 1's ports the other way round", "up", up(v6{hop: 255, src: dev(ll), dst: "fe80::1"}, 124, 123))
		wrong := up(v6{hop: 255, src: dev(ll), dst: "fe80::1"}, 123, 124)
		wrong[47] ^= 1
		whole("Rule 0: a wrong checksum cannot be computed", "up", wrong)
		g.flags("WrongComputed")
		return g
	}
	withoutIID := newGroup("rfc", "appendix-a", "No IID of the link layer: Rules with DevIID do not match (and cannot be decompressed).")
	pkt := up(v6{hop: 255, src: dev(ll), dst: "fe80::1"}, 123, 124)
	withoutIID.ok("DevIID without one", "up", pkt, "0/8", len(pkt))
	withoutIID.bad("Rule 1 without DevIID", "up", "00000001 x0011223344", "no-rule")
	otherIID := newGroup("rfc", "appendix-a", "Another Device.")
	otherIID.Inputs.DevIID = other
	otherIID.ok("the IID comes from the link layer", "down", up(v6{hop: 255, src: "fe80::1", dst: "fe80::211:22ff:fe33:4456"}, 124, 123), "1/8", 5)
	return file("RFC 8724, Appendix A", "", group("appendix-a", "8"), group("appendix-a-2bit", "2"), withoutIID, otherIID)
}
