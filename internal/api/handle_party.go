package api

import (
	"net/http"
	"strings"

	"hotline/internal/fault"
)

// getParty handles GET /parties/{id}.
func (s *Server) getParty(w http.ResponseWriter, r *http.Request) error {
	p, err := s.Standing.Party(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, p.filled())
}

// suspendParty handles POST /parties/{id}/suspend: our party sends it nothing
// new until it is reopened. A delegate key at this desk signs.
func (s *Server) suspendParty(w http.ResponseWriter, r *http.Request) error {
	var in SuspendIn
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if in.Reason = strings.TrimSpace(in.Reason); in.Reason == "" {
		return fault.New(fault.Invalid, "A suspension needs a reason: the other party is shown it.")
	}
	if err := s.stepUp(r.Context(), in.Password); err != nil {
		return err
	}
	in.Password = ""
	p, err := s.Standing.Suspend(r.Context(), r.PathValue("id"), in)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, p.filled())
}

// reopenParty handles POST /parties/{id}/reopen with a statement that the root
// or two custodians signed.
func (s *Server) reopenParty(w http.ResponseWriter, r *http.Request) error {
	var in StatementIn
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if len(in.Statement) == 0 {
		return fault.New(fault.Invalid, "Reopening takes the root, or two custodians.").
			WithHint("hotline party reopen PARTY --custodian FILE --custodian FILE, on the machine of this desk")
	}
	if _, err := s.Standing.State(r.Context(), in.Statement); err != nil {
		return err
	}
	p, err := s.Standing.Party(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, p.filled())
}

// postStatement handles POST /statements: takes in what the own party's root,
// delegate or custodians signed elsewhere, and tells everybody.
func (s *Server) postStatement(w http.ResponseWriter, r *http.Request) error {
	var in StatementIn
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	st, err := s.Standing.State(r.Context(), in.Statement)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, st)
}

// listVersions handles GET /lines/{id}/versions, the first first.
func (s *Server) listVersions(w http.ResponseWriter, r *http.Request) error {
	all, err := s.Standing.Versions(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	for i := range all {
		all[i] = all[i].filled()
	}
	return writeJSON(w, http.StatusOK, list(all))
}

// proposeVersion handles POST /lines/{id}/versions: writes a next version of
// the charter and sends it to all whom it concerns.
func (s *Server) proposeVersion(w http.ResponseWriter, r *http.Request) error {
	var in CharterChange
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	v, err := s.Standing.Propose(r.Context(), r.PathValue("id"), in)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, v.filled())
}

// signVersion handles POST /lines/versions: a version with signatures that
// custodians made elsewhere.
func (s *Server) signVersion(w http.ResponseWriter, r *http.Request) error {
	var in VersionIn
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	v, err := s.Standing.Sign(r.Context(), in.File)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, v.filled())
}

func (v CharterVersion) filled() CharterVersion {
	v.Signed, v.Missing, v.Text = list(v.Signed), list(v.Missing), list(v.Text)
	return v
}

func (p PartyDetail) filled() PartyDetail {
	p.Desks, p.Statements = list(p.Desks), list(p.Statements)
	p.Delegates, p.Custodians = list(p.Delegates), list(p.Custodians)
	return p
}
