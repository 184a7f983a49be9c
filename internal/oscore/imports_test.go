package oscore

import (
	"testing"

	"github.com/schckit/schckit/internal/coretest"
)

// TestImports is the allow-list of what firmware may link.
func TestImports(t *testing.T) {
	coretest.Imports(t,
		"crypto/aes",
		"crypto/hmac",
		"crypto/sha256",
		coretest.Own+"internal/ccm")
}

func TestFirmware(t *testing.T) { coretest.Firmware(t) }
