//go:build !gc.none

package sse

import "crypto/cipher"

func newGCM(b cipher.Block) (cipher.AEAD, error) { return cipher.NewGCM(b) }
