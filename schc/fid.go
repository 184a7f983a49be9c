package schc

// To add a field:
//  1. add its constant behind all others: Fingerprint covers the numbers;
//  2. add its row to fids: name, YANG identity, protocol, place and length;
//  3. add a vector that uses it, and its row in the README's table if it has
//     an action of its own.

// FID is a Field Identifier: one field of one protocol (RFC 8724, Section 7.1).
// Identifiers from 0x10000 on are CoAP options; see FIDCoAPOption.
type FID uint32

// The Field Identifiers. Dev and App fields are those of the device and of the
// application: source and destination uplink, the other way round downlink.
const (
	FIDIPv6Version               FID = iota + 1 // IPV6.VER, 4 bits
	FIDIPv6TrafficClass                         // IPV6.TC, 8 bits
	FIDIPv6DSCP                                 // IPV6.DSCP, 6 bits
	FIDIPv6ECN                                  // IPV6.ECN, 2 bits
	FIDIPv6FlowLabel                            // IPV6.FL, 20 bits
	FIDIPv6PayloadLength                        // IPV6.LEN, 16 bits
	FIDIPv6NextHeader                           // IPV6.NXT, 8 bits
	FIDIPv6HopLimit                             // IPV6.HOP_LMT, 8 bits
	FIDIPv6DevPrefix                            // IPV6.DEV_PREFIX, 64 bits
	FIDIPv6DevIID                               // IPV6.DEV_IID, 64 bits
	FIDIPv6AppPrefix                            // IPV6.APP_PREFIX, 64 bits
	FIDIPv6AppIID                               // IPV6.APP_IID, 64 bits
	FIDIPv6DevAddress                           // IPV6.DEV_ADDR, 128 bits
	FIDIPv6AppAddress                           // IPV6.APP_ADDR, 128 bits
	FIDIPv6SrcAddress                           // IPV6.SRC_ADDR, 128 bits
	FIDIPv6DstAddress                           // IPV6.DST_ADDR, 128 bits
	FIDIPv6HopByHopNextHeader                   // IPV6_HBH.NXT, 8 bits
	FIDIPv6HopByHopLength                       // IPV6_HBH.LEN, 8 bits
	FIDIPv6HopByHopData                         // IPV6_HBH.DATA, variable
	FIDIPv6DestinationNextHeader                // IPV6_DST.NXT, 8 bits
	FIDIPv6DestinationLength                    // IPV6_DST.LEN, 8 bits
	FIDIPv6DestinationData                      // IPV6_DST.DATA, variable
	FIDIPv6RoutingNextHeader                    // IPV6_RT.NXT, 8 bits
	FIDIPv6RoutingLength                        // IPV6_RT.LEN, 8 bits
	FIDIPv6RoutingData                          // IPV6_RT.DATA, variable
	FIDIPv6MobilityNextHeader                   // IPV6_MH.NXT, 8 bits
	FIDIPv6MobilityLength                       // IPV6_MH.LEN, 8 bits
	FIDIPv6MobilityData                         // IPV6_MH.DATA, variable
	FIDIPv6FragmentNextHeader                   // IPV6_FRAG.NXT, 8 bits
	FIDIPv6FragmentReserved                     // IPV6_FRAG.RES, 8 bits
	FIDIPv6FragmentOffset                       // IPV6_FRAG.OFFSET, 13 bits
	FIDIPv6FragmentReserved2                    // IPV6_FRAG.RES2, 2 bits
	FIDIPv6FragmentMore                         // IPV6_FRAG.M, 1 bits
	FIDIPv6FragmentID                           // IPV6_FRAG.ID, 32 bits
	FIDIPv4Version                              // IPV4.VER, 4 bits
	FIDIPv4IHL                                  // IPV4.IHL, 4 bits
	FIDIPv4TOS                                  // IPV4.TOS, 8 bits
	FIDIPv4DSCP                                 // IPV4.DSCP, 6 bits
	FIDIPv4ECN                                  // IPV4.ECN, 2 bits
	FIDIPv4TotalLength                          // IPV4.LEN, 16 bits
	FIDIPv4ID                                   // IPV4.ID, 16 bits
	FIDIPv4Flags                                // IPV4.FLAGS, 3 bits
	FIDIPv4FragmentOffset                       // IPV4.FO, 13 bits
	FIDIPv4TTL                                  // IPV4.TTL, 8 bits
	FIDIPv4Protocol                             // IPV4.PROTO, 8 bits
	FIDIPv4Checksum                             // IPV4.CKSUM, 16 bits
	FIDIPv4DevAddress                           // IPV4.DEV_ADDR, 32 bits
	FIDIPv4AppAddress                           // IPV4.APP_ADDR, 32 bits
	FIDIPv4SrcAddress                           // IPV4.SRC_ADDR, 32 bits
	FIDIPv4DstAddress                           // IPV4.DST_ADDR, 32 bits
	FIDIPv4Options                              // IPV4.OPT, variable
	FIDUDPDevPort                               // UDP.DEV_PORT, 16 bits
	FIDUDPAppPort                               // UDP.APP_PORT, 16 bits
	FIDUDPSrcPort                               // UDP.SRC_PORT, 16 bits
	FIDUDPDstPort                               // UDP.DST_PORT, 16 bits
	FIDUDPLength                                // UDP.LEN, 16 bits
	FIDUDPChecksum                              // UDP.CKSUM, 16 bits
	FIDUDPLiteDevPort                           // UDPLITE.DEV_PORT, 16 bits
	FIDUDPLiteAppPort                           // UDPLITE.APP_PORT, 16 bits
	FIDUDPLiteSrcPort                           // UDPLITE.SRC_PORT, 16 bits
	FIDUDPLiteDstPort                           // UDPLITE.DST_PORT, 16 bits
	FIDUDPLiteCoverage                          // UDPLITE.COVERAGE, 16 bits
	FIDUDPLiteChecksum                          // UDPLITE.CKSUM, 16 bits
	FIDTCPDevPort                               // TCP.DEV_PORT, 16 bits
	FIDTCPAppPort                               // TCP.APP_PORT, 16 bits
	FIDTCPSrcPort                               // TCP.SRC_PORT, 16 bits
	FIDTCPDstPort                               // TCP.DST_PORT, 16 bits
	FIDTCPSequence                              // TCP.SEQ, 32 bits
	FIDTCPAcknowledgment                        // TCP.ACK, 32 bits
	FIDTCPDataOffset                            // TCP.OFFSET, 4 bits
	FIDTCPReserved                              // TCP.RES, 4 bits
	FIDTCPFlags                                 // TCP.FLAGS, 8 bits
	FIDTCPWindow                                // TCP.WIN, 16 bits
	FIDTCPChecksum                              // TCP.CKSUM, 16 bits
	FIDTCPUrgent                                // TCP.URG, 16 bits
	FIDTCPOptions                               // TCP.OPT, variable
	FIDSCTPDevPort                              // SCTP.DEV_PORT, 16 bits
	FIDSCTPAppPort                              // SCTP.APP_PORT, 16 bits
	FIDSCTPSrcPort                              // SCTP.SRC_PORT, 16 bits
	FIDSCTPDstPort                              // SCTP.DST_PORT, 16 bits
	FIDSCTPVerificationTag                      // SCTP.VTAG, 32 bits
	FIDSCTPChecksum                             // SCTP.CKSUM, 32 bits
	FIDICMPv6Type                               // ICMPV6.TYPE, 8 bits
	FIDICMPv6Code                               // ICMPV6.CODE, 8 bits
	FIDICMPv6Checksum                           // ICMPV6.CKSUM, 16 bits
	FIDICMPv6Identifier                         // ICMPV6.IDENT, 16 bits
	FIDICMPv6Sequence                           // ICMPV6.SEQNO, 16 bits
	FIDICMPv6MTU                                // ICMPV6.MTU, 32 bits
	FIDICMPv6Pointer                            // ICMPV6.POINTER, 32 bits
	FIDICMPv6Unused                             // ICMPV6.UNUSED, 32 bits
	FIDICMPv6Payload                            // ICMPV6.PAYLOAD, variable
	FIDICMPv4Type                               // ICMPV4.TYPE, 8 bits
	FIDICMPv4Code                               // ICMPV4.CODE, 8 bits
	FIDICMPv4Checksum                           // ICMPV4.CKSUM, 16 bits
	FIDICMPv4Identifier                         // ICMPV4.IDENT, 16 bits
	FIDICMPv4Sequence                           // ICMPV4.SEQNO, 16 bits
	FIDESPSPI                                   // ESP.SPI, 32 bits
	FIDESPSN                                    // ESP.SN, 32 bits
	FIDSSECompactSPI                            // SSE_COMPACT.SPI, 24 bits
	FIDSSECompactFlags                          // SSE_COMPACT.FLAGS, 8 bits
	FIDSSECompactLength                         // SSE_COMPACT.LEN, 12 bits
	FIDSSECompactSN                             // SSE_COMPACT.SN, 20 bits
	FIDSSELargeSPI                              // SSE_LARGE.SPI, 32 bits
	FIDSSELargeReserved                         // SSE_LARGE.RES, 24 bits
	FIDSSELargeFlags                            // SSE_LARGE.FLAGS, 8 bits
	FIDSSELargeLength                           // SSE_LARGE.LEN, 32 bits
	FIDSSELargeSN                               // SSE_LARGE.SN, 32 bits
	FIDSSEExtremeSPI                            // SSE_EXTREME.SPI, 32 bits
	FIDSSEExtremeReserved                       // SSE_EXTREME.RES, 24 bits
	FIDSSEExtremeFlags                          // SSE_EXTREME.FLAGS, 8 bits
	FIDSSEExtremeLength                         // SSE_EXTREME.LEN, 32 bits
	FIDSSEExtremeSN                             // SSE_EXTREME.SN, 64 bits
	FIDCoAPVersion                              // COAP.VER, 2 bits
	FIDCoAPType                                 // COAP.TYPE, 2 bits
	FIDCoAPTKL                                  // COAP.TKL, 4 bits
	FIDCoAPCode                                 // COAP.CODE, 8 bits
	FIDCoAPCodeClass                            // COAP.CODE_CLASS, 3 bits
	FIDCoAPCodeDetail                           // COAP.CODE_DETAIL, 5 bits
	FIDCoAPMID                                  // COAP.MID, 16 bits
	FIDCoAPToken                                // COAP.TOKEN, variable
	FIDCoAPOSCOREFlags                          // COAP.OSCORE_FLAGS, variable
	FIDCoAPOSCOREPIV                            // COAP.OSCORE_PIV, variable
	FIDCoAPOSCOREKIDContext                     // COAP.OSCORE_KIDCTX, variable
	FIDCoAPOSCOREKID                            // COAP.OSCORE_KID, variable
	FIDCoAPOptDelta                             // COAP.OPT_DELTA, 4 bits: an option as it is encoded
	FIDCoAPOptLength                            // COAP.OPT_LENGTH, 4 bits
	FIDCoAPOptDeltaExt                          // COAP.OPT_DELTA_EXT, variable
	FIDCoAPOptLengthExt                         // COAP.OPT_LENGTH_EXT, variable
	FIDCoAPOptValue                             // COAP.OPT_VALUE, variable
	FIDCoAPMarker                               // COAP.MARKER, 8 bits
	FIDESPPadLength                             // ESP.PAD_LEN, 8 bits: of the ESP trailer
	FIDESPNextHeader                            // ESP.NXT, 8 bits: of the ESP trailer
	fidEnd
)

// fidCoAPOption is the FID of CoAP option 0.
const fidCoAPOption FID = 0x10000

// FIDCoAPOption returns the identifier of the CoAP option with number n (RFC
// 7252, Section 5.10). The OSCORE option is also split in four fields, from
// FIDCoAPOSCOREFlags on; a Rule uses one form or the other. A third form
// describes options as they are encoded, from FIDCoAPOptDelta on: delta, length
// and value in the order of the packet, and the payload marker.
func FIDCoAPOption(n uint16) FID { return fidCoAPOption + FID(n) }

// CoAPOption returns the option number of f and whether f is a CoAP option.
func (f FID) CoAPOption() (uint16, bool) {
	return uint16(f - fidCoAPOption), f >= fidCoAPOption && f <= fidCoAPOption+0xffff
}

// Protocol is a protocol whose header fields Rules describe.
type Protocol uint8

// The protocols. Zero is none.
const (
	_ Protocol = iota
	ProtoIPv6
	ProtoIPv6HopByHop
	ProtoIPv6Destination
	ProtoIPv6Routing
	ProtoIPv6Mobility
	ProtoIPv6Fragment
	ProtoIPv4
	ProtoUDP
	ProtoUDPLite
	ProtoTCP
	ProtoSCTP
	ProtoICMPv6
	ProtoICMPv4
	ProtoESP
	ProtoESPTrailer // what is behind the padding of ESP, encrypted: a Rule set of its own
	ProtoSSECompact
	ProtoSSELarge
	ProtoSSEExtreme
	ProtoCoAP
	ProtoCoAPInner // the plaintext of an OSCORE message: code, options, payload
	protoEnd
)

// ValueKind says how the values of a field are best read and written.
type ValueKind uint8

// The kinds of values.
const (
	KindNumber ValueKind = iota // an unsigned integer
	KindIPv4                    // an IPv4 address
	KindIPv6                    // an IPv6 address or prefix
	KindIID                     // an IPv6 Interface Identifier
	KindString                  // text
	KindOpaque                  // bytes
)

// fidInfo describes one field. Offsets are bits from the start of its header
// in packets of direction up and down; -1: inside a CoAP option.
type fidInfo struct {
	name    string
	yang    string // RFC 9363 identity without module; "": only in our module
	proto   Protocol
	upBits  int16
	dwBits  int16
	bits    uint16 // 0: variable length
	compute bool   // cda-compute is defined for it
	kind    ValueKind
}

var fids = [...]fidInfo{
	FIDIPv6Version:               {"IPV6.VER", "fid-ipv6-version", ProtoIPv6, 0, 0, 4, false, KindNumber},
	FIDIPv6TrafficClass:          {"IPV6.TC", "fid-ipv6-trafficclass", ProtoIPv6, 4, 4, 8, false, KindNumber},
	FIDIPv6DSCP:                  {"IPV6.DSCP", "fid-ipv6-trafficclass-ds", ProtoIPv6, 4, 4, 6, false, KindNumber},
	FIDIPv6ECN:                   {"IPV6.ECN", "fid-ipv6-trafficclass-ecn", ProtoIPv6, 10, 10, 2, false, KindNumber},
	FIDIPv6FlowLabel:             {"IPV6.FL", "fid-ipv6-flowlabel", ProtoIPv6, 12, 12, 20, false, KindNumber},
	FIDIPv6PayloadLength:         {"IPV6.LEN", "fid-ipv6-payload-length", ProtoIPv6, 32, 32, 16, true, KindNumber},
	FIDIPv6NextHeader:            {"IPV6.NXT", "fid-ipv6-nextheader", ProtoIPv6, 48, 48, 8, false, KindNumber},
	FIDIPv6HopLimit:              {"IPV6.HOP_LMT", "fid-ipv6-hoplimit", ProtoIPv6, 56, 56, 8, false, KindNumber},
	FIDIPv6DevPrefix:             {"IPV6.DEV_PREFIX", "fid-ipv6-devprefix", ProtoIPv6, 64, 192, 64, false, KindIPv6},
	FIDIPv6DevIID:                {"IPV6.DEV_IID", "fid-ipv6-deviid", ProtoIPv6, 128, 256, 64, false, KindIID},
	FIDIPv6AppPrefix:             {"IPV6.APP_PREFIX", "fid-ipv6-appprefix", ProtoIPv6, 192, 64, 64, false, KindIPv6},
	FIDIPv6AppIID:                {"IPV6.APP_IID", "fid-ipv6-appiid", ProtoIPv6, 256, 128, 64, false, KindIID},
	FIDIPv6DevAddress:            {"IPV6.DEV_ADDR", "fid-ipv6-dev-addr", ProtoIPv6, 64, 192, 128, false, KindIPv6},
	FIDIPv6AppAddress:            {"IPV6.APP_ADDR", "fid-ipv6-app-addr", ProtoIPv6, 192, 64, 128, false, KindIPv6},
	FIDIPv6SrcAddress:            {"IPV6.SRC_ADDR", "fid-ipv6-src-addr", ProtoIPv6, 64, 64, 128, false, KindIPv6},
	FIDIPv6DstAddress:            {"IPV6.DST_ADDR", "fid-ipv6-dst-addr", ProtoIPv6, 192, 192, 128, false, KindIPv6},
	FIDIPv6HopByHopNextHeader:    {"IPV6_HBH.NXT", "fid-ipv6-hbh-nxt", ProtoIPv6HopByHop, 0, 0, 8, false, KindNumber},
	FIDIPv6HopByHopLength:        {"IPV6_HBH.LEN", "fid-ipv6-hbh-len", ProtoIPv6HopByHop, 8, 8, 8, true, KindNumber},
	FIDIPv6HopByHopData:          {"IPV6_HBH.DATA", "fid-ipv6-hbh-data", ProtoIPv6HopByHop, 16, 16, 0, false, KindOpaque},
	FIDIPv6DestinationNextHeader: {"IPV6_DST.NXT", "fid-ipv6-dst-nxt", ProtoIPv6Destination, 0, 0, 8, false, KindNumber},
	FIDIPv6DestinationLength:     {"IPV6_DST.LEN", "fid-ipv6-dst-len", ProtoIPv6Destination, 8, 8, 8, true, KindNumber},
	FIDIPv6DestinationData:       {"IPV6_DST.DATA", "fid-ipv6-dst-data", ProtoIPv6Destination, 16, 16, 0, false, KindOpaque},
	FIDIPv6RoutingNextHeader:     {"IPV6_RT.NXT", "fid-ipv6-rt-nxt", ProtoIPv6Routing, 0, 0, 8, false, KindNumber},
	FIDIPv6RoutingLength:         {"IPV6_RT.LEN", "fid-ipv6-rt-len", ProtoIPv6Routing, 8, 8, 8, true, KindNumber},
	FIDIPv6RoutingData:           {"IPV6_RT.DATA", "fid-ipv6-rt-data", ProtoIPv6Routing, 16, 16, 0, false, KindOpaque},
	FIDIPv6MobilityNextHeader:    {"IPV6_MH.NXT", "fid-ipv6-mh-nxt", ProtoIPv6Mobility, 0, 0, 8, false, KindNumber},
	FIDIPv6MobilityLength:        {"IPV6_MH.LEN", "fid-ipv6-mh-len", ProtoIPv6Mobility, 8, 8, 8, true, KindNumber},
	FIDIPv6MobilityData:          {"IPV6_MH.DATA", "fid-ipv6-mh-data", ProtoIPv6Mobility, 16, 16, 0, false, KindOpaque},
	FIDIPv6FragmentNextHeader:    {"IPV6_FRAG.NXT", "fid-ipv6-frag-nxt", ProtoIPv6Fragment, 0, 0, 8, false, KindNumber},
	FIDIPv6FragmentReserved:      {"IPV6_FRAG.RES", "fid-ipv6-frag-res", ProtoIPv6Fragment, 8, 8, 8, false, KindNumber},
	FIDIPv6FragmentOffset:        {"IPV6_FRAG.OFFSET", "fid-ipv6-frag-offset", ProtoIPv6Fragment, 16, 16, 13, false, KindNumber},
	FIDIPv6FragmentReserved2:     {"IPV6_FRAG.RES2", "fid-ipv6-frag-res2", ProtoIPv6Fragment, 29, 29, 2, false, KindNumber},
	FIDIPv6FragmentMore:          {"IPV6_FRAG.M", "fid-ipv6-frag-m", ProtoIPv6Fragment, 31, 31, 1, false, KindNumber},
	FIDIPv6FragmentID:            {"IPV6_FRAG.ID", "fid-ipv6-frag-id", ProtoIPv6Fragment, 32, 32, 32, false, KindNumber},
	FIDIPv4Version:               {"IPV4.VER", "fid-ipv4-ver", ProtoIPv4, 0, 0, 4, false, KindNumber},
	FIDIPv4IHL:                   {"IPV4.IHL", "fid-ipv4-ihl", ProtoIPv4, 4, 4, 4, true, KindNumber},
	FIDIPv4TOS:                   {"IPV4.TOS", "fid-ipv4-tos", ProtoIPv4, 8, 8, 8, false, KindNumber},
	FIDIPv4DSCP:                  {"IPV4.DSCP", "fid-ipv4-dscp", ProtoIPv4, 8, 8, 6, false, KindNumber},
	FIDIPv4ECN:                   {"IPV4.ECN", "fid-ipv4-ecn", ProtoIPv4, 14, 14, 2, false, KindNumber},
	FIDIPv4TotalLength:           {"IPV4.LEN", "fid-ipv4-len", ProtoIPv4, 16, 16, 16, true, KindNumber},
	FIDIPv4ID:                    {"IPV4.ID", "fid-ipv4-id", ProtoIPv4, 32, 32, 16, false, KindNumber},
	FIDIPv4Flags:                 {"IPV4.FLAGS", "fid-ipv4-flags", ProtoIPv4, 48, 48, 3, false, KindNumber},
	FIDIPv4FragmentOffset:        {"IPV4.FO", "fid-ipv4-fo", ProtoIPv4, 51, 51, 13, false, KindNumber},
	FIDIPv4TTL:                   {"IPV4.TTL", "fid-ipv4-ttl", ProtoIPv4, 64, 64, 8, false, KindNumber},
	FIDIPv4Protocol:              {"IPV4.PROTO", "fid-ipv4-proto", ProtoIPv4, 72, 72, 8, false, KindNumber},
	FIDIPv4Checksum:              {"IPV4.CKSUM", "fid-ipv4-cksum", ProtoIPv4, 80, 80, 16, true, KindNumber},
	FIDIPv4DevAddress:            {"IPV4.DEV_ADDR", "fid-ipv4-dev-addr", ProtoIPv4, 96, 128, 32, false, KindIPv4},
	FIDIPv4AppAddress:            {"IPV4.APP_ADDR", "fid-ipv4-app-addr", ProtoIPv4, 128, 96, 32, false, KindIPv4},
	FIDIPv4SrcAddress:            {"IPV4.SRC_ADDR", "fid-ipv4-src-addr", ProtoIPv4, 96, 96, 32, false, KindIPv4},
	FIDIPv4DstAddress:            {"IPV4.DST_ADDR", "fid-ipv4-dst-addr", ProtoIPv4, 128, 128, 32, false, KindIPv4},
	FIDIPv4Options:               {"IPV4.OPT", "fid-ipv4-opt", ProtoIPv4, 160, 160, 0, false, KindOpaque},
	FIDUDPDevPort:                {"UDP.DEV_PORT", "fid-udp-dev-port", ProtoUDP, 0, 16, 16, false, KindNumber},
	FIDUDPAppPort:                {"UDP.APP_PORT", "fid-udp-app-port", ProtoUDP, 16, 0, 16, false, KindNumber},
	FIDUDPSrcPort:                {"UDP.SRC_PORT", "fid-udp-src-port", ProtoUDP, 0, 0, 16, false, KindNumber},
	FIDUDPDstPort:                {"UDP.DST_PORT", "fid-udp-dst-port", ProtoUDP, 16, 16, 16, false, KindNumber},
	FIDUDPLength:                 {"UDP.LEN", "fid-udp-length", ProtoUDP, 32, 32, 16, true, KindNumber},
	FIDUDPChecksum:               {"UDP.CKSUM", "fid-udp-checksum", ProtoUDP, 48, 48, 16, true, KindNumber},
	FIDUDPLiteDevPort:            {"UDPLITE.DEV_PORT", "fid-udplite-dev-port", ProtoUDPLite, 0, 16, 16, false, KindNumber},
	FIDUDPLiteAppPort:            {"UDPLITE.APP_PORT", "fid-udplite-app-port", ProtoUDPLite, 16, 0, 16, false, KindNumber},
	FIDUDPLiteSrcPort:            {"UDPLITE.SRC_PORT", "fid-udplite-src-port", ProtoUDPLite, 0, 0, 16, false, KindNumber},
	FIDUDPLiteDstPort:            {"UDPLITE.DST_PORT", "fid-udplite-dst-port", ProtoUDPLite, 16, 16, 16, false, KindNumber},
	FIDUDPLiteCoverage:           {"UDPLITE.COVERAGE", "fid-udplite-coverage", ProtoUDPLite, 32, 32, 16, true, KindNumber},
	FIDUDPLiteChecksum:           {"UDPLITE.CKSUM", "fid-udplite-cksum", ProtoUDPLite, 48, 48, 16, true, KindNumber},
	FIDTCPDevPort:                {"TCP.DEV_PORT", "fid-tcp-dev-port", ProtoTCP, 0, 16, 16, false, KindNumber},
	FIDTCPAppPort:                {"TCP.APP_PORT", "fid-tcp-app-port", ProtoTCP, 16, 0, 16, false, KindNumber},
	FIDTCPSrcPort:                {"TCP.SRC_PORT", "fid-tcp-src-port", ProtoTCP, 0, 0, 16, false, KindNumber},
	FIDTCPDstPort:                {"TCP.DST_PORT", "fid-tcp-dst-port", ProtoTCP, 16, 16, 16, false, KindNumber},
	FIDTCPSequence:               {"TCP.SEQ", "fid-tcp-seq", ProtoTCP, 32, 32, 32, false, KindNumber},
	FIDTCPAcknowledgment:         {"TCP.ACK", "fid-tcp-ack", ProtoTCP, 64, 64, 32, false, KindNumber},
	FIDTCPDataOffset:             {"TCP.OFFSET", "fid-tcp-offset", ProtoTCP, 96, 96, 4, true, KindNumber},
	FIDTCPReserved:               {"TCP.RES", "fid-tcp-res", ProtoTCP, 100, 100, 4, false, KindNumber},
	FIDTCPFlags:                  {"TCP.FLAGS", "fid-tcp-flags", ProtoTCP, 104, 104, 8, false, KindNumber},
	FIDTCPWindow:                 {"TCP.WIN", "fid-tcp-win", ProtoTCP, 112, 112, 16, false, KindNumber},
	FIDTCPChecksum:               {"TCP.CKSUM", "fid-tcp-cksum", ProtoTCP, 128, 128, 16, true, KindNumber},
	FIDTCPUrgent:                 {"TCP.URG", "fid-tcp-urg", ProtoTCP, 144, 144, 16, false, KindNumber},
	FIDTCPOptions:                {"TCP.OPT", "fid-tcp-opt", ProtoTCP, 160, 160, 0, false, KindOpaque},
	FIDSCTPDevPort:               {"SCTP.DEV_PORT", "fid-sctp-dev-port", ProtoSCTP, 0, 16, 16, false, KindNumber},
	FIDSCTPAppPort:               {"SCTP.APP_PORT", "fid-sctp-app-port", ProtoSCTP, 16, 0, 16, false, KindNumber},
	FIDSCTPSrcPort:               {"SCTP.SRC_PORT", "fid-sctp-src-port", ProtoSCTP, 0, 0, 16, false, KindNumber},
	FIDSCTPDstPort:               {"SCTP.DST_PORT", "fid-sctp-dst-port", ProtoSCTP, 16, 16, 16, false, KindNumber},
	FIDSCTPVerificationTag:       {"SCTP.VTAG", "fid-sctp-vtag", ProtoSCTP, 32, 32, 32, false, KindNumber},
	FIDSCTPChecksum:              {"SCTP.CKSUM", "fid-sctp-cksum", ProtoSCTP, 64, 64, 32, true, KindNumber},
	FIDICMPv6Type:                {"ICMPV6.TYPE", "fid-icmpv6-type", ProtoICMPv6, 0, 0, 8, false, KindNumber},
	FIDICMPv6Code:                {"ICMPV6.CODE", "fid-icmpv6-code", ProtoICMPv6, 8, 8, 8, false, KindNumber},
	FIDICMPv6Checksum:            {"ICMPV6.CKSUM", "fid-icmpv6-checksum", ProtoICMPv6, 16, 16, 16, true, KindNumber},
	FIDICMPv6Identifier:          {"ICMPV6.IDENT", "fid-icmpv6-identifier", ProtoICMPv6, 32, 32, 16, false, KindNumber},
	FIDICMPv6Sequence:            {"ICMPV6.SEQNO", "fid-icmpv6-sequence", ProtoICMPv6, 48, 48, 16, false, KindNumber},
	FIDICMPv6MTU:                 {"ICMPV6.MTU", "fid-icmpv6-mtu", ProtoICMPv6, 32, 32, 32, false, KindNumber},
	FIDICMPv6Pointer:             {"ICMPV6.POINTER", "fid-icmpv6-pointer", ProtoICMPv6, 32, 32, 32, false, KindNumber},
	FIDICMPv6Unused:              {"ICMPV6.UNUSED", "fid-icmpv6-unused", ProtoICMPv6, 32, 32, 32, false, KindNumber},
	FIDICMPv6Payload:             {"ICMPV6.PAYLOAD", "fid-icmpv6-payload", ProtoICMPv6, 64, 64, 0, false, KindOpaque},
	FIDICMPv4Type:                {"ICMPV4.TYPE", "fid-icmpv4-type", ProtoICMPv4, 0, 0, 8, false, KindNumber},
	FIDICMPv4Code:                {"ICMPV4.CODE", "fid-icmpv4-code", ProtoICMPv4, 8, 8, 8, false, KindNumber},
	FIDICMPv4Checksum:            {"ICMPV4.CKSUM", "fid-icmpv4-cksum", ProtoICMPv4, 16, 16, 16, true, KindNumber},
	FIDICMPv4Identifier:          {"ICMPV4.IDENT", "fid-icmpv4-ident", ProtoICMPv4, 32, 32, 16, false, KindNumber},
	FIDICMPv4Sequence:            {"ICMPV4.SEQNO", "fid-icmpv4-seqno", ProtoICMPv4, 48, 48, 16, false, KindNumber},
	FIDESPSPI:                    {"ESP.SPI", "fid-esp-spi", ProtoESP, 0, 0, 32, false, KindNumber},
	FIDESPSN:                     {"ESP.SN", "fid-esp-sn", ProtoESP, 32, 32, 32, false, KindNumber},
	FIDSSECompactSPI:             {"SSE_COMPACT.SPI", "fid-sse-compact-spi", ProtoSSECompact, 0, 0, 24, false, KindNumber},
	FIDSSECompactFlags:           {"SSE_COMPACT.FLAGS", "fid-sse-compact-flags", ProtoSSECompact, 24, 24, 8, false, KindNumber},
	FIDSSECompactLength:          {"SSE_COMPACT.LEN", "fid-sse-compact-len", ProtoSSECompact, 32, 32, 12, true, KindNumber},
	FIDSSECompactSN:              {"SSE_COMPACT.SN", "fid-sse-compact-sn", ProtoSSECompact, 44, 44, 20, false, KindNumber},
	FIDSSELargeSPI:               {"SSE_LARGE.SPI", "fid-sse-large-spi", ProtoSSELarge, 0, 0, 32, false, KindNumber},
	FIDSSELargeReserved:          {"SSE_LARGE.RES", "fid-sse-large-res", ProtoSSELarge, 32, 32, 24, false, KindNumber},
	FIDSSELargeFlags:             {"SSE_LARGE.FLAGS", "fid-sse-large-flags", ProtoSSELarge, 56, 56, 8, false, KindNumber},
	FIDSSELargeLength:            {"SSE_LARGE.LEN", "fid-sse-large-len", ProtoSSELarge, 64, 64, 32, true, KindNumber},
	FIDSSELargeSN:                {"SSE_LARGE.SN", "fid-sse-large-sn", ProtoSSELarge, 96, 96, 32, false, KindNumber},
	FIDSSEExtremeSPI:             {"SSE_EXTREME.SPI", "fid-sse-extreme-spi", ProtoSSEExtreme, 0, 0, 32, false, KindNumber},
	FIDSSEExtremeReserved:        {"SSE_EXTREME.RES", "fid-sse-extreme-res", ProtoSSEExtreme, 32, 32, 24, false, KindNumber},
	FIDSSEExtremeFlags:           {"SSE_EXTREME.FLAGS", "fid-sse-extreme-flags", ProtoSSEExtreme, 56, 56, 8, false, KindNumber},
	FIDSSEExtremeLength:          {"SSE_EXTREME.LEN", "fid-sse-extreme-len", ProtoSSEExtreme, 64, 64, 32, true, KindNumber},
	FIDSSEExtremeSN:              {"SSE_EXTREME.SN", "fid-sse-extreme-sn", ProtoSSEExtreme, 96, 96, 64, false, KindNumber},
	FIDCoAPVersion:               {"COAP.VER", "fid-coap-version", ProtoCoAP, 0, 0, 2, false, KindNumber},
	FIDCoAPType:                  {"COAP.TYPE", "fid-coap-type", ProtoCoAP, 2, 2, 2, false, KindNumber},
	FIDCoAPTKL:                   {"COAP.TKL", "fid-coap-tkl", ProtoCoAP, 4, 4, 4, true, KindNumber},
	FIDCoAPCode:                  {"COAP.CODE", "fid-coap-code", ProtoCoAP, 8, 8, 8, false, KindNumber},
	FIDCoAPCodeClass:             {"COAP.CODE_CLASS", "fid-coap-code-class", ProtoCoAP, 8, 8, 3, false, KindNumber},
	FIDCoAPCodeDetail:            {"COAP.CODE_DETAIL", "fid-coap-code-detail", ProtoCoAP, 11, 11, 5, false, KindNumber},
	FIDCoAPMID:                   {"COAP.MID", "fid-coap-mid", ProtoCoAP, 16, 16, 16, false, KindNumber},
	FIDCoAPToken:                 {"COAP.TOKEN", "fid-coap-token", ProtoCoAP, 32, 32, 0, false, KindOpaque},
	FIDCoAPOSCOREFlags:           {"COAP.OSCORE_FLAGS", "fid-coap-option-oscore-flags", ProtoCoAP, -1, -1, 0, false, KindOpaque},
	FIDCoAPOSCOREPIV:             {"COAP.OSCORE_PIV", "fid-coap-option-oscore-piv", ProtoCoAP, -1, -1, 0, false, KindOpaque},
	FIDCoAPOSCOREKIDContext:      {"COAP.OSCORE_KIDCTX", "fid-coap-option-oscore-kidctx", ProtoCoAP, -1, -1, 0, false, KindOpaque},
	FIDCoAPOSCOREKID:             {"COAP.OSCORE_KID", "fid-coap-option-oscore-kid", ProtoCoAP, -1, -1, 0, false, KindOpaque},
	FIDCoAPOptDelta:              {"COAP.OPT_DELTA", "fid-coap-opt-delta", ProtoCoAP, -1, -1, 4, false, KindNumber},
	FIDCoAPOptLength:             {"COAP.OPT_LENGTH", "fid-coap-opt-length", ProtoCoAP, -1, -1, 4, false, KindNumber},
	FIDCoAPOptDeltaExt:           {"COAP.OPT_DELTA_EXT", "fid-coap-opt-delta-ext", ProtoCoAP, -1, -1, 0, false, KindOpaque},
	FIDCoAPOptLengthExt:          {"COAP.OPT_LENGTH_EXT", "fid-coap-opt-length-ext", ProtoCoAP, -1, -1, 0, false, KindOpaque},
	FIDCoAPOptValue:              {"COAP.OPT_VALUE", "fid-coap-opt-value", ProtoCoAP, -1, -1, 0, false, KindOpaque},
	FIDCoAPMarker:                {"COAP.MARKER", "fid-coap-marker", ProtoCoAP, -1, -1, 8, false, KindNumber},
	FIDESPPadLength:              {"ESP.PAD_LEN", "fid-esp-pad-length", ProtoESPTrailer, 0, 0, 8, false, KindNumber},
	FIDESPNextHeader:             {"ESP.NXT", "fid-esp-nextheader", ProtoESPTrailer, 8, 8, 8, false, KindNumber},
}

// coapOption is one registered CoAP option.
type coapOption struct {
	number uint16
	name   string // rule-file name without "COAP."
	yang   string
	kind   ValueKind
	repeat bool // may occur more than once
}

// coapOptions is the registry of RFC 7252 and its extensions, by number.
var coapOptions = [...]coapOption{
	{1, "IF-MATCH", "fid-coap-option-if-match", KindOpaque, true},
	{3, "URI-HOST", "fid-coap-option-uri-host", KindString, false},
	{4, "ETAG", "fid-coap-option-etag", KindOpaque, true},
	{5, "IF-NONE-MATCH", "fid-coap-option-if-none-match", KindOpaque, false},
	{6, "OBSERVE", "fid-coap-option-observe", KindNumber, false},                // RFC 7641
	{7, "URI-PORT", "fid-coap-option-uri-port", KindNumber, false},              //
	{8, "LOCATION-PATH", "fid-coap-option-location-path", KindString, true},     //
	{9, "OSCORE", "fid-coap-option-oscore", KindOpaque, false},                  // RFC 8613, as one field
	{11, "URI-PATH", "fid-coap-option-uri-path", KindString, true},              //
	{12, "CONTENT-FORMAT", "fid-coap-option-content-format", KindNumber, false}, //
	{14, "MAX-AGE", "fid-coap-option-max-age", KindNumber, false},               //
	{15, "URI-QUERY", "fid-coap-option-uri-query", KindString, true},            //
	{16, "HOP-LIMIT", "fid-coap-option-hop-limit", KindNumber, false},           // RFC 8768
	{17, "ACCEPT", "fid-coap-option-accept", KindNumber, false},                 //
	{19, "Q-BLOCK1", "fid-coap-option-q-block1", KindNumber, false},             // RFC 9177
	{20, "LOCATION-QUERY", "fid-coap-option-location-query", KindString, true},  //
	{21, "EDHOC", "fid-coap-option-edhoc", KindOpaque, false},                   // RFC 9668
	{23, "BLOCK2", "fid-coap-option-block2", KindNumber, false},                 // RFC 7959
	{27, "BLOCK1", "fid-coap-option-block1", KindNumber, false},                 // RFC 7959
	{28, "SIZE2", "fid-coap-option-size2", KindNumber, false},                   // RFC 7959
	{31, "Q-BLOCK2", "fid-coap-option-q-block2", KindNumber, true},              // RFC 9177
	{35, "PROXY-URI", "fid-coap-option-proxy-uri", KindString, false},           //
	{39, "PROXY-SCHEME", "fid-coap-option-proxy-scheme", KindString, false},     //
	{60, "SIZE1", "fid-coap-option-size1", KindNumber, false},                   //
	{235, "PROXY-CRI", "fid-coap-option-proxy-cri", KindOpaque, false},          // href draft
	{239, "PROXY-SCHEME-NUMBER", "fid-coap-option-proxy-scheme-number", KindNumber, false},
	{252, "ECHO", "fid-coap-option-echo", KindOpaque, false},               // RFC 9175
	{258, "NO-RESPONSE", "fid-coap-option-no-response", KindNumber, false}, // RFC 7967
	{292, "REQUEST-TAG", "fid-coap-option-request-tag", KindOpaque, true},  // RFC 9175
}

func lookupOption(n uint16) *coapOption {
	for i := range coapOptions {
		if coapOptions[i].number == n {
			return &coapOptions[i]
		}
	}
	return nil
}

// Known reports whether f is a field of this package.
func (f FID) Known() bool {
	if f >= fidCoAPOption {
		return f <= fidCoAPOption+0xffff
	}
	return f > 0 && f < fidEnd
}

// String returns the rule-file name, such as "IPV6.HOP_LMT" or
// "COAP.OPTION-2048".
func (f FID) String() string {
	if n, ok := f.CoAPOption(); ok {
		if o := lookupOption(n); o != nil {
			return "COAP." + o.name
		}
		return "COAP.OPTION-" + utoa(uint32(n))
	}
	if !f.Known() {
		return "FID-" + utoa(uint32(f))
	}
	return fids[f].name
}

// YANG returns the identity of the field in RFC 9363's module or in one that
// augments it, such as "fid-ipv6-hoplimit".
func (f FID) YANG() string {
	if n, ok := f.CoAPOption(); ok {
		if o := lookupOption(n); o != nil {
			return o.yang
		}
		return "fid-coap-option-" + utoa(uint32(n))
	}
	if !f.Known() {
		return ""
	}
	return fids[f].yang
}

// Protocol returns the protocol whose header holds the field, or 0.
func (f FID) Protocol() Protocol {
	if f >= fidCoAPOption {
		return ProtoCoAP
	}
	if !f.Known() {
		return 0
	}
	return fids[f].proto
}

// LenBits returns the field's own length in bits, or 0 if it is variable.
func (f FID) LenBits() int {
	if f >= fidCoAPOption || !f.Known() {
		return 0
	}
	return int(fids[f].bits)
}

// lowerKind returns what of the header of the layer below the action lower puts
// into f (lowerDSCP ...), 0 if the action is not defined for f.
func (f FID) lowerKind() byte {
	switch f {
	case FIDIPv6DSCP, FIDIPv4DSCP:
		return lowerDSCP
	case FIDIPv6ECN, FIDIPv4ECN:
		return lowerECN
	case FIDIPv6TrafficClass, FIDIPv4TOS:
		return lowerClass
	case FIDIPv6FlowLabel, FIDIPv4ID:
		return lowerLabel
	case FIDIPv6HopLimit, FIDIPv4TTL:
		return lowerHops
	}
	return 0
}

// Lowerable reports whether the action lower is defined for f: a field that the
// IP header of the layer below has, too.
func (f FID) Lowerable() bool { return f.lowerKind() != 0 }

// Computable reports whether the action compute is defined for f: a length or a
// checksum.
func (f FID) Computable() bool { return f > 0 && f < fidEnd && fids[f].compute }

// FieldIDs appends all identifiers of this package to dst: the fields of all
// headers and the registered CoAP options.
func FieldIDs(dst []FID) []FID {
	for f := FID(1); f < fidEnd; f++ {
		dst = append(dst, f)
	}
	for i := range coapOptions {
		dst = append(dst, FIDCoAPOption(coapOptions[i].number))
	}
	return dst
}

// ParseFID returns the field with the rule-file name s, in any case, and
// whether there is one.
func ParseFID(s string) (FID, bool) {
	for f := FID(1); f < fidEnd; f++ {
		if equalFold(fids[f].name, s) {
			return f, true
		}
	}
	if len(s) < 5 || !equalFold(s[:5], "COAP.") {
		return 0, false
	}
	s = s[5:]
	for i := range coapOptions {
		if equalFold(coapOptions[i].name, s) {
			return FIDCoAPOption(coapOptions[i].number), true
		}
	}
	if len(s) > 7 && len(s) <= 12 && equalFold(s[:7], "OPTION-") {
		n := 0
		for i := 7; i < len(s); i++ {
			if s[i] < '0' || s[i] > '9' {
				return 0, false
			}
			n = n*10 + int(s[i]-'0')
		}
		return FIDCoAPOption(uint16(n)), n <= 0xffff
	}
	return 0, false
}

func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if upper(a[i]) != upper(b[i]) {
			return false
		}
	}
	return true
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - 32
	}
	return c
}

// Kind returns how the values of the field are best read and written.
func (f FID) Kind() ValueKind {
	if n, ok := f.CoAPOption(); ok {
		if o := lookupOption(n); o != nil {
			return o.kind
		}
		return KindOpaque
	}
	if !f.Known() {
		return KindOpaque
	}
	return fids[f].kind
}
