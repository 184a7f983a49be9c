package ehc

import (
	"testing"

	"github.com/schckit/schckit/internal/coretest"
)

// TestImports is the allow-list of what firmware may link.
func TestImports(t *testing.T) {
	coretest.Imports(t,
		"encoding/binary",
		"hash",
		"math/bits",
		"slices",
		coretest.Own+"dietesp",
		coretest.Own+"esp")
}

func TestFirmware(t *testing.T) { coretest.Firmware(t) }
