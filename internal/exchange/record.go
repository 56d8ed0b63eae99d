package exchange

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/store"
)

// RecordFacts is what is known of the record of a line: how the desks' records
// compared, what does not fit, what each desk has attested.
type RecordFacts struct {
	LastAt time.Time // of the newest line check that came
	// Agree: nil while nothing, or not everything, was compared.
	Agree  *bool
	Text   string
	Desks  []DeskCheck
	Alarms []store.Proof // newest first
	// Complaints are what desks say of slices that they refused: proofs, then words,
	// the newest of each first.
	Complaints []Complaint
	Amber      []string // sentences: what to look at
	// Attested is when each desk last attested its chains, by its own clock.
	Attested map[ident.Desk]time.Time
	// SealAge is how long each desk's newest seal key has been known.
	SealAge map[ident.Desk]time.Duration
	// SealAmber: older than two periods.
	SealAmber map[ident.Desk]bool
}

// DeskCheck is the newest line check of one desk, over all groups.
type DeskCheck struct {
	Desk  ident.Desk
	At    time.Time
	Agree *bool
	Text  string
}

// maxAlarms is how many alarms about a line are shown, proofs in complaints, and
// words in them.
const maxAlarms = 20

// Record returns what is known of the record of a line.
func (e *Engine) Record(ctx context.Context, id ident.Line) (f RecordFacts, err error) {
	err = e.do(ctx, func(b *Batch) error {
		l := e.lines[id]
		if l == nil {
			return fault.New(fault.NotFound, "This desk has no such line.")
		}
		f, err = b.record(l)
		return err
	})
	return f, err
}

func (b *Batch) record(l *line) (f RecordFacts, err error) {
	if f.Alarms, err = b.Tx.Proofs(l.ID, maxAlarms); err != nil {
		return f, fmt.Errorf("list proofs: %w", err)
	}
	if f.Complaints, err = b.complaints(l); err != nil {
		return f, err
	}
	f.Amber = b.e.claimText(l)
	all, err := b.Tx.CheckedOn(l.ID)
	if err != nil {
		return f, fmt.Errorf("list line checks: %w", err)
	}
	for _, k := range all {
		if _, on := l.roster.Desk(k.Desk); on && !slices.Contains(l.gone, k.Desk) {
			f.add(k)
		}
	}
	f.sum(b.e)
	f.Attested, f.SealAge, f.SealAmber = map[ident.Desk]time.Time{}, map[ident.Desk]time.Duration{}, map[ident.Desk]bool{}
	for _, d := range l.desksOf(l.parties...) {
		at, err := b.Tx.LastAttested(l.ID, d.Desk)
		if err != nil {
			return f, fmt.Errorf("read attestations: %w", err)
		}
		f.Attested[d.Desk] = at
	}
	return f, b.sealAges(l, &f)
}

// add takes the check of one desk in one group; of several groups the worst
// result counts.
func (f *RecordFacts) add(k store.Checked) {
	if k.At.After(f.LastAt) {
		f.LastAt = k.At
	}
	i := slices.IndexFunc(f.Desks, func(d DeskCheck) bool { return d.Desk == k.Desk })
	if i < 0 {
		f.Desks = append(f.Desks, DeskCheck{Desk: k.Desk, At: k.At, Agree: k.Agree, Text: k.Text})
		return
	}
	d := &f.Desks[i]
	if k.At.After(d.At) {
		d.At = k.At
	}
	if worse(k.Agree, d.Agree) {
		d.Agree, d.Text = k.Agree, k.Text
	}
}

func worse(a, b *bool) bool {
	rank := func(p *bool) int { return map[uint8]int{1: 0, 0: 1, 2: 2}[agreeNumber(p)] }
	return rank(a) > rank(b)
}

// sum says in one sentence how the records of all compared.
func (f *RecordFacts) sum(e *Engine) {
	if len(f.Desks) == 0 {
		f.Text = "No line check has come yet."
		return
	}
	f.Agree = yes()
	for _, d := range f.Desks {
		if worse(d.Agree, f.Agree) {
			f.Agree = d.Agree
			if f.Text = d.Text; f.Text == "" {
				f.Text = fmt.Sprintf("%s is being compared.", e.deskName(d.Desk))
			}
		}
	}
	if f.Text == "" {
		f.Text = fmt.Sprintf("%d of %d desks that were heard hold the same record.", len(f.Desks), len(f.Desks))
	}
}

// sealAges says how old the seal keys are, by the steady clock.
func (b *Batch) sealAges(l *line, f *RecordFacts) error {
	keys, err := b.Tx.SealKeys()
	if err != nil {
		return fmt.Errorf("list seal keys: %w", err)
	}
	period := l.charter.SealKeyPeriod
	if period == 0 {
		period = 24 * time.Hour
	}
	for _, k := range keys {
		if _, on := l.roster.Desk(k.Desk); !on {
			continue
		}
		age := max(0, b.Steady.Sub(k.SeenAt))
		f.SealAge[k.Desk], f.SealAmber[k.Desk] = age, age > 2*period
		if age > 2*period {
			f.Amber = append(f.Amber, fmt.Sprintf("The seal key of %s is older than two periods: what is sealed to it now opens too long.", b.e.deskName(k.Desk)))
		}
	}
	return nil
}

// RenewKeys makes new sending keys for every group of a line that this desk
// writes to. What a thief of the old ones could still read ends there.
func (e *Engine) RenewKeys(ctx context.Context, id ident.Line) error {
	return e.do(ctx, func(b *Batch) error {
		l := e.lines[id]
		if l == nil || l.State != "open" {
			return fault.New(fault.Conflict, "This line is not open; it has no keys to renew.")
		}
		var due []*sender
		for _, s := range e.senders {
			if s.line != id {
				continue
			}
			if s.Created().Add(renewNotBefore).After(b.Steady) {
				return fault.New(fault.Conflict, "The keys of line %s are less than a minute old.", l.Name).
					WithHint("a new key costs every desk a slice; one a minute is the most")
			}
			due = append(due, s)
		}
		for _, s := range due {
			readers := l.readers(e.cfg.Self.Desk, s.parties)
			if _, err := b.newSender(l, s.Group(), s.parties, readers, s, precedence.Priority); err != nil {
				return err
			}
		}
		if len(due) == 0 {
			if _, err := b.senderFor(l, l.parties, precedence.Priority); err != nil {
				return err
			}
		}
		return b.Leaf("keys-renewed", id[:])
	})
}
