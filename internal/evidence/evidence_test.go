package evidence_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"hotline/internal/evidence"
	"hotline/internal/ident"
	"hotline/internal/suite"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

func check(t testing.TB, b []byte, trusted ...ident.Party) *evidence.Report {
	t.Helper()
	r, err := evidence.Check(b, trusted)
	if err != nil {
		t.Fatalf("Check: %v", err)
	}
	return r
}

func refused(t testing.TB, b []byte, want string) {
	t.Helper()
	r, err := evidence.Check(b, nil)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Check = %+v, %v; want an error with %q", r, err, want)
	}
}

func TestTranscriptVerifiesOffline(t *testing.T) {
	for _, s := range []suite.Suite{suite.One, suite.Two} {
		sc := newScene(t, s)
		f, said := sc.transcript()
		b := sc.bytes(f, sc.jpn)
		r := check(t, b, sc.jpn.party, sc.nato.party)
		if len(r.Messages) != 3 || len(r.Findings) != 0 || r.By.Name != "JPN-1" || r.LineName != "JPN-NATO" || len(r.Desks) != 2 {
			t.Fatalf("report %+v", r)
		}
		for i, m := range r.Messages {
			if m.ID != said[i].id.String() || !m.Attested || !m.Journalled || m.Desk != "JPN-1" || m.Party != "JPN" {
				t.Errorf("message %d: %+v", i, m)
			}
			if want := map[bool]int{true: 2, false: 1}[i == 0]; len(m.Receipts) != want || m.Receipts[0].State != "delivered" {
				t.Errorf("message %d: receipts %+v", i, m.Receipts)
			}
		}
		if !strings.Contains(r.Messages[1].Text, "two") || r.Messages[0].Receipts[1].Role != "watch officer" {
			t.Errorf("messages %+v", r.Messages)
		}
		if len(r.Journal) != 1 || r.Journal[0].Leaves != 3 || r.Journal[0].Generation != 7 {
			t.Errorf("journal %+v", r.Journal)
		}
		if again, err := evidence.Parse(b); err != nil {
			t.Error(err)
		} else if out, err := again.Bytes(); err != nil || !bytes.Equal(out, b) {
			t.Errorf("written again: %v", err)
		}
	}
}

// TestEveryFlippedByteIsFound flips bytes of a file as it is.
func TestEveryFlippedByteIsFound(t *testing.T) {
	sc := newScene(t, suite.One)
	f, _ := sc.nonAnswer()
	b := sc.bytes(f, sc.jpn)
	check(t, b)
	step := max(1, len(b)/300)
	for i := 0; i < len(b); i += step {
		flipped := bytes.Clone(b)
		flipped[i] ^= 1
		if _, err := evidence.Check(flipped, nil); err == nil {
			t.Fatalf("byte %d (%q) changed and nobody noticed", i, b[max(0, i-20):min(len(b), i+20)])
		}
	}
}

// TestNothingRestsOnTheMaker changes each part of a file and has its maker sign
// it again: the maker's word does not make up for anybody else's.
func TestNothingRestsOnTheMaker(t *testing.T) {
	flip := func(b []byte) []byte { b = bytes.Clone(b); b[len(b)/2] ^= 1; return b }
	for name, c := range map[string]struct {
		change func(f *evidence.File)
		want   string
	}{
		"another format":                 {func(f *evidence.File) { f.Format = "hotline/2 evidence" }, "format"},
		"another use":                    {func(f *evidence.File) { f.Use = "praise" }, "use"},
		"another suite":                  {func(f *evidence.File) { f.Suite = 9 }, "suite"},
		"a suite that is not its line's": {func(f *evidence.File) { f.Suite = 2 }, "terms"},
		"another line":                   {func(f *evidence.File) { f.Line = ident.Line{1}.String() }, "terms"},
		"a line that is none":            {func(f *evidence.File) { f.Line = "x" }, "line"},
		"terms changed":                  {func(f *evidence.File) { f.Terms = flip(f.Terms) }, "terms"},
		"another charter":                {func(f *evidence.File) { f.Charter = flip(f.Charter) }, "terms"},
		"a certificate changed":          {func(f *evidence.File) { f.Certificates[1] = flip(f.Certificates[1]) }, "certificates[1]"},
		"a certificate cut":              {func(f *evidence.File) { f.Certificates[1] = f.Certificates[1][:9] }, "certificates[1]"},
		"a certificate twice":            {func(f *evidence.File) { f.Certificates = append(f.Certificates, f.Certificates[0]) }, "certificates[2]"},
		"a certificate gone":             {func(f *evidence.File) { f.Certificates = f.Certificates[:1] }, "certificate"},
		"the maker's certificate gone":   {func(f *evidence.File) { f.Certificates = f.Certificates[1:] }, "by"},
		"made by nobody":                 {func(f *evidence.File) { f.By = "x" }, "by"},
		"made by the other desk":         {func(f *evidence.File) { f.By = f.Signed[3].Desk }, "signature"},
		"a group of a stranger":          {func(f *evidence.File) { f.Groups[0][0] = ident.Party{1}.String() }, "groups[0]"},
		"a group out of order":           {func(f *evidence.File) { f.Groups[0][0], f.Groups[0][1] = f.Groups[0][1], f.Groups[0][0] }, "groups[0]"},
		"a narrower group":               {func(f *evidence.File) { f.Groups[0] = f.Groups[0][:1] }, "signed"},
		"a group that is not there":      {func(f *evidence.File) { f.Signed[0].Group = 1 }, "signed[0]"},
		"a message changed":              {func(f *evidence.File) { f.Signed[1].Body = flip(f.Signed[1].Body) }, "signed[1]"},
		"evidence changed":               {func(f *evidence.File) { f.Signed[1].Evidence = flip(f.Signed[1].Evidence) }, "signed[1]"},
		"a receipt changed":              {func(f *evidence.File) { f.Signed[6].Body = flip(f.Signed[6].Body) }, "signed[6]"},
		"a message of another desk":      {func(f *evidence.File) { f.Signed[1].Desk = f.Signed[3].Desk }, "signed[1]"},
		"a message of no desk":           {func(f *evidence.File) { f.Signed[1].Desk = "x" }, "signed[1]"},
		"an attestation changed":         {func(f *evidence.File) { f.Attestations[0] = flip(f.Attestations[0]) }, "attestations[0]"},
		"an attestation cut":             {func(f *evidence.File) { f.Attestations[0] = f.Attestations[0][:7] }, "attestations[0]"},
		"a path without its end":         {func(f *evidence.File) { f.Paths[0].Insides = f.Paths[0].Insides[:2] }, "paths[0]"},
		"a path with another hash":       {func(f *evidence.File) { f.Paths[0].Insides[1] = flip(f.Paths[0].Insides[1]) }, "paths[0]"},
		"a path with half a hash":        {func(f *evidence.File) { f.Paths[0].Insides[1] = f.Paths[0].Insides[1][:9] }, "paths[0]"},
		"a path of no chain":             {func(f *evidence.File) { f.Paths[0].Lane = 9 }, "paths[0]"},
		"a path to a party":              {func(f *evidence.File) { f.Paths[0].To = f.Groups[0][0] }, "paths[0]"},
		"a path of receipts to nobody":   {func(f *evidence.File) { f.Paths[0].Lane, f.Paths[0].To = 4, "x" }, "paths[0]"},
		"a path of no desk":              {func(f *evidence.File) { f.Paths[0].Desk = "x" }, "paths[0]"},
		"a path twice":                   {func(f *evidence.File) { f.Paths = append(f.Paths, f.Paths[0]) }, "paths[1]"},
		"a slice of nobody":              {func(f *evidence.File) { f.Slices = [][]byte{{1}} }, "slices[0]"},
		"a checkpoint changed":           {func(f *evidence.File) { f.Checkpoints[0] = flip(f.Checkpoints[0]) }, "checkpoints[0]"},
		"a leaf changed":                 {func(f *evidence.File) { f.Leaves[2].Leaf = flip(f.Leaves[2].Leaf) }, "leaves[2]"},
		"a leaf cut":                     {func(f *evidence.File) { f.Leaves[2].Leaf = f.Leaves[2].Leaf[:9] }, "leaves[2]"},
		"a leaf's proof changed":         {func(f *evidence.File) { f.Leaves[2].Proof[0] = flip(f.Leaves[2].Proof[0]) }, "leaves[2]"},
		"a leaf's proof cut":             {func(f *evidence.File) { f.Leaves[2].Proof[0] = nil }, "leaves[2]"},
		"a leaf under no checkpoint":     {func(f *evidence.File) { f.Leaves[2].Checkpoint = 1 }, "leaves[2]"},
		"a time that is none":            {func(f *evidence.File) { f.At = -1 }, "time"},
		"a conviction of nobody":         {func(f *evidence.File) { f.Use = evidence.Conviction }, "nothing in it contradicts"},
	} {
		sc := newScene(t, suite.One)
		f, _ := sc.transcript()
		c.change(f)
		if refused(t, sc.bytes(f, sc.jpn), c.want); t.Failed() {
			t.Fatalf("with %s", name)
		}
	}
}

func TestOneSpellingOfAFile(t *testing.T) {
	sc := newScene(t, suite.One)
	f, _ := sc.transcript()
	good := string(sc.bytes(f, sc.jpn))
	for name, b := range map[string]string{
		"nothing":          "",
		"no JSON":          "x",
		"a field too many": strings.Replace(good, "{\n", "{\n \"x\": 1,\n", 1),
		"other spaces":     strings.Replace(good, "{\n ", "{\n  ", 1),
		"something behind": good + "{}",
		"a field twice":    strings.Replace(good, " \"use\": \"transcript\",\n", " \"use\": \"transcript\",\n \"use\": \"transcript\",\n", 1),
		"a list absent":    strings.Replace(good, "\"slices\": []", "\"slices\": null", 1),
		"another case":     strings.Replace(good, "\"use\"", "\"Use\"", 1),
	} {
		if _, err := evidence.Parse([]byte(b)); !errors.Is(err, evidence.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := evidence.Parse(make([]byte, evidence.MaxFile+1)); !errors.Is(err, evidence.ErrMalformed) {
		t.Errorf("a file that is too large: %v", err)
	}
}

func TestReaderNamesThePartiesItTrusts(t *testing.T) {
	sc := newScene(t, suite.One)
	f, _ := sc.transcript()
	b := sc.bytes(f, sc.jpn)
	if _, err := evidence.Check(b, []ident.Party{sc.jpn.party}); !errors.Is(err, evidence.ErrUnproven) {
		t.Errorf("with NATO not named: %v", err)
	}
	if _, err := evidence.Check(b, []ident.Party{sc.jpn.party, sc.nato.party, {1}}); !errors.Is(err, evidence.ErrUnproven) {
		t.Errorf("with a stranger named: %v", err)
	}
}

func TestNonAnswer(t *testing.T) {
	for _, s := range []suite.Suite{suite.One, suite.Two} {
		sc := newScene(t, s)
		f, _ := sc.nonAnswer()
		r := check(t, sc.bytes(f, sc.jpn))
		if r.Answer == nil || r.Answer.Grade != "B" || r.Answer.Party != "NATO" || len(r.Answer.Desks) != 1 || !r.Answer.Until.Equal(start.Add(15*time.Minute)) {
			t.Fatalf("non-answer %+v", r.Answer)
		}
		if d := r.Answer.Desks[0]; d.Desk != "NATO-1" || d.Receipts != 3 || d.Signed != "attestation" {
			t.Errorf("desk %+v", d)
		}
	}
}

// TestNonAnswerAcrossKeys follows the chain of receipts over a change of the
// sending key, by the slice that says where the old one ended.
func TestNonAnswerAcrossKeys(t *testing.T) {
	sc := newScene(t, suite.One)
	f, about := sc.nonAnswer()
	f.Attestations = nil // the old key's chain is closed by the slice alone
	f.Slices = append(f.Slices, sc.nato.slice(start))
	sc.nato.sender = sc.nato.newSender(sc.nato.sender)
	f.Slices = append(f.Slices, sc.nato.slice(start.Add(20*time.Minute)))
	r := check(t, sc.bytes(f, sc.jpn))
	if d := r.Answer.Desks[0]; d.Signed != "slice" || !d.Until.Equal(start.Add(20*time.Minute)) {
		t.Errorf("up to the new key: %+v", d)
	}
	other := sc.jpn.says("three")
	late := []item{sc.nato.receipt(other, traffic.Delivered)}
	add(f, late...)
	f.Paths = append(f.Paths, sc.nato.path(4, sc.jpn.party, late...))
	attest(f, sc.s, sc.nato.attests(sc.jpn.party, start.Add(40*time.Minute)))
	r = check(t, sc.bytes(f, sc.jpn))
	if d := r.Answer.Desks[0]; d.Signed != "attestation" || !d.Until.Equal(start.Add(40*time.Minute)) || d.Receipts != 4 {
		t.Errorf("into the new key: %+v", d)
	}
	// A receipt that came under the new key annuls it.
	late = append(late, sc.nato.receipt(about, traffic.Receipted))
	add(f, late[1])
	f.Paths[1] = sc.nato.path(4, sc.jpn.party, late...)
	attest(f, sc.s, sc.nato.attests(sc.jpn.party, start.Add(50*time.Minute)))
	refused(t, sc.bytes(f, sc.jpn), `a person at desk NATO-1 signed "receipted"`)
}

// TestNonAnswerIsRefused: what a certificate must not pass over.
func TestNonAnswerIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(sc *scene, f *evidence.File, about item)
		want   string
	}{
		"no message":         {func(_ *scene, f *evidence.File, _ item) { f.Message = "" }, "message"},
		"no party":           {func(_ *scene, f *evidence.File, _ item) { f.Party = "" }, "party"},
		"its own":            {func(sc *scene, f *evidence.File, _ item) { f.Party = sc.jpn.party.String() }, "itself"},
		"never delivered":    {func(sc *scene, f *evidence.File, _ item) { f.Message = sc.jpn.says("three").id.String() }, "has signed that it has the message"},
		"before it fell due": {func(_ *scene, f *evidence.File, _ item) { f.Due = start.Add(time.Hour).UnixMilli() }, "before the answer fell due"},
		"a receipt left out": {func(_ *scene, f *evidence.File, _ item) { f.Signed = f.Signed[:2] }, "number 3 of desk NATO-1's receipts is not shown"},
		"no path":            {func(_ *scene, f *evidence.File, _ item) { f.Paths = nil }, "not in the chain that is shown"},
		"nothing attested":   {func(_ *scene, f *evidence.File, _ item) { f.Attestations = nil }, "attests nothing"},
		"the newest attestation left out": {func(sc *scene, f *evidence.File, about item) {
			// The chain went on; what was attested before still holds up to then.
			sc.nato.receipt(about, traffic.Receipted)
		}, ""},
	} {
		sc := newScene(t, suite.One)
		f, about := sc.nonAnswer()
		c.change(sc, f, about)
		b := sc.bytes(f, sc.jpn)
		if c.want == "" {
			check(t, b)
			continue
		}
		if refused(t, b, c.want); t.Failed() {
			t.Fatalf("with %s", name)
		}
	}
}

func TestAnsweredIsNoNonAnswer(t *testing.T) {
	sc := newScene(t, suite.One)
	f := sc.file(evidence.NonAnswer, sc.jpn)
	m := sc.jpn.says("one")
	chain := []item{sc.nato.receipt(m, traffic.Delivered), sc.nato.receipt(m, traffic.Receipted)}
	f.Message, f.Party = m.id.String(), sc.nato.party.String()
	add(f, chain...)
	attest(f, sc.s, sc.nato.attests(sc.jpn.party, start.Add(15*time.Minute)))
	f.Paths = append(f.Paths, sc.nato.path(4, sc.jpn.party, chain...))
	refused(t, sc.bytes(f, sc.jpn), "receipted")
	// Taken back within its minute: nobody stands behind an answer any more.
	chain = append(chain, sc.nato.receipt(m, traffic.Withdrawn))
	add(f, chain[2])
	f.Paths[0], f.Attestations = sc.nato.path(4, sc.jpn.party, chain...), nil
	attest(f, sc.s, sc.nato.attests(sc.jpn.party, start.Add(15*time.Minute)))
	check(t, sc.bytes(f, sc.jpn))
}

// TestForkedSenderIsConvicted: two values for one place of a chain, in one file
// and between two.
func TestForkedSenderIsConvicted(t *testing.T) {
	for name, c := range map[string]struct {
		forge func(sc *scene, a, b *evidence.File)
		kind  string
	}{
		"two messages for one place": {func(sc *scene, a, b *evidence.File) {
			at := sc.jpn.sender.Clone()
			add(a, sc.jpn.says("one"))
			sc.jpn.sender = at
			add(b, sc.jpn.says("another one"))
		}, "place"},
		"two bodies under one id": {func(sc *scene, a, b *evidence.File) {
			x := sc.jpn.says("one")
			add(a, x)
			m, _ := wire.ParseMessage(x.Body)
			m.Subject = "EXERCISE another"
			add(b, sc.jpn.saysBody(m, x.id))
		}, "id"},
		"two attestations": {func(sc *scene, a, b *evidence.File) {
			at := sc.jpn.sender.Clone()
			sc.jpn.says("one")
			attest(a, sc.s, sc.jpn.attests(ident.Party{}, start))
			sc.jpn.sender = at
			sc.jpn.says("another one")
			attest(b, sc.s, sc.jpn.attests(ident.Party{}, start))
		}, "attestation"},
		"a message and an attestation of another one": {func(sc *scene, a, b *evidence.File) {
			at := sc.jpn.sender.Clone()
			x := sc.jpn.says("one")
			add(a, x)
			a.Paths = append(a.Paths, sc.jpn.path(3, ident.Party{}, x))
			sc.jpn.sender = at
			sc.jpn.says("another one")
			attest(b, sc.s, sc.jpn.attests(ident.Party{}, start))
		}, "attestation"},
		"another key than is attested": {func(sc *scene, a, b *evidence.File) {
			a.Slices = append(a.Slices, sc.jpn.slice(start))
			x := sc.jpn.attests(ident.Party{}, start)
			x.Commitment[0]++
			attest(b, sc.s, x.Sign(sc.s, sc.jpn.key))
		}, "key"},
		"two journals": {func(sc *scene, a, b *evidence.File) {
			sc.journal(a, sc.jpn, "sent", sc.jpn, sc.jpn.says("one"))
			sc.journal(b, sc.jpn, "sent", sc.jpn, sc.jpn.says("another one"))
		}, "journal"},
	} {
		sc := newScene(t, suite.One)
		a, b := sc.file(evidence.Transcript, sc.jpn), sc.file(evidence.Transcript, sc.jpn)
		c.forge(sc, a, b)
		ra, rb := check(t, sc.bytes(a, sc.jpn)), check(t, sc.bytes(b, sc.jpn))
		if len(ra.Findings)+len(rb.Findings) > 0 {
			t.Errorf("%s: one side alone: %+v %+v", name, ra.Findings, rb.Findings)
		}
		cmp, err := evidence.Compare(ra, rb)
		if err != nil || cmp.Agree || len(cmp.Findings) == 0 || cmp.Findings[0].Desk != sc.jpn.id.String() {
			t.Fatalf("%s: compared: %+v, %v", name, cmp, err)
		}
		both := sc.file(evidence.Conviction, sc.nato)
		both.Signed, both.Slices = append(a.Signed, b.Signed...), append(a.Slices, b.Slices...)
		both.Attestations, both.Paths = append(a.Attestations, b.Attestations...), append(a.Paths, b.Paths...)
		if c.kind == "journal" {
			continue // a file holds checkpoints of its maker only
		}
		r := check(t, sc.bytes(both, sc.nato))
		found := false
		for _, f := range r.Findings {
			found = found || f.Kind == c.kind && f.Name == "JPN-1"
		}
		if !found {
			t.Errorf("%s: findings %+v", name, r.Findings)
		}
	}
}

// TestDifferenceReport: two desks' records made to differ; the first differing
// serial is named, and the side.
func TestDifferenceReport(t *testing.T) {
	sc := newScene(t, suite.One)
	ours, said := sc.transcript()
	theirs := sc.file(evidence.Transcript, sc.nato)
	theirs.Signed = ours.Signed
	a, b := check(t, sc.bytes(ours, sc.jpn)), check(t, sc.bytes(theirs, sc.nato))
	if cmp, err := evidence.Compare(a, b); err != nil || !cmp.Agree || cmp.Messages != 3 || !strings.Contains(cmp.Text, "agree in all 3") {
		t.Fatalf("alike: %+v, %v", cmp, err)
	}
	theirs.Signed = append(append([]evidence.Signed{}, ours.Signed[:1]...), ours.Signed[2:]...)
	b = check(t, sc.bytes(theirs, sc.nato))
	for _, pair := range [][2]*evidence.Report{{a, b}, {b, a}} {
		cmp, err := evidence.Compare(pair[0], pair[1])
		if err != nil || cmp.Agree || len(cmp.First) != 1 || cmp.First[0].Side != "NATO-1" || cmp.First[0].Serial != "JPN-1/0002" {
			t.Fatalf("NATO lacks one: %+v, %v", cmp, err)
		}
		if !strings.Contains(cmp.Text, "NATO-1 signed that it came") {
			t.Errorf("text %q", cmp.Text)
		}
	}
	ours.Signed = ours.Signed[:2] // JPN lacks what it sent itself, and NATO shows it
	theirs.Signed = append(append([]evidence.Signed{}, ours.Signed...), said[2].Signed)
	cmp, err := evidence.Compare(check(t, sc.bytes(ours, sc.jpn)), check(t, sc.bytes(theirs, sc.nato)))
	if err != nil || len(cmp.First) != 1 || cmp.First[0].Side != "JPN-1" || !strings.Contains(cmp.Text, "A desk of JPN signed it itself") {
		t.Errorf("JPN lacks one: %+v, %v", cmp, err)
	}
	other := newScene(t, suite.One)
	f, _ := other.transcript()
	if _, err := evidence.Compare(a, check(t, other.bytes(f, other.jpn))); !errors.Is(err, evidence.ErrUnproven) {
		t.Errorf("files of two lines: %v", err)
	}
}

// TestTextsThatWereRemovedAreComparedByTheirLeaves: NATO's retention took the
// texts, and its journal says so; then both sides' did.
func TestTextsThatWereRemovedAreComparedByTheirLeaves(t *testing.T) {
	sc := newScene(t, suite.One)
	ours, said := sc.transcript()
	without := func(by *desk, kind string, items ...item) *evidence.Report {
		f := sc.file(evidence.Transcript, by)
		sc.journalOf(f, by, []string{kind, "text-removed"}, sc.jpn, items...)
		return check(t, sc.bytes(f, by))
	}
	other := said[1]
	other.content[0] ^= 1
	for name, c := range map[string]struct {
		a, b     *evidence.Report
		messages int
		unseen   int
		differ   string
	}{
		"one side's":             {check(t, sc.bytes(ours, sc.jpn)), without(sc.nato, "received", said...), 3, 0, ""},
		"one side's, another":    {check(t, sc.bytes(ours, sc.jpn)), without(sc.nato, "received", said[0], other, said[2]), 2, 0, "JPN-1/0002"},
		"both sides'":            {without(sc.jpn, "sent", said...), without(sc.nato, "received", said...), 3, 0, ""},
		"both sides', another":   {without(sc.jpn, "sent", said...), without(sc.nato, "received", said[0], other, said[2]), 2, 0, "message " + other.id.String()},
		"more of one side's":     {without(sc.jpn, "sent", said...), without(sc.nato, "received", said[:2]...), 2, 1, ""},
		"a leaf without removal": {check(t, sc.bytes(ours, sc.jpn)), without(sc.nato, "received", said[:2]...), 2, 0, "JPN-1/0003"},
	} {
		for _, pair := range [][2]*evidence.Report{{c.a, c.b}, {c.b, c.a}} {
			cmp, err := evidence.Compare(pair[0], pair[1])
			if err != nil || cmp.Messages != c.messages || cmp.Unseen != c.unseen || cmp.Agree != (c.differ == "") || (c.unseen > 0) != strings.Contains(cmp.Text, "could not be compared") {
				t.Errorf("%s: %+v, %v", name, cmp, err)
				continue
			}
			if c.differ != "" && (len(cmp.First) != 1 || cmp.First[0].Serial != c.differ) {
				t.Errorf("%s: first %+v, want %s", name, cmp.First, c.differ)
			}
		}
	}
}

// TestSerialSignedTwice: one serial, two messages, both signed.
func TestSerialSignedTwice(t *testing.T) {
	sc := newScene(t, suite.One)
	a, b := sc.file(evidence.Transcript, sc.jpn), sc.file(evidence.Transcript, sc.nato)
	add(a, sc.jpn.says("one", "JPN-1/0001"))
	add(b, sc.jpn.says("another", "JPN-1/0001"))
	cmp, err := evidence.Compare(check(t, sc.bytes(a, sc.jpn)), check(t, sc.bytes(b, sc.nato)))
	if err != nil || len(cmp.First) != 1 || cmp.First[0].Side != "JPN-1" || !strings.Contains(cmp.Text, "signed both") {
		t.Errorf("compared: %+v, %v", cmp, err)
	}
}

func FuzzCheck(f *testing.F) {
	sc := newScene(f, suite.One)
	file, _ := sc.nonAnswer()
	f.Add(sc.bytes(file, sc.jpn))
	file, _ = sc.transcript()
	f.Add(sc.bytes(file, sc.jpn))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := evidence.Parse(b)
		if err != nil {
			return
		}
		if again, err := file.Bytes(); err != nil || !bytes.Equal(again, b) {
			t.Error("a file has two spellings")
		}
		_, _ = evidence.Check(b, nil)
	})
}
