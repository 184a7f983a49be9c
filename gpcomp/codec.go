package gpcomp

// A Codec is a compression algorithm that keeps nothing from one payload to the
// next. It has scratch memory and serves one goroutine at a time.
//
// Both functions append to dst at most limit bytes and return the extended
// slice; on error they return dst as it came. They retain neither dst nor src,
// never write to src, and do not allocate when dst has room for the result. dst
// and src must not overlap.
type Codec interface {
	// Transform names the algorithm.
	Transform() Transform

	// Threshold is the size in bytes below which payloads are not worth trying.
	Threshold() int

	// MaxCompressedLen is how long the result for n bytes can be.
	MaxCompressedLen(n int) int

	// AppendCompress compresses src. ErrShortBuffer says that the result would
	// be longer than limit, ErrUnsupported that the codec can only decompress.
	AppendCompress(dst, src []byte, limit int) ([]byte, error)

	// AppendDecompress restores a payload. ErrShortBuffer says that it has more
	// than limit bytes, whatever src promises; ErrTruncated and ErrMalformed
	// say that src is not the result of AppendCompress.
	AppendDecompress(dst, src []byte, limit int) ([]byte, error)
}

// TransformID is the number of an algorithm in IKEv2, IPComp and HIP (RFC 7296,
// Section 2.22; draft-moskowitz-ssls-hip-02, Section 4.4).
type TransformID uint8

const (
	TransformOUI     TransformID = 1 // a vendor's: see Transform
	TransformDeflate TransformID = 2 // RFC 2394: package gpcomp/deflate
	TransformLZS     TransformID = 3 // RFC 2395: LZS
	TransformLZJH    TransformID = 4 // RFC 3051: not here
)

// String returns the name that the tool and the vectors use.
func (t TransformID) String() string {
	switch t {
	case TransformOUI:
		return "oui"
	case TransformDeflate:
		return "deflate"
	case TransformLZS:
		return "lzs"
	case TransformLZJH:
		return "lzjh"
	}
	return "unknown"
}

// oui stands for this project's own algorithms. It is locally administered (the
// bit 0x02), as nobody has assigned us one: like a CPI for private use it means
// what it means by mutual consent only.
var oui = [3]byte{0x02, 0x53, 0x43}

// The algorithms behind our OUI.
const (
	vendorGHC     = 1
	vendorDeflate = 2
)

// A Transform names an algorithm. With ID TransformOUI, the other fields say whose
// and which one (RFC 2407, Section 4.4.5 wants such an attribute and leaves its
// form to the vendor); else they are 0.
type Transform struct {
	ID        TransformID
	OUI       [3]byte
	Algorithm uint8 // of that vendor
	Version   uint8 // both ends need the same one
}

// GHCTransform is generic header compression with a dictionary of 32 zero bytes
// and the 16 bytes of RFC 7400.
func GHCTransform() Transform { return Transform{TransformOUI, oui, vendorGHC, 1} }

// DictTransform is DEFLATE with our static dictionary of the version.
func DictTransform(version uint8) Transform {
	return Transform{TransformOUI, oui, vendorDeflate, version}
}

// String returns the name that the tool and the vectors use: "deflate", "lzs",
// "ghc", "iot-1".
func (t Transform) String() string {
	if t.ID == TransformOUI && t.OUI == oui {
		switch {
		case t.Algorithm == vendorGHC && t.Version == 1:
			return "ghc"
		case t.Algorithm == vendorDeflate && t.Version-1 < 9:
			return "iot-" + string(rune('0'+t.Version))
		}
	}
	return t.ID.String()
}

// CPI is the index for manual setup: the transform's own number where that is
// well known, else one of the range for private use: 61440 for GHC and 61441 for
// version 1 of the dictionary (further versions follow). It is 0 for the
// algorithms of other vendors.
func (t Transform) CPI() CPI {
	switch {
	case t.ID != TransformOUI && CPI(t.ID) < CPIReserved:
		return CPI(t.ID)
	case t.OUI != oui:
		return 0
	case t.Algorithm == vendorGHC:
		return CPIPrivate
	case t.Algorithm == vendorDeflate && t.Version > 0:
		return CPIPrivate + CPI(t.Version)
	}
	return 0
}

// VendorLen is the length of what AppendVendor appends.
const VendorLen = 5

// AppendVendor appends the fields that identify a vendor's algorithm: OUI,
// Algorithm, Version.
func (t Transform) AppendVendor(dst []byte) []byte {
	return append(append(dst, t.OUI[:]...), t.Algorithm, t.Version)
}

// ParseVendor is the Transform that b identifies, the VendorLen bytes of
// AppendVendor.
func ParseVendor(b []byte) (Transform, error) {
	if len(b) < VendorLen {
		return Transform{}, ErrTruncated
	}
	if len(b) > VendorLen {
		return Transform{}, ErrMalformed
	}
	return Transform{TransformOUI, [3]byte(b), b[3], b[4]}, nil
}
