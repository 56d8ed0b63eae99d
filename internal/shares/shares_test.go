package shares

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestField checks the arithmetic against its definition: a product of
// polynomials, reduced; and that each value but zero has an inverse.
func TestField(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			p := 0
			for i := range 8 {
				if b>>i&1 == 1 {
					p ^= a << i
				}
			}
			for i := 14; i >= 8; i-- {
				if p>>i&1 == 1 {
					p ^= 0x11b << (i - 8)
				}
			}
			if got := multiply(byte(a), byte(b)); got != byte(p) {
				t.Fatalf("multiply(%#x, %#x) = %#x, want %#x", a, b, got, p)
			}
		}
		want := byte(1)
		if a == 0 {
			want = 0
		}
		if got := multiply(byte(a), inverse(byte(a))); got != want {
			t.Fatalf("%#x times its inverse is %#x", a, got)
		}
	}
}

// TestAnyNeededSharesRestore splits and joins in every way.
func TestAnyNeededSharesRestore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), 1, 96).Draw(t, "secret")
		of := rapid.IntRange(2, MaxShares).Draw(t, "of")
		need := rapid.IntRange(2, of).Draw(t, "need")
		all, err := Split(Root, [16]byte{1}, secret, need, of)
		if err != nil {
			t.Fatal(err)
		}
		some := rapid.Permutation(all).Draw(t, "order")[:rapid.IntRange(need, of).Draw(t, "have")]
		var typed []Share
		for _, s := range some {
			text := strings.ToUpper(strings.ReplaceAll(s.Text(), " ", " - "))
			back, err := Parse("Keep this.\n" + text)
			if err != nil {
				t.Fatalf("Parse(%q): %v", text, err)
			}
			typed = append(typed, back)
		}
		got, err := Join(typed)
		if err != nil || !bytes.Equal(got, secret) {
			t.Fatalf("Join() = %x, %v, want %x", got, err, secret)
		}
		if got, err := Join(typed[:need-1]); !errors.Is(err, ErrMix) {
			t.Fatalf("Join() of too few = %x, %v", got, err)
		}
	})
}

// TestOneShareSaysNothing walks through every secret byte and every value that
// a share may have: exactly one polynomial leads from the one to the other, so
// a share makes no secret likelier than another. For three of which all are
// needed, the same holds for any two.
func TestOneShareSaysNothing(t *testing.T) {
	for x := byte(1); x <= MaxShares; x++ {
		for secret := range 256 {
			var seen [256]int
			for a := range 256 {
				seen[evaluate(byte(secret), []byte{byte(a)}, x)]++
			}
			for y, n := range seen {
				if n != 1 {
					t.Fatalf("secret %#x: share %d is %#x for %d polynomials", secret, x, y, n)
				}
			}
		}
	}
	for _, secret := range []byte{0, 1, 0x53, 0xff} {
		seen := map[[2]byte]int{}
		for a := range 1 << 16 {
			more := []byte{byte(a), byte(a >> 8)}
			seen[[2]byte{evaluate(secret, more, 1), evaluate(secret, more, 3)}]++
		}
		if len(seen) != 1<<16 {
			t.Fatalf("secret %#x: two of three needed shares take %d values of %d", secret, len(seen), 1<<16)
		}
	}
	// And the coefficients are drawn: no share is the secret itself, twice.
	secret := bytes.Repeat([]byte{7}, 64)
	a, _ := Split(Root, [16]byte{}, secret, 2, 3)
	b, _ := Split(Root, [16]byte{}, secret, 2, 3)
	for i := range a {
		if bytes.Equal(a[i].y, b[i].y) || bytes.Equal(a[i].y, secret) || bytes.Count(a[i].y, a[i].y[:1]) > 8 {
			t.Errorf("share %d is not random", i+1)
		}
	}
}

func TestWhatDoesNotBelongTogether(t *testing.T) {
	a, _ := Split(Slot, [16]byte{}, []byte("EXERCISE"), 2, 3)
	b, _ := Split(Slot, [16]byte{}, []byte("EXERCISE"), 2, 3)
	r, _ := Split(Root, [16]byte{}, []byte("EXERCISE"), 2, 3)
	for name, all := range map[string][]Share{
		"none": {}, "one": a[:1], "the same twice": {a[0], a[0]}, "two splits": {a[0], b[1]}, "two purposes": {a[0], r[1]},
	} {
		if got, err := Join(all); !errors.Is(err, ErrMix) {
			t.Errorf("%s: Join() = %q, %v", name, got, err)
		}
	}
	for _, bad := range [][2]int{{1, 3}, {0, 0}, {4, 3}, {2, 17}} {
		if _, err := Split(Slot, [16]byte{}, []byte("x"), bad[0], bad[1]); err == nil {
			t.Errorf("Split() into %d of %d passes", bad[0], bad[1])
		}
	}
}

// TestMistypedShareIsFound changes each letter of a share, drops it, doubles
// it, and swaps neighbours.
func TestMistypedShareIsFound(t *testing.T) {
	all, err := Split(Slot, [16]byte{}, bytes.Repeat([]byte{0x5a}, 32), 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(" ", "", "\n", "").Replace(all[0].Text())
	if _, err := Parse(text); err != nil {
		t.Fatal(err)
	}
	for i := range text {
		changed := []string{text[:i] + text[i+1:], text[:i] + text[i:i+1] + text[i:], text[:i] + "q" + text[i+1:], text[:i] + "7" + text[i+1:]}
		if i > 0 {
			changed = append(changed, text[:i-1]+text[i:i+1]+text[i-1:i]+text[i+1:])
		}
		for _, c := range changed {
			if c == text {
				continue
			}
			if _, err := Parse(c); !errors.Is(err, ErrForm) {
				t.Fatalf("Parse(%q) passes: %v", c, err)
			}
		}
	}
	if s, err := Parse(strings.NewReplacer("o", "0", "l", "1", "b", "8").Replace(text[len(prefix):])); err == nil {
		t.Errorf("without its beginning it passes: %v", s)
	}
}

func TestShareHasNoTextForm(t *testing.T) {
	all, err := Split(Slot, [16]byte{}, bytes.Repeat([]byte{0x5a}, 32), 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "share", all[0])
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %q", all[0], all[0], all[0], all, all[0]), log.String()} {
		if strings.Contains(text, fmt.Sprint(all[0].y[0])+" "+fmt.Sprint(all[0].y[1])) || strings.Contains(text, fmt.Sprintf("%x", all[0].y[:4])) {
			t.Errorf("a share prints itself: %s", text)
		}
		if !strings.Contains(text, "redacted") {
			t.Errorf("no placeholder in %s", text)
		}
	}
	all[0].Clear()
	if !bytes.Equal(all[0].y, make([]byte, 32)) {
		t.Error("Clear() left something")
	}
}

// FuzzParse checks that every share that is read has one spelling.
func FuzzParse(f *testing.F) {
	all, _ := Split(Root, [16]byte{9}, []byte("EXERCISE"), 2, 3)
	f.Add(all[0].Text())
	f.Add(prefix)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrForm) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		again, err := Parse(s.Text())
		if err != nil || again.Text() != s.Text() {
			t.Fatalf("%q reads back as %v, %v", s.Text(), again, err)
		}
	})
}
