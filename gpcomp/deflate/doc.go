// Package deflate is DEFLATE (RFC 1951) as a codec of package gpcomp, for hosts: raw, a
// stream of its own for each payload (RFC 2394), and the same with a static dictionary
// for payloads of the Internet of Things, which are too short to refer to themselves.
//
//	var d deflate.Codec                                     // RFC 2394
//	a := gpcomp.Association{CPI: 2, Codec: &d}
//
//	d, err := deflate.NewDict(1)                            // our OUI transform, version 1
//	a := gpcomp.Association{CPI: d.Transform().CPI(), Codec: d}
//
// The compressor and the decompressor are those of compress/flate at its default level.
// It ends a stream with an empty block of 5 bytes, a lot for a short payload; that block
// is cut off here, as any decoder is content with the block before it. Each result is
// decompressed and compared before it is returned.
//
// # Memory
//
// A Codec that has compressed holds 800 KiB, one that has decompressed 45 KiB, and both
// buffers for the longest payload so far. It takes them when it needs them first;
// later payloads allocate nothing, except for decompressing a block that has codes
// of its own of more than 9 bits.
//
// # Dictionaries
//
// A dictionary stands in front of the payload at both ends, as RFC 1950 and zlib's
// deflateSetDictionary have it; nothing on the wire says which, so it is part of the
// Transform. Version 1, iot-1.dict, has 4 KiB: pieces of CoAP messages, link formats,
// SenML, LwM2M, and of JSON and CBOR as devices send it, built by the command gen from
// testdata/payloads/train and vocabulary.txt. It never changes; a better one will be
// version 2.
package deflate
