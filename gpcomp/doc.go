// Package gpcomp compresses payloads, one at a time and each for itself: GPComp, and
// IPComp, whose header and rules it shares.
//
//	var lzs gpcomp.LZS
//	lzs.Reset(make([]uint16, gpcomp.LZSMem(1500)))
//	a := gpcomp.Association{CPI: lzs.Transform().CPI(), Codec: &lzs}
//	out, compressed := a.AppendCompress(nil, payload)
//	payload, err := a.AppendDecompress(nil, out, compressed)
//
// An Association knows the codec and when it is worth while; it sends nothing that
// compression did not make smaller. A Codec is one algorithm. Here are LZS and GHC,
// which are small enough for devices; package gpcomp/deflate has DEFLATE, and DEFLATE
// with a static dictionary for short payloads, for hosts.
//
//	codec         transform    compresses with     decompresses with
//	LZS           3            0.6 to 18 KiB       nothing but the result
//	GHC           1, our OUI   8 bytes a byte      nothing but the result
//	deflate       2            about 800 KiB       about 45 KiB
//	deflate dict  1, our OUI   about 800 KiB       about 45 KiB
//
// # Specifications
//
//	draft-moskowitz-gpcomp-02  3.1, 4.1 implied form         done: AppendCompress
//	                           3.2 uncompressing conundrum   done: AppendCompressUnmarked
//	                           3.3 non-expansion policy      done, with threshold and back-off; LZS
//	                                                         stops when a payload cannot become smaller
//	                           4.2 explicit form             done: AppendCompressHeader
//	                           5 negotiation                 Transform and CPI; the exchanges are in
//	                                                         packages ehc and sse
//	RFC 3173                   2.2, 3 IPComp                 done: AppendCompressIP
//	RFC 2394                   DEFLATE                       done: package gpcomp/deflate
//	RFC 2395, RFC 1974         LZS                           done; no history across payloads
//	RFC 7400, 2                GHC                           done
//	RFC 3051                   LZJH                          not done
//
// # Promises
//
// What was compressed comes back byte for byte. Bad input gets an Error, never a
// panic; no payload comes out longer than the caller's limit, and time is bounded by
// the input and that limit. Nothing allocates where dst has room; nothing reads a
// clock. A Codec and an Association serve one goroutine at a time.
//
// # Decisions where the texts are silent
//
// The default thresholds of DEFLATE and LZS are the 90 bytes that RFC 2394 and 2395
// name; those of the others are ours. Our own algorithms are OUI transforms with a
// locally administered OUI, and their CPIs are from the range for private use.
//
// The receiver of the unmarked form goes by the Next Header and the CPI at the
// beginning of a payload, and the sender refuses to send such a payload as it is.
//
// Of an IPv6 packet everything behind the Hop-by-Hop, Routing and Fragment headers is
// compressed, and Destination Options before a Routing header stay outside (RFC 3173,
// Section 3.2: as for the Fragment header). A packet that could not be restored byte
// for byte (wrong IPv4 checksum or length), a fragment, ESP and AH are left alone.
package gpcomp
