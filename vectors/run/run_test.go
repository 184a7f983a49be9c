package run_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/schckit/schckit/vectors"
	"github.com/schckit/schckit/vectors/run"
)

func TestRunFilter(t *testing.T) {
	failures, stats, err := run.Run(vectors.FS, "schc/rfc8724.json#2")
	if err != nil || len(failures) > 0 {
		t.Fatal(failures, err)
	}
	// 2 and 20 to 29.
	if stats.Files != 1 || stats.Tests != 11 || stats.Ways < 2*stats.Tests {
		t.Errorf("%+v", stats)
	}
}

// TestRunFails: a vector that is wrong, in any way, fails.
func TestRunFails(t *testing.T) {
	const rules = `[{"RuleID": 1, "RuleIDLength": 8, "Compression": [
  {"FID": "ESP.SPI", "MO": "ignore", "CDA": "value-sent"}, {"FID": "ESP.SN", "TV": 5, "MO": "equal", "CDA": "not-sent"}]}]`
	const good = `{"id": 1, "comment": "c", "dir": "up", "packet": "0000000700000005aa", "rule": "1/8", "residue": ["ESP.SPI x00000007"], "schc": "0100000007aa", "bits": 48, "result": "valid"}`
	try := func(test string) []run.Failure {
		fsys := fstest.MapFS{
			"rules/a.json": {Data: []byte(rules)},
			"schc/a.json": {Data: []byte(`{"schema": "schc-compress-1", "spec": "x", "numberOfTests": 1, "notes": {}, "groups": [
			 {"source": "self", "rules": "rules/a.json", "tests": [` + test + `]}]}`)},
		}
		failures, _, err := run.Run(fsys, "")
		if err != nil {
			t.Fatal(err)
		}
		return failures
	}
	if f := try(good); len(f) > 0 {
		t.Fatal(f)
	}
	for _, x := range []struct{ old, new, ways string }{
		{`"packet": "0000000700000005aa"`, `"packet": "0000000700000006aa"`, "compress explain decompress recompress"},
		{`"rule": "1/8"`, `"rule": "1/9"`, "compress explain decompress"},
		{`x00000007"`, `x00000008"`, "explain"},
		{`"schc": "0100000007aa"`, `"schc": "0100000007ab"`, "compress decompress recompress"},
		{`"bits": 48`, `"bits": 47`, "compress explain decompress recompress"},
		{`"result": "valid"`, `"result": "no-rule"`, "compress explain decompress"},
		{`"comment"`, `"remark"`, "load"},
		{`"result": "valid"`, `"restored": "0000000800000005aa", "result": "valid"`, "compress decompress"},
	} {
		failures := try(strings.Replace(good, x.old, x.new, 1))
		if len(failures) == 0 {
			t.Errorf("%s: no failure", x.new)
		}
		for _, f := range failures {
			if !strings.Contains(x.ways, f.Way) || f.File != "schc/a.json" {
				t.Errorf("%s: %v, want one of %s", x.new, f, x.ways)
			}
		}
	}
	for _, text := range []string{`{"schema": "other"}`, `{`} {
		if f, _, err := run.Run(fstest.MapFS{"schc/b.json": {Data: []byte(text)}}, ""); err != nil || len(f) != 1 || f[0].Way != "load" {
			t.Errorf("%s: %v, %v", text, f, err)
		}
	}
}

// TestRunNotices: a changed byte in a fragmentation, 6LoWPAN, GHC or GPComp vector fails.
func TestRunNotices(t *testing.T) {
	for _, x := range []struct{ file, old, new, ways string }{
		{"frag/rfc8724.json", `"msg": "b078bd036818bd8d1c094680"`, `"msg": "b078bd036818bd8d1c094682"`, "sender receiver"},
		{"frag/rfc8724.json", `"packet": "3c5e81b4`, `"packet": "3c5e81b5`, "sender receiver"},
		{"frag/rfc8724.json", `"kind": "all-1"`, `"kind": "regular"`, "parse sender"},
		{"frag/rfc9441.json", `"compound-ack": true`, `"compound-ack": false`, "parse sender receiver"},
		{"frag/rfc8724.json", `"direction": "di-up"`, `"direction": "up"`, "load"},
		{"frag/rfc8724.json", `"result": "valid"`, `"result": "good"`, "load"},
		{"lowpan/iphc.json", `"frame": "7e33f016331634beef0102"`, `"frame": "7e33f016331634beef0103"`, "decompress"},
		{"lowpan/iphc.json", `"src": "0001"`, `"src": "0003"`, "decompress"},
		{"lowpan/iphc.json", `"src": "0001"`, `"src": "01"`, "load"},
		{"lowpan/receive.json", `"packet":"6000000000043a40`, `"packet":"6000000000043a41`, "receive"},
		{"lowpan/receive.json", `"result":"encrypted"`, `"result":"no-payload"`, "receive"},
		{"lowpan/receive.json", `"result":"part"`, `"result":"malformed"`, "receive"},
		{"lowpan/receive.json", `"result":"part"`, `"result":"valid"`, "load"},
		{"lowpan/receive.json", `"result":"malformed"`, `"result":"packet"`, "load"},
		{"ghc/rfc7400.json", `"code": "049b006bde82"`, `"code": "049b006bdf82"`, "decompress"},
		{"ghc/rfc7400.json", `"result": "valid"`, `"result": "malformed"`, "decompress"},
		{"ghc/rfc7400.json", `"src": "fe80`, `"src": "fe`, "load"},
		{"gpcomp/header.json", `"next_header":17,"cpi":2`, `"next_header":17,"cpi":3`, "parse"},
		{"gpcomp/header.json", `"sent":"11000002"`, `"sent":"11010002"`, "write"},
		{"gpcomp/lzs.json", `"payload":"61","sent":"30e000"`, `"payload":"62","sent":"30e000"`, "decompress"},
		{"gpcomp/lzs.json", `"result":"truncated"`, `"result":"malformed"`, "decompress"},
		{"gpcomp/lzs.json", `"form":"codec"`, `"form":"code"`, "load"},
		{"gpcomp/ghc.json", `"codec":"ghc"`, `"codec":"lzs"`, "decompress"},
		{"gpcomp/deflate.json", `"payload":"61"`, `"payload":"62"`, "decompress"},
		{"gpcomp/policy.json", `"sent":"61616161","result"`, `"sent":"61616162","result"`, "send"},
		{"gpcomp/policy.json", `"payload":"6161616161","sent":"30e06c00","compressed":true`, `"payload":"6161616161","sent":"30e06c00"`, "send"},
		{"gpcomp/policy.json", `"threshold":10,`, `"threshold":1000,`, "send"},
		{"gpcomp/policy.json", `"skip":2`, `"skip":3`, "send"},
		{"gpcomp/policy.json", `"result":"no-sa"`, `"result":"truncated"`, "receive"},
		{"gpcomp/policy.json", `"cpi":300,`, `"cpi":100,`, "load"},
		{"gpcomp/ipcomp.json", `"form":"ip","codec":"lzs","cpi":3`, `"form":"ip","codec":"lzs","cpi":300`, "send receive"},
	} {
		data, err := vectors.FS.ReadFile(x.file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(data), x.old, x.new, 1)
		if text == string(data) {
			t.Fatalf("%s has no %s", x.file, x.old)
		}
		failures, _, err := run.Run(fstest.MapFS{x.file: {Data: []byte(text)}}, "")
		if err != nil || len(failures) == 0 {
			t.Errorf("%s, %s: %v, no failure", x.file, x.new, err)
		}
		for _, f := range failures {
			if !strings.Contains(x.ways, f.Way) {
				t.Errorf("%s: %v, want one of %s", x.new, f, x.ways)
			}
		}
	}
}

// TestRunFailsSSE: vectors for SSE with any one value changed fail.
func TestRunFailsSSE(t *testing.T) {
	flip := func(v any) any {
		s := []byte(v.(string))
		s[len(s)/2] = "0123456789abcdef"[(strings.IndexByte("0123456789abcdef", s[len(s)/2])+1)%16]
		return string(s)
	}
	changes := map[string]func(v any) any{"packet": flip, "small": flip, "payload": flip, "header": flip, "nonce": flip, "answer": flip, "message": nil,
		"seq":    func(v any) any { return v.(float64) + 1 },
		"result": func(v any) any { return map[string]any{"valid": "malformed"}[v.(string)] },
		"notify": func(v any) any { return v.(float64) + 1 },
		"proposal": func(v any) any {
			m := maps.Clone(v.(map[string]any))
			m["cpi"] = 77
			return m
		}}
	for _, name := range []string{"packets", "headers", "behaviour", "negotiate"} {
		data, err := fs.ReadFile(vectors.FS, "sse/"+name+".json")
		if err != nil {
			t.Fatal(err)
		}
		tried := 0
		for g := 0; ; g++ {
			var f map[string]any
			if err := json.Unmarshal(data, &f); err != nil {
				t.Fatal(err)
			}
			groups := f["groups"].([]any)
			if g == len(groups) {
				break
			}
			for _, x := range groups[g].(map[string]any)["tests"].([]any) {
				v := x.(map[string]any)
				if v["result"] != "valid" && v["notify"] == nil { // a broken packet may be broken otherwise
					continue
				}
				if name != "negotiate" && int(v["id"].(float64))%3 != g%3 { // some will do
					continue
				}
				for key, change := range changes {
					old, ok := v[key]
					if !ok || change == nil || old == "" || key == "result" && old != "valid" {
						continue
					}
					v[key] = change(old)
					text, err := json.Marshal(f)
					if err != nil {
						t.Fatal(err)
					}
					failures, _, err := run.Run(fstest.MapFS{"sse/x.json": {Data: text}}, "")
					if err != nil || len(failures) == 0 {
						t.Errorf("%s#%v: another %s, and nothing fails: %v", name, v["id"], key, err)
					}
					v[key] = old
					tried++
				}
			}
		}
		if tried < 20 {
			t.Errorf("%s: only %d changes", name, tried)
		}
	}
}
