// Package learn derives a set of SCHC Rules (RFC 8724) from traffic. It is for
// hosts.
//
//	res, err := learn.Learn(src, learn.Options{HoldOut: 0.2})
//	res.Rules        // pass schc.NewContext, lose nothing
//	res.Report       // what they are worth, measured on packets held out
//
// # How it works
//
// The packets are read three times (a Source can do that), never kept:
//
//	scan      count, find the device and the time from which packets are held out
//	collect   parse a sample of the packets before and after that time into a
//	          table of field values
//	measure   compress and decompress every packet with the real engine; a packet
//	          that comes back different is an error
//
// In between, fit makes Rules from the table, for each direction on its own:
//
//  1. Packets are grouped by header shape: the protocols, and for CoAP the
//     options with their positions.
//  2. A group is split in two, again and again, where that saves more bits than
//     the new Rule costs (split.go).
//  3. Groups are merged while that saves bits, and further until their number
//     fits; those of different shapes are merged by describing only the headers
//     that they share (merge.go).
//  4. Groups of either direction are paired: one Rule has an uplink and a
//     downlink side (pair.go), and the RuleIDs are a Huffman code of how often
//     each is used (code.go).
//
// What a group costs is in cost.go: the residue; the Target Values, charged to
// the packets that have them; and the packets to come that will not match, by
// how often new values appeared in the second half of the group. Which
// parameters of this generalise is not guessed but tried: fit runs on the first
// part of what it may see and is judged by the part that follows (tune.go).
// Packets that are held out take no part in any of this.
//
// # Limits
//
// Memory is bounded whatever the capture holds: see Options.Sample and the
// constants in limits.go.
package learn
