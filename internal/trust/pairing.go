package trust

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"hotline/internal/ceremony"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/marking"
	"hotline/internal/rendezvous"
	"hotline/internal/store"
)

// Bounds of pairings, each with its reason.
const (
	// PairingLife is how long a pairing may stand open: the other side's desk
	// may sit with an embassy bag, but files of last month are nobody's.
	PairingLife = 7 * 24 * time.Hour
	// maxPairings is how many may stand open at once.
	maxPairings = 16
	// maxDead is how many pairings with one party that were begun here may die in
	// a day, and how many that were answered in an hour. Each is three tries at
	// the words for whoever sits in the middle. What is answered counts whatever
	// its name, which whoever made the file has chosen; and for no longer than an
	// hour, so that a stranger shuts nobody out.
	maxDead      = 3
	deadBegun    = 24 * time.Hour
	deadAnswered = time.Hour
)

// Pairing is one ceremony as a person sees it.
type Pairing struct {
	ID           string
	Session      string   // the same on both sides
	Peer         string   // our name for the other party
	Step         string   // send_file, words, paired, failed
	File         []byte   // to be given to the other side; nil when there is none
	Say          []string // six words to read aloud
	AttemptsLeft int
	Persons      int          // how many have to confirm
	Party        *store.Party // once paired
	Record       *store.PairingRecord
	Place        *store.Rendezvous // where its files pass without a courier
	Ended        string            // why it failed: words, changed, abandoned, expired
	Dead         int               // pairings with this party that died in the last day
	Again        bool              // this desk knows the party: a new ceremony
	StartedAt    time.Time
	ExpiresAt    time.Time
}

// Steps as stored and as shown.
const (
	stepStarted = "started" // waits for the other side's next file
	stepWords   = "words"
	stepPaired  = "paired"
	stepFailed  = "failed"
)

// Why a pairing failed.
const (
	endWords     = "words"     // too many that did not match
	endChanged   = "changed"   // a file is not what was committed to
	endAbandoned = "abandoned" // by an officer
	endExpired   = "expired"   // after [PairingLife]
)

// By is who acts: an officer, and a second one where the party asks for two.
type By struct {
	Officer string
	Witness string
}

// Meeting is what begins a pairing.
type Meeting struct {
	Peer  string // our name for the other party; empty takes theirs
	Again bool   // also with a party that is known: its root is verified anew
	Code  *Code  // where the files pass; nil: people carry them
}

// Code is a rendezvous with its keys computed.
type Code struct {
	rendezvous.Code
	Relay ident.Relay
	Keys  rendezvous.Keys
}

// self is what our side brings to a ceremony: its root and its card.
func (k *Book) self(tx *store.Tx) (ceremony.Self, error) {
	card, err := k.Card(tx)
	if err != nil {
		return ceremony.Self{}, err
	}
	return ceremony.Self{Name: k.Self.PartyName, Root: k.Self.Root, Payload: card.Bytes()}, nil
}

// Start begins a ceremony with a party.
func (k *Book) Start(ctx context.Context, m Meeting, by By) (out Pairing, err error) {
	err = k.Step(ctx, func(o Outlet) error {
		if err := k.free(o, ceremony.A, m.Peer, m.Again); err != nil {
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
		out, err = k.add(o, p, m, by)
		return err
	})
	return out, err
}

// free refuses a name that is taken, or that no REL could hold, and pairings
// without end.
func (k *Book) free(o Outlet, as ceremony.Role, peer string, again bool) error {
	if err := marking.PartyName(peer); err != nil {
		return fault.Wrap(err, fault.Invalid, "%s", err.Error()).WithHint("1 to 64 letters without a comma, such as NATO; hotline pair answer takes --as NAME")
	}
	tx := o.Store()
	all, err := tx.Parties()
	if err != nil {
		return fmt.Errorf("list parties: %w", err)
	}
	for _, p := range all {
		if p.Name == peer && p.Self {
			return fault.New(fault.Invalid, "%s is this desk's own party.", peer)
		}
		if p.Name == peer && !again && p.How == store.ByWords && p.StoppedAt.IsZero() {
			return fault.New(fault.Conflict, "This desk is paired with %s already.", peer).
				WithHint("hotline pair start %s --again verifies its root anew", peer)
		}
	}
	if err := k.expire(o); err != nil {
		return err
	}
	rows, err := tx.Pairings()
	if err != nil {
		return fmt.Errorf("list pairings: %w", err)
	}
	open := 0
	for _, row := range rows {
		if row.Step == stepStarted || row.Step == stepWords {
			open++
		}
	}
	if open >= maxPairings {
		return fault.New(fault.Refused, "%d pairings stand open; there is no room for another.", open).
			WithHint("hotline pair abandon ends one")
	}
	begun := func(row store.Pairing) bool { return !answered(row) && row.Peer == peer }
	if as == ceremony.A && dead(rows, begun, deadBegun) >= maxDead {
		return fault.New(fault.Busy, "%d pairings with %s have failed within a day.", maxDead, peer).
			WithHint("somebody may sit in between: speak over another channel, and try tomorrow")
	}
	if as == ceremony.B && dead(rows, answered, deadAnswered) >= maxDead {
		return fault.New(fault.Busy, "%d pairings that were answered here have failed within an hour.", maxDead).
			WithHint("somebody may sit in between: speak over another channel, begin here with hotline pair start, or wait an hour")
	}
	return nil
}

// answered reports whether the other side began.
func answered(row store.Pairing) bool {
	p, err := ceremony.Unmarshal(row.State)
	return err == nil && p.Role() == ceremony.B
}

// dead counts the pairings that died of a difference a while ago at most. One
// that an officer gave up says nothing.
func dead(rows []store.Pairing, which func(row store.Pairing) bool, within time.Duration) (n int) {
	for _, row := range rows {
		if row.Step == stepFailed && (row.Ended == endWords || row.Ended == endChanged) && time.Since(row.UpdatedAt) < within && which(row) {
			n++
		}
	}
	return n
}

// Answer takes the first file of a ceremony that another party began.
func (k *Book) Answer(ctx context.Context, file []byte, m Meeting, by By) (out Pairing, err error) {
	err = k.Step(ctx, func(o Outlet) error {
		self, err := k.self(o.Store())
		if err != nil {
			return err
		}
		p, _, err := ceremony.Answer(k.Suite, self, file)
		if err != nil {
			return pairingFault(err)
		}
		if m.Peer == "" {
			m.Peer = p.PeerName()
		}
		if err := k.free(o, ceremony.B, m.Peer, m.Again); err != nil {
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
		out, err = k.add(o, p, m, by)
		return err
	})
	return out, err
}

// add stores a new ceremony.
func (k *Book) add(o Outlet, p *ceremony.Pairing, m Meeting, by By) (Pairing, error) {
	state, err := p.MarshalBinary()
	if err != nil {
		return Pairing{}, fmt.Errorf("store pairing: %w", err)
	}
	now := time.Now()
	row := store.Pairing{Peer: m.Peer, Step: step(p), State: state, Officer: by.Officer, CreatedAt: now, UpdatedAt: now}
	if row.ID, err = o.Store().AddPairing(row); err != nil {
		return Pairing{}, fmt.Errorf("store pairing: %w", err)
	}
	if m.Code != nil {
		err := o.Store().PutRendezvous(store.Rendezvous{
			Pairing: row.ID, Code: m.Code.String(), Relay: m.Code.Relay, Keys: m.Code.Keys.Bytes(), Until: now.Add(CodeLife), State: placeRelay,
		})
		if err != nil {
			return Pairing{}, fmt.Errorf("store rendezvous: %w", err)
		}
	}
	if err := k.note(o, row, "pairing-begun", by); err != nil {
		return Pairing{}, err
	}
	return k.show(o.Store(), row)
}

// note journals a ceremony's step and tells the screens.
func (k *Book) note(o Outlet, row store.Pairing, kind string, by By) error {
	leaf, err := json.Marshal(struct {
		Pairing int64  `json:"pairing"`
		Peer    string `json:"peer"`
		Officer string `json:"officer,omitempty"`
		Witness string `json:"witness,omitempty"`
		Why     string `json:"why,omitempty"`
	}{row.ID, row.Peer, by.Officer, by.Witness, row.Ended})
	if err != nil {
		return fmt.Errorf("journal pairing: %w", err)
	}
	if err := o.Leaf(kind, leaf); err != nil {
		return err
	}
	return o.Event(eventPairing, []byte(strconv.FormatInt(row.ID, 10)))
}

// Take takes the other side's next file, of whichever pairing it belongs to.
func (k *Book) Take(ctx context.Context, file []byte, by By) (Pairing, error) {
	return k.open(ctx, "", file, by)
}

// Open takes the other side's next file for one pairing.
func (k *Book) Open(ctx context.Context, id string, file []byte, by By) (Pairing, error) {
	return k.open(ctx, id, file, by)
}

func (k *Book) open(ctx context.Context, id string, file []byte, by By) (out Pairing, err error) {
	var refused error
	err = k.Step(ctx, func(o Outlet) error {
		if err := k.expire(o); err != nil {
			return err
		}
		row, p, err := k.find(o.Store(), id, file)
		if err != nil {
			return err
		}
		if _, err := p.Open(k.Suite, file); err != nil {
			refused = pairingFault(err)
			if !errors.Is(err, ceremony.ErrDiffers) {
				return refused
			}
		}
		kind := "pairing-opened"
		if refused != nil {
			kind, row.Ended = "pairing-failed", endChanged
		}
		if err := k.save(o, &row, p); err != nil {
			return err
		}
		if err := k.note(o, row, kind, by); err != nil {
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

// find returns the pairing of an id or, without one, the pairing that a file
// belongs to.
func (k *Book) find(tx *store.Tx, id string, file []byte) (store.Pairing, *ceremony.Pairing, error) {
	if id != "" {
		return k.load(tx, id)
	}
	rows, err := tx.Pairings()
	if err != nil {
		return store.Pairing{}, nil, fmt.Errorf("list pairings: %w", err)
	}
	first := fault.New(fault.NotFound, "That file belongs to no pairing of this desk.").
		WithHint("the first of the three files is for hotline pair answer")
	for _, row := range rows {
		p, err := ceremony.Unmarshal(row.State)
		if err != nil {
			return row, nil, fmt.Errorf("read pairing %d: %w", row.ID, err)
		}
		_, err = p.Open(k.Suite, file)
		if errors.Is(err, ceremony.ErrOtherPairing) || errors.Is(err, ceremony.ErrMalformed) {
			continue
		}
		return k.load(tx, strconv.FormatInt(row.ID, 10)) // as it was before the try
	}
	return store.Pairing{}, nil, first
}

// Confirm takes the six words that the other side said, as somebody typed
// them. Matching words make it a party that this desk knows; nothing else does.
func (k *Book) Confirm(ctx context.Context, id string, words []string, by By) (out Pairing, err error) {
	if by.Officer == "" || k.persons() > 1 && (by.Witness == "" || by.Witness == by.Officer) {
		return out, fault.New(fault.Refused, "This party asks for two persons at a pairing: an officer and a witness confirm.").
			WithHint("hotline pair confirm --witness NAME, or the second name and password on the console")
	}
	var refused error
	err = k.Step(ctx, func(o Outlet) error {
		if err := k.expire(o); err != nil {
			return err
		}
		row, p, err := k.load(o.Store(), id)
		if err != nil {
			return err
		}
		peer, err := p.Confirm(k.Suite, typedWords(words))
		kind := "paired"
		switch {
		case errors.Is(err, ceremony.ErrNotWords):
			return fault.Wrap(err, fault.Invalid, "Those are not six words of the list.").WithHint("type the six words that the other side reads out, with spaces between")
		case errors.Is(err, ceremony.ErrWords):
			kind, refused = "pairing-words-wrong", wrongWords(err, p)
			if p.AttemptsLeft() == 0 {
				kind, row.Ended = "pairing-failed", endWords
			}
		case err != nil:
			return pairingFault(err)
		}
		if err := k.save(o, &row, p); err != nil {
			return err
		}
		if refused == nil {
			if err := k.record(o, row, p, peer, by); err != nil {
				return err
			}
			if err := k.meet(o, row.Peer, peer); err != nil {
				return err
			}
		}
		if err := k.note(o, row, kind, by); err != nil {
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

func wrongWords(err error, p *ceremony.Pairing) error {
	if p.AttemptsLeft() == 0 {
		return fault.Wrap(err, fault.Unverified, "The words do not match, for the last time: this pairing is dead, and nothing of it is trusted.").
			WithHint("somebody may sit in between: begin anew over another channel, and tell the officer for security")
	}
	return fault.Wrap(err, fault.Unverified, "The words do not match. %d attempts are left.", p.AttemptsLeft()).
		WithHint("ask the other side to read them again; if they are read right, somebody sits in between")
}

// persons is how many have to confirm a pairing here.
func (k *Book) persons() int { return max(k.Persons, 1) }
