package desk

import (
	"context"
	"time"

	"hotline/internal/api"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/store"
)

// sayOpened tells the party's other desks that this one was opened. It does
// the same work whichever word opened it.
func (d *Desk) sayOpened(ctx context.Context) error {
	if err := d.book.Opened(ctx, d.duress, time.Now()); err != nil && ctx.Err() == nil {
		d.log.Warn("tell the party's other desks of the start", "err", err)
	}
	<-ctx.Done()
	return nil
}

// duresses lists the alarms about desks of the own party.
func (d *Desk) duresses(tx *store.Tx) ([]api.Alarm, error) {
	all, err := tx.Duresses()
	out := []api.Alarm{}
	for _, x := range all {
		name := d.engine.View().Desk(x.Desk)
		out = append(out, api.Alarm{
			Kind: "duress", At: api.Time{Time: x.HeardAt.UTC()}, DeskID: x.Desk.String(), Desk: name,
			Text: "DURESS: " + name + " was opened with its duress word. Its officer is being coerced. Do not let that desk know; consider cutting it off.",
		})
	}
	return out, err
}

// SettleDuress ends the alarm about the desk of this name or id.
func (s status) SettleDuress(ctx context.Context, ref string) error {
	var id ident.Desk
	err := s.view(ctx, func(tx *store.Tx) error {
		all, err := tx.Duresses()
		for _, x := range all {
			if ref == x.Desk.String() || ref == s.engine.View().Desk(x.Desk) {
				id = x.Desk
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if id == (ident.Desk{}) {
		return fault.New(fault.NotFound, "There is no alarm about a desk %q.", ref).WithHint("hotline desk status shows the alarms")
	}
	o, _ := api.OfficerFrom(ctx)
	return s.book.SettleDuress(ctx, id, o.Name, time.Now())
}
