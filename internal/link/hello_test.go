package link

import (
	"context"
	"crypto/ed25519"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestSilentStrangerIsDropped: who says nothing, or half of something, is gone
// when the time for greeting is over.
func TestSilentStrangerIsDropped(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	id, err := NewIdentity(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, says := range map[string][]byte{"nothing": nil, "half a record": {22, 3, 1, 0x20}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				go b.Write(says)
				began := time.Now()
				ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
				defer stop()
				if _, err := Accept(ctx, a, id); err == nil {
					t.Error("a silent stranger is accepted")
				}
				if took := time.Since(began); took != 20*time.Second {
					t.Errorf("gone after %v, want 20 s", took)
				}
				b.SetDeadline(time.Now().Add(time.Second))
				if _, err := b.Read(make([]byte, 1)); err == nil {
					t.Error("the connection is open still")
				}
			})
		})
	}
}
