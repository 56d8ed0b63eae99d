package trust

import (
	"testing"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/store"
)

func TestDashesOfALineNameAreAlike(t *testing.T) {
	for _, typed := range []string{"JPN–NATO", "JPN-NATO", "JPN—NATO"} {
		if plain(typed) != "JPN-NATO" {
			t.Errorf("plain(%q) = %q, want JPN-NATO", typed, plain(typed))
		}
	}
}

// TestLineIsTheOneThatIsMeant: a peer can offer a line whose name differs in
// its dash only. It must not take the place of the one that stands here.
func TestLineIsTheOneThatIsMeant(t *testing.T) {
	hyphen, dash, other := store.Line{ID: ident.Line{1}, Name: "JPN-NATO"}, store.Line{ID: ident.Line{2}, Name: "JPN–NATO"}, store.Line{ID: ident.Line{3}, Name: "Alliance"}
	for _, c := range []struct {
		all  []store.Line
		ref  string
		want ident.Line // zero: refused
	}{
		{[]store.Line{hyphen, dash, other}, "JPN–NATO", dash.ID},
		{[]store.Line{hyphen, dash, other}, "JPN-NATO", hyphen.ID},
		{[]store.Line{hyphen, dash, other}, "JPN—NATO", ident.Line{}},
		{[]store.Line{dash, other}, "JPN-NATO", dash.ID},
		{[]store.Line{dash, other}, "JPN", ident.Line{}},
		{[]store.Line{hyphen, other}, other.ID.String()[:12], other.ID},
		{[]store.Line{hyphen, other}, other.ID.String(), other.ID},
		{[]store.Line{hyphen, other}, "line1", ident.Line{}},
	} {
		got, err := pick(c.all, c.ref)
		if got.ID != c.want || (err == nil) != (c.want != ident.Line{}) {
			t.Errorf("pick(%q) = %q, %v", c.ref, got.Name, err)
		}
		if err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.NotFound) {
			t.Errorf("pick(%q): %v has no kind", c.ref, err)
		}
	}
}

func TestOffersWithoutEndAreRefused(t *testing.T) {
	var all []store.Line
	for range maxProposed - 1 {
		all = append(all, store.Line{State: "open"}, store.Line{State: "proposed"})
	}
	if err := room(all); err != nil {
		t.Errorf("room with %d proposed lines = %v, want none", maxProposed-1, err)
	}
	all = append(all, store.Line{State: "proposed"})
	if k, _, _ := fault.Visible(room(all)); k != fault.Refused {
		t.Errorf("room with %d proposed lines = %v, want a refusal", maxProposed, room(all))
	}
}
