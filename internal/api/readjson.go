package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"unicode/utf8"

	"hotline/internal/fault"
)

// maxDepth is how deep a request may nest. Ours nest 3 deep.
const maxDepth = 8

// readJSON reads the body of a POST into v. It refuses what encoding/json
// would forgive: another media type, a body over [MaxBody], bytes that are not
// UTF-8, unknown fields, a field given twice, a field in other letters ("TLP"
// for "tlp"), and anything after the value. What is forgiven here is read
// differently somewhere else, and a label is not to be read differently.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return fault.New(fault.Invalid, "A request must have the content type application/json.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	return decodeStrict(body, v)
}

func decodeStrict(body []byte, v any) error {
	if !utf8.Valid(body) {
		return fault.New(fault.Invalid, "The request is not valid UTF-8.")
	}
	if err := checkKeys(body); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return badJSON(err)
	}
	return nil
}

// badJSON says what is wrong with a request in words. The text of
// encoding/json names fields and types of the request, never its values.
func badJSON(err error) error {
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fault.Wrap(err, fault.Invalid, "The field %q does not take a %s.", t.Field, t.Value)
	}
	if syn, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fault.Wrap(err, fault.Invalid, "The request is not JSON: it breaks at byte %d.", syn.Offset)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.Wrap(err, fault.Invalid, "The request is empty or ends too early.")
	}
	return fault.Wrap(err, fault.Invalid, "The request does not have the right form.").WithHint("%s", err)
}

// level is one open object or array of a request.
type level struct {
	seen  map[string]bool // keys of an object; nil in an array
	isKey bool            // the next string of an object is a key
}

// checkKeys walks the tokens of one JSON value and checks what struct decoding
// cannot see: that each key of an object stands there once and is spelled as
// all of ours are, that nothing follows, and that no escape stands for half a
// character.
func checkKeys(body []byte) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	replaced := bytes.ContainsRune(body, utf8.RuneError)
	var open []level
	for {
		tok, err := dec.Token()
		if err != nil {
			return badJSON(err)
		}
		switch t := tok.(type) {
		case json.Delim:
			if t == '{' || t == '[' {
				if len(open) == maxDepth {
					return fault.New(fault.Invalid, "The request nests deeper than %d levels.", maxDepth)
				}
				l := level{isKey: t == '{'}
				if t == '{' {
					l.seen = map[string]bool{}
				}
				open = append(open, l)
				continue // a key or an element follows
			}
			open = open[:len(open)-1]
		case string:
			if !replaced && bytes.ContainsRune([]byte(t), utf8.RuneError) {
				return fault.New(fault.Invalid, "The request holds an escape that is half a character.")
			}
			if top := len(open) - 1; top >= 0 && open[top].isKey {
				if err := takeKey(open[top].seen, t); err != nil {
					return err
				}
				open[top].isKey = false
				continue
			}
		}
		if len(open) == 0 { // the value is complete
			if _, err := dec.Token(); !errors.Is(err, io.EOF) {
				return fault.New(fault.Invalid, "Something follows the end of the request.")
			}
			return nil
		}
		if top := len(open) - 1; open[top].seen != nil {
			open[top].isKey = true
		}
	}
}

func takeKey(seen map[string]bool, key string) error {
	for _, c := range []byte(key) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return fault.New(fault.Invalid, "A field is spelled in lower case letters, digits and underscores; one is not.")
		}
	}
	if seen[key] {
		return fault.New(fault.Invalid, "The field %q is given twice.", key)
	}
	seen[key] = true
	return nil
}
