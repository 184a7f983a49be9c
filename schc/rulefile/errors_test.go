package rulefile

import (
	"errors"
	"strings"
	"testing"

	"github.com/schckit/schckit/schc"
)

func TestErrors(t *testing.T) {
	rule := func(field string) string {
		return "[\n {\"RuleID\": 5, \"RuleIDLength\": 8, \"Compression\": [\n  {\"FID\": \"IPV6.VER\", \"MO\": \"ignore\", \"CDA\": \"value-sent\"},\n  " + field + "]}]"
	}
	frag := func(text string) string {
		return "[{\"RuleID\": 5, \"RuleIDLength\": 8, \"Fragmentation\":\n" + text + "}]"
	}
	for _, c := range []struct{ text, want string }{
		// JSON
		{``, `1:1: the file is empty: a rule file holds a list of Rules`},
		{" \n\t", `2:2: the file is empty: a rule file holds a list of Rules`},
		{`{`, `1:2: the file ends where a key in double quotes is expected`},
		{`["`, `1:2: a string where a Rule, an object, is expected`},
		{`[{"RuleID": 1,}]`, `1:15: rule #1: '}' where a key in double quotes is expected; is there a comma too many?`},
		{`[{"RuleID": 1 "RuleIDLength": 2}]`, `1:15: rule #1: a string where a comma or the end of the object is expected`},
		{`[{'RuleID': "1"}]`, `1:3: single quotes: JSON wants double ones (a dict printed by Python is not JSON; use json.dumps)`},
		{`[{'RuleID': 'a\\'b'}]`, `1:3: single quotes: JSON wants double ones (a dict printed by Python is not JSON; use json.dumps)`},
		{"[// a comment\n]", `1:2: JSON has no comments: use a key that starts with "_"`},
		{`[] []`, `1:4: more text after the end of the rule set: a file holds one JSON value`},
		{`"text"`, `1:1: a string where a list of Rules is expected`},
		{`[{"RuleID": 0x5}]`, `1:13: rule #1: JSON has no 0x numbers: put it in double quotes`},
		{`[{"RuleID": 05}]`, `1:13: rule #1: a number with a leading zero: drop the zero`},
		{`[{"RuleID": -}]`, `1:13: rule #1: not a number`},
		{`[{"RuleID": 1.}]`, `1:13: rule #1: not a number`},
		{`[{"RuleID": yes}]`, `1:13: rule #1: 'y' where a value is expected`},
		{`[{"RuleID": nul}]`, `1:13: rule #1: not a JSON value: text needs double quotes`},
		{`[{"_a": "b}]`, `1:9: the string is not closed`},
		{"[{\"_a\": \"b\n\"}]", `1:11: a control character in a string; is the closing quote missing?`},
		{"[{\"_a\": \"é\n\"}]", `1:11: a control character in a string; is the closing quote missing?`},
		{"[{\"_\xff\": 1}]", `1:5: not UTF-8: save the file as UTF-8`},
		{`[{"_a": "\x"}]`, `1:10: not an escape sequence of JSON: write \\ for a backslash`},
		{`[{"_a": "\ud800"}]`, `1:10: half of a surrogate pair: write both halves`},
		{`[{"_a": "\`, `1:10: the string is not closed`},
		{strings.Repeat("[", 100), `1:2: a list where a Rule, an object, is expected`},
		{`[{"RuleID": ` + strings.Repeat("[", 100), `1:43: rule #1: nested more than 32 deep`},
		// shapes and Rules
		{`{"x": 1}`, `1:1: neither a Rule (RuleID, RuleIDLength, Compression ...) nor a set of Rules (DeviceID, SoR): is this a rule file?`},
		{`[{"RuleID": 1, "ruleid": 2}]`, `1:16: rule #1: the keys "RuleID" and "ruleid" mean the same: drop one`},
		{`[{"RuleID": 1, "RuleID": 1}]`, `1:16: rule #1: the key "RuleID" is there twice: drop one`},
		{`[{"RuleID": 1, "_a": 1, "_a": 1}]`, `1:25: rule #1: the key "_a" is there twice: drop one`},
		{`[{"RuleID": 1, "RuleIdLenght": 1}]`, `1:16: rule #1: unknown key "RuleIdLenght"; did you mean RuleIDLength? (a key that starts with "_" is a comment)`},
		{`[{"RuleIDLength": 8}]`, `1:2: rule #1: the Rule has no RuleID: add "RuleID": 5, "RuleIDLength": 8`},
		{`[{"RuleID": 8}]`, `1:2: rule #1: the Rule has no RuleIDLength: add the length of the RuleID in bits`},
		{`[{"RuleID": 8, "RuleIDLength": 33}]`, `1:32: rule #1: RuleIDLength is 33: it must be a whole number from 0 to 32`},
		{`[{"RuleID": 8, "RuleIDLength": 3}]`, `1:13: rule #1: RuleID 8 does not fit 3 bits: make RuleIDLength larger`},
		{`[{"RuleID": 1, "RuleIDLength": 0}]`, `1:13: rule #1: RuleID 1 does not fit 0 bits: make RuleIDLength larger`},
		{`[{"RuleID": 4294967296, "RuleIDLength": 32}]`, `1:13: rule #1: RuleID is 4294967296: it must be a whole number from 0 to 4294967295`},
		{`[{"RuleID": "x", "RuleIDLength": 32}]`, `1:13: rule #1: RuleID is "x": write a number, or "0x.." or "0b.." of at most 32 bits`},
		{`[{"RuleID": 1.5, "RuleIDLength": 32}]`, `1:13: rule #1: RuleID is 1.5: it must be a whole number from 0 to 4294967295`},
		{`[{"RuleID": 1, "RuleIDLength": "8"}]`, `1:32: rule #1: RuleIDLength is a string: write the number without quotes`},
		{`[{"RuleID": 1, "RuleIDLength": 8}]`, `1:2: rule 1/8: the Rule has neither Compression nor NoCompression nor Fragmentation: add one`},
		{`[{"RuleID": 1, "RuleIDLength": 8, "Compression": [], "NoCompression": []}]`, `1:54: rule 1/8: a Rule is for compression, for no compression or for fragmentation: make it two Rules`},
		{`[{"RuleID": 1, "RuleIDLength": 8, "Compression": 3}]`, `1:50: rule 1/8: a number where Compression, a list of fields, is expected`},
		{`[{"RuleID": 1, "RuleIDLength": 8, "Compression": {"a": 3}}]`, `1:51: rule 1/8: Compression is a list of fields: [{"FID": ...}, ...]`},
		{`[{"RuleID": 1, "RuleIDLength": 8, "NoCompression": [1]}]`, `1:53: rule 1/8: a no-compression Rule has no fields: write "NoCompression": []`},
		{`[{"RuleID": 1, "RuleIDLength": 8, "NoCompression": 0}]`, `1:52: rule 1/8: NoCompression has no value: write "NoCompression": []`},
		{`{"DeviceID": "a"}`, `1:1: the set has no SoR: add "SoR": [...], the list of its Rules`},
		{`{"DeviceID": [], "SoR": []}`, `1:14: a list where DeviceID, a string, is expected`},
		{`{"DeviceID": "a", "SoR": {}}`, `1:26: an object where SoR, a list of Rules, is expected`},
		{"[{\"SoR\": []},\n {\"SoR\": []}]", `2:2: a second set of Rules for device "": put the Rules of a device into one set`},
		{`[{"SoR": []}, {"RuleID": 1}]`, `1:15: a Rule in a list of sets: put it into the SoR of a set`},
		{`[{"RuleID": 1, "RuleIDLength": 8, "NoCompression": []}, {"SoR": []}]`, `1:57: a set of Rules in a list of Rules: put the Rules in a set as well`},
		// fields
		{rule(`{"MO": "ignore"}`), `4:3: rule 5/8: field 2: the field has no FID: add "FID": "IPV6.VER" or another name`},
		{rule(`{"FID": 5}`), `4:11: rule 5/8: field 2: a number where FID, a string, is expected`},
		{rule(`{"FID": "IPV6.HOPLMTT"}`), `4:11: rule 5/8: field 2: unknown field "IPV6.HOPLMTT"; did you mean IPV6.HOP_LMT?`},
		{rule(`{"FID": "COAP.OPTION-65536"}`), `4:11: rule 5/8: field 2: unknown field "COAP.OPTION-65536"`},
		{rule(`{"FID": "IPV6.LEN", "CDA": "compute-length"}`), `4:3: rule 5/8: field 2 (IPV6.LEN): no MO: add equal, ignore, MSB or match-mapping`},
		{rule(`{"FID": "IPV6.LEN", "MO": "ignore"}`), `4:3: rule 5/8: field 2 (IPV6.LEN): no CDA: add not-sent, value-sent, mapping-sent, LSB, compute-length, compute-checksum, DevIID, AppIID or lower`},
		{rule(`{"FID": "IPV6.LEN", "MO": "ignored", "CDA": "LSB"}`), `4:29: rule 5/8: field 2 (IPV6.LEN): unknown operator "ignored": write equal, ignore, MSB or match-mapping`},
		{rule(`{"FID": "IPV6.LEN", "MO": "equal(3)", "CDA": "LSB"}`), `4:29: rule 5/8: field 2 (IPV6.LEN): the operator EQUAL takes no number`},
		{rule(`{"FID": "IPV6.LEN", "MO": "rev-rule-match", "CDA": "LSB"}`), `4:29: rule 5/8: field 2 (IPV6.LEN): the operator rev-rule-match, a packet inside a packet, is not supported`},
		{rule(`{"FID": "IPV6.LEN", "MO": "MSB", "CDA": "LSB"}`), `4:29: rule 5/8: field 2 (IPV6.LEN): MSB without a number of bits: add "MO.VAL": 12, or write "MSB(12)"`},
		{rule(`{"FID": "IPV6.LEN", "MO": "MSB(3)", "MO.VAL": 4, "CDA": "LSB"}`), `4:49: rule 5/8: field 2 (IPV6.LEN): MO.VAL is 4, but MO says MSB(3): drop one`},
		{rule(`{"FID": "IPV6.LEN", "MO": "MSB", "MO.VAL": -4, "CDA": "LSB"}`), `4:46: rule 5/8: field 2 (IPV6.LEN): MO.VAL is -4: it must be a whole number from 0 to 65535`},
		{rule(`{"FID": "IPV6.LEN", "MO": "ignore", "CDA": "computed"}`), `4:46: rule 5/8: field 2 (IPV6.LEN): unknown action "computed": write not-sent, value-sent, mapping-sent, LSB, compute-length, compute-checksum, DevIID, AppIID or lower`},
		{rule(`{"FID": "IPV6.LEN", "MO": "ignore", "CDA": "REV-COMPRESSED-SENT"}`), `4:46: rule 5/8: field 2 (IPV6.LEN): the action REV-COMPRESSED-SENT, a packet inside a packet, is not supported`},
		{rule(`{"FID": "IPV6.LEN", "MO": "MSB(3)", "CDA": "LSB(3)"}`), `4:46: rule 5/8: field 2 (IPV6.LEN): LSB(3): write LSB alone; it sends what MSB leaves`},
		{rule(`{"FID": "IPV6.LEN", "FL": "long", "MO": "equal", "CDA": "LSB"}`), `4:29: rule 5/8: field 2 (IPV6.LEN): unknown length "long": write a number of bits, "var", "var-bits", "tkl" or "osc.piv"`},
		{rule(`{"FID": "IPV6.LEN", "FL": 0, "MO": "equal", "CDA": "LSB"}`), `4:29: rule 5/8: field 2 (IPV6.LEN): FL is 0: leave it out for the field's own length`},
		{rule(`{"FID": "IPV6.LEN", "FP": 255, "MO": "equal", "CDA": "LSB"}`), `4:29: rule 5/8: field 2 (IPV6.LEN): FP is 255: it must be a whole number from 0 to 254`},
		{rule(`{"FID": "IPV6.LEN", "DI": "right", "MO": "equal", "CDA": "LSB"}`), `4:29: rule 5/8: field 2 (IPV6.LEN): unknown direction "right": write UP, DW or BI`},
		{rule(`{"FID": "IPV6.LEN", "TV.IND": 1, "MO": "equal", "CDA": "LSB"}`), `4:23: rule 5/8: field 2 (IPV6.LEN): TV.IND, an indirect target value, is not supported: write the value as TV`},
		// values
		{rule(`{"FID": "UDP.APP_PORT", "TV": 105683, "MO": "equal", "CDA": "not-sent"}`), `4:33: rule 5/8: field 2 (UDP.APP_PORT): the target value does not fit the field's 16 bits`},
		{rule(`{"FID": "COAP.TYPE", "TV": [0, 69], "MO": "equal", "CDA": "not-sent"}`), `4:34: rule 5/8: field 2 (COAP.TYPE): the target value does not fit the field's 2 bits`},
		{rule(`{"FID": "COAP.TYPE", "TV": "0x4", "MO": "equal", "CDA": "not-sent"}`), `4:30: rule 5/8: field 2 (COAP.TYPE): the target value does not fit the field's 2 bits`},
		{rule(`{"FID": "COAP.TYPE", "TV": "0b111", "MO": "equal", "CDA": "not-sent"}`), `4:30: rule 5/8: field 2 (COAP.TYPE): the target value does not fit the field's 2 bits`},
		{rule(`{"FID": "COAP.TYPE", "TV": "0b12", "MO": "equal", "CDA": "not-sent"}`), `4:30: rule 5/8: field 2 (COAP.TYPE): "0b12" is not a binary number`},
		{rule(`{"FID": "COAP.TYPE", "TV": "2", "MO": "equal", "CDA": "not-sent"}`), `4:30: rule 5/8: field 2 (COAP.TYPE): the target value "2" of a number field: write a number without quotes, or "0x.."`},
		{rule(`{"FID": "COAP.TYPE", "TV": -1, "MO": "equal", "CDA": "not-sent"}`), `4:30: rule 5/8: field 2 (COAP.TYPE): a negative target value: fields hold unsigned numbers`},
		{rule(`{"FID": "COAP.TYPE", "TV": 1.5, "MO": "equal", "CDA": "not-sent"}`), `4:30: rule 5/8: field 2 (COAP.TYPE): the target value 1.5 is not a whole number; larger ones may be written as "0x.."`},
		{rule(`{"FID": "COAP.TYPE", "TV": true, "MO": "equal", "CDA": "not-sent"}`), `4:30: rule 5/8: field 2 (COAP.TYPE): true or false where a target value, a number or a string, is expected`},
		{rule(`{"FID": "COAP.TYPE", "TV": {"INDIRECT": 1}, "MO": "equal", "CDA": "not-sent"}`), `4:30: rule 5/8: field 2 (COAP.TYPE): an object as target value (INDIRECT) is not supported: write the value itself`},
		{rule(`{"FID": "COAP.TYPE", "TV": [[1]], "MO": "equal", "CDA": "not-sent"}`), `4:31: rule 5/8: field 2 (COAP.TYPE): a list where a target value, a number or a string, is expected`},
		{rule(`{"FID": "COAP.URI-PATH", "TV": [null], "MO": "equal", "CDA": "not-sent"}`), `4:35: rule 5/8: field 2 (COAP.URI-PATH): null as a target value, for a field that is not there, is not supported: make it a Rule of its own`},
		{rule(`{"FID": "COAP.URI-PATH", "FL": 16, "TV": "temp", "MO": "equal", "CDA": "not-sent"}`), `4:44: rule 5/8: field 2 (COAP.URI-PATH): the text "temp" has 32 bits, the field 16: set FL to 32 or to "var"`},
		{rule(`{"FID": "IPV6.DEV_PREFIX", "TV": "2001:db8::1", "MO": "equal", "CDA": "not-sent"}`), `4:36: rule 5/8: field 2 (IPV6.DEV_PREFIX): "2001:db8::1" is longer than the prefix of 64 bits: write it as "2001:db8::/64"`},
		{rule(`{"FID": "IPV6.DEV_PREFIX", "TV": "2001:db8::/65", "MO": "equal", "CDA": "not-sent"}`), `4:36: rule 5/8: field 2 (IPV6.DEV_PREFIX): "2001:db8::/65" is longer than the prefix of 64 bits: write it as "2001:db8::/64"`},
		{rule(`{"FID": "IPV6.DEV_PREFIX", "TV": "2001:db8::/x", "MO": "equal", "CDA": "not-sent"}`), `4:36: rule 5/8: field 2 (IPV6.DEV_PREFIX): "2001:db8::/x" has no prefix length behind the slash: write it as "2001:db8::/64"`},
		{rule(`{"FID": "IPV6.DEV_IID", "TV": "2001:db8::1", "MO": "equal", "CDA": "not-sent"}`), `4:33: rule 5/8: field 2 (IPV6.DEV_IID): "2001:db8::1" has a prefix; an Interface Identifier is written as "::1"`},
		{rule(`{"FID": "IPV6.DEV_IID", "TV": "192.0.2.1", "MO": "equal", "CDA": "not-sent"}`), `4:33: rule 5/8: field 2 (IPV6.DEV_IID): "192.0.2.1" is not an address: write it as "::1", or as "0x.."`},
		{rule(`{"FID": "IPV6.DST_ADDR", "TV": "fe80::1%eth0", "MO": "equal", "CDA": "not-sent"}`), `4:34: rule 5/8: field 2 (IPV6.DST_ADDR): "fe80::1%eth0" is not an address: write it as "2001:db8::1", or as "0x.."`},
		{rule(`{"FID": "IPV4.DEV_ADDR", "TV": "192.0.2.1/33", "MO": "equal", "CDA": "not-sent"}`), `4:34: rule 5/8: field 2 (IPV4.DEV_ADDR): a prefix length of 33 for an address of 32 bits`},
		{rule(`{"FID": "IPV4.DEV_ADDR", "FL": 16, "TV": "192.0.2.1", "MO": "equal", "CDA": "not-sent"}`), `4:44: rule 5/8: field 2 (IPV4.DEV_ADDR): an address in a field of FL 16: IPV4.DEV_ADDR has 32 bits`},
		// fragmentation
		{frag(`{"FRDirection": "UP"}`), `2:1: rule 5/8: no FRMode: add NoAck, AckAlways or AckOnError`},
		{frag(`{"FRMode": "NoAck"}`), `2:1: rule 5/8: no FRDirection: add "FRDirection": "UP" or "DW", the direction of the fragments`},
		{frag(`{"FRMode": "NoAck", "FRDirection": "BI"}`), `2:36: rule 5/8: FRDirection is UP or DW: fragments go one way`},
		{frag(`{"FRMode": "Acks", "FRDirection": "UP"}`), `2:12: rule 5/8: unknown FRMode "Acks": write NoAck, AckAlways or AckOnError`},
		{frag(`{"FRMode": "AckOnError", "FRDirection": "UP"}`), `2:1: rule 5/8: no FCNSize: AckOnError needs one in FRModeProfile`},
		{frag(`{"FRMode": "NoAck", "FRDirection": "UP", "FRModeProfile": {"FCN": 3}}`), `2:60: rule 5/8: unknown key "FCN" (a key that starts with "_" is a comment)`},
		{frag(`{"FRMode": "NoAck", "FRDirection": "UP", "FRModeProfile": {"FCNSize": 99}}`), `2:71: rule 5/8: FCNSize is 99: it must be a whole number from 0 to 32`},
		{frag(`{"FRMode": "NoAck", "FRDirection": "UP", "FRModeProfile": {"timeout": 0.0001}}`), `2:71: rule 5/8: timeout is 0.0001: it is in seconds, from 0 to 4294967 with at most three decimals`},
		{frag(`{"FRMode": "NoAck", "FRDirection": "UP", "FRModeProfile": {"MICWordSize": 16}}`), `2:75: rule 5/8: MICWordSize is 16; only 8 is supported`},
		{frag(`{"FRMode": "NoAck", "FRDirection": "UP", "FRModeProfile": {"lastTileInAll1": 1}}`), `2:78: rule 5/8: a number where lastTileInAll1, true or false, is expected`},
		{frag(`{"FRMode": "NoAck", "FRDirection": "UP", "FRModeProfile": {"FCNSize": 1, "fcn-size": 1}}`), `2:74: rule 5/8: the key "fcn-size" says again what an earlier key says: drop one`},
		// columns count characters
		{"[{\"RuleID\": 1, \"_\": \"äöü\", \"x\": 1}]", `1:28: rule #1: unknown key "x" (a key that starts with "_" is a comment)`},
	} {
		_, err := LoadAs([]byte(c.text), "", FormJSON)
		var e *Error
		if !errors.As(err, &e) || e.Error() != c.want {
			t.Errorf("Load(%s):\n got %v\nwant %s", c.text, err, c.want)
			continue
		}
		if !errors.Is(err, schc.ErrMalformed) && !errors.Is(err, schc.ErrUnsupported) {
			t.Errorf("Load(%s) = %v, which has no class", c.text, err)
		}
	}
	_, err := Load([]byte("[\n1]"), "dir/rules.json")
	if want := "dir/rules.json:2:1: a number where a Rule, an object, is expected"; err == nil || err.Error() != want {
		t.Errorf("Load: %v, want %s", err, want)
	}
	if _, err := Load(make([]byte, MaxFileSize+1), ""); !errors.Is(err, schc.ErrUnsupported) {
		t.Errorf("a file that is too large: %v", err)
	}
}
