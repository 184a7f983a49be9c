// Package rules holds the Rules of the programs that are measured: one for
// IPv6, UDP and CoAP, one for fragments, one without compression.
package rules

//go:generate go run ../../../../cmd/schc gen -C rules.json -o rules_gen.go --package rules
