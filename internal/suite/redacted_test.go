package suite

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"hotline/internal/redact"
)

// TestKeysCannotBePrinted puts every key through every verb and encoder, alone
// and in an unexported field of somebody else's struct, and looks for its seed.
func TestKeysCannotBePrinted(t *testing.T) {
	type holder struct {
		name string
		key  any
	}
	type typed struct{ k MessageKey }
	m, d, r, k := s.NewMessageKey(), s.NewDeskKey(), s.NewRootKey(), s.NewSealKey()
	keys := map[string]struct {
		key  any
		seed []byte
	}{
		"MessageKey":                        {m, m.Seed()},
		"DeskKey, classic half":             {d, d.Seed()[:32]},
		"DeskKey, quantum half":             {d, d.Seed()[len(d.Seed())-32:]},
		"RootKey, classic half":             {r, r.Seed()[:32]},
		"RootKey, quantum half":             {r, r.Seed()[len(r.Seed())-32:]},
		"SealKey":                           {k, k.Bytes()},
		"MessageKey in an unexported field": {typed{m}, m.Seed()},
	}
	for name, tt := range keys {
		t.Run(name, func(t *testing.T) {
			for what, text := range printed(tt.key, holder{"x", tt.key}) {
				if leak := leaks(text, tt.seed); leak != "" {
					t.Errorf("%s shows the seed as %s: %.80q", what, leak, text)
				}
			}
		})
	}
	if got := fmt.Sprintf("%v %d %#v", m, d, k); got != "(redacted) (redacted) (redacted)" {
		t.Errorf("printed as %q", got)
	}
	if m.String() != redact.Placeholder || d.GoString() != redact.Placeholder || r.LogValue().String() != redact.Placeholder {
		t.Error("String, GoString or LogValue is not the placeholder")
	}
	// The search itself must find a seed that is printed.
	for _, verb := range []string{"%x", "%d", "%v", "%X", "%#v"} {
		if leaks(fmt.Sprintf(verb, m.Seed()), m.Seed()) == "" {
			t.Errorf("the search misses a seed printed with %s", verb)
		}
	}
}

// printed is v and h as every verb, encoder and log handler writes them.
func printed(v, h any) map[string]string {
	out := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%U", "%08b"} {
		out[verb] = fmt.Sprintf(verb, v)
		out[verb+" in a struct"] = fmt.Sprintf(verb, h)
		out[verb+" of a pointer"] = fmt.Sprintf(verb, &h)
	}
	asJSON, _ := json.Marshal(v)
	out["JSON"] = string(asJSON)
	var text, js bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("key", "key", v, "holder", h)
	slog.New(slog.NewJSONHandler(&js, nil)).Info("key", "key", v, "holder", h)
	out["slog text"], out["slog JSON"] = text.String(), js.String()
	return out
}

// leaks says in which spelling eight bytes of seed stand in text.
func leaks(text string, seed []byte) string {
	part := seed[8:16]
	decimal := strings.Trim(fmt.Sprint(part), "[]")
	goSyntax := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", part), "[]byte{"), "}")
	for name, spelling := range map[string]string{
		"bytes": string(part), "hex": hex.EncodeToString(part), "HEX": strings.ToUpper(hex.EncodeToString(part)),
		"decimal": decimal, "decimal, commas": strings.ReplaceAll(decimal, " ", ","), "Go": goSyntax,
		"base64": base64.StdEncoding.EncodeToString(seed[9:18])[:12],
	} {
		if strings.Contains(text, spelling) {
			return name
		}
	}
	return ""
}
