package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"hotline/internal/fault"
)

// FuzzRequest: a request is read in one way, or refused with a sentence. What is
// read here is read the same by a reader that forgives nothing but order.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"line":"line1a","subject":"EXERCISE","label":{"tlp":"TLP:RED"},"expires_at":"2026-11-23T02:09:00Z"}`))
	f.Add([]byte(`{"line":"a","line":"b"}`))
	f.Add([]byte(`{"LINE":"a"}`))
	f.Add([]byte("{\"subject\":\"\\ud800\"}"))
	f.Add([]byte(`{} {}`))
	f.Add([]byte(`{"nonsense":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, into := range []any{new(Draft), new(DelegateIn), new(StatementIn)} {
			err := decodeStrict(b, into)
			if err != nil {
				if _, ok := errors.AsType[*fault.Error](err); !ok {
					t.Errorf("%v has no sentence for people", err)
				}
				continue
			}
			again := reflect.New(reflect.TypeOf(into).Elem()).Interface()
			dec := json.NewDecoder(bytes.NewReader(b))
			dec.DisallowUnknownFields()
			if err := dec.Decode(again); err != nil || dec.More() || !reflect.DeepEqual(into, again) {
				t.Errorf("%q is read as %+v and as %+v, %v", b, into, again, err)
			}
		}
	})
}
