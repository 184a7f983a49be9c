package dietesp

import (
	"testing"

	"github.com/schckit/schckit/internal/coretest"
)

// TestImports is the allow-list of what firmware may link.
func TestImports(t *testing.T) {
	coretest.Imports(t,
		"encoding/binary",
		"math/bits",
		"slices",
		coretest.Own+"esp",
		coretest.Own+"internal/bitio",
		coretest.Own+"internal/inet",
		coretest.Own+"internal/seqno",
		coretest.Own+"schc")
}

func TestFirmware(t *testing.T) { coretest.Firmware(t) }
