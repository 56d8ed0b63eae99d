package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotline/internal/fault"
	"hotline/internal/store"
)

// TestFolderThatCannotBeUsedIsSaid: a file in its place stands for a read-only
// disk, which a test that runs as root cannot have.
func TestFolderThatCannotBeUsedIsSaid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{path, filepath.Join(path, "below")} {
		_, err := store.Acquire(dir)
		if _, msg, _ := fault.Visible(err); !fault.Is(err, fault.Config) || !strings.Contains(msg, "not a directory") {
			t.Errorf("Acquire(%s) = %v; want a sentence of kind config", dir, err)
		}
	}
}
