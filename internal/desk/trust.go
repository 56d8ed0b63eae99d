package desk

import (
	"context"

	"hotline/internal/api"
	"hotline/internal/ident"
	"hotline/internal/store"
	"hotline/internal/trust"
)

// joining translates the ways of desks onto lines.
type joining struct{ *core }

func (j joining) Card(ctx context.Context) (out api.File, err error) {
	err = j.view(ctx, func(tx *store.Tx) error {
		c, err := j.book.Card(tx)
		out = api.File{Name: j.id.DeskName + ".card", File: c.Bytes()}
		return err
	})
	return out, err
}

func (j joining) AddDesk(ctx context.Context, ref string, card []byte) (api.File, error) {
	pack, err := j.book.AddDesk(ctx, ref, card)
	return api.File{Name: "line.pack", File: pack}, err
}

func (j joining) Join(ctx context.Context, pack []byte) (api.Line, error) {
	id, err := j.book.Join(ctx, pack)
	if err != nil {
		return api.Line{}, err
	}
	return lines(j).get(ctx, id)
}

// lines translates lines for the doors.
type lines struct{ *core }

func (l lines) Create(ctx context.Context, in api.LineNew) (api.Line, error) {
	return l.after(ctx)(l.book.Create(ctx, trust.Terms{
		Name: in.Name, Parties: in.Parties, Exercise: in.Exercise, Classification: in.Classification, PAP: in.PAP,
		Record: in.Record, Attest: in.Attest,
	}))
}

func (l lines) Accept(ctx context.Context, ref string) (api.Line, error) {
	return l.after(ctx)(l.book.Accept(ctx, ref))
}

func (l lines) Leave(ctx context.Context, ref string) (api.Line, error) {
	return l.after(ctx)(l.book.Leave(ctx, ref))
}

// after shows the line that an act was about.
func (l lines) after(ctx context.Context) func(id ident.Line, err error) (api.Line, error) {
	return func(id ident.Line, err error) (api.Line, error) {
		if err != nil {
			return api.Line{}, err
		}
		return l.get(ctx, id)
	}
}

func (l lines) Get(ctx context.Context, ref string) (api.Line, error) {
	id, err := l.find(ctx, ref)
	if err != nil {
		return api.Line{}, err
	}
	return l.get(ctx, id)
}

// find resolves a name, id or beginning of an id.
func (d *Desk) find(ctx context.Context, ref string) (id ident.Line, err error) {
	err = d.view(ctx, func(tx *store.Tx) error {
		row, err := trust.Line(tx, ref)
		id = row.ID
		return err
	})
	return id, err
}

func (l lines) List(ctx context.Context) ([]api.Line, error) {
	out := []api.Line{}
	for _, v := range l.engine.View().Lines {
		one, err := l.line(ctx, v)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}
