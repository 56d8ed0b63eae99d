package trust

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"hotline/internal/ceremony"
	"hotline/internal/fault"
	"hotline/internal/joining"
	"hotline/internal/roster"
	"hotline/internal/store"
)

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
		return fault.Wrap(err, fault.Invalid, "That file is of another version or suite; both sides need the same.")
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
	if row.Step == stepPaired || row.Step == stepFailed {
		if err := o.Store().DropRendezvous(row.ID); err != nil {
			return fmt.Errorf("forget rendezvous: %w", err)
		}
	}
	return nil
}

// meet takes a verified party in, with its card.
func (k *Book) meet(o Outlet, name string, peer ceremony.Peer) error {
	card, err := joining.ParseCard(k.Suite, peer.Payload)
	if err != nil {
		return fault.Wrap(err, fault.Unverified, "The card of %s does not verify.", name)
	}
	id := roster.PartyOf(k.Suite, peer.Root)
	if card.Party(k.Suite) != id {
		return fault.New(fault.Unverified, "The card of %s is signed by another root than the words verified.", name)
	}
	known, err := k.makeRoom(o, name, id)
	if err != nil {
		return err
	}
	if known {
		err = o.Store().SetPartyVerified(id, time.Now())
	} else {
		err = o.Store().PutParty(store.Party{ID: id, Name: name, Root: peer.Root, PairedAt: time.Now(), How: store.ByWords})
	}
	if errors.Is(err, store.ErrExists) {
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
	if err := k.showLines(o); err != nil {
		return err
	}
	if err := o.Leaf("party", append(id[:], peer.Root...)); err != nil {
		return err
	}
	return o.Event(eventDesk, id[:])
}
