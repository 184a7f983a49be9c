package ehcfile

import (
	"github.com/schckit/schckit/dietesp"
)

// Diet is the "diet" object of an SA file: what was negotiated, and what differs
// from the default of what was not. Traffic selectors are not in it.
type Diet struct {
	Profile   string `json:"profile"`
	IIPC      string `json:"iipc_profile,omitempty"`
	DSCP      string `json:"dscp_action"`
	DSCPs     []int  `json:"dscp_list,omitempty"`
	ECN       string `json:"ecn_action"`
	FlowLabel string `json:"flow_label_action"`
	HopLimit  string `json:"hop_limit,omitempty"`
	Alignment string `json:"alignment"`
	Trailer   string `json:"esp_trailer"`
	SPILSB    int    `json:"esp_spi_lsb"` // bits; bytes in the profile ehc-2023
	SNLSB     int    `json:"esp_sn_lsb"`
	RuleID    string `json:"rule_id,omitempty"`
}

// NewDiet returns the object for attributes.
func NewDiet(a *dietesp.Attributes) *Diet {
	d := &Diet{Profile: a.Profile.String(), DSCP: a.DSCP.String(), ECN: a.ECN.String(), FlowLabel: a.FlowLabel.String(),
		Alignment: a.Alignment.String(), Trailer: a.Trailer.String(), SPILSB: int(a.SPILSBBits), SNLSB: int(a.SNLSBBits)}
	for _, v := range a.DSCPs {
		d.DSCPs = append(d.DSCPs, int(v))
	}
	if a.IIPC != 0 {
		d.IIPC = a.IIPC.String()
	}
	if a.HopLimit != 0 {
		d.HopLimit = a.HopLimit.String()
	}
	if a.RuleID != 0 {
		d.RuleID = a.RuleID.String()
	}
	if a.Profile == dietesp.ProfileEHC2023 {
		d.SPILSB, d.SNLSB = d.SPILSB/8, d.SNLSB/8
	}
	return d
}
