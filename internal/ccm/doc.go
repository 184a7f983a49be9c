// Package ccm implements Counter with CBC-MAC (RFC 3610, NIST SP 800-38C) over
// any cipher of 16-byte blocks, as OSCORE (AES-CCM-16-64-128) and ESP (RFC
// 4309) use it.
//
// A CCM has the shape of a cipher.AEAD and can be used as one, but it is
// caller-owned memory for one goroutine at a time: it holds the blocks that it
// works on, so that no call allocates. Associated data may be of any length
// below 2^32 bytes, longer than any use here.
//
// Never use a nonce twice with one key. Nothing here counts them.
package ccm
