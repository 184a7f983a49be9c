package main

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"github.com/schckit/schckit/dietesp"
	"github.com/schckit/schckit/ehc"
	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/ikemsg"
)

// ikeView shows an IKE message.
type ikeView struct {
	Packet    uint64        `json:"packet,omitempty"` // its number in the capture, or of the line, from 1
	Src       string        `json:"src,omitempty"`
	Dst       string        `json:"dst,omitempty"`
	Header    *ikeHeader    `json:"ike,omitempty"`       // nil: payloads alone
	Encrypted string        `json:"encrypted,omitempty"` // opened, or why not
	Payloads  []payloadView `json:"payloads"`
	Error     string        `json:"error,omitempty"`
}

// ikeHeader shows the header of an IKE message.
type ikeHeader struct {
	Exchange  string `json:"exchange"`
	Response  bool   `json:"response"`
	MessageID uint32 `json:"message_id"`
	SPIi      string `json:"spi_i"`
	SPIr      string `json:"spi_r"`
	Bytes     int    `json:"message_bytes"`
}

// kind is "request" or "response".
func (h *ikeHeader) kind() string {
	if h.Response {
		return "response"
	}
	return "request"
}

// payloadView shows a payload.
type payloadView struct {
	Type   string      `json:"type"`
	Bytes  int         `json:"payload_bytes"`
	Notify *notifyView `json:"notify,omitempty"`
	SA     []saView    `json:"sa,omitempty"`
	TS     []tsView    `json:"ts,omitempty"`
	Error  string      `json:"error,omitempty"`
}

// notifyView shows a Notify payload.
type notifyView struct {
	Type      uint16         `json:"number"`
	Name      string         `json:"name"`
	Protocol  uint8          `json:"protocol,omitempty"`
	SPI       string         `json:"spi,omitempty"`
	Data      string         `json:"data"`
	Proposals []proposalView `json:"proposals,omitempty"`
	Text      string         `json:"text,omitempty"` // what the data mean
}

// proposalView shows a Proposal. What it does not name may have any value in an
// offer, and has its default in an answer.
type proposalView struct {
	ID     uint8               `json:"id"`
	Flaw   string              `json:"flaw,omitempty"`
	Values map[string][]string `json:"values"`
	order  []string
}

// saView shows a Proposal of an SA payload.
type saView struct {
	Num        uint8    `json:"num"`
	Protocol   string   `json:"protocol"`
	SPI        string   `json:"spi,omitempty"`
	Transforms []string `json:"transforms"`
}

// tsView shows a Traffic Selector.
type tsView struct {
	Type     string `json:"type"`
	Protocol uint8  `json:"protocol"`
	Ports    string `json:"ports,omitempty"`
	Range    string `json:"range,omitempty"`
	Data     string `json:"data,omitempty"`
}

var payloadNames = map[uint8]string{33: "SA", 34: "KE", 35: "IDi", 36: "IDr", 37: "CERT", 38: "CERTREQ", 39: "AUTH", 40: "Nonce", 41: "N", 42: "D",
	43: "V", 44: "TSi", 45: "TSr", 46: "SK", 47: "CP", 48: "EAP", 53: "SKF"}

// statusNames are notifies that package ehc has nothing to do with.
var statusNames = map[uint16]string{4: "INVALID_IKE_SPI", 5: "INVALID_MAJOR_VERSION", 9: "INVALID_MESSAGE_ID", 11: "INVALID_SPI", 24: "AUTHENTICATION_FAILED",
	34: "SINGLE_PAIR_REQUIRED", 35: "NO_ADDITIONAL_SAS", 36: "INTERNAL_ADDRESS_FAILURE", 37: "FAILED_CP_REQUIRED", 39: "INVALID_SELECTORS",
	43: "TEMPORARY_FAILURE", 44: "CHILD_SA_NOT_FOUND", 16384: "INITIAL_CONTACT", 16385: "SET_WINDOW_SIZE", 16388: "NAT_DETECTION_SOURCE_IP",
	16389: "NAT_DETECTION_DESTINATION_IP", 16390: "COOKIE", 16392: "HTTP_CERT_LOOKUP_SUPPORTED", 16394: "ESP_TFC_PADDING_NOT_SUPPORTED",
	16395: "NON_FIRST_FRAGMENTS_ALSO", 16396: "MOBIKE_SUPPORTED", 16404: "MULTIPLE_AUTH_SUPPORTED", 16406: "REDIRECT_SUPPORTED",
	16416: "ROHC_SUPPORTED", 16417: "EAP_ONLY_AUTHENTICATION", 16418: "CHILDLESS_IKEV2_SUPPORTED", 16420: "IKEV2_MESSAGE_ID_SYNC_SUPPORTED",
	16430: "IKEV2_FRAGMENTATION_SUPPORTED", 16431: "SIGNATURE_HASH_ALGORITHMS"}

// viewPayloads shows a chain of payloads, what is broken in it with its error. It
// returns the first one.
func viewPayloads(first uint8, b []byte, p *ehc.Policy) (list []payloadView, failed error) {
	l := ehc.NewPayloads(first, b)
	for {
		x, ok, err := l.Next()
		if err != nil {
			list = append(list, payloadView{Type: "broken", Error: ehcError(err)})
		}
		if failed == nil {
			failed = err
		}
		if !ok {
			return list, failed
		}
		v := payloadView{Type: payloadNames[x.Type], Bytes: len(x.Raw)}
		if v.Type == "" {
			v.Type = fmt.Sprintf("payload %d", x.Type)
		}
		switch x.Type {
		case ehc.PayloadNotify:
			v.Notify, err = viewNotify(x.Body, p)
		case ehc.PayloadSA:
			v.SA, err = viewSA(x.Body)
		case ehc.PayloadTSi, ehc.PayloadTSr:
			v.TS, err = viewTS(x.Body, p)
		}
		if err != nil {
			v.Error = ehcError(err)
			if failed == nil {
				failed = err
			}
		}
		list = append(list, v)
	}
}

// viewNotify shows the body of a Notify payload; with an error, what can be shown
// of it.
func viewNotify(body []byte, p *ehc.Policy) (*notifyView, error) {
	c, err := ehc.ParseNotify(body)
	if err != nil {
		return nil, err
	}
	n := p.Numbers.Defaults()
	v := &notifyView{Type: c.Type, Name: n.NotifyName(c.Type), Protocol: c.Protocol, SPI: hex.EncodeToString(c.SPI), Data: hex.EncodeToString(c.Data)}
	if v.Name == "" {
		v.Name = statusNames[c.Type]
	}
	switch c.Type {
	case n.HCPProposal:
		v.Proposals, err = viewProposals(c.Data, ehc.DialectHCP, p)
	case n.EHCSupported, n.EHCUnacceptable:
		v.Proposals, err = viewProposals(c.Data, ehc.DialectEHC, p)
	case n.DSCP:
		var dscps []byte
		if dscps, err = ehc.ParseDSCP(c.Data); err == nil {
			v.Text = "DSCPs " + numberList(dscps)
		}
	case n.OptimizedRekey:
		spi, ike, e := ehc.ParseOptimizedRekey(c.Data)
		v.Text, err = fmt.Sprintf("new SPI %08x of a Child SA", spi), e
		if ike {
			v.Text = fmt.Sprintf("new SPI %016x of the IKE SA", spi)
		}
	case ehc.NotifyIPCompSupported:
		i, e := ehc.ParseIPComp(c.Data)
		v.Text, err = fmt.Sprintf("CPI %#04x, %s", i.CPI, ipcompName(i.Transform)), e
	case n.LMAP:
		l, e := ehc.ParseLMAP(c.Data)
		v.Text, err = fmt.Sprintf("IPv%d, packets of up to %d bytes are not fragmented", l.IPVersion, l.AtomicPacket()), e
	case n.PTB:
		t, e := ehc.ParsePTB(c.Data)
		v.Text, err = fmt.Sprintf("LMTU %d, EMTU_R %d", t.LMTU, t.EMTUR), e
	case n.OptimizedRekeySupported, n.LMAPAndPTBSupported, ehc.NotifyUseTransportMode:
		err = ehc.ParseEmpty(c.Data)
	}
	if err != nil {
		v.Text = ""
	}
	return v, err
}

func ipcompName(t uint8) string {
	if s := map[uint8]string{1: "OUI", 2: "DEFLATE", 3: "LZS", 4: "LZJH"}[t]; s != "" {
		return s
	}
	return fmt.Sprintf("transform %d", t)
}

func numberList(list []byte) string {
	var words []string
	for _, v := range list {
		words = append(words, fmt.Sprint(v))
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

// viewProposals shows the Proposals of a notify. Answers of the dialect ehc may
// be bare.
func viewProposals(data []byte, d ehc.Dialect, p *ehc.Policy) ([]proposalView, error) {
	if d == ehc.DialectEHC && len(data) > 0 && data[0] >= 0x80 {
		data = append([]byte{byte(len(data) >> 8), byte(len(data))}, data...)
	}
	list, err := ehc.ParseProposals(nil, data, d, p.Numbers, !p.NoZeroBytes)
	if err != nil {
		return nil, err
	}
	views := make([]proposalView, 0, len(list))
	for i := range list {
		q := &list[i]
		v := proposalView{ID: q.ID, Values: map[string][]string{}}
		if flaws := q.Flaws &^ (ehc.FlawRange | ehc.FlawRepeated); flaws != 0 {
			v.Flaw = flaws.String()
		}
		for a := ehc.Attr(0); a < ehc.NumAttrs; a++ {
			if q.Has(a) {
				v.order = append(v.order, a.String())
				v.Values[a.String()] = valueNames(a, q.Values[a], d)
			}
		}
		views = append(views, v)
	}
	return views, nil
}

// valueNames are the values of a set, widths as ranges.
func valueNames(a ehc.Attr, m ehc.Mask, d ehc.Dialect) []string {
	list := []string{}
	unit := 1
	if d == ehc.DialectEHC {
		unit = 8
	}
	for v := 0; v < 64; v++ {
		if !m.Has(uint8(v)) {
			continue
		}
		switch a {
		case ehc.AttrDSCP, ehc.AttrECN, ehc.AttrFlowLabel:
			list = append(list, dietesp.Action(v).String())
		case ehc.AttrAlignment:
			list = append(list, dietesp.Alignment(v).String())
		case ehc.AttrTrailer:
			list = append(list, dietesp.Trailer(v).String())
		default:
			last := v
			for m.Has(uint8(last + unit)) {
				last += unit
			}
			text := fmt.Sprint(v / unit)
			if last > v {
				text += fmt.Sprintf("-%d", last/unit)
			}
			list = append(list, text)
			v = last
		}
	}
	return list
}

func viewSA(body []byte) ([]saView, error) {
	list, err := ehc.ParseSA(nil, body)
	if err != nil {
		return nil, err
	}
	var views []saView
	for i := range list {
		q := &list[i]
		v := saView{Num: q.Num, Protocol: fmt.Sprint(q.Protocol), SPI: hex.EncodeToString(q.SPI)}
		if q.Protocol <= ehc.ProtocolESP && q.Protocol > 0 {
			v.Protocol = []string{"IKE", "AH", "ESP"}[q.Protocol-1]
		}
		q.Each(func(t ehc.Transform) { v.Transforms = append(v.Transforms, transformName(t)) })
		views = append(views, v)
	}
	return views, nil
}

func transformName(t ehc.Transform) string {
	s := fmt.Sprintf("transform %d of type %d", t.ID, t.Type)
	switch t.Type {
	case ehc.TransformEncr:
		if s = esp.Encr(t.ID).String(); s == "ENCR_unknown" {
			s = fmt.Sprintf("ENCR %d", t.ID)
		}
	case ehc.TransformPRF:
		s = fmt.Sprintf("PRF %d", t.ID)
	case ehc.TransformInteg:
		if s = esp.Integ(t.ID).String(); s == "AUTH_unknown" {
			s = fmt.Sprintf("AUTH %d", t.ID)
		}
	case ehc.TransformKE:
		s = fmt.Sprintf("KE %d", t.ID)
	case ehc.TransformESN:
		s = []string{"no ESN", "ESN"}[min(t.ID, 1)]
	}
	if t.KeyBits > 0 {
		s += fmt.Sprintf("/%d", t.KeyBits)
	}
	return s
}

func viewTS(body []byte, p *ehc.Policy) ([]tsView, error) {
	list, err := ehc.ParseTS(nil, body, p.Numbers)
	if err != nil {
		return nil, err
	}
	var views []tsView
	for i := range list {
		s := &list[i]
		v := tsView{Type: fmt.Sprintf("type %d", s.Type), Protocol: s.Protocol}
		switch {
		case s.Type == ehc.TSIPv4Range || s.Type == ehc.TSIPv6Range:
			v.Type = map[uint8]string{ehc.TSIPv4Range: "IPv4", ehc.TSIPv6Range: "IPv6"}[s.Type]
			v.Ports = fmt.Sprintf("%d-%d", s.StartPort, s.EndPort)
			lo, _ := netip.AddrFromSlice(s.Start.Bytes())
			hi, _ := netip.AddrFromSlice(s.End.Bytes())
			v.Range = fmt.Sprintf("%v-%v", lo, hi)
		case s.DSCPs != nil:
			v.Type, v.Data = "DSCP", numberList(s.DSCPs)
		default:
			v.Data = hex.EncodeToString(s.Other)
		}
		views = append(views, v)
	}
	return views, nil
}

// viewMessage shows an IKE message, decrypted if there are keys.
func viewMessage(msg []byte, f *skFlags, p *ehc.Policy) (v ikeView, err error) {
	h, payloads, err := ikemsg.Parse(msg)
	if err != nil {
		v.Error = ehcError(err)
		return v, err
	}
	v.Header = &ikeHeader{Exchange: ikemsg.ExchangeName(h.Exchange), Response: h.Response(), MessageID: h.MessageID,
		SPIi: hex.EncodeToString(h.SPIi[:]), SPIr: hex.EncodeToString(h.SPIr[:]), Bytes: len(msg)}
	if v.Header.Exchange == "" {
		v.Header.Exchange = fmt.Sprintf("exchange %d", h.Exchange)
	}
	if v.Payloads, err = viewPayloads(h.Next, payloads, p); err != nil {
		v.Error = ehcError(err)
		return v, err
	}
	last := len(v.Payloads) - 1
	if last < 0 || v.Payloads[last].Type != "SK" && v.Payloads[last].Type != "SKF" {
		return v, nil
	}
	side := 1
	if h.Flags&ikemsg.FlagInitiator != 0 {
		side = 0
	}
	switch {
	case v.Payloads[last].Type == "SKF":
		v.Encrypted = "a fragment (RFC 7383), which is not opened"
		return v, nil
	case f.keys[side] == nil:
		v.Encrypted = "no key: --" + []string{"sk-ei", "sk-er"}[side]
		return v, nil
	}
	first, inner, err := ikemsg.Open(msg, *f.keys[side])
	if err != nil {
		v.Encrypted = "not opened"
		v.Error = ehcError(err)
		return v, err
	}
	v.Encrypted = "opened"
	list, err := viewPayloads(first, inner, p)
	v.Payloads = append(v.Payloads[:last], list...)
	if err != nil {
		v.Error = ehcError(err)
	}
	return v, err
}

// text is the message as lines.
func (v *ikeView) text() string {
	var words []string
	if v.Src != "" {
		words = append(words, v.Src+" > "+v.Dst)
	}
	if h := v.Header; h != nil {
		words = append(words, fmt.Sprintf("%s %s %d", h.Exchange, h.kind(), h.MessageID), fmt.Sprintf("%d bytes", h.Bytes))
		if v.Encrypted != "" {
			words = append(words, "encrypted: "+v.Encrypted)
		}
	}
	s := strings.Join(words, ", ")
	if v.Error != "" && len(v.Payloads) == 0 {
		s = strings.TrimPrefix(s+"; error: "+v.Error, "; ")
	}
	if v.Packet > 0 {
		s = fmt.Sprintf("packet %d: %s", v.Packet, s)
	}
	lines := []string{}
	if s != "" {
		lines = append(lines, s)
	}
	for i := range v.Payloads {
		lines = append(lines, v.Payloads[i].text("  "))
	}
	return strings.Join(lines, "\n") + "\n"
}

func (v *payloadView) text(indent string) string {
	var b strings.Builder
	b.WriteString(indent)
	switch {
	case v.Notify != nil:
		b.WriteString(v.Notify.text(indent))
	case v.Bytes > 0:
		fmt.Fprintf(&b, "%s, %d bytes", v.Type, v.Bytes)
	default:
		b.WriteString(v.Type)
	}
	if v.Error != "" {
		fmt.Fprintf(&b, "; error: %s", v.Error)
	}
	for _, s := range v.SA {
		fmt.Fprintf(&b, "\n%s  proposal %d, %s", indent, s.Num, s.Protocol)
		if s.SPI != "" {
			fmt.Fprintf(&b, " SPI %s", s.SPI)
		}
		fmt.Fprintf(&b, ": %s", strings.Join(s.Transforms, ", "))
	}
	for _, s := range v.TS {
		fmt.Fprintf(&b, "\n%s  %s %s", indent, s.Type, s.Range+s.Data)
		if s.Ports != "" {
			fmt.Fprintf(&b, ", protocol %d, ports %s", s.Protocol, s.Ports)
		}
	}
	return b.String()
}

func (v *notifyView) text(indent string) string {
	var b strings.Builder
	name := v.Name
	if name == "" {
		name = fmt.Sprint(v.Type)
	}
	fmt.Fprintf(&b, "N(%s)", name)
	if v.SPI != "" {
		fmt.Fprintf(&b, ", SPI %s", v.SPI)
	}
	switch {
	case v.Text != "":
		fmt.Fprintf(&b, ", %s", v.Text)
	case v.Proposals == nil && v.Data != "":
		fmt.Fprintf(&b, ", data %s", v.Data)
	}
	for _, p := range v.Proposals {
		fmt.Fprintf(&b, "\n%s  proposal %d", indent, p.ID)
		if p.Flaw != "" {
			fmt.Fprintf(&b, " is discarded: %s", p.Flaw)
			continue
		}
		sep := ": "
		for _, a := range p.order {
			values := strings.Join(p.Values[a], ", ")
			if values == "" {
				values = "no value that is known"
			}
			fmt.Fprintf(&b, "%s%s %s", sep, a, values)
			sep = "; "
		}
		if len(p.order) == 0 {
			b.WriteString(": says nothing of any attribute")
		}
	}
	return b.String()
}
