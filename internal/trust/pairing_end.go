package trust

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"hotline/internal/dtg"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/store"
)

// Abandon ends a pairing that is under way. Nothing of it is trusted.
func (k *Book) Abandon(ctx context.Context, id string, by By) (out Pairing, err error) {
	err = k.Step(ctx, func(o Outlet) error {
		row, p, err := k.load(o.Store(), id)
		if err != nil {
			return err
		}
		if s := step(p); s == stepPaired || s == stepFailed {
			return fault.New(fault.Conflict, "That pairing is over.").WithHint("hotline pair revoke stops the lines with a party")
		}
		p.Abort()
		row.Ended = endAbandoned
		if err := k.save(o, &row, p); err != nil {
			return err
		}
		if err := k.note(o, row, "pairing-abandoned", by); err != nil {
			return err
		}
		out, err = k.show(o.Store(), row)
		return err
	})
	return out, err
}

// Expire ends the pairings that stand open for too long.
func (k *Book) Expire(ctx context.Context) error { return k.Step(ctx, k.expire) }

func (k *Book) expire(o Outlet) error {
	rows, err := o.Store().Pairings()
	if err != nil {
		return fmt.Errorf("list pairings: %w", err)
	}
	for _, row := range rows {
		if row.Step != stepStarted && row.Step != stepWords || time.Since(row.CreatedAt) < PairingLife {
			continue
		}
		_, p, err := k.load(o.Store(), strconv.FormatInt(row.ID, 10))
		if err != nil {
			return err
		}
		p.Abort()
		row.Ended = endExpired
		if err := k.save(o, &row, p); err != nil {
			return err
		}
		if err := k.note(o, row, "pairing-expired", By{}); err != nil {
			return err
		}
	}
	return nil
}

// StopParty makes the lines with a party stand still until a new ceremony has
// verified its root: nothing is sent, nothing that comes is shown.
func (k *Book) StopParty(ctx context.Context, ref, reason string, by By) (out store.Party, err error) {
	err = k.Step(ctx, func(o Outlet) error {
		out, err = party(o.Store(), ref)
		if err != nil {
			return err
		}
		if out.Self {
			return fault.New(fault.Invalid, "%s is this desk's own party.", out.Name)
		}
		if reason == "" {
			return fault.New(fault.Invalid, "Stopping the lines with %s needs a reason.", out.Name)
		}
		out.StoppedAt, out.Stopped = time.Now(), reason
		return k.stop(o, out, out.ID, by)
	})
	return out, err
}

// stop stores and journals that a party is stopped; shown is the root that was
// seen in its place, or its own.
func (k *Book) stop(o Outlet, p store.Party, shown ident.Party, by By) error {
	if err := o.Store().StopParty(p.ID, p.Name, p.StoppedAt, p.Stopped); err != nil {
		return fmt.Errorf("stop party: %w", err)
	}
	leaf, err := json.Marshal(map[string]string{"party": p.ID.String(), "name": p.Name, "shown": shown.String(), "why": p.Stopped, "officer": by.Officer})
	if err != nil {
		return fmt.Errorf("journal stop: %w", err)
	}
	if err := o.Leaf("party-stopped", leaf); err != nil {
		return err
	}
	if err := o.Reload(); err != nil {
		return err
	}
	if err := k.showLines(o); err != nil {
		return err
	}
	return o.Event(eventDesk, p.ID[:])
}

// showLines tells the screens to look at the lines again: some stand still, or
// go on. A later version of a charter may have brought the party in, so none is
// left out.
func (k *Book) showLines(o Outlet) error {
	all, err := o.Store().Lines()
	if err != nil {
		return fmt.Errorf("list lines: %w", err)
	}
	for _, l := range all {
		if err := o.Event(eventLine, l.ID[:]); err != nil {
			return err
		}
	}
	return nil
}

// makeRoom prepares for a verified root: a party that has it is known, and its
// lines go on; a party of that name with another root is stopped, for its root
// changed and no rotation said so.
func (k *Book) makeRoom(o Outlet, name string, id ident.Party) (known bool, err error) {
	all, err := o.Store().Parties()
	if err != nil {
		return false, fmt.Errorf("list parties: %w", err)
	}
	here := slices.IndexFunc(all, func(p store.Party) bool { return p.ID == id })
	named := slices.IndexFunc(all, func(p store.Party) bool { return p.Name == name })
	switch {
	case here >= 0 && all[here].Self:
		return false, fault.New(fault.Refused, "The other side shows this party's own root.")
	case here >= 0 && named >= 0 && named != here:
		return false, fault.New(fault.Conflict, "The root that the words verified is known here as %s, not as %s.", all[here].Name, name)
	case here >= 0:
		if err := o.Store().StopParty(id, all[here].Name, time.Time{}, ""); err != nil {
			return false, fmt.Errorf("let party go on: %w", err)
		}
		return true, nil
	case named < 0:
		return false, nil
	}
	old, now := all[named], time.Now()
	old.Name, old.StoppedAt = fmt.Sprintf("%s before %s", clip(name), dtg.Format(now)), now
	old.Stopped = fmt.Sprintf("The root of %s changed: a ceremony verified another one.", name)
	return false, k.stop(o, old, id, By{})
}

// clip keeps a name short enough to be lengthened.
func clip(name string) string {
	r := []rune(name)
	return string(r[:min(len(r), 12)])
}
