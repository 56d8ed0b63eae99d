package desk

import (
	"context"
	"time"

	"hotline/internal/api"
	"hotline/internal/exchange"
)

// checks translates how the records of a line compared.
func (d *Desk) checks(f exchange.RecordFacts) api.TrustChecks {
	v := d.engine.View()
	out := api.TrustChecks{LastAt: at(f.LastAt), Agree: f.Agree, Text: f.Text, Amber: f.Amber}
	for _, k := range f.Desks {
		out.Desks = append(out.Desks, api.TrustCheck{Desk: k.Desk.String(), Name: v.Desk(k.Desk), At: at(k.At), Agree: k.Agree, Text: k.Text})
	}
	for _, p := range f.Alarms {
		out.Alarms = append(out.Alarms, api.TrustAlarm{At: at(p.At), Desk: v.Desk(p.Sender), Kind: p.Kind, Verdict: p.Verdict, Text: p.Text})
	}
	for _, c := range f.Complaints {
		out.Complaints = append(out.Complaints, api.TrustComplaint{
			At: at(c.At), By: v.Desk(c.By), About: v.Desk(c.About), Kind: c.Kind.String(), Proven: c.Proven, Text: c.Text,
		})
	}
	return out
}

func (l lines) Check(ctx context.Context, ref string) (api.TrustChecks, error) {
	id, err := l.find(ctx, ref)
	if err != nil {
		return api.TrustChecks{}, err
	}
	asked := time.Now()
	if err := l.engine.Check(ctx, id); err != nil {
		return api.TrustChecks{}, err
	}
	out, err := l.Checks(ctx, ref)
	out.AskedAt = at(asked)
	return out, err
}

func (l lines) Checks(ctx context.Context, ref string) (api.TrustChecks, error) {
	id, err := l.find(ctx, ref)
	if err != nil {
		return api.TrustChecks{}, err
	}
	f, err := l.engine.Record(ctx, id)
	return l.checks(f), err
}

func (l lines) RenewKeys(ctx context.Context, ref string) (api.Line, error) {
	id, err := l.find(ctx, ref)
	if err == nil {
		err = l.engine.RenewKeys(ctx, id)
	}
	return l.after(ctx)(id, err)
}
