package link_test

import (
	"strings"
	"testing"
	"time"

	"hotline/internal/link"
)

func TestInviteTokenReadsBack(t *testing.T) {
	want := link.Invite{Addr: "relay.example:8651", Quota: 7, Expiry: time.Unix(1_800_000_000, 0).UTC()}
	want.Pin[3], want.Secret[2] = 1, 2
	token := want.Token()
	got, err := link.ParseInvite(" " + token + "\n")
	if err != nil || got != want {
		t.Errorf("ParseInvite = %#v, %v; want %#v", got, err, want)
	}
	if strings.Contains(want.String(), token[len(token)-20:]) {
		t.Error("String shows the secret")
	}
	for name, bad := range map[string]string{
		"nothing":      "",
		"another kind": "party1aaaa",
		"short":        token[:len(token)-1],
		"a slip":       token[:40] + swap(token[40:41]) + token[41:],
	} {
		if _, err := link.ParseInvite(bad); err == nil {
			t.Errorf("%s: %q was read", name, bad)
		}
	}
}

func swap(s string) string {
	if s == "a" {
		return "b"
	}
	return "a"
}

// FuzzParseInvite: a token that reads writes the same token.
func FuzzParseInvite(f *testing.F) {
	f.Add(link.Invite{Addr: "relay.example:7402", Quota: 1 << 30, Expiry: time.Unix(1795399740, 0)}.Token())
	f.Add("relayinvite1")
	f.Fuzz(func(t *testing.T, s string) {
		i, err := link.ParseInvite(s)
		if err != nil {
			return
		}
		if again, err := link.ParseInvite(i.Token()); err != nil || again != i {
			t.Errorf("%q reads as %+v, %v", s, again, err)
		}
	})
}
