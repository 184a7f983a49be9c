package schc_test

import (
	"encoding/hex"
	"fmt"

	"github.com/schckit/schckit/schc"
)

// sensor is a rule set for datagrams of one sensor, with a Rule for all else.
func sensor() []schc.Rule {
	equal := func(f schc.FID, v ...byte) schc.FieldDescriptor {
		return schc.FieldDescriptor{FID: f, TV: [][]byte{v}, MO: schc.MOEqual, CDA: schc.CDANotSent}
	}
	compute := func(f schc.FID) schc.FieldDescriptor {
		return schc.FieldDescriptor{FID: f, MO: schc.MOIgnore, CDA: schc.CDACompute}
	}
	return []schc.Rule{
		{ID: schc.RuleID{Value: 1, Bits: 3}, Fields: []schc.FieldDescriptor{
			equal(schc.FIDIPv6Version, 6),
			equal(schc.FIDIPv6TrafficClass, 0),
			equal(schc.FIDIPv6FlowLabel, 0, 0, 0),
			compute(schc.FIDIPv6PayloadLength),
			equal(schc.FIDIPv6NextHeader, 17),
			equal(schc.FIDIPv6HopLimit, 64),
			equal(schc.FIDIPv6DevAddress, 0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2),
			equal(schc.FIDIPv6AppAddress, 0x20, 1, 0xd, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
			{FID: schc.FIDUDPDevPort, TV: [][]byte{{0x16, 0x30}}, MO: schc.MOMSB, MSB: 12, CDA: schc.CDALSB},
			equal(schc.FIDUDPAppPort, 0x16, 0x33),
			compute(schc.FIDUDPLength),
			compute(schc.FIDUDPChecksum),
		}},
		{ID: schc.RuleID{Value: 7, Bits: 3}, Nature: schc.NatureNoCompression},
	}
}

// A packet of the sensor: IPv6, UDP from port 5683 to port 5683, "hi".
const sensorPacket = "60000000000a114020010db800010000000000000000000220010db800020000000000000000000116331633000a0f936869"

func Example() {
	ctx, err := schc.NewContext(sensor(), schc.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	packet, _ := hex.DecodeString(sensorPacket)

	var c schc.Compressor
	c.Reset(ctx)
	sent, id, err := c.AppendCompress(nil, packet, schc.DirUp)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d bytes become %d: %x, rule %v\n", len(packet), len(sent), sent, id)

	var d schc.Decompressor
	d.Reset(ctx)
	back, _, err := d.AppendDecompress(nil, sent, schc.DirUp)
	fmt.Println(string(back) == string(packet), err)
	// Output:
	// 50 bytes become 3: 26d0d2, rule 1/3
	// true <nil>
}

func ExampleCompressor_CompressInto() {
	ctx, err := schc.NewContext(sensor(), schc.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	packet, _ := hex.DecodeString(sensorPacket)
	var c schc.Compressor
	c.Reset(ctx)
	var frame [11]byte // what the radio takes; nothing is allocated
	n, _, err := c.CompressInto(frame[:], packet, schc.DirUp)
	fmt.Println(n, err, c.Last().Bits, "bits")

	packet[40]++ // another port: no Rule but that for no compression, which is too long
	_, _, err = c.CompressInto(frame[:], packet, schc.DirUp)
	e, _ := err.(schc.Error)
	fmt.Println(e == schc.ErrShortBuffer)
	// Output:
	// 3 <nil> 23 bits
	// true
}

func ExampleContext_Explain() {
	ctx, err := schc.NewContext(sensor(), schc.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	packet, _ := hex.DecodeString(sensorPacket)
	for _, f := range ctx.Explain(packet, schc.DirUp, schc.Inputs{}).Fields {
		if f.ResidueBits > 0 {
			fmt.Printf("%v: %v sends %d of %d bits\n", f.FID, f.CDA, f.ResidueBits, f.LenBits)
		}
	}
	packet[7] = 63
	for _, r := range ctx.Explain(packet, schc.DirUp, schc.Inputs{}).Rules {
		fmt.Printf("rule %v: %v is %x, not %x\n", r.ID, r.FID, r.Value, r.Target)
	}
	// Output:
	// UDP.DEV_PORT: cda-lsb sends 4 of 16 bits
	// rule 1/3: IPV6.HOP_LMT is 3f, not 40
}

func ExampleNewContext() {
	rules := sensor()
	rules[0].Fields[3].CDA = schc.CDALSB
	_, err := schc.NewContext(rules, schc.Options{})
	fmt.Println(err)

	rules[0].Fields = rules[0].Fields[4:]
	_, err = schc.NewContext(rules, schc.Options{})
	fmt.Println(err)
	// Output:
	// schc: rule 1/3: field 4 (IPV6.LEN): has the action LSB, which goes with MSB(x)
	// schc: rule 1/3: IPV6.VER: is not described for direction up; a protocol that a Rule describes is described whole: add a Field Descriptor
}

func ExampleAppendFields() {
	packet, _ := hex.DecodeString(sensorPacket)
	fields, payload := schc.AppendFields(nil, packet, schc.DirUp, schc.ParseOptions{})
	fmt.Println(len(fields), "fields, payload at", payload)
	for _, f := range fields[10:12] {
		fmt.Println(f.ID, f.OffBits, f.LenBits)
	}
	// Output:
	// 14 fields, payload at 48
	// UDP.DEV_PORT 320 16
	// UDP.APP_PORT 336 16
}
