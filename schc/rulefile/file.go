package rulefile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/schckit/schckit/schc"
)

// Limits of what is loaded. They bound memory and time for files from
// strangers.
const (
	MaxFileSize = 64 << 20 // bytes of a file
	MaxDepth    = 32       // nesting of objects and lists
	MaxRules    = 100_000  // Rules in a file, all sets together
	MaxFields   = 4096     // Field Descriptors in a Rule
	MaxValues   = 65535    // Target Values of a field
	MaxSets     = 100_000  // device sets in a file
	maxAllTVs   = 4 << 20  // Target Values in a file
)

// Form is one of the forms in which a rule set is kept.
type Form uint8

// The forms.
const (
	_             Form = iota
	FormJSON           // JSON in the style of OpenSCHC
	FormYANG           // the RFC 9363 model as JSON (RFC 7951)
	FormCBOR           // the RFC 9363 model as CBOR (RFC 9254)
	FormMicroSCHC      // a context of microschc; load only
)

// String returns the name that ParseForm reads.
func (f Form) String() string {
	switch f {
	case FormJSON:
		return "json"
	case FormYANG:
		return "yang-json"
	case FormCBOR:
		return "cbor"
	case FormMicroSCHC:
		return "microschc"
	}
	return "unknown"
}

// ParseForm returns the form with the name s: "json" (also "openschc"),
// "yang-json" (also "yang"), "cbor" or "microschc".
func ParseForm(s string) (Form, bool) {
	switch strings.ToLower(s) {
	case "json", "openschc":
		return FormJSON, true
	case "yang-json", "yang":
		return FormYANG, true
	case "cbor":
		return FormCBOR, true
	case "microschc":
		return FormMicroSCHC, true
	}
	return 0, false
}

// A File is the content of a rule file: the rule sets of one or several
// devices.
type File struct {
	Name     string // as given to Load
	Form     Form   // the form it was loaded from
	Sets     []Set
	Warnings []Warning // what was accepted but not kept
}

// A Set is the rule set of one device.
type Set struct {
	DeviceID string // may be empty
	Rules    []schc.Rule
	// Descriptions holds the Description of each Rule; it is nil where there
	// is none, and not compared by Diff.
	Descriptions []string

	name  string
	lines bool     // spots are line and column, not offsets
	spots []spot   // of the Rules
	field [][]spot // of the Field Descriptors of each Rule
}

// spot is a place in the file: line and column, or the offset in line.
type spot struct{ line, col int32 }

// Set returns the rule set of the device with the given DeviceID. With "" it
// returns the only set there is.
func (f *File) Set(deviceID string) (*Set, error) {
	if deviceID == "" && len(f.Sets) == 1 {
		return &f.Sets[0], nil
	}
	var names []string
	for i := range f.Sets {
		if f.Sets[i].DeviceID == deviceID {
			return &f.Sets[i], nil
		}
		if len(names) < 10 {
			names = append(names, fmt.Sprintf("%q", f.Sets[i].DeviceID))
		}
	}
	if len(f.Sets) > len(names) {
		names = append(names, fmt.Sprintf("and %d more", len(f.Sets)-len(names)))
	}
	text := fmt.Sprintf("no rule set for device %q; there are %s", deviceID, strings.Join(names, ", "))
	if deviceID == "" {
		text = fmt.Sprintf("the file has the rule sets of %d devices; name one: %s", len(f.Sets), strings.Join(names, ", "))
	}
	return nil, &Error{Name: f.Name, Offset: -1, Err: schc.ErrMalformed, Text: text}
}

// Locate adds the place in the file to an error of schc.NewContext for the
// Rules of s as they were loaded. Other errors come back as they are.
func (s *Set) Locate(err error) error {
	var fe *schc.FieldError
	if !errors.As(err, &fe) || fe.Index < 0 || fe.Index >= len(s.Rules) {
		return err
	}
	e := &Error{Name: s.name, Offset: -1, Rule: fe.Rule.String(), Err: fe.Err, Text: fe.Text}
	var at spot
	if fe.Index < len(s.spots) {
		at = s.spots[fe.Index]
	}
	if fe.Field < 0 && fe.FID != 0 {
		e.Field = fe.FID.String() // one that is missing
	}
	if fe.Field >= 0 && fe.Field < len(s.Rules[fe.Index].Fields) {
		e.Field = (&place{field: fe.Field, fid: fe.FID}).fieldName()
		if fe.Index < len(s.field) && fe.Field < len(s.field[fe.Index]) {
			at = s.field[fe.Index][fe.Field]
		}
	}
	switch {
	case s.lines:
		e.Line, e.Col = int(at.line), int(at.col)
	case s.spots != nil:
		e.Offset = int(at.line)
	}
	return e
}

// Load reads a rule file of any form. The name is for errors only. Files in
// CBOR are read with the SIDs of the given .sid files, or with DefaultSIDs
// where there are none.
func Load(data []byte, name string, sids ...*SIDFile) (*File, error) {
	return LoadAs(data, name, Detect(data), sids...)
}

// LoadAs is Load for a file whose form is known.
func LoadAs(data []byte, name string, form Form, sids ...*SIDFile) (*File, error) {
	if len(data) > MaxFileSize {
		return nil, &Error{Name: name, Offset: -1, Err: schc.ErrUnsupported,
			Text: fmt.Sprintf("%d bytes; a rule file has at most %d", len(data), MaxFileSize)}
	}
	var f *File
	var err *Error
	switch form {
	case FormYANG:
		f, err = loadYANG(data, name)
	case FormCBOR:
		f, err = loadCBOR(data, name, sids)
	case FormMicroSCHC:
		f, err = loadMicroSCHC(data, name)
	default:
		form = FormJSON
		f, err = loadJSON(data, name)
	}
	if err != nil {
		return nil, err
	}
	f.Name, f.Form = name, form
	for i := range f.Sets {
		s := &f.Sets[i]
		s.name, s.lines = name, form != FormCBOR
		for s.Descriptions != nil && len(s.Descriptions) < len(s.Rules) {
			s.Descriptions = append(s.Descriptions, "")
		}
	}
	return f, nil
}

// Save writes f as JSON in the style of OpenSCHC, one field per line. The
// result depends on nothing but the rule sets.
func Save(f *File) ([]byte, error) { return SaveAs(f, FormJSON) }

// SaveAs writes f in a form. CBOR is written with the SIDs of the given .sid
// files, or with DefaultSIDs where there are none. A rule set that the form
// cannot hold is an error.
func SaveAs(f *File, form Form, sids ...*SIDFile) ([]byte, error) {
	var out []byte
	var err *Error
	switch form {
	case FormJSON:
		out, err = saveJSON(f)
	case FormYANG:
		out, err = saveYANG(f)
	case FormCBOR:
		out, err = saveCBOR(f, sids)
	default:
		err = &Error{Offset: -1, Err: schc.ErrUnsupported, Text: fmt.Sprintf("rule sets cannot be saved as %s; use json, yang-json or cbor", form)}
	}
	if err != nil {
		if err.Name == "" {
			err.Name = f.Name
		}
		return nil, err
	}
	if len(out) > MaxFileSize {
		return nil, &Error{Name: f.Name, Offset: -1, Err: schc.ErrUnsupported,
			Text: fmt.Sprintf("%d bytes as %s; a rule file has at most %d: save it as cbor, or split it", len(out), form, MaxFileSize)}
	}
	return out, nil
}

// Detect tells the form of a rule file from its content. What is not
// recognised is FormJSON, whose loader then says what is wrong.
func Detect(data []byte) Form {
	s := newScanner(data, "")
	switch s.space() {
	case '{', '[':
	default:
		if len(data) > 0 && (data[0]>>5 == 4 || data[0]>>5 == 5 || data[0]>>5 == 6) && !slices.Equal(data[:min(3, len(data))], []byte("\xef\xbb\xbf")) {
			return FormCBOR
		}
		return FormJSON
	}
	form := FormJSON
	look := func(key []byte, _ int) *Error {
		switch string(key) {
		case "ietf-schc:schc", "schc":
			form = FormYANG
		case "ruleset":
			form = FormMicroSCHC
		case "field_descriptors":
			form = FormMicroSCHC
		}
		if form != FormJSON {
			return s.malformed(s.pos, "found")
		}
		return s.skip()
	}
	if s.space() == '[' {
		s.array("", func(int) *Error {
			if err := s.object("", look); err != nil {
				return err
			}
			return s.malformed(s.pos, "one element tells")
		})
		return form
	}
	s.object("", look)
	return form
}

// normalField returns d with its defaults filled in.
func normalField(d schc.FieldDescriptor) schc.FieldDescriptor {
	if d.FL == 0 {
		d.FL = ownLength(d.FID)
	}
	if d.FP == 0 {
		d.FP = 1
	}
	if d.DI == 0 {
		d.DI = schc.DirBidirectional
	}
	if d.MO != schc.MOMSB {
		d.MSB = 0
	}
	if restoresZero(&d) {
		d.TV = [][]byte{make([]byte, zeroBytes(d.FL))}
	}
	return d
}

// restoresZero reports whether d has no Target Value where RFC 9363 wants one:
// it restores zero, or nothing in a field of variable length.
func restoresZero(d *schc.FieldDescriptor) bool {
	return d.MO == schc.MOIgnore && d.CDA == schc.CDANotSent && len(d.TV) == 0
}

func zeroBytes(fl schc.FieldLength) int {
	if fl.Variable() {
		return 0
	}
	return (int(fl) + 7) / 8
}

func ownLength(f schc.FID) schc.FieldLength {
	if n := f.LenBits(); n > 0 {
		return schc.FieldLength(n)
	}
	return schc.FLVar
}

// normalFragment returns f with its defaults filled in, and without what its mode
// does not know.
func normalFragment(f schc.Fragmentation) schc.Fragmentation {
	if f.L2WordBits == 0 {
		f.L2WordBits = 8
	}
	if f.WindowSize == 0 {
		f.WindowSize = uint16(1<<min(f.FCNBits, 16) - 1)
	}
	if f.RCSBits == 0 {
		f.RCSBits = 32
	}
	if f.MaxPacket == 0 {
		f.MaxPacket = 1280
	}
	if f.MaxInterleaved == 0 {
		f.MaxInterleaved = 1
	}
	if f.MaxAckRequests == 0 && f.Mode != schc.FragmentationNoAck {
		f.MaxAckRequests = 4
	}
	if f.Mode == schc.FragmentationNoAck {
		f.MaxAckRequests, f.RetransmissionMs = 0, 0
	}
	if f.Mode != schc.FragmentationAckOnError {
		f.AckBehavior, f.All1Data = 0, 0
	} else {
		if f.AckBehavior == 0 {
			f.AckBehavior = schc.AckAfterAll1
		}
		if f.All1Data == 0 {
			f.All1Data = schc.All1DataNo
		}
	}
	return f
}
