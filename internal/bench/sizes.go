package bench

import (
	"embed"
	"errors"
	"fmt"
	"path"
	"time"

	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/marking"
	"hotline/internal/pack"
	"hotline/internal/precedence"
	"hotline/internal/suite"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

// texts are reports of 207 to 213 words that the dictionary was not made from.
//
//go:embed texts
var texts embed.FS

// phrases are FLASH texts as a book of phrases would give them: nothing is
// typed. There is no such book yet, so they travel as text.
var phrases = []string{
	"EXERCISE. Attack in progress. Isolate affected systems. Report by 0300Z.",
	"EXERCISE. Intrusion confirmed. Stand by for indicators. Acknowledge.",
	"EXERCISE. All clear. Resume normal operations. Report losses.",
}

// two are the ends of a line of two parties in one suite.
type two struct {
	s          suite.Suite
	group      ident.Group
	desk, peer ident.Desk
	parties    []ident.Party
	sign       suite.MessageKey
	tx         *chain.Sender
	rx         *chain.Receiver
	slice      []byte
}

// Sizes measures sealed envelopes, whole, of both suites. What the row counts
// was sealed by the code that desks run, and opened again.
func (o *Options) Sizes() error {
	var rows []Row
	for _, s := range []suite.Suite{suite.One, suite.Two} {
		l, err := newTwo(s)
		if err != nil {
			return err
		}
		all, err := l.rows()
		if err != nil {
			return fmt.Errorf("measure sizes in suite %d: %w", s, err)
		}
		for _, r := range all {
			if s != suite.One {
				r = Row{Name: fmt.Sprintf("%s_suite_%d", r.Name, s), Unit: r.Unit, N: r.N, P50: r.P50, P90: r.P90, P99: r.P99}
			}
			rows = append(rows, r)
		}
	}
	return o.report(rows)
}

func newTwo(s suite.Suite) (*two, error) {
	l := &two{s: s, group: ident.Group{1}, desk: ident.Desk{2}, peer: ident.Desk{3}, parties: []ident.Party{{4}, {5}}, sign: s.NewMessageKey()}
	now, seal := time.Now(), s.NewSealKey()
	var err error
	if l.tx, err = chain.NewSender(s, chain.Start{Group: l.group, Desk: l.desk, Parties: l.parties, Now: now}); err != nil {
		return nil, fmt.Errorf("measure sizes: %w", err)
	}
	l.slice, err = l.tx.SliceFor(l.sign, chain.SliceInput{
		Desk: l.peer, Party: l.parties[1], SealPublic: seal.Public(), SealNumber: 1, Precedence: precedence.Flash, Expiry: now.Add(time.Hour), Now: now,
	})
	if err != nil {
		return nil, fmt.Errorf("measure sizes: %w", err)
	}
	to := chain.Recipient{Desk: l.peer, Party: l.parties[1], Key: seal, SealNumber: 1}
	l.rx, _, err = chain.OpenSlice(s, l.slice, to, func(ident.Desk) ([]byte, bool) { return l.sign.Public(), true }, now)
	if err != nil {
		return nil, fmt.Errorf("measure sizes: %w", err)
	}
	return l, nil
}

func (l *two) rows() (rows []Row, err error) {
	add := func(name string, goal float64, values []float64, e error) {
		err = errors.Join(err, e)
		rows = append(rows, row("sizes/"+name, "B", values).against(goal))
	}
	overhead, e := l.overhead()
	add("overhead", 227, []float64{overhead}, e)
	reports, e := l.reports()
	add("flash_200_words", 1024, reports, e)
	short, e := l.flashes(phrases)
	add("flash_phrases", 512, short, e)
	delivered, e := l.delivered()
	add("delivered", 384, []float64{delivered}, e)
	add("slice", 1536, []float64{float64(len(l.slice))}, nil)
	return rows, err
}

// seal returns the length of an envelope that its recipient has opened.
func (l *two) seal(in chain.SealInput) (float64, error) {
	in.Precedence, in.Message, in.Expiry = precedence.Flash, ident.NewMessage(), time.Now().Add(time.Hour)
	sealed, err := l.tx.Seal(l.sign, in)
	if err != nil {
		return 0, err
	}
	// Receipts go to the sender's own party here, whose desk follows no chain.
	if in.Kind == envelope.Message {
		if o, err := l.rx.Open(sealed.Envelope, time.Now()); err != nil || len(o.Body) != len(in.Body) {
			return 0, fmt.Errorf("open what was sealed: %w", err)
		}
	}
	return float64(len(sealed.Envelope)), nil
}

// overhead is what an envelope holds beside its body: the longest body that
// still fits the smallest bucket says it.
func (l *two) overhead() (float64, error) {
	for n := range 1024 {
		size, err := l.seal(chain.SealInput{Kind: envelope.Message, Body: make([]byte, n)})
		if err != nil {
			return 0, err
		}
		if next, err := l.seal(chain.SealInput{Kind: envelope.Message, Body: make([]byte, n+1)}); err != nil || next != size {
			return size - float64(n), err
		}
	}
	return 0, errors.New("envelopes do not grow with their bodies")
}

func (l *two) reports() (sizes []float64, err error) {
	names, err := texts.ReadDir("texts")
	if err != nil {
		return nil, err
	}
	var all []string
	for _, n := range names {
		b, err := texts.ReadFile(path.Join("texts", n.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, string(b))
	}
	return l.flashes(all)
}

// flashes seals each text as an alert between the two parties.
func (l *two) flashes(all []string) (sizes []float64, err error) {
	for _, text := range all {
		m := wire.Message{
			Kind: traffic.Alert, Status: traffic.Exercise, Exercise: "PAPER LANTERN", Precedence: precedence.Flash, Serial: "JPN-1/0412",
			Composed: time.Now().UnixMilli(), Role: "watch officer", Action: l.parties[1:], AckWanted: traffic.AckReceipt, AckDue: 600,
			Label:   wire.Label{Classification: marking.Unclassified, TLP: marking.TLPAmberStrict, PAP: marking.PAPAmber, REL: l.parties},
			Subject: "EXERCISE Attack on port control systems", Language: "en",
		}
		m.Text, m.Dictionary = pack.Pack([]byte(text))
		body, err := m.Encode()
		if err != nil {
			return nil, err
		}
		size, err := l.seal(chain.SealInput{Kind: envelope.Message, Body: body})
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, size)
	}
	return sizes, nil
}

func (l *two) delivered() (float64, error) {
	r := wire.Receipt{State: traffic.Delivered, Message: ident.NewMessage(), At: time.Now().UnixMilli(), Content: [32]byte{1}, Label: [32]byte{2}, Group: l.group}
	body, err := r.Encode()
	if err != nil {
		return 0, err
	}
	return l.seal(chain.SealInput{Kind: envelope.Receipt, ReceiptTo: l.parties[0], Body: body})
}
