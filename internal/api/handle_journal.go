package api

import (
	"net/http"
	"strconv"

	"hotline/internal/fault"
)

// getJournalStatus handles GET /journal/status: how long the journal is, what
// is signed, and whether it verified when it was last looked at.
func (s *Server) getJournalStatus(w http.ResponseWriter, r *http.Request) error {
	out, err := s.Journal.JournalStatus(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

// verifyJournal handles POST /journal/verify: reads the whole record from the
// disk. It answers when it is done; GET /journal/status says how far it is.
func (s *Server) verifyJournal(w http.ResponseWriter, r *http.Request) error {
	var in VerifyIn
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	out, err := s.Journal.Verify(r.Context(), in.Signatures)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

// proveMessage handles GET /journal/prove/{id}: a file of evidence about one
// message. With nonanswer=1 it is a certificate that a party did not answer.
func (s *Server) proveMessage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	var f File
	var err error
	switch q.Get("nonanswer") {
	case "":
		f, err = s.Journal.Prove(r.Context(), r.PathValue("id"))
	case "1":
		f, err = s.Journal.NonAnswer(r.Context(), r.PathValue("id"), q.Get("party"), q.Get("text") == "1")
	default:
		return fault.New(fault.Invalid, "nonanswer is 1, or left out.")
	}
	if err != nil {
		return err
	}
	return writeEvidence(w, f)
}

// exportLine handles GET /lines/{id}/export: everything that this desk can
// prove about a line.
func (s *Server) exportLine(w http.ResponseWriter, r *http.Request) error {
	f, err := s.Journal.Export(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeEvidence(w, f)
}

// leftOut is the header that says how many messages may not leave in a file.
const leftOut = "X-Left-Out"

// removedTexts is the same for messages whose text this desk has removed.
const removedTexts = "X-Removed-Texts"

// writeEvidence answers with a file as it is: its bytes are signed.
func writeEvidence(w http.ResponseWriter, f File) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="`+f.Name+`"`)
	w.Header().Set(leftOut, strconv.Itoa(f.LeftOut))
	w.Header().Set(removedTexts, strconv.Itoa(f.Removed))
	_, _ = w.Write(f.File) // a client that went away is no failure of ours
	return nil
}
