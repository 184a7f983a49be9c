// Package rulefile reads and writes SCHC rule sets as files. It is for hosts:
// it uses the whole standard library and is not meant for firmware.
//
// # Forms
//
//   - FormJSON: what people write, JSON in the style of OpenSCHC.
//   - FormYANG: the data model of RFC 9363 as JSON (RFC 7951).
//   - FormCBOR: the same as CBOR (RFC 9254), with SIDs from .sid files.
//   - FormMicroSCHC: contexts of microschc, read only.
//
// Load finds the form from the content:
//
//	f, err := rulefile.Load(data, "rules.json")
//	if err != nil {
//		return err // *rulefile.Error: rules.json:12:34: rule 5/8: field 3 (IPV6.LEN): ...
//	}
//	set, err := f.Set("") // the only device set, or the one with that DeviceID
//	if err != nil {
//		return err
//	}
//	ctx, err := schc.NewContext(set.Rules, schc.Options{})
//	if err != nil {
//		return set.Locate(err) // the same error with file, line and column
//	}
//
// and Save, or SaveAs for another form, writes it. Saving and loading again
// gives an equal File: Diff of the two is empty.
//
// A File belongs to its caller; Load keeps no part of its input. The functions
// share nothing and may be called from several goroutines.
//
// # Rule files in the style of OpenSCHC
//
// A file is a list of Rules, one Rule, an object with DeviceID and SoR (or
// Rules), or a list of such objects. Keys, names of fields, operators and
// actions are case-insensitive, "-" and "_" in them do not count, and
// spellings found in the wild have aliases.
//
//	[{"DeviceID": "sensor-1", "SoR": [
//	  {"RuleID": 5, "RuleIDLength": 8, "Compression": [
//	    {"FID": "IPV6.VER", "FL": 4, "FP": 1, "DI": "BI", "TV": 6, "MO": "equal", "CDA": "not-sent"},
//	    {"FID": "UDP.DEV_PORT", "TV": 5680, "MO": "MSB", "MO.VAL": 12, "CDA": "LSB"}]},
//	  {"RuleID": 6, "RuleIDLength": 8, "NoCompression": []},
//	  {"RuleID": 7, "RuleIDLength": 8, "Fragmentation": {
//	    "FRMode": "AckOnError", "FRDirection": "UP",
//	    "FRModeProfile": {"FCNSize": 3, "WSize": 2, "tileSize": 80}}}]}]
//
// FL is a number of bits, "var" (variable, the residue's size in bytes),
// "var-bits" (in bits), "tkl" (COAP.TOKEN) or "osc.piv" (COAP.OSCORE_PIV);
// without FL it is the field's own, and "tkl" for COAP.TOKEN. FP is 1 and DI is
// BI where they are missing; FP 0 is any position. Keys that start with "_",
// and Comment, are comments; Description is kept; SB and the pseudo field
// COAP.END are read over, as OpenSCHC does; any other unknown key is an error.
//
// A target value (TV) is
//   - a number;
//   - "0x" and hex digits: of a fixed-length field a number, of a variable one
//     the bytes as they stand (also in a text field: write the text "0xab" as
//     "0x30786162");
//   - "0b" and binary digits, in a fixed-length field;
//   - of an address field an address, "192.0.2.1" or "2001:db8::1"; of a
//     prefix "2001:db8::/64" (the length may be left out), of an Interface
//     Identifier "::1";
//   - any other string: the bytes of the text;
//   - a list of these, for match-mapping;
//   - missing, null or [] for none; with ignore and not-sent that is zero, or
//     empty, which is what they restore.
//
// The value must fit the field. A number in a variable-length uint option is
// its shortest form, 0 being empty; in another variable-length field it has at
// least one byte.
//
// In FRModeProfile the keys of OpenSCHC and the names of RFC 9363 and RFC 9441
// may be used; times are in seconds. Ours alone are rcs-size, the bits of the
// RCS that are sent (32), and what profiles such as RFC 9442 decide; the YANG
// module describes them (penultimate-tile-short, ack-on-repair,
// attempts-per-ack, no-ack-req, all-1-empty, header-padding, fcn-count-down,
// fragment-bytes, ack-bytes, listen-time, uplink-ack-time). Defaults are
// dtagSize 0 (2 for NoAck without a profile), WSize 1 (NoAck: 0), FCNSize 1
// (AckOnError: none), maxRetry 4 and timeout 600. What a mode does not know, such
// as maxRetry in NoAck, is a Warning and not kept.
//
// # The model of RFC 9363
//
// A document that uses only what RFC 9363 names is a plain RFC 9363 document.
// Other fields, lengths over 255 bits, times that ticks cannot say, the device
// and descriptions are in a module that augments it (YANGModule). So is the
// position of an entry whose key an entry before it has: field-position then
// only tells them apart. Several devices are a JSON array of documents, or a CBOR sequence (RFC 8742).
//
// On loading, identities may have their module's name or not, values of
// fixed-length fields any number of leading zero bytes, and CBOR SIDs or names
// as keys and identities. Without .sid files from the caller the SIDs are those
// of DefaultSIDs; with them, ours fill in what they lack, and CoAP options
// without an identity there are written as space-id and universal-value where
// the files have these nodes.
//
// # Errors
//
// Every error about a file is an *Error with file name, line and column (in
// CBOR: the byte offset), and with the Rule and the field where they are
// known. It wraps schc.ErrMalformed or schc.ErrUnsupported. Nothing in a file
// makes a function of this package panic; the memory used is bounded by the
// size of the input, and that by MaxFileSize.
//
// The loaders check what a file says, not whether the Rules make sense
// together: that is schc.NewContext's work.
package rulefile
