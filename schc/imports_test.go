package schc_test

import (
	"testing"

	"github.com/schckit/schckit/internal/coretest"
)

// TestImports is the allow-list of what firmware may link.
func TestImports(t *testing.T) {
	coretest.Imports(t,
		"crypto/aes",
		"crypto/cipher",
		"crypto/hmac",
		"crypto/sha256",
		"crypto/subtle",
		"encoding/binary",
		"errors",
		"math/bits",
		"slices",
		coretest.Own+"internal/bitio",
		coretest.Own+"internal/inet")
}

func TestFirmware(t *testing.T) { coretest.Firmware(t) }
