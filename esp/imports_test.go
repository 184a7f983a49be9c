package esp

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
		"crypto/sha1",
		"crypto/sha256",
		"crypto/subtle",
		"encoding/binary",
		"golang.org/x/crypto/chacha20poly1305",
		"hash",
		"slices",
		coretest.Own+"internal/ccm",
		coretest.Own+"internal/inet",
		coretest.Own+"internal/seqno", coretest.Own+"internal/bitio")
}

func TestFirmware(t *testing.T) { coretest.Firmware(t) }
