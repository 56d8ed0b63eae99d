package api

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"hotline/internal/fault"
)

// listMessages handles GET /messages?line=&waiting=&box=&after=&limit=.
func (s *Server) listMessages(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	limit, err := queryLimit(r)
	if err != nil {
		return err
	}
	q := MessageQuery{Line: v.Get("line"), Waiting: v.Get("waiting"), Box: v.Get("box"), After: v.Get("after"), Limit: limit}
	if q.Waiting != "" && q.Waiting != "us" && q.Waiting != "them" {
		return fault.New(fault.Invalid, "Messages wait for us or for them.")
	}
	if q.Box != "" && q.Box != "in" && q.Box != "out" {
		return fault.New(fault.Invalid, "A box is in or out.")
	}
	ms, err := s.Messages.List(r.Context(), q)
	if err != nil {
		return err
	}
	for i := range ms {
		ms[i] = ms[i].Filled()
	}
	return writeJSON(w, http.StatusOK, list(ms))
}

// getMessage handles GET /messages/{id}: the message and its ladder.
func (s *Server) getMessage(w http.ResponseWriter, r *http.Request) error {
	m, err := s.Messages.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, m.Filled())
}

// openedMessage handles POST /messages/{id}/opened: somebody has it on a screen.
func (s *Server) openedMessage(w http.ResponseWriter, r *http.Request) error {
	if err := s.Messages.Opened(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	noStore(w)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// getContent handles GET /messages/{id}/stix: the bundle, byte for byte as it
// was given to the sender's desk.
func (s *Server) getContent(w http.ResponseWriter, r *http.Request) error {
	c, err := s.Messages.Content(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	defer c.Body.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream") // a stranger's bytes: saved, never shown by a browser
	h.Set("Content-Length", strconv.FormatInt(c.Size, 10))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": c.Name}))
	if sum, err := hex.DecodeString(c.SHA256); err == nil {
		h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":") // RFC 9530
	}
	noStore(w)
	w.WriteHeader(http.StatusOK)
	n, err := io.Copy(w, c.Body)
	if err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	if n != c.Size {
		return fmt.Errorf("write bundle: %d bytes of %d", n, c.Size)
	}
	return nil
}

// sendMessage handles POST /messages: commits a message to the outbox.
func (s *Server) sendMessage(w http.ResponseWriter, r *http.Request) error {
	d, err := readDraft(w, r)
	if err != nil {
		return err
	}
	sent, err := s.Messages.Send(r.Context(), d)
	if err != nil {
		return err
	}
	sent.Filled, sent.Readers = list(sent.Filled), list(sent.Readers)
	sent.Label = sent.Label.filled()
	return writeJSON(w, http.StatusCreated, sent)
}

// reviewMessage handles POST /review: what would be sent, and who could read it.
func (s *Server) reviewMessage(w http.ResponseWriter, r *http.Request) error {
	d, err := readDraft(w, r)
	if err != nil {
		return err
	}
	rv, err := s.Messages.Review(r.Context(), d)
	if err != nil {
		return err
	}
	rv.Label = rv.Label.filled()
	rv.Filled, rv.Readers, rv.Not, rv.Warnings = list(rv.Filled), list(rv.Readers), list(rv.Not), list(rv.Warnings)
	return writeJSON(w, http.StatusOK, rv)
}

// readDraft reads a draft and refuses one without line, precedence or TLP:
// there is no default for them at any door.
func readDraft(w http.ResponseWriter, r *http.Request) (Draft, error) {
	var d Draft
	if err := readJSON(w, r, &d); err != nil {
		return Draft{}, err
	}
	switch {
	case d.Line == "":
		return Draft{}, fault.New(fault.Invalid, "A message needs a line.")
	case d.Precedence == "":
		return Draft{}, fault.New(fault.Refused, "The precedence is missing, and there is no default.").
			WithHint("FLASH, IMMEDIATE, PRIORITY or ROUTINE")
	case d.Label.TLP == "":
		return Draft{}, fault.New(fault.Refused, "The marking is missing, and there is no default.").
			WithHint("for example TLP:AMBER+STRICT")
	case d.AckByS < 0:
		return Draft{}, fault.New(fault.Invalid, "The time for a receipt cannot be negative.")
	}
	return d, nil
}

// ackMessage handles POST /messages/{id}/ack: a named role receipts a message
// or gives its outcome. It answers with the message and its new ladder.
func (s *Server) ackMessage(w http.ResponseWriter, r *http.Request) error {
	var a Ack
	if err := readJSON(w, r, &a); err != nil {
		return err
	}
	switch a.Outcome {
	case "receipt", "comply", "withdraw":
	case "cannot":
		if a.Text == "" {
			return fault.New(fault.Invalid, "Cannot comply needs a reason.")
		}
	case "hold":
		if a.AnswerBy.IsZero() {
			return fault.New(fault.Invalid, "Holding needs a time to answer by.")
		}
	default:
		return fault.New(fault.Invalid, "The outcome is receipt, comply, cannot, hold or withdraw.")
	}
	m, err := s.Messages.Ack(r.Context(), r.PathValue("id"), a)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, m.Filled())
}

// postUpload handles POST /uploads: the raw bytes of a bundle. X-Name is the
// file's name, percent-encoded; X-Media its media type.
func (s *Server) postUpload(w http.ResponseWriter, r *http.Request) error {
	name, err := url.PathUnescape(r.Header.Get("X-Name"))
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "The file's name is not percent-encoded.")
	}
	if r.ContentLength > MaxUpload {
		return &http.MaxBytesError{Limit: MaxUpload}
	}
	body := &deadlined{r: http.MaxBytesReader(w, r.Body, MaxUpload), rc: http.NewResponseController(w)}
	up, err := s.Uploads.Put(r.Context(), name, r.Header.Get("X-Media"), body)
	if err != nil {
		return err
	}
	up.Summary = list(up.Summary)
	return writeJSON(w, http.StatusCreated, up)
}

// deadlined gives each read of an upload its own time, so that a long upload
// may take as long as it moves.
type deadlined struct {
	r  io.Reader
	rc *http.ResponseController
}

func (d *deadlined) Read(p []byte) (int, error) {
	// A transport without deadlines (a test's) goes without.
	_ = d.rc.SetReadDeadline(time.Now().Add(ReadWithin))
	n, err := d.r.Read(p)
	if errors.Is(err, io.EOF) {
		_ = d.rc.SetReadDeadline(time.Time{}) // what follows is disk work
	}
	return n, err
}

func (l Label) filled() Label {
	l.REL, l.Caveats = list(l.REL), list(l.Caveats)
	return l
}

// Filled returns m without nil lists, as it goes out in JSON: an event's data
// should pass through it too.
func (m Message) Filled() Message {
	m.To, m.Ladder, m.Actions = list(m.To), list(m.Ladder), list(m.Actions)
	m.Label = m.Label.filled()
	if m.STIX != nil {
		c := *m.STIX
		c.Summary = list(c.Summary)
		m.STIX = &c
	}
	return m
}
