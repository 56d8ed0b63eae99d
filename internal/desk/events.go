package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"hotline/internal/api"
	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/store"
)

// events translates the desk's ring for the stream. The ring holds which thing
// changed; what is sent is that thing as it is now, so that applying an event
// late or twice is harmless.
type events struct{ *core }

func (e events) Changed() <-chan struct{} { return e.engine.Changed() }

func (e events) After(ctx context.Context, after uint64, limit int) ([]api.Event, bool, error) {
	var rows []store.Event
	whole := false
	err := e.view(ctx, func(tx *store.Tx) (err error) {
		rows, whole, err = tx.Events(int64(after), limit)
		return err
	})
	if err != nil || !whole {
		return nil, false, err
	}
	// Of several changes of one thing only the last is worth sending.
	last := map[string]int{}
	for i, r := range rows {
		last[eventKey(r)] = i
	}
	out := []api.Event{}
	for i, r := range rows {
		if last[eventKey(r)] != i {
			continue
		}
		data, err := e.data(ctx, r)
		if errors.Is(err, store.ErrNone) {
			continue
		}
		if err != nil {
			return nil, false, err
		}
		out = append(out, api.Event{ID: uint64(r.ID), Kind: r.Kind, Data: data})
	}
	return out, true, nil
}

// eventKey names the thing of an event; an alarm is never folded into a
// quieter change.
func eventKey(r store.Event) string {
	if r.Kind == exchange.EventDesk {
		return r.Kind
	}
	return r.Kind + string(r.Data)
}

func (e events) data(ctx context.Context, r store.Event) (json.RawMessage, error) {
	switch r.Kind {
	case exchange.EventMessage, exchange.EventAlarm, exchange.EventLadder:
		var id ident.Message
		copy(id[:], r.Data)
		var out api.MessageData
		err := e.view(ctx, func(tx *store.Tx) error {
			row, err := tx.Message(id)
			if err != nil {
				return err
			}
			out.Message, err = e.show(tx, row)
			return err
		})
		if err != nil {
			return nil, err
		}
		out.Message = out.Message.Filled()
		return json.Marshal(out)
	case exchange.EventLine:
		var id ident.Line
		copy(id[:], r.Data)
		v, ok := e.engine.View().Line(id)
		if !ok {
			return nil, store.ErrNone
		}
		l, err := e.line(ctx, v)
		if err != nil {
			return nil, err
		}
		return json.Marshal(api.LineData{Line: l})
	case exchange.EventCutoff:
		return belonging(e).cutoffEvent(ctx, r.Data)
	case exchange.EventDesk:
		d, err := status(e).desk(ctx)
		if err != nil {
			return nil, err
		}
		return json.Marshal(api.DeskData{Desk: d})
	default:
		return json.RawMessage(`{}`), nil
	}
}

// desk is the desk's state for the officer who asks.
func (s status) desk(ctx context.Context) (api.Desk, error) {
	d, err := s.Desk(ctx)
	if o, ok := api.OfficerFrom(ctx); ok {
		d.Officer, d.Role = o.Name, string(o.Role)
	}
	return d, err
}

// recent is how many of the newest messages a snapshot holds.
const recent = 100

func (e events) Snapshot(ctx context.Context) (api.Event, error) {
	var head int64
	// The head is read first: what happens after it comes again as an event.
	err := e.view(ctx, func(tx *store.Tx) (err error) { head, err = tx.LastEvent(); return err })
	if err != nil {
		return api.Event{}, err
	}
	var s api.Snapshot
	if s.Desk, err = status(e).desk(ctx); err != nil {
		return api.Event{}, err
	}
	if s.Lines, err = lines(e).List(ctx); err != nil {
		return api.Event{}, err
	}
	seen := map[string]bool{}
	for _, q := range []api.MessageQuery{{Waiting: "us", Limit: api.MaxPage}, {Waiting: "them", Limit: api.MaxPage}, {Limit: recent}} {
		all, err := messages(e).List(ctx, q)
		if err != nil {
			return api.Event{}, err
		}
		for _, m := range all {
			if !seen[m.ID] {
				seen[m.ID] = true
				s.Messages = append(s.Messages, m.Filled())
			}
		}
	}
	data, err := json.Marshal(s)
	if err != nil {
		return api.Event{}, fmt.Errorf("encode snapshot: %w", err)
	}
	return api.Event{ID: uint64(head), Kind: "snapshot", Data: data}, nil
}
