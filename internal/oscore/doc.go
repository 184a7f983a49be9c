// Package oscore protects CoAP messages with OSCORE (RFC 8613), with the
// algorithms that it makes mandatory: AES-CCM-16-64-128 and HKDF-SHA-256.
//
// A message goes through in one step (ProtectRequest, UnprotectRequest,
// ProtectResponse, UnprotectResponse), or in three, so that SCHC can compress
// the plaintext before encryption (RFC 8824, Section 7.2):
//
//	plain, err := oscore.AppendPlaintext(nil, msg)      // code, class E options, payload
//	plain = compress(plain)                             // inner SCHC
//	ct, opt, err := c.SealRequest(nil, plain, &req)     // ciphertext and tag
//	outer, err := oscore.AppendOuter(nil, msg, opt)     // header and class U options
//	outer = append(outer, ct...)                        // then outer SCHC
//
// and back:
//
//	opt, ct, err := oscore.ParseOuter(outer)
//	plain, err := c.OpenRequest(nil, opt, ct, &req)
//	plain = decompress(plain)                           // inner SCHC
//	msg, err := oscore.AppendMessage(nil, outer, plain, opt)
//
// What of RFC 8613 is here:
//
//	3.2      derivation of keys and Common IV             done
//	4.1      class E and U options                        done, Proxy-Uri excepted:
//	         the caller splits it into Proxy-Scheme and Uri-* (RFC 7252, 6.4)
//	4.1.3.4  outer Block options                          the caller reassembles first
//	4.1.3.5  Observe                                      done, see Request
//	4.3      signaling messages                           not done
//	5.2-5.4  nonce, plaintext, additional data            done
//	6.1      OSCORE option                                done
//	7.4      replay window, notification number           done
//	7.5, B   recovery of lost state                       not done: Parameters takes the next
//	         sequence number; with a lost replay window, derive a new context
//	8        processing                                   done
//	11       HTTP                                         not done
//
// A Context and a Request are caller-owned memory, for one goroutine at a time.
// No function keeps a message that it is given, writes to it or panics on it;
// on error dst comes back as it was.
package oscore
