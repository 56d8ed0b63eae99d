package bench

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"
)

// appendSync appends size bytes to a new file in dir and syncs it, n times, and
// returns how long each took. This is the least that one durable message costs
// on this disk, with nothing else done.
func appendSync(dir string, n, size int) (took []time.Duration, err error) {
	f, err := os.CreateTemp(dir, "fsync-")
	if err != nil {
		return nil, fmt.Errorf("measure disk: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	block := make([]byte, size)
	_, _ = rand.Read(block) // never fails
	for range n {
		began := time.Now()
		if _, err := f.Write(block); err != nil {
			return nil, fmt.Errorf("measure disk: %w", err)
		}
		if err := f.Sync(); err != nil {
			return nil, fmt.Errorf("measure disk: %w", err)
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}
