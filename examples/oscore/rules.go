package main

import "github.com/schckit/schckit/schc"

// The Rules of draft-ietf-schc-8824-update-09, in its order and with its
// spelling where Go allows it. One function per table.

func bytes(v ...byte) [][]byte { return [][]byte{v} }

func text(s string) [][]byte { return [][]byte{[]byte(s)} }

// codes is a mapping of CoAP codes.
func codes(v ...byte) (list [][]byte) {
	for i := range v {
		list = append(list, v[i:i+1])
	}
	return list
}

// equal is a field that is known: MO equal, CDA not-sent.
func equal(f schc.FID, di schc.Direction, tv [][]byte) schc.FieldDescriptor {
	return schc.FieldDescriptor{FID: f, DI: di, TV: tv, MO: schc.MOEqual, CDA: schc.CDANotSent}
}

// mapping sends the index of one of several values.
func mapping(f schc.FID, di schc.Direction, tv [][]byte) schc.FieldDescriptor {
	return schc.FieldDescriptor{FID: f, DI: di, TV: tv, MO: schc.MOMatchMapping, CDA: schc.CDAMappingSent}
}

// lsb sends the bits behind the first msb ones.
func lsb(f schc.FID, fl schc.FieldLength, di schc.Direction, tv [][]byte, msb uint16) schc.FieldDescriptor {
	return schc.FieldDescriptor{FID: f, FL: fl, DI: di, TV: tv, MO: schc.MOMSB, MSB: msb, CDA: schc.CDALSB}
}

const (
	up   = schc.DirUp
	down = schc.DirDown
	both = schc.DirBidirectional
)

var (
	uriHost     = schc.FIDCoAPOption(3)
	uriPath     = schc.FIDCoAPOption(11)
	proxyScheme = schc.FIDCoAPOption(39)
)

func rule(id uint32, fields ...[]schc.FieldDescriptor) schc.Rule {
	r := schc.Rule{ID: schc.RuleID{Value: id, Bits: 8}}
	for _, f := range fields {
		r.Fields = append(r.Fields, f...)
	}
	return r
}

func fields(f ...schc.FieldDescriptor) []schc.FieldDescriptor { return f }

// header is the CoAP header and token of all outer Rules: what differs are the
// types downlink, the codes and the first bits of the token.
func header(typeDown, codeUp, codeDown schc.FieldDescriptor, token byte) []schc.FieldDescriptor {
	return fields(
		equal(schc.FIDCoAPVersion, both, bytes(1)),
		equal(schc.FIDCoAPType, up, bytes(0)),
		typeDown,
		equal(schc.FIDCoAPTKL, both, bytes(1)),
		codeUp,
		codeDown,
		lsb(schc.FIDCoAPMID, 0, both, bytes(0, 0), 12),
		lsb(schc.FIDCoAPToken, schc.FLTokenLength, both, bytes(token), 5),
	)
}

var (
	typeACK      = equal(schc.FIDCoAPType, down, bytes(2))
	typeCONOrACK = mapping(schc.FIDCoAPType, down, codes(0, 2))

	codeGET        = equal(schc.FIDCoAPCode, up, bytes(1))
	codePOST       = equal(schc.FIDCoAPCode, up, bytes(2))
	codeRequests   = mapping(schc.FIDCoAPCode, up, codes(1, 2, 3, 4))
	codeChanged    = equal(schc.FIDCoAPCode, down, bytes(68))
	codeContentNot = mapping(schc.FIDCoAPCode, down, codes(69, 132)) // 2.05, 4.04
	codeResponses  = mapping(schc.FIDCoAPCode, down, codes(65, 68, 69, 132))

	temperature = equal(uriPath, up, text("temperature"))
	anyHost     = schc.FieldDescriptor{FID: uriHost, FL: schc.FLVar, DI: up, MO: schc.MOIgnore, CDA: schc.CDAValueSent}
	schemeCoAP  = equal(proxyScheme, up, text("coap"))
)

// oscoreOption is the four parts of the OSCORE option: Partial IVs to 15 and
// a kid whose last 4 bits differ; nothing in responses.
func oscoreOption(kid [][]byte, kidMSB uint16) []schc.FieldDescriptor {
	return fields(
		equal(schc.FIDCoAPOSCOREFlags, up, bytes(0x09)),
		equal(schc.FIDCoAPOSCOREFlags, down, bytes()),
		lsb(schc.FIDCoAPOSCOREPIV, schc.FLOSCOREPIV, up, bytes(0), 4),
		equal(schc.FIDCoAPOSCOREPIV, down, bytes()),
		equal(schc.FIDCoAPOSCOREKIDContext, both, bytes()),
		lsb(schc.FIDCoAPOSCOREKID, schc.FLVarBits, up, kid, kidMSB),
		equal(schc.FIDCoAPOSCOREKID, down, bytes()),
	)
}

// table4 is the inner Rule of Section 8.3.
func table4() schc.Rule { return rule(0, fields(codeGET, codeContentNot, temperature)) }

// table5 is the outer Rule of Section 8.3.
func table5() schc.Rule {
	return rule(1, header(typeACK, codePOST, codeChanged, 0x80), oscoreOption(text("client"), 44))
}

// table6 compresses the same messages without OSCORE. The draft (as RFC 8824)
// prints Code 2 for the uplink, but its message is a GET, Code 1: with 2 the
// Rule never matches.
func table6() schc.Rule {
	return rule(2, header(typeACK, codeGET, codeContentNot, 0x80), fields(temperature))
}

// table7 is for Device and proxy, without OSCORE.
func table7() schc.Rule {
	return rule(0, header(typeCONOrACK, codeRequests, codeResponses, 0x80), fields(anyHost, temperature, schemeCoAP))
}

// table8 is for proxy and Application Server, without OSCORE.
func table8() schc.Rule {
	return rule(1, header(typeCONOrACK, codeRequests, codeResponses, 0x70), fields(anyHost, temperature))
}

// table9 is the inner Rule of Section 10.2.
func table9() schc.Rule { return rule(2, fields(codeRequests, codeResponses, temperature)) }

// table10 is the outer Rule of Device and proxy.
func table10() schc.Rule {
	return rule(3, header(typeCONOrACK, codePOST, codeChanged, 0x80), fields(anyHost), oscoreOption(bytes(0, 0), 12),
		fields(schemeCoAP))
}

// table11 is the outer Rule of proxy and Application Server.
func table11() schc.Rule {
	return rule(4, header(typeCONOrACK, codePOST, codeChanged, 0x70), fields(anyHost), oscoreOption(bytes(0, 0), 12))
}
