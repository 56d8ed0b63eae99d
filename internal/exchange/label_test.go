package exchange

import (
	"slices"
	"strings"
	"testing"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/marking"
)

func TestLabelWithNamesAndBack(t *testing.T) {
	one, two := ident.Party{1}, ident.Party{2}
	d := directory{ids: map[string]ident.Party{"JPN": two, "NATO": one, "Otan": one}}
	l, err := marking.Parse(marking.Fields{TLP: "TLP:AMBER", PAP: "PAP:RED", Classification: "none", REL: []string{"JPN", "NATO", "Otan"}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := d.label(l)
	if err != nil || !slices.Equal(w.REL, []ident.Party{one, two}) {
		t.Fatalf("label: REL = %v, error %v, want each party once, in order", w.REL, err)
	}
	back := (&View{Names: map[ident.Party]string{one: "NATO"}}).Marking(w)
	if err := back.Check(); err != nil || !slices.Equal(back.REL.Parties, []string{"NATO", two.String()}) {
		t.Errorf("Marking REL = %v, check %v", back.REL, err)
	}
	l.REL.Parties[1] = "NTAO"
	if _, err := d.label(l); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), `"NTAO"`) {
		t.Errorf("an unknown name: %v", err)
	}
}
