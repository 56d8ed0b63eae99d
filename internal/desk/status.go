package desk

import (
	"context"
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
)

// status translates the desk's own state for the doors.
type status struct{ *core }

func (s status) Presence(ctx context.Context, p api.Presence) error {
	if p.Sound != "proven" {
		return nil
	}
	var ids []ident.Message
	for _, text := range p.Sounding {
		id, err := ident.ParseMessage(text)
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "An alarm is reported for something that is no message.")
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil
	}
	return s.engine.Alarmed(ctx, ids)
}

func (s status) Desk(ctx context.Context) (api.Desk, error) {
	relays, err := s.engine.Relays(ctx)
	if err != nil {
		return api.Desk{}, err
	}
	now := time.Now().UTC()
	out := api.Desk{
		Party: s.id.PartyName, PartyID: s.id.Party.String(), Desk: s.id.DeskName, DeskID: s.id.Self.Desk.String(),
		Version: s.opts.Version, Now: api.Time{Time: now}, Store: "open", ExpiresAt: api.Time{Time: s.expires.UTC()}, Relays: []api.Relay{}, Alarms: []api.Alarm{},
	}
	keep, _ := s.cfg.Store.Keep() // checked when it was read
	out.Retention.AfterS = int64(keep.Seconds())
	for _, l := range s.engine.View().Lines {
		out.Exercise = out.Exercise || l.State == "open" && l.Charter.Exercise
	}
	err = s.view(ctx, func(tx *store.Tx) (err error) {
		out.Relays = out.Relays[:0]
		if out.Alarms, err = s.duresses(tx); err != nil {
			return err
		}
		if errors.Is(tx.MayClean(), store.ErrDamaged) {
			out.Store = "damaged"
		}
		if out.Counts.AwaitingUs, out.Counts.AwaitingThem, err = tx.Waiting(nil); err != nil {
			return err
		}
		if out.Counts.Queued, err = tx.QueuedMessages(); err != nil {
			return err
		}
		if out.Retention.Removed, err = tx.CountRemoved(); err != nil {
			return err
		}
		for _, r := range relays {
			one := api.Relay{
				ID: r.ID.String(), Addr: r.Addr, State: string(r.State), Since: api.Time{Time: r.Since.UTC()},
				RTTms: r.RTT.Milliseconds(), Error: r.LastError,
			}
			if one.Error == "" && now.Sub(r.RivalAt) < rivalFor {
				one.Error = rivalText
			}
			if r.Since.IsZero() {
				one.Since = api.Time{}
			}
			if one.Waiting, err = tx.WaitingFor(r.ID); err != nil {
				return err
			}
			if skew := r.ClockSkew; skew.Abs() > time.Minute {
				out.Clock = api.Clock{Suspect: true, Text: fmt.Sprintf("differs from the relay's by %s", skew.Abs().Round(time.Second))}
			}
			out.Relays = append(out.Relays, one)
		}
		return nil
	})
	return out, err
}

// rivalFor is how long it is shown that another program came with this desk's
// mailbox key.
const rivalFor = time.Hour

// rivalText names both causes: an officer who knows that the machine lost power
// has nothing to fear, anybody else has.
const rivalText = "another program used this desk's mailbox key: a copy of this desk runs somewhere, unless this machine has just lost power"

func (s status) Parties(ctx context.Context) (out []api.Party, err error) {
	v := s.engine.View()
	err = s.view(ctx, func(tx *store.Tx) error {
		all, err := tx.Parties()
		out = out[:0]
		for _, p := range all {
			one := api.Party{ID: p.ID.String(), Name: p.Name, Self: p.Self, PairedAt: api.Time{Time: p.PairedAt.UTC()}, How: p.How, State: "paired"}
			if !p.StoppedAt.IsZero() {
				one.State, one.Stopped, one.StoppedAt = "stopped", p.Stopped, api.Time{Time: p.StoppedAt.UTC()}
			}
			for _, owner := range v.Owners {
				if owner == p.ID {
					one.Desks++
				}
			}
			out = append(out, one)
		}
		return err
	})
	return out, err
}

func (l lines) get(ctx context.Context, id ident.Line) (api.Line, error) {
	v, ok := l.engine.View().Line(id)
	if !ok {
		return api.Line{}, fault.New(fault.NotFound, "This desk has no such line.")
	}
	return l.line(ctx, v)
}

// line translates one line.
func (d *Desk) line(ctx context.Context, v exchange.LineView) (api.Line, error) {
	names := d.engine.View()
	out := api.Line{
		ID: v.ID.String(), Name: v.Name, State: v.State, Profile: v.Charter.Profile, Exercise: v.Charter.Exercise,
		CreatedAt: api.Time{Time: v.CreatedAt.UTC()},
		Rule:      api.LineRule{Classification: v.Charter.Rule.Classification, PAP: v.Charter.Rule.PAP, REL: []string{}},
	}
	for _, p := range v.Parties {
		out.Rule.REL = append(out.Rule.REL, names.Name(p))
	}
	for _, p := range v.Signed {
		out.Accepted = append(out.Accepted, names.Name(p))
	}
	held, of, err := d.engine.KeyHolders(ctx, v.ID)
	if err != nil {
		return out, err
	}
	out.Keys = api.LineKeys{SealedFor: held, Of: of}
	err = d.view(ctx, func(tx *store.Tx) (err error) {
		if out.AwaitingUs, out.AwaitingThem, err = tx.Waiting(&v.ID); err != nil {
			return err
		}
		heard, err := tx.HeardFrom(v.ID)
		if err != nil {
			return err
		}
		out.Parties = d.lineParties(v, heard)
		out.Alarms, err = d.lineAlarms(tx, v)
		return err
	})
	if err != nil {
		return out, err
	}
	out.Health, err = d.health(ctx, v, out.Parties)
	return out, err
}

func (d *Desk) lineParties(v exchange.LineView, heard map[ident.Desk]time.Time) []api.LineParty {
	names := d.engine.View()
	var out []api.LineParty
	for _, p := range v.Parties {
		one := api.LineParty{ID: p.String(), Name: names.Name(p), Self: p == d.id.Party, Desks: []api.LineDesk{}}
		for _, e := range v.Desks[p] {
			desk := api.LineDesk{ID: e.Desk.String(), Name: e.Certificate.Name, Self: e.Desk == d.id.Self.Desk}
			if at, ok := heard[e.Desk]; ok {
				desk.LastHeardAt = api.Time{Time: at.UTC()}
			}
			one.Desks = append(one.Desks, desk)
		}
		out = append(out, one)
	}
	return out
}

// freshFor is how long what a peer signed is evidence that its desk is up.
const freshFor = time.Hour

// health says how a line stands, and by what evidence. A relay's word alone
// never makes a line "up" (docs/glossary.md).
func (d *Desk) health(ctx context.Context, v exchange.LineView, parties []api.LineParty) (api.Health, error) {
	relays, err := d.engine.Relays(ctx)
	if err != nil {
		return api.Health{}, err
	}
	var up, down []string
	var since time.Time
	for _, r := range relays {
		if r.State == link.StateUp {
			up = append(up, r.Addr)
		} else {
			down = append(down, r.Addr)
			since = r.Since
		}
	}
	if len(up) == 0 && len(down) > 0 {
		h := api.Health{State: "relay_down", Text: "No relay answers: " + strings.Join(down, ", ") + ". Messages wait here."}
		if !since.IsZero() {
			h.Since = api.Time{Time: since.UTC()}
		}
		return h, nil
	}
	silent, last := []string{}, api.Time{}
	for _, p := range parties {
		if p.Self {
			continue
		}
		var heard api.Time
		for _, desk := range p.Desks {
			if desk.LastHeardAt.After(heard.Time) {
				heard = desk.LastHeardAt
			}
		}
		if heard.IsZero() || time.Since(heard.Time) > freshFor {
			silent = append(silent, p.Name)
		}
		if heard.After(last.Time) {
			last = heard
		}
	}
	h := api.Health{LastHeardAt: last, Since: last}
	switch {
	case v.State != "open":
		h.State, h.Text = "unknown", "The line is "+v.State+"."
	case len(silent) == 0:
		h.State, h.Text = "up", "Up. Their desk signed something within the hour."
	case last.IsZero():
		h.State, h.Text = "unknown", "Nothing has come from "+strings.Join(silent, ", ")+" yet."
	default:
		h.State, h.Text = "peer_dark", "Nothing from "+strings.Join(silent, ", ")+" within the hour. Their desk or link is down, or the relay withholds."
	}
	return h, nil
}
