package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"hotline/internal/api"
	"hotline/internal/fault"
)

// rank orders the states of a message along the ladder (docs/glossary.md). The
// side branches have none.
var rank = map[string]int{
	"queued": 0, "accepted": 1, "delivered": 2, "alarmed": 2, "receipted": 3, "readback": 4,
	"comply": 5, "cannot": 5, "holding": 5, "answered": 6,
}

// stateWords says a state in words for the person who sent the message.
func stateWords(state string) string {
	switch state {
	case "queued":
		return "queued here; no relay has it yet"
	case "accepted":
		return "a relay has it"
	case "delivered":
		return "on their desk; nobody has taken it yet"
	case "alarmed":
		return "the alarm sounds there; nobody has taken it yet"
	case "receipted":
		return "receipted"
	case "comply":
		return "will comply"
	case "cannot":
		return "cannot comply"
	case "holding":
		return "holding; an answer will follow"
	}
	return inertLine(state)
}

// verdict says of a message whether waiting is over, and with which error.
type verdict func(api.Message) (over bool, err error)

// reached waits for a rung of the ladder or any rung above it.
func reached(state string) verdict {
	want := rank[state]
	return func(m api.Message) (bool, error) {
		if state == "whole" && m.STIX != nil && m.STIX.State == "whole" {
			return true, nil
		}
		switch m.State {
		case "refused":
			if why, final := refusal(m); final {
				return true, fault.New(fault.Refused, "The other desk refused the message: %s", why)
			}
			return false, nil // a relay had no room for it; this desk tries again
		case "expired":
			return true, fault.New(fault.Timeout, "The message expired before it was %s.", state)
		}
		at, known := rank[m.State]
		return known && at >= want && state != "whole", nil
	}
}

// whole waits until a message's bundle is complete at this desk.
func whole(m api.Message) (bool, error) {
	if !m.RemovedAt.IsZero() {
		return true, nil // the desk says so, with the time
	}
	if m.STIX == nil {
		return true, fault.New(fault.NotFound, "The message carries no STIX bundle.")
	}
	return m.STIX.State == "whole" || m.Direction == "out", nil
}

// refusal returns the newest reason on the ladder. A desk's own is final; a
// relay's, which no desk has signed, is not.
func refusal(m api.Message) (why string, final bool) {
	for _, r := range slices.Backward(m.Ladder) {
		if r.State == "refused" && r.Desk != "" {
			return r.Text, true
		}
	}
	return "", false
}

// waitFor follows the desk's events until over says so, and returns the last
// state seen. A desk that restarts meanwhile is waited for.
func (a *app) waitFor(ctx context.Context, cl *api.Client, id string, timeout time.Duration, over verdict, late string) (m api.Message, err error) {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, errWaited)
		defer cancel()
	}
	look := func() (bool, error) {
		var now api.Message
		err := cl.Get(ctx, "/messages/"+url.PathEscape(id), nil, &now)
		if timeout > 0 && fault.Is(err, fault.NotFound) {
			return false, nil // it may be on its way
		}
		if err != nil {
			return false, err
		}
		m = now
		return over(m)
	}
	err = a.follow(ctx, cl, func(e api.Event) (bool, error) {
		switch e.Kind {
		case "snapshot": // the stream stands: nothing after this look is missed
			return look()
		case "message", "ladder", "alarm":
			var d api.MessageData
			if err := json.Unmarshal(e.Data, &d); err != nil {
				return false, fmt.Errorf("read event: %w", err)
			}
			if !named(d.Message, id) {
				return false, nil
			}
			m = d.Message
			return over(m)
		}
		return false, nil
	})
	if errors.Is(context.Cause(ctx), errWaited) {
		return m, fault.New(fault.Timeout, "%s", late).WithHint("hotline show %s shows how far it is", short(id))
	}
	return m, err
}

// named reports whether a person's reference means this message.
func named(m api.Message, ref string) bool {
	return m.ID == ref || m.Serial == ref || len(ref) >= minRef && strings.HasPrefix(m.ID, ref)
}

// minRef is the shortest beginning of an id that a desk takes for one.
const minRef = 8

// errWaited is the cause of a context whose --timeout passed.
var errWaited = errors.New("waited long enough")

// errOver ends a stream because its follower is content.
var errOver = errors.New("over")

// follow reads the desk's events until each says that it is over, and comes
// back after a cut where it stopped.
func (a *app) follow(ctx context.Context, cl *api.Client, each func(api.Event) (over bool, err error)) error {
	var after *uint64
	for try := 0; ; {
		heard := false
		last, err := cl.Events(ctx, after, func(e api.Event) error {
			heard = true
			over, err := each(e)
			if err == nil && over {
				err = errOver
			}
			return err
		})
		switch {
		case errors.Is(err, errOver):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !fault.Is(err, fault.Unavailable):
			return err
		case err != nil && after == nil && try == 0 && !heard:
			return err // there was no desk to begin with
		}
		if last > 0 {
			after = &last
		}
		if heard {
			try = 0
		}
		try++
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// pause waits a little longer with every try, up to 5 s, never in step with
// others.
func pause(ctx context.Context, try int) error {
	d := min(time.Duration(try)*250*time.Millisecond, 5*time.Second)
	var b [1]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	d = d/2 + d*time.Duration(b[0])/512
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
