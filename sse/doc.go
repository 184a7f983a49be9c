// Package sse is the Session Security Envelope (draft-moskowitz-sse-05): it
// encrypts and authenticates what a session sends, above any transport, over
// one or several of them at once.
//
// A Session seals payloads and opens packets. Headers compresses the 8 bytes of
// a compact header, typically to 1 to 3, under a Rule that Compression derives
// and the engine of package schc applies. A Table finds the session of a packet.
// Offer, Select and Accept agree on all that; HIP parameters and IKEv2 proposals
// carry it. Sessions over sockets are in the sub-package ssenet, commands and
// decisions in docs/sse.md.
//
//	draft-moskowitz-sse-05
//	  4     API                    sse/ssenet: add, delete and query transports
//	  5.1   compact format         done
//	  5.2   large format           done
//	  5.3   extreme format         done
//	  5.4   SPI, FLAGS, Sequence   done: truncation, GPComp bit, hard end, rekey signal
//	  5.5   AEAD                   done: AES-CCM and AES-GCM, ICV of 8 and 16 bytes
//	  6.2   outgoing data          done
//	  6.3   incoming data          done
//	  7.1   IKEv2                  a Security Association payload with numbers of ours
//	  7.2   HIP                    parameters; the exchange itself is HIP's
//	draft-moskowitz-ssls-hip-02
//	  4.1   SSE_INFO               done
//	  4.2   SSE_TRANSFORM          done; AES-CMAC-96 and AES-GMAC only as numbers
//	  4.3   SSE_FORMAT             done
//	  4.4   GPCOMP_INFO            done
//	  4.5   SSLS_INFO              not done: chunks and fragments are not SSE's
//	  4.6   NOTIFICATION           the error types
//
// # Where the texts are silent
//
// Nonce: the salt of the keying material, then the Sequence Number in 64 bits,
// whatever the format: 4 and 8 bytes for AES-GCM, 3 and 8 for AES-CCM, as RFC
// 8750 has it for ESP. Associated data: the whole header as it is without
// compression, RESERVED and FLAGS included. Keys have a direction: each has its
// own.
//
// Sequence Numbers begin with 1. The last one ends the session (ErrExhausted);
// NeedRekey asks for a new one before, by default at 7/8 of the numbers. A packet
// with number 0 is malformed.
//
// FLAGS other than C are not defined; a packet that has one is refused
// (ErrUnsupported), because an option that is not known may change what the
// payload is. RESERVED is zero when sent and ignored, though authenticated, when
// received.
//
// The compact format carries at most 4,095 bytes of encrypted payload: 12 bits
// cannot say 4,096.
//
// A compressed header is padded with zero bits to a whole byte, and payload and
// ICV follow as they are, as in Diet-ESP: nothing of them is shifted. It is the
// residue of a Rule with an implicit RuleID; the engine with the option
// SplitHeader makes the same of the whole packet. The Rule holds for Sequence
// Numbers without their high bits; the receiver finds those as Diet-ESP does
// (internal/seqno).
//
// # Ownership and concurrency
//
// Functions append to dst and return it; they retain nothing that they are
// given, but for the keys and codecs of a Config. A Session, a Headers and a
// Table serve one goroutine at a time and must not be copied. Nothing is
// allocated per packet where dst has room (SealRoom, OpenRoom, CompressRoom);
// nothing is shared between sessions but what the caller gives to both.
package sse
