package desk

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"hotline/internal/api"
	"hotline/internal/exchange"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/store"
	"hotline/internal/trust"
)

// pairings translates ceremonies for the doors.
type pairings struct{ *core }

func pairingOut(p trust.Pairing) api.Pairing {
	out := api.Pairing{
		ID: p.ID, Session: p.Session, Peer: p.Peer, Step: p.Step, Ended: p.Ended, File: p.File, Say: p.Say,
		AttemptsLeft: p.AttemptsLeft, Persons: p.Persons, Again: p.Again, FailedBefore: p.Dead,
		StartedAt: api.Time{Time: p.StartedAt.UTC()}, ExpiresAt: api.Time{Time: p.ExpiresAt.UTC()},
	}
	if p.Party != nil {
		out.Paired, out.Party, out.PartyID = true, p.Party.Name, p.Party.ID.String()
	}
	if r := p.Record; r != nil {
		out.Officer, out.Witness, out.PairedAt = r.Officer, r.Witness, api.Time{Time: r.At.UTC()}
	}
	if at := p.Place; at != nil {
		out.Rendezvous = &api.Rendezvous{Code: at.Code, State: at.State, UntilAt: api.Time{Time: at.Until.UTC()}}
		if !time.Now().Before(at.Until) {
			out.Rendezvous.State = "over"
		}
	}
	return out
}

// by is the officer who asks, with a second one.
func by(ctx context.Context, witness string) trust.By {
	o, _ := api.OfficerFrom(ctx)
	return trust.By{Officer: o.Name, Witness: witness}
}

func (p pairings) Start(ctx context.Context, in api.PairingNew) (api.Pairing, error) {
	m := trust.Meeting{Peer: in.Peer, Again: in.Again}
	if in.Rendezvous {
		relays, err := p.engine.Relays(ctx)
		if err != nil {
			return api.Pairing{}, err
		}
		at, err := meetingRelay(relays)
		if err != nil {
			return api.Pairing{}, err
		}
		if m.Code, err = trust.Draw(at.Addr, at.ID); err != nil {
			return api.Pairing{}, err
		}
	}
	out, err := p.book.Start(ctx, m, by(ctx, ""))
	return p.carried(out, err)
}

// meetingRelay picks the relay for a rendezvous: one where this desk has a
// mailbox, best one that answers.
func meetingRelay(all []exchange.RelayStatus) (best exchange.RelayStatus, err error) {
	for _, r := range all {
		if r.Home && (best.Addr == "" || best.State != link.StateUp) {
			best = r
		}
	}
	if best.Addr == "" {
		return best, fault.New(fault.Unavailable, "This desk has no relay where it could leave something.").
			WithHint("carry the files by hand: hotline pair start without --rendezvous")
	}
	return best, nil
}

func (p pairings) Join(ctx context.Context, in api.PairingCode) (api.Pairing, error) {
	out, err := p.book.Meet(ctx, carrier(p), in.Code, trust.Meeting{Peer: in.Peer, Again: in.Again}, by(ctx, ""))
	return p.carried(out, err)
}

// carried sees to it that somebody carries the files of a pairing.
func (p pairings) carried(out trust.Pairing, err error) (api.Pairing, error) {
	if err == nil && out.Place != nil {
		select {
		case p.porters <- out.ID:
		default: // more than stand open at once cannot be
		}
	}
	return pairingOut(out), err
}

func (p pairings) Answer(ctx context.Context, in api.PairingFile) (api.Pairing, error) {
	out, err := p.book.Answer(ctx, in.File, trust.Meeting{Peer: in.Peer, Again: in.Again}, by(ctx, ""))
	return pairingOut(out), err
}

func (p pairings) Open(ctx context.Context, id string, file []byte) (api.Pairing, error) {
	out, err := p.book.Open(ctx, id, file, by(ctx, ""))
	return pairingOut(out), err
}

func (p pairings) Confirm(ctx context.Context, id string, words []string, witness string) (api.Pairing, error) {
	out, err := p.book.Confirm(ctx, id, words, by(ctx, witness))
	return pairingOut(out), err
}

func (p pairings) Abandon(ctx context.Context, id string) (api.Pairing, error) {
	out, err := p.book.Abandon(ctx, id, by(ctx, ""))
	return pairingOut(out), err
}

func (p pairings) List(ctx context.Context) (out []api.Pairing, err error) {
	err = p.view(ctx, func(tx *store.Tx) error {
		all, err := p.book.List(tx)
		out = out[:0]
		for _, one := range all {
			out = append(out, pairingOut(one))
		}
		return err
	})
	return out, err
}

func (p pairings) Get(ctx context.Context, id string) (out api.Pairing, err error) {
	err = p.view(ctx, func(tx *store.Tx) error {
		one, err := p.book.Get(tx, id)
		out = pairingOut(one)
		return err
	})
	return out, err
}

func (p pairings) Record(ctx context.Context, id string) (out api.File, err error) {
	err = p.view(ctx, func(tx *store.Tx) error {
		r, err := p.book.Record(tx, id)
		out = api.File{Name: "pairing-" + id + ".txt", File: []byte(r.Text)}
		return err
	})
	return out, err
}

func (p pairings) Stop(ctx context.Context, ref, reason, confirm string) (api.Party, error) {
	all, err := status(p).Parties(ctx)
	if err != nil {
		return api.Party{}, err
	}
	for _, one := range all {
		if one.ID != ref && one.Name != ref {
			continue
		}
		if strings.TrimSpace(confirm) != one.Name {
			return one, fault.New(fault.Invalid, "Type the name of the party, %s, to stop its lines.", one.Name)
		}
		if _, err := p.book.StopParty(ctx, one.ID, strings.TrimSpace(reason), by(ctx, "")); err != nil {
			return one, err
		}
		break
	}
	if all, err = status(p).Parties(ctx); err != nil {
		return api.Party{}, err
	}
	for _, one := range all {
		if one.ID == ref || one.Name == ref {
			return one, nil
		}
	}
	return api.Party{}, fault.New(fault.NotFound, "This desk is not paired with %q.", ref)
}

// carrier goes to relays for pairings: with the mailbox key where this desk
// opens a rendezvous, with a key that nobody has seen where it is a guest.
type carrier struct{ *core }

func (c carrier) Relay(ctx context.Context, addr string) (ident.Relay, error) {
	return link.RelayAt(ctx, addr, nil)
}

func (c carrier) config(at trust.Code, own bool) (link.ClientConfig, error) {
	cfg := link.ClientConfig{Addr: at.Addr, Pin: at.Relay, Key: c.id.mailbox, Log: c.log}
	if own {
		return cfg, nil
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return cfg, fmt.Errorf("make key of a guest: %w", err)
	}
	cfg.Key = key
	return cfg, nil
}

func (c carrier) Put(ctx context.Context, at trust.Code, own bool, step uint8, blob []byte) error {
	cfg, err := c.config(at, own)
	if err != nil {
		return err
	}
	return link.MeetPut(ctx, cfg, at.Keys.Slot, step, blob)
}

func (c carrier) Get(ctx context.Context, at trust.Code, step uint8) ([]byte, error) {
	cfg, err := c.config(at, false)
	if err != nil {
		return nil, err
	}
	return link.MeetGet(ctx, cfg, at.Keys.Slot, step)
}

// expireEvery is how often pairings that stand open too long are looked for.
const expireEvery = time.Hour

// carry carries the files of pairings over relays, and ends old pairings.
func (d *Desk) carry(ctx context.Context) error {
	var ids []string
	err := d.view(ctx, func(tx *store.Tx) (err error) { ids, err = d.book.Carried(tx); return err })
	if err != nil {
		return err
	}
	begin := func(id string) {
		go func() {
			if err := d.book.Carry(ctx, carrier{d}, id); err != nil && ctx.Err() == nil {
				d.log.Error("carry files of a pairing", "pairing", id, "err", err)
			}
		}()
	}
	for _, id := range ids {
		begin(id)
	}
	t := time.NewTicker(expireEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case id := <-d.porters:
			begin(id)
		case <-t.C:
			if err := d.book.Expire(ctx); err != nil && !errors.Is(err, context.Canceled) {
				d.log.Error("end old pairings", "err", err)
			}
		}
	}
}
