package exchange_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/ident"
	"hotline/internal/store"
)

// TestRestoredDeskSendsOnlyAfterFreshEpoch: a directory put back as it was
// yesterday, so that nothing inside tells, is told by its peers, with its own
// signature; it goes on under new keys, and what it sends arrives.
func TestRestoredDeskSendsOnlyAfterFreshEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, jpn, nato, aus, line := trio(t)
		first := send(t, jpn, flash(line, "EXERCISE before the snapshot"))
		nato.until(t, "delivered", has(first, "delivered"))
		jpn.stop()
		snapshot := filepath.Join(t.TempDir(), "snapshot")
		if err := os.CopyFS(snapshot, os.DirFS(jpn.dir)); err != nil {
			t.Fatal(err)
		}
		again := jpn.party.start(t, h)
		again.virtual = true
		for range 3 {
			id := send(t, again, flash(line, "EXERCISE that the snapshot does not know"))
			nato.until(t, "delivered", has(id, "delivered"))
		}
		time.Sleep(16 * time.Minute) // attested
		again.stop()
		setBack(t, jpn.dir, snapshot)

		back := jpn.party.start(t, h)
		back.virtual = true
		time.Sleep(time.Minute)
		found := false
		for _, p := range back.alarms(t, line) {
			found = found || p.Kind == "set-back" && strings.Contains(p.Text, "set back")
		}
		if !found {
			t.Errorf("the desk does not know that it was set back: %+v", back.alarms(t, line))
		}
		id := send(t, back, flash(line, "EXERCISE after"))
		nato.until(t, "delivered after", has(id, "delivered"))
		back.until(t, "delivered after", has(id, "delivered"))
		if _, ok := nato.convicted(t, line, jpn.self.Desk); ok {
			t.Error("a restored desk is convicted of a crime")
		}
		generation := func(m ident.Message) (g int64) {
			_ = nato.store.View(t.Context(), func(tx *store.Tx) error {
				p, err := tx.PlaceOf(m)
				g = p.Generation
				return err
			})
			return g
		}
		if generation(id) == generation(first) {
			t.Error("it sends under the key that it had before")
		}
		quiesce(back, nato, aus)
	})
}

// setBack puts the content of files back in place, so that the directory is the
// same one to its machine.
func setBack(t *testing.T, dir, from string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := os.OpenFile(filepath.Join(dir, rel), os.O_WRONLY|os.O_TRUNC|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		if _, err := f.Write(b); err != nil {
			return err
		}
		return f.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestIdentitySurvivesRestart: after a restart the others take a desk's
// signatures, under the key that they had before.
func TestIdentitySurvivesRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, jpn, nato, aus, line := trio(t)
		first := send(t, jpn, flash(line, "EXERCISE"))
		nato.until(t, "delivered", has(first, "delivered"))
		time.Sleep(time.Minute)
		jpn.stop()
		again := jpn.party.start(t, h)
		again.virtual = true
		id := send(t, again, flash(line, "EXERCISE after a restart"))
		nato.until(t, "delivered", has(id, "delivered"))
		time.Sleep(16 * time.Minute)
		for _, m := range []ident.Message{first, id} {
			if !nato.now(t, "attested", attested(m)) {
				t.Errorf("message %s is not attested", m)
			}
		}
		keys := 0
		_ = nato.store.View(t.Context(), func(tx *store.Tx) error {
			return tx.Row("SELECT count(*) FROM generation WHERE sender = ?", jpn.self.Desk).Scan(&keys)
		})
		if keys != 1 {
			t.Errorf("a clean restart made %d sending keys, want the one before", keys)
		}
		quiesce(again, nato, aus)
	})
}
