package bitio

import (
	"bytes"
	"testing"
)

// The functions of slices with room and, where there is an allocator, without.
// go test -tags gc.none tests the others.
func TestGrow(t *testing.T) {
	for _, room := range []int{0, 3, 4, 9} {
		if room < 4 && Words(1) == nil {
			continue // no allocator
		}
		mem := []byte("ab.........")
		dst := mem[: 2 : 2+room]
		out := AppendByte(Append(Grow(dst, 4), 'c', 'd', 'e'), 'f')
		if string(out) != "abcdef" {
			t.Errorf("room for %d: %q, want abcdef", room, out)
		}
		if in := bytes.HasPrefix(mem, []byte("abcdef")); in != (room >= 4) {
			t.Errorf("room for %d: in place is %v", room, in)
		}
		if out = Extend(mem[:2:2+room], 4); len(out) != 6 || string(out[:2]) != "ab" {
			t.Errorf("room for %d: Extend: %q", room, out)
		}
	}
	if Words(3) != nil && len(Words(3)) != 3 {
		t.Error("Words(3) does not have 3 words")
	}
}
