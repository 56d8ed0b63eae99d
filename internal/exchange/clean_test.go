package exchange_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/store"
)

// TestCleaningRefusesWhileDamaged: slow corruption must not be followed by a
// cleaning that deletes good data.
func TestCleaningRefusesWhileDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, jpn, _, _ := pair(t)
		parked := func() (n int) {
			err := jpn.store.View(t.Context(), func(tx *store.Tx) error {
				lower, _, err := tx.ParkedSize()
				n = int(lower)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		err := errors.Join(jpn.store.SetDamaged(t.Context(), errors.New("leaf 7")),
			jpn.store.Update(t.Context(), func(tx *store.Tx) error {
				return tx.Park(store.Parked{Envelope: envelope.ID{1}, Bytes: []byte("EXERCISE"), At: time.Now().Add(-60 * 24 * time.Hour)})
			}))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if parked() == 0 {
			t.Error("thrown away while the record does not verify")
		}
		if err := jpn.store.SetDamaged(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if parked() != 0 {
			t.Error("not thrown away when it verifies again: the test shows nothing")
		}
	})
}
