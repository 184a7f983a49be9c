// Package safile reads the SA files of the tool: Security Associations of IPsec
// as a JSON list.
//
//	[{"spi": "0x1001", "src": "2001:db8::1", "dst": "2001:db8::2", "mode": "tunnel",
//	  "encr": "aes128gcm16", "key": "0011...ff salt", "esn": false, "seq": 0}]
//
// Load is strict: an unknown or repeated key, a value of another type, a key of a
// wrong length are errors that name the place (line:col, SA, key). Key material is
// never part of an error's text. What only some commands need may be missing;
// New says so.
//
// docs/esp.md describes the keys. Host only.
package safile
