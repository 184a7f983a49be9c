// Package dietesp is Diet-ESP: SCHC Rules derived from a Security Association
// compress ESP and what is inside it (draft-ietf-ipsecme-diet-esp-10, and
// draft-mglt-ipsecme-diet-esp-10 of June 2023 as a second profile).
//
//	var suite esp.Suite
//	err := suite.Init(algorithm, key, nil)
//	attributes := dietesp.DefaultAttributes(dietesp.ProfileDietESP10)
//	attributes.Selectors.Version = 6
//	var sa dietesp.SA
//	err = sa.Init(esp.Config{SPI: 0x1001, Mode: esp.ModeTunnel, Src: src, Dst: dst}, &suite, attributes, dietesp.Options{})
//	dst, err = sa.AppendSeal(dst, packet)
//
// Attributes give three Rules, which are schc.Rules as any other and work in the
// engine of package schc. IIPC compresses the headers of the inner packet; CTEC
// the end of the ESP trailer, before encryption; EEC SPI and Sequence Number,
// behind encryption. What is authenticated is the whole SPI and Sequence Number.
// An SA seals and opens; an SAD finds the SA of a packet that has few bits of its
// SPI, or none. AppendCompress and AppendDecompress convert packets of standard
// ESP for test benches, EECOnly does without keys, Explain counts the bits.
//
// What of the drafts is here:
//
//	draft-ietf-ipsecme-diet-esp-10
//	  4.1    RuleID of 1 byte, elided or sent                   done: 1, 2 and 3, as in Appendix A
//	  4.2    attributes                                         done: Attributes, Check
//	  5      Rule tables                                        done; they are examples
//	  6.1    header and payload split, padding to a byte        done: schc.Options.SplitHeader
//	  6.1.1  UDP, UDP-Lite, TCP, SCTP                           done
//	  6.1.2  IPv6                                               done
//	  6.1.3  IPv4                                               done
//	  6.2    ESP trailer                                        done
//	  6.3    SPI and Sequence Number                            done
//	  7      transport mode                                     done
//	  9      SA lookup with several candidates                  done: SAD, Options.Trials and Budget
//	draft-mglt-ipsecme-diet-esp-10 (2023)
//	  EHC Context, new actions, Clear Text ESP, Encrypted ESP   done: ProfileEHC2023
//
// # Where the drafts contradict themselves, or are silent
//
// Both:
//
//   - Version has 4 bits, not 3; what is sent of SPI and Sequence Number are their
//     low bits: MSB(32 - lsb), not MSB(4 - lsb); the common prefix of a range is
//     compared and what follows it is sent.
//   - TCP: Sequence and Acknowledgment Number, Data Offset, reserved bits, Flags,
//     Window and Urgent Pointer, of which the text says nothing, are sent. So are
//     IHL, Flags and Fragment Offset of IPv4. The fixed header is the Header:
//     options of TCP, and of IPv4 if no transport header is described, are Payload.
//   - "This may result in decompressing a zero-checksum UDP packet with a valid
//     checksum": here nothing is changed. A packet that would not come out as it
//     went in (that one, a wrong checksum or length, IPv6 extension headers in
//     front of a transport protocol that the selectors name, IPv4 options there) is
//     refused: ErrNoRule.
//   - Hop limit: the outer header of a sealed packet has 64. With the action lower
//     another one is refused; on its way the network counts it down. The attribute
//     hop_limit "value-sent" is ours.
//   - Flow label under another IP version: the 16 low-order bits. A label that has
//     more is refused, not cut.
//   - The action generated is lossy by request: the receiver makes a flow label
//     out of addresses and ports (RFC 6437), an identification out of the Sequence
//     Number. Fragments of IPv4 are refused then: they could not be reassembled.
//   - The action padding elides Padding and Pad Length where the alignment is "8
//     bit", so that the receiver would always compute none: the Rule has the
//     Target Value 0. The JSON examples elide them for "64 bit", too; Section 6.2
//     does not.
//   - A compressed trailer is RuleID, Padding, Pad Length, Next Header, behind the
//     payload (Figures 2 and 4): where it is mandatory, hardware finds it at the
//     end. Alignment counts all of the clear text.
//   - Explicit IVs stand between the compressed ESP header and what is encrypted.
//   - The IP protocol of the packets is that of SCHC, 145 unless Options says
//     otherwise; it tells them from standard ESP.
//   - UDP encapsulation (RFC 3948) is refused: nothing on that port tells Diet-ESP
//     from ESP, and compressed bytes may look like the non-ESP marker of IKE.
//   - Transport mode: a pseudo-header is that of the IP header in the packet, so that
//     checksums behind a routing header, which are over another address, are refused.
//
// draft-ietf-ipsecme-diet-esp-10: one Rule for all packets of an SA: with ts_proto
// ANY only the IP header is described. In transport mode the Next Header is elided
// if ts_proto is one protocol, and then other protocols are refused.
//
// The profile of 2023:
//
//   - ts_proto_list with several protocols, or any: the Next Header that is sent
//     says which Rule it is, so that checksums are elided as its figures draw it.
//   - dscp_list has DSCPs of 6 bits; ECN, for which the text has one list with
//     DSCP, is that of the outer header.
//   - Padding is a number of zero bits and that number in 3 bits (Word of 8), 5 (of
//     32) or 7 (of 128, a block of AES): pad = -(bits + 3, 5 or 7) mod Word. The
//     draft's formula does not come out whole. Where the Word is 8 and all packets
//     of the SA have whole bytes anyway, there is no padding and no number: the
//     figures draw none.
//   - "If the esp_encr considers implicit IV, Sequence Number are not compressed",
//     while the example and its figure compress it to 2 bytes: esp_sn_lsb counts.
//     Say 4 bytes to send it whole.
//   - Next Header in transport mode: as the Protocol field in tunnel mode.
//
// # Ownership and concurrency
//
// Functions append to dst and return it; they retain nothing that they are given,
// but for the Suite of an SA and the SAs of an SAD. An SA, an SAD with its SAs, an
// EECOnly and an EECSet serve one goroutine at a time; an SA must not be copied.
// Nothing is allocated per packet where dst has room (SealRoom, OpenRoom,
// ConvertRoom).
package dietesp
