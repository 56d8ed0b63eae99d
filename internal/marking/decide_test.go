package marking

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// table is the handbook's, as text. The oracle reads it word by word; the
// code under test is written as a switch and shares nothing with it.
//
//	columns: RED, AMBER+STRICT, AMBER, GREEN, CLEAR
const table = `
1  console     | addressed yes     yes     yes       yes
2  own tools   | no        yes     yes     yes       yes
3  own SIEM    | no        yes     yes     yes       yes
4  provider    | no        no      consent yes       yes
5  clients     | no        no      need    yes       yes
6  further     | consent   consent consent yes       yes
7  other line  | consent   consent consent community yes
8  public      | no        no      no      no        embargo
9  export      | no        marked  marked  marked    yes
10 bundle      | always    always  always  always    always
11 alarm       | always    always  always  always    always
`

var embargoEnd = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

// cell returns the table's word for a door and a TLP; "" if there is none.
func cell(d Door, t TLP) string {
	for row := range strings.Lines(strings.TrimSpace(table)) {
		var n Door
		left, right, _ := strings.Cut(row, "|")
		if _, err := fmt.Sscan(left, &n); err != nil {
			panic(err)
		}
		if n == d {
			return strings.Fields(right)[max(t, 1)-1]
		}
	}
	return ""
}

// cells is the table with unknown levels as RED, once for all.
var cells = func() (c [13][8]string) {
	for d := range c {
		for t := range c[d] {
			tlp := TLP(t)
			if t < 1 || t > 5 {
				tlp = TLPRed
			}
			c[d][t] = cell(Door(d), tlp)
		}
	}
	return c
}()

var heights = map[string]int{"": 9, "none": 0, "NATO RESTRICTED": 2, "NATO SECRET": 4}

// oracle says what the handbook says: it collects all reasons against, and
// looks at them in the end.
func oracle(l Label, s Subject, d Door) Verdict {
	tlp := l.TLP
	orcon := false
	embargo := false
	for _, c := range l.Caveats {
		orcon = orcon || c.Kind == 1
		embargo = embargo || c.Kind == 3 && !s.At.After(embargoEnd)
		if c.Kind == 2 {
			tlp = TLPRed
		}
	}
	word := cells[d][tlp]
	if word == "always" {
		return Allow
	}
	against := word == "" || !s.InAudience
	// REL.
	outside := len(s.Parties) == 0
	for _, p := range s.Parties {
		outside = outside || !(l.REL.Any || slices.Contains(l.REL.Parties, p))
	}
	if d == 8 {
		outside = !l.REL.Any
	}
	// Classification: the test uses these three levels alone.
	above := heights[l.Classification.Level] > heights[s.Ceiling.Level]%9 // a ceiling that nobody set is the lowest
	// PAP, for connectors alone.
	connector := strings.IndexByte("\x02\x03\x04\x05\x08", byte(d)) >= 0
	does := s.Action
	if does != Passive && does != Query {
		does = Active
	}
	may := Passive
	if n := int(l.PAP) - 1; n >= 0 && n < 4 {
		may = [...]Action{Passive, Query, Active, Active}[n]
	}
	acts := connector && (does > may || does == Active && !s.Actual)
	switch {
	case against || outside || above || acts || word == "no",
		word == "addressed" && !s.Addressed, word == "need" && !s.NeedToKnow, word == "embargo" && embargo:
		return Deny
	case word == "consent", word == "community" && !s.SameCommunity,
		orcon && strings.IndexByte("\x04\x05\x06\x07\x08", byte(d)) >= 0:
		return Consent
	default:
		return Allow
	}
}

// judge compares one case and checks what every decision must have.
func judge(t *testing.T, l Label, s Subject, d Door) Verdict {
	t.Helper()
	got, want := Decide(l, s, d), oracle(l, s, d)
	if got.Verdict != want {
		t.Fatalf("Decide(%v, %+v, door %d) = %v (%s: %s), want %v", l, s, d, got.Verdict, got.Code, got.Reason, want)
	}
	if (got.Verdict == Allow) != (got.Reason == "") || (got.Verdict == Allow) != (got.Code == "") ||
		got.Reason != "" && !strings.HasSuffix(got.Reason, ".") {
		t.Fatalf("Decide(%v, %+v, door %d) = %+v: no sentence, or one too many", l, s, d, got)
	}
	if got.Marked != (got.Verdict == Allow && d == Export && l.TLP != TLPClear) {
		t.Fatalf("Decide(%v, %+v, door %d) = %+v: marked", l, s, d, got)
	}
	return got.Verdict
}

// TestDecideAgainstTheTable walks through every combination of the fields.
func TestDecideAgainstTheTable(t *testing.T) {
	rels := []REL{{}, {Parties: []string{"JPN", "NATO"}}, {Any: true}}
	parties := [][]string{nil, {"JPN"}, {"JPN", "USA"}}
	caveats := [][]Caveat{nil, {{Kind: ORCON}}, {{Kind: EyesOnly}}, {{Kind: Embargo, Until: embargoEnd}}}
	count := map[Verdict]int{}
	for tlp := range TLP(7) {
		for pap := range PAP(6) {
			for d := range Door(13) {
				for action := range Action(4) {
					for flags := range 32 {
						for i := range len(rels) * len(parties) * len(caveats) {
							l := Label{
								Classification: Unclassified, TLP: tlp, PAP: pap,
								REL: rels[i%3], Caveats: caveats[i/9],
							}
							s := Subject{
								Parties: parties[i/3%3], InAudience: flags&1 == 0, Addressed: flags&2 != 0, NeedToKnow: flags&4 != 0,
								SameCommunity: flags&8 != 0, Actual: flags&16 != 0, Action: action,
							}
							count[judge(t, l, s, d)]++
						}
					}
				}
			}
		}
	}
	t.Log(count)
	if count[Allow] == 0 || count[Deny] < count[Allow] || count[Consent] == 0 {
		t.Errorf("the table is one-sided: %v", count)
	}
}

// TestDecideAtRandom does the rest, 100,000 times: ceilings and times too.
func TestDecideAtRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 11))
	levels := []Classification{{}, Unclassified, {"NATO", "NATO RESTRICTED"}, {"NATO", "NATO SECRET"}}
	some := func() (names []string) {
		for _, p := range []string{"JPN", "NATO", "AUS", "USA"} {
			if r.IntN(2) == 0 {
				names = append(names, p)
			}
		}
		return names
	}
	for range 100_000 {
		l := Label{Classification: levels[r.IntN(4)], TLP: TLP(r.IntN(7)), PAP: PAP(r.IntN(6)), REL: REL{Parties: some()}}
		if r.IntN(4) == 0 {
			l.REL = REL{Any: true}
		}
		for _, c := range []Caveat{{Kind: ORCON}, {Kind: EyesOnly}, {Kind: Embargo, Until: embargoEnd}} {
			if r.IntN(3) == 0 {
				l.Caveats = append(l.Caveats, c)
			}
		}
		s := Subject{
			Parties: some(), InAudience: r.IntN(8) != 0, Addressed: r.IntN(2) == 0, NeedToKnow: r.IntN(2) == 0, SameCommunity: r.IntN(2) == 0,
			Ceiling: levels[r.IntN(4)], Action: Action(r.IntN(5)), Actual: r.IntN(2) == 0,
			At: embargoEnd.Add(time.Duration(r.IntN(3)-1) * time.Minute),
		}
		judge(t, l, s, Door(r.IntN(13)))
	}
}

// TestNothingSpeaksForTheZeroValue holds the default of every field at once.
func TestNothingSpeaksForTheZeroValue(t *testing.T) {
	for d := range Door(255) {
		if d == Bundle || d == Alarm {
			continue
		}
		if got := Decide(Label{}, Subject{}, d); got.Verdict != Deny {
			t.Errorf("door %d: %v", d, got)
		}
		open := Label{Classification: Unclassified, TLP: TLPClear, PAP: PAPClear, REL: REL{Any: true}}
		if got := Decide(open, Subject{}, d); got.Verdict != Deny {
			t.Errorf("door %d lets out a clear label without a subject: %v", d, got)
		}
	}
}

// Named cases of others' incidents (docs/spec/line.md).

func TestMISP4200_EmptyGroupReachesNobody(t *testing.T) {
	a := Label{Classification: Unclassified, TLP: TLPClear, PAP: PAPClear, REL: REL{Parties: []string{"JPN"}}}
	b := a
	b.REL = REL{Parties: []string{"NATO"}}
	both := Combine(a, b)
	for _, l := range []Label{both, Combine(both, a), Combine(a, both)} {
		for d := Console; d <= Export; d++ {
			for _, p := range []string{"JPN", "NATO", ""} {
				if got := Decide(l, Subject{Parties: []string{p}, InAudience: true, Addressed: true, Action: Passive, Actual: true}, d); got.Verdict != Deny {
					t.Errorf("door %d to %q: %v", d, p, got)
				}
			}
		}
		if _, err := Audience(l, []string{"JPN", "NATO"}, "JPN"); err == nil {
			t.Error("an empty REL has an audience")
		}
	}
}

func TestOpenCTI3312_AmberReaderIsDeniedAmberStrict(t *testing.T) {
	provider := Subject{Parties: []string{"JPN"}, InAudience: true, NeedToKnow: true, Action: Passive, Actual: true}
	l := Label{Classification: Unclassified, TLP: TLPAmber, PAP: PAPClear, REL: REL{Parties: []string{"JPN"}}}
	for d, want := range map[Door]Verdict{Provider: Consent, Clients: Allow} {
		l.TLP = TLPAmber
		if got := Decide(l, provider, d); got.Verdict != want {
			t.Errorf("AMBER through door %d: %v, want %v", d, got, want)
		}
		l.TLP = TLPAmberStrict
		if got := Decide(l, provider, d); got.Verdict != Deny {
			t.Errorf("AMBER+STRICT through door %d: %v", d, got)
		}
	}
}

func TestOpenCTI3133_EveryMarkingMustPermit(t *testing.T) {
	base := Label{Classification: Unclassified, TLP: TLPClear, PAP: PAPClear, REL: REL{Any: true}}
	for name, stricter := range map[string]func(*Label){
		"TLP": func(l *Label) { l.TLP = TLPRed }, "PAP": func(l *Label) { l.PAP = PAPRed },
		"REL":            func(l *Label) { l.REL = REL{Parties: []string{"NATO"}} },
		"classification": func(l *Label) { l.Classification = Classification{"NATO", "NATO SECRET"} },
		"caveat":         func(l *Label) { l.Caveats = []Caveat{{Kind: EyesOnly}} },
		"no TLP":         func(l *Label) { l.TLP = 0 },
	} {
		other := base
		stricter(&other)
		for _, l := range []Label{Combine(base, other), Combine(other, base)} {
			s := Subject{Parties: []string{"JPN"}, InAudience: true, Action: Query, Actual: true}
			if got := Decide(l, s, OwnTools); got.Verdict != Deny {
				t.Errorf("%s: one permitting marking suffices: %v", name, got)
			}
		}
	}
}

func TestUnknownMarkingIsRed(t *testing.T) {
	s := Subject{Parties: []string{"JPN"}, InAudience: true, Addressed: true, Action: Passive, Actual: true}
	for _, tlp := range []TLP{0, 6, 255} {
		l := Label{Classification: Unclassified, TLP: tlp, PAP: PAPClear, REL: REL{Any: true}}
		if got := Decide(l, s, OwnTools); got.Verdict != Deny {
			t.Errorf("TLP %d passes: %v", tlp, got)
		}
		if tlp != 0 && Combine(l, Label{Classification: Unclassified, TLP: TLPClear, PAP: PAPClear, REL: REL{Any: true}}).TLP != TLPRed {
			t.Errorf("TLP %d combines to less than RED", tlp)
		}
	}
}

func TestConnectorDoors(t *testing.T) {
	for reach, want := range map[string]Door{
		"party": OwnSIEM, "provider": Provider, "client": Clients, "community": OtherLine, "public": Public, "": Public, "Party": Public,
	} {
		if got := ConnectorDoor(reach); got != want {
			t.Errorf("ConnectorDoor(%q) = %d, want %d", reach, got, want)
		}
	}
}

func TestCombineKeepsTheLaterEmbargo(t *testing.T) {
	early, late := Label{Caveats: []Caveat{{Embargo, embargoEnd}}}, Label{Caveats: []Caveat{{ORCON, time.Time{}}, {Embargo, embargoEnd.Add(time.Hour)}}}
	for _, l := range []Label{Combine(early, late), Combine(late, early)} {
		if !slices.EqualFunc(l.Caveats, late.Caveats, Caveat.equal) {
			t.Errorf("caveats %v, want %v", l.Caveats, late.Caveats)
		}
	}
}

// TestCombineIsALattice holds that order and repetition do not matter, and that
// nothing is looser than what it was made of.
func TestCombineIsALattice(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	levels := []string{"", "none", "NU", "NR", "NS", "CTS", "R-UE", "TS-UE", "JPN:HI", "JPN:LO", "DEU:X"}
	random := func() Label {
		c, err := ParseClassification(levels[r.IntN(len(levels))])
		if err != nil {
			t.Fatal(err)
		}
		l := Label{Classification: c, TLP: TLP(r.IntN(7)), PAP: PAP(r.IntN(6))}
		for _, p := range []string{"AUS", "JPN", "NATO"} {
			if r.IntN(3) > 0 {
				l.REL.Parties = append(l.REL.Parties, p)
			}
		}
		if r.IntN(4) == 0 {
			l.REL = REL{Any: true}
		}
		for _, k := range []CaveatKind{ORCON, EyesOnly} {
			if r.IntN(3) == 0 {
				l.Caveats = append(l.Caveats, Caveat{Kind: k})
			}
		}
		if n := r.IntN(3); n > 0 {
			l.Caveats = append(l.Caveats, Caveat{Kind: Embargo, Until: embargoEnd.Add(time.Duration(n) * time.Hour)})
		}
		return l
	}
	for range 20_000 {
		a, b, c := random(), random(), random()
		ab := Combine(a, b)
		if ba := Combine(b, a); !ab.equal(ba) {
			t.Fatalf("order matters: %v and %v give %v and %v", a, b, ab, ba)
		}
		if left, right := Combine(ab, c), Combine(a, Combine(b, c)); !left.equal(right) {
			t.Fatalf("grouping matters: %v, %v, %v give %v and %v", a, b, c, left, right)
		}
		if again := Combine(ab, b); !again.equal(ab) {
			t.Fatalf("repetition matters: %v and %v give %v, then %v", a, b, ab, again)
		}
		s := Subject{Parties: []string{"JPN"}, InAudience: true, Addressed: r.IntN(2) == 0, NeedToKnow: true, SameCommunity: true,
			Ceiling: Classification{"NATO", "NATO SECRET"}, Action: Action(r.IntN(4)), Actual: true, At: embargoEnd.Add(90 * time.Minute)}
		for d := Console; d <= Export; d++ {
			whole := Decide(ab, s, d).Verdict
			for _, part := range []Label{a, b} {
				if Decide(part, s, d).Verdict < whole {
					t.Fatalf("door %d: %v says %v, combined with its part %v which does not", d, ab, whole, part)
				}
			}
		}
	}
}
