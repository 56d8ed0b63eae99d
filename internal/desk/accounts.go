package desk

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"hotline/internal/api"
	"hotline/internal/console"
	"hotline/internal/fault"
	"hotline/internal/keyring"
	"hotline/internal/store"
)

// accounts backs the console's sign-in with the desk's store.
type accounts struct{ *core }

func officerErr(err error) error {
	if errors.Is(err, store.ErrNone) {
		return console.ErrNoOfficer
	}
	return err
}

func (a accounts) Officer(ctx context.Context, name string) (o console.Officer, err error) {
	err = a.view(ctx, func(tx *store.Tx) error {
		row, err := tx.Officer(name)
		o = console.Officer{Name: row.Name, Role: row.Role, Password: string(row.Password)}
		return err
	})
	return o, officerErr(err)
}

func (a accounts) Link(ctx context.Context, hash [32]byte, now time.Time) (o console.Officer, err error) {
	err = a.view(ctx, func(tx *store.Tx) error { o, err = linkOfficer(tx, hash, now); return err })
	return o, officerErr(err)
}

func linkOfficer(tx *store.Tx, hash [32]byte, now time.Time) (console.Officer, error) {
	l, err := tx.LoginLink(hash[:])
	if err != nil {
		return console.Officer{}, err
	}
	if !now.Before(l.ExpiresAt) {
		return console.Officer{}, store.ErrNone
	}
	o := console.Officer{Name: l.Officer, Role: l.Role}
	row, err := tx.Officer(l.Officer)
	if err == nil {
		o.Password = string(row.Password)
	} else if !errors.Is(err, store.ErrNone) {
		return o, err
	}
	return o, nil
}

func (a accounts) UseLink(ctx context.Context, hash [32]byte, password string, now time.Time) (o console.Officer, err error) {
	err = a.store.Update(ctx, func(tx *store.Tx) error {
		if o, err = linkOfficer(tx, hash, now); err != nil {
			return err
		}
		if err := tx.DropLoginLink(hash[:]); err != nil {
			return err
		}
		o.Password = password
		return tx.PutOfficer(store.Officer{Name: o.Name, Role: o.Role, Password: []byte(password)})
	})
	return o, officerErr(err)
}

func (a accounts) Record(ctx context.Context, e console.SignIn) {
	data, err := json.Marshal(map[string]string{"act": e.Act, "officer": e.Officer})
	if err == nil {
		err = a.store.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.AppendJournal("sign-in", e.At, data)
			return err
		})
	}
	if err != nil {
		a.log.ErrorContext(ctx, "journal sign-in", "act", e.Act, "err", err)
	}
}

// vouching asks an officer's password again.
type vouching struct{ *core }

func (v vouching) Vouch(ctx context.Context, name, password string) (api.Officer, error) {
	o, err := v.vouch.Check(ctx, name, password)
	return api.Officer{Name: o.Name, Role: api.Role(o.Role)}, err
}

// sessions backs signed-in sessions with the desk's store.
type sessions struct{ *core }

func (s sessions) Find(ctx context.Context, token string) (data []byte, ok bool, err error) {
	err = s.view(ctx, func(tx *store.Tx) (err error) { data, err = tx.Session(token, time.Now()); return err })
	if errors.Is(err, store.ErrNone) {
		return nil, false, nil
	}
	return data, err == nil, err
}

func (s sessions) Commit(ctx context.Context, token string, data []byte, expiry time.Time) error {
	return s.store.Update(ctx, func(tx *store.Tx) error { return tx.PutSession(token, data, expiry) })
}

func (s sessions) Delete(ctx context.Context, token string) error {
	return s.store.Update(ctx, func(tx *store.Tx) error { return tx.DropSession(token) })
}

// answers remembers what idempotent requests were answered.
type answers struct{ *core }

func answerKey(scope, key string) string {
	sum := sha256.Sum256([]byte(scope + "\x00" + key))
	return fmt.Sprintf("%x", sum)
}

func (a answers) Recall(ctx context.Context, scope, key string) (out api.Answer, ok bool, err error) {
	err = a.view(ctx, func(tx *store.Tx) error {
		row, err := tx.Answer(answerKey(scope, key))
		if err != nil {
			return err
		}
		out.Status = row.Status
		if n := copy(out.Request[:], row.Body); n == len(out.Request) {
			out.Body = row.Body[n:]
		}
		return nil
	})
	if errors.Is(err, store.ErrNone) {
		return out, false, nil
	}
	return out, err == nil, err
}

func (a answers) Keep(ctx context.Context, scope, key string, in api.Answer) error {
	return a.store.Update(ctx, func(tx *store.Tx) error {
		body := append(in.Request[:], in.Body...)
		return tx.PutAnswer(store.Answer{Key: answerKey(scope, key), Status: in.Status, Body: body}, time.Now())
	})
}

// keeper is what a person on the desk's own machine may ask.
type keeper struct{ *core }

func (c keeper) Backup(ctx context.Context, path string) (api.Backup, error) {
	if !filepath.IsAbs(path) {
		return api.Backup{}, fault.New(fault.Invalid, "The backup needs an absolute path.")
	}
	if err := c.store.Backup(ctx, path); err != nil {
		if errors.Is(err, os.ErrExist) {
			return api.Backup{}, fault.Wrap(err, fault.Conflict, "%s exists; a backup replaces nothing.", path)
		}
		if _, bad := errors.AsType[*os.PathError](err); bad {
			return api.Backup{}, fault.Wrap(err, fault.Invalid, "The backup cannot be written to %s.", path).
				WithHint("does the folder exist, and may this desk write there?")
		}
		return api.Backup{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return api.Backup{}, fmt.Errorf("measure backup: %w", err)
	}
	return api.Backup{Path: path, Bytes: info.Size()}, nil
}

// Zeroize destroys the slots before it answers, and the rest when all parts of
// the desk have stopped.
func (c keeper) Zeroize(_ context.Context, confirm string) error {
	if confirm != c.id.DeskName {
		return fault.New(fault.Refused, "This desk has another name; nothing was destroyed.")
	}
	if err := keyring.Destroy(c.opts.Dir); err != nil {
		return err
	}
	c.log.Error("this desk is being destroyed")
	c.destroy.Do(func() { close(c.destroyed) })
	return nil
}

func (c keeper) SignInLink(ctx context.Context, officer string) (api.SignInLink, error) {
	base := c.Console()
	if base == "" {
		return api.SignInLink{}, fault.New(fault.Unavailable, "This desk runs without a console.").WithHint("set console.listen in desk.toml")
	}
	if officer == "" {
		officer = FirstOfficer
	}
	if len(officer) > 64 {
		return api.SignInLink{}, fault.New(fault.Invalid, "An officer's name has at most 64 bytes.")
	}
	secret := console.NewLink()
	hash := console.LinkHash(secret)
	l := store.LoginLink{Hash: hash[:], Officer: officer, Role: string(api.Operator), ExpiresAt: time.Now().Add(console.LinkLife)}
	err := c.store.Update(ctx, func(tx *store.Tx) error {
		if o, err := tx.Officer(officer); err == nil {
			l.Role = o.Role
		} else if !errors.Is(err, store.ErrNone) {
			return err
		}
		if _, err := tx.AppendJournal("sign-in-link", time.Now(), []byte(officer)); err != nil {
			return err
		}
		return tx.PutLoginLink(l)
	})
	if err != nil {
		return api.SignInLink{}, fmt.Errorf("make sign-in link: %w", err)
	}
	return api.SignInLink{URL: console.LinkURL(base, secret), ExpiresAt: api.Time{Time: l.ExpiresAt.UTC()}}, nil
}
