package store

import (
	"time"

	"hotline/internal/ident"
)

// Complaint is a desk's signed word that another's slice is at fault: its own or
// one that came.
type Complaint struct {
	At         time.Time // when it was made or came, by our clock
	Line       ident.Line
	By         ident.Desk
	About      ident.Desk
	Group      ident.Group
	Generation [16]byte
	Kind       uint8
	Bytes      []byte // complaint.Complaint, verified
}

// PutComplaint adds a complaint. It returns false when one of the same desk, of
// the same kind and about the same sending key is there already.
func (tx *Tx) PutComplaint(c Complaint) (bool, error) {
	n, err := tx.Exec("INSERT OR IGNORE INTO complaint (at, line, desk, about, grp, generation, kind, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		c.At, c.Line, c.By, c.About, c.Group, c.Generation, c.Kind, c.Bytes)
	return n > 0, err
}

// HasComplaint reports whether PutComplaint would return false.
func (tx *Tx) HasComplaint(c Complaint) (yes bool, err error) {
	err = tx.Row("SELECT EXISTS (SELECT 1 FROM complaint WHERE desk = ? AND about = ? AND grp = ? AND generation = ? AND kind = ?)",
		c.By, c.About, c.Group, c.Generation, c.Kind).Scan(&yes)
	return yes, err
}

const complaintColumns = "SELECT at, line, desk, about, grp, generation, kind, bytes FROM complaint"

func scanComplaint(r Row) (c Complaint, err error) {
	err = r.Scan(&c.At, c.Line[:], c.By[:], c.About[:], c.Group[:], c.Generation[:], &c.Kind, &c.Bytes)
	return c, err
}

// Worth is what complaints come to, as of the kinds in docs/spec/complaint.md.
type Worth string

const (
	Proven Worth = "kind > 2"  // by what they quote
	Word   Worth = "kind <= 2" // of their maker and no more
)

// Complaints lists complaints on a line, newest first, at most limit. Where there
// are more, each accused desk has its newest proof in before another has its
// second, and each complainer its newest word: who floods pushes out its own.
func (tx *Tx) Complaints(line ident.Line, worth Worth, limit int) ([]Complaint, error) {
	whose := map[Worth]string{Proven: "about", Word: "desk"}[worth]
	return Collect(tx, scanComplaint, complaintColumns+` WHERE id IN (
		SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY `+whose+` ORDER BY id DESC) AS nth FROM complaint WHERE line = ? AND `+string(worth)+`)
		ORDER BY nth, id DESC LIMIT ?) ORDER BY id DESC`, line, limit)
}

// ComplaintsOf lists the complaints about one sending key, oldest first.
func (tx *Tx) ComplaintsOf(about ident.Desk, group ident.Group, generation [16]byte) ([]Complaint, error) {
	return Collect(tx, scanComplaint, complaintColumns+" WHERE about = ? AND grp = ? AND generation = ? ORDER BY id", about, group, generation)
}
