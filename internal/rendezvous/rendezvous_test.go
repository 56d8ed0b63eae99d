package rendezvous_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"hotline/internal/ident"
	"hotline/internal/rendezvous"
)

func TestCodeAsTyped(t *testing.T) {
	want := rendezvous.Code{Addr: "relay.example:7402", Secret: "k7q2m9xt01"}
	for _, s := range []string{"relay.example:7402/k7q2m-9xt01", " relay.example:7402/K7Q2M 9XTOL ", "relay.example:7402/k7q2m9xtOi"} {
		if c, err := rendezvous.Parse(s); err != nil || c != want {
			t.Errorf("Parse(%q) = %v, %v, want %v", s, c, err, want)
		}
	}
	for _, s := range []string{"", "k7q2m-9xt01", "relay.example/k7q2m-9xt01", ":7402/k7q2m-9xt01", "relay.example:7402/k7q2m-9xt0", "relay.example:7402/k7q2m-9xt0u", "relay.example:7402/k7q2m-9xt01a"} {
		if c, err := rendezvous.Parse(s); !errors.Is(err, rendezvous.ErrCode) {
			t.Errorf("Parse(%q) = %v, %v, want a refusal", s, c, err)
		}
	}
	for range 100 {
		c := rendezvous.New("[2001:db8::1]:7402")
		if got, err := rendezvous.Parse(c.String()); err != nil || got != c {
			t.Fatalf("Parse(%q) = %v, %v", c, got, err)
		}
	}
}

// TestAnotherRelayHasOtherKeys: somebody who pretends to be the relay finds no
// slot of its own and opens nothing; nor does another step, or a flipped bit.
func TestAnotherRelayHasOtherKeys(t *testing.T) {
	c := rendezvous.Code{Addr: "relay.example:7402", Secret: "k7q2m9xt01"}
	k, err := c.Keys(ident.Relay{1})
	if err != nil {
		t.Fatal(err)
	}
	// Frozen: the two sides may be of different builds.
	if got, want := hex.EncodeToString(k.Bytes()), "d582a551b65289ba9de209b032f497b866dd741400cef1b33b766d579f881d0c20c6af4859dff6da85cce47f89dda1c6"; got != want {
		t.Errorf("keys = %s, want %s", got, want)
	}
	other, err := c.Keys(ident.Relay{2})
	if err != nil {
		t.Fatal(err)
	}
	if other.Slot == k.Slot {
		t.Error("two relays have one slot")
	}
	file := []byte(strings.Repeat("x", 5000))
	blob, err := k.Seal(2, file)
	if err != nil {
		t.Fatal(err)
	}
	if len(blob) != 8192+28 {
		t.Errorf("blob of %d bytes is not padded", len(blob))
	}
	if got, err := k.Open(2, blob); err != nil || !bytes.Equal(got, file) {
		t.Errorf("Open = %d bytes, %v", len(got), err)
	}
	again, err := rendezvous.ParseKeys(k.Bytes())
	if err != nil || again != k {
		t.Errorf("ParseKeys = %v", err)
	}
	flipped := bytes.Clone(blob)
	flipped[100] ^= 1
	for what, open := range map[string]func() ([]byte, error){
		"another relay": func() ([]byte, error) { return other.Open(2, blob) },
		"another step":  func() ([]byte, error) { return k.Open(3, blob) },
		"a flipped bit": func() ([]byte, error) { return k.Open(2, flipped) },
		"nothing":       func() ([]byte, error) { return k.Open(2, nil) },
	} {
		if _, err := open(); !errors.Is(err, rendezvous.ErrOpen) {
			t.Errorf("%s: %v, want %v", what, err, rendezvous.ErrOpen)
		}
	}
}

// FuzzCode: a code that reads is told the same way again, and a stranger's blob
// opens under no key.
func FuzzCode(f *testing.F) {
	f.Add("relay.example:7402/k7q2m-9xt4a")
	f.Add("[::1]:1/ ool1 2-345abc")
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := rendezvous.Parse(s); err == nil {
			if again, err := rendezvous.Parse(c.String()); err != nil || again != c {
				t.Errorf("%q reads as %v, %v", s, again, err)
			}
		}
		k, err := rendezvous.ParseKeys([]byte(s))
		if err == nil && string(k.Bytes()) != s {
			t.Errorf("keys have two spellings")
		}
		if _, err := k.Open(1, []byte(s)); err == nil {
			t.Error("a stranger's blob opens")
		}
	})
}

// FuzzBlob: what was sealed opens as it was, under its step alone; with anything
// in its place nothing opens.
func FuzzBlob(f *testing.F) {
	k, err := rendezvous.ParseKeys(bytes.Repeat([]byte{7}, 48))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{}, uint8(1), 0)
	f.Add([]byte("EXERCISE file"), uint8(2), 12)
	f.Add(make([]byte, 4092), uint8(3), 4000)
	f.Fuzz(func(t *testing.T, file []byte, step uint8, at int) {
		blob, err := k.Seal(step, file)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := k.Open(step, blob); err != nil || !bytes.Equal(back, file) || (len(blob)-28)%4096 != 0 {
			t.Errorf("%d bytes come back as %d from a blob of %d, %v", len(file), len(back), len(blob), err)
		}
		if _, err := k.Open(step+1, blob); err == nil {
			t.Error("a blob opens in another step")
		}
		if at >= 0 && at < len(blob) {
			blob[at] ^= 1
			if _, err := k.Open(step, blob); err == nil {
				t.Error("a changed blob opens")
			}
			if _, err := k.Open(step, blob[:at]); err == nil {
				t.Error("a blob that was cut opens")
			}
		}
		if _, err := k.Open(step, file); err == nil {
			t.Error("a stranger's blob opens")
		}
	})
}
