package custody

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/shares"
)

// maxShareFile bounds what is read of a share's file.
const maxShareFile = 8 << 10

// ReadShares reads shares out of files, each of the same purpose.
func ReadShares(names []string, want shares.Purpose) (all []shares.Share, err error) {
	for _, name := range names {
		s, err := readShare(name)
		if err != nil {
			return nil, err
		}
		if s.Purpose != want {
			return nil, fault.New(fault.Invalid, "The share in %s is of another kind: a share of a root and one of a desk are not the same.", name)
		}
		all = append(all, s)
	}
	return all, nil
}

func readShare(name string) (s shares.Share, err error) {
	f, err := os.Open(name)
	if err != nil {
		return s, fault.Wrap(err, fault.Invalid, "The share %s cannot be read.", name)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxShareFile))
	if err != nil {
		return s, fault.Wrap(err, fault.Invalid, "The share %s cannot be read.", name)
	}
	defer clear(b)
	if s, err = shares.Parse(string(b)); err != nil {
		return s, fault.Wrap(err, fault.Invalid, "The file %s holds no share, or one that was mistyped.", name).
			WithHint("it begins with share1; blanks and capitals do not matter")
	}
	return s, nil
}

// WriteShares writes each share to a file of its own, readable by this user
// alone, named in front of the number: "JPN-1.share-1". All are read back, and
// each two of them are put together by the caller's check, before it returns.
// On an error none is left.
func WriteShares(base, what string, all []shares.Share, check func([]shares.Share) error) (names []string, err error) {
	defer func() {
		if err != nil {
			for _, n := range names {
				err = errors.Join(err, os.Remove(n))
			}
			names = nil
		}
	}()
	for _, s := range all {
		name := fmt.Sprintf("%s.share-%d", base, s.X)
		if err := writeShare(name, what, s); err != nil {
			return names, err
		}
		names = append(names, name)
	}
	back, err := ReadShares(names, all[0].Purpose)
	if err != nil {
		return names, err
	}
	for i := range back {
		var some []shares.Share
		for k := range int(back[i].Need) {
			some = append(some, back[(i+k)%len(back)])
		}
		if err := check(some); err != nil {
			return names, err
		}
	}
	return names, nil
}

func writeShare(name, what string, s shares.Share) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fault.Wrap(err, fault.Conflict, "There is a file %s already; it is never overwritten.", name)
	}
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "The share %s cannot be written.", name)
	}
	_, err = fmt.Fprintf(f, "Share %d of %d of %s.\nAny %d of them restore it; fewer say nothing about it. Keep this one alone.\n\n%s", s.X, s.Of, what, s.Need, s.Text())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fault.Wrap(err, fault.Invalid, "The share %s cannot be written.", name), os.Remove(name))
	}
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Split writes of shares of the root into files beside base; any need of them
// restore it. Each neighbouring set was put together once before it returns.
func (r Root) Split(base, party string, need, of int) (id ident.Party, names []string, err error) {
	content, err := r.content()
	if err != nil {
		return id, nil, err
	}
	defer clear(content)
	k, err := parseAuthority(content)
	if err != nil {
		return id, nil, err
	}
	defer Forget()
	id = k.Party
	all, err := shares.Split(shares.Root, owner(k), content, need, of)
	if err != nil {
		return id, nil, fault.Wrap(err, fault.Invalid, "%d of %d shares cannot be; at least 2 are needed, of at most %d.", need, of, shares.MaxShares)
	}
	names, err = WriteShares(base, fmt.Sprintf("the root of %s\n(%s)", party, id), all, func(some []shares.Share) error {
		b, err := joinRoot(some)
		clear(b)
		return err
	})
	for _, s := range all {
		s.Clear()
	}
	return id, names, err
}
