package rulefile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/schckit/schckit/schc"
)

// diag encodes CBOR from Go values.
func diag(t testing.TB, v any) []byte {
	t.Helper()
	b, err := cbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type m = map[any]any

// ownSID is the number of a node or an identity in our .sid files.
func ownSID(t testing.TB, name string) uint64 {
	t.Helper()
	table, err := newSIDTable(nil)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(name, "/") {
		return table.nodeSID[name]
	}
	return table.idSID[name]
}

// TestCBORVariants loads encodings that others may choose.
func TestCBORVariants(t *testing.T) {
	f := mustLoad(t, `[{"RuleID": 1, "RuleIDLength": 8, "NoCompression": []}]`)
	sid := func(n string) uint64 { return ownSID(t, n) }
	abs := func(n string) cbor.Tag { return cbor.Tag{Number: tagSID, Content: sid(n)} }
	for name, v := range map[string]any{
		"names": m{"ietf-schc:schc": m{"rule": []any{m{"rule-id-value": 1, "rule-id-length": 8, "rule-nature": "ietf-schc:nature-no-compression"}}}},
		"absolute SIDs": m{abs("/schc"): m{abs("/schc/rule"): []any{m{
			abs("/schc/rule/rule-id-value"): 1, abs("/schc/rule/rule-id-length"): 8, abs("/schc/rule/rule-nature"): sid("nature-no-compression")}}}},
		"names and SIDs, a tag": cbor.Tag{Number: tagCBOR, Content: m{"ietf-schc:schc": m{1: []any{m{1: 1, 2: 8, 3: cbor.Tag{Number: tagIdentityref, Content: sid("nature-no-compression")}}}}}},
	} {
		data := diag(t, v)
		g, err := LoadAs(data, name, FormCBOR)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := Diff(f, g); d != nil {
			t.Errorf("%s: %v", name, d)
		}
	}
}

func TestCBORErrors(t *testing.T) {
	sid := func(n string) uint64 { return ownSID(t, n) }
	schcSID := sid("/schc")
	doc := func(rule any) []byte { return diag(t, m{schcSID: m{1: []any{rule}}}) }
	for _, c := range []struct {
		data []byte
		want string
	}{
		{nil, `byte 0: the file is empty`},
		{[]byte{0x83}, `byte 0: an array where a document with "ietf-schc:schc", an object, is expected`},
		{[]byte{0xbf, 0xff}, `byte 0: an item of indefinite length: encode it with its length`},
		{[]byte{0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, `byte 0: a map of 18446744073709551615 elements in a file of 9 bytes`},
		{[]byte{0xa1, 0x1e, 0}, `byte 1: not CBOR: the byte 0x1e`},
		{[]byte{0xa1, 0x19, 0x00}, `byte 1: the file ends in a key, a SID,`},
		{[]byte{0xa1, 0x19, 0x00, 0x07, 0x00}, `byte 1: unknown SID 7 in the document: give the .sid file that has it`},
		{diag(t, m{sid("di-up"): 1}), fmt.Sprintf(`byte 1: the SID %d is that of the identity di-up, not of a node`, sid("di-up"))},
		{diag(t, m{sid("/schc/rule"): 1}), fmt.Sprintf(`byte 1: the SID %d is that of /schc/rule, which has no place in the document`, sid("/schc/rule"))},
		{diag(t, m{schcSID: m{-70000: 1}}), `byte 5: a SID delta that leads nowhere`},
		{diag(t, m{true: 1}), `byte 1: a simple value as a key, where a SID is expected`},
		{diag(t, m{cbor.Tag{Number: 45, Content: 1}: 1}), `byte 1: the tag 45 as a key; only 47, an absolute SID, can be one`},
		{diag(t, m{schcSID: m{1: m{}}}), `byte 6: a map where rule, a list, is expected`},
		{doc(m{1: "x"}), `byte 9: rule #1: a text string where rule-id-value, a number, is expected`},
		{doc(m{1: -1}), `byte 9: rule #1: a negative number where rule-id-value, a number, is expected`},
		{doc(m{2: 33}), `byte 9: rule #1: rule-id-length is 33: it must be from 0 to 32`},
		{doc(m{3: 1}), `byte 9: rule #1: unknown SID 1 as rule-nature: give the .sid file that has it`},
		{doc(m{3: schcSID}), fmt.Sprintf(`byte 9: rule #1: the SID %d is that of the node /schc, not of an identity`, schcSID)},
		{doc(m{3: []byte{1}}), `byte 9: rule #1: a byte string where rule-nature, a SID, is expected`},
		{doc(m{3: ""}), `byte 9: rule #1: rule-nature is an empty name`},
		{append(doc(m{3: ""})[:9], 0x61, 0xff), `byte 9: rule #1: rule-nature is not UTF-8`},
		{append(doc(m{1: 1, 2: 8, 3: sid("nature-no-compression")}), 0xff), `byte 16: an item of indefinite length: encode it with its length`},
		{append([]byte{0xa1, 0x19, byte(schcSID >> 8), byte(schcSID), 0xa2}, 1, 0x80, 1, 0x80), `byte 7: "rule" is there twice: drop one`},
	} {
		_, err := LoadAs(c.data, "", FormCBOR)
		if err == nil || err.Error() != c.want {
			t.Errorf("Load(%x):\n got %v\nwant %s", c.data, err, c.want)
		}
		if !errors.Is(err, schc.ErrMalformed) && !errors.Is(err, schc.ErrUnsupported) {
			t.Errorf("Load(%x) = %v, which has no class", c.data, err)
		}
	}
	// Deep nesting in a node that is skipped.
	table, _ := newSIDTable([]*SIDFile{{Items: []SIDItem{{"data", "/ietf-schc:schc/x:ac-deep", 99_990}}}})
	deep := append([]byte{0xa1, 0x19, byte(schcSID >> 8), byte(schcSID), 0xa1, 0x1a, 0, 0, 0, 0}, bytes.Repeat([]byte{0x81}, 100)...)
	delta := uint32(99_990 - schcSID)
	copy(deep[6:], []byte{byte(delta >> 24), byte(delta >> 16), byte(delta >> 8), byte(delta)})
	tree := &cborTree{data: deep, sids: table, where: place{ruleIndex: -1, field: -1}}
	if err := newLoader(len(deep)).loadDocument(tree); err == nil || !strings.Contains(err.Error(), "nested more than 32 deep") {
		t.Errorf("deep nesting: %v", err)
	}
}
