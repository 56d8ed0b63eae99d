package store_test

import (
	"errors"
	"path/filepath"
	"testing"

	"hotline/internal/store"
)

// dyingDisk fails every write to a file that exists already: the machine goes
// down between the first commit and the header that follows it.
type dyingDisk struct{ store.Disk }

type dyingFile struct{ store.DiskFile }

var errDown = errors.New("the machine is down")

func (d dyingDisk) Open(path string) (store.DiskFile, error) {
	f, err := d.Disk.Open(path)
	if err != nil {
		return nil, err
	}
	return dyingFile{f}, nil
}

func (dyingFile) WriteAt([]byte, int64) (int, error) { return 0, errDown }

func TestFirstStartThatIsCutShortIsNoRollBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "desk")
	if s, err := store.Open(t.Context(), dir, testKey, store.Options{Disk: dyingDisk{store.OSDisk}}); err == nil {
		_ = s.Close()
		t.Fatal("Open succeeded on a disk that takes no header")
	}
	s, err := store.Open(t.Context(), dir, testKey, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if p := s.Provenance(); p != store.Clean {
		t.Errorf("Provenance after a first start that was cut short = %v, want clean", p)
	}
}
