package rulefile

import "github.com/schckit/schckit/schc"

// ownParameters are the parameters of fragmentation that RFC 9363 has no name
// for. They have the same names in FRModeProfile and in our YANG module. A
// time is in seconds in the former and in milliseconds in the latter.
var ownParameters = []struct {
	name  string
	flag  func(f *schc.Fragmentation) *bool
	bytes func(f *schc.Fragmentation) *uint8
	ms    func(f *schc.Fragmentation) *uint32
}{
	{name: "penultimate-tile-short", flag: func(f *schc.Fragmentation) *bool { return &f.PenultimateShort }},
	{name: "ack-on-repair", flag: func(f *schc.Fragmentation) *bool { return &f.AckOnRepair }},
	{name: "attempts-per-ack", flag: func(f *schc.Fragmentation) *bool { return &f.AttemptsPerAck }},
	{name: "no-ack-req", flag: func(f *schc.Fragmentation) *bool { return &f.NoAckReq }},
	{name: "all-1-empty", flag: func(f *schc.Fragmentation) *bool { return &f.All1Empty }},
	{name: "header-padding", flag: func(f *schc.Fragmentation) *bool { return &f.HeaderPad }},
	{name: "fcn-count-down", flag: func(f *schc.Fragmentation) *bool { return &f.CountDown }},
	{name: "fragment-bytes", bytes: func(f *schc.Fragmentation) *uint8 { return &f.FragmentBytes }},
	{name: "ack-bytes", bytes: func(f *schc.Fragmentation) *uint8 { return &f.AckBytes }},
	{name: "listen-time", ms: func(f *schc.Fragmentation) *uint32 { return &f.ListenMs }},
	{name: "uplink-ack-time", ms: func(f *schc.Fragmentation) *uint32 { return &f.UplinkAckMs }},
}

// fragOwn is the key of the first of them; see fragMembers.
const (
	fragOwn     = numFragKeys
	maxFragKeys = fragOwn + 32
)

// withOwn adds the keys of ownParameters to known, and ownNames their names to
// names.
func withOwn(known map[string]int) map[string]int {
	for i, p := range ownParameters {
		known[fold([]byte(p.name))] = fragOwn + i
	}
	return known
}

func ownNames(names []string) []string {
	for _, p := range ownParameters {
		names = append(names, p.name)
	}
	return names
}

// loadOwn reads the parameters of ownParameters from FRModeProfile.
func (s *scanner) loadOwn(m *fragMembers, f *schc.Fragmentation) *Error {
	for i, p := range ownParameters {
		if !m.has(fragOwn + i) {
			continue
		}
		var err *Error
		t := s.at(m[fragOwn+i].value)
		switch {
		case p.flag != nil:
			*p.flag(f), err = t.boolean(p.name + ", true or false,")
		case p.bytes != nil:
			var v uint64
			v, err = t.uint(p.name, 255)
			*p.bytes(f) = uint8(v)
		default:
			*p.ms(f), err = t.seconds(p.name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ownNode reads one of ownParameters as a node of our YANG module.
func ownNode(t tree, name string, f *schc.Fragmentation) (known bool, err *Error) {
	for _, p := range ownParameters {
		if p.name != name {
			continue
		}
		var v uint64
		switch {
		case p.flag != nil:
			*p.flag(f), err = t.boolean(name)
		case p.bytes != nil:
			v, err = t.uint(name, 255)
			*p.bytes(f) = uint8(v)
		default:
			v, err = t.uint(name, 1<<32-1)
			*p.ms(f) = uint32(v)
		}
		return true, err
	}
	return false, nil
}

// writeOwn writes those of ownParameters that are not zero.
func writeOwn(w yangWriter, f *schc.Fragmentation) {
	for _, p := range ownParameters {
		switch {
		case p.flag != nil && *p.flag(f):
			w.boolean(p.name, true)
		case p.bytes != nil && *p.bytes(f) != 0:
			w.uint(p.name, uint64(*p.bytes(f)))
		case p.ms != nil && *p.ms(f) != 0:
			w.uint(p.name, uint64(*p.ms(f)))
		}
	}
}
