package evidence

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/pack"
	"hotline/internal/wire"
)

// Report is what a file proves.
type Report struct {
	Use      string    `json:"use"`
	Suite    uint8     `json:"suite"`
	At       time.Time `json:"at"` // by the maker's clock
	By       Desk      `json:"by"`
	Line     string    `json:"line"`
	LineName string    `json:"line_name"`
	Parties  []Party   `json:"parties"` // everything rests on their ids
	Desks    []Desk    `json:"desks"`
	Messages []Message `json:"messages"` // by sender, then serial
	Answer   *Silence  `json:"nonanswer,omitempty"`
	Journal  []Point   `json:"journal"`
	Findings []Finding `json:"findings"`
	// Complaints are what desks say of slices that they refused.
	Complaints []Complaint `json:"complaints"`
	Warnings   []string    `json:"warnings"`

	c *checker
}

// Party is a member of the line.
type Party struct {
	ID   string `json:"id"`
	Name string `json:"name"` // as the charter calls it
}

// Desk is a desk that signed something.
type Desk struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Party   string `json:"party"`
	Removed string `json:"removed,omitempty"` // why and when it was cut off, if it was
}

// Message is one message and what was signed about it.
type Message struct {
	ID         string    `json:"id"`
	Serial     string    `json:"serial"`
	Desk       string    `json:"desk"`
	Party      string    `json:"party"`
	Composed   time.Time `json:"composed"`
	Kind       string    `json:"kind"`
	Status     string    `json:"status"`
	Precedence string    `json:"precedence"`
	Subject    string    `json:"subject,omitempty"`
	Text       string    `json:"text,omitempty"`
	Content    string    `json:"content"`  // hash of label and body
	Attested   bool      `json:"attested"` // under its desk's hybrid signature too
	Journalled bool      `json:"journalled"`
	Receipts   []Receipt `json:"receipts"`
}

// Receipt is one thing that a desk, or a person at it, signed about a message.
type Receipt struct {
	State string    `json:"state"`
	Desk  string    `json:"desk"`
	Party string    `json:"party"`
	Role  string    `json:"role,omitempty"`
	At    time.Time `json:"at"` // by that desk's clock
}

// Complaint is what one desk signed about a slice of another.
type Complaint struct {
	By     string    `json:"by"`
	About  string    `json:"about"`
	At     time.Time `json:"at"`     // by the complainer's clock
	Proven bool      `json:"proven"` // by what it quotes; else it is the complainer's word
	Text   string    `json:"text"`
}

// Point is a checkpoint of the journal of the desk that made the file.
type Point struct {
	Size       int64     `json:"size"`
	Generation uint64    `json:"generation"`
	At         time.Time `json:"at"`
	Leaves     int       `json:"leaves"` // of messages, proved under it
}

func (c *checker) report() (*Report, error) {
	r := &Report{
		Use: c.f.Use, Suite: c.f.Suite, At: time.UnixMilli(c.f.At).UTC(), By: c.desk(c.by), Line: c.line.String(), LineName: c.charter.Name, c: c,
		Desks: []Desk{}, Messages: []Message{}, Journal: []Point{}, Findings: []Finding{}, Warnings: []string{},
		Complaints: []Complaint{},
	}
	for id, name := range c.members {
		r.Parties = append(r.Parties, Party{id.String(), name})
	}
	slices.SortFunc(r.Parties, func(a, b Party) int { return cmp.Compare(a.ID, b.ID) })
	for id := range c.certs {
		r.Desks = append(r.Desks, c.desk(id))
	}
	slices.SortFunc(r.Desks, func(a, b Desk) int {
		return cmp.Or(cmp.Compare(a.Party, b.Party), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	if err := c.messages(r); err != nil {
		return nil, err
	}
	r.Findings = append(r.Findings, c.convict()...)
	for i := range c.complaints {
		x := &c.complaints[i]
		r.Complaints = append(r.Complaints, Complaint{c.deskName(x.By), c.deskName(x.About), x.Time, x.Kind.Proves(), x.Text(c.deskName)})
	}
	for i, p := range c.points {
		one := Point{p.Size, p.Generation, p.Time, 0}
		for j, l := range c.f.Leaves {
			if l.Checkpoint == i && c.leaves[j].Kind != "text-removed" {
				one.Leaves++
			}
		}
		r.Journal = append(r.Journal, one)
	}
	switch c.f.Use {
	case NonAnswer:
		s, err := c.silence()
		if err != nil {
			return nil, err
		}
		r.Answer = s
	case Conviction:
		if len(r.Findings) == 0 {
			return nil, fmt.Errorf("%w: it says that a desk signed two different things, and nothing in it contradicts anything else", ErrUnproven)
		}
	}
	return r, nil
}

func (c *checker) deskName(id ident.Desk) string {
	if cert, ok := c.certs[id]; ok {
		return cert.Name
	}
	return id.String()
}

func (c *checker) partyName(id ident.Party) string {
	if name, ok := c.members[id]; ok {
		return name
	}
	return id.String()
}

func (c *checker) desk(id ident.Desk) Desk {
	d := Desk{ID: id.String(), Name: c.deskName(id), Party: c.partyName(c.certs[id].Party)}
	if m, ok := c.set.Roster().Removed(id); ok {
		d.Removed = fmt.Sprintf("%s, %s", clock(m.Time), m.Reason)
	}
	return d
}

// clock writes a time as officers do.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// messages lists what was said. The order in the file must be the same: by
// sender, then serial, each followed by its receipts.
func (c *checker) messages(r *Report) error {
	at := map[ident.Message]int{}
	for i := range c.signed {
		x := &c.signed[i]
		if x.in.Kind != envelope.Message {
			continue
		}
		if n, twice := at[x.in.Message]; twice && r.Messages[n].Desk == c.deskName(x.desk) {
			continue // what contradicts is found elsewhere
		}
		at[x.in.Message] = len(r.Messages)
		r.Messages = append(r.Messages, c.message(x))
	}
	for i := range c.signed {
		x := &c.signed[i]
		if x.receipt == nil {
			continue
		}
		n, ok := at[x.receipt.Message]
		if !ok {
			continue
		}
		one := Receipt{
			State: x.receipt.State.String(), Desk: c.deskName(x.desk), Party: c.partyName(c.certs[x.desk].Party), Role: x.receipt.Role,
			At: time.UnixMilli(x.receipt.At).UTC(),
		}
		if fmt.Sprintf("%x", x.receipt.Content) != r.Messages[n].Content {
			r.Warnings = append(r.Warnings, fmt.Sprintf("Desk %s signed %q for another content of %s than its sender's.", one.Desk, one.State, r.Messages[n].Serial))
			continue
		}
		r.Messages[n].Receipts = append(r.Messages[n].Receipts, one)
	}
	slices.SortStableFunc(r.Messages, func(a, b Message) int {
		return cmp.Or(cmp.Compare(a.Party, b.Party), cmp.Compare(a.Desk, b.Desk), CompareSerials(a.Serial, b.Serial), cmp.Compare(a.ID, b.ID))
	})
	return nil
}

func (c *checker) message(x *signed) Message {
	m := x.message
	out := Message{
		ID: ident.Message(x.in.Message).String(), Serial: m.Serial, Desk: c.deskName(x.desk), Party: c.partyName(c.certs[x.desk].Party),
		Composed: m.DTG(), Kind: m.Kind.String(), Status: m.Status.String(), Precedence: m.Precedence.String(), Subject: m.Subject,
		Content: fmt.Sprintf("%x", x.content), Attested: c.attested(x), Receipts: []Receipt{},
	}
	if text, err := pack.Unpack(m.Text, m.Dictionary, wire.MaxText); err == nil {
		out.Text = string(text)
	}
	out.Journalled = c.recorded[string(leafOf(x, c.line))]
	return out
}

// leafOf is what a journal holds of a message (docs/spec/journal.md, Section 2).
func leafOf(x *signed, line ident.Line) []byte {
	b := append([]byte{}, x.in.Message[:]...)
	b = append(append(b, line[:]...), x.desk[:]...)
	b = append(b, x.in.Precedence)
	return append(b, x.content[:]...)
}

// CompareSerials compares "JPN-1/0412" by audience and then by number.
func CompareSerials(a, b string) int {
	return cmp.Or(cmp.Compare(audienceOf(a), audienceOf(b)), cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

func audienceOf(serial string) string {
	for i := len(serial) - 1; i >= 0; i-- {
		if serial[i] == '/' {
			return serial[:i]
		}
	}
	return serial
}
