package main

import (
	"fmt"

	"github.com/schckit/schckit/esp"
	"github.com/schckit/schckit/internal/safile"
)

// dietGateway does Diet-ESP for an espGateway.
type dietGateway interface {
	// seal protects a packet with one of the SAs that have attributes.
	seal(a *safile.SA, dst, pkt []byte) ([]byte, error)
	// open opens a packet; ok is false if it is not one of Diet-ESP, which is
	// then tried as standard ESP.
	open(dst, pkt []byte) (out []byte, ok bool, err error)
}

// newDietGateway makes the SAs of a file that have Diet-ESP attributes.
func newDietGateway(file *safile.File) (dietGateway, error) {
	for _, a := range file.SAs {
		if a.Diet != nil {
			e := a.Errorf("diet", "unsupported: Diet-ESP is not in this version")
			e.Err = esp.ErrUnsupported
			return nil, hint(fmt.Errorf("%w", e), "leave diet out for standard ESP")
		}
	}
	return nil, nil
}
