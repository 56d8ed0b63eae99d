package trust

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// KindOpened is the control message by which a desk tells the others of its
// party that it was opened. It goes at every start and always looks alike, on
// the way and in the sender's outbox, where it lies sealed to the readers: that
// is what lets a duress word speak in it unseen.
const KindOpened uint8 = 9

const (
	openedVersion = 1
	openedPlain   = 0
	openedDuress  = 1
	openedSalt    = 22 // makes 32 bytes of it
)

// Opened tells the party's other desks that this one was opened, and whether
// with a duress word. The own journal has the same leaf either way.
func (k *Book) Opened(ctx context.Context, duress bool, now time.Time) error {
	var w octets.Writer
	var salt [openedSalt]byte
	_, _ = rand.Read(salt[:])
	state := uint8(openedPlain)
	if duress {
		state = openedDuress
	}
	w.Uint8(openedVersion)
	w.Uint8(state)
	w.Uint64(uint64(now.UnixMilli()))
	w.Raw(salt[:])
	return k.Step(ctx, func(o Outlet) error {
		if err := o.Leaf("desk-opened", k.Self.Desk[:]); err != nil {
			return err
		}
		return o.Tell(k.Self.Party, KindOpened, w.Bytes())
	})
}

// deskOpened takes in what a desk of the own party says of its start.
func (k *Book) deskOpened(o Outlet, from roster.Entry, body []byte, now time.Time) error {
	if from.Party != k.Self.Party {
		return fault.New(fault.Refused, "A desk of another party says that it was opened; that is no business of ours.")
	}
	r := octets.NewReader(body)
	version, state, at := r.Uint8(), r.Uint8(), r.Uint64()
	r.Raw(openedSalt)
	if err := r.Done(); err != nil || version != openedVersion || state > openedDuress || at > 1<<52 {
		return fault.Wrap(err, fault.Invalid, "A desk's word about its start cannot be read.")
	}
	if state == openedPlain {
		fresh, err := o.Store().PutOpened(from.Desk, time.UnixMilli(int64(at)))
		if err != nil || !fresh { // a relay can give it again
			return err
		}
		return o.Leaf("desk-opened", from.Desk[:])
	}
	fresh, err := o.Store().PutDuress(store.Duress{Desk: from.Desk, OpenedAt: time.UnixMilli(int64(at)), HeardAt: now})
	if err != nil || !fresh {
		return err
	}
	if err := o.Leaf("duress", from.Desk[:]); err != nil {
		return err
	}
	return o.Event(eventDesk, nil)
}

// SettleDuress ends the alarm about a desk, in the name of an officer.
func (k *Book) SettleDuress(ctx context.Context, desk ident.Desk, officer string, now time.Time) error {
	return k.Step(ctx, func(o Outlet) error {
		n, err := o.Store().SettleDuress(desk, officer, now)
		if err != nil {
			return fmt.Errorf("settle duress of %s: %w", desk, err)
		}
		if n == 0 {
			return fault.New(fault.NotFound, "There is no alarm about that desk.")
		}
		if err := o.Leaf("duress-settled", append(desk[:], officer...)); err != nil {
			return err
		}
		return o.Event(eventDesk, nil)
	})
}
