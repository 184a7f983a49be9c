// Package ehc is the negotiation of Diet-ESP in IKEv2: notifies that offer and
// agree on the attributes of package dietesp, in two dialects, and the other
// payloads that make a pair of Child SAs out of a CREATE_CHILD_SA exchange.
//
//	offer, err := ehc.Offer(nil, &policy)                 // initiator: a Notify payload
//	answer, attrs, err := ehc.Select(nil, offer, &policy) // responder
//	attrs, err := ehc.Accept(offer, answer, &policy)      // initiator
//
// ChildPolicy does that for a whole exchange: AppendRequest, Answer and Accept
// write and read Notify, SA, TSi and TSr payloads, and a Child is what both ends
// then have: algorithm, SPIs, mode, traffic selectors, attributes; Split takes
// its keys from the keying material. IKE itself, with its state machine, key
// exchange and authentication, is the caller's.
//
//	draft-ietf-ipsecme-ikev2-diet-esp-extension-04 (DialectHCP, the default)
//	  3       overview, discarding proposals, one answer  done
//	  4       HCP_PROPOSAL                                done
//	  5.1     range_afrg_proposal                         done, see below
//	  7, 8    Attributes for Rules Generation             done; esp_trailer with a code point of ours
//	  9       overload                                    MaxProposals, MaxAttributes, MaxPayloads
//	draft-mglt-ipsecme-ikev2-diet-esp-extension-04, and of June 2023 (DialectEHC)
//	  3       overview, EHC Contexts                      done: Diet-ESP, others are ignored
//	  4       EHC_SUPPORTED, EHC_UNACCEPTABLE_PARAMETER   done
//	  5       parameters, bit masks                       done
//	RFC 7296
//	  2.9     traffic selectors are narrowed              done
//	  2.13    prf+                                        AppendKeymat, with a prf that is given
//	  2.17    keys of Child SAs                           Child.Split
//	  2.22    IPCOMP_SUPPORTED                            its data
//	  3.2     payloads, critical bit                      done
//	  3.3     SA payload, attributes                      done, for ESP
//	  3.10    Notify payload                              done
//	  3.13    TS payload                                  done: types 7 and 8, TS_DSCP
//	  3.14    Encrypted payload                           not here: the caller gives what is inside
//	draft-mglt-ipsecme-dscp-np-03                         DSCP: its data; dscp_list of a Child
//	draft-mglt-ipsecme-ts-dscp-03                         TS_DSCP: coded, not a selector of a Child
//	draft-ietf-ipsecme-ikev2-sa-ts-payloads-opt-07        OPTIMIZED_REKEY(_SUPPORTED): their data
//	draft-liu-ipsecme-ikev2-mtu-dect-09                   LMAP_AND_PTB_SUPPORTED, LMAP, PTB: their data
//	draft-ietf-ipsecme-ikev2-reliable-transport-04        SEPARATE_TRANSPORTS: its number
//
// # Where the drafts are silent, or wrong
//
// Notify numbers are none of IANA's yet: Numbers has defaults for private use.
// EHC_UNACCEPTABLE_PARAMETER is an error (its default is below 16384), so that an
// initiator that does not know it gives the Child SA up; its data are the
// Proposals that the responder would accept, as INVALID_KE_PAYLOAD names the group.
//
// range_afrg_proposal has code point 65535, but an Attribute Type has 15 bits:
// 32767 is used. Figure 5 gives a range 4 octets of data, but it has two attributes
// of 4 each: 8 are sent, both are understood, and so is a range with the AF bit
// set, which 65535 written in 16 bits would have. A range takes its values in
// numerical order.
//
// esp_trailer has values, but no code point in Table 3, and a Proposal with an
// unknown attribute is discarded: it is negotiated only with Numbers.Trailer, the
// next free one being TrailerCodePoint, and is then always stated. Otherwise it is
// Optional, the default.
//
// Values that are not known make nothing unknown: of a list, or of a range, the
// others count.
//
// DialectEHC has widths of 0 bytes, but no bit for them. Bit 4 is, unless
// Policy.NoZeroBytes is set, and counts only where the offer has it: an offer that
// says nothing of the width allows 1 to 4 bytes, since an answer could not say 0
// to a peer that follows the draft. A parameter that is repeated, or with AF=0,
// makes its Proposal unacceptable. An unknown parameter is one of another EHC
// Context only if the Proposal names another one. Figure 1 shows the answer without
// a Proposal around the parameters: one is sent, and both are understood.
//
// The preference is the responder's. A Set and a Proposal stand for all
// combinations of their values, but those whose widths do not add up to a multiple
// of 8 bits.
//
// Diet-ESP has one traffic selector for an SA. Where the peers agree on several
// that differ in more than the protocol, there is no Diet-ESP (DietOnly: no SA).
// TS_DSCP is ignored, as an unknown selector is, since later drafts dropped it.
//
// # Ownership and concurrency
//
// Parsers return parts of what they are given, and retain nothing else. Functions
// that append return dst as it came on error. A Policy is only read, and may be
// shared. Offer, Select and Accept allocate nothing but errors when dst has room.
package ehc
