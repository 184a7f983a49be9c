// Package dietesp is Diet-ESP: SCHC Rules derived from a Security Association
// compress ESP and what is inside it (draft-ietf-ipsecme-diet-esp-10, and the
// draft of June 2023 as a second profile).
//
//	var suite esp.Suite
//	err := suite.Init(algorithm, key, nil)
//	attributes := dietesp.DefaultAttributes(dietesp.ProfileDietESP10)
//	attributes.Selectors.Version = 6
//	var sa dietesp.SA
//	err = sa.Init(esp.Config{SPI: 0x1001, Mode: esp.ModeTunnel, Src: src, Dst: dst}, &suite, attributes, dietesp.Options{})
//	dst, err = sa.AppendSeal(dst, packet)
package dietesp
