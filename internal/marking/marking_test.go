package marking

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sentenceOf returns the error as one that may be shown, or fails.
func sentenceOf(t *testing.T, err error) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("error %v has no sentence", err)
	}
	if !strings.HasSuffix(e.Msg, ".") || strings.Contains(e.Msg, "\n") {
		t.Errorf("not one sentence: %q", e.Msg)
	}
	return e
}

func TestParseTLPAndPAP(t *testing.T) {
	good := map[string]TLP{
		"": 0, "TLP:RED": TLPRed, "RED": TLPRed, "TLP:AMBER+STRICT": TLPAmberStrict, "AMBER+STRICT": TLPAmberStrict,
		"TLP:AMBER": TLPAmber, "TLP:GREEN": TLPGreen, "TLP:CLEAR": TLPClear, "TLP:WHITE": TLPClear, "WHITE": TLPClear,
	}
	for s, want := range good {
		if got, err := ParseTLP(s); err != nil || got != want {
			t.Errorf("ParseTLP(%q) = %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"red", "TLP:", "TLP: RED", "TLP:AMBER STRICT", "TLP:AMBER+", "TLP:ORANGE", "PAP:RED", " TLP:RED", "TLP:TLP:RED", "tlp:red", "RED\x00", "white", "TLP:White"} {
		got, err := ParseTLP(s)
		if got != 0 || err == nil {
			t.Errorf("ParseTLP(%q) = %v, %v, want an error", s, got, err)
			continue
		}
		if e := sentenceOf(t, err); !strings.Contains(e.Hint, "TLP:AMBER+STRICT") || e.Field != "tlp" {
			t.Errorf("ParseTLP(%q): field %q, hint %q", s, e.Field, e.Hint)
		}
	}
	for s, want := range map[string]PAP{"": 0, "PAP:RED": PAPRed, "AMBER": PAPAmber, "PAP:GREEN": PAPGreen, "PAP:CLEAR": PAPClear, "PAP:WHITE": PAPClear} {
		if got, err := ParsePAP(s); err != nil || got != want {
			t.Errorf("ParsePAP(%q) = %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"pap:red", "PAP:AMBER+STRICT", "TLP:RED", "white"} {
		if got, err := ParsePAP(s); got != 0 || err == nil {
			t.Errorf("ParsePAP(%q) = %v, %v, want an error", s, got, err)
		}
	}
}

func TestParseREL(t *testing.T) {
	tests := map[string]struct {
		in   []string
		want REL
		bad  bool
	}{
		"not chosen":       {nil, REL{}, false},
		"two parties":      {[]string{"JPN", "NATO"}, REL{Parties: []string{"JPN", "NATO"}}, false},
		"a name in words":  {[]string{"日本 外務省"}, REL{Parties: []string{"日本 外務省"}}, false},
		"anyone":           {[]string{"ANY"}, REL{Any: true}, false},
		"any is no name":   {[]string{"any"}, REL{Parties: []string{"any"}}, false},
		"anyone and more":  {[]string{"ANY", "JPN"}, REL{}, true},
		"twice":            {[]string{"JPN", "JPN"}, REL{}, true},
		"an empty name":    {[]string{""}, REL{}, true},
		"a list in a name": {[]string{"JPN,NATO"}, REL{}, true},
		"a space before":   {[]string{" JPN"}, REL{}, true},
		"an override":      {[]string{"JPN\u202e"}, REL{}, true},
		"too long":         {[]string{strings.Repeat("x", maxName+1)}, REL{}, true},
		"too many":         {make([]string, maxParties+1), REL{}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseREL(tt.in)
			if diff := cmp.Diff(tt.want, got); diff != "" || tt.bad != (err != nil) {
				t.Errorf("ParseREL(%q) error %v, difference (-want +got):\n%s", tt.in, err, diff)
			}
			if err != nil {
				sentenceOf(t, err)
			}
		})
	}
	if (REL{Any: true}).Names("") || (REL{}).Names("") || (REL{}).Names("JPN") || !(REL{Any: true}).Names("JPN") {
		t.Error("REL names whom it should not")
	}
}

func TestParseClassification(t *testing.T) {
	good := map[string]Classification{
		"":                     {},
		"none":                 Unclassified,
		"NATO RESTRICTED":      {"NATO", "NATO RESTRICTED"},
		"NR":                   {"NATO", "NATO RESTRICTED"},
		"CTS":                  {"NATO", "COSMIC TOP SECRET"},
		"R-UE":                 {"EU", "EU RESTRICTED"},
		"JPN:特定秘密":             {"JPN", "特定秘密"},
		"DEU:VS-NFD":           {"DEU", "VS-NFD"},
		"JPN:HI + NATO SECRET": {"", "JPN:HI + NATO SECRET"},
	}
	for s, want := range good {
		if got, err := ParseClassification(s); err != nil || got != want {
			t.Errorf("ParseClassification(%q) = %+v, %v, want %+v", s, got, err, want)
		}
	}
	for _, s := range []string{
		"None", "NATO RESTRICETD", "nato restricted", "NATO:SECRET", "EU:X", "TLP:RED", "PAP:RED", "REL:JPN", "JPN:", ":HI", "jpn:HI", "JPN:a:b",
		"JPN:x\ny", "NATO SECRET + JPN:HI", "none + JPN:HI", "JPN:HI + JPN:HI", "NATO SECRET + NATO RESTRICTED", " + ", "SECRET", strings.Repeat("X", 200),
	} {
		got, err := ParseClassification(s)
		if err == nil || got.Chosen() {
			t.Errorf("ParseClassification(%q) = %+v, %v, want an error", s, got, err)
			continue
		}
		sentenceOf(t, err)
	}
}

func classification(t *testing.T, s string) Classification {
	t.Helper()
	c, err := ParseClassification(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCeilings(t *testing.T) {
	tests := []struct {
		level, ceiling string
		want           bool
	}{
		{"none", "", true},
		{"none", "none", true},
		{"none", "NS", true},
		{"NU", "", true},
		{"NU", "R-UE", true},
		{"NR", "", false},
		{"NR", "none", false},
		{"NR", "NU", false},
		{"NR", "NR", true},
		{"NR", "CTS", true},
		{"NS", "NC", false},
		{"R-UE", "none", false},
		{"R-UE", "NU", false},
		{"R-UE", "CTS", false}, // policies do not compare
		{"R-UE", "TS-UE", true},
		{"JPN:HI", "JPN:HI", false}, // an unmapped level is above every ceiling
		{"JPN:HI", "CTS", false},
		{"JPN:HI + NATO SECRET", "CTS", false},
		{"", "CTS", false}, // nobody has chosen
		{"", "", false},
	}
	for _, tt := range tests {
		if got := classification(t, tt.level).Within(classification(t, tt.ceiling)); got != tt.want {
			t.Errorf("%q within %q = %v, want %v", tt.level, tt.ceiling, got, tt.want)
		}
	}
}

func TestCaveats(t *testing.T) {
	got, err := ParseCaveats([]string{"EMBARGO 010900ZDEC26", "ORCON", "EYES ONLY"})
	want := []Caveat{{Kind: ORCON}, {Kind: EyesOnly}, {Kind: Embargo, Until: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("ParseCaveats error %v, difference (-want +got):\n%s", err, diff)
	}
	for i, s := range []string{"ORCON", "EYES ONLY", "EMBARGO 010900ZDEC26"} {
		if got[i].String() != s {
			t.Errorf("caveat %d = %q, want %q", i, got[i], s)
		}
	}
	for _, bad := range [][]string{
		{"NOFORN"},
		{"orcon"},
		{""},
		{"ORCON", "ORCON"},
		{"EMBARGO"},
		{"EMBARGO 010900Zdec26"},
		{"EMBARGO 310900ZFEB26"},
		{"EMBARGO 010900ZDEC26", "EMBARGO 020900ZDEC26"},
		{"ORCON", "EYES ONLY", "EMBARGO 010900ZDEC26", "ORCON"},
	} {
		if got, err := ParseCaveats(bad); err == nil || got != nil {
			t.Errorf("ParseCaveats(%q) = %v, %v, want an error", bad, got, err)
		}
	}
	if c, err := ParseCaveat("EMBARGO 010000ZJAN75"); err != nil || c.Until.Year() != 2075 {
		t.Errorf("an embargo of 2075: %v, %v", c, err)
	}
}

func parsed(t *testing.T, f Fields) Label {
	t.Helper()
	l, err := Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

var whole = Fields{
	Classification: "NATO RESTRICTED", TLP: "TLP:AMBER+STRICT", PAP: "PAP:AMBER", REL: []string{"JPN", "NATO"}, Caveats: []string{"ORCON"},
}

func TestLabelAsText(t *testing.T) {
	l := parsed(t, whole)
	if diff := cmp.Diff(whole, l.Fields()); diff != "" {
		t.Errorf("Fields difference (-want +got):\n%s", diff)
	}
	if got, want := l.String(), "TLP:AMBER+STRICT PAP:AMBER REL:JPN,NATO NATO RESTRICTED ORCON"; got != want {
		t.Errorf("String = %q, want %q", got, want)
	}
	if got := (Label{}).String(); got != "" {
		t.Errorf("String of nothing = %q", got)
	}
	if f := (Label{}).Fields(); f.REL == nil || f.Caveats == nil {
		t.Error("empty lists are nil, which JSON shows as null")
	}
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	if err := parsed(t, whole).Check(); err != nil {
		t.Error("a whole label:", err)
	}
	tests := map[string]struct {
		change func(*Fields)
		want   string
	}{
		"no TLP":            {func(f *Fields) { f.TLP = "" }, "nobody has chosen TLP."},
		"no PAP":            {func(f *Fields) { f.PAP = "" }, "nobody has chosen PAP."},
		"no REL":            {func(f *Fields) { f.REL = nil }, "nobody has chosen REL."},
		"no classification": {func(f *Fields) { f.Classification = "" }, "nobody has chosen classification."},
		"nothing":           {func(f *Fields) { *f = Fields{} }, "nobody has chosen TLP, PAP, REL and classification."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := whole
			tt.change(&f)
			err := parsed(t, f).Check()
			if e := sentenceOf(t, err); !strings.Contains(e.Msg, tt.want) || e.Hint == "" {
				t.Errorf("Check = %q (hint %q), want %q", e.Msg, e.Hint, tt.want)
			}
		})
	}
	for name, change := range map[string]func(*Label){
		"a TLP of a later version": func(l *Label) { l.TLP = 6 },
		"a PAP of a later version": func(l *Label) { l.PAP = 9 },
		"REL and ANY":              func(l *Label) { l.REL.Any = true },
		"a party twice":            func(l *Label) { l.REL.Parties = []string{"JPN", "JPN"} },
		"an unknown level":         func(l *Label) { l.Classification.Level = "NATO LOUD" },
		"a level of another":       func(l *Label) { l.Classification = Classification{"EU", "NATO SECRET"} },
		"an unknown caveat":        func(l *Label) { l.Caveats = []Caveat{{Kind: 7}} },
		"a caveat with a time":     func(l *Label) { l.Caveats = []Caveat{{Kind: ORCON, Until: time.Unix(0, 0)}} },
	} {
		l := parsed(t, whole)
		change(&l)
		if err := l.Check(); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestRuleFillsAndReports(t *testing.T) {
	members := []string{"JPN", "NATO", "AUS"}
	rule, err := ParseRule("none", "PAP:AMBER", "members")
	if err != nil {
		t.Fatal(err)
	}
	got, filled := rule.Fill(Label{TLP: TLPAmber}, members)
	want := Label{Classification: Unclassified, TLP: TLPAmber, PAP: PAPAmber, REL: REL{Parties: members}}
	if diff := cmp.Diff(want, got); diff != "" || !slices.Equal(filled, []string{"PAP", "REL", "classification"}) {
		t.Errorf("Fill filled %q, difference (-want +got):\n%s", filled, diff)
	}
	if err := got.Check(); err != nil {
		t.Error("a filled label:", err)
	}

	// TLP is never filled, and what a person chose stays.
	chosen := parsed(t, whole)
	chosen.TLP = 0
	got, filled = rule.Fill(chosen, members)
	if got.TLP != 0 || len(filled) != 0 || !got.equal(chosen) {
		t.Errorf("Fill = %v, filled %q, want it unchanged", got, filled)
	}
	if err := got.Check(); err == nil {
		t.Error("a label without TLP passes")
	}

	// An empty rule fills nothing.
	if got, filled := (Rule{}).Fill(Label{}, members); !got.equal(Label{}) || filled != nil {
		t.Errorf("an empty rule fills %q", filled)
	}
	for _, rel := range [][]string{{"JPN,NATO"}, {"JPN", "NATO"}} {
		if r, err := ParseRule("", "", rel...); err != nil || !slices.Equal(r.REL.Parties, []string{"JPN", "NATO"}) {
			t.Errorf("ParseRule(%q) = %+v, %v", rel, r, err)
		}
	}
	if r, err := ParseRule("", "", ""); err != nil || r.REL.Chosen() || r.Members {
		t.Errorf("ParseRule of nothing = %+v, %v", r, err)
	}
	if _, err := ParseRule("SECRET", "", ""); err == nil {
		t.Error("a rule with a misspelt classification passes")
	}

	// The members that a rule filled in are the line's, not a slice that
	// somebody may change later.
	got, _ = rule.Fill(Label{}, members)
	members[0] = "XXX"
	if got.REL.Parties[0] != "JPN" {
		t.Error("Fill shares the caller's list")
	}
}

func TestAudience(t *testing.T) {
	members := []string{"JPN", "NATO", "AUS"}
	tests := map[string]struct {
		rel  []string
		self string
		want []string
		err  string
	}{
		"all":                 {[]string{"JPN", "NATO", "AUS"}, "JPN", members, ""},
		"two of three":        {[]string{"NATO", "JPN"}, "JPN", []string{"JPN", "NATO"}, ""},
		"anyone":              {[]string{"ANY"}, "NATO", members, ""},
		"one not on the line": {[]string{"JPN", "USA", "AUS"}, "AUS", []string{"JPN", "AUS"}, ""},
		"nobody chosen":       {nil, "JPN", nil, "REL names nobody"},
		"without the sender":  {[]string{"NATO", "AUS"}, "JPN", nil, "REL leaves out JPN"},
		"the sender alone":    {[]string{"JPN"}, "JPN", nil, "nobody on this line but JPN"},
		"sender and stranger": {[]string{"JPN", "USA"}, "JPN", nil, "nobody on this line but JPN"},
		"a sender elsewhere":  {[]string{"ANY"}, "USA", nil, "USA is not a party of this line"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			rel, err := ParseREL(tt.rel)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Audience(Label{REL: rel}, members, tt.self)
			if !slices.Equal(got, tt.want) || (err == nil) != (tt.err == "") {
				t.Fatalf("Audience = %q, %v, want %q", got, err, tt.want)
			}
			if err != nil && !strings.Contains(sentenceOf(t, err).Msg, tt.err) {
				t.Errorf("error %q, want %q", err, tt.err)
			}
		})
	}
}

func TestAddressees(t *testing.T) {
	members, audience := []string{"JPN", "NATO", "AUS"}, []string{"JPN", "NATO"}
	if err := Addressees(audience, members, []string{"NATO"}); err != nil {
		t.Error(err)
	}
	if e := sentenceOf(t, Addressees(audience, members, []string{"NATO", "AUS"})); !strings.Contains(e.Msg, "AUS") || !strings.Contains(e.Hint, "add AUS to REL") {
		t.Errorf("an addressee outside REL: %q, hint %q", e.Msg, e.Hint)
	}
	if e := sentenceOf(t, Addressees(audience, members, []string{"USA"})); !strings.Contains(e.Msg, "USA is not a party") || !strings.Contains(e.Hint, "JPN, NATO and AUS") {
		t.Errorf("an addressee elsewhere: %q, hint %q", e.Msg, e.Hint)
	}
}

// FuzzParse holds that a label that parses prints to what parses to the same.
func FuzzParse(f *testing.F) {
	f.Add("NATO RESTRICTED", "TLP:AMBER+STRICT", "PAP:AMBER", "JPN,NATO", "ORCON")
	f.Add("JPN:HI + NATO SECRET", "RED", "WHITE", "ANY", "EMBARGO 010900ZDEC26")
	f.Add("none", "", "", "", "EYES ONLY")
	f.Fuzz(func(t *testing.T, classification, tlp, pap, rel, caveat string) {
		in := Fields{Classification: classification, TLP: tlp, PAP: pap}
		if rel != "" {
			in.REL = strings.Split(rel, ",")
		}
		if caveat != "" {
			in.Caveats = []string{caveat}
		}
		l, err := Parse(in)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("an error without a sentence: %v", err)
			}
			return
		}
		again, err := Parse(l.Fields())
		if err != nil || !again.equal(l) {
			t.Fatalf("%+v reads back as %+v, %v", l, again, err)
		}
		if len(l.Missing()) == 0 && l.Check() != nil {
			t.Fatalf("%+v parses and does not pass: %v", l, l.Check())
		}
	})
}
