package console

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hotline/internal/fault"
)

func texts(t *testing.T, lang string) (m map[string]string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(web, "src/ui", lang+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPasswordHash(t *testing.T) {
	p := newPasswords()
	ctx := t.Context()
	h, err := p.hash(ctx, "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(h, "$argon2id$v=19$m=65536,t=3,p=1$") {
		t.Errorf("hash is %s", h)
	}
	tests := map[string]struct {
		hash, password string
		want           bool
	}{
		"the right one":              {h, "correct horse battery", true},
		"another":                    {h, "correct horse batter", false},
		"no hash takes none":         {"", "", false},
		"cheaper parameters":         {strings.Replace(h, "t=3", "t=1", 1), "correct horse battery", false},
		"cut off":                    {h[:len(h)-4], "correct horse battery", false},
		"the hash that stands alone": {p.nobody, "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := p.verify(ctx, tt.hash, tt.password); got != tt.want || err != nil {
				t.Errorf("verify(%.20s…, %q) = %v, %v, want %v", tt.hash, tt.password, got, err, tt.want)
			}
		})
	}
	if again, _ := p.hash(ctx, "correct horse battery"); again == h {
		t.Error("two hashes of one password are equal: the salt is not random")
	}
}

// TestHashesAreBounded fills both slots: the next one waits until its context
// ends, and beyond the queue the answer is at once "busy".
func TestHashesAreBounded(t *testing.T) {
	p := newPasswords()
	for range hashesAtOnce {
		p.slots <- struct{}{}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	ran := false
	if err := p.run(ctx, func() { ran = true }); !errors.Is(err, context.DeadlineExceeded) || ran {
		t.Errorf("a third hash ran beside two: %v, %v", ran, err)
	}
	p.waiting.Store(hashesWaiting)
	if err := p.run(t.Context(), func() { ran = true }); !fault.Is(err, fault.Busy) || ran {
		t.Errorf("beyond the queue: %v, %v, want busy", ran, err)
	}
}

func TestNewPassword(t *testing.T) {
	tests := map[string]bool{
		"eleven char": false, "twelve chars": true, "当直官の合言葉は秘密です。": true, "\xff\xfe twelve bytes": false, strings.Repeat("a", 1025): false,
	}
	for p, want := range tests {
		if err := CheckNewPassword(p); (err == nil) != want {
			t.Errorf("CheckNewPassword(%.20q) = %v, want ok %v", p, err, want)
		}
	}
}

func TestThrottleForgetsAndBounds(t *testing.T) {
	now := time.Date(2026, 11, 23, 2, 9, 0, 0, time.UTC)
	th := newThrottle(func() time.Time { return now })
	for range 4 {
		th.failed("name a", 5)
		now = now.Add(16 * time.Second)
	}
	th.failed("name a", 5) // the first of a new minute
	if d := th.wait("name a"); d != 0 {
		t.Errorf("five failures in 64 s wait %v, want none", d)
	}
	for range 40 {
		th.failed("name a", 5)
	}
	if d := th.wait("name a"); d != longestWait {
		t.Errorf("after forty failures the wait is %v, want %v", d, longestWait)
	}
	for i := range throttleKeys * 2 {
		th.failed("name "+string(rune('a'+i%26))+time.Duration(i).String(), 5)
	}
	if n := len(th.seen); n > throttleKeys {
		t.Errorf("remembers %d keys, want at most %d", n, throttleKeys)
	}
}
