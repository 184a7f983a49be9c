package rulefile

import (
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/schckit/schckit/schc"
)

// A SIDFile is the content of a .sid file (RFC 9595): the numbers that stand
// for the names of one YANG module in CBOR.
type SIDFile struct {
	Module   string
	Revision string
	// Items are the numbers in the order of the file.
	Items []SIDItem
	// KeyMapping gives the SIDs of the keys of a list by the SID of the list;
	// nil where the file has none.
	KeyMapping map[uint64][]uint64
}

// A SIDItem is one number of a SIDFile.
type SIDItem struct {
	Namespace  string // "module", "identity", "feature" or "data"
	Identifier string // a name, or a path such as "/ietf-schc:schc/rule"
	SID        uint64
}

const maxSIDs = 20_000 // items in a .sid file

// LoadSID reads a .sid file, in the form of RFC 9595 (an object
// "ietf-sid-file:sid-file") or in that of the tools before it.
func LoadSID(data []byte, name string) (*SIDFile, error) {
	s := newScanner(data, name)
	if len(data) > MaxFileSize {
		return nil, s.unsupported(0, "%d bytes; a .sid file has at most %d", len(data), MaxFileSize)
	}
	f := &SIDFile{}
	err := f.load(s, true)
	if err == nil {
		err = s.end()
	}
	if err == nil && (f.Module == "" || len(f.Items) == 0) {
		err = s.malformed(0, "not a .sid file: it has no module-name or no item")
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (f *SIDFile) load(s *scanner, outer bool) *Error {
	var seen nodesSeen
	t := jsonTree{s}
	return s.object("a .sid file, an object,", func(key []byte, off int) (err *Error) {
		if err := seen.once(t, string(key), off); err != nil {
			return err
		}
		switch string(key) {
		case "ietf-sid-file:sid-file", "sid-file":
			if outer {
				return f.load(s, false)
			}
		case "module-name":
			f.Module, err = s.text("module-name")
			return err
		case "module-revision":
			f.Revision, err = s.text("module-revision")
			return err
		case "items", "item":
			return f.loadItems(s)
		case "key-mapping":
			return f.loadKeys(s)
		}
		return s.skip()
	})
}

func (f *SIDFile) loadItems(s *scanner) *Error {
	sids, names := map[uint64]bool{}, map[SIDItem]bool{}
	t := jsonTree{s}
	return s.array("item, a list,", func(i int) *Error {
		if i >= maxSIDs {
			return s.unsupported(s.pos, "more than %d items", maxSIDs)
		}
		start := s.pos
		var it SIDItem
		has := false
		var seen nodesSeen
		err := s.object("an item, an object,", func(key []byte, off int) (err *Error) {
			if err := seen.once(t, string(key), off); err != nil {
				return err
			}
			switch string(key) {
			case "namespace":
				it.Namespace, err = s.text("namespace")
			case "identifier":
				it.Identifier, err = s.text("identifier")
			case "sid":
				has = true
				it.SID, err = t.uint("sid", 1<<63-1)
			default:
				err = s.skip()
			}
			return err
		})
		if err != nil {
			return err
		}
		if !has || it.Identifier == "" || it.Namespace == "" {
			return s.malformed(start, "an item needs namespace, identifier and sid")
		}
		name := SIDItem{it.Namespace, it.Identifier, 0}
		if sids[it.SID] || names[name] {
			return s.malformed(start, "the SID %d or the identifier %q is there twice", it.SID, clip([]byte(it.Identifier)))
		}
		sids[it.SID], names[name] = true, true
		f.Items = append(f.Items, it)
		return nil
	})
}

func (f *SIDFile) loadKeys(s *scanner) *Error {
	f.KeyMapping = map[uint64][]uint64{}
	return s.object("key-mapping, an object,", func(key []byte, off int) *Error {
		list, perr := strconv.ParseUint(string(key), 10, 63)
		if perr != nil || f.KeyMapping[list] != nil || len(f.KeyMapping) > maxSIDs {
			return s.malformed(off, "%q in key-mapping is not a SID, or is there twice", clip(key))
		}
		keys := []uint64{}
		err := s.array("the keys of a list, a list of SIDs,", func(i int) *Error {
			v, err := jsonTree{s}.uint("a key", 1<<63-1)
			if keys = append(keys, v); len(keys) > 100 {
				return s.malformed(s.pos, "more than 100 keys")
			}
			return err
		})
		f.KeyMapping[list] = keys
		return err
	})
}

//go:embed yang/*.sid yang/*.yang
var yangFiles embed.FS

// DefaultSIDs returns the .sid files of this package. Their SIDs are from the
// range for experiments (RFC 9595), as no others are published: between
// parties of their own choice only. See yang/README.md.
func DefaultSIDs() []*SIDFile { return slices.Clone(defaultSIDs) }

var defaultSIDs = func() []*SIDFile {
	var files []*SIDFile
	for _, mod := range []string{modSCHC, modCoAP, modICMPv6, modCompound, modOwn} {
		name := "yang/" + mod + "@" + moduleRevisions[mod] + ".sid"
		data, err := yangFiles.ReadFile(name)
		if err != nil {
			continue // not generated yet
		}
		f, err := LoadSID(data, name)
		if err != nil {
			panic(err) // our own file is broken
		}
		files = append(files, f)
	}
	return files
}()

// YANGModule returns the text of the YANG module of this package and its file
// name. It augments RFC 9363's with the fields that have no name there.
func YANGModule() (name string, text []byte) {
	name = modOwn + "@" + moduleRevisions[modOwn] + ".yang"
	text, err := yangFiles.ReadFile("yang/" + name)
	if err != nil {
		panic(err) // it is embedded
	}
	return name, text
}

// sidTable is what several .sid files say together.
type sidTable struct {
	nodes      map[uint64]string // paths without modules
	identities map[uint64]string
	nodeSID    map[string]uint64
	idSID      map[string]uint64
	given      map[string]bool // paths and identities in the files that were given, not only in ours
	own        bool            // no files were given
}

// plainPath drops the modules from a path.
func plainPath(path string) string {
	if !strings.Contains(path, ":") {
		return path
	}
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = withoutModule(parts[i])
	}
	return strings.Join(parts, "/")
}

// ownSIDs is the table of our .sid files alone.
var ownSIDs = sync.OnceValue(func() *sidTable {
	t, _ := joinSIDs(nil)
	return t
})

// newSIDTable joins the given files with ours, which fill in what the others
// lack.
func newSIDTable(files []*SIDFile) (*sidTable, *Error) {
	if len(files) == 0 {
		return ownSIDs(), nil
	}
	return joinSIDs(files)
}

func joinSIDs(files []*SIDFile) (*sidTable, *Error) {
	t := &sidTable{nodes: map[uint64]string{}, identities: map[uint64]string{}, nodeSID: map[string]uint64{}, idSID: map[string]uint64{}, given: map[string]bool{}, own: len(files) == 0}
	for _, f := range files {
		for _, it := range f.Items {
			if !t.add(it, true) {
				return nil, &Error{Offset: -1, Err: schc.ErrMalformed,
					Text: fmt.Sprintf("the .sid files contradict each other on SID %d (%s): give one set of files", it.SID, clip([]byte(it.Identifier)))}
			}
		}
	}
	for _, f := range defaultSIDs {
		for _, it := range f.Items {
			t.add(it, false)
		}
	}
	return t, nil
}

// add adds an item; it reports whether that contradicts none before it.
func (t *sidTable) add(it SIDItem, given bool) bool {
	names, sids := t.identities, t.idSID
	name := it.Identifier
	switch it.Namespace {
	case "data":
		names, sids = t.nodes, t.nodeSID
		name = plainPath(name)
	case "identity":
		if a := identityAliases[strings.ToLower(name)]; a != "" {
			name = a
		}
	default:
		return true
	}
	if _, ok := t.nodes[it.SID]; ok {
		return t.nodes[it.SID] == name
	}
	if _, ok := t.identities[it.SID]; ok {
		return t.identities[it.SID] == name
	}
	if _, ok := sids[name]; ok {
		return !given || !t.given[name]
	}
	names[it.SID], sids[name] = name, it.SID
	if given {
		t.given[name] = true
	}
	return true
}
