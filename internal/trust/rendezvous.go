package trust

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"hotline/internal/ceremony"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/rendezvous"
	"hotline/internal/store"
)

// CodeLife is how long a code serves: a relay keeps a rendezvous for a day.
const CodeLife = 24 * time.Hour

// What a rendezvous waits for, as stored.
const (
	placeRelay   = "relay"   // for the relay to answer
	placePeer    = "peer"    // for the other side's file
	placeDone    = "done"    // nothing: the files have passed
	placeSpoiled = "spoiled" // nothing: what lies there is not the other side's
)

// Carrier takes blobs to a relay and back, for desks that do not know one
// another. Own says that this desk has a mailbox there and opens the place.
type Carrier interface {
	// Relay returns the id of the relay that answers at an address.
	Relay(ctx context.Context, addr string) (ident.Relay, error)
	Put(ctx context.Context, at Code, own bool, step uint8, blob []byte) error
	Get(ctx context.Context, at Code, step uint8) ([]byte, error)
}

// Draw draws a code for a relay where this desk has a mailbox. It computes for
// a moment: call it outside a step.
func Draw(addr string, relay ident.Relay) (*Code, error) {
	c := &Code{Code: rendezvous.New(addr), Relay: relay}
	var err error
	c.Keys, err = c.Code.Keys(relay)
	return c, err
}

// Meet answers the pairing whose first file lies under a code.
func (k *Book) Meet(ctx context.Context, c Carrier, text string, m Meeting, by By) (Pairing, error) {
	code, err := rendezvous.Parse(text)
	if err != nil {
		return Pairing{}, fault.Wrap(err, fault.Invalid, "That is not a rendezvous code.").WithHint("it looks like relay.example:7402/k7q2m-9xt4a")
	}
	m.Code = &Code{Code: code}
	if m.Code.Relay, err = c.Relay(ctx, code.Addr); err != nil {
		return Pairing{}, fault.Wrap(err, fault.Unavailable, "The relay %s does not answer.", code.Addr)
	}
	if m.Code.Keys, err = code.Keys(m.Code.Relay); err != nil {
		return Pairing{}, err
	}
	blob, err := c.Get(ctx, *m.Code, 1)
	if err != nil {
		return Pairing{}, meetFault(err, code.Addr)
	}
	file, err := m.Code.Keys.Open(1, blob)
	if err != nil {
		return Pairing{}, fault.Wrap(err, fault.Unverified, "What lies under that code was not sealed by it.")
	}
	return k.Answer(ctx, file, m, by)
}

// meetFault says why a relay handed nothing out.
func meetFault(err error, addr string) error {
	r, ok := errors.AsType[*link.RefusedError](err)
	switch {
	case ok && (r.Reason == link.ReasonNoMeeting || r.Reason == link.ReasonNotYet):
		return fault.Wrap(err, fault.NotFound, "There is nothing under that code at %s.", addr).
			WithHint("read it again letter by letter; a code lives for a day, and the other desk has to be running")
	case ok:
		return fault.Wrap(err, fault.Busy, "The relay %s refuses: %s.", addr, r.Reason)
	}
	return fault.Wrap(err, fault.Unavailable, "The relay %s does not answer.", addr)
}

// Carried lists the pairings whose files pass over a relay.
func (k *Book) Carried(tx *store.Tx) (ids []string, err error) {
	all, err := tx.AllRendezvous()
	if err != nil {
		return nil, fmt.Errorf("list rendezvous: %w", err)
	}
	for _, r := range all {
		if r.State != placeSpoiled {
			ids = append(ids, strconv.FormatInt(r.Pairing, 10))
		}
	}
	return ids, nil
}

// porter carries the files of one pairing. What it sealed it keeps, to put the
// same bytes again when a relay has forgotten them.
type porter struct {
	book *Book
	c    Carrier
	id   string
	sent [link.MeetingSteps + 1][]byte
}

// carrying is a pairing whose files pass over a relay, as it stands now.
type carrying struct {
	p    *ceremony.Pairing
	at   Code
	over bool
}

// errSpoiled means that a relay handed out what the other side did not seal.
var errSpoiled = errors.New("rendezvous is spoiled")

// How long Carry rests between two tries.
const (
	minPause  = 200 * time.Millisecond
	maxPause  = 30 * time.Second
	restPause = time.Minute
)

// Carry carries the files of one pairing until it is over, its code is, or ctx
// ends. What fails is tried again, more and more slowly.
func (k *Book) Carry(ctx context.Context, c Carrier, id string) error {
	t := porter{book: k, c: c, id: id}
	pause := minPause
	for {
		now, err := k.carrying(ctx, id)
		if err != nil || now.over {
			return err
		}
		state, err := t.once(ctx, now)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errSpoiled):
			return k.placed(ctx, id, placeSpoiled)
		case err != nil:
			state = placeRelay
		case state == placeDone:
			pause = restPause // a relay that restarts forgets, and the other side may need it
		default:
			pause = minPause
		}
		if err := k.placed(ctx, id, state); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, maxPause)
	}
}

// once does what can be done now, and returns what is waited for. The relay
// holds whoever asks for what is not there yet.
func (t *porter) once(ctx context.Context, now carrying) (string, error) {
	own := now.p.Role() == ceremony.A
	switch {
	case now.p.Step() == ceremony.Compare && !own:
		return placeDone, nil
	case now.p.Step() == ceremony.Compare:
		if t.sent[1] != nil {
			if err := t.put(ctx, now, 1); err != nil {
				return "", err
			}
		}
		return placeDone, t.put(ctx, now, 3)
	}
	mine, theirs := uint8(1), uint8(2)
	if !own {
		mine, theirs = 2, 3
	}
	if err := t.put(ctx, now, mine); err != nil {
		return "", err
	}
	if err := t.book.placed(ctx, t.id, placePeer); err != nil {
		return "", err
	}
	blob, err := t.c.Get(ctx, now.at, theirs)
	if r, ok := errors.AsType[*link.RefusedError](err); ok && r.Reason == link.ReasonNotYet {
		return placePeer, nil
	}
	if err != nil {
		return "", fmt.Errorf("get file %d: %w", theirs, err)
	}
	file, err := now.at.Keys.Open(theirs, blob)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errSpoiled, err)
	}
	if _, err := t.book.Open(ctx, t.id, file, By{}); err != nil {
		if k, _, _ := fault.Visible(err); k == fault.Internal {
			return "", err
		}
		return "", fmt.Errorf("%w: %w", errSpoiled, err)
	}
	return placePeer, nil // the next round puts what comes next
}

// put puts a file of this side under the code.
func (t *porter) put(ctx context.Context, now carrying, step uint8) (err error) {
	if t.sent[step] == nil {
		if t.sent[step], err = now.at.Keys.Seal(step, now.p.File()); err != nil {
			return err
		}
	}
	err = t.c.Put(ctx, now.at, now.p.Role() == ceremony.A, step, t.sent[step])
	if r, ok := errors.AsType[*link.RefusedError](err); ok && r.Reason == link.ReasonMet {
		return nil // it lies there since before this desk restarted, or somebody was faster: the words tell
	}
	if err != nil {
		return fmt.Errorf("put file %d: %w", step, err)
	}
	return nil
}

// carrying reads how a pairing stands.
func (k *Book) carrying(ctx context.Context, id string) (t carrying, err error) {
	err = k.Step(ctx, func(o Outlet) error {
		row, p, err := k.load(o.Store(), id)
		if err != nil {
			return err
		}
		t.p = p
		all, err := o.Store().AllRendezvous()
		if err != nil {
			return fmt.Errorf("list rendezvous: %w", err)
		}
		i := slices.IndexFunc(all, func(r store.Rendezvous) bool { return r.Pairing == row.ID })
		if i < 0 || all[i].State == placeSpoiled || !time.Now().Before(all[i].Until) {
			t.over = true
			return nil
		}
		if t.at.Code, err = rendezvous.Parse(all[i].Code); err != nil {
			return fmt.Errorf("read rendezvous: %w", err)
		}
		t.at.Relay = all[i].Relay
		t.at.Keys, err = rendezvous.ParseKeys(all[i].Keys)
		return err
	})
	return t, err
}

// placed notes what a rendezvous waits for, when that changed.
func (k *Book) placed(ctx context.Context, id, state string) error {
	return k.Step(ctx, func(o Outlet) error {
		all, err := o.Store().AllRendezvous()
		if err != nil {
			return fmt.Errorf("list rendezvous: %w", err)
		}
		for _, r := range all {
			if strconv.FormatInt(r.Pairing, 10) != id || r.State == state {
				continue
			}
			r.State = state
			if err := o.Store().PutRendezvous(r); err != nil {
				return fmt.Errorf("note rendezvous: %w", err)
			}
			return o.Event(eventPairing, []byte(id))
		}
		return nil
	})
}
