package sqlitespool_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/spool"
	"hotline/internal/spool/spooltest"
	"hotline/internal/spool/sqlitespool"
)

func open(t testing.TB, path string) *sqlitespool.Spool {
	t.Helper()
	s, err := sqlitespool.Open(t.Context(), path, sqlitespool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	var path string
	spooltest.Run(t, spooltest.Opener{
		New: func(t *testing.T) spooltest.Subject {
			path = filepath.Join(t.TempDir(), "relay.db")
			s := open(t, path)
			t.Cleanup(func() { s.Close() }) // closed before by Reopen, perhaps
			return s
		},
		Reopen: func(t *testing.T, s spooltest.Subject) spooltest.Subject {
			if err := s.(*sqlitespool.Spool).Close(); err != nil {
				t.Fatal(err)
			}
			again := open(t, path)
			t.Cleanup(func() { again.Close() })
			return again
		},
	})
}

// TestCopyStartsNewEpoch: a restored backup has forgotten what it accepted
// afterwards, and the desks must hear of it.
func TestCopyStartsNewEpoch(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.db"), filepath.Join(dir, "b.db")
	s := open(t, a)
	epoch := s.Epoch()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, same := range map[string]bool{a: true, b: false} {
		s := open(t, path)
		if got := s.Epoch() == epoch; got != same {
			t.Errorf("%s: same epoch %v, want %v", filepath.Base(path), got, same)
		}
		s.Close()
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "relay.db")
	open(t, path).Close()
	db, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Exec("PRAGMA user_version = 99"), db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlitespool.Open(t.Context(), path, sqlitespool.Options{}); !errors.Is(err, sqlitespool.ErrNewerSchema) {
		t.Errorf("Open = %v, want %v", err, sqlitespool.ErrNewerSchema)
	}
}

// TestFullDiskRefusesAndRecovers: SQLite's page limit stands for the disk.
func TestFullDiskRefusesAndRecovers(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "relay.db"))
	defer s.Close()
	var box ident.Mailbox
	var key spool.Putter
	secret := []byte("0123456789abcdef")
	now := time.Now()
	if err := errors.Join(
		s.Invite(t.Context(), spool.Invitation{Secret: secret, Uses: 1, Quota: 1 << 30, Expiry: now.Add(time.Hour)}),
		s.Enrol(t.Context(), box, key, secret, now)); err != nil {
		t.Fatal(err)
	}
	s.LimitPages(200)
	var taken int
	var last spool.Placed
	var items []uint64
	for range 2000 {
		if last = put(s, box, key, 4000); last.Err != nil {
			break
		}
		items = append(items, last.Seq)
		taken++
	}
	if !errors.Is(last.Err, spool.ErrBusy) {
		t.Fatalf("after %d puts: %v, want %v", taken, last.Err, spool.ErrBusy)
	}
	if s.Err() != nil {
		t.Fatalf("a full disk stopped the spool: %v", s.Err())
	}
	left, err := s.Next(t.Context(), box, 0, 0, 1<<30)
	if err != nil || len(left) != taken {
		t.Errorf("%d items, %v; want all %d that were accepted", len(left), err, taken)
	}
	s.LimitPages(1 << 20)
	if out := put(s, box, key, 4000); out.Err != nil || out.Seq <= items[len(items)-1] {
		t.Errorf("put after room came = %+v", out)
	}
}

func put(s *sqlitespool.Spool, box ident.Mailbox, key spool.Putter, size int) spool.Placed {
	c := make(chan spool.Placed, 1)
	submit(s, box, key, size, func(p []spool.Placed) { c <- p[0] })
	return <-c
}

func submit(s *sqlitespool.Spool, box ident.Mailbox, key spool.Putter, size int, done func([]spool.Placed)) {
	b := make([]byte, size)
	rand.Read(b)
	s.Put(spool.Put{
		To: []ident.Mailbox{box}, Putter: key, ID: envelope.Identify(b),
		Expiry: time.Now().Add(time.Hour), Envelope: b,
	}, done)
}

// BenchmarkPut measures durable puts per second, one at a time and with many
// waiting.
func BenchmarkPut(b *testing.B) {
	for name, window := range map[string]int{"one": 1, "many": 256} {
		b.Run(name, func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "relay.db"))
			defer s.Close()
			var box ident.Mailbox
			var key spool.Putter
			now := time.Now()
			s.Invite(b.Context(), spool.Invitation{Secret: []byte("x"), Uses: 1, Quota: 1 << 40, Expiry: now.Add(time.Hour)})
			if err := s.Enrol(b.Context(), box, key, []byte("x"), now); err != nil {
				b.Fatal(err)
			}
			room := make(chan struct{}, window)
			var wg sync.WaitGroup
			for b.Loop() {
				room <- struct{}{}
				wg.Add(1)
				submit(s, box, key, 1024, func(p []spool.Placed) { <-room; s.Done(box, 0, p[0].Seq); wg.Done() })
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
		})
	}
}

// TestCallerThatLeavesSharesNothing: a caller whose time has ended goes while
// the writer is still at its change. What both touch is for the race detector to
// see.
func TestCallerThatLeavesSharesNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "relay.db"))
	defer s.Close()
	var box ident.Mailbox
	var key spool.Putter
	secret := []byte("0123456789abcdef")
	now := time.Now()
	if err := errors.Join(
		s.Invite(t.Context(), spool.Invitation{Secret: secret, Uses: 1, Quota: 1 << 30, Expiry: now.Add(time.Hour)}),
		s.Enrol(t.Context(), box, key, secret, now)); err != nil {
		t.Fatal(err)
	}
	left := 0
	for i := range 300 {
		for _, change := range []func(context.Context) (int, error){
			func(ctx context.Context) (int, error) { return s.Expire(ctx, now) },
			func(ctx context.Context) (int, error) { return s.Revoke(ctx, box, []spool.Putter{key}) },
			func(ctx context.Context) (int, error) { return s.Forget(ctx, box, key) },
		} {
			ctx, leave := context.WithTimeout(t.Context(), time.Duration(i)*5*time.Microsecond)
			if _, err := change(ctx); errors.Is(err, context.DeadlineExceeded) {
				left++
			}
			leave()
		}
	}
	if left == 0 {
		t.Error("nobody left before the end of a change")
	}
}
