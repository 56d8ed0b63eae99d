package redact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestSecretsAreNotPrinted puts a type that embeds Secret through fmt, JSON and
// slog. Packages suite and chain do the same with their keys.
func TestSecretsAreNotPrinted(t *testing.T) {
	type key struct {
		Secret
		seed string
	}
	k := key{seed: "EXERCISE seed"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("key", "key", k)
	asJSON, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %x", k, k, k, k, k), log.String(), string(asJSON), k.String(), k.GoString()} {
		if strings.Contains(text, k.seed) || strings.Contains(text, fmt.Sprintf("%x", k.seed)) || !strings.Contains(text, Placeholder) {
			t.Errorf("printed as %s", text)
		}
	}
}
