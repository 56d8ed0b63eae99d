package desk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"hotline/internal/custody"
	"hotline/internal/exchange"
	"hotline/internal/fault"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/suite"
)

// settingDormant marks a spare desk that nobody has activated.
const settingDormant = "desk.dormant"

// activators refuses a spare desk that nobody could activate.
func activators(facts custody.Facts, s suite.Suite) error {
	all, err := facts.Holders(s, roster.Custodian)
	if err != nil {
		return err
	}
	if len(all) < 2 {
		return fault.New(fault.Refused, "A spare desk is activated by two custodians, and this party has %d.", len(all)).
			WithHint("hotline party custodian makes their keys")
	}
	return nil
}

// awake gives a new desk its first seal key, or marks it as dormant: the seal
// key of a spare desk is drawn when it is activated, so that nothing was sealed
// to it in all the years in the safe.
func awake(tx *store.Tx, dormant bool, seal suite.SealKey) error {
	if dormant {
		return tx.PutSetting(settingDormant, []byte{1})
	}
	return exchange.PutSealKey(tx, 1, seal)
}

// isDormant refuses to run a spare desk.
func isDormant(tx *store.Tx) error {
	_, err := tx.Setting(settingDormant)
	if errors.Is(err, store.ErrNone) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read state of desk: %w", err)
	}
	return fault.New(fault.Config, "This is a spare desk, and nobody has activated it.").
		WithHint("two custodians do: hotline desk activate DIR --custodian FILE --custodian FILE")
}

// Activate wakes the spare desk in dir: sign gets the announcement of its first
// seal key and returns the statement of two custodians. Two activations void
// the desk, so the statement is kept here before anybody is told.
func Activate(ctx context.Context, dir string, key []byte, log *slog.Logger, sign func(roster.Announcement) (roster.Statement, error)) (err error) {
	s, err := store.Open(ctx, dir, key, store.Options{Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Update(ctx, func(tx *store.Tx) error {
		id, err := loadIdentity(tx)
		if err != nil {
			return err
		}
		if isDormant(tx) == nil {
			return fault.New(fault.Conflict, "The desk %s is no spare one, or was activated already.", id.DeskName)
		}
		now := time.Now().UTC().Truncate(time.Millisecond)
		seal := id.MessageKey.Suite().NewSealKey()
		first, err := roster.NewAnnouncement(id.DeskKey, roster.Announcement{Desk: id.Self.Desk, Number: 1, Public: seal.Public(), Time: now})
		if err != nil {
			return fmt.Errorf("announce seal key: %w", err)
		}
		st, err := sign(first)
		if err != nil {
			return err
		}
		return errors.Join(
			awake(tx, false, seal),
			tx.DropSetting(settingDormant),
			discard(tx.PutStatement(st.ID(seal.Suite()), st.Author, st.Line, st.Bytes())),
			discard(tx.AppendJournal("desk", now, st.Bytes())),
		)
	})
}
