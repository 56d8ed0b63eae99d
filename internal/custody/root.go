// Package custody holds the rules about a party's and a desk's most precious
// keys: where a root lies and how it is used for one signature, how it is
// split among people and put together, how a desk is destroyed.
//
// A root never lies in a desk's folder. It is one sealed file, best on two
// media, or shares of which two together restore it; and it is in memory for
// one signature of a short process, never in a file in clear.
//
// This package is on floor 3.
package custody

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"hotline/internal/fault"
	"hotline/internal/keyring"
	"hotline/internal/roster"
	"hotline/internal/shares"
	"hotline/internal/suite"
)

// Root says where a party's root is to be had.
type Root struct {
	// File is the sealed root. With Shares it is not read, and names only the
	// list of what the root has signed, which lies beside it.
	File string
	// Passphrase is asked for when File is read.
	Passphrase func() ([]byte, error)
	// Shares are files of shares, read in place of File.
	Shares []string
}

// purposeRoot marks a party's root file.
const purposeRoot = "party-root"

// Use opens the root for fn and forgets it again. fn must not keep it.
func (r Root) Use(fn func(Authority) error) error {
	k, err := r.Open()
	if err != nil {
		return err
	}
	defer Forget()
	return fn(k)
}

// Forget gives freed memory back to the system, where keys that were in use
// until now may lie. Go cannot overwrite what a library has copied.
func Forget() {
	runtime.GC()
	debug.FreeOSMemory()
}

// Open reads the root. It matches fs.ErrNotExist when there is no such file.
// [Root.Use] is to be preferred.
func (r Root) Open() (Authority, error) {
	content, err := r.content()
	if err != nil {
		return Authority{}, err
	}
	defer clear(content)
	return parseAuthority(content)
}

// content is what a root file holds, sealed, and what its shares restore: the
// suite's number and the seed.
func (r Root) content() ([]byte, error) {
	if len(r.Shares) > 0 {
		all, err := ReadShares(r.Shares, shares.Root)
		if err != nil {
			return nil, err
		}
		return joinRoot(all)
	}
	if _, err := os.Stat(r.File); errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.NotFound, "There is no root file %s.", r.File).
			WithHint("name it with --root, or bring two shares of it: --share FILE --share FILE")
	}
	passphrase, err := r.Passphrase()
	if err != nil {
		return nil, err
	}
	defer clear(passphrase)
	return keyring.OpenFile(r.File, passphrase, purposeRoot)
}

// joinRoot restores a root from shares and holds it against the party's id
// that they carry: a share that was changed makes another root.
func joinRoot(all []shares.Share) ([]byte, error) {
	content, err := shares.Join(all)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "These shares do not go together: %d different ones of one split are needed.", max(2, int(all[0].Need)))
	}
	k, err := parseAuthority(content)
	if err == nil && owner(k) != all[0].Owner {
		err = errors.New("another party's id")
	}
	if err != nil {
		clear(content)
		return nil, fault.Wrap(err, fault.Unverified, "These shares restore no root of their party: one of them is wrong.")
	}
	return content, nil
}

func owner(k Authority) (o [16]byte) {
	copy(o[:], k.Party[:])
	return o
}

// Keep seals a root into a new file and reads it back.
func Keep(file string, passphrase []byte, k Authority, c keyring.Cost) error {
	content := k.bytes()
	defer clear(content)
	if err := keyring.SealFile(file, passphrase, purposeRoot, content, c); err != nil {
		return err
	}
	back, err := keyring.OpenFile(file, passphrase, purposeRoot)
	defer clear(back)
	if err == nil && !bytes.Equal(back, content) {
		err = errors.New("another content")
	}
	if err != nil {
		return fault.Wrap(err, fault.Unverified, "The root file %s does not read back; use another medium.", file)
	}
	return nil
}

// The list of what a root has signed lies beside its file, in clear: one line
// a statement. Its length is the next number, so two desks of a party never
// get the same one.
func (r Root) list() string { return r.File + ".list" }

// NextNumber returns the number of the root's next statement.
func (r Root) NextNumber() (uint64, error) {
	f, err := os.Open(r.list())
	if errors.Is(err, os.ErrNotExist) {
		return 1, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read list of statements: %w", err)
	}
	defer func() { _ = f.Close() }()
	n := uint64(1)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) != "" {
			n++
		}
	}
	return n, lines.Err()
}

// Record notes a statement in the list, durably. It comes before the statement
// leaves: a number that was lost is a gap, one used twice a contradiction.
func (r Root) Record(st roster.Statement, subject string, v suite.Suite) error {
	f, err := os.OpenFile(r.list(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write list of statements: %w", err)
	}
	_, err = fmt.Fprintf(f, "%d %s %s %s %s\n", st.Number, st.Time.Format(time.RFC3339), st.Type, subject, st.ID(v))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write list of statements: %w", err)
	}
	return nil
}

// Outside refuses a file in the desk's own folder.
func Outside(dir, file string) error {
	abs, err := filepath.Abs(file)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "The file %s cannot be used.", file)
	}
	if rel, err := filepath.Rel(dir, abs); err == nil && !strings.HasPrefix(rel, "..") {
		return fault.New(fault.Invalid, "The root file must lie outside the desk's folder: whoever takes the desk must not get the root.")
	}
	return nil
}
