package rulefile

import (
	"runtime"
	"strings"
	"testing"
)

// TestMemory loads files that try to make the loader allocate much more than
// they hold.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes time")
	}
	const size = 4 << 20
	fill := func(head, unit, tail string) string {
		return head + strings.TrimSuffix(strings.Repeat(unit, (size-len(head)-len(tail))/len(unit)), ",") + tail
	}
	values := `{"FID":"COAP.CODE","MO":"match-mapping","CDA":"mapping-sent","TV":[` + strings.TrimSuffix(strings.Repeat("0,", MaxValues), ",") + `]},`
	wide := `{"FID":"COAP.PROXY-URI","FL":65280,"MO":"match-mapping","CDA":"mapping-sent","TV":[` + strings.TrimSuffix(strings.Repeat("1,", MaxValues), ",") + `]},`
	yang := `{"rule-id-value":0,"rule-id-length":1,"rule-nature":"nature-compression","entry":[{"field-id":"fid-coap-option-proxy-uri","field-length":"fl-length-bits","field-length-value":65280,"field-position":1,"direction-indicator":"di-up",` +
		`"matching-operator":"mo-equal","comp-decomp-action":"cda-not-sent","target-value":[{"value":"AQ=="}]}]},`
	micro := `{"id":{"content":"01","length":1},"nature":"compression","field_descriptors":[{"id":"CoAP:Option Proxy-Uri","length":65280,"position":0,"direction":"Up","target_value":{"content":"01","length":1},` +
		`"matching_operator":"most-significant-bits","compression_decompression_action":"least-significant-bits"}]},`
	for name, text := range map[string]string{
		"wide values":       fill(`[{"RuleID":1,"RuleIDLength":1,"Compression":[`, wide, `]}]`),
		"wide values, YANG": fill(`{"ietf-schc:schc":{"rule":[`, yang, `]}}`),
		"wide patterns":     fill(`{"id":"c","ruleset":[`, micro, `]}`),
		"Rules":             fill("[", `{"RuleID":1,"RuleIDLength":1,"NoCompression":0},`, "]"),
		"values":            fill(`[{"RuleID":1,"RuleIDLength":1,"Compression":[`, values, `]}]`),
		"fields":            fill(`[{"RuleID":1,"RuleIDLength":1,"Compression":[`, `{"FID":"ESP.SN","MO":"ignore","CDA":"LSB"},`, `]}]`),
		"devices":           fill(`{"devices":[`, `{"SoR":[]},`, `]}`),
		"comments":          fill(`[{`, `"_":[],`, `}]`),
		"empty lists":       fill(`[{"_":[`, `[],`, `]}]`),
		"nodes":             fill(`{"ietf-schc:schc":{`, `"@":0,`, `}}`),
		"entries":           fill(`{"ietf-schc:schc":{"rule":[{"rule-id-length":0,"rule-nature":"nature-compression","entry":[`, `{},`, `]}]}}`),
		"CBOR":              fill("\xa1\x19\xea\x61\xa1\x01\x9a\x00\x10\x00\x00", "\xa0", ""),
		"CBOR, skipped":     fill("\xa1\x62ac\x9a\x00\x10\x00\x00", "\x80", ""),
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		f, err := Load([]byte(text), name)
		runtime.ReadMemStats(&after)
		total := after.TotalAlloc - before.TotalAlloc
		t.Logf("%-14s %4d MB allocated in all for %d MB: %.100v", name, total>>20, len(text)>>20, err)
		if total > 20*size {
			t.Errorf("%s: %d MB allocated for a file of %d MB", name, total>>20, len(text)>>20)
		}
		runtime.KeepAlive(f)
	}
}
