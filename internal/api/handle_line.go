package api

import (
	"net/http"

	"hotline/internal/fault"
)

// listLines handles GET /lines.
func (s *Server) listLines(w http.ResponseWriter, r *http.Request) error {
	ls, err := s.Lines.List(r.Context())
	if err != nil {
		return err
	}
	for i := range ls {
		ls[i] = ls[i].filled()
	}
	return writeJSON(w, http.StatusOK, list(ls))
}

// getLine handles GET /lines/{id}.
func (s *Server) getLine(w http.ResponseWriter, r *http.Request) error {
	l, err := s.Lines.Get(r.Context(), r.PathValue("id"))
	return answerLine(w, http.StatusOK, l, err)
}

// createLine handles POST /lines: proposes a line to paired parties.
func (s *Server) createLine(w http.ResponseWriter, r *http.Request) error {
	var in LineNew
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if in.Name == "" {
		return fault.New(fault.Invalid, "A line needs a name.")
	}
	if len(in.Parties) == 0 {
		return fault.New(fault.Invalid, "A line needs at least one other party.").WithHint("pair with it first: hotline pair start")
	}
	l, err := s.Lines.Create(r.Context(), in)
	return answerLine(w, http.StatusCreated, l, err)
}

// acceptLine handles POST /lines/{id}/accept: signs a proposed charter.
func (s *Server) acceptLine(w http.ResponseWriter, r *http.Request) error {
	if err := readNothing(w, r); err != nil {
		return err
	}
	l, err := s.Lines.Accept(r.Context(), r.PathValue("id"))
	return answerLine(w, http.StatusOK, l, err)
}

// leaveLine handles POST /lines/{id}/leave.
func (s *Server) leaveLine(w http.ResponseWriter, r *http.Request) error {
	if err := readNothing(w, r); err != nil {
		return err
	}
	l, err := s.Lines.Leave(r.Context(), r.PathValue("id"))
	return answerLine(w, http.StatusOK, l, err)
}

// getCard handles GET /card: this desk's card, for a desk that is on a line.
func (s *Server) getCard(w http.ResponseWriter, r *http.Request) error {
	f, err := s.Joining.Card(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, f)
}

// addDesk handles POST /lines/{id}/desks: puts a further desk of the own party
// on the line and answers with the joining pack for it.
func (s *Server) addDesk(w http.ResponseWriter, r *http.Request) error {
	var in CardIn
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if len(in.Card) == 0 {
		return fault.New(fault.Invalid, "The card of the new desk is missing.")
	}
	f, err := s.Joining.AddDesk(r.Context(), r.PathValue("id"), in.Card)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, f)
}

// joinLine handles POST /lines/join: opens a joining pack on the new desk.
func (s *Server) joinLine(w http.ResponseWriter, r *http.Request) error {
	var in PackIn
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if len(in.Pack) == 0 {
		return fault.New(fault.Invalid, "The joining pack is missing.")
	}
	l, err := s.Joining.Join(r.Context(), in.Pack)
	return answerLine(w, http.StatusOK, l, err)
}

func answerLine(w http.ResponseWriter, status int, l Line, err error) error {
	if err != nil {
		return err
	}
	return writeJSON(w, status, l.filled())
}

// filled returns l without nil lists.
func (l Line) filled() Line {
	l.Parties = list(l.Parties)
	l.Alarms = list(l.Alarms)
	for i := range l.Parties {
		l.Parties[i].Desks = list(l.Parties[i].Desks)
	}
	l.Rule.REL = list(l.Rule.REL)
	return l
}

// getCheck handles GET /lines/{id}/check: how the records of a line compared.
func (s *Server) getCheck(w http.ResponseWriter, r *http.Request) error {
	c, err := s.Lines.Checks(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, c.filled())
}

// checkLine handles POST /lines/{id}/check: asks every desk of a line now what
// it holds. It answers at once; GET shows what came.
func (s *Server) checkLine(w http.ResponseWriter, r *http.Request) error {
	if err := readNothing(w, r); err != nil {
		return err
	}
	c, err := s.Lines.Check(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, c.filled())
}

// renewKeys handles POST /lines/{id}/keys/renew: new sending keys of this desk.
func (s *Server) renewKeys(w http.ResponseWriter, r *http.Request) error {
	if err := readNothing(w, r); err != nil {
		return err
	}
	l, err := s.Lines.RenewKeys(r.Context(), r.PathValue("id"))
	return answerLine(w, http.StatusOK, l, err)
}
