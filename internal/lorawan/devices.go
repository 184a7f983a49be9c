package lorawan

import (
	"bytes"
	"crypto/cipher"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/schckit/schckit/schc"
)

// EUI is a DevEUI, most significant byte first, as it is written.
type EUI [8]byte

// String returns 16 hex digits.
func (e EUI) String() string { return hex.EncodeToString(e[:]) }

// ParseEUI reads 16 hex digits, perhaps with "lorawan:", colons or hyphens.
func ParseEUI(s string) (e EUI, ok bool) {
	text := strings.ToLower(strings.TrimSpace(s))
	text = strings.TrimPrefix(text, "lorawan:")
	text = strings.NewReplacer(":", "", "-", "").Replace(strings.TrimPrefix(text, "0x"))
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(e) {
		return e, false
	}
	return EUI(b), true
}

// Name is the name of the interface that has a device's messages.
func (e EUI) Name() string { return "lorawan:" + e.String() }

// A Device is what is known of a LoRaWAN device's session (LoRaWAN 1.0.x).
type Device struct {
	EUI     EUI
	Addr    uint32 // DevAddr
	HasAddr bool
	Rules   string // the DeviceID of its set of Rules; "": its EUI

	app, nwk           cipher.Block // nil: not known
	upCount, downCount counter
}

// NewDevice returns a Device of which EUI and AppSKey are known.
func NewDevice(eui EUI, appSKey [16]byte) *Device { return &Device{EUI: eui, app: newAES(appSKey[:])} }

// IID returns the IID of RFC 9011, Section 5.3, or nil without an AppSKey.
func (d *Device) IID() []byte {
	if d.app == nil {
		return nil
	}
	var scratch [32]byte
	iid := schc.LoRaWANIID(d.app, d.EUI, &scratch)
	return iid[:]
}

// Devices are the devices of a file.
type Devices struct {
	List   []*Device
	byEUI  map[EUI]*Device
	byAddr map[uint32]*Device
}

// ByEUI returns the device with a DevEUI, or nil. It may be called on nil.
func (d *Devices) ByEUI(e EUI) *Device {
	if d == nil {
		return nil
	}
	return d.byEUI[e]
}

const (
	maxFileSize = 64 << 20
	maxDevices  = 100_000
)

// entry is a device as it stands in the file.
type entry struct {
	DevEUI   string `json:"dev_eui"`
	DevAddr  string `json:"dev_addr"`
	AppSKey  string `json:"app_s_key"`
	NwkSKey  string `json:"nwk_s_key"`
	FCntUp   uint32 `json:"f_cnt_up"`
	FCntDown uint32 `json:"f_cnt_down"`
	Rules    string `json:"rules"`
}

// Load reads a file of devices:
//
//	{"devices": [{"dev_eui": "0004a30b001c0530", "dev_addr": "00bcb929",
//	  "app_s_key": "32 hex digits", "nwk_s_key": "32 hex digits",
//	  "f_cnt_up": 0, "f_cnt_down": 0, "rules": "DeviceID of its Rules"}]}
//
// Only dev_eui must be there. Unknown keys are errors, and so are two devices
// with one DevEUI or DevAddr. Keys are never part of an error's text.
func Load(data []byte) (*Devices, error) {
	if len(data) > maxFileSize {
		return nil, fmt.Errorf("%d bytes; a file of devices has at most %d", len(data), maxFileSize)
	}
	var file struct {
		Devices []entry `json:"devices"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err := dec.Decode(&file)
	if err == nil {
		if _, err = dec.Token(); err == io.EOF {
			err = nil
		} else {
			err = errors.New("something follows the list of devices")
		}
	}
	if err != nil {
		return nil, place(data, dec, err)
	}
	if len(file.Devices) == 0 || len(file.Devices) > maxDevices {
		return nil, fmt.Errorf(`%d devices; write {"devices": [{"dev_eui": ...}]}, at most %d`, len(file.Devices), maxDevices)
	}
	d := &Devices{byEUI: map[EUI]*Device{}, byAddr: map[uint32]*Device{}}
	for i := range file.Devices {
		if err := d.add(&file.Devices[i]); err != nil {
			return nil, fmt.Errorf("device %d: %w", i+1, err)
		}
	}
	return d, nil
}

// place adds the line to an error of a json.Decoder.
func place(data []byte, dec *json.Decoder, err error) error {
	off := dec.InputOffset()
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		off = syntax.Offset
	case errors.As(err, &kind):
		// Its text has no value of a string.
		off, err = kind.Offset, fmt.Errorf("%s: a %s is not expected here", kind.Field, strings.SplitN(kind.Value, " ", 2)[0])
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		off, err = int64(len(data)), errors.New("the file ends early")
	}
	line := 1 + bytes.Count(data[:min(max(off, 0), int64(len(data)))], []byte("\n"))
	return fmt.Errorf("line %d: %s", line, strings.TrimPrefix(err.Error(), "json: "))
}

func (d *Devices) add(e *entry) error {
	v := &Device{Rules: e.Rules}
	var ok bool
	if v.EUI, ok = ParseEUI(e.DevEUI); !ok {
		return fmt.Errorf("dev_eui: %.40q is not 16 hex digits", e.DevEUI)
	}
	if d.byEUI[v.EUI] != nil {
		return fmt.Errorf("dev_eui: %v is there twice", v.EUI)
	}
	if e.DevAddr != "" {
		b, err := hex.DecodeString(e.DevAddr)
		if err != nil || len(b) != 4 {
			return fmt.Errorf("dev_addr: %.40q is not 8 hex digits", e.DevAddr)
		}
		v.Addr, v.HasAddr = uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8|uint32(b[3]), true
		if d.byAddr[v.Addr] != nil {
			return fmt.Errorf("dev_addr: %08x is there twice", v.Addr)
		}
		d.byAddr[v.Addr] = v
	}
	for _, k := range []struct {
		name, text string
		block      *cipher.Block
	}{{"app_s_key", e.AppSKey, &v.app}, {"nwk_s_key", e.NwkSKey, &v.nwk}} {
		if k.text == "" {
			continue
		}
		key, ok := ParseKey(k.text)
		if !ok {
			return fmt.Errorf("%s: not 32 hex digits", k.name)
		}
		*k.block = newAES(key[:])
	}
	v.upCount.next, v.downCount.next = uint64(e.FCntUp), uint64(e.FCntDown)
	d.byEUI[v.EUI] = v
	d.List = append(d.List, v)
	return nil
}

// ParseKey reads 32 hex digits.
func ParseKey(s string) (key [16]byte, ok bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(key) {
		return key, false
	}
	return [16]byte(b), true
}
