package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"hotline/internal/fault"
)

// streamEvents handles GET /events?after=N: server-sent events, for as long as
// the client stays. A browser that comes back by itself sends Last-Event-ID,
// which knows better than the address it was opened with, and so wins.
//
// The store's ring is the queue: at most [StreamPage] events are in memory for
// a client, a slow one holds nobody up, and one that takes longer than
// [WriteWithin] for an event is cut off and resumes by id. Nothing is ever
// left out: a client behind the ring gets the whole state as a snapshot.
func (s *Server) streamEvents(w http.ResponseWriter, r *http.Request) error {
	after, known, err := resumePoint(r)
	if err != nil {
		return err
	}
	out := &stream{w: w, rc: http.NewResponseController(w)}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	noStore(w)
	w.WriteHeader(http.StatusOK)
	if err := out.raw("retry: 2000\n\n"); err != nil {
		return nil //nolint:nilerr // the client left
	}
	if err := out.beat(); err != nil {
		return nil //nolint:nilerr // the client left
	}
	if err := s.follow(r, out, after, known); err != nil && r.Context().Err() == nil {
		s.log().WarnContext(r.Context(), "event stream ended", "err", err)
	}
	_ = out.event(Event{Kind: "bye", Data: json.RawMessage(`{}`)})
	return nil
}

// follow writes events until the request's context ends (the client left, the
// officer signed out, the desk stops), a write fails or the ring does.
func (s *Server) follow(r *http.Request, out *stream, after uint64, known bool) error {
	ctx := r.Context()
	beat := time.NewTicker(BeatEvery)
	defer beat.Stop()
	for {
		changed := s.Events.Changed() // before the look, so that nothing falls between
		var events []Event
		if known {
			var err error
			events, known, err = s.Events.After(ctx, after, StreamPage)
			if err != nil {
				return fmt.Errorf("read events after %d: %w", after, err)
			}
		}
		if !known {
			snap, err := s.Events.Snapshot(ctx)
			if err != nil {
				return fmt.Errorf("take snapshot: %w", err)
			}
			events, known = []Event{snap}, true
		}
		for _, e := range events {
			if err := out.event(e); err != nil {
				return fmt.Errorf("write event %d: %w", e.ID, err)
			}
			after = e.ID
		}
		if len(events) > 0 { // there may be more
			select {
			case <-ctx.Done():
				return nil
			case <-beat.C:
				if err := out.beat(); err != nil {
					return fmt.Errorf("write beat: %w", err)
				}
			default:
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-beat.C:
			if err := out.beat(); err != nil {
				return fmt.Errorf("write beat: %w", err)
			}
		}
	}
}

// resumePoint returns the id after which the client wants events. known is
// false when it has none and needs the whole state.
func resumePoint(r *http.Request) (after uint64, known bool, err error) {
	s := r.Header.Get("Last-Event-ID")
	if s == "" {
		s = r.URL.Query().Get("after")
	}
	if s == "" {
		return 0, false, nil
	}
	after, err = strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, false, fault.Wrap(err, fault.Invalid, "The number of the last event is not a number.")
	}
	return after, true, nil
}

// stream writes server-sent events, each with its own deadline.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func (o *stream) event(e Event) error {
	var b bytes.Buffer
	if e.ID != 0 {
		fmt.Fprintf(&b, "id: %d\n", e.ID)
	}
	fmt.Fprintf(&b, "event: %s\ndata: ", e.Kind)
	if err := json.Compact(&b, e.Data); err != nil { // a line end would end the data
		return fmt.Errorf("compact %s: %w", e.Kind, err)
	}
	b.WriteString("\n\n")
	return o.raw(b.String())
}

// beat says that the stream lives, and what the desk's clock shows.
func (o *stream) beat() error {
	data, err := json.Marshal(Beat{Now: Time{time.Now()}})
	if err != nil {
		return err
	}
	return o.event(Event{Kind: "beat", Data: data})
}

func (o *stream) raw(s string) error {
	// A transport without deadlines (a test's) goes without.
	_ = o.rc.SetWriteDeadline(time.Now().Add(WriteWithin))
	if _, err := o.w.Write([]byte(s)); err != nil {
		return err
	}
	return o.rc.Flush()
}
