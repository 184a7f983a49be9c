package fragsim

import (
	"bytes"
	"errors"
	"math/rand"

	"github.com/schckit/schckit/internal/linksim"
	"github.com/schckit/schckit/schc"
)

// Config is what is simulated.
type Config struct {
	Profile   *schc.Profile
	Name      string // of the profile
	Radio     Radio
	MTUBytes  int     // the largest message of the sender
	BackBytes int     // and of the receiver
	Loss      float64 // share of messages lost, in both directions
	Burst     float64 // mean length of a run of losses; 0 or 1: independent
	Reorder   float64 // share of messages that come late
	LateMs    uint64  // by up to so much
	Duplicate float64 // share that comes twice
	Corrupt   float64 // share that comes with a few bits inverted
	Duty      float64 // duty cycle of each side, 0 < Duty <= 1; 0: none
	Seed      int64
}

// A Packet is one to be sent.
type Packet struct {
	Data []byte
	Bits int
}

// RandomPackets returns n packets of so many random bytes.
func RandomPackets(n, size int, seed int64) []Packet {
	r := rand.New(rand.NewSource(seed))
	list := make([]Packet, n)
	for i := range list {
		list[i] = Packet{make([]byte, size), 8 * size}
		r.Read(list[i].Data)
	}
	return list
}

// Counts are the counts of a packet, or their sums.
type Counts struct {
	Bytes           int    `json:"bytes"`           // of the SCHC Packet
	Fragments       int    `json:"fragments"`       // SCHC Fragments sent for the first time
	Retransmissions int    `json:"retransmissions"` // and again
	AckRequests     int    `json:"ack_requests"`
	Acks            int    `json:"acks"`
	Aborts          int    `json:"aborts"`
	Lost            int    `json:"lost_messages"` // in both directions
	ForwardBytes    int    `json:"forward_bytes"` // of the sender's messages
	BackBytes       int    `json:"back_bytes"`    // of the receiver's
	ForwardAirUs    uint64 `json:"forward_air_us"`
	BackAirUs       uint64 `json:"back_air_us"`
}

func (c *Counts) add(d *Counts) {
	c.Bytes += d.Bytes
	c.Fragments += d.Fragments
	c.Retransmissions += d.Retransmissions
	c.AckRequests += d.AckRequests
	c.Acks += d.Acks
	c.Aborts += d.Aborts
	c.Lost += d.Lost
	c.ForwardBytes += d.ForwardBytes
	c.BackBytes += d.BackBytes
	c.ForwardAirUs += d.ForwardAirUs
	c.BackAirUs += d.BackAirUs
}

// Result is what became of one packet.
type Result struct {
	Packet int `json:"packet"` // from 1
	Counts
	DurationMs uint64 `json:"duration_ms"`      // until the last message was on the air
	Delivered  bool   `json:"delivered"`        // the receiver has the packet
	Confirmed  bool   `json:"confirmed"`        // the sender knows, or asks for no ACK
	Reason     string `json:"reason,omitempty"` // why not
}

// Total is the sum of all packets.
type Total struct {
	Packets   int `json:"packets"`
	Delivered int `json:"delivered"`
	Confirmed int `json:"confirmed"`
	Counts
	DeliveredShare float64 `json:"delivered_share"`
	AirMsPerPacket float64 `json:"air_ms_per_packet"` // both directions
	// Reasons counts the packets that were not delivered by Result.Reason.
	Reasons map[string]int `json:"reasons,omitempty"`
}

// Report is the result of a simulation.
type Report struct {
	Profile   string   `json:"profile"`
	Rule      string   `json:"rule"`
	Mode      string   `json:"fragmentation_mode"`
	Radio     string   `json:"radio"`
	MTUBytes  int      `json:"mtu_bytes"`
	Loss      float64  `json:"loss"`
	Burst     float64  `json:"burst_messages"`
	Reorder   float64  `json:"reorder"`
	Duplicate float64  `json:"duplicate"`
	Corrupt   float64  `json:"corrupt"`
	Duty      float64  `json:"duty_cycle"`
	Seed      int64    `json:"seed"`
	Limits    Limits   `json:"limits"`
	Packets   []Result `json:"packets"`
	Total     Total    `json:"total"`
	Sweep     []Point  `json:"sweep,omitempty"`
}

// Limits are those that the Rule gives a sender: they decide what gets through.
type Limits struct {
	MaxAckRequests   uint8  `json:"max_ack_requests"`
	AttemptsPerAck   bool   `json:"attempts_per_ack"` // else of a packet, in ACK-Always of a window
	RetransmissionMs uint32 `json:"retransmission_ms"`
	InactivityMs     uint32 `json:"inactivity_ms"`
}

// Point is the total at one share of losses.
type Point struct {
	Loss           float64 `json:"loss"`
	DeliveredShare float64 `json:"delivered_share"`
	ConfirmedShare float64 `json:"confirmed_share"`
	AirMsPerPacket float64 `json:"air_ms_per_packet"`
}

// ErrWrong is for a packet that was delivered with another content: only a Rule
// whose Reassembly Check Sequence does not look at it lets that happen.
var ErrWrong = errors.New("delivered with another content")

// maxSteps bounds the simulation of a packet.
const maxSteps = 2_000_000

// Run sends the packets one after the other, each over a link of its own that is
// at rest.
func Run(c *Config, packets []Packet) (*Report, error) {
	r := &Report{Profile: c.Name, Rule: c.Profile.Rule().String(), Mode: c.Profile.Fragmentation().Mode.String(), Radio: c.Radio.Name,
		MTUBytes: c.MTUBytes, Loss: c.Loss, Burst: c.Burst, Reorder: c.Reorder, Duplicate: c.Duplicate, Corrupt: c.Corrupt, Duty: c.Duty,
		Seed: c.Seed, Packets: []Result{}}
	f := c.Profile.Fragmentation()
	r.Limits = Limits{f.MaxAckRequests, f.AttemptsPerAck, f.RetransmissionMs, f.InactivityMs}
	s := newRun(c)
	for i := range packets {
		res, err := s.send(&packets[i], int64(i))
		if err != nil {
			return nil, err
		}
		res.Packet = i + 1
		r.Packets = append(r.Packets, res)
	}
	r.Total = total(r.Packets)
	return r, nil
}

func total(list []Result) (t Total) {
	for i := range list {
		p := &list[i]
		t.Packets++
		if p.Delivered {
			t.Delivered++
		} else {
			if t.Reasons == nil {
				t.Reasons = map[string]int{}
			}
			t.Reasons[p.Reason]++
		}
		if p.Confirmed {
			t.Confirmed++
		}
		t.Counts.add(&p.Counts)
	}
	if t.Packets > 0 {
		t.DeliveredShare = float64(t.Delivered) / float64(t.Packets)
		t.AirMsPerPacket = float64(t.ForwardAirUs+t.BackAirUs) / float64(1000*t.Packets)
	}
	return t
}

// RunSweep runs the packets at other shares of losses and keeps the totals.
func (r *Report) RunSweep(c *Config, packets []Packet, losses []float64) error {
	for _, loss := range losses {
		d := *c
		d.Loss = loss
		x, err := Run(&d, packets)
		if err != nil {
			return err
		}
		r.Sweep = append(r.Sweep, Point{loss, x.Total.DeliveredShare, float64(x.Total.Confirmed) / float64(max(x.Total.Packets, 1)), x.Total.AirMsPerPacket})
	}
	return nil
}

// run is the state machines and the link, used again for every packet.
type run struct {
	c        *Config
	sim      linksim.Sim
	sender   schc.Sender
	receiver schc.Receiver
	sessions [1]schc.Session
	mem      []byte
	res      *Result
	want     *Packet
	wrong    bool
	why      schc.Reason
	seen     map[string]bool // messages, or tiles, that were sent before
}

func newRun(c *Config) *run {
	s := &run{c: c, mem: make([]byte, c.Profile.SessionBytes())}
	s.sim.Senders = []*schc.Sender{&s.sender}
	s.sim.Receiver = &s.receiver
	up := c.Profile.Fragmentation().Direction == schc.DirUp
	s.sim.Forward, s.sim.Back = c.link(up, c.MTUBytes), c.link(!up, c.BackBytes)
	s.sim.OnEvent = s.event
	s.sim.Trace = func(m linksim.Message) { s.message(&m, up) }
	return s
}

// link returns one direction.
func (c *Config) link(up bool, mtu int) linksim.Link {
	air := func(bits int) uint64 { return (c.Radio.Air((bits+7)/8, up) + 999) / 1000 }
	l := linksim.Link{Loss: c.Loss, Burst: c.Burst, Duplicate: c.Duplicate, Reorder: c.Reorder, LateMs: c.LateMs, Corrupt: c.Corrupt,
		DelayMs: c.Radio.DelayMs, AirMsOf: func(bits int) uint64 { return max(air(bits), 1) },
		MTUBits: func(*rand.Rand) int { return 8 * mtu }}
	if c.Duty > 0 {
		l.GapMsOf = func(bits int) uint64 { return uint64(float64(air(bits)) * (1/c.Duty - 1)) }
	}
	return l
}

// send simulates one packet.
func (s *run) send(p *Packet, i int64) (Result, error) {
	res := Result{Counts: Counts{Bytes: (p.Bits + 7) / 8}}
	s.res, s.want, s.wrong, s.why, s.seen = &res, p, false, 0, map[string]bool{}
	s.receiver.Reset([]schc.Profile{*s.c.Profile}, s.sessions[:], s.mem)
	s.sender.Reset(s.c.Profile, make([]byte, s.c.Profile.SenderBytes(p.Bits)))
	if err := s.sender.Start(p.Data, p.Bits, 0, 0); err != nil {
		return res, err
	}
	// A generator of its own for each packet: more packets do not change the
	// first ones.
	s.sim.Reset(rand.New(rand.NewSource(s.c.Seed*1_000_003+i)), 0)
	if _, err := s.fits(); err != nil {
		return res, err
	}
	if !s.sim.Run(maxSteps) {
		return res, errors.New("the simulation does not come to rest")
	}
	if s.wrong {
		res.Reason = ErrWrong.Error()
	}
	res.Confirmed = s.sender.State() == schc.SenderDone
	switch {
	case s.wrong || res.Delivered:
	case s.why == schc.ReasonSenderAbort && s.sender.Reason() != 0:
		res.Reason = s.sender.Reason().String() // why it sent one
	case s.why != 0:
		res.Reason = s.why.String()
	case s.sender.Reason() != 0:
		res.Reason = s.sender.Reason().String()
	default:
		res.Reason = schc.ReasonMissing.String()
	}
	return res, nil
}

// fits makes sure that a first message fits the MTU: else the sender would wait
// for a larger one for ever.
func (s *run) fits() (schc.Output, error) {
	probe := s.sender
	buf := make([]byte, s.c.MTUBytes)
	mem := make([]byte, s.c.Profile.SenderBytes(s.want.Bits))
	probe.Reset(s.c.Profile, mem)
	if err := probe.Start(s.want.Data, s.want.Bits, 0, 0); err != nil {
		return schc.Output{}, err
	}
	return probe.Next(buf, 8*len(buf), 0)
}

func (s *run) event(ev schc.Event) {
	switch ev.Kind {
	case schc.EventPacket:
		n := (s.want.Bits + 7) / 8
		if len(ev.Packet) >= n && bytes.Equal(ev.Packet[:n], s.want.Data[:n]) {
			s.res.Delivered = true
		} else {
			s.wrong = true
		}
	case schc.EventDropped, schc.EventRefused:
		s.why = ev.Reason
	}
}

// message counts a message.
func (s *run) message(m *linksim.Message, up bool) {
	n := (m.Bits + 7) / 8
	c := &s.res.Counts
	if m.Lost {
		c.Lost++
	}
	air := s.c.Radio.Air(n, up == m.Forward)
	s.res.DurationMs = max(s.res.DurationMs, m.At+(air+999)/1000)
	if !m.Forward {
		c.BackBytes += n
		c.BackAirUs += air
		if m.Kind == schc.MessageAck {
			c.Acks++
		} else {
			c.Aborts++
		}
		return
	}
	c.ForwardBytes += n
	c.ForwardAirUs += air
	switch m.Kind {
	case schc.MessageAckReq:
		c.AckRequests++
	case schc.MessageSenderAbort:
		c.Aborts++
	default:
		if s.sentBefore(m) {
			c.Retransmissions++
		} else {
			c.Fragments++
		}
	}
}

// sentBefore reports whether all that a fragment carries was sent before. With
// tiles of a fixed size those are told by their numbers; else a fragment is the
// same if its bytes are.
func (s *run) sentBefore(m *linksim.Message) bool {
	p, f := s.c.Profile, s.c.Profile.Fragmentation()
	msg, err := p.ParseFragment(m.Msg, m.Bits)
	if err != nil || f.Mode != schc.FragmentationAckOnError {
		old := s.seen[string(m.Msg)]
		s.seen[string(m.Msg)] = true
		return old
	}
	key := func(w, fcn uint32) string {
		return string([]byte{byte(w >> 8), byte(w), byte(fcn >> 8), byte(fcn), byte(msg.Kind)})
	}
	if msg.Kind == schc.MessageAll1 {
		old := s.seen[key(0, 0)]
		s.seen[key(0, 0)] = true
		return old
	}
	old, w, fcn := true, msg.W, msg.FCN
	for n := max(msg.LenBits/int(f.TileBits), 1); n > 0; n-- {
		old = old && s.seen[key(w, fcn)]
		s.seen[key(w, fcn)] = true
		if fcn == 0 {
			w, fcn = w+1, uint32(f.WindowSize)
		}
		fcn--
	}
	return old
}
