package rulefile

import (
	"strconv"
	"strings"

	"github.com/schckit/schckit/schc"
)

// The YANG modules of the model, and the latest revision of each that is
// known here.
const (
	modSCHC     = "ietf-schc"              // RFC 9363
	modCoAP     = "ietf-schc-coap"         // draft-ietf-schc-8824-update
	modICMPv6   = "ietf-schc-icmpv6"       // draft-ietf-schc-icmpv6-compression
	modCompound = "ietf-schc-compound-ack" // RFC 9441
	modOwn      = "schckit-schc"           // yang/schckit-schc@2026-11-20.yang
)

var moduleRevisions = map[string]string{
	modSCHC: "2023-03-01", modCoAP: "2026-06-30", modICMPv6: "2024-11-20", modCompound: "2023-07-26", modOwn: "2026-11-20",
}

// A yangNode is a data node of the model that can occur in a file.
type yangNode struct {
	path   string // without modules
	module string
}

// yangNodes are all data nodes, each list and container directly before its
// children, in the order in which SIDs are assigned. The nodes of an entry
// come last so that all deltas fit a byte.
var yangNodes = []yangNode{
	{"/schc", modSCHC},
	{"/schc/rule", modSCHC},
	{"/schc/rule/rule-id-value", modSCHC},
	{"/schc/rule/rule-id-length", modSCHC},
	{"/schc/rule/rule-nature", modSCHC},
	{"/schc/rule/fragmentation-mode", modSCHC},
	{"/schc/rule/l2-word-size", modSCHC},
	{"/schc/rule/direction", modSCHC},
	{"/schc/rule/dtag-size", modSCHC},
	{"/schc/rule/w-size", modSCHC},
	{"/schc/rule/fcn-size", modSCHC},
	{"/schc/rule/rcs-algorithm", modSCHC},
	{"/schc/rule/maximum-packet-size", modSCHC},
	{"/schc/rule/window-size", modSCHC},
	{"/schc/rule/max-interleaved-frames", modSCHC},
	{"/schc/rule/max-ack-requests", modSCHC},
	{"/schc/rule/tile-size", modSCHC},
	{"/schc/rule/tile-in-all-1", modSCHC},
	{"/schc/rule/ack-behavior", modSCHC},
	{"/schc/rule/inactivity-timer", modSCHC},
	{"/schc/rule/inactivity-timer/ticks-duration", modSCHC},
	{"/schc/rule/inactivity-timer/ticks-numbers", modSCHC},
	{"/schc/rule/retransmission-timer", modSCHC},
	{"/schc/rule/entry", modSCHC},
	{"/schc/rule/entry/field-id", modSCHC},
	{"/schc/rule/entry/field-length", modSCHC},
	{"/schc/rule/entry/field-position", modSCHC},
	{"/schc/rule/entry/direction-indicator", modSCHC},
	{"/schc/rule/entry/target-value", modSCHC},
	{"/schc/rule/entry/target-value/index", modSCHC},
	{"/schc/rule/entry/target-value/value", modSCHC},
	{"/schc/rule/entry/matching-operator", modSCHC},
	{"/schc/rule/entry/matching-operator-value", modSCHC},
	{"/schc/rule/entry/matching-operator-value/index", modSCHC},
	{"/schc/rule/entry/matching-operator-value/value", modSCHC},
	{"/schc/rule/entry/comp-decomp-action", modSCHC},
	{"/schc/rule/entry/comp-decomp-action-value", modSCHC},
	{"/schc/rule/entry/comp-decomp-action-value/index", modSCHC},
	{"/schc/rule/entry/comp-decomp-action-value/value", modSCHC},
	{"/schc/rule/retransmission-timer/ticks-duration", modSCHC},
	{"/schc/rule/retransmission-timer/ticks-numbers", modSCHC},
	{"/schc/rule/bitmap-format", modCompound},
	{"/schc/rule/last-bitmap-compression", modCompound},
	{"/schc/device-id", modOwn},
	{"/schc/rule/description", modOwn},
	{"/schc/rule/rcs-size", modOwn},
	{"/schc/rule/tile-size-value", modOwn},
	{"/schc/rule/inactivity-timer/milliseconds", modOwn},
	{"/schc/rule/retransmission-timer/milliseconds", modOwn},
	{"/schc/rule/entry/field-length-value", modOwn},
	{"/schc/rule/entry/universal-value", modOwn},
	{"/schc/rule/penultimate-tile-short", modOwn},
	{"/schc/rule/ack-on-repair", modOwn},
	{"/schc/rule/attempts-per-ack", modOwn},
	{"/schc/rule/no-ack-req", modOwn},
	{"/schc/rule/all-1-empty", modOwn},
	{"/schc/rule/header-padding", modOwn},
	{"/schc/rule/fcn-count-down", modOwn},
	{"/schc/rule/fragment-bytes", modOwn},
	{"/schc/rule/ack-bytes", modOwn},
	{"/schc/rule/listen-time", modOwn},
	{"/schc/rule/uplink-ack-time", modOwn},
}

// identity names that are not those of fields.
const (
	idFLVariable    = "fl-variable"
	idFLVariableBit = "fl-variable-bit"
	idFLToken       = "fl-token-length"
	idFLOSCOREPIV   = "fl-oscore-piv-length"
	idFLBits        = "fl-length-bits"  // the length is in field-length-value
	idFLBytes       = "fl-length-bytes" // of the 2026 SIDs; read only
	idOptionNumber  = "fid-coap-option-number"
	idRCS           = "rcs-crc32"
	idRCSFragments  = "rcs-fragment-count"
	idRCSOther      = "rcs-other"
)

// yangIdentities are the identities that can occur in a file, other than those
// of fields, by module.
var yangIdentities = map[string][]string{
	modSCHC: {
		"nature-compression", "nature-no-compression", "nature-fragmentation",
		"di-bidirectional", "di-up", "di-down",
		"mo-equal", "mo-ignore", "mo-msb", "mo-match-mapping",
		"cda-not-sent", "cda-value-sent", "cda-mapping-sent", "cda-lsb", "cda-compute", "cda-deviid", "cda-appiid",
		idFLVariable, idFLToken,
		"fragmentation-mode-no-ack", "fragmentation-mode-ack-always", "fragmentation-mode-ack-on-error",
		"ack-behavior-after-all-0", "ack-behavior-after-all-1", "ack-behavior-by-layer2",
		"all-1-data-no", "all-1-data-yes", "all-1-data-sender-choice", idRCS,
	},
	modCoAP:     {idFLVariableBit, idFLOSCOREPIV},
	modCompound: {"bitmap-RFC8724", "bitmap-compound-ack"},
	modOwn:      {idFLBits, idOptionNumber, idRCSFragments, idRCSOther, "cda-lower"},
}

// identityAliases are other names of an identity in .sid files.
var identityAliases = map[string]string{"fl-variable-bits": idFLVariableBit, "bitmap-rfc8724": "bitmap-RFC8724"}

// fieldModule returns the module that defines the identity of f.
func fieldModule(f schc.FID) string {
	name := f.YANG()
	switch p := f.Protocol(); {
	case p == schc.ProtoICMPv6:
		return modICMPv6
	case coapModuleFields[name]:
		return modCoAP
	case rfc9363Fields[name]:
		return modSCHC
	}
	return modOwn
}

func nameSet(text string) map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(text) {
		m[n] = true
	}
	return m
}

// rfc9363Fields are the fields that RFC 9363 names; coapModuleFields those of
// ietf-schc-coap.
var (
	rfc9363Fields = nameSet(`fid-ipv6-version fid-ipv6-trafficclass fid-ipv6-trafficclass-ds fid-ipv6-trafficclass-ecn
		fid-ipv6-flowlabel fid-ipv6-payload-length fid-ipv6-nextheader fid-ipv6-hoplimit fid-ipv6-devprefix
		fid-ipv6-deviid fid-ipv6-appprefix fid-ipv6-appiid fid-udp-dev-port fid-udp-app-port fid-udp-length
		fid-udp-checksum fid-coap-version fid-coap-type fid-coap-tkl fid-coap-code fid-coap-code-class
		fid-coap-code-detail fid-coap-mid fid-coap-token fid-coap-option-if-match fid-coap-option-uri-host
		fid-coap-option-etag fid-coap-option-if-none-match fid-coap-option-observe fid-coap-option-uri-port
		fid-coap-option-location-path fid-coap-option-uri-path fid-coap-option-content-format fid-coap-option-max-age
		fid-coap-option-uri-query fid-coap-option-accept fid-coap-option-location-query fid-coap-option-block2
		fid-coap-option-block1 fid-coap-option-size2 fid-coap-option-proxy-uri fid-coap-option-proxy-scheme
		fid-coap-option-size1 fid-coap-option-no-response fid-coap-option-oscore-flags fid-coap-option-oscore-piv
		fid-coap-option-oscore-kid fid-coap-option-oscore-kidctx`)
	coapModuleFields = nameSet(`fid-coap-option-proxy-cri fid-coap-option-proxy-scheme-number fid-coap-option-hop-limit
		fid-coap-option-echo fid-coap-option-request-tag fid-coap-option-q-block1 fid-coap-option-q-block2
		fid-coap-option-edhoc`)
)

// identityModules has the module of every identity.
var identityModules = func() map[string]string {
	m := map[string]string{}
	for mod, names := range yangIdentities {
		for _, n := range names {
			m[n] = mod
		}
	}
	for _, f := range schc.FieldIDs(nil) {
		m[f.YANG()] = fieldModule(f)
	}
	return m
}()

var yangFields = func() map[string]schc.FID {
	m := map[string]schc.FID{}
	for _, f := range schc.FieldIDs(nil) {
		m[f.YANG()] = f
	}
	return m
}()

// yangField returns the field with a YANG identity; n is universal-value.
func yangField(name string) (schc.FID, bool) {
	if f, ok := yangFields[name]; ok {
		return f, true
	}
	if t, ok := strings.CutPrefix(name, "fid-coap-option-"); ok {
		if n, err := strconv.ParseUint(t, 10, 16); err == nil {
			return schc.FIDCoAPOption(uint16(n)), true
		}
	}
	return 0, false
}

// registered reports whether the field has an identity of its own.
func registered(f schc.FID) bool {
	_, ok := yangFields[f.YANG()]
	return ok
}
