package ceremony

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
)

// TestWordList holds the rules of the list, and the list itself: words come
// out of a hash by their place, so a change makes two versions disagree.
func TestWordList(t *testing.T) {
	if len(list) != listSize {
		t.Fatalf("%d words, want %d", len(list), listSize)
	}
	if !slices.IsSorted(list) {
		t.Error("words are not sorted")
	}
	if wordsFile != strings.Join(list, "\n")+"\n" {
		t.Error("words are not one a line")
	}
	prefixes := make(map[string]string)
	for i, w := range list {
		if len(w) < 3 || len(w) > 8 || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") != "" {
			t.Errorf("word %q: want 3 to 8 small letters", w)
		}
		p := w[:min(4, len(w))]
		if other, ok := prefixes[p]; ok {
			t.Errorf("%q and %q begin alike", other, w)
		}
		prefixes[p] = w
		if i > 0 && strings.HasPrefix(w, list[i-1]) {
			t.Errorf("%q begins with %q", w, list[i-1])
		}
	}
	const want = "5ab90a3052b25cc1c9240af2272459ede842676313df7bce1b4176da655d909b"
	if sum := sha256.Sum256([]byte(wordsFile)); hex.EncodeToString(sum[:]) != want {
		t.Errorf("SHA-256 of words.txt = %x, want %s", sum, want)
	}
}
