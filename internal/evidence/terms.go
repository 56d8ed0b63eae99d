package evidence

import (
	"fmt"

	"hotline/internal/complaint"
	"hotline/internal/ident"
	"hotline/internal/roster"
)

// Terms is what a reader takes from the terms of a file. Who makes one asks it
// first: what others signed, and its readers refuse, must not cost it the file.
type Terms struct{ c checker }

// ReadTerms reads the terms of a file that is being made.
func ReadTerms(f *File) (*Terms, error) {
	t := &Terms{checker{f: f}}
	return t, t.c.readTerms()
}

// Certificates lists those of every desk that a statement in the terms adds.
func (t *Terms) Certificates() map[ident.Desk]roster.Certificate {
	certs := map[ident.Desk]roster.Certificate{}
	for _, st := range t.c.set.Statements() {
		if st.Add != nil {
			id := st.Desk(t.c.s)
			certs[id], _ = t.c.set.Certificate(id)
		}
	}
	return certs
}

// Complaint reads a complaint as a reader does when every desk that the terms add
// has its certificate in the file.
func (t *Terms) Complaint(b []byte) (complaint.Complaint, error) {
	x, _, err := t.c.complaint(b, t.c.set.Certificate)
	return x, err
}

// complaint reads what a desk says of another's slice on this line.
func (c *checker) complaint(b []byte, desks complaint.Desks) (x complaint.Complaint, q complaint.Quotes, err error) {
	if x, err = complaint.Parse(c.s, b); err != nil {
		return x, q, err
	}
	if x.Line != c.line {
		return x, q, fmt.Errorf("it is of another line")
	}
	for _, p := range x.Parties {
		if _, member := c.members[p]; !member {
			return x, q, fmt.Errorf("party %s is no member of the line", p)
		}
	}
	q, err = x.Verify(c.s, desks)
	return x, q, err
}
