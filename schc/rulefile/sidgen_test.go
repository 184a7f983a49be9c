package rulefile

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/schckit/schckit/schc"
)

// The generator of yang/*.sid and of the identities in our YANG module:
//
//	go test ./schc/rulefile -run TestYANGFiles -update
//
// Numbers that are in a .sid file stay; new names get the next ones.

// sidRanges are the SIDs of each module. They are in the range for experiments
// of RFC 9595 (60,000 to 99,999), and below 65,536, where a SID takes three
// bytes.
var sidRanges = []struct {
	module     string
	first, num uint64
}{
	{modSCHC, 60_000, 200},
	{modCoAP, 60_200, 100},
	{modICMPv6, 60_300, 50},
	{modCompound, 60_350, 50},
	{modOwn, 60_400, 600},
}

// wantItems returns the items of a module in the order in which they get
// numbers: the module, its nodes, its identities.
func wantItems(module string) []SIDItem {
	items := []SIDItem{{Namespace: "module", Identifier: module}}
	for _, n := range yangNodes {
		if n.module == module {
			items = append(items, SIDItem{Namespace: "data", Identifier: modulePath(n)})
		}
	}
	for _, id := range yangIdentities[module] {
		items = append(items, SIDItem{Namespace: "identity", Identifier: id})
	}
	for _, f := range schc.FieldIDs(nil) {
		if fieldModule(f) == module {
			items = append(items, SIDItem{Namespace: "identity", Identifier: f.YANG()})
		}
	}
	return items
}

// modulePath is the path of a node as .sid files write it.
func modulePath(n yangNode) string {
	path := "/" + modSCHC + ":" + n.path[1:]
	if n.module != modSCHC {
		i := strings.LastIndexByte(path, '/')
		path = path[:i+1] + n.module + ":" + path[i+1:]
	}
	return path
}

func sidFileName(module string) string {
	return "yang/" + module + "@" + moduleRevisions[module] + ".sid"
}

// yangListKeys are the keys of the lists, for the key-mapping that CORECONF
// tools look for in .sid files.
var yangListKeys = map[string][]string{
	"/schc/rule":                                {"rule-id-value", "rule-id-length"},
	"/schc/rule/entry":                          {"field-id", "field-position", "direction-indicator"},
	"/schc/rule/entry/target-value":             {"index"},
	"/schc/rule/entry/matching-operator-value":  {"index"},
	"/schc/rule/entry/comp-decomp-action-value": {"index"},
}

// keyMapping returns the key-mapping of a .sid file, or "".
func keyMapping(items []SIDItem) string {
	sids := map[string]uint64{}
	for _, it := range items {
		sids[plainPath(it.Identifier)] = it.SID
	}
	var lists []string
	for _, it := range items {
		var keys []string
		for _, k := range yangListKeys[plainPath(it.Identifier)] {
			keys = append(keys, fmt.Sprint(sids[plainPath(it.Identifier)+"/"+k]))
		}
		if keys != nil {
			lists = append(lists, fmt.Sprintf("\n      \"%d\": [%s]", it.SID, strings.Join(keys, ", ")))
		}
	}
	if lists == nil {
		return ""
	}
	return ",\n    \"key-mapping\": {" + strings.Join(lists, ",") + "\n    }"
}

// generateSID returns the .sid file of a module, with the numbers of old.
func generateSID(t *testing.T, module string, first, num uint64, old *SIDFile) string {
	numbers := map[SIDItem]uint64{}
	next := first
	if old != nil {
		for _, it := range old.Items {
			numbers[SIDItem{it.Namespace, it.Identifier, 0}] = it.SID
			next = max(next, it.SID+1)
		}
	}
	items := wantItems(module)
	for i := range items {
		n, ok := numbers[items[i]]
		if !ok {
			n = next
			next++
		}
		items[i].SID = n
	}
	if next > first+num {
		t.Fatalf("the range of %s is full", module)
	}
	slices.SortFunc(items, func(a, b SIDItem) int { return int(a.SID) - int(b.SID) })
	var b strings.Builder
	fmt.Fprintf(&b, `{
  "ietf-sid-file:sid-file": {
    "module-name": %q,
    "module-revision": %q,
    "sid-file-status": "unpublished",
    "description": "Made by schckit from the names that its rule files use. The numbers are from the range for experiments; nobody assigned them.",
    "assignment-range": [{"entry-point": "%d", "size": "%d"}],
    "item": [`, module, moduleRevisions[module], first, num)
	for i, it := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n      {\"status\": \"unstable\", \"namespace\": %q, \"identifier\": %q, \"sid\": \"%d\"}", it.Namespace, it.Identifier, it.SID)
	}
	b.WriteString("\n    ]" + keyMapping(items) + "\n  }\n}\n")
	return b.String()
}

const (
	identitiesStart = "  // Fields. Generated; see README.md.\n"
	identitiesEnd   = "  // End of the fields.\n"
)

// baseIdentity returns the base of a field's identity in our module.
func baseIdentity(f schc.FID) string {
	if _, ok := f.CoAPOption(); ok {
		return "schc:fid-coap-option"
	}
	switch p, _, _ := strings.Cut(f.String(), "."); p {
	case "IPV6", "UDP", "COAP":
		return "schc:fid-" + strings.ToLower(p) + "-base-type"
	default:
		return "fid-" + strings.ToLower(strings.ReplaceAll(p, "_", "-")) + "-base-type"
	}
}

// generateIdentities returns the identities of our module's fields.
func generateIdentities() string {
	var b strings.Builder
	bases := map[string]bool{}
	for _, f := range schc.FieldIDs(nil) {
		if fieldModule(f) != modOwn {
			continue
		}
		base := baseIdentity(f)
		if !strings.Contains(base, ":") && !bases[base] {
			bases[base] = true
			p, _, _ := strings.Cut(f.String(), ".")
			fmt.Fprintf(&b, "  identity %s {\n    base schc:fid-base-type;\n    description\n      \"Base of the fields of %s.\";\n  }\n\n", base, p)
		}
		bits := "variable length"
		if n := f.LenBits(); n == 1 {
			bits = "1 bit"
		} else if n > 0 {
			bits = fmt.Sprintf("%d bits", n)
		}
		fmt.Fprintf(&b, "  identity %s {\n    base %s;\n    description\n      \"%s, %s.\";\n  }\n\n", f.YANG(), base, f, bits)
	}
	return b.String()
}

func TestYANGFiles(t *testing.T) {
	name, text := YANGModule()
	before, rest, ok := strings.Cut(string(text), identitiesStart)
	_, after, ok2 := strings.Cut(rest, identitiesEnd)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the comments around the generated part", name)
	}
	want := map[string]string{"yang/" + name: before + identitiesStart + "\n" + generateIdentities() + identitiesEnd + after}
	for _, r := range sidRanges {
		var old *SIDFile
		if data, err := os.ReadFile(sidFileName(r.module)); err == nil {
			if old, err = LoadSID(data, sidFileName(r.module)); err != nil {
				t.Fatal(err)
			}
		}
		want[sidFileName(r.module)] = generateSID(t, r.module, r.first, r.num, old)
	}
	for _, id := range yangIdentities[modOwn] {
		if !strings.Contains(string(text), "\n  identity "+id+" {") {
			t.Errorf("%s lacks the identity %s", name, id)
		}
	}
	for _, n := range yangNodes {
		leaf := n.path[strings.LastIndexByte(n.path, '/')+1:]
		if n.module == modOwn && !strings.Contains(string(text), " leaf "+leaf+" {") {
			t.Errorf("%s lacks the leaf %s", name, leaf)
		}
	}
	for name, text := range want {
		got, _ := os.ReadFile(name)
		if string(got) == text {
			continue
		}
		if !*update {
			t.Errorf("%s is out of date: go test ./schc/rulefile -run TestYANGFiles -update", name)
			continue
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
