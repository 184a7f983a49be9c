// Package dictgen builds static dictionaries for DEFLATE.
//
// A dictionary is what DEFLATE may copy from before it has seen anything of a payload.
// Build takes stretches of the payloads to learn from, in the manner of the COVER
// algorithm (Liao, Petri, Moffat, Wirth: Effective construction of relative
// Lempel-Ziv dictionaries, 2016): what a stretch is worth is the number of payloads that
// have each of its short strings, of those that no stretch taken before has; the best
// one per byte is taken next. Unlike there, a stretch ends before a string that few
// payloads have, as the values of a measurement. The best stretches stand at the end,
// where distances are short.
package dictgen

import "strings"

// Size is the size of dictionaries in bytes.
const Size = 4096

const (
	mer      = 5  // bytes of the strings that are counted
	minDocs  = 4  // payloads that have a string that counts
	maxLen   = 48 // of a stretch, in bytes
	overhead = 4  // what the beginning of a stretch costs: its first strings are hard to reach
	wordPart = 4  // words have at most this part of the dictionary: 1/4
)

// Words are the lines of a vocabulary that are neither blank nor comments.
func Words(text []byte) []string {
	var list []string
	for _, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	return list
}

// Build returns a dictionary of at most size bytes for payloads like those given, with
// the words that they have too few of. The same input gives the same dictionary.
func Build(payloads [][]byte, words []string, size int) []byte {
	counts := count(payloads)
	room := size - size/wordPart
	var parts []string // the best first
	for total := 0; ; {
		s := best(payloads, counts)
		if s == "" || total+len(s) > room {
			break
		}
		parts = append(parts, s)
		total += len(s)
		for i := 0; i+mer <= len(s); i++ {
			delete(counts, s[i:i+mer])
		}
	}
	return join(parts, words, size)
}

// count is the number of payloads that have a string, of those that enough have.
func count(payloads [][]byte) map[string]int {
	counts := map[string]int{}
	for _, p := range payloads {
		seen := map[string]bool{}
		for i := 0; i+mer <= len(p); i++ {
			if s := string(p[i : i+mer]); !seen[s] {
				seen[s] = true
				counts[s]++
			}
		}
	}
	for s, n := range counts {
		if n < minDocs {
			delete(counts, s)
		}
	}
	return counts
}

// best is the stretch that is worth most per byte, "" if none is worth anything.
func best(payloads [][]byte, counts map[string]int) (stretch string) {
	most := 0.0
	for _, p := range payloads {
		for i := 0; i+mer <= len(p); i++ {
			if counts[string(p[i:i+mer])] == 0 {
				continue
			}
			sum := 0
			for j := i; j+mer <= len(p) && j+mer-i <= maxLen; j++ {
				n := counts[string(p[j:j+mer])]
				if n == 0 {
					break
				}
				sum += n
				if worth := float64(sum) / float64(j+mer-i+overhead); worth > most {
					most, stretch = worth, string(p[i:j+mer])
				}
			}
		}
	}
	return stretch
}

// join puts words in front of the parts, as many as there is room for, and the best
// part at the end.
func join(parts, words []string, size int) []byte {
	var dict string
	for _, p := range parts {
		dict = prepend(p, dict)
	}
	for i := len(words) - 1; i >= 0; i-- {
		if d := prepend(words[i], dict); len(d) <= size {
			dict = d
		}
	}
	return []byte(dict)
}

// prepend puts s in front of dict, unless dict has it; what s ends with and dict begins
// with is there once.
func prepend(s, dict string) string {
	if strings.Contains(dict, s) {
		return dict
	}
	for n := min(len(s), len(dict)); ; n-- {
		if strings.HasSuffix(s, dict[:n]) {
			return s[:len(s)-n] + dict
		}
	}
}
