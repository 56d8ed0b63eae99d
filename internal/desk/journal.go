package desk

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"hotline/internal/api"
	"hotline/internal/exchange"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/journal"
	"hotline/internal/marking"
	"hotline/internal/store"
	"hotline/internal/wire"
)

// keep makes the keeper of this desk's journal.
func (d *Desk) keep() *journal.Keeper {
	return &journal.Keeper{
		Store: d.store, Suite: d.id.MessageKey.Suite(), Desk: d.id.Self.Desk, Party: d.id.Party, Key: d.id.DeskKey, Log: d.log,
		MayLeave: func(body *wire.Message) error {
			label := d.engine.View().Marking(body.Label)
			if no := d.decide(label, body, marking.Export); no.Verdict != marking.Allow {
				return fault.New(fault.Refused, "That message may not leave in a file: %s", no.Reason)
			}
			return nil
		},
		Changed: func() {
			err := d.engine.Transact(context.Background(), func(b *exchange.Batch) error { return b.Event(exchange.EventDesk, nil) })
			if err != nil {
				d.log.Error("tell screens of the journal", "err", err)
			}
		},
	}
}

// records translates the journal for the doors.
type records struct{ *core }

func (j records) Leaves(ctx context.Context, after uint64, limit int) (out []api.Leaf, err error) {
	err = j.view(ctx, func(tx *store.Tx) error {
		all, err := tx.Journal(int64(after), limit)
		out = out[:0]
		for _, l := range all {
			out = append(out, api.Leaf{
				Seq: uint64(l.Number), At: api.Time{Time: l.At}, Kind: l.Kind, Hash: fmt.Sprintf("%x", l.Hash()),
				Data: fmt.Appendf(nil, `{"bytes":%d,"hex":"%x"}`, len(l.Data), l.Data[:min(len(l.Data), 256)]),
			})
		}
		return err
	})
	return out, err
}

func (j records) JournalStatus(ctx context.Context) (api.JournalStatus, error) {
	var s journal.Status
	err := again(ctx, func() (err error) { s, err = j.keeper.Status(ctx); return err })
	if err != nil {
		return api.JournalStatus{}, err
	}
	out := api.JournalStatus{
		Size: s.Size, Root: hex.EncodeToString(s.Root[:]), Generation: s.Generation, CheckpointAt: at(s.CheckpointAt), Covered: s.Covered,
		VerifiedAt: at(s.VerifiedAt), OK: s.Err == nil, Running: s.Running, Done: s.Done, Of: s.Of,
	}
	if s.Err != nil {
		out.Error = s.Err.Error()
	}
	return out, nil
}

func (j records) Verify(ctx context.Context, signatures bool) (api.JournalStatus, error) {
	err := j.keeper.Verify(ctx, signatures)
	if errors.Is(err, store.ErrDamaged) {
		return api.JournalStatus{}, fault.Wrap(err, fault.Unverified, "The journal does not verify: %s.", err).
			WithHint("nothing more is signed or cleaned away; restore a backup")
	}
	if err != nil {
		return api.JournalStatus{}, err
	}
	if _, err := j.keeper.Checkpoint(ctx); err != nil && !errors.Is(err, journal.ErrNotSettled) {
		return api.JournalStatus{}, err
	}
	return j.JournalStatus(ctx)
}

func (j records) Prove(ctx context.Context, ref string) (api.File, error) {
	m, err := j.find(ctx, ref)
	if err != nil {
		return api.File{}, err
	}
	b, err := j.keeper.Prove(ctx, m.ID)
	return api.File{Name: m.ID.String() + ".evidence.json", File: b}, err
}

func (j records) Export(ctx context.Context, ref string) (api.File, error) {
	id, err := j.core.find(ctx, ref)
	if err != nil {
		return api.File{}, err
	}
	b, left, err := j.keeper.Export(ctx, id)
	return api.File{Name: id.String() + ".evidence.json", File: b, LeftOut: left.Marking, Removed: left.Removed}, err
}

func (j records) NonAnswer(ctx context.Context, ref, party string, text bool) (api.File, error) {
	m, err := j.find(ctx, ref)
	if err != nil {
		return api.File{}, err
	}
	body, err := wire.ParseMessage(m.Body)
	if err != nil {
		return api.File{}, fmt.Errorf("read message %s: %w", m.ID, err)
	}
	id, err := j.silent(body, party)
	if err != nil {
		return api.File{}, err
	}
	b, err := j.keeper.NonAnswer(ctx, m.ID, id, text)
	return api.File{Name: m.ID.String() + ".nonanswer.json", File: b}, err
}

// silent finds the party that a certificate is about: the one named, or the
// only one that has to act.
func (j records) silent(body *wire.Message, name string) (ident.Party, error) {
	v := j.engine.View()
	for _, p := range body.Action {
		if name == "" && len(body.Action) == 1 || name == v.Name(p) || name == p.String() {
			return p, nil
		}
	}
	if name == "" {
		return ident.Party{}, fault.New(fault.Invalid, "That message asks several parties; a certificate is about one.").WithHint("name it: --party NATO")
	}
	return ident.Party{}, fault.New(fault.NotFound, "That message asks nothing of %q.", name)
}

func (j records) find(ctx context.Context, ref string) (m store.Message, err error) {
	err = j.view(ctx, func(tx *store.Tx) (err error) { m, err = messages(j).message(tx, ref); return err })
	return m, err
}
