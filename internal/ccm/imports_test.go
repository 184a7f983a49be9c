package ccm

import (
	"testing"

	"github.com/schckit/schckit/internal/coretest"
)

// TestImports is the allow-list of what firmware may link.
func TestImports(t *testing.T) {
	coretest.Imports(t, "crypto/cipher", "crypto/subtle", "encoding/binary", coretest.Own+"internal/bitio")
}

func TestFirmware(t *testing.T) { coretest.Firmware(t) }
