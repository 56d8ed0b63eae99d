package evidence

import (
	"cmp"
	"fmt"
	"slices"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/roster"
)

// Comparison is what two files of one line say of each other.
type Comparison struct {
	Agree    bool         `json:"agree"`
	Messages int          `json:"messages"` // that both hold, alike
	Unseen   int          `json:"unseen"`   // whose text one side removed, and that the other does not show
	First    []Difference `json:"first"`    // the first of each sender, by sender
	Findings []Finding    `json:"findings"` // of which neither file alone need show any
	Text     string       `json:"text"`
}

// Difference is the first message of one sender in which two files differ.
type Difference struct {
	Desk   string `json:"desk"` // that sent it
	Serial string `json:"serial"`
	Side   string `json:"side"` // the file that lacks it, by its maker's desk; or the sender, who signed both
	Text   string `json:"text"`
}

// serial is one message as a file has it.
type serial struct {
	desk    ident.Desk
	serial  string
	content [32]byte
	id      ident.Message
	leaf    string // in a journal
}

// Compare holds two checked files of one line against each other. Errors wrap
// [ErrUnproven].
func Compare(a, b *Report) (*Comparison, error) {
	if a.c.line != b.c.line {
		return nil, fmt.Errorf("%w: one file is of line %s and the other of line %s", ErrUnproven, a.Line, b.Line)
	}
	out := &Comparison{First: []Difference{}, Findings: merge(a.c, b.c).convict()}
	ours, theirs := a.c.serials(), b.c.serials()
	seen := map[ident.Desk]bool{}
	for i, j := 0, 0; i < len(ours) || j < len(theirs); {
		switch d := compareAt(ours, i, theirs, j); {
		case d < 0:
			out.oneSided(seen, ours[i], a, b)
			i++
		case d > 0:
			out.oneSided(seen, theirs[j], b, a)
			j++
		default:
			if ours[i].content != theirs[j].content || ours[i].id != theirs[j].id {
				out.both(seen, ours[i], a)
			} else {
				out.Messages++
			}
			i, j = i+1, j+1
		}
	}
	out.withoutText(seen, a, b)
	out.Agree = len(out.First)+len(out.Findings) == 0
	out.Text = out.words()
	return out, nil
}

func compareAt(ours []serial, i int, theirs []serial, j int) int {
	switch {
	case i >= len(ours):
		return 1
	case j >= len(theirs):
		return -1
	}
	return compareSerial(ours[i], theirs[j])
}

func compareSerial(a, b serial) int {
	return cmp.Or(slices.Compare(a.desk[:], b.desk[:]), CompareSerials(a.serial, b.serial))
}

// serials lists the messages of a file by sender and serial, without those for
// a narrower audience: the other side may lawfully lack them.
func (c *checker) serials() (all []serial) {
	for i := range c.signed {
		x := &c.signed[i]
		if x.in.Kind == envelope.Message {
			all = append(all, serial{x.desk, x.message.Serial, x.content, x.in.Message, string(leafOf(x, c.line))})
		}
	}
	slices.SortFunc(all, func(a, b serial) int {
		return cmp.Or(compareSerial(a, b), slices.Compare(a.id[:], b.id[:]))
	})
	return all
}

// oneSided takes a message that one file shows and the other does not. Where
// the other's journal says that its text was removed, it has the message's leaf,
// which commits to the text.
func (out *Comparison) oneSided(seen map[ident.Desk]bool, s serial, has, lacks *Report) {
	switch leaf, ok := lacks.c.hidden()[s.id]; {
	case !ok:
		out.differ(seen, s, has, lacks)
	case leaf == s.leaf:
		out.Messages++
	default:
		out.otherLeaf(seen, s.desk, s.serial, has, lacks)
	}
}

// hidden lists the leaves of messages whose text the maker of the file removed.
func (c *checker) hidden() map[ident.Message]string {
	all := map[ident.Message]string{}
	for leaf := range c.removed {
		if c.recorded[leaf] && len(leaf) >= leafSize {
			all[ident.Message([]byte(leaf[:16]))] = leaf
		}
	}
	return all
}

// leafSize is the length of what a journal holds of a message.
const leafSize = 16 + 32 + 32 + 1 + 32

// withoutText compares, by their leaves, messages that neither file shows.
func (out *Comparison) withoutText(seen map[ident.Desk]bool, a, b *Report) {
	ours, theirs := a.c.hidden(), b.c.hidden()
	for id, leaf := range ours {
		other, ok := theirs[id]
		switch {
		case ok && other == leaf:
			out.Messages++
		case ok:
			out.otherLeaf(seen, ident.Desk([]byte(leaf[48:80])), "message "+id.String(), a, b)
		case !b.c.shows(id):
			out.Unseen++
		}
	}
	for id := range theirs {
		if _, ok := ours[id]; !ok && !a.c.shows(id) {
			out.Unseen++
		}
	}
}

// shows reports whether a message is in the file as it was signed.
func (c *checker) shows(id ident.Message) bool {
	return slices.ContainsFunc(c.signed, func(x signed) bool { return x.in.Kind == envelope.Message && x.in.Message == id })
}

// otherLeaf notes that two journals hold different messages under one id, and
// that one of them has no text to show any more.
func (out *Comparison) otherLeaf(seen map[ident.Desk]bool, desk ident.Desk, serial string, has, lacks *Report) {
	if seen[desk] {
		return
	}
	seen[desk] = true
	out.First = append(out.First, Difference{
		Desk: has.c.deskName(desk), Serial: serial, Side: lacks.By.Name,
		Text: fmt.Sprintf("%s is another message in the journal of %s than in the record of %s; %s has removed its text.", serial, lacks.By.Name, has.By.Name, lacks.By.Name),
	})
}

// differ notes that one file holds a message that the other lacks. What the
// other's party signed about it says whose record is short.
func (out *Comparison) differ(seen map[ident.Desk]bool, s serial, has, lacks *Report) {
	if seen[s.desk] || !lacks.c.reads(has.c, s) {
		return
	}
	seen[s.desk] = true
	d := Difference{
		Desk: has.c.deskName(s.desk), Serial: s.serial, Side: lacks.By.Name,
		Text: fmt.Sprintf("%s is in the record of %s and not in that of %s.", s.serial, has.By.Name, lacks.By.Name),
	}
	own := lacks.c.certs[lacks.c.by].Party
	switch receipt := has.c.signedFor(s, own); {
	case has.c.certs[s.desk].Party == own:
		d.Text += fmt.Sprintf(" A desk of %s signed it itself.", lacks.By.Party)
	case receipt != "":
		d.Text += fmt.Sprintf(" %s signed that it came.", receipt)
	}
	out.First = append(out.First, d)
}

// reads reports whether the party that made c belongs to the audience of a
// message that o holds.
func (c *checker) reads(o *checker, s serial) bool {
	for i, e := range o.f.Signed {
		if o.signed[i].desk == s.desk && o.signed[i].in.Message == s.id {
			return slices.Contains(o.audience[e.Group], c.certs[c.by].Party)
		}
	}
	return false
}

// signedFor names the desk of a party that signed for a message.
func (c *checker) signedFor(s serial, party ident.Party) string {
	for i := range c.signed {
		x := &c.signed[i]
		if x.receipt != nil && x.receipt.Message == s.id && c.certs[x.desk].Party == party {
			return c.deskName(x.desk)
		}
	}
	return ""
}

// both notes that the sender signed two messages under one serial.
func (out *Comparison) both(seen map[ident.Desk]bool, s serial, has *Report) {
	if seen[s.desk] {
		return
	}
	seen[s.desk] = true
	name := has.c.deskName(s.desk)
	out.First = append(out.First, Difference{
		Desk: name, Serial: s.serial, Side: name,
		Text: fmt.Sprintf("%s is another message on each side, and desk %s signed both.", s.serial, name),
	})
}

func (out *Comparison) words() string {
	switch {
	case out.Agree:
		text := fmt.Sprintf("The two records agree in all %d messages.", out.Messages)
		if out.Unseen > 0 {
			text += fmt.Sprintf(" %d whose text one side has removed could not be compared.", out.Unseen)
		}
		return text
	case len(out.First) == 0:
		return out.Findings[0].Text
	default:
		return "They differ first at " + out.First[0].Serial + ". " + out.First[0].Text
	}
}

// merge puts what two files verified together, so that a contradiction between
// them is found as one within a file is.
func merge(a, b *checker) *checker {
	m := &checker{s: a.s, line: a.line, members: a.members}
	m.certs = map[ident.Desk]roster.Certificate{}
	for _, c := range []*checker{a, b} {
		for id, cert := range c.certs {
			m.certs[id] = cert
		}
		m.signed = append(m.signed, c.signed...)
		m.slices = append(m.slices, c.slices...)
		m.attestations = append(m.attestations, c.attestations...)
		m.paths = append(m.paths, c.paths...)
		m.points = append(m.points, c.points...)
		m.leaves = append(m.leaves, c.leaves...)
	}
	return m
}
