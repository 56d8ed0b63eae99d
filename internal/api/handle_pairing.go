package api

import (
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"

	"hotline/internal/fault"
	"hotline/internal/qrcode"
)

// listPairings handles GET /pairings. Words and codes are left out: they
// are for the officer who opens one pairing.
func (s *Server) listPairings(w http.ResponseWriter, r *http.Request) error {
	ps, err := s.Pairings.List(r.Context())
	if err != nil {
		return err
	}
	for i := range ps {
		ps[i].Say, ps[i].File, ps[i].Rendezvous = nil, nil, nil
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

// joinPairing handles POST /pairings/join: answers what lies under a code.
func (s *Server) joinPairing(w http.ResponseWriter, r *http.Request) error {
	var in PairingCode
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	p, err := s.Pairings.Join(r.Context(), in)
	return answerPairing(w, http.StatusCreated, p, err)
}

// openPairing handles POST /pairings/{id}/open and POST /pairings/open: reads
// the second file and makes the third, or reads the third. Without an id the
// file says which pairing it is for.
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
	// Passwords first: a wrong one must not cost an attempt at the words.
	if err := s.stepUp(r.Context(), in.Password); err != nil {
		return err
	}
	witness, err := s.second(r.Context(), in.Witness, Operator)
	if err != nil {
		return err
	}
	p, err := s.Pairings.Confirm(r.Context(), r.PathValue("id"), in.Words, witness)
	return answerPairing(w, http.StatusOK, p, err)
}

// abandonPairing handles POST /pairings/{id}/abandon.
func (s *Server) abandonPairing(w http.ResponseWriter, r *http.Request) error {
	if err := readNothing(w, r); err != nil {
		return err
	}
	p, err := s.Pairings.Abandon(r.Context(), r.PathValue("id"))
	return answerPairing(w, http.StatusOK, p, err)
}

// getPairingRecord handles GET /pairings/{id}/record: who verified which root,
// and when, as a signed text.
func (s *Server) getPairingRecord(w http.ResponseWriter, r *http.Request) error {
	f, err := s.Pairings.Record(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, f)
}

// getPairingQR handles GET /pairings/{id}/qr?of=code|file|words: a picture of
// what is otherwise typed.
func (s *Server) getPairingQR(w http.ResponseWriter, r *http.Request) error {
	p, err := s.Pairings.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	text, err := p.QR(r.URL.Query().Get("of"))
	if err != nil {
		return err
	}
	code, err := qrcode.New(text)
	if err != nil {
		return err
	}
	noStore(w)
	w.Header().Set("Content-Type", "image/svg+xml")
	_, _ = w.Write(code.SVG()) // a client that left is not our fault
	return nil
}

// QR returns what a QR code of a pairing holds, so that a scanner types it: the
// rendezvous code, the file to hand over as far as it fits, or the six words to
// say. The other side still has to confirm what it scanned.
func (p Pairing) QR(of string) (string, error) {
	switch {
	case of == "code" && p.Rendezvous != nil:
		return p.Rendezvous.Code, nil
	case of == "words" && len(p.Say) > 0:
		return strings.Join(p.Say, " "), nil
	case of == "file" && len(p.File) > 0 && len(p.File) <= maxQRFile:
		return base64.StdEncoding.EncodeToString(p.File), nil
	case of == "code" || of == "words" || of == "file":
		return "", fault.New(fault.NotFound, "There is nothing of that kind to show now.").
			WithHint("a file of more than %d bytes fits no QR code: use a rendezvous, or carry it", maxQRFile)
	}
	return "", fault.New(fault.Invalid, "A QR code is of code, file or words.")
}

// maxQRFile is the longest file that goes into one QR code, in bytes: the first
// of the three does.
const maxQRFile = 700

// stopParty handles POST /parties/{id}/stop: the lines with a party stand still
// until a new ceremony.
func (s *Server) stopParty(w http.ResponseWriter, r *http.Request) error {
	var in PartyStop
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if err := s.stepUp(r.Context(), in.Password); err != nil {
		return err
	}
	p, err := s.Pairings.Stop(r.Context(), r.PathValue("id"), in.Reason, in.Confirm)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, p)
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
