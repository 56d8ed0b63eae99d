package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"hotline/internal/api"
	"hotline/internal/exchange"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// belonging translates who belongs to lines, and cut-offs, for the doors.
type belonging struct{ *core }

// deskNamed finds a desk by id or name. Of two with one name the own party's is
// meant: another party's cannot be cut off here anyway.
func (b belonging) deskNamed(ref string) (id ident.Desk, owner ident.Party, err error) {
	v := b.engine.View()
	found := false
	for d, name := range v.Desks {
		if d.String() != ref && name != ref || found && v.Owners[d] != b.id.Party {
			continue
		}
		id, owner, found = d, v.Owners[d], true
	}
	if !found {
		return id, owner, fault.New(fault.NotFound, "This desk knows no desk %q.", ref).WithHint("hotline line show LINE lists the desks")
	}
	return id, owner, nil
}

func (b belonging) CutOff(ctx context.Context, ref string, in api.CutoffIn) (api.Cutoff, error) {
	v := b.engine.View()
	desk, owner, err := b.deskNamed(ref)
	switch {
	case err != nil:
		return api.Cutoff{}, err
	case owner != b.id.Party:
		return api.Cutoff{}, fault.New(fault.Refused, "%s is a desk of %s; only %s can cut it off.", v.Desk(desk), v.Name(owner), v.Name(owner)).
			WithHint("suspend %s for this party instead: hotline party suspend %s", v.Name(owner), v.Name(owner))
	case in.Confirm != v.Desk(desk):
		return api.Cutoff{}, fault.New(fault.Refused, "Nothing was done: the name that was typed is not the desk's.").WithHint("type %s", v.Desk(desk))
	case v.Removed[desk]:
		return api.Cutoff{}, fault.New(fault.Conflict, "%s is cut off already.", v.Desk(desk)).WithHint("hotline cutoff status %s", v.Desk(desk))
	}
	officer, _ := api.OfficerFrom(ctx)
	err = b.engine.Transact(ctx, func(batch *exchange.Batch) error {
		st, err := b.removal(batch, desk, in)
		if err != nil {
			return err
		}
		return batch.CutOff(st, officer.Name)
	})
	if err != nil {
		return api.Cutoff{}, err
	}
	return b.get(ctx, desk)
}

// removal is the statement that removes a desk: the one that was given, or one
// that a delegate key here signs.
func (b belonging) removal(batch *exchange.Batch, desk ident.Desk, in api.CutoffIn) (roster.Statement, error) {
	if len(in.Statement) == 0 {
		return b.byDelegate(batch, desk, in.Reason)
	}
	st, err := roster.ParseStatement(in.Statement)
	if err != nil {
		return st, fault.Wrap(err, fault.Invalid, "The statement that removes the desk cannot be read.")
	}
	if st.Remove == nil || st.Remove.Desk != desk {
		return st, fault.New(fault.Invalid, "The statement does not remove that desk.")
	}
	return st, nil
}

func (b belonging) Cutoffs(ctx context.Context) (out []api.Cutoff, err error) {
	err = b.view(ctx, func(tx *store.Tx) error {
		all, err := b.engine.Cutoffs(tx)
		out = out[:0]
		for _, c := range all {
			out = append(out, b.show(c))
		}
		return err
	})
	return out, err
}

func (b belonging) Cutoff(ctx context.Context, ref string) (out api.Cutoff, err error) {
	all, err := b.Cutoffs(ctx)
	if err != nil {
		return out, err
	}
	for _, c := range all {
		if c.ID == ref || c.Desk == ref || c.DeskName == ref {
			return c, nil
		}
	}
	return out, fault.New(fault.NotFound, "No desk %q is cut off.", ref).WithHint("hotline cutoff status lists them")
}

func (b belonging) get(ctx context.Context, desk ident.Desk) (out api.Cutoff, err error) {
	err = b.view(ctx, func(tx *store.Tx) error {
		c, err := b.engine.Cutoff(tx, desk)
		out = b.show(c)
		return err
	})
	return out, err
}

func (b belonging) show(c exchange.Cutoff) api.Cutoff {
	v := b.engine.View()
	out := api.Cutoff{
		ID: c.Statement.String(), Desk: c.Desk.String(), DeskName: c.Name, Party: v.Name(c.Party), By: c.Officer,
		At: api.Time{Time: c.At.UTC()}, Reason: c.Reason, Confirmed: len(c.Confirmed), Of: len(c.Confirmed) + len(c.Unconfirmed),
		Unconfirmed: []string{}, Alarm: c.Alarm, Late: c.Late,
	}
	if out.By == "" {
		out.By = v.Name(c.Party)
	}
	for _, d := range c.Unconfirmed {
		out.Unconfirmed = append(out.Unconfirmed, v.Desk(d))
	}
	return out
}

// cutoffEvent is the state of a cut-off for the stream.
func (b belonging) cutoffEvent(ctx context.Context, ref []byte) (json.RawMessage, error) {
	var desk ident.Desk
	copy(desk[:], ref)
	c, err := b.get(ctx, desk)
	if fault.Is(err, fault.NotFound) {
		return nil, store.ErrNone // a confirmation that came before the removal
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(api.CutoffData{Cutoff: c})
}

func (b belonging) LineTrust(ctx context.Context, ref string) (api.LineTrust, error) {
	id, err := b.find(ctx, ref)
	if err != nil {
		return api.LineTrust{}, err
	}
	f, err := b.engine.Facts(ctx, id)
	if err != nil {
		return api.LineTrust{}, err
	}
	out := api.LineTrust{
		Line: id.String(), Charter: api.TrustCharter{Record: "attributable", Quorum: int(f.Charter.Quorum)},
	}
	versions, err := standing(b).Versions(ctx, id.String())
	if err != nil {
		return api.LineTrust{}, err
	}
	for _, v := range versions {
		takeVersion(&out.Charter, v)
	}
	record, err := b.engine.Record(ctx, id)
	if err != nil {
		return api.LineTrust{}, err
	}
	out.Checks = b.checks(record)
	on := map[string]bool{}
	for _, d := range f.Desks {
		one := b.trustDesk(d)
		one.AttestedAt = at(record.Attested[d.Desk])
		if age, ok := record.SealAge[d.Desk]; ok {
			one.SealKey.AgeS, one.SealKey.Amber = int64(age.Seconds()), record.SealAmber[d.Desk]
		}
		on[one.ID] = one.State == "removed"
		out.Desks = append(out.Desks, one)
	}
	for _, st := range f.Statements {
		out.Statements = append(out.Statements, b.statement(st))
	}
	cutoffs, err := b.Cutoffs(ctx)
	for _, c := range cutoffs {
		if on[c.Desk] {
			out.Cutoffs = append(out.Cutoffs, c)
		}
	}
	return out, err
}

// takeVersion shows the version in force, and says what waits or competes.
func takeVersion(c *api.TrustCharter, v api.CharterVersion) {
	switch v.State {
	case "current":
		c.Version, c.Hash, c.Signed = int(v.Version), v.Hash, v.Signed
	case "pending":
		c.Pending = append(c.Pending, fmt.Sprintf("Version %d waits for %s: %s", v.Version, strings.Join(v.Missing, ", "), strings.Join(v.Text, " ")))
	case "competing":
		c.Pending = append(c.Pending, fmt.Sprintf("Version %d competes with another one, and neither is in force until one names both: %s", v.Version, strings.Join(v.Text, " ")))
	}
}

func (b belonging) trustDesk(d exchange.DeskFacts) api.TrustDesk {
	names := []string{}
	for _, h := range d.Delegates {
		names = append(names, h.Name)
	}
	out := api.TrustDesk{
		Delegates: names,
		ID:        d.Desk.String(), Name: d.Certificate.Name, Party: b.engine.View().Name(d.Party), Self: d.Desk == b.id.Self.Desk,
		Role: d.Certificate.Role, State: d.State, ExpiresAt: at(d.Certificate.NotAfter), AddedAt: at(d.Added),
		HoldsMyKey: d.Key, Roster: d.Roster, LastHeardAt: at(d.Heard), RosterAt: at(d.Heard),
	}
	if d.Seal.Number > 0 {
		out.SealKey = api.TrustSealKey{Number: d.Seal.Number, AgeS: max(0, int64(time.Since(d.Seal.Time).Seconds())), Amber: d.Amber}
	}
	return out
}

// at is a time of the rules for the doors; zero stays zero.
func at(t time.Time) api.Time {
	if t.IsZero() {
		return api.Time{}
	}
	return api.Time{Time: t.UTC()}
}
