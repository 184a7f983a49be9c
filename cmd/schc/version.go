package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/report"
)

// specification is a text that is implemented, at one revision.
type specification struct {
	Name     string `json:"name"`
	Revision string `json:"revision,omitempty"` // of a draft
	What     string `json:"what"`
}

// specifications are all texts that are implemented; a command that implements
// another one adds a line.
var specifications = []specification{
	{"RFC 8724", "", "SCHC: Rules, compression, fragmentation"},
	{"RFC 8824", "", "SCHC for CoAP"},
	{"draft-ietf-schc-8824-update", "09", "SCHC for CoAP"},
	{"RFC 9441", "", "SCHC Compound ACK"},
	{"RFC 9011, 9391, 9442", "", "profiles of LoRaWAN, NB-IoT and Sigfox"},
	{"RFC 9363", "", "data model of Rules, as JSON (RFC 7951) and CBOR (RFC 9254)"},
	{"draft-ietf-schc-icmpv6-compression", "02", "fields of ICMPv6"},
	{"draft-ietf-schc-protocol-numbers", "06", "SCHC on link layers: EtherType, of which none is assigned yet"},
	{"RFC 4944, 6282, 7400, 8025", "", "6LoWPAN: frames, IPHC and NHC, GHC, paging"},
	{"RFC 4303", "", "ESP"},
	{"draft-ietf-ipsecme-diet-esp", "10", "Diet-ESP"},
	{"draft-mglt-ipsecme-diet-esp", "10", "Diet-ESP of June 2023"},
	{"draft-ietf-ipsecme-ikev2-diet-esp-extension", "04", "HCP_PROPOSAL"},
	{"draft-mglt-ipsecme-ikev2-diet-esp-extension", "04", "EHC_SUPPORTED"},
	{"draft-moskowitz-sse", "05", "SSE"},
	{"RFC 3173", "", "IPComp"},
	{"draft-moskowitz-gpcomp", "02", "GPComp"},
	{"RFC 2394", "", "DEFLATE for payloads"},
	{"RFC 2395", "", "LZS for payloads"},
}

// versionReport is what the version command prints.
type versionReport struct {
	Version        string          `json:"version"`
	Commit         string          `json:"commit,omitempty"`
	CommitTime     string          `json:"commit_time,omitempty"`
	Modified       bool            `json:"modified"`
	Go             string          `json:"go"`
	Platform       string          `json:"platform"`
	Specifications []specification `json:"specifications"`
}

// buildInfo is debug.ReadBuildInfo; tests replace it.
var buildInfo = debug.ReadBuildInfo

func versionInfo() *versionReport {
	v := &versionReport{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Specifications: specifications}
	info, ok := buildInfo()
	if !ok {
		return v
	}
	v.Version, v.Go = info.Main.Version, info.GoVersion
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.time":
			v.CommitTime = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		case "GOOS":
			v.Platform = s.Value + v.Platform[strings.IndexByte(v.Platform, '/'):]
		}
	}
	return v
}

func (v *versionReport) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "schc %s\n", v.Version)
	if v.Commit != "" {
		modified := ""
		if v.Modified {
			modified = ", modified"
		}
		fmt.Fprintf(&b, "commit %s (%s%s)\n", v.Commit, v.CommitTime, modified)
	} else {
		b.WriteString("commit unknown (built from no clone, or with -buildvcs=false)\n")
	}
	fmt.Fprintf(&b, "%s %s\n\nimplements\n", v.Go, v.Platform)
	t := report.Table{Indent: "  "}
	for _, s := range v.Specifications {
		name := s.Name
		if s.Revision != "" {
			name += "-" + s.Revision
		}
		t.Add(name, s.What)
	}
	return b.String() + t.String()
}

func newVersion(e *env) *cobra.Command {
	var form format
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version, the commit and the specifications implemented",
		Args:  maxArgs(0, "none"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := form.check(cmd); err != nil {
				return err
			}
			v := versionInfo()
			switch form.text {
			case "json":
				return report.WriteJSON(e.stdout, v)
			case "jsonl":
				return report.WriteJSONLine(e.stdout, v)
			case "tsv":
				rows := [][]string{{"name", "revision", "what"}, {"schc", v.Version, v.Commit}}
				for _, s := range v.Specifications {
					rows = append(rows, []string{s.Name, s.Revision, s.What})
				}
				return report.WriteTSV(e.stdout, rows)
			}
			_, err := fmt.Fprint(e.stdout, v.text())
			return err
		},
	}
	form.add(cmd)
	return cmd
}
