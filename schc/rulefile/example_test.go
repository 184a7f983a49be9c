package rulefile_test

import (
	"fmt"

	"github.com/schckit/schckit/schc/rulefile"
)

const rules = `[
  {"RuleID": 1, "RuleIDLength": 8, "Compression": [
    {"FID": "UDP.DEV_PORT", "TV": 5680, "MO": "MSB", "MO.VAL": 12, "CDA": "LSB"},
    {"FID": "UDP.APP_PORT", "TV": 5683, "MO": "equal", "CDA": "not-sent"},
    {"FID": "UDP.LEN", "MO": "ignore", "CDA": "compute-length"},
    {"FID": "UDP.CKSUM", "MO": "ignore", "CDA": "compute-checksum"}]},
  {"RuleID": 2, "RuleIDLength": 8, "NoCompression": []}]`

func ExampleSaveAs() {
	f, err := rulefile.Load([]byte(rules), "rules.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	cbor, err := rulefile.SaveAs(f, rulefile.FormCBOR)
	if err != nil {
		fmt.Println(err)
		return
	}
	g, err := rulefile.Load(cbor, "rules.cbor")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(cbor), "bytes,", g.Form, rulefile.Equal(f, g))
	// Output: 137 bytes, cbor true
}

func ExampleLoad_error() {
	_, err := rulefile.Load([]byte(`[
  {"RuleID": 1, "RuleIDLength": 8, "Compression": [
    {"FID": "UDP.APP_PRT", "TV": 5683, "MO": "equal", "CDA": "not-sent"}]}]`), "rules.json")
	fmt.Println(err)
	// Output: rules.json:3:13: rule 1/8: field 1: unknown field "UDP.APP_PRT"; did you mean UDP.APP_PORT?
}

func ExampleDiff() {
	a, err := rulefile.Load([]byte(rules), "rules.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := rulefile.Load([]byte(rules), "rules.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	b.Sets[0].Rules[0].Fields[1].TV = [][]byte{{0x16, 0x34}}
	b.Sets[0].Rules = b.Sets[0].Rules[:1]
	for _, d := range rulefile.Diff(a, b) {
		fmt.Println(d)
	}
	// Output:
	// rule 1/8: UDP.APP_PORT: TV: 5683 -> 5684
	// rule 2/8: rule removed: nature-no-compression
}
