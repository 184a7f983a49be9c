package rulefile

import (
	"strings"

	"github.com/schckit/schckit/schc"
)

// Names in files are compared by their folded form: capital letters, without
// "-", "_" and blanks.
func fold(s []byte) string {
	var a [48]byte
	b := a[:0]
	for _, c := range s {
		switch {
		case c == '-' || c == '_' || c == ' ':
			continue
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		}
		b = append(b, c)
	}
	return string(b)
}

// fidAliases are spellings of fields found in the wild, folded.
var fidAliases = map[string]schc.FID{
	"IPV6.VERSION":          schc.FIDIPv6Version,
	"IPV6.TRAFFICCLASS":     schc.FIDIPv6TrafficClass,
	"IPV6.DIFFSERV":         schc.FIDIPv6TrafficClass,
	"IPV6.FLOWLABEL":        schc.FIDIPv6FlowLabel,
	"IPV6.LENGTH":           schc.FIDIPv6PayloadLength,
	"IPV6.PAYLOADLENGTH":    schc.FIDIPv6PayloadLength,
	"IPV6.NH":               schc.FIDIPv6NextHeader,
	"IPV6.NEXTHEADER":       schc.FIDIPv6NextHeader,
	"IPV6.HL":               schc.FIDIPv6HopLimit,
	"IPV6.HOPLIMIT":         schc.FIDIPv6HopLimit,
	"IPV6.DEVADDRESS":       schc.FIDIPv6DevAddress,
	"IPV6.APPADDRESS":       schc.FIDIPv6AppAddress,
	"IPV6.SRC":              schc.FIDIPv6SrcAddress,
	"IPV6.DST":              schc.FIDIPv6DstAddress,
	"IPV6.SADDR":            schc.FIDIPv6SrcAddress,
	"IPV6.DADDR":            schc.FIDIPv6DstAddress,
	"IPV6.SRCADDRESS":       schc.FIDIPv6SrcAddress,
	"IPV6.DSTADDRESS":       schc.FIDIPv6DstAddress,
	"IPV4.VERSION":          schc.FIDIPv4Version,
	"IPV4.TC":               schc.FIDIPv4TOS,
	"IPV4.LENGTH":           schc.FIDIPv4TotalLength,
	"IPV4.TOTALLENGTH":      schc.FIDIPv4TotalLength,
	"IPV4.IDENT":            schc.FIDIPv4ID,
	"IPV4.IDENTIFICATION":   schc.FIDIPv4ID,
	"IPV4.FLAG":             schc.FIDIPv4Flags,
	"IPV4.OFF":              schc.FIDIPv4FragmentOffset,
	"IPV4.OFFSET":           schc.FIDIPv4FragmentOffset,
	"IPV4.FRAGMENTOFFSET":   schc.FIDIPv4FragmentOffset,
	"IPV4.PROTOCOL":         schc.FIDIPv4Protocol,
	"IPV4.CHECKSUM":         schc.FIDIPv4Checksum,
	"IPV4.OPTIONS":          schc.FIDIPv4Options,
	"IPV4.DEVADDRESS":       schc.FIDIPv4DevAddress,
	"IPV4.APPADDRESS":       schc.FIDIPv4AppAddress,
	"IPV4.SRC":              schc.FIDIPv4SrcAddress,
	"IPV4.DST":              schc.FIDIPv4DstAddress,
	"UDP.LENGTH":            schc.FIDUDPLength,
	"UDP.CHECKSUM":          schc.FIDUDPChecksum,
	"UDPLITE.CSCOV":         schc.FIDUDPLiteCoverage,
	"UDPLITE.CHECKSUM":      schc.FIDUDPLiteChecksum,
	"TCP.SEQUENCE":          schc.FIDTCPSequence,
	"TCP.SEQNO":             schc.FIDTCPSequence,
	"TCP.ACKNO":             schc.FIDTCPAcknowledgment,
	"TCP.DATAOFFSET":        schc.FIDTCPDataOffset,
	"TCP.RESERVED":          schc.FIDTCPReserved,
	"TCP.WINDOW":            schc.FIDTCPWindow,
	"TCP.CHECKSUM":          schc.FIDTCPChecksum,
	"TCP.URGENT":            schc.FIDTCPUrgent,
	"TCP.URGPTR":            schc.FIDTCPUrgent,
	"TCP.OPTIONS":           schc.FIDTCPOptions,
	"SCTP.CHECKSUM":         schc.FIDSCTPChecksum,
	"ICMPV6.CHECKSUM":       schc.FIDICMPv6Checksum,
	"ICMPV6.ID":             schc.FIDICMPv6Identifier,
	"ICMPV6.IDENTIFIER":     schc.FIDICMPv6Identifier,
	"ICMPV6.SEQ":            schc.FIDICMPv6Sequence,
	"ICMPV6.SEQNB":          schc.FIDICMPv6Sequence,
	"ICMPV6.SEQUENCE":       schc.FIDICMPv6Sequence,
	"ICMPV4.CHECKSUM":       schc.FIDICMPv4Checksum,
	"ICMPV4.IDENTIFIER":     schc.FIDICMPv4Identifier,
	"ICMPV4.SEQ":            schc.FIDICMPv4Sequence,
	"ICMPV4.SEQNB":          schc.FIDICMPv4Sequence,
	"ESP.SEQ":               schc.FIDESPSN,
	"COAP.VERSION":          schc.FIDCoAPVersion,
	"COAP.TOKENLENGTH":      schc.FIDCoAPTKL,
	"COAP.MESSAGEID":        schc.FIDCoAPMID,
	"COAP.OSCOREKIDCONTEXT": schc.FIDCoAPOSCOREKIDContext,
	"COAP.NORESP":           schc.FIDCoAPOption(258),
	"COAP.CONTFORMAT":       schc.FIDCoAPOption(12),
}

// fidNames has all fields by their folded rule-file name, their alias and
// their YANG identity.
var fidNames = func() map[string]schc.FID {
	m := make(map[string]schc.FID, 512)
	for k, f := range fidAliases {
		m[k] = f
	}
	for _, f := range schc.FieldIDs(nil) {
		m[fold([]byte(f.String()))] = f
		m[fold([]byte(f.YANG()))] = f
	}
	return m
}()

// parseFID reads the name of a field as a person writes it.
func parseFID(s []byte) (schc.FID, bool) {
	if f, ok := fidNames[string(s)]; ok {
		return f, true
	}
	k := fold(s)
	if f, ok := fidNames[k]; ok {
		return f, true
	}
	if f, ok := schc.ParseFID(string(s)); ok {
		return f, true
	}
	// A YANG identity may carry its module, a field of the old style a blank
	// ("IPv6 Next Header").
	if i := strings.IndexByte(k, ':'); i >= 0 {
		if f, ok := fidNames[k[i+1:]]; ok && strings.HasPrefix(k[i+1:], "FID") {
			return f, true
		}
	}
	if i := strings.IndexAny(string(s), " :"); i > 0 {
		if f, ok := fidNames[fold(s[:i])+"."+fold(s[i+1:])]; ok {
			return f, true
		}
	}
	return 0, false
}

var moNames = map[string]schc.MO{
	"EQUAL": schc.MOEqual, "EQUALS": schc.MOEqual, "MOEQUAL": schc.MOEqual,
	"IGNORE": schc.MOIgnore, "MOIGNORE": schc.MOIgnore,
	"MSB": schc.MOMSB, "MOMSB": schc.MOMSB, "MOSTSIGNIFICANTBITS": schc.MOMSB,
	"MATCHMAPPING": schc.MOMatchMapping, "MOMATCHMAPPING": schc.MOMatchMapping, "MATCHMAP": schc.MOMatchMapping,
}

var cdaNames = map[string]schc.CDA{
	"NOTSENT": schc.CDANotSent, "ELIDED": schc.CDANotSent, "CDANOTSENT": schc.CDANotSent,
	"VALUESENT": schc.CDAValueSent, "CDAVALUESENT": schc.CDAValueSent,
	"MAPPINGSENT": schc.CDAMappingSent, "CDAMAPPINGSENT": schc.CDAMappingSent,
	"LSB": schc.CDALSB, "CDALSB": schc.CDALSB, "LEASTSIGNIFICANTBITS": schc.CDALSB,
	"COMPUTE": schc.CDACompute, "CDACOMPUTE": schc.CDACompute, "COMPUTE*": schc.CDACompute,
	"COMPUTELENGTH": schc.CDACompute, "COMPUTECHECKSUM": schc.CDACompute,
	"COMPLENGTH": schc.CDACompute, "COMPCHK": schc.CDACompute, "COMPUTETKL": schc.CDACompute,
	"COMPUTECHKSUM": schc.CDACompute, "COMPUTECKSUM": schc.CDACompute, "COMPUTECRC": schc.CDACompute,
	"DEVIID": schc.CDADevIID, "CDADEVIID": schc.CDADevIID, "COMPUTEDEVIID": schc.CDADevIID,
	"APPIID": schc.CDAAppIID, "CDAAPPIID": schc.CDAAppIID, "COMPUTEAPPIID": schc.CDAAppIID,
	"LOWER": schc.CDALower, "CDALOWER": schc.CDALower,
}

var diNames = map[string]schc.Direction{
	"UP": schc.DirUp, "UPLINK": schc.DirUp, "DIUP": schc.DirUp,
	"DW": schc.DirDown, "DOWN": schc.DirDown, "DOWNLINK": schc.DirDown, "DIDOWN": schc.DirDown, "DWN": schc.DirDown,
	"BI": schc.DirBidirectional, "BIDIRECTIONAL": schc.DirBidirectional, "BOTH": schc.DirBidirectional, "DIBIDIRECTIONAL": schc.DirBidirectional,
}

var flNames = map[string]schc.FieldLength{
	"VAR": schc.FLVar, "VARIABLE": schc.FLVar, "FLVARIABLE": schc.FLVar,
	"VARBITS": schc.FLVarBits, "VARBIT": schc.FLVarBits, "FLVARIABLEBIT": schc.FLVarBits, "FLVARIABLEBITS": schc.FLVarBits,
	"TKL": schc.FLTokenLength, "FLTOKENLENGTH": schc.FLTokenLength,
	"OSC.PIV": schc.FLOSCOREPIV, "OSCPIV": schc.FLOSCOREPIV, "FLOSCOREPIVLENGTH": schc.FLOSCOREPIV,
}

// nearest returns the name closest to s, if one is close enough to be meant.
func nearest(s string, names []string) string {
	best, most := "", 3
	for _, n := range names {
		if d := distance(strings.ToUpper(s), strings.ToUpper(n)); d < most && d*2 < len(n) {
			best, most = n, d
		}
	}
	return best
}

// distance is the Levenshtein distance of short strings.
func distance(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 40
	}
	var row [41]int
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diag
			if a[i] != b[j] {
				cost++
			}
			diag = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// didYouMean is a hint to append to an error text.
func didYouMean(s string, names []string) string {
	if n := nearest(s, names); n != "" {
		return "; did you mean " + n + "?"
	}
	return ""
}
