package lorawan

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/schckit/schckit/internal/pcapio"
)

// event has the members that are read of the uplink events of The Things Stack
// v3 (snake_case; its storage integration wraps them in "result", its event
// stream in "data") and ChirpStack v3 and v4 (camelCase).
type event struct {
	EndDevice struct {
		DevEUI string `json:"dev_eui"`
	} `json:"end_device_ids"`
	ReceivedAt string     `json:"received_at"`
	Uplink     *ttsUplink `json:"uplink_message"`

	DevEUI     string `json:"devEUI"` // ChirpStack v3, in base64, or in hex by its v3 marshaler
	DeviceInfo *struct {
		DevEUI string `json:"devEui"`
	} `json:"deviceInfo"` // ChirpStack v4
	FPort       *int   `json:"fPort"`
	FCnt        uint32 `json:"fCnt"`
	Data        string `json:"data"`
	Time        string `json:"time"`        // v4
	PublishedAt string `json:"publishedAt"` // v3
	RxInfo      []struct {
		Time *string `json:"time"`
	} `json:"rxInfo"`
}

type ttsUplink struct {
	FPort      int    `json:"f_port"` // zero values are left out
	FCnt       uint32 `json:"f_cnt"`
	Payload    string `json:"frm_payload"`
	ReceivedAt string `json:"received_at"`
}

// An uplink is the message of one event.
type uplink struct {
	eui EUI
	msg []byte // FPort, FRMPayload
	at  int64  // nanoseconds since 1970; 0: not known
}

// errNoUplink is for events of other kinds, and uplinks without a message.
var errNoUplink = errors.New("no uplink with a message")

// parseEvent reads one event. It returns errNoUplink for one that holds no
// message, and an error for a broken one.
func parseEvent(data []byte) (u uplink, err error) {
	// What wraps an event: ChirpStack has "data", too, but there it is a string.
	var wrap struct {
		Result json.RawMessage `json:"result"`
		Data   json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(data, &wrap); err != nil {
		return u, errors.New("not an object")
	}
	for _, inner := range []json.RawMessage{wrap.Result, wrap.Data} {
		if len(inner) > 0 && inner[0] == '{' {
			data = inner
		}
	}
	var e event
	if err := json.Unmarshal(data, &e); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			return u, fmt.Errorf("%s: a %.20s is not expected here", kind.Field, kind.Value)
		}
		return u, err
	}
	var port int
	var eui, payload string
	var times []string
	switch {
	case e.Uplink != nil:
		port, eui, payload = e.Uplink.FPort, e.EndDevice.DevEUI, e.Uplink.Payload
		times = []string{e.Uplink.ReceivedAt, e.ReceivedAt}
	case e.FPort != nil && (e.DeviceInfo != nil || e.DevEUI != ""):
		port, eui, payload, times = *e.FPort, e.DevEUI, e.Data, []string{e.Time}
		if e.DeviceInfo != nil {
			eui = e.DeviceInfo.DevEUI
		}
		for _, r := range e.RxInfo {
			if r.Time != nil {
				times = append(times, *r.Time)
			}
		}
		times = append(times, e.PublishedAt)
	default:
		return u, errNoUplink
	}
	var ok bool
	if u.eui, ok = parseEventEUI(eui); !ok {
		return u, fmt.Errorf("the DevEUI %.40q is not 16 hex digits", eui)
	}
	switch {
	case port < 0 || port > 255:
		return u, fmt.Errorf("the FPort %d is not from 0 to 255", port)
	case !carriesSCHC(port):
		return u, errNoUplink
	}
	b, err := base64.StdEncoding.DecodeString(payload)
	if err != nil {
		return u, errors.New("the payload is not base64")
	}
	u.msg = append([]byte{byte(port)}, b...)
	for _, s := range times {
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil && t.Unix() > 0 && t.Year() < 2200 {
			u.at = t.UnixNano()
			break
		}
	}
	return u, nil
}

// parseEventEUI reads a DevEUI in hex or, as Protocol Buffers have bytes in JSON,
// in base64.
func parseEventEUI(s string) (e EUI, ok bool) {
	if e, ok = ParseEUI(s); ok {
		return e, true
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) != len(e) {
		return e, false
	}
	return EUI(b), true
}

const maxEvent = 4 << 20

// limiter counts what a json.Decoder has read ahead, to bound its memory.
type limiter struct {
	r     io.Reader
	n     int64
	limit int64
}

var errLongEvent = fmt.Errorf("%w: an event of more than %d bytes", pcapio.ErrCorrupt, maxEvent)

func (l *limiter) Read(p []byte) (int, error) {
	if l.n > l.limit {
		return 0, errLongEvent
	}
	n, err := l.r.Read(p)
	l.n += int64(n)
	return n, err
}

// events reads JSON events: one behind the other, or in an array.
type events struct {
	in    limiter
	dec   *json.Decoder
	array bool // and it is not over
	begun bool
	n     uint64
}

func newEvents(r io.Reader) *events {
	br := bufio.NewReader(r)
	v := new(events)
	for {
		b, err := br.ReadByte()
		if err != nil {
			break // the decoder will see it
		}
		if b != ' ' && b != '\t' && b != '\r' && b != '\n' {
			v.array = b == '['
			br.UnreadByte()
			break
		}
	}
	v.in.r = br
	v.dec = json.NewDecoder(&v.in)
	return v
}

// next returns the next event as it stands there, or io.EOF, or an error that
// is pcapio.ErrCorrupt or pcapio.ErrTruncated or of the operating system.
func (v *events) next() (json.RawMessage, error) {
	v.in.limit = v.dec.InputOffset() + maxEvent
	var raw json.RawMessage
	var err error
	if v.array && !v.begun {
		v.begun = true
		_, err = v.dec.Token()
	}
	if err == nil && v.array && !v.dec.More() {
		if _, err = v.dec.Token(); err == nil { // the end of the array, and of all
			v.array = false
			if _, err = v.dec.Token(); err == nil {
				err = fmt.Errorf("%w: something follows the array of events", pcapio.ErrCorrupt)
			}
		}
	} else if err == nil {
		if err = v.dec.Decode(&raw); err == nil {
			v.n++
			return raw, nil
		}
	}
	var syntax *json.SyntaxError
	switch {
	case err == io.EOF && !v.array:
		return nil, io.EOF
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%w: event %d", pcapio.ErrTruncated, v.n+1)
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("%w: event %d: %v", pcapio.ErrCorrupt, v.n+1, err)
	}
	return nil, err
}
