// Package schc implements Static Context Header Compression (RFC 8724) for
// IPv6, IPv4, UDP, UDP-Lite, TCP, SCTP, ICMP, ESP, SSE and CoAP headers.
//
// A Context is a set of Rules, checked and compiled once and immutable, so that
// any number of goroutines may share it. A Compressor and a Decompressor are
// caller-owned memory, each for one goroutine at a time. No function retains
// or writes to a packet that it is given, and none allocates per packet.
//
//	ctx, err := schc.NewContext(rules, schc.Options{})
//	var c schc.Compressor
//	c.Reset(ctx)
//	dst, id, err = c.AppendCompress(dst, packet, schc.DirUp)
//
// Decompression gives the packet back byte for byte, or the Rule is not used.
// The one exception is what a Rule's author asks for: a field with the
// operator ignore (or MSB) and the action not-sent. Result.Lossy reports it,
// Options.Lossless forbids it.
//
// What of RFC 8724 and its companions is here:
//
//	RFC 8724  6      RuleIDs of 0 to 32 bits, prefix-free           done
//	          7.2    selection of a Rule, residue, payload          done
//	          7.3    equal, ignore, MSB, match-mapping              done
//	          7.4    all actions but those that other drafts add    done
//	          7.4.2  sizes of 4, 12 and 28 bits; absent fields      done; a Rule whose
//	                 field is absent from the packet is disregarded (7.2), size 0
//	                 means present and empty
//	          8      fragmentation: Sender, Receiver, Profiles      done
//	          10     IPv6 and UDP                                   done
//	RFC 8824, 8824-update-09   CoAP                                 done
//	ipsecme-diet-esp-10  6.1   action lower, checksums over the     done: Inputs.Outer and Options
//	                 header below, header and payload split
//	icmpv6-compression-02      fields                               done; not the
//	                 operators rule-match and rev-rule-match
//
// Everything that runs per packet reads the compiled form in place, a string:
// see Context.Image and LoadImage. Firmware that has no heap uses CompressInto
// and DecompressInto.
package schc
