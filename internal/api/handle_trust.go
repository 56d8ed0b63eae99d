package api

import (
	"net/http"
	"strings"

	"hotline/internal/fault"
)

// cutOff handles POST /desks/{desk}/cutoff: removes a desk of the own party
// from all its lines, for good, and tells everybody.
func (s *Server) cutOff(w http.ResponseWriter, r *http.Request) error {
	var in CutoffIn
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	in.Reason = strings.TrimSpace(in.Reason)
	switch {
	case in.Confirm == "":
		return fault.New(fault.Invalid, "Cutting off a desk is final. Its name has to be typed.").WithHint(`"confirm": the desk's name`)
	case in.Reason == "":
		return fault.New(fault.Invalid, "A cut-off needs a reason: every desk of the line is shown it.")
	}
	if err := s.stepUp(r.Context(), in.Password); err != nil {
		return err
	}
	in.Password = ""
	c, err := s.Trust.CutOff(r.Context(), r.PathValue("desk"), in)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, c.filled())
}

// listCutoffs handles GET /cutoffs, newest first.
func (s *Server) listCutoffs(w http.ResponseWriter, r *http.Request) error {
	all, err := s.Trust.Cutoffs(r.Context())
	if err != nil {
		return err
	}
	for i := range all {
		all[i] = all[i].filled()
	}
	return writeJSON(w, http.StatusOK, list(all))
}

// getCutoff handles GET /cutoffs/{id}: by statement, or by the desk's id or name.
func (s *Server) getCutoff(w http.ResponseWriter, r *http.Request) error {
	c, err := s.Trust.Cutoff(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, c.filled())
}

// lineTrust handles GET /lines/{id}/trust.
func (s *Server) lineTrust(w http.ResponseWriter, r *http.Request) error {
	t, err := s.Trust.LineTrust(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, t.filled())
}

// listDelegates handles GET /delegates: the delegate keys at this desk.
func (s *Server) listDelegates(w http.ResponseWriter, r *http.Request) error {
	all, err := s.Trust.Delegates(r.Context())
	if err != nil {
		return err
	}
	for i := range all {
		all[i].Desks = list(all[i].Desks)
	}
	return writeJSON(w, http.StatusOK, list(all))
}

// importDelegate handles POST /delegates: keeps a delegate key at this desk.
func (s *Server) importDelegate(w http.ResponseWriter, r *http.Request) error {
	var in DelegateIn
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	d, err := s.Trust.ImportDelegate(r.Context(), in)
	if err != nil {
		return err
	}
	d.Desks = list(d.Desks)
	return writeJSON(w, http.StatusCreated, d)
}

func (c Cutoff) filled() Cutoff {
	c.Unconfirmed = list(c.Unconfirmed)
	return c
}

func (t LineTrust) filled() LineTrust {
	t.Charter.Signed, t.Charter.Pending = list(t.Charter.Signed), list(t.Charter.Pending)
	t.Checks = t.Checks.filled()
	t.Desks, t.Statements, t.Cutoffs = list(t.Desks), list(t.Statements), list(t.Cutoffs)
	for i := range t.Desks {
		t.Desks[i].Delegates = list(t.Desks[i].Delegates)
	}
	for i := range t.Cutoffs {
		t.Cutoffs[i] = t.Cutoffs[i].filled()
	}
	return t
}

// filled returns c without nil lists.
func (c TrustChecks) filled() TrustChecks {
	c.Desks, c.Alarms, c.Complaints, c.Amber = list(c.Desks), list(c.Alarms), list(c.Complaints), list(c.Amber)
	return c
}
