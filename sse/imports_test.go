package sse

import (
	"testing"

	"github.com/schckit/schckit/internal/coretest"
)

// TestImports is the allow-list of what firmware may link.
func TestImports(t *testing.T) {
	coretest.Imports(t,
		"crypto/cipher",
		"crypto/subtle",
		"encoding/binary",
		"slices",
		coretest.Own+"gpcomp",
		coretest.Own+"internal/bitio",
		coretest.Own+"internal/ccm",
		coretest.Own+"internal/seqno",
		coretest.Own+"schc")
}

func TestFirmware(t *testing.T) { coretest.Firmware(t) }
