// Package ghc is generic header compression (RFC 7400, Section 2): LZ77 with
// a bytecode of six instructions over a 48-byte dictionary of the packet's
// IPv6 addresses and 16 constant bytes. lowpan and gpcomp use it.
//
// AppendDecompress and AppendDecompressStop keep no state. An Encoder owns
// scratch memory that its user provides; it serves one goroutine at a time.
// Nothing allocates when dst has room.
package ghc

// DictLen is the length of the dictionary in bytes.
const DictLen = 48

// Static is the constant end of every dictionary (RFC 7400, Figure 1).
const Static = "\x16\xfe\xfd\x17\xfe\xfd\x00\x01\x00\x00\x00\x00\x00\x01\x00\x00"

// Dict is what back-references see to the left of the first payload byte:
// source address, destination address and the 16 constant bytes.
type Dict [DictLen]byte

// Set fills the dictionary for a packet from src to dst, 16 bytes each. A
// shorter or absent address leaves zero bytes (GPComp has no addresses).
func (d *Dict) Set(src, dst []byte) { *d = DictOf(src, dst) }

// DictOf returns the dictionary that Set sets: under TinyGo it stays on the stack.
func DictOf(src, dst []byte) (d Dict) {
	for i := 0; i < 16 && i < len(src); i++ {
		d[i] = src[i]
	}
	for i := 0; i < 16 && i < len(dst); i++ {
		d[16+i] = dst[i]
	}
	for i := 0; i < len(Static); i++ {
		d[32+i] = Static[i]
	}
	return d
}

// Error is why a decoder stopped; 0 is no error.
type Error uint8

const (
	_              Error = iota
	ErrTruncated         // the bytecode ends inside an instruction, or without its stop code
	ErrMalformed         // a reserved code, or a reference to the left of the dictionary
	ErrShortBuffer       // the output would be longer than the caller allows
)

func (e Error) Error() string {
	switch e {
	case ErrTruncated:
		return "ghc: bytecode ends early"
	case ErrMalformed:
		return "ghc: malformed bytecode"
	case ErrShortBuffer:
		return "ghc: output longer than allowed"
	}
	return "ghc: no error"
}

// The bytecode (RFC 7400, Table 1).
//
//	0kkkkkkk  append k < 96 bytes that follow
//	1000nnnn  append n+2 zero bytes
//	10010000  stop code
//	101nssss  sa += ssss<<3, na += n<<3
//	11nnnkkk  append n = na+nnn+2 bytes from s = kkk+sa+n bytes back; sa = na = 0
const (
	maxLiteral = 95
	maxZeros   = 17
	codeZeros  = 0x80
	Stop       = 0x90 // ends an extension header (RFC 7400, Section 3.2)
	codeExtend = 0xa0
	codeRef    = 0xc0
)
