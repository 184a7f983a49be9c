package linksim

import "github.com/schckit/schckit/schc"

// An Exchange sends packets under one fragmentation Rule over a link that loses
// nothing, with both state machines. The zero value is not usable; call Reset.
type Exchange struct {
	p        schc.Profile
	sender   schc.Sender
	receiver schc.Receiver
	sessions [1]schc.Session
	smem     []byte
	rmem     []byte
	buf      []byte
	ack      []byte
}

// Reset prepares for packets under p.
func (x *Exchange) Reset(p *schc.Profile) {
	x.p = *p
	x.rmem = make([]byte, p.SessionBytes())
	x.ack = make([]byte, 1<<14) // a bitmap of any WINDOW_SIZE, and more
}

// Run sends the SCHC Packet of so many bits in messages of at most mtu bytes. It
// calls emit with each SCHC Fragment, which is valid during the call, and
// returns what the receiver delivers, with the padding of the last fragment,
// valid until the next call.
//
// The error is a schc.Error of Sender.Start or Sender.Next, or that of the
// Reason for which a side gave up.
func (x *Exchange) Run(packet []byte, bits, mtu int, dtag uint32, emit func(msg []byte, bits int)) (delivered []byte, n int, err error) {
	if need := x.p.SenderBytes(bits); len(x.smem) < need {
		x.smem = make([]byte, need)
	}
	if len(x.buf) < mtu {
		x.buf = make([]byte, mtu)
	}
	x.sender.Reset(&x.p, x.smem)
	x.receiver.Reset([]schc.Profile{x.p}, x.sessions[:], x.rmem)
	if err := x.sender.Start(packet, bits, dtag, 0); err != nil {
		return nil, 0, err
	}
	return x.loop(mtu, emit)
}

func (x *Exchange) loop(mtu int, emit func(msg []byte, bits int)) (delivered []byte, n int, err error) {
	for now := uint64(0); x.sender.Active(); {
		out, err := x.sender.Next(x.buf[:mtu], 8*mtu, now)
		if err != nil {
			return nil, 0, err
		}
		if out.Bits == 0 {
			if out.Deadline == schc.Never {
				break // nobody will ever say more
			}
			now = max(now, out.Deadline)
			if x.sender.Active() && delivered == nil && now == schc.Never {
				break
			}
			continue
		}
		if out.Kind == schc.MessageRegular || out.Kind == schc.MessageAll1 {
			emit(out.Msg, out.Bits)
		}
		ev, err := x.receiver.Receive(out.Msg, out.Bits, now)
		if err != nil {
			return nil, 0, err
		}
		switch ev.Kind {
		case schc.EventPacket:
			delivered, n = ev.Packet, ev.Bits
		case schc.EventDropped, schc.EventRefused:
			return nil, 0, ev.Reason.Err()
		}
		if err := x.answers(now); err != nil {
			return nil, 0, err
		}
		if delivered != nil && x.sender.State() == schc.SenderDone {
			return delivered, n, nil
		}
	}
	if r := x.sender.Reason(); r != 0 {
		return nil, 0, r.Err()
	}
	if delivered == nil {
		return nil, 0, schc.ErrIncomplete
	}
	return delivered, n, nil
}

// answers gives the sender what the receiver has to say now.
func (x *Exchange) answers(now uint64) error {
	for {
		out, err := x.receiver.Next(x.ack, 8*len(x.ack), now)
		if err != nil {
			return err
		}
		if out.Event.Kind == schc.EventDropped {
			return out.Event.Reason.Err()
		}
		if out.Bits == 0 {
			return nil
		}
		// What does not concern the sender now is nothing to it.
		_ = x.sender.Receive(out.Msg, out.Bits, now)
	}
}
