package relay_test

import (
	"os"
	"path/filepath"
	"testing"
)

// wipe deletes a stopped relay's spool.
func wipe(t testing.TB, dir string) {
	t.Helper()
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(dir, "relay.db"+end)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}
