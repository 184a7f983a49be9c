package learn

import "github.com/schckit/schckit/schc"

// structural is the prior of fields that do not change at all in practice.
const structural = 0.001

// prior is how often a field is expected to have a value that was not seen
// before, until the traffic says otherwise. Identifiers, counters and whatever
// is random for each flow or message change; what a stack or a deployment fixes
// does not.
func prior(f schc.FID) float64 {
	switch f {
	case schc.FIDIPv6Version, schc.FIDIPv4Version, schc.FIDIPv4IHL, schc.FIDCoAPVersion,
		schc.FIDIPv6NextHeader, schc.FIDIPv4Protocol, schc.FIDTCPReserved, schc.FIDTCPUrgent,
		schc.FIDIPv6FragmentReserved, schc.FIDIPv6FragmentReserved2:
		return structural
	case schc.FIDIPv6FlowLabel, schc.FIDTCPOptions, schc.FIDIPv4Options, schc.FIDCoAPOption(12), schc.FIDCoAPOption(17):
		return 0.05
	case schc.FIDUDPDevPort, schc.FIDUDPAppPort, schc.FIDTCPDevPort, schc.FIDTCPAppPort,
		schc.FIDUDPLiteDevPort, schc.FIDUDPLiteAppPort, schc.FIDSCTPDevPort, schc.FIDSCTPAppPort:
		return 0.2
	case schc.FIDCoAPTKL, schc.FIDTCPFlags, schc.FIDIPv6FragmentOffset:
		return 0.1
	case schc.FIDCoAPToken, schc.FIDTCPWindow, schc.FIDICMPv6Identifier, schc.FIDICMPv4Identifier:
		return 0.5
	case schc.FIDCoAPMID, schc.FIDTCPSequence, schc.FIDTCPAcknowledgment, schc.FIDIPv4ID, schc.FIDIPv6FragmentID,
		schc.FIDICMPv6Sequence, schc.FIDICMPv4Sequence, schc.FIDESPSN, schc.FIDSCTPVerificationTag:
		return 0.9
	case schc.FIDCoAPOSCOREFlags:
		return 0.05
	case schc.FIDCoAPOSCOREPIV:
		return 0.9
	case schc.FIDCoAPOSCOREKID, schc.FIDCoAPOSCOREKIDContext:
		return 0.3
	}
	if _, ok := f.CoAPOption(); ok {
		return 0.3
	}
	switch f.Protocol() {
	case schc.ProtoIPv6HopByHop, schc.ProtoIPv6Destination, schc.ProtoIPv6Routing, schc.ProtoIPv6Mobility:
		return 0.05
	}
	return 0.02
}
