package store_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"
	"golang.org/x/sys/unix"

	"hotline/internal/store"
)

// openMem opens a store on a memory disk. Whoever opens it closes it.
func openMem(t testing.TB, d *memDisk, dir string) (*store.Store, error) {
	t.Helper()
	name := fmt.Sprintf("mem-%p", d)
	vfs.Register(name, memVFS{d})
	t.Cleanup(func() { vfs.Unregister(name) })
	return store.Open(t.Context(), dir, testKey, store.Options{VFS: name, Disk: memStore{d}, Exclusive: true})
}

// steps is how many Updates a run does. Each moves a counter in a setting, the
// same counter in two cells, and a leaf of the journal; every third drops and
// makes a cell.
const steps = 6

// run does the steps and returns the last one that was acknowledged.
func run(s *store.Store) (acked uint64) {
	for i := uint64(1); i <= steps; i++ {
		err := s.Update(context.Background(), func(tx *store.Tx) error { return stepTo(tx, i) })
		if err != nil {
			return acked
		}
		acked = i
	}
	return acked
}

func stepTo(tx *store.Tx, i uint64) error {
	v := binary.BigEndian.AppendUint64(nil, i)
	errs := []error{
		tx.PutSetting("step", v),
		tx.PutCell("chain", []byte("a"), v),
		tx.PutCell("chain", []byte("b"), append(v, make([]byte, 3000)...)),
	}
	if _, err := tx.AppendJournal("step", time.UnixMilli(int64(i)), v); err != nil {
		errs = append(errs, err)
	}
	if i%3 == 0 {
		errs = append(errs, tx.DropCell("seal", binary.BigEndian.AppendUint64(nil, i-3)),
			tx.PutCell("seal", v, v))
	}
	return errors.Join(errs...)
}

// verify opens what survived and checks that it is a state that run passed
// through, not before acked, and that it goes on from there.
func verify(t testing.TB, d *memDisk, dir string, acked uint64) error {
	t.Helper()
	s, err := openMem(t, d, dir)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer func() { _ = s.Close() }()
	if p := s.Provenance(); p != store.Clean {
		return fmt.Errorf("provenance %v", p)
	}
	if err := s.Check(t.Context()); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	return s.Update(t.Context(), func(tx *store.Tx) error {
		v, err := tx.Setting("step")
		if errors.Is(err, store.ErrNone) {
			v, err = make([]byte, 8), nil
		}
		if err != nil {
			return err
		}
		got := binary.BigEndian.Uint64(v)
		if got < acked || got > acked+1 {
			return fmt.Errorf("step %d survived, %d was acknowledged", got, acked)
		}
		head, err := tx.JournalSize()
		if err != nil || head != int64(got) {
			return fmt.Errorf("journal at %d, step %d: %w", head, got, err)
		}
		if got > 0 {
			for _, ref := range []string{"a", "b"} {
				c, err := tx.Cell("chain", []byte(ref))
				if err != nil {
					return err
				}
				if binary.BigEndian.Uint64(c) != got {
					return fmt.Errorf("cell %s at %x, step %d", ref, c[:8], got)
				}
			}
		}
		return stepTo(tx, got+1)
	})
}

// prepared returns a disk with a store on it, and the folder's name. So many
// cells are in use that the steps need another block of slots.
func prepared(t testing.TB) (*memDisk, string) {
	t.Helper()
	d, dir := newMemDisk(1), t.TempDir()
	s, err := openMem(t, d, dir)
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *store.Tx) error {
		for i := range 61 {
			if err := tx.PutCell("filler", []byte{byte(i)}, []byte{1}); err != nil {
				return err
			}
		}
		return nil
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return d, dir
}

// sweep runs the steps once for each operation that they need, with fault set
// to happen there, and returns how many points there were and what went wrong.
// Every operation is tried with HOTLINE_LONG set; otherwise each eighth, from
// another one each time.
func sweep(t testing.TB, cut bool, fault func(d *memDisk, n int)) (points int, bad []error) {
	t.Helper()
	first, stride := 1+rand.IntN(8), 8
	if os.Getenv("HOTLINE_LONG") != "" {
		first, stride = 1, 1
	}
	t.Logf("operations %d, %d, …", first, first+stride)
	base, dir := prepared(t)
	for n := first; ; n += stride {
		d := base.clone(false)
		fault(d, n)
		before := d.ops
		var acked uint64
		if s, err := openMem(t, d, dir); err == nil {
			acked = run(s)
			_ = s.Close() // a dead disk cannot close well
		}
		if d.ops-before < n {
			return points, bad
		}
		points++
		if err := verify(t, d.clone(cut), dir, acked); err != nil {
			bad = append(bad, fmt.Errorf("operation %d, step %d acknowledged: %w", n, acked, err))
		}
	}
}

// TestPowerCutLosesNothingAcknowledged cuts the power at every operation on
// the disk, through the encrypting VFS, as shipped.
func TestPowerCutLosesNothingAcknowledged(t *testing.T) {
	seeds := uint64(1)
	if os.Getenv("HOTLINE_LONG") != "" {
		seeds = 20
	}
	for seed := range seeds {
		points, bad := sweep(t, true, func(d *memDisk, n int) {
			d.cutAt, d.rnd = n, rand.New(rand.NewPCG(seed, rand.Uint64()))
		})
		t.Logf("%d points", points)
		if points < 20 {
			t.Errorf("%d points: the sweep does not reach the work", points)
		}
		for _, err := range bad[:min(len(bad), 5)] {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}

// TestPowerCutWithALyingDiskLoses is the control: the checker must see losses
// when sync does nothing.
func TestPowerCutWithALyingDiskLoses(t *testing.T) {
	_, bad := sweep(t, true, func(d *memDisk, n int) { d.cutAt, d.lies = n, true })
	if len(bad) == 0 {
		t.Error("a disk that does not sync lost nothing: the checker is blind")
	}
}

// TestOneFailedOperation fails every operation once, in two ways.
func TestOneFailedOperation(t *testing.T) {
	for name, fail := range map[string]error{"input/output error": sqlite3.IOERR, "disk full": unix.ENOSPC} {
		t.Run(name, func(t *testing.T) {
			points, bad := sweep(t, false, func(d *memDisk, n int) { d.failAt, d.failErr = n, fail })
			t.Logf("%d points", points)
			for _, err := range bad[:min(len(bad), 5)] {
				t.Error(err)
			}
		})
	}
}

// TestFailedSyncStopsTheStore fails each sync of an Update in turn. The store
// must not go on, whatever the disk says next, and loses nothing.
func TestFailedSyncStopsTheStore(t *testing.T) {
	base, dir := prepared(t)
	stopped := 0
	for n := 1; n < 12; n++ { // two Updates have nine or more
		d := base.clone(false)
		s, err := openMem(t, d, dir)
		if err != nil {
			t.Fatal(err)
		}
		d.syncs, d.onlySync, d.failAt, d.failErr = 0, true, n, errors.New("EIO")
		acked := run(s)
		if acked == steps {
			_ = s.Close()
			continue // this sync was not reached, or is not of an Update
		}
		stopped++
		if !errors.Is(s.Err(), store.ErrStopped) {
			t.Errorf("sync %d: Err() = %v, want ErrStopped", n, s.Err())
		}
		for range 3 {
			err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.PutSetting("x", nil) })
			if !errors.Is(err, store.ErrStopped) {
				t.Errorf("sync %d: Update() = %v, want ErrStopped", n, err)
			}
		}
		_ = s.Close()
		if err := verify(t, d.clone(false), dir, acked); err != nil {
			t.Errorf("sync %d: %v", n, err)
		}
	}
	if stopped < 8 {
		t.Errorf("%d syncs stopped the store, want at least 8", stopped)
	}
}

// TestDiskFullAndThenNot lets the disk run full in mid-work and then makes
// room.
func TestDiskFullAndThenNot(t *testing.T) {
	d, dir := prepared(t)
	s, err := openMem(t, d, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	d.space = 600 << 10
	var acked uint64
	for i := uint64(1); i < 1000; i++ {
		err = s.Update(t.Context(), func(tx *store.Tx) error {
			if err := tx.PutSetting(fmt.Sprint(i), make([]byte, 20000)); err != nil {
				return err
			}
			return stepTo(tx, i)
		})
		if err != nil {
			break
		}
		acked = i
	}
	wantBusy(t, err)
	for range 3 {
		wantBusy(t, s.Update(t.Context(), func(tx *store.Tx) error {
			return tx.PutSetting("more", make([]byte, 100000))
		}))
	}
	d.space = 0
	err = s.Update(t.Context(), func(tx *store.Tx) error {
		if v, err := tx.Cell("chain", []byte("a")); err != nil || binary.BigEndian.Uint64(v) != acked {
			return fmt.Errorf("cell at %x, %d was acknowledged: %w", v, acked, err)
		}
		return stepTo(tx, acked+1)
	})
	if err != nil {
		t.Errorf("with room again: %v", err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}
