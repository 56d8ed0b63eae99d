package desk

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hotline/internal/api"
	"hotline/internal/exchange"
	"hotline/internal/fault"
	"hotline/internal/link"
	"hotline/internal/marking"
	"hotline/internal/precedence"
	"hotline/internal/store"
	"hotline/internal/traffic"
)

// draft translates what a door was given. It fills no marking and no
// precedence: what is missing there is refused below.
func (m messages) draft(ctx context.Context, in api.Draft) (d exchange.Draft, err error) {
	if d.Line, err = m.find(ctx, in.Line); err != nil {
		return d, err
	}
	line, ok := m.engine.View().Line(d.Line)
	if !ok {
		return d, fault.New(fault.NotFound, "This desk has no line %q.", in.Line)
	}
	if d.Precedence, err = precedence.Parse(in.Precedence); err != nil {
		return d, fault.Wrap(err, fault.Invalid, "%q is not a precedence.", in.Precedence).
			WithHint("levels are FLASH, IMMEDIATE, PRIORITY and ROUTINE, in capitals")
	}
	if d.Kind, err = kind(in); err != nil {
		return d, err
	}
	if d.Status, err = exerciseStatus(in, line.Charter.Exercise); err != nil {
		return d, err
	}
	d.Label, err = marking.Parse(marking.Fields{
		Classification: in.Label.Classification, TLP: in.Label.TLP, PAP: in.Label.PAP, REL: m.names(in.Label.REL), Caveats: in.Label.Caveats,
	})
	if err != nil {
		return d, markingFault(err)
	}
	d.ExerciseName, d.Subject, d.Language = in.ExerciseName, in.Subject, in.Language
	if d.Status == traffic.Exercise && d.ExerciseName == "" && line.Charter.Exercise {
		d.ExerciseName = line.Name // a line for exercises is one
	}
	d.Text, d.Upload = plainLines(in.Text), in.Upload
	if d.AckWanted, err = ackWanted(in, d.Kind); err != nil {
		return d, err
	}
	d.AckBy = time.Duration(in.AckByS) * time.Second
	d.ActionFirst = in.ActionFirst
	for _, n := range m.names(in.Action) {
		id, known := m.engine.View().IDs[n]
		if !known {
			return d, fault.New(fault.Invalid, "This desk knows no party %q that could act.", n)
		}
		d.Action = append(d.Action, id)
	}
	if o, ok := api.OfficerFrom(ctx); ok {
		d.Role = o.Name
	}
	if in.Reference != "" {
		err = m.view(ctx, func(tx *store.Tx) error {
			row, err := m.message(tx, in.Reference)
			d.ReplyTo = row.ID
			return err
		})
	}
	return d, err
}

// names turns ids in REL into our names.
func (m messages) names(rel []string) []string {
	v := m.engine.View()
	out := slices.Clone(rel)
	for i, r := range out {
		for id, n := range v.Names {
			if id.String() == r {
				out[i] = n
			}
		}
	}
	return out
}

func markingFault(err error) error {
	e, ok := errors.AsType[*marking.Error](err)
	if !ok {
		return err
	}
	f := fault.Wrap(err, fault.Invalid, "%s", e.Msg)
	if e.Hint != "" {
		return f.WithHint("%s", e.Hint)
	}
	return f
}

func kind(in api.Draft) (traffic.Kind, error) {
	switch {
	case in.Kind != "":
		return traffic.ParseKind(in.Kind)
	case in.Upload != "":
		return traffic.Alert, nil
	default:
		return traffic.Formal, nil
	}
}

func exerciseStatus(in api.Draft, line bool) (traffic.Status, error) {
	switch {
	case in.Status != "":
		return traffic.ParseStatus(in.Status)
	case line || in.ExerciseName != "":
		return traffic.Exercise, nil
	default:
		return traffic.Actual, nil
	}
}

func ackWanted(in api.Draft, k traffic.Kind) (traffic.Ack, error) {
	switch {
	case in.AckRequired != "":
		return traffic.ParseAck(in.AckRequired)
	case k.ByPerson() || in.AckByS > 0:
		return traffic.AckReceipt, nil
	default:
		return traffic.AckNone, nil
	}
}

func (m messages) Review(ctx context.Context, in api.Draft) (out api.Review, err error) {
	d, err := m.draft(ctx, in)
	if err != nil {
		return refusal(out, err)
	}
	p, err := m.engine.Review(ctx, d)
	out = api.Review{
		Label: labelOut(p.Label), Filled: filled(p.Filled), Readers: m.readers(p.Readers), Not: []api.Excluded{},
		SealedBytes: int64(p.Sealed), Warnings: warnings(d, p),
	}
	for _, r := range p.Excluded {
		out.Not = append(out.Not, api.Excluded{Party: r.Name, Reason: "REL does not name it"})
	}
	out.LinkSeconds = m.linkSeconds(ctx, p.Sealed+p.NewKeys)
	if out.NewKeys = m.keyCost(ctx, d, p); out.NewKeys != nil {
		out.Warnings = append(out.Warnings, out.NewKeys.Text)
	}
	hash, jsonErr := json.Marshal(struct {
		Draft api.Draft
		Label api.Label
	}{in, out.Label})
	if jsonErr != nil {
		return out, fmt.Errorf("hash draft: %w", jsonErr)
	}
	out.Hash = fmt.Sprintf("%x", sha256.Sum256(hash))
	return refusal(out, err)
}

// refusal puts a sentence about the draft into the answer; other errors stay
// errors.
func refusal(out api.Review, err error) (api.Review, error) {
	k, msg, hint := fault.Visible(err)
	switch {
	case err == nil:
		return out, nil
	case k == fault.Internal || k == fault.NotFound && out.Readers == nil && !strings.Contains(msg, "upload"):
		return out, err
	}
	if hint != "" {
		msg += " (" + hint + ")"
	}
	out.Refused = &msg
	return out, nil
}

func labelOut(l marking.Label) api.Label {
	f := l.Fields()
	return api.Label{Classification: f.Classification, TLP: f.TLP, PAP: f.PAP, REL: f.REL, Caveats: f.Caveats, Text: l.String()}
}

func filled(fields []string) []string {
	out := []string{}
	for _, f := range fields {
		out = append(out, f+" by the charter's rule")
	}
	return out
}

func (m messages) readers(all []exchange.Reader) []api.Reader {
	out := []api.Reader{}
	for _, r := range all {
		out = append(out, api.Reader{Party: r.Name, Self: r.Party == m.id.Party, Desks: append([]string{}, r.Desks...)})
	}
	return out
}

// linkSeconds estimates how long the message takes to leave, from what the
// links have measured.
func (m messages) linkSeconds(ctx context.Context, bytes int) float64 {
	relays, err := m.engine.Relays(ctx)
	if err != nil {
		return 0
	}
	best := 0.0
	for _, r := range relays {
		if r.State != link.StateUp {
			continue
		}
		s := r.RTT.Seconds()
		if r.Rate > 0 {
			s += float64(bytes) * 8 / float64(r.Rate)
		}
		if best == 0 || s < best {
			best = s
		}
	}
	return best
}

// Guards of a FLASH: above them the composer asks to
// shorten.
const (
	flashWords  = 200
	flashSealed = 1024
)

// warnings are sentences about what a person may not have meant.
func warnings(d exchange.Draft, p exchange.Plan) []string {
	out := []string{}
	if d.Precedence == precedence.Flash && p.Words > flashWords {
		out = append(out, fmt.Sprintf("This FLASH has %d words. Above %d it is slow to read and to send; shorten it.", p.Words, flashWords))
	}
	if d.Precedence == precedence.Flash && p.Sealed > flashSealed {
		out = append(out, fmt.Sprintf("This FLASH is %d bytes sealed; up to %d it passes any link quickly.", p.Sealed, flashSealed))
	}
	for _, t := range []marking.TLP{marking.TLPRed, marking.TLPAmberStrict, marking.TLPGreen, marking.TLPClear} {
		if t != p.Label.TLP && strings.Contains(strings.ToUpper(d.Subject+"\n"+d.Text), t.String()) {
			out = append(out, fmt.Sprintf("The text contains %q but the TLP field says %s.", t.String(), p.Label.TLP))
		}
	}
	return out
}

func (m messages) Send(ctx context.Context, in api.Draft) (api.Sent, error) {
	key := api.IdempotencyKey(ctx)
	if key != "" {
		o, _ := api.OfficerFrom(ctx)
		key = answerKey("send "+o.Name, key)
		if again, ok, err := m.sentBefore(ctx, key); ok || err != nil {
			return again, err
		}
	}
	d, err := m.draft(ctx, in)
	if err != nil {
		return api.Sent{}, err
	}
	var out api.Sent
	_, err = m.engine.Send(ctx, d, func(tx *store.Tx, s exchange.Sent) error {
		out = api.Sent{
			ID: s.ID.String(), State: "queued", Label: labelOut(s.Plan.Label), Filled: filled(s.Plan.Filled),
			Serial: s.Serial, Readers: m.readers(s.Plan.Readers),
		}
		if key == "" {
			return nil
		}
		// The same request may have come twice at once.
		if _, err := tx.Answer(key); !errors.Is(err, store.ErrNone) {
			return errors.Join(errSent, err)
		}
		body, err := json.Marshal(out)
		if err != nil {
			return fmt.Errorf("remember answer: %w", err)
		}
		return tx.PutAnswer(store.Answer{Key: key, Body: body}, time.Now())
	})
	if errors.Is(err, errSent) {
		if again, ok, err := m.sentBefore(ctx, key); ok || err != nil {
			return again, err
		}
	}
	if err != nil {
		return api.Sent{}, err
	}
	return m.reachable(ctx, out), nil
}

// errSent means that a request with the same key sent the message meanwhile.
var errSent = errors.New("sent already")

// sentBefore returns what an earlier request with the same key sent.
func (m messages) sentBefore(ctx context.Context, key string) (out api.Sent, ok bool, err error) {
	err = m.view(ctx, func(tx *store.Tx) error {
		a, err := tx.Answer(key)
		if err != nil {
			return err
		}
		return json.Unmarshal(a.Body, &out)
	})
	if errors.Is(err, store.ErrNone) {
		return out, false, nil
	}
	if err != nil {
		return out, false, fmt.Errorf("read remembered answer: %w", err)
	}
	return m.reachable(ctx, out), true, nil
}

// reachable says whether a relay answers now. That it cannot be told is no
// failure: the message is sent, and who is told otherwise sends it again.
func (m messages) reachable(ctx context.Context, out api.Sent) api.Sent {
	relays, _ := m.engine.Relays(ctx)
	for _, r := range relays {
		out.Reachable = out.Reachable || r.State == link.StateUp
	}
	return out
}

// plainLines returns s with the line ends of other systems as newlines, so that
// a text pasted from there passes [wire.CheckText].
func plainLines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}
