package store_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"hotline/internal/store"
)

// childEnv makes this test binary a writer that is going to be killed.
const childEnv = "STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		child(dir)
	}
	os.Exit(m.Run())
}

// child writes as fast as it can and prints each step once it is
// acknowledged.
func child(dir string) {
	s, err := store.Open(context.Background(), dir, testKey, store.Options{})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("provenance", s.Provenance())
	var at uint64
	err = s.Update(context.Background(), func(tx *store.Tx) (err error) {
		at, err = position(tx)
		return err
	})
	for err == nil {
		at++
		fmt.Println("try", at)
		if err = s.Update(context.Background(), func(tx *store.Tx) error { return stepTo(tx, at) }); err == nil {
			fmt.Println("done", at)
		}
	}
	fmt.Println("error", err)
	os.Exit(1)
}

// position returns the last step in the store; setting, cells and journal must
// agree on it.
func position(tx *store.Tx) (uint64, error) {
	v, err := tx.Setting("step")
	if errors.Is(err, store.ErrNone) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	at := binary.BigEndian.Uint64(v)
	for _, ref := range []string{"a", "b"} {
		c, err := tx.Cell("chain", []byte(ref))
		if err != nil {
			return 0, err
		}
		if got := binary.BigEndian.Uint64(c); got != at {
			return 0, fmt.Errorf("cell %s at %d, setting at %d", ref, got, at)
		}
	}
	head, err := tx.JournalSize()
	if err == nil && head != int64(at) {
		err = fmt.Errorf("journal at %d, setting at %d", head, at)
	}
	return at, err
}

// TestKilledProcessLosesNothingAcknowledged kills a real writer at random
// instants, 60 times on one folder, and looks at what is left.
func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	const kills = 60
	dir := t.TempDir()
	done := uint64(0) // highest acknowledged step
	total := uint64(0)
	for i := range kills {
		before := done
		tried := killOnce(t, dir, &done)
		total += done - before

		s, err := store.Open(t.Context(), dir, testKey, store.Options{})
		if err != nil {
			t.Fatalf("kill %d: open: %v", i, err)
		}
		if p := s.Provenance(); p != store.Clean {
			t.Errorf("kill %d: Provenance() = %v", i, p)
		}
		var at uint64
		update(t, s, func(tx *store.Tx) (err error) {
			at, err = position(tx)
			return err
		})
		if at < done || at > max(tried, done) {
			t.Errorf("kill %d: step %d on disk, %d acknowledged, %d begun", i, at, done, tried)
		}
		done = max(done, at)
		if i%20 == 19 {
			if err := s.Check(t.Context()); err != nil {
				t.Errorf("kill %d: %v", i, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("kill %d: close: %v", i, err)
		}
	}
	t.Logf("%d kills, %d steps acknowledged, 0 lost", kills, total)
	if total < kills {
		t.Errorf("only %d steps were acknowledged: the kills come too early", total)
	}
}

// killOnce runs a child for up to 40 ms of work and returns the last step it
// began; done becomes the last one it said was done.
func killOnce(t *testing.T, dir string, done *uint64) (tried uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	// Sometimes while it opens, mostly while it writes.
	early := rand.IntN(8) == 0
	wait := time.Duration(rand.Int64N(int64(40 * time.Millisecond)))
	if early {
		time.AfterFunc(wait, func() { _ = cmd.Process.Kill() })
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		n, _ := strconv.ParseUint(rest, 10, 64)
		switch word {
		case "provenance":
			if rest != "clean" {
				t.Errorf("child found the folder %s", rest)
			}
			if !early {
				time.AfterFunc(wait, func() { _ = cmd.Process.Kill() })
			}
		case "try":
			tried = n
		case "done":
			*done = n
		case "error":
			t.Errorf("child: %s", rest)
		}
	}
	_ = cmd.Wait() // killed
	return tried
}
