package api

import (
	"io"
	"net/http"
	"strconv"

	"hotline/internal/fault"
)

// listPairings handles GET /pairings. The words to say are left out: they are
// for the officer who opens one pairing.
func (s *Server) listPairings(w http.ResponseWriter, r *http.Request) error {
	ps, err := s.Pairings.List(r.Context())
	if err != nil {
		return err
	}
	for i := range ps {
		ps[i].Say, ps[i].File = nil, nil
	}
	return writeJSON(w, http.StatusOK, list(ps))
}

// getPairing handles GET /pairings/{id}: with the file to hand over, and the
// words once there are some.
func (s *Server) getPairing(w http.ResponseWriter, r *http.Request) error {
	p, err := s.Pairings.Get(r.Context(), r.PathValue("id"))
	return answerPairing(w, http.StatusOK, p, err)
}

// startPairing handles POST /pairings: makes the first of the three files.
func (s *Server) startPairing(w http.ResponseWriter, r *http.Request) error {
	var in PairingNew
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if in.Peer == "" {
		return fault.New(fault.Invalid, "A pairing needs a name for the other party.")
	}
	p, err := s.Pairings.Start(r.Context(), in)
	return answerPairing(w, http.StatusCreated, p, err)
}

// answerPairingFile handles POST /pairings/answer: reads the first file and makes
// the second.
func (s *Server) answerPairingFile(w http.ResponseWriter, r *http.Request) error {
	in, err := readPairingFile(w, r)
	if err != nil {
		return err
	}
	p, err := s.Pairings.Answer(r.Context(), in)
	return answerPairing(w, http.StatusCreated, p, err)
}

// openPairing handles POST /pairings/{id}/open: reads the second file and
// makes the third, or reads the third.
func (s *Server) openPairing(w http.ResponseWriter, r *http.Request) error {
	in, err := readPairingFile(w, r)
	if err != nil {
		return err
	}
	p, err := s.Pairings.Open(r.Context(), r.PathValue("id"), in.File)
	return answerPairing(w, http.StatusOK, p, err)
}

// confirmPairing handles POST /pairings/{id}/confirm: the six words heard.
func (s *Server) confirmPairing(w http.ResponseWriter, r *http.Request) error {
	var in PairingWords
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if len(in.Words) != 6 {
		return fault.New(fault.Invalid, "The other side reads six words; %d were given.", len(in.Words))
	}
	p, err := s.Pairings.Confirm(r.Context(), r.PathValue("id"), in.Words)
	return answerPairing(w, http.StatusOK, p, err)
}

func readPairingFile(w http.ResponseWriter, r *http.Request) (PairingFile, error) {
	var in PairingFile
	if err := readJSON(w, r, &in); err != nil {
		return PairingFile{}, err
	}
	if len(in.File) == 0 {
		return PairingFile{}, fault.New(fault.Invalid, "The pairing file is missing.")
	}
	return in, nil
}

func answerPairing(w http.ResponseWriter, status int, p Pairing, err error) error {
	if err != nil {
		return err
	}
	return writeJSON(w, status, p)
}

// readNothing reads a body that says nothing: empty, or {}.
func readNothing(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil || len(body) == 0 {
		return err
	}
	return decodeStrict(body, &struct{}{})
}

// queryNumber reads a whole number of the query; absent gives def.
func queryNumber(r *http.Request, name string, def uint64) (uint64, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return def, nil
	}
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, fault.Wrap(err, fault.Invalid, "The value of %s is not a whole number.", name)
	}
	return n, nil
}

// queryLimit reads the limit of a list.
func queryLimit(r *http.Request) (int, error) {
	n, err := queryNumber(r, "limit", DefaultPage)
	if err != nil {
		return 0, err
	}
	if n < 1 || n > MaxPage {
		return 0, fault.New(fault.Invalid, "A limit is 1 to %d.", MaxPage)
	}
	return int(n), nil
}
