// Package safile reads the tool's files with keys: SA files, Security
// Associations of IPsec as a JSON list, and session files, an SSE session as a JSON
// object (Session).
//
//	[{"spi": "0x1001", "src": "2001:db8::1", "dst": "2001:db8::2", "mode": "tunnel",
//	  "encr": "aes128gcm16", "key": "0011...ff salt", "esn": false, "seq": 0}]
//
// Load is strict: an unknown or repeated key, a value of another type, a key of a
// wrong length are errors that name the place (line:col, SA, key). Key material is
// never part of an error's text. What only some commands need may be missing;
// New says so.
//
// docs/esp.md and docs/sse.md describe the keys. Host only.
package safile
