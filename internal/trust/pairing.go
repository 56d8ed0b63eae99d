package trust

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"hotline/internal/ceremony"
	"hotline/internal/fault"
	"hotline/internal/marking"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// Pairing is one ceremony as a person sees it.
type Pairing struct {
	ID           string
	Peer         string   // our name for the other party
	Step         string   // send_file, words, paired, failed
	File         []byte   // to be given to the other side; nil when there is none
	Say          []string // six words to read aloud
	AttemptsLeft int
	Party        *store.Party // once paired
	StartedAt    time.Time
}

// Steps as stored and as shown.
const (
	stepStarted = "started" // waits for the other side's next file
	stepWords   = "words"
	stepPaired  = "paired"
	stepFailed  = "failed"
)

// self is what our side brings to a ceremony: its root and its card.
func (k *Book) self(tx *store.Tx) (ceremony.Self, error) {
	card, err := k.Card(tx)
	if err != nil {
		return ceremony.Self{}, err
	}
	return ceremony.Self{Name: k.Self.PartyName, Root: k.Self.Root, Payload: card.Bytes()}, nil
}

// Start begins a ceremony with a party that we call peer.
func (k *Book) Start(ctx context.Context, peer string) (out Pairing, err error) {
	err = k.Step(ctx, func(o Outlet) error {
		if err := k.free(o.Store(), peer); err != nil {
			return err
		}
		self, err := k.self(o.Store())
		if err != nil {
			return err
		}
		p, _, err := ceremony.Begin(k.Suite, self)
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "The ceremony cannot begin: %s.", err.Error())
		}
		out, err = k.add(o, p, peer)
		return err
	})
	return out, err
}

// free refuses a name that is taken, or that no REL could hold.
func (k *Book) free(tx *store.Tx, peer string) error {
	if err := marking.PartyName(peer); err != nil {
		return fault.Wrap(err, fault.Invalid, "%s", err.Error()).WithHint("1 to 64 letters without a comma, such as NATO; hotline pair answer takes --as NAME")
	}
	all, err := tx.Parties()
	if err != nil {
		return fmt.Errorf("list parties: %w", err)
	}
	for _, p := range all {
		if p.Name == peer && p.Self {
			return fault.New(fault.Invalid, "%s is this desk's own party.", peer)
		}
		if p.Name == peer {
			return fault.New(fault.Conflict, "This desk is paired with %s already.", peer)
		}
	}
	return nil
}

// Answer takes the first file of a ceremony that another party began. With an
// empty peer it gets the name that it gives itself.
func (k *Book) Answer(ctx context.Context, file []byte, peer string) (out Pairing, err error) {
	err = k.Step(ctx, func(o Outlet) error {
		self, err := k.self(o.Store())
		if err != nil {
			return err
		}
		p, _, err := ceremony.Answer(k.Suite, self, file)
		if err != nil {
			return pairingFault(err)
		}
		if peer == "" {
			peer = p.PeerName()
		}
		if err := k.free(o.Store(), peer); err != nil {
			return err
		}
		// A second nonce for one commitment would give somebody in the middle
		// a second try at the words.
		all, err := o.Store().Pairings()
		if err != nil {
			return fmt.Errorf("list pairings: %w", err)
		}
		for _, row := range all {
			old, err := ceremony.Unmarshal(row.State)
			if err == nil && old.Session() == p.Session() {
				return fault.New(fault.Conflict, "That file was answered already.").
					WithHint("hand out the same answer again; if it is lost, they begin anew with hotline pair start")
			}
		}
		out, err = k.add(o, p, peer)
		return err
	})
	return out, err
}

// add stores a new ceremony.
func (k *Book) add(o Outlet, p *ceremony.Pairing, peer string) (Pairing, error) {
	state, err := p.MarshalBinary()
	if err != nil {
		return Pairing{}, fmt.Errorf("store pairing: %w", err)
	}
	now := time.Now()
	row := store.Pairing{Peer: peer, Step: step(p), State: state, CreatedAt: now, UpdatedAt: now}
	if row.ID, err = o.Store().AddPairing(row); err != nil {
		return Pairing{}, fmt.Errorf("store pairing: %w", err)
	}
	if err := k.note(o, row, "pairing-begun"); err != nil {
		return Pairing{}, err
	}
	return k.show(o.Store(), row)
}

// note journals a ceremony's step and tells the screens.
func (k *Book) note(o Outlet, row store.Pairing, kind string) error {
	if err := o.Leaf(kind, []byte(row.Peer)); err != nil {
		return err
	}
	return o.Event(eventPairing, []byte(strconv.FormatInt(row.ID, 10)))
}

func step(p *ceremony.Pairing) string {
	switch p.Step() {
	case ceremony.Compare:
		return stepWords
	case ceremony.Done:
		return stepPaired
	case ceremony.Dead:
		return stepFailed
	default:
		return stepStarted
	}
}

// pairingFault says what is wrong with a file of a ceremony.
func pairingFault(err error) error {
	switch {
	case errors.Is(err, ceremony.ErrDiffers):
		return fault.Wrap(err, fault.Unverified, "The file is not what the other side committed to: somebody changed something. This pairing is dead.").
			WithHint("begin again, over another channel")
	case errors.Is(err, ceremony.ErrOtherPairing):
		return fault.Wrap(err, fault.Conflict, "That file belongs to another pairing.")
	case errors.Is(err, ceremony.ErrVersion):
		return fault.Wrap(err, fault.Invalid, "That file was made by another version; both sides need the same.")
	case errors.Is(err, ceremony.ErrStep):
		return fault.Wrap(err, fault.Conflict, "The pairing is at another step.")
	default:
		return fault.Wrap(err, fault.Invalid, "That is not the pairing file that comes next.")
	}
}

// load reads a ceremony.
func (k *Book) load(tx *store.Tx, id string) (store.Pairing, *ceremony.Pairing, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return store.Pairing{}, nil, fault.New(fault.NotFound, "There is no pairing %q.", id)
	}
	row, err := tx.Pairing(n)
	if errors.Is(err, store.ErrNone) {
		return row, nil, fault.New(fault.NotFound, "There is no pairing %q.", id)
	}
	if err != nil {
		return row, nil, fmt.Errorf("read pairing %s: %w", id, err)
	}
	p, err := ceremony.Unmarshal(row.State)
	if err != nil {
		return row, nil, fmt.Errorf("read pairing %s: %w", id, err)
	}
	return row, p, nil
}

// save stores a ceremony that moved.
func (k *Book) save(o Outlet, row *store.Pairing, p *ceremony.Pairing) error {
	state, err := p.MarshalBinary()
	if err != nil {
		return fmt.Errorf("store pairing: %w", err)
	}
	row.State, row.Step, row.UpdatedAt = state, step(p), time.Now()
	if err := o.Store().SetPairing(*row); err != nil {
		return fmt.Errorf("store pairing: %w", err)
	}
	return nil
}

// Open takes the other side's next file.
func (k *Book) Open(ctx context.Context, id string, file []byte) (out Pairing, err error) {
	var refused error
	err = k.Step(ctx, func(o Outlet) error {
		row, p, err := k.load(o.Store(), id)
		if err != nil {
			return err
		}
		if _, err := p.Open(k.Suite, file); err != nil {
			refused = pairingFault(err)
			if !errors.Is(err, ceremony.ErrDiffers) {
				return refused
			}
		}
		if err := k.save(o, &row, p); err != nil {
			return err
		}
		kind := "pairing-opened"
		if refused != nil {
			kind = "pairing-failed"
		}
		if err := k.note(o, row, kind); err != nil {
			return err
		}
		out, err = k.show(o.Store(), row)
		return err
	})
	if err == nil {
		err = refused // what killed the pairing is kept, and said
	}
	return out, err
}

// Confirm takes the six words that the other side said. Matching words make it
// a party that this desk knows; nothing else does.
func (k *Book) Confirm(ctx context.Context, id string, words []string) (out Pairing, err error) {
	var refused error
	err = k.Step(ctx, func(o Outlet) error {
		row, p, err := k.load(o.Store(), id)
		if err != nil {
			return err
		}
		peer, err := p.Confirm(k.Suite, words)
		kind := "paired"
		switch {
		case errors.Is(err, ceremony.ErrNotWords):
			return fault.Wrap(err, fault.Invalid, "Those are not six words of the list.").WithHint("type the six words that the other side reads out, with spaces between")
		case errors.Is(err, ceremony.ErrWords):
			kind = "pairing-words-wrong"
			refused = fault.Wrap(err, fault.Unverified, "The words do not match. %d attempts are left.", p.AttemptsLeft()).
				WithHint("ask the other side to read them again; if they are read right, somebody sits in between")
		case err != nil:
			return pairingFault(err)
		default:
			if err := k.meet(o, row.Peer, peer); err != nil {
				return err
			}
		}
		if err := k.save(o, &row, p); err != nil {
			return err
		}
		if err := k.note(o, row, kind); err != nil {
			return err
		}
		out, err = k.show(o.Store(), row)
		return err
	})
	if err == nil {
		err = refused // a spent attempt is kept
	}
	return out, err
}

// meet takes a verified party in, with its card.
func (k *Book) meet(o Outlet, name string, peer ceremony.Peer) error {
	card, err := roster.ParseCard(k.Suite, peer.Payload)
	if err != nil {
		return fault.Wrap(err, fault.Unverified, "The card of %s does not verify.", name)
	}
	id := roster.PartyOf(k.Suite, peer.Root)
	if card.Party(k.Suite) != id {
		return fault.New(fault.Unverified, "The card of %s is signed by another root than the words verified.", name)
	}
	if err := o.Store().PutParty(store.Party{ID: id, Name: name, Root: peer.Root, PairedAt: time.Now()}); errors.Is(err, store.ErrExists) {
		return fault.New(fault.Conflict, "This desk knows that party, or another one as %s, already.", name)
	} else if err != nil {
		return fmt.Errorf("store party: %w", err)
	}
	if err := o.Reload(); err != nil { // statements count only of parties that are known
		return err
	}
	if err := o.TakeStatements(card.Statements); err != nil {
		return err
	}
	if err := o.Leaf("party", append(id[:], peer.Root...)); err != nil {
		return err
	}
	return o.Event(eventDesk, id[:])
}

// List lists the ceremonies, newest first.
func (k *Book) List(tx *store.Tx) ([]Pairing, error) {
	rows, err := tx.Pairings()
	if err != nil {
		return nil, fmt.Errorf("list pairings: %w", err)
	}
	var all []Pairing
	for _, row := range rows {
		p, err := k.show(tx, row)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// Get returns one ceremony.
func (k *Book) Get(tx *store.Tx, id string) (Pairing, error) {
	row, _, err := k.load(tx, id)
	if err != nil {
		return Pairing{}, err
	}
	return k.show(tx, row)
}

// show makes of a ceremony what a person needs to see.
func (k *Book) show(tx *store.Tx, row store.Pairing) (Pairing, error) {
	p, err := ceremony.Unmarshal(row.State)
	if err != nil {
		return Pairing{}, fmt.Errorf("read pairing %d: %w", row.ID, err)
	}
	out := Pairing{
		ID: strconv.FormatInt(row.ID, 10), Peer: row.Peer, Step: row.Step, File: p.File(),
		AttemptsLeft: p.AttemptsLeft(), StartedAt: row.CreatedAt,
	}
	if row.Step == stepStarted {
		out.Step = "send_file"
	} else if p.Role() == ceremony.B {
		out.File = nil // A has all that it needs
	}
	if row.Step == stepWords || row.Step == stepPaired {
		if out.Say, err = p.Say(k.Suite); err != nil {
			return out, fmt.Errorf("make words: %w", err)
		}
	}
	if row.Step == stepPaired {
		found, err := party(tx, row.Peer)
		if err == nil {
			out.Party = &found
		}
	}
	return out, nil
}
