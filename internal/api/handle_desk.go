package api

import (
	"net/http"
	"path/filepath"

	"hotline/internal/fault"
)

// getDesk handles GET /desk: this desk, its links, and what waits.
func (s *Server) getDesk(w http.ResponseWriter, r *http.Request) error {
	d, err := s.Status.Desk(r.Context())
	if err != nil {
		return err
	}
	who, _ := OfficerFrom(r.Context())
	d.Officer, d.Role = who.Name, string(who.Role)
	d.Relays, d.Alarms = list(d.Relays), list(d.Alarms)
	return writeJSON(w, http.StatusOK, d)
}

// listParties handles GET /parties.
func (s *Server) listParties(w http.ResponseWriter, r *http.Request) error {
	ps, err := s.Status.Parties(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, list(ps))
}

// postPresence handles POST /presence: a console is open, and this is what it
// can do about a FLASH. It answers 204.
func (s *Server) postPresence(w http.ResponseWriter, r *http.Request) error {
	var in Presence
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	switch in.Sound {
	case "proven", "muted", "none":
	default:
		return fault.New(fault.Invalid, "The sound of a console is proven, muted or none.")
	}
	if len(in.Sounding) > MaxSounding {
		return fault.New(fault.TooLarge, "A console reports at most %d alarms at once.", MaxSounding)
	}
	if len(in.Sounding) > 0 && in.Sound != "proven" {
		return fault.New(fault.Invalid, "A console whose sound is not proven cannot report an alarm.")
	}
	if err := s.Status.Presence(r.Context(), in); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// listJournal handles GET /journal?after=&limit=: leaves, oldest first.
func (s *Server) listJournal(w http.ResponseWriter, r *http.Request) error {
	after, err := queryNumber(r, "after", 0)
	if err != nil {
		return err
	}
	limit, err := queryLimit(r)
	if err != nil {
		return err
	}
	leaves, err := s.Journal.Leaves(r.Context(), after, limit)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, list(leaves))
}

// postBackup handles POST /backup: writes a copy of the store beside the desk.
func (s *Server) postBackup(w http.ResponseWriter, r *http.Request) error {
	var in BackupIn
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if !filepath.IsAbs(in.Path) {
		return fault.New(fault.Invalid, "A backup needs an absolute path.")
	}
	b, err := s.Custody.Backup(r.Context(), in.Path)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, b)
}

// postSignInLink handles POST /sign-in-links: a one-time link to the console.
func (s *Server) postSignInLink(w http.ResponseWriter, r *http.Request) error {
	var in SignInLinkIn
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	l, err := s.Custody.SignInLink(r.Context(), in.Officer)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, l)
}

// postZeroize handles POST /zeroize: the desk destroys itself for ever, if its
// own name was typed. It answers 202, and then nothing any more.
func (s *Server) postZeroize(w http.ResponseWriter, r *http.Request) error {
	var in ZeroizeIn
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if err := s.Custody.Zeroize(r.Context(), in.Confirm); err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// settleDuress handles POST /duress/{desk}/settle: an officer ends the alarm
// about a desk of the own party, named by its id or name. It asks for the
// officer's password again, and answers 204.
func (s *Server) settleDuress(w http.ResponseWriter, r *http.Request) error {
	var in PasswordIn
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if err := s.stepUp(r.Context(), in.Password); err != nil {
		return err
	}
	if err := s.Status.SettleDuress(r.Context(), r.PathValue("desk")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
