package dictgen

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func payloads(n int) (list [][]byte) {
	for i := range n {
		list = append(list, fmt.Appendf(nil, `{"device":"%07d","temperature":%d.5,"odd%d":"%x"}`, i*7919, i%40, i, i*i*31))
	}
	return list
}

// TestBuild: what most payloads share is in the dictionary, the most frequent last, and
// what few have is not.
func TestBuild(t *testing.T) {
	words := []string{"first", "second", "temperature"}
	d := Build(payloads(50), words, 200)
	if !bytes.Contains(d, []byte(`,"temperature":`)) || !bytes.Contains(d, []byte(`{"device":"0`)) || bytes.Contains(d, []byte("odd49")) {
		t.Errorf("%q", d)
	}
	first, second := bytes.Index(d, []byte("first")), bytes.Index(d, []byte("second"))
	if first < 0 || second < first || bytes.Index(d, []byte("device")) < second || bytes.Count(d, []byte("temperature")) != 1 {
		t.Errorf("the order of %q", d)
	}
	if again := Build(payloads(50), words, 200); !bytes.Equal(d, again) {
		t.Errorf("%q and %q", d, again)
	}
	for _, size := range []int{0, 1, 20, 60, 1000} {
		if d := Build(payloads(50), words, size); len(d) > size {
			t.Errorf("%d bytes, want at most %d", len(d), size)
		}
	}
	if d := Build(nil, []string{"abc"}, 10); string(d) != "abc" {
		t.Errorf("words alone: %q", d)
	}
}

func TestWords(t *testing.T) {
	if got := Words([]byte("# words\n\na b\n ;rt=\"\n")); !slices.Equal(got, []string{"a b", `;rt="`}) {
		t.Errorf("%q", got)
	}
}

func TestPrepend(t *testing.T) {
	for _, c := range []struct{ s, dict, want string }{
		{"abc", "", "abc"}, {"abc", "xyz", "abcxyz"}, {"abc", "bcd", "abcd"}, {"abc", "zabcz", "zabcz"}, {"ab", "abx", "abx"}, {"xab", "ab", "xab"},
	} {
		if got := prepend(c.s, c.dict); got != c.want || !strings.Contains(got, c.s) || !strings.HasSuffix(got, c.dict) {
			t.Errorf("prepend(%q, %q) = %q, want %q", c.s, c.dict, got, c.want)
		}
	}
}
