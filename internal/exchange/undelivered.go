package exchange

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hotline/internal/ident"
	"hotline/internal/store"
)

const (
	// undeliveredAfter is how long a relay may have had a message for a desk that
	// is alive and has not signed for it.
	undeliveredAfter = 5 * time.Minute
	// undeliveredAtOnce is how many pairs of message and desk one transaction
	// alarms about: what comes meanwhile waits for it.
	undeliveredAtOnce = 256
	// StateUndelivered is the side step on the ladder that says so.
	StateUndelivered = "undelivered"
)

// alarmUndelivered raises an alarm for messages that a relay has accepted, that
// a desk has not signed for, and whose desk was heard since: somebody between
// the two keeps them back.
func (b *Batch) alarmUndelivered() error {
	all, err := b.Tx.Undelivered(b.Steady.Add(-undeliveredAfter), StateUndelivered, undeliveredAtOnce)
	if err != nil {
		return fmt.Errorf("list what nobody signed for: %w", err)
	}
	if len(all) == undeliveredAtOnce { // a relay that keeps all back is told of in time, too
		b.After(func() { b.e.later(0, "alarm", (*Batch).alarmUndelivered) })
		all = wholeMessages(all)
	}
	desks := map[ident.Message][]string{}
	for _, u := range all {
		desks[u.Message] = append(desks[u.Message], b.e.deskName(u.Desk))
	}
	self := b.e.cfg.Self
	for id, names := range desks {
		err := b.rung(store.Rung{
			Message: id, Desk: self.Desk, Party: self.Party, State: StateUndelivered, At: b.Now, Verified: true,
			Text: "accepted by a relay, and " + strings.Join(names, ", ") + " was heard since and has not signed for it",
		})
		if err != nil {
			return err
		}
		if err := b.Leaf(StateUndelivered, append(id[:], strings.Join(names, ", ")...)); err != nil {
			return err
		}
		b.After(func() {
			b.e.cfg.Log.Error("a relay has accepted a message, its desk is alive and has not signed for it", "message_id", id.String(), "desks", len(names))
		})
		if err := b.Event(EventAlarm, id[:]); err != nil {
			return err
		}
	}
	return nil
}

// wholeMessages leaves out the last message of a full page, whose other desks may
// stand on the next one: an alarm is raised once and names all desks.
func wholeMessages(page []store.Undelivered) []store.Undelivered {
	last := page[len(page)-1].Message
	i := slices.IndexFunc(page, func(u store.Undelivered) bool { return u.Message == last })
	if i == 0 {
		return page
	}
	return page[:i]
}
