// Package ssenet runs a session of the Session Security Envelope over sockets:
// one session over several transports at once, TCP, UDP or whatever net.Conn and
// net.PacketConn stand for (draft-moskowitz-sse-05, Sections 3, 4 and 6).
//
//	s, err := ssenet.New(ssenet.Config{SSE: keys})
//	id, err := s.AddStream(tcp)     // ADD_SSE_Transport; AcceptStream for the other end
//	_, err = s.AddDatagram(udp)
//	s.Write([]byte("21.5 C"))       // goes over one of them
//	s.Delete(id)                    // DELETE_SSE_Transport
//	for _, t := range s.Transports() { ... } // Query_SSE_Transport
//
// A Session is a net.Conn and a net.PacketConn.
//
// # Payloads
//
// One Write is one payload, one packet: it is never split or joined with another,
// as with UDP. One that does not fit (4,095 bytes in the compact format, if
// GPComp does not help; Config.MaxPayload in the others) is ErrTooLong, and
// nothing is sent. A datagram transport may take less: what it refuses for its
// size goes over another transport, if there is one.
//
// Read gives the bytes of one payload; what does not fit the buffer is given by
// the next Read. ReadFrom cuts it off, as UDP does; ReadMessage gives one payload
// whole, with its transport and Sequence Number. Payloads of one stream transport
// come in order. Others may overtake each other or get lost: SSE has neither
// acknowledgements nor repetition, so the application does what it would do over
// UDP. Sequence Numbers tell the order.
//
// # Transports
//
// A transport that fails or is deleted is no end of the session: what is being
// written goes over the next one, with the same Sequence Number, so that nothing
// comes twice. What the kernel had taken is lost with a broken connection, but not
// with Delete: that sends the end of the stream and goes on receiving until the
// peer ends it, too, or Config.Linger is over.
//
// When the last transport is gone, Read returns what has come, then io.EOF if
// that transport ended in an orderly way, else ErrNoTransport; with Config.Wait
// it waits for AddStream and the like instead. The end of a stream is not
// authenticated (SSE has no message for it): whether all has come is for the
// application to know.
//
// # Headers
//
// In the compact format headers are compressed if Config.SSE.Headers is set, at
// both ends. Datagrams then have those widths. Streams have the Length as well,
// and all bits of the Sequence Number unless Config.StreamHeaders says otherwise,
// because what comes over a slow stream may be far behind the numbers that other
// transports brought. For the same reason the replay window has 4,096 packets
// unless Config.SSE.Window says otherwise.
//
// A receiver that missed what went over another transport could not find the
// Sequence Number of a datagram again. So if 2^(SNBits-1) numbers went over
// others, the next datagrams have the whole header, and later every
// 2^(SNBits-1)th has. A receiver accepts it at any time. A session with one
// transport sends none.
//
// # Hostile peers
//
// Whoever can send datagrams, or connects, can make the session verify packets
// (for a compressed header up to Config.SSE.Trials times each) and no more:
// datagrams that are not authentic are dropped and counted. A stream that has
// anything but the peer's packets is closed, as no boundary in it can be trusted;
// the session goes on over the others. Nothing is sent over a stream that was
// accepted (AcceptStream), or to an address that is not given (AddPacketConn),
// before a packet of the peer has come from there. Memory is bounded: for each transport one
// packet, and Config.Queue payloads. Where those wait for Read, streams are not
// read (TCP slows the peer down) and the kernel drops datagrams. Copies of packets
// that came before are dropped on both.
//
// # Concurrency
//
// All methods may be called at the same time. A session has one goroutine for
// each transport; Close waits for their end. Two payloads of concurrent calls
// of Write go in any order.
package ssenet
