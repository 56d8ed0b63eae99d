package desk

import (
	"context"
	"slices"
	"time"

	"hotline/internal/api"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/trust"
)

// standing translates what parties state, and charter versions, for the doors.
type standing struct{ *core }

func (s standing) Party(ctx context.Context, ref string) (out api.PartyDetail, err error) {
	err = s.view(ctx, func(tx *store.Tx) error {
		p, err := s.book.Party(tx, ref)
		if err == nil {
			out = s.party(p)
		}
		return err
	})
	return out, err
}

func (s standing) party(p trust.Standing) api.PartyDetail {
	v := s.engine.View()
	root := p.Roster.Root(p.ID)
	out := api.PartyDetail{
		ID: p.ID.String(), Name: p.Name, Self: p.Self, Root: roster.RootID(s.book.Suite, root).String(), Commits: roster.Commits(s.book.Suite, root),
		PairedAt: at(p.PairedAt), How: p.How, State: "paired", Stopped: p.Stopped,
	}
	for _, st := range p.Set.Statements() {
		if st.Rotate != nil {
			out.Rotated++
		}
		out.Statements = append(out.Statements, belonging(s).statement(st))
		if st.Add == nil {
			continue
		}
		id := st.Desk(s.book.Suite)
		out.Desks = append(out.Desks, api.PartyDesk{ID: id.String(), Name: st.Add.Certificate.Name, Role: st.Add.Certificate.Role, State: p.Roster.State(id).String()})
	}
	slices.SortFunc(out.Desks, func(a, b api.PartyDesk) int { return slices.Compare([]string{a.Name, a.ID}, []string{b.Name, b.ID}) })
	out.Desks = slices.CompactFunc(out.Desks, func(a, b api.PartyDesk) bool { return a.ID == b.ID })
	for _, e := range append(p.Roster.Desks(), p.Roster.Dormant()...) {
		out.Delegates = holders(out.Delegates, e.Delegates, e.Certificate.Name)
		out.Custodians = holders(out.Custodians, e.Custodians, e.Certificate.Name)
	}
	if c, ok := p.Roster.Contact(p.ID); ok {
		out.Contact = &api.PartyContact{Role: c.Role, Phone: c.Phone, Email: c.Email, Note: c.Note}
	}
	for _, n := range p.Suspended {
		said := &api.PartySuspension{By: v.Name(n.Author), Reason: n.Reason, At: at(n.Time), Until: at(n.Until), Text: suspensionText(v.Name(n.Author), v.Name(n.Subject), n)}
		if n.Author == s.id.Party || n.Subject == p.ID {
			out.Suspended = said
		} else {
			out.SuspendedByIt = said
		}
	}
	switch {
	case !p.StoppedAt.IsZero():
		out.State = "stopped"
	case p.Roster.Frozen(p.ID):
		out.State = "frozen"
	case out.Suspended != nil || out.SuspendedByIt != nil:
		out.State = "suspended"
	}
	return out
}

func suspensionText(author, subject string, n roster.Notice) string {
	text := author + " sends " + subject + " nothing new"
	if author == subject {
		text = author + " asks to be sent nothing new"
	}
	if !n.Until.IsZero() {
		text += " until " + n.Until.Format("2006-01-02 15:04Z")
	}
	return text + ": " + n.Reason
}

func holders(out []api.PartyHolder, more []roster.Holder, desk string) []api.PartyHolder {
	for _, h := range more {
		i := slices.IndexFunc(out, func(o api.PartyHolder) bool { return o.ID == h.Key.String() })
		if i < 0 {
			i, out = len(out), append(out, api.PartyHolder{ID: h.Key.String(), Name: h.Name})
		}
		out[i].Desks = append(out[i].Desks, desk)
	}
	return out
}

func (s standing) Suspend(ctx context.Context, ref string, in api.SuspendIn) (api.PartyDetail, error) {
	key := func(tx *store.Tx) (k roster.Keeper, err error) {
		all, err := delegates(tx)
		if err != nil {
			return k, err
		}
		if len(all) == 0 {
			return k, fault.New(fault.Refused, "This desk has no delegate key, so it cannot suspend anybody by itself.").
				WithHint("import one: hotline desk delegate import FILE; or sign with a file: hotline party suspend %s --delegate FILE", ref)
		}
		return delegateKey(all[0])
	}
	if _, err := s.book.Suspend(ctx, ref, in.Reason, in.Until.Time, key); err != nil {
		return api.PartyDetail{}, err
	}
	return s.Party(ctx, ref)
}

func (s standing) State(ctx context.Context, raw []byte) (api.TrustStatement, error) {
	st, err := s.book.State(ctx, raw)
	if err != nil {
		return api.TrustStatement{}, err
	}
	return belonging(s).statement(st), nil
}

func (s standing) Versions(ctx context.Context, line string) (out []api.CharterVersion, err error) {
	err = s.view(ctx, func(tx *store.Tx) error {
		all, err := s.book.Versions(tx, line)
		out = out[:0]
		for _, v := range all {
			out = append(out, s.version(v))
		}
		return err
	})
	return out, err
}

func (s standing) version(v trust.Version) api.CharterVersion {
	names := func(all []ident.Party) (out []string) {
		for _, p := range all {
			name := s.engine.View().Name(p)
			if m, ok := v.Offer.Charter.Member(p); ok && name == p.String() {
				name = m.Name
			}
			out = append(out, name)
		}
		return out
	}
	return api.CharterVersion{
		Version: v.Number, Hash: v.Hash.String(), State: v.State, Signed: names(v.Signed), Missing: names(v.Missing), Quorum: v.Quorum,
		CreatedAt: at(v.Created), Text: v.Text, File: v.Offer.Bytes(),
	}
}

func (s standing) Propose(ctx context.Context, line string, c api.CharterChange) (api.CharterVersion, error) {
	v, err := s.book.Propose(ctx, line, trust.Change{
		Name: c.Name, Admit: c.Admit, Remove: c.Remove, Quorum: c.Quorum, Classification: c.Classification, PAP: c.PAP,
		SealKeyPeriod: time.Duration(c.SealKeyPeriodMS) * time.Millisecond, Record: c.Record, Attest: c.Attest,
	})
	if err != nil {
		return api.CharterVersion{}, err
	}
	return s.version(v), nil
}

func (s standing) Sign(ctx context.Context, version []byte) (api.CharterVersion, error) {
	v, err := s.book.Sign(ctx, version)
	if err != nil {
		return api.CharterVersion{}, err
	}
	return s.version(v), nil
}
