package schc_test

import (
	"encoding/hex"
	"testing"

	. "github.com/schckit/schckit/schc"
)

// Named tests of what property and fuzz tests found.

// sentRule describes the given fields, each sent as it is.
func sentRule(id RuleID, fields ...FID) Rule {
	r := Rule{ID: id}
	for _, f := range fields {
		r.Fields = append(r.Fields, sentField(f))
	}
	return r
}

// set replaces the descriptor of a field.
func set(r Rule, d FieldDescriptor) Rule {
	for i := range r.Fields {
		if r.Fields[i].FID == d.FID {
			r.Fields[i] = d
			return r
		}
	}
	panic("no such field")
}

var (
	ipv4Fields = []FID{FIDIPv4Version, FIDIPv4IHL, FIDIPv4TOS, FIDIPv4TotalLength, FIDIPv4ID, FIDIPv4Flags, FIDIPv4FragmentOffset, FIDIPv4TTL,
		FIDIPv4Protocol, FIDIPv4Checksum, FIDIPv4SrcAddress, FIDIPv4DstAddress, FIDIPv4Options}
	compactFields = []FID{FIDSSECompactSPI, FIDSSECompactFlags, FIDSSECompactLength, FIDSSECompactSN}
)

// one checks a single Rule against the slow reference on a packet, with
// whatever its SCHC Packet restores.
func one(t *testing.T, r Rule, packet string, dir Direction) slowResult {
	t.Helper()
	ctx, err := NewContext(oneRule(r), Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{rules: oneRule(r), ctx: ctx}
	pkt := unhexT(t, packet)
	c := &checker{n: &tally{byErr: map[Error]int{}}, spoil: func([]byte) [][]byte { return nil }}
	if c.packet(w, pkt, dir); c.failure != "" {
		t.Errorf("%s\npacket %x\n%v", c.failure, pkt, w)
	}
	return slowCompress(oneRule(r), Options{}, pkt, dir, Inputs{})
}

// restores checks what a SCHC Packet gives: a packet, or an error.
func restores(t *testing.T, r Rule, message, packet string, want error) {
	t.Helper()
	ctx, err := NewContext(oneRule(r), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var d Decompressor
	d.Reset(ctx)
	got, _, err := d.AppendDecompress(nil, unhexT(t, message), DirUp)
	if hex.EncodeToString(got) != packet || err != want {
		t.Errorf("AppendDecompress(%s) = %x, %v, want %s, %v", message, got, err, packet, want)
	}
}

// A mapping whose one value is empty, with a length that the Rule knows.
func TestEmptyOptionsMapped(t *testing.T) {
	r := sentRule(RuleID{7, 3}, ipv4Fields...)
	r = set(r, FieldDescriptor{FID: FIDIPv4IHL, TV: [][]byte{{5}}, MO: MOEqual, CDA: CDANotSent})
	r = set(r, FieldDescriptor{FID: FIDIPv4Options, TV: [][]byte{{}}, MO: MOMatchMapping, CDA: CDAMappingSent})
	if s := one(t, r, "45020022fa170000fe01c8f67e3aac8f4d1981e708023d256f734965", DirDown); s.rule != 0 {
		t.Errorf("the slow reference has rule %d", s.rule)
	}
	r = set(r, sentField(FIDIPv4Options))
	if s := one(t, r, "45020022fa170000fe01c8f67e3aac8f4d1981e708023d256f734965", DirDown); s.rule != 0 {
		t.Errorf("the slow reference has rule %d", s.rule)
	}
}

// A value that its operator excludes comes from no compressor.
func TestReceivedValueOutsideList(t *testing.T) {
	r := set(sentRule(RuleID{3489, 12}, compactFields...), FieldDescriptor{FID: FIDSSECompactSPI, TV: [][]byte{{0x27, 0x01, 0xda}}, MO: MOMatchMapping, CDA: CDAValueSent})
	restores(t, r, "da12701d0302010f2620", "", ErrMalformed)
}

// A later fragment has no header of the next layer.
func TestLaterFragment(t *testing.T) {
	r := sentRule(RuleID{0, 1}, append(ipv4Fields[:13:13], FIDUDPSrcPort, FIDUDPDstPort, FIDUDPLength, FIDUDPChecksum)...)
	first := "45000020000020000011000001020304050607081633163300080000" + "00000000"
	if s := one(t, r, first, DirUp); s.rule != 0 {
		t.Errorf("a first fragment: the slow reference has rule %d", s.rule)
	}
	if s := one(t, r, first[:12]+"2001"+first[16:], DirUp); s.rule >= 0 {
		t.Errorf("a later fragment: the slow reference has rule %d", s.rule)
	}
}

// What ignore and not-sent restore may have another length.
func TestLossyOSCOREKid(t *testing.T) {
	r := coapRule(sentField(FIDCoAPOSCOREFlags), sentField(FIDCoAPOSCOREPIV), sentField(FIDCoAPOSCOREKIDContext),
		FieldDescriptor{FID: FIDCoAPOSCOREKID, TV: [][]byte{{0x54}}, MO: MOIgnore, CDA: CDANotSent})
	if s := one(t, r, "400212349a19020500020101029f07", DirUp); s.rule != 0 || !s.lossy {
		t.Errorf("the slow reference has rule %d, lossy %v", s.rule, s.lossy)
	}
}

// A marker with nothing behind it, where the Rule describes the marker.
func TestMarkerAlone(t *testing.T) {
	r := sentRule(RuleID{68, 8}, FIDCoAPCode, FIDCoAPMarker)
	if s := one(t, r, "17ff", DirDown); s.rule >= 0 {
		t.Errorf("the slow reference has rule %d", s.rule)
	}
	if s := one(t, r, "17ff00", DirDown); s.rule != 0 {
		t.Errorf("the slow reference has rule %d", s.rule)
	}
}

// A message that ends right before an index that decides a length.
func TestCutOffBeforeIndex(t *testing.T) {
	token := FieldDescriptor{FID: FIDCoAPToken, TV: [][]byte{{0x57, 0x1a, 0x37}, {0}}, MO: MOMatchMapping, CDA: CDAMappingSent}
	r := sentRule(RuleID{5, 6}, FIDCoAPVersion, FIDCoAPType, FIDCoAPTKL, FIDCoAPCode, FIDCoAPMID, FIDCoAPToken, FIDCoAPOption(17))
	r = set(r, FieldDescriptor{FID: FIDCoAPVersion, TV: [][]byte{{1}}, MO: MOEqual, CDA: CDANotSent})
	r = set(r, FieldDescriptor{FID: FIDCoAPTKL, TV: [][]byte{{1}}, MO: MOEqual, CDA: CDANotSent})
	r = set(r, token)
	// 6 bits of RuleID, 2 of type, 8 of code, 16 of Message ID: 4 bytes.
	restores(t, r, "15021234", "", ErrTruncated)
	restores(t, r, "1502123400", "", ErrMalformed) // index 0: a token of 3 bytes
	restores(t, r, "1502123480", "5102123400d004", nil)
}

// Parts of an OSCORE option that are not as long as its flags say.
func TestOSCOREFlagsOf5Bytes(t *testing.T) {
	r := coapRule(sentField(FIDCoAPOSCOREFlags), FieldDescriptor{FID: FIDCoAPOSCOREPIV, FL: FLOSCOREPIV, MO: MOIgnore, CDA: CDAValueSent},
		sentField(FIDCoAPOSCOREKIDContext), sentField(FIDCoAPOSCOREKID))
	// RuleID, type 0, TKL 0, code 2, Message ID, flags of 5 bytes 8b43030303 ...
	restores(t, r, hex.EncodeToString(slowBytes(slowID(r.ID)+"00"+"0000"+slowNum(2, 8)+slowNum(0x3030, 16)+
		"0101"+slowNum(0x8b43030303, 40)+slowNum(0x030303, 24)+"0000"+"0001"+slowNum(0x30, 8))), "", ErrMalformed)
}
