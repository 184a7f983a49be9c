package esp

// Encr is an encryption transform, by its number in the IANA registry of IKEv2
// Transform Type 1.
type Encr uint16

// The encryption transforms. Zero is unset and invalid.
const (
	EncrNull                Encr = 11 // RFC 2410
	EncrAESCBC              Encr = 12 // RFC 3602
	EncrAESCTR              Encr = 13 // RFC 3686
	EncrAESCCM8             Encr = 14 // RFC 4309
	EncrAESCCM12            Encr = 15 // RFC 4309
	EncrAESCCM16            Encr = 16 // RFC 4309
	EncrAESGCM8             Encr = 18 // RFC 4106
	EncrAESGCM12            Encr = 19 // RFC 4106
	EncrAESGCM16            Encr = 20 // RFC 4106
	EncrNullAuthAESGMAC     Encr = 21 // RFC 4543
	EncrChaCha20Poly1305    Encr = 28 // RFC 7634
	EncrAESCCM8IIV          Encr = 29 // RFC 8750
	EncrAESGCM16IIV         Encr = 30 // RFC 8750
	EncrChaCha20Poly1305IIV Encr = 31 // RFC 8750

	// The other ICV lengths with implicit IVs have no number of IANA's; these
	// are for private use.
	EncrAESCCM12IIV Encr = 1024 + 15
	EncrAESCCM16IIV Encr = 1024 + 16
	EncrAESGCM8IIV  Encr = 1024 + 18
	EncrAESGCM12IIV Encr = 1024 + 19
)

// Integ is an integrity transform, by its number in the IANA registry of IKEv2
// Transform Type 3.
type Integ uint16

// The integrity transforms. Zero is none: the encryption transform has its own.
const (
	IntegNone           Integ = 0
	IntegHMACSHA196     Integ = 2  // RFC 2404; for peers that have nothing better
	IntegHMACSHA2256128 Integ = 12 // RFC 4868
	// IntegAbsent asks for NULL encryption without an ICV, which RFC 4303,
	// Section 3.2, forbids outside test benches. The number is for private use.
	IntegAbsent Integ = 1024
)

// integInfo is what this package knows of an integrity transform.
type integInfo struct {
	integ Integ
	name  string // behind the hyphen of an Algorithm's name
	iana  string
	key   uint8 // bytes of the key, and of the hash
	icv   uint8 // bytes
}

var integTable = [...]integInfo{
	{IntegNone, "", "NONE", 0, 0},
	{IntegHMACSHA196, "sha1", "AUTH_HMAC_SHA1_96", 20, 12},
	{IntegHMACSHA2256128, "sha256", "AUTH_HMAC_SHA2_256_128", 32, 16},
	{IntegAbsent, "none", "NONE", 0, 0},
}

func (i Integ) info() *integInfo {
	for j := range integTable {
		if integTable[j].integ == i {
			return &integTable[j]
		}
	}
	return nil
}

// An Algorithm is what a Security Association encrypts and authenticates with.
type Algorithm struct {
	Encr    Encr
	KeyBits uint16 // of the cipher's key, without salt; 0 if the transform has one length
	Integ   Integ
}

// encrInfo is what this package knows of a transform.
type encrInfo struct {
	encr  Encr
	name  string // as strongSwan spells it, "%" for the bits of the key
	iana  string
	key   uint16 // bits: 0 none, 1 AES (128, 192, 256), else the one length
	salt  uint8  // bytes behind the key
	iv    uint8  // bytes of the explicit IV
	icv   uint8  // bytes; 0: an integrity transform is needed
	block uint8  // bytes that the ciphertext is a multiple of
	kind  kind
}

// kind is the construction of a transform.
type kind uint8

const (
	_ kind = iota
	kindNull
	kindCBC
	kindCTR
	kindCCM
	kindAEAD // GCM and ChaCha20-Poly1305
	kindGMAC
)

var encrTable = [...]encrInfo{
	{EncrNull, "null", "ENCR_NULL", 0, 0, 0, 0, 1, kindNull},
	{EncrAESCBC, "aes%cbc", "ENCR_AES_CBC", 1, 0, 16, 0, 16, kindCBC},
	{EncrAESCTR, "aes%ctr", "ENCR_AES_CTR", 1, 4, 8, 0, 1, kindCTR},
	{EncrAESCCM8, "aes%ccm8", "ENCR_AES_CCM_8", 1, 3, 8, 8, 1, kindCCM},
	{EncrAESCCM12, "aes%ccm12", "ENCR_AES_CCM_12", 1, 3, 8, 12, 1, kindCCM},
	{EncrAESCCM16, "aes%ccm16", "ENCR_AES_CCM_16", 1, 3, 8, 16, 1, kindCCM},
	{EncrAESGCM8, "aes%gcm8", "ENCR_AES_GCM_8", 1, 4, 8, 8, 1, kindAEAD},
	{EncrAESGCM12, "aes%gcm12", "ENCR_AES_GCM_12", 1, 4, 8, 12, 1, kindAEAD},
	{EncrAESGCM16, "aes%gcm16", "ENCR_AES_GCM_16", 1, 4, 8, 16, 1, kindAEAD},
	{EncrNullAuthAESGMAC, "aes%gmac", "ENCR_NULL_AUTH_AES_GMAC", 1, 4, 8, 16, 1, kindGMAC},
	{EncrChaCha20Poly1305, "chacha20poly1305", "ENCR_CHACHA20_POLY1305", 256, 4, 8, 16, 1, kindAEAD},
	{EncrAESCCM8IIV, "aes%ccm8iiv", "ENCR_AES_CCM_8_IIV", 1, 3, 0, 8, 1, kindCCM},
	{EncrAESGCM16IIV, "aes%gcm16iiv", "ENCR_AES_GCM_16_IIV", 1, 4, 0, 16, 1, kindAEAD},
	{EncrChaCha20Poly1305IIV, "chacha20poly1305iiv", "ENCR_CHACHA20_POLY1305_IIV", 256, 4, 0, 16, 1, kindAEAD},
	{EncrAESCCM12IIV, "aes%ccm12iiv", "ENCR_AES_CCM_12_IIV (private use)", 1, 3, 0, 12, 1, kindCCM},
	{EncrAESCCM16IIV, "aes%ccm16iiv", "ENCR_AES_CCM_16_IIV (private use)", 1, 3, 0, 16, 1, kindCCM},
	{EncrAESGCM8IIV, "aes%gcm8iiv", "ENCR_AES_GCM_8_IIV (private use)", 1, 4, 0, 8, 1, kindAEAD},
	{EncrAESGCM12IIV, "aes%gcm12iiv", "ENCR_AES_GCM_12_IIV (private use)", 1, 4, 0, 12, 1, kindAEAD},
}

// info returns what is known of a transform, or nil.
func (e Encr) info() *encrInfo {
	for i := range encrTable {
		if encrTable[i].encr == e {
			return &encrTable[i]
		}
	}
	return nil
}

// String returns the name in the IANA registry, such as "ENCR_AES_GCM_16".
func (e Encr) String() string {
	if i := e.info(); i != nil {
		return i.iana
	}
	return "ENCR_unknown"
}

// Implicit reports whether the IV is not sent (RFC 8750).
func (e Encr) Implicit() bool {
	i := e.info()
	return i != nil && i.iv == 0 && i.kind != kindNull
}

// Combined reports whether the transform has an ICV of its own.
func (e Encr) Combined() bool {
	i := e.info()
	return i != nil && i.icv > 0
}

// String returns the name in the IANA registry.
func (i Integ) String() string {
	if info := i.info(); info != nil {
		return info.iana
	}
	return "AUTH_unknown"
}

// Check returns nil, or ErrUnsupported for an algorithm that is not known, or
// ErrMalformed for one that cannot be: a key of a wrong length, no integrity
// where the encryption transform has none, or both.
func (a Algorithm) Check() error {
	if e := a.check(); e != 0 {
		return e
	}
	return nil
}

func (a Algorithm) check() Error {
	i := a.Encr.info()
	if i == nil || a.Integ.info() == nil {
		return ErrUnsupported
	}
	if (i.icv == 0) != (a.Integ != IntegNone) {
		return ErrMalformed // RFC 8221, Section 4
	}
	switch {
	case a.Integ == IntegAbsent && a.Encr != EncrNull:
		return ErrMalformed // encryption alone protects nothing
	case i.key == 1 && a.KeyBits != 128 && a.KeyBits != 192 && a.KeyBits != 256,
		i.key != 1 && a.KeyBits != 0 && a.KeyBits != i.key:
		return ErrMalformed
	}
	return 0
}

// KeyLen returns the bytes of the key that a Suite of this algorithm takes:
// cipher key and salt.
func (a Algorithm) KeyLen() int {
	i := a.Encr.info()
	if i == nil {
		return 0
	}
	if i.key == 1 {
		return int(a.KeyBits)/8 + int(i.salt)
	}
	return int(i.key)/8 + int(i.salt)
}

// IVLen returns the bytes of the explicit IV, 0 where it is implicit.
func (a Algorithm) IVLen() int {
	if i := a.Encr.info(); i != nil {
		return int(i.iv)
	}
	return 0
}

// ICVLen returns the bytes of the Integrity Check Value.
func (a Algorithm) ICVLen() int {
	if i := a.Encr.info(); i != nil && i.icv > 0 {
		return int(i.icv)
	}
	if i := a.Integ.info(); i != nil {
		return int(i.icv)
	}
	return 0
}

// AuthKeyLen returns the bytes of the key of the integrity transform.
func (a Algorithm) AuthKeyLen() int {
	if i := a.Integ.info(); i != nil {
		return int(i.key)
	}
	return 0
}

// BlockLen returns the block size in bytes that the cipher asks for: 16 for
// CBC, else 1.
func (a Algorithm) BlockLen() int {
	if i := a.Encr.info(); i != nil {
		return int(i.block)
	}
	return 1
}

// String returns the name of the encryption transform as strongSwan spells it,
// with the bits of the key, such as "aes128gcm16"; the integrity transform
// follows a hyphen, such as in "aes128cbc-sha256".
func (a Algorithm) String() string {
	i := a.Encr.info()
	if i == nil {
		return "unknown"
	}
	name := i.name
	for j := 0; j < len(name); j++ {
		if name[j] != '%' {
			continue
		}
		bits := "128"
		switch a.KeyBits {
		case 192:
			bits = "192"
		case 256:
			bits = "256"
		}
		name = name[:j] + bits + name[j+1:]
		break
	}
	if i := a.Integ.info(); i != nil && i.name != "" {
		name += "-" + i.name
	}
	return name
}

// ParseAlgorithm reads the names of an encryption transform, such as
// "aes128gcm16", "aes256ccm8", "chacha20poly1305", "aes128gcm16iiv",
// "aes128cbc", "aes128ctr", "aes128gmac" and "null", and of an integrity
// transform, "sha256", "sha1", or "" if the encryption transform has its own
// ("none" goes with "null" only, see IntegAbsent). strongSwan's "aes128" for CBC, ICV lengths
// in bits ("aes128gcm128") and hyphens are taken too, and so are IANA's names with
// the bits of the key, "ENCR_AES_GCM_16/256", 128 if they are left out. The case of
// letters does not matter. It returns ErrUnsupported for an unknown name and ErrMalformed for
// a combination that cannot be.
func ParseAlgorithm(encr, integ string) (Algorithm, error) {
	var a Algorithm
	switch fold(integ) {
	case "":
	case "sha256", "sha2256", "hmacsha256", "sha2256128", "sha256128", "hmacsha2256128", "authhmacsha2256128":
		a.Integ = IntegHMACSHA2256128
	case "sha1", "sha", "hmacsha1", "sha196", "hmacsha196", "authhmacsha196":
		a.Integ = IntegHMACSHA196
	case "none":
		a.Integ = IntegAbsent
	default:
		return Algorithm{}, ErrUnsupported
	}
	name := fold(encr)
	if len(name) == 6 && name[:3] == "aes" {
		name += "cbc"
	}
	for i := range encrTable {
		info := &encrTable[i]
		for _, bits := range [...]uint16{128, 192, 256} {
			c := Algorithm{Encr: info.encr, Integ: a.Integ}
			if info.key == 1 {
				c.KeyBits = bits
			}
			full := Algorithm{Encr: c.Encr, KeyBits: c.KeyBits}.String()
			iana := fold(info.iana)
			if c.KeyBits != 0 {
				iana += "/" + decimal(c.KeyBits)
			}
			if name == full || name == icvInBits(full) || name == iana || bits == 128 && name == fold(info.iana) {
				if e := c.check(); e != 0 {
					return Algorithm{}, e
				}
				return c, nil
			}
		}
	}
	return Algorithm{}, ErrUnsupported
}

// icvInBits returns name with its ICV length in bits: "aes128gcm128".
func icvInBits(name string) string {
	for _, r := range [...][2]string{{"cm8", "cm64"}, {"cm12", "cm96"}, {"cm16", "cm128"}} {
		if i := len(name) - len(r[0]); i > 0 && name[i:] == r[0] {
			return name[:i] + r[1]
		}
	}
	return name
}

// decimal is a number of bits, such as 128.
func decimal(n uint16) string {
	return string([]byte{'0' + byte(n/100), '0' + byte(n/10%10), '0' + byte(n%10)})
}

// fold returns s in lower case and without hyphens and underscores.
func fold(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s) && i < 40; i++ {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != '-' && c != '_' {
			b = append(b, c)
		}
	}
	return string(b)
}
