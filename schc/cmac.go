package schc

import "crypto/cipher"

// LoRaWANIID returns the Interface Identifier of a LoRaWAN device: the first 8
// bytes of aes128_cmac(AppSKey, DevEUI) (RFC 9011, Section 5.3; RFC 4493). aes
// is AES with the AppSKey. scratch is overwritten; it is the caller's so that
// nothing is allocated.
func LoRaWANIID(aes cipher.Block, devEUI [8]byte, scratch *[32]byte) (iid [8]byte) {
	key, mac := scratch[:16], scratch[16:]
	clear(key)
	aes.Encrypt(key, key)
	// Subkeys: K1 for a last block that is whole, K2, as here, for one that
	// is padded with a one bit.
	double(key)
	double(key)
	copy(mac, key)
	for i, b := range devEUI {
		mac[i] ^= b
	}
	mac[8] ^= 0x80
	aes.Encrypt(mac, mac)
	copy(iid[:], mac)
	clear(scratch[:])
	return iid
}

// double multiplies by x in GF(2^128).
func double(b []byte) {
	carry := byte(0)
	for i := len(b) - 1; i >= 0; i-- {
		b[i], carry = b[i]<<1|carry, b[i]>>7
	}
	b[len(b)-1] ^= 0x87 & -carry
}
