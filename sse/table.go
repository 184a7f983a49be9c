package sse

// A Table finds the session of a received packet by its SPI. It holds the
// sessions of one receiver that share a transport; all of them have In.
type Table struct {
	// List is the sessions; Add appends to it, and does not allocate when it
	// has room.
	List []*Session
}

// Add adds a session. ErrRefused says that the SPI is that of another one,
// perhaps only as truncated for the compact format: the negotiation is to be
// rejected then, and the key management called again (draft-moskowitz-sse-05,
// Section 5.4). ErrUnsupported says that the session does not receive.
func (t *Table) Add(s *Session) error {
	if !s.in.on {
		return ErrUnsupported
	}
	if t.Taken(s.in.spi) {
		return ErrRefused
	}
	t.List = append(t.List, s)
	return nil
}

// Taken reports whether a session with the SPI, as it stands in headers, is
// there: what a negotiation asks before it chooses one.
func (t *Table) Taken(spi uint32) bool { return t.Find(spi, 32) != nil }

// Remove removes a session and reports whether it was there.
func (t *Table) Remove(s *Session) bool {
	for i, x := range t.List {
		if x == s {
			last := len(t.List) - 1
			t.List[i] = t.List[last]
			t.List[last] = nil
			t.List = t.List[:last]
			return true
		}
	}
	return false
}

// Find returns the session whose SPI has the low-order bits of spi, or nil if
// there is none or more than one. bits is 0 to 32: 32 for an SPI from a header,
// less for one from a compressed header.
func (t *Table) Find(spi uint32, bits uint8) *Session {
	mask := uint32(1)<<bits - 1
	if bits >= 32 {
		mask = ^uint32(0)
	}
	var found *Session
	for _, s := range t.List {
		if (s.in.spi^spi)&mask != 0 {
			continue
		}
		if found != nil {
			return nil
		}
		found = s
	}
	return found
}
