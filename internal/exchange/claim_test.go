package exchange_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestMadeUpDigestsHoldUpNoSending: a message that is being sent waits for
// statements that a desk claims, two seconds, and goes on without them; the line
// says so. Whatever that desk claims next, no message waits for it again within
// the minute.
func TestMadeUpDigestsHoldUpNoSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nato, q, a, b, line := against(t)
		nato.virtual = true
		claims := func(digest byte) {
			q.digest = [32]byte{digest}
			nato.until(t, "the claim", known(q.send([]*party{a, b}, nil)))
		}
		took := func() time.Duration {
			began := time.Now()
			send(t, nato, flash(line, "EXERCISE"))
			return time.Since(began)
		}
		if d := took(); d > time.Second {
			t.Errorf("a message waited %v though nobody claims anything", d)
		}
		claims(1)
		if d := took(); d < 2*time.Second || d > 3*time.Second {
			t.Errorf("a message waited %v for what JPN claims, want 2 s", d)
		}
		f, err := nato.Record(t.Context(), line)
		if err != nil || !slices.Contains(f.Amber, "JPN-1 claims statements that this desk lacks.") {
			t.Errorf("after it went on without, the line says %q, %v", f.Amber, err)
		}
		for digest := range byte(10) {
			claims(10 + digest)
			if d := took(); d > time.Second {
				t.Fatalf("message %d behind another made-up digest waited %v", digest+1, d)
			}
		}
		time.Sleep(time.Minute)
		claims(99)
		if d := took(); d < 2*time.Second || d > 3*time.Second {
			t.Errorf("a minute later a message waited %v, want 2 s", d)
		}
		nato.stop()
		synctest.Wait()
	})
}
