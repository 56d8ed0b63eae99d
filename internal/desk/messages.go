package desk

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"hotline/internal/api"
	"hotline/internal/dtg"
	"hotline/internal/exchange"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/marking"
	"hotline/internal/pack"
	"hotline/internal/stix"
	"hotline/internal/store"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

// messages translates traffic for the doors.
type messages struct{ *core }

// message finds a message by id, by a unique beginning of it, or by serial.
func (m messages) message(tx *store.Tx, ref string) (store.Message, error) {
	if id, err := ident.ParseMessage(ref); err == nil {
		row, err := tx.Message(id)
		if errors.Is(err, store.ErrNone) {
			return row, noMessage(ref)
		}
		return row, err
	}
	if from, to, ok := prefixRange(ref); ok {
		all, err := tx.MessagesLike(from, to)
		if err != nil {
			return store.Message{}, err
		}
		return onlyOne(all, ref)
	}
	if strings.Contains(ref, "/") {
		all, err := tx.Messages(store.MessageFilter{Limit: 1000})
		if err != nil {
			return store.Message{}, err
		}
		var hits []store.Message // a serial counts on one line, for one audience
		for _, row := range all {
			if body, err := wire.ParseMessage(row.Body); err == nil && body.Serial == ref {
				hits = append(hits, row)
			}
		}
		return onlyOne(hits, ref)
	}
	return store.Message{}, noMessage(ref)
}

// onlyOne refuses to guess: what is acknowledged by mistake is acknowledged.
func onlyOne(hits []store.Message, ref string) (store.Message, error) {
	switch len(hits) {
	case 0:
		return store.Message{}, noMessage(ref)
	case 1:
		return hits[0], nil
	}
	return store.Message{}, fault.New(fault.Invalid, "%q fits more than one message.", ref).
		WithHint("give the id instead, such as %s", hits[0].ID)
}

func noMessage(ref string) error {
	return fault.New(fault.NotFound, "This desk has no message %q.", ref).WithHint("hotline inbox shows what there is")
}

// prefixRange returns the ids that begin with a text of at least eight letters.
func prefixRange(ref string) (from, to ident.Message, ok bool) {
	full := len(ident.Message{}.String())
	if !strings.HasPrefix(ref, "msg1") || len(ref) < 8 || len(ref) >= full {
		return from, to, false
	}
	pad := func(c string) string { return ref + strings.Repeat(c, full-len(ref)-1) }
	// The last letter carries two bits: a, q or the like are its only forms.
	low, err := ident.ParseMessage(pad("a") + "a")
	if err != nil {
		return from, to, false
	}
	for _, last := range "4" + "yi" {
		if high, err := ident.ParseMessage(pad("7") + string(last)); err == nil {
			return low, high, true
		}
	}
	return low, low, false
}

func (m messages) List(ctx context.Context, q api.MessageQuery) (out []api.Message, err error) {
	f := store.MessageFilter{Limit: q.Limit}
	if q.Line != "" {
		id, err := m.find(ctx, q.Line)
		if err != nil {
			return nil, err
		}
		f.Line = &id
	}
	switch {
	case q.Waiting != "":
		f.Waiting = true
		f.Outgoing = new(q.Waiting == "them")
	case q.Box != "":
		f.Outgoing = new(q.Box == "out")
	}
	var rows []store.Message
	err = m.view(ctx, func(tx *store.Tx) error {
		if q.After != "" {
			row, err := m.message(tx, q.After)
			if err != nil {
				return err
			}
			f.Before = row.Seq
		}
		rows, err = tx.Messages(f)
		return err
	})
	if err != nil {
		return nil, err
	}
	for page := range slices.Chunk(rows, showPage) {
		var shown []api.Message
		err = m.view(ctx, func(tx *store.Tx) error {
			shown = shown[:0]
			for _, row := range page {
				one, err := m.show(tx, row)
				if err != nil {
					return err
				}
				shown = append(shown, one)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		out = append(out, shown...)
	}
	return out, nil
}

func (m messages) Get(ctx context.Context, ref string) (out api.Message, err error) {
	err = m.view(ctx, func(tx *store.Tx) error {
		row, err := m.message(tx, ref)
		if err != nil {
			return err
		}
		out, err = m.show(tx, row)
		return err
	})
	if err == nil && out.STIX != nil && out.STIX.State == "whole" && len(out.STIX.Summary) == 0 {
		m.summarise(ctx, &out)
	}
	return out, err
}

// show translates one message with its ladder.
func (d *Desk) show(tx *store.Tx, row store.Message) (api.Message, error) {
	v := d.engine.View()
	body, err := wire.ParseMessage(row.Body)
	if err != nil {
		return api.Message{}, fmt.Errorf("read message %s: %w", row.ID, err)
	}
	line, _ := v.Line(row.Line)
	out := api.Message{
		ID: row.ID.String(), Line: row.Line.String(), LineName: line.Name, Direction: "in", From: v.Name(row.Party), FromDesk: v.Desk(row.Desk),
		To: []string{}, Serial: body.Serial, Kind: body.Kind.String(), Status: body.Status.String(), ExerciseName: body.Exercise,
		Precedence: row.Precedence.String(), DTG: dtg.Format(body.DTG()), DTGAt: api.Time{Time: body.DTG()},
		DTGSuspect: dtg.Suspect(body.DTG(), time.Time{}, row.CommittedAt), CommittedAt: api.Time{Time: row.CommittedAt.UTC()},
		Subject: body.Subject, Language: body.Language, Text: plainText(body), AckRequired: body.AckWanted.String(),
		AckDueAt: api.Time{Time: row.DueAt.UTC()}, Escalation: row.Step, Actions: []string{},
	}
	if row.DueAt.IsZero() {
		out.AckDueAt = api.Time{}
	}
	if !row.OpenedAt.IsZero() {
		out.OpenedAt = api.Time{Time: row.OpenedAt.UTC()}
	}
	if !row.RemovedAt.IsZero() {
		out.RemovedAt = api.Time{Time: row.RemovedAt.UTC()}
	}
	if row.Outgoing {
		out.Direction = "out"
	}
	if body.ReplyTo != (ident.Message{}) {
		out.Reference = body.ReplyTo.String()
	}
	for _, p := range append(body.Action, body.Info...) {
		out.To = append(out.To, v.Name(p))
	}
	label := v.Marking(body.Label)
	slices.Sort(label.REL.Parties) // the wire sorts by id, which means nothing to a reader
	f := label.Fields()
	out.Label = api.Label{Classification: f.Classification, TLP: f.TLP, PAP: f.PAP, REL: f.REL, Caveats: f.Caveats, Text: label.String()}
	out.Overdue = row.SettledAt.IsZero() && !row.DueAt.IsZero() && time.Now().After(row.DueAt)
	if no := d.decide(label, body, marking.Console); no.Verdict != marking.Allow {
		out.Subject, out.Text = "", "["+no.Reason+"]"
	}
	if out.Attested, err = tx.Attested(row.ID); err != nil {
		return out, fmt.Errorf("read attestation of %s: %w", row.ID, err)
	}
	ladder, err := tx.Ladder(row.ID)
	if err != nil {
		return out, fmt.Errorf("read ladder of %s: %w", row.ID, err)
	}
	d.climb(&out, row, ladder, append(slices.Clone(body.Action), body.Info...), line.State == "open")
	return out, d.attachment(tx, &out, row, body)
}

// decide asks the one marking function whether what this desk holds may leave
// by a door of its own party.
func (d *Desk) decide(l marking.Label, body *wire.Message, door marking.Door) marking.Decision {
	return marking.Decide(l, marking.Subject{
		Parties: []string{d.id.PartyName}, InAudience: true, Addressed: true, Ceiling: marking.Unclassified,
		Action: marking.Passive, Actual: body.Status == traffic.Actual, At: time.Now(),
	}, door)
}

// plainText is the text of a message, or what stands in its place.
func plainText(body *wire.Message) string {
	text, err := pack.Unpack(body.Text, body.Dictionary, wire.MaxText)
	if err != nil {
		return "[This text was packed with a dictionary that this desk does not have.]"
	}
	if wire.CheckText(string(text)) != nil {
		return "[This text holds what a text may not hold.]"
	}
	return string(text)
}

// attachment shows the state of a message's bundle.
func (d *Desk) attachment(tx *store.Tx, out *api.Message, row store.Message, body *wire.Message) error {
	for i, f := range body.Files {
		if f.Purpose != wire.STIX {
			continue
		}
		x := &api.STIX{Name: f.Name, Size: int64(f.Size), SHA256: fmt.Sprintf("%x", f.SHA256), State: "waiting", Summary: []api.Count{}}
		out.STIX = x
		files, err := tx.FilesOf(row.ID)
		if err != nil {
			return fmt.Errorf("list files of %s: %w", row.ID, err)
		}
		if i < len(files) && files[i].State == "broken" {
			x.State = "none"
			return nil
		}
		have, whole := d.engine.Progress(f)
		if row.Outgoing {
			have, whole = 0, i < len(files) && files[i].State == "whole"
			if !whole && i < len(files) {
				if have, err = d.sentBytes(tx, files[i], f); err != nil {
					return err
				}
			}
		}
		switch {
		case whole:
			x.State, x.Have = "whole", x.Size
		case have > 0:
			x.State, x.Have = "partial", int64(have)
		}
		if s, ok := d.summaries.get(f.SHA256); ok {
			x.Objects, x.Summary = s.Objects, counts(s)
		}
		return nil
	}
	return nil
}

// sentBytes is how much of a file the slowest relay has.
func (d *Desk) sentBytes(tx *store.Tx, row store.File, f wire.File) (uint64, error) {
	to, err := tx.FileTargets(row.Tag)
	if err != nil {
		return 0, fmt.Errorf("list targets of file: %w", err)
	}
	least := f.Count
	for _, t := range to {
		n, err := tx.FileSent(row.Tag, t.Relay)
		if err != nil {
			return 0, fmt.Errorf("read progress of file: %w", err)
		}
		least = min(least, n)
	}
	return f.Size * uint64(least) / uint64(max(f.Count, 1)), nil
}

func counts(s stix.Summary) []api.Count {
	out := []api.Count{}
	for _, t := range s.Types {
		out = append(out, api.Count{Type: t.Type, Count: t.Count})
	}
	return out
}

// summaries remembers what bundles hold, by their SHA-256, for the newest ones.
type summaries struct {
	mu  sync.Mutex
	all map[[32]byte]stix.Summary
}

// maxSummaries bounds what is remembered.
const maxSummaries = 256

func (s *summaries) get(sum [32]byte) (stix.Summary, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.all[sum]
	return v, ok
}

func (s *summaries) put(sum [32]byte, v stix.Summary) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil || len(s.all) >= maxSummaries {
		s.all = map[[32]byte]stix.Summary{}
	}
	s.all[sum] = v
}

// summarise counts what a whole bundle holds.
func (m messages) summarise(ctx context.Context, out *api.Message) {
	c, err := m.open(ctx, out.ID, marking.Console)
	if err != nil {
		return
	}
	defer c.Body.Close()
	b, err := io.ReadAll(io.LimitReader(c.Body, stix.MaxBundle+1))
	if err != nil {
		return
	}
	s, err := stix.Check(b)
	if err != nil {
		return // a peer's bundle that is none: shown without a summary
	}
	m.summaries.put(sha256.Sum256(b), s)
	out.STIX.Objects, out.STIX.Summary = s.Objects, counts(s)
}

// Content reads the bundle out as a file that can go anywhere.
func (m messages) Content(ctx context.Context, ref string) (api.Content, error) {
	return m.open(ctx, ref, marking.Export)
}

// open reads a bundle for a door.
func (m messages) open(ctx context.Context, ref string, door marking.Door) (api.Content, error) {
	var f *wire.File
	err := m.view(ctx, func(tx *store.Tx) error {
		row, err := m.message(tx, ref)
		if err != nil {
			return err
		}
		if !row.RemovedAt.IsZero() {
			return fault.New(fault.NotFound, "The text of this message, and what it carried, was removed here on %s: retention.", dtg.Format(row.RemovedAt))
		}
		body, err := wire.ParseMessage(row.Body)
		if err != nil {
			return fmt.Errorf("read message %s: %w", row.ID, err)
		}
		for i := range body.Files {
			if body.Files[i].Purpose == wire.STIX {
				f = &body.Files[i]
			}
		}
		label := m.engine.View().Marking(body.Label)
		if no := m.decide(label, body, door); no.Verdict != marking.Allow {
			return fault.New(fault.Refused, "The bundle may not leave this desk as a file. %s", no.Reason).
				WithHint("read it at the console; its marking decides")
		}
		return nil
	})
	if err != nil {
		return api.Content{}, err
	}
	if f == nil {
		return api.Content{}, fault.New(fault.NotFound, "This message carries no STIX bundle.")
	}
	r, err := m.engine.Content(*f)
	if err != nil {
		return api.Content{}, err
	}
	return api.Content{Name: f.Name, Media: f.Media, Size: int64(f.Size), SHA256: fmt.Sprintf("%x", f.SHA256), Body: r}, nil
}

// idOf finds the id of a message.
func (m messages) idOf(ctx context.Context, ref string) (id ident.Message, err error) {
	err = m.view(ctx, func(tx *store.Tx) error {
		row, err := m.message(tx, ref)
		id = row.ID
		return err
	})
	return id, err
}

func (m messages) Opened(ctx context.Context, ref string) error {
	id, err := m.idOf(ctx, ref)
	if err != nil {
		return err
	}
	return m.engine.Opened(ctx, id)
}

func (m messages) Ack(ctx context.Context, ref string, a api.Ack) (api.Message, error) {
	id, err := m.idOf(ctx, ref)
	if err != nil {
		return api.Message{}, err
	}
	states := map[string]traffic.State{
		"receipt": traffic.Receipted, "comply": traffic.Comply, "cannot": traffic.Cannot, "hold": traffic.Holding, "withdraw": traffic.Withdrawn,
	}
	if a.Role == "" {
		o, _ := api.OfficerFrom(ctx)
		a.Role = o.Name
	}
	err = m.engine.Acknowledge(ctx, id, exchange.Ack{State: states[a.Outcome], Role: a.Role, Text: a.Text, AnswerBy: a.AnswerBy.Time})
	if err != nil {
		return api.Message{}, err
	}
	return m.Get(ctx, id.String())
}

// uploads takes bundles before the messages that carry them.
type uploads struct{ *core }

func (u uploads) Put(ctx context.Context, name, _ string, r io.Reader) (api.Upload, error) {
	up, err := u.engine.Upload(ctx, name, r)
	if err != nil {
		return api.Upload{}, err
	}
	u.summaries.put(up.File.SHA256, up.Summary)
	return api.Upload{
		Upload: up.ID, SHA256: fmt.Sprintf("%x", up.File.SHA256), Size: int64(up.File.Size),
		Objects: up.Summary.Objects, Summary: counts(up.Summary),
	}, nil
}
