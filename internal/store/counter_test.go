package store_test

import (
	"errors"
	"path/filepath"
	"testing"

	"hotline/internal/store"
)

// paperCounter stands for a counter in a TPM.
type paperCounter struct {
	value uint64
	away  bool // cannot be read
	stuck bool // cannot be raised: as if the power had gone in between
}

func (c *paperCounter) Read() (uint64, error) {
	if c.away {
		return 0, errors.New("EXERCISE: no TPM")
	}
	return c.value, nil
}

func (c *paperCounter) Increment() error {
	if c.stuck {
		return errors.New("EXERCISE: power")
	}
	c.value++
	return nil
}

// TestSetBackDiskIsNoticed puts all files back at once, in place, as a machine
// image does: from inside nothing differs. The counter knows better, by one
// start already; a start that was cut short is no alarm.
func TestSetBackDiskIsNoticed(t *testing.T) {
	tests := map[string]struct {
		counter *paperCounter // nil: none from the beginning
		starts  int           // between copy and restoration
		last    func(c *paperCounter) store.Counter
		want    store.Provenance
	}{
		"without a counter nobody knows": {nil, 1, nil, store.Clean},
		"one start back":                 {&paperCounter{value: 40}, 1, nil, store.RolledBack},
		"nine starts back":               {&paperCounter{value: 40}, 9, nil, store.RolledBack},
		"not set back":                   {&paperCounter{value: 40}, 0, nil, store.Clean},
		"the counter is away":            {&paperCounter{value: 40}, 0, func(c *paperCounter) store.Counter { c.away = true; return c }, store.Copied},
		"nobody asks the counter":        {&paperCounter{value: 40}, 0, func(*paperCounter) store.Counter { return nil }, store.Copied},
		"another counter":                {&paperCounter{value: 40}, 0, func(*paperCounter) store.Counter { return &paperCounter{value: 7} }, store.Copied},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var c store.Counter
			if tt.counter != nil {
				c = tt.counter
			}
			put := func(v string) {
				s := counted(t, dir, c)
				if got := s.Provenance(); got != store.Clean {
					t.Fatalf("before anything happened it is %v", got)
				}
				update(t, s, func(tx *store.Tx) error { return tx.PutCell("seal", []byte{1}, []byte(v)) })
				shut(t, s)
			}
			put("one")
			if tt.counter != nil { // a start that the power ended
				tt.counter.stuck = true
				put("two")
				tt.counter.stuck = false
				put("three")
			}
			twin := copyDir(t, dir)
			for range tt.starts {
				put("later")
			}
			for _, file := range []string{"line.db", "keys/cells"} {
				copyFile(t, filepath.Join(twin, file), filepath.Join(dir, file))
			}
			if tt.last != nil {
				c = tt.last(tt.counter)
			}
			if got := counted(t, dir, c).Provenance(); got != tt.want {
				t.Errorf("Provenance() = %v, want %v", got, tt.want)
			}
		})
	}
}

func counted(t *testing.T, dir string, c store.Counter) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), dir, testKey, store.Options{Counter: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
