package console

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"hotline/internal/fault"
)

// statusOf is the HTTP status of each kind of fault.
var statusOf = map[fault.Kind]int{
	fault.Invalid: http.StatusBadRequest, fault.NotFound: http.StatusNotFound, fault.Conflict: http.StatusConflict,
	fault.Refused: http.StatusUnprocessableEntity, fault.Denied: http.StatusUnauthorized, fault.TooLarge: http.StatusRequestEntityTooLarge,
	fault.Busy: http.StatusTooManyRequests, fault.Unavailable: http.StatusServiceUnavailable, fault.Timeout: http.StatusGatewayTimeout,
}

// writeFault answers with the sentence that may leave the desk.
func writeFault(w http.ResponseWriter, err error) {
	kind, msg, hint := fault.Visible(err)
	status := statusOf[kind]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	writeJSON(w, status, map[string]string{"kind": kind.String(), "msg": msg, "hint": hint, "ref": rand.Text()[:8]})
}

// writeJSON answers with v. An error here is a closed connection.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// readJSON reads a small body strictly: JSON, one value, known fields.
func readJSON(w http.ResponseWriter, r *http.Request, dst any) error {
	if ct, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(ct) != "application/json" {
		return fault.New(fault.Invalid, "This address takes JSON only.")
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxForm))
	d.DisallowUnknownFields()
	if err := d.Decode(dst); err != nil {
		return fault.Wrap(err, fault.Invalid, "What was sent cannot be read.")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "What was sent has something after its end.")
	}
	return nil
}
