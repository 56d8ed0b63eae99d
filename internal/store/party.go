package store

import (
	"time"

	"hotline/internal/ident"
)

// Party is a root that a ceremony verified, or our own.
type Party struct {
	ID       ident.Party
	Name     string // our name for it
	Root     []byte // public key
	Self     bool
	PairedAt time.Time
}

// PutParty adds a party. Its id and its name must be new ([ErrExists]).
func (tx *Tx) PutParty(p Party) error {
	_, err := tx.Exec("INSERT INTO party (id, name, root, self, paired_at) VALUES (?, ?, ?, ?, ?)",
		p.ID, p.Name, p.Root, p.Self, p.PairedAt)
	return err
}

// Parties lists our own party first, then the others by name.
func (tx *Tx) Parties() ([]Party, error) {
	return Collect(tx, func(r Row) (p Party, err error) {
		err = r.Scan(p.ID[:], &p.Name, &p.Root, &p.Self, &p.PairedAt)
		return p, err
	}, "SELECT id, name, root, self, paired_at FROM party ORDER BY self DESC, name")
}

// Pairing is one ceremony as stored.
type Pairing struct {
	ID        int64
	Peer      string
	Step      string // started, answered, words, paired, failed
	State     []byte // of package trust
	CreatedAt time.Time
	UpdatedAt time.Time
}

// AddPairing stores a new ceremony and returns its number.
func (tx *Tx) AddPairing(p Pairing) (int64, error) {
	return tx.Insert("INSERT INTO pairing (peer, step, state, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
		p.Peer, p.Step, p.State, p.CreatedAt, p.UpdatedAt)
}

// SetPairing overwrites a ceremony's step and state.
func (tx *Tx) SetPairing(p Pairing) error {
	return tx.one("UPDATE pairing SET peer = ?, step = ?, state = ?, updated_at = ? WHERE id = ?",
		p.Peer, p.Step, p.State, p.UpdatedAt, p.ID)
}

const pairingColumns = "SELECT id, peer, step, state, created_at, updated_at FROM pairing"

func scanPairing(r Row) (p Pairing, err error) {
	err = r.Scan(&p.ID, &p.Peer, &p.Step, &p.State, &p.CreatedAt, &p.UpdatedAt)
	return p, err
}

// Pairing returns one ceremony, or [ErrNone].
func (tx *Tx) Pairing(id int64) (Pairing, error) {
	return scanPairing(tx.Row(pairingColumns+" WHERE id = ?", id))
}

// Pairings lists the ceremonies, newest first.
func (tx *Tx) Pairings() ([]Pairing, error) {
	return Collect(tx, scanPairing, pairingColumns+" ORDER BY id DESC")
}

// one runs a statement that must change a row; otherwise it returns [ErrNone].
func (tx *Tx) one(q string, args ...any) error {
	n, err := tx.Exec(q, args...)
	if err == nil && n == 0 {
		err = ErrNone
	}
	return err
}
