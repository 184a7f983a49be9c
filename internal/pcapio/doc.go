// Package pcapio reads and writes packet captures for the host tools: classic
// pcap and pcapng, plain or gzip-compressed on input, in constant memory.
//
//	r, err := pcapio.Open(path, os.Stdin)      // "-" is the given standard input
//	defer r.Close()
//	out, err := pcapio.Create(dst, os.Stdout, r.Info()) // temporary name, renamed by Commit
//	defer out.Abort()                          // does nothing after Commit
//	w := pcapio.NewNgWriter(out, "schc")
//	var p pcapio.Packet
//	for {
//		if err = r.Next(&p); err != nil {
//			break // io.EOF, ErrTruncated, ErrCorrupt, or an error of the operating system
//		}
//		...                                // w.AddInterface when p.Iface is new, w.WritePacket
//	}
//	err = w.Flush()
//	err = out.Commit()
//
// # Formats
//
//	pcap      micro- and nanoseconds, both byte orders        read, write
//	pcapng    Section Header, Interface Description,          read, write
//	          Enhanced Packet
//	          Simple Packet, (obsolete) Packet                read
//	          several sections, both byte orders              read; written as one
//	          if_tsresol, if_tsoffset, every other if_ option read, write
//	          epb_flags                                       read, write
//	          other packet options (comments, hashes),        skipped: they are
//	          Name Resolution, Interface Statistics,          not carried over
//	          Decryption Secrets, custom and unknown blocks
//	gzip      around any of these                             read
//	Kuznetzov's modified pcap, pcap of major versions not 2   refused (ErrFormat)
//
// A Simple Packet Block has no time; Packet.NoTime says so, and it is written
// again as an Enhanced Packet Block at tick 0.
//
// # Time
//
// A Packet carries Ticks, the 64-bit count of the file, and its Interface
// says what a tick is (Resolution, TimeOffset). Writing Ticks to an interface
// that has the same two values gives an identical time, whatever the
// resolution and however far beyond the range of a time.Duration it lies.
// A classic record whose fraction is a second or more (a broken file) keeps its
// instant; the fraction is carried into the seconds.
//
// # Link layers
//
// Locate finds the IP datagram of a frame, LocateEtherType the SCHC Packet of
// a compressed one; neither allocates nor reads past the frame. On Ethernet and
// Linux cooked captures TypeOff is where the EtherType is substituted. Raw IP and
// loopback frames have none: they become LinkTypeUser0, and what was in front
// of the datagram (the 4-byte loopback family, in whichever byte order) is
// remembered in the interface's description (Meta), with the link type, the
// name and the file format of the input.
//
// # Filters
//
// CompileFilter accepts the language of pcap-filter(7) with tcpdump's meaning;
// filter.go lists what is and is not there.
//
// # Ownership and concurrency
//
// Packet.Data points into the Reader's buffer and is valid until the next call
// of Next or Close. Interfaces returned by a Reader are never changed again. No
// type here may be used by two goroutines at once, except a *Filter, which is
// immutable, and Reader.Offset, which a progress display may call at any time.
package pcapio
