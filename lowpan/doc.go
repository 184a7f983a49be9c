// Package lowpan is IPv6 over low-power wireless networks, 6LoWPAN: header
// compression, fragmentation and the frames around them.
//
//	frame, err := lowpan.AppendCompress(nil, ipv6, link, &table, lowpan.Options{})
//	ipv6, err := lowpan.AppendDecompress(nil, frame, link, &table, lowpan.Options{})
//
// A frame payload begins with a dispatch byte. A Fragmenter makes several of
// a packet, a Reassembler the packet of several. ParseFrame, ParseEthernet,
// ParseL2CAP and, below that, ParseBLE get at frame payloads and link-layer
// addresses, ParseHeaders at what may stand in front of a compressed packet, and
// Explain says what every bit of a frame payload stands for.
//
// # Specifications
//
//	RFC 4944  5.1 dispatch                       done, but HC1 (Section 10)
//	          5.2, 11.1 mesh, broadcast headers  read and written; no mesh routing
//	          5.3 fragmentation                  done
//	RFC 6282  IPHC, NHC                          done, all forms, both directions
//	RFC 6775  4.2 context option, 5.4 lifetimes  done; no Neighbor Discovery
//	RFC 7400  GHC, capability option             done
//	RFC 7668  3.2 Bluetooth LE                   addresses, L2CAP frames and signals, link-layer packets
//	RFC 7973  EtherType 0xA0ED                   done
//	RFC 8025  paging dispatch                    done; pages 0 and 1 have content
//	RFC 8066  ESC dispatch                       recognised
//	RFC 8138  routing headers                    read and carried; not expanded to IPv6
//	RFC 8931  recoverable fragments              not done: an unknown dispatch
//	draft-ietf-6lo-schc-15dot4                   4.1 dispatch, 8 fragmentation; the pointer (4.3) is recognised
//	IEEE 802.15.4-2006, -2015 MAC frames         read; plain 2006 data frames written
//
// # Promises
//
// Decompressing what was compressed gives the packet back, byte for byte,
// whatever it contains. Of all forms that the specifications allow the
// smallest is sent. Bad input gets an Error, never a panic. Nothing allocates
// where dst has room, except Explain; nothing reads a clock.
//
// Every function may be called from any number of goroutines at a time as long
// as nobody changes what it reads. A Fragmenter, a Reassembler and a GHC serve
// one goroutine at a time.
//
// # Deviations and decisions
//
// IIDs of nested IPv6 headers. RFC 6282, Section 3.2.2 takes an IID that a
// nested header elides from the encapsulating IPv6 header. If that header's
// destination is a multicast address there is none to take, and the link-layer
// address serves, as in Wireshark. OpenThread takes the link-layer addresses at
// every depth: Options.LinkIID does the same.
//
// A UDP checksum that is wrong is not elided but sent (RFC 6282, Section 4.3.2
// drops the packet).
//
// Elision of padding. RFC 6282, Section 4.2 allows to elide "a single trailing
// Pad1 or PadN option of 7 octets or less". OpenThread elides a PadN of 8
// octets, which decompressors cannot restore. Padding that a decompressor
// would not restore to the same bytes stays.
//
// The Fragment header has no Length field; its reserved octet stays where it
// is (as in Wireshark). Behind the header of a fragment that is not the first
// nothing is compressed.
//
// IIDs of Ethernet addresses are those of RFC 2464, with the universal/local
// bit inverted. Wireshark leaves the bit alone.
//
// IIDs of Bluetooth LE addresses have fffe in the middle and every bit of the
// address as it is (RFC 7668, Section 3.2.2: "copied as is without any changes
// on any bit"): the universal/local bit says nothing there (RFC 7136), and
// whether the address is public or random cannot be seen. Stacks older than the
// RFC, such as Linux before 4.12, invert the bit: for them AddrIID or AddrEUI48.
//
// An elided UDP checksum is computed with the destination address of the IPv6
// header. Behind a routing header with segments left the right one is that of the
// final destination (RFC 8200, Section 8.1): AppendCompress never elides there,
// as the checksum would not agree, and AppendDecompress does not expand the
// segments.
//
// A multicast address with a prefix from a context (RFC 6282, Section 3.2.4)
// needs a prefix length of at most 64, as RFC 3306 has it.
//
// Fragments of a SCHC Datagram (draft-ietf-6lo-schc-15dot4, Section 8):
// datagram_size and datagram_offset count its bytes, without the SCHC dispatch, as
// those of an IPv6 packet do; the dispatch is in the first fragment.
//
// GHC of extension headers (RFC 7400, Section 3.2): a next header that is not
// compressed stands before the bytecode, padding is coded, and the Fragment
// and Mobility headers are not sent that way. The dictionary has the addresses
// of the innermost IPv6 header so far.
package lowpan
