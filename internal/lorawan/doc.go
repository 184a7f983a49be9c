// Package lorawan reads and writes what SCHC over LoRaWAN (RFC 9011) is found
// in: LoRaTap captures and the uplink events of network servers. Both become a
// capture of bare SCHC Packets and Fragments, one interface for each device and
// direction, which the rest of the tool reads like any other:
//
//	devices, err := lorawan.Load(data)
//	src := lorawan.FromEvents(r)              // JSON
//	src := lorawan.FromCapture(capture, devices) // LoRaTap
//	reader, err := pcapio.NewReader(src)
//
// A message of RFC 9011 is the FPort, which is the RuleID, and the FRMPayload
// behind it (Section 5.2).
//
//	LoRaWAN 1.0.x data frames: MIC, FRMPayload encryption        read, write
//	LoRaWAN 1.1: the same FRMPayload encryption, another MIC     read, without nwk_s_key
//	join, rejoin and proprietary frames, FPort 0 and 224 to 255  kept as they are
//	LoRaTap, versions 0 and 1 and longer headers                 read; written as version 0
//	The Things Stack v3, ChirpStack v3 and v4 uplinks            read
//
// Memory is bounded by the number of devices and the largest event. No type may
// be used by two goroutines at once. Host only.
package lorawan
