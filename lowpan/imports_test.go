package lowpan

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
		coretest.Own+"internal/ghc",
		coretest.Own+"internal/inet", coretest.Own+"internal/bitio")
}

func TestFirmware(t *testing.T) { coretest.Firmware(t) }
