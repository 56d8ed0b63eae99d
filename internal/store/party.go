package store

import (
	"time"

	"hotline/internal/ident"
)

// How a party was verified.
const (
	BySelf  = "self"       // our own
	ByWords = "words"      // a ceremony; it has a [PairingRecord]
	ByPack  = "introduced" // the word of another desk of our party
)

// Party is a root that a ceremony verified, or our own.
type Party struct {
	ID        ident.Party
	Name      string // our name for it
	Root      []byte // public key
	Self      bool
	PairedAt  time.Time
	How       string    // [ByWords] and its like
	StoppedAt time.Time // its lines stand still since then; zero: they do not
	Stopped   string    // why
}

// PutParty adds a party. Its id and its name must be new ([ErrExists]). One by
// words needs its record first, with the pairing done: the database holds that.
func (tx *Tx) PutParty(p Party) error {
	if p.How == "" && p.Self {
		p.How = BySelf
	}
	_, err := tx.Exec("INSERT INTO party (id, name, root, self, paired_at, how) VALUES (?, ?, ?, ?, ?, ?)",
		p.ID, p.Name, p.Root, p.Self, p.PairedAt, p.How)
	return err
}

// Parties lists our own party first, then the others by name.
func (tx *Tx) Parties() ([]Party, error) {
	return Collect(tx, func(r Row) (p Party, err error) {
		err = r.Scan(p.ID[:], &p.Name, &p.Root, &p.Self, &p.PairedAt, &p.How, &p.StoppedAt, &p.Stopped)
		return p, err
	}, "SELECT id, name, root, self, paired_at, how, stopped_at, stopped FROM party ORDER BY self DESC, name")
}

// StopParty makes the lines with a party stand still; a zero time lets them go
// on. It keeps the name, which may be a new one.
func (tx *Tx) StopParty(id ident.Party, name string, at time.Time, why string) error {
	return tx.one("UPDATE party SET name = ?, stopped_at = ?, stopped = ? WHERE id = ? AND self = 0", name, at, why, id)
}

// SetPartyVerified notes that words held for a party that was known already.
func (tx *Tx) SetPartyVerified(id ident.Party, at time.Time) error {
	return tx.one(`UPDATE party SET how = 'words', paired_at = ? WHERE id = ? AND self = 0
		AND EXISTS (SELECT 1 FROM pairing_record WHERE party = party.id)`, at, id)
}

// PairingRecord is a ceremony that held.
type PairingRecord struct {
	Pairing int64
	Party   ident.Party
	At      time.Time
	Officer string
	Witness string // empty: none was asked for
	Text    string // signed
}

// PutPairingRecord keeps a record; it is never changed.
func (tx *Tx) PutPairingRecord(r PairingRecord) error {
	_, err := tx.Exec("INSERT INTO pairing_record (pairing, party, at, officer, witness, text) VALUES (?, ?, ?, ?, ?, ?)",
		r.Pairing, r.Party, r.At, r.Officer, r.Witness, r.Text)
	return err
}

// PairingRecords lists all records, newest first.
func (tx *Tx) PairingRecords() ([]PairingRecord, error) {
	return Collect(tx, func(r Row) (p PairingRecord, err error) {
		err = r.Scan(&p.Pairing, p.Party[:], &p.At, &p.Officer, &p.Witness, &p.Text)
		return p, err
	}, "SELECT pairing, party, at, officer, witness, text FROM pairing_record ORDER BY at DESC, pairing DESC")
}

// Rendezvous is where the files of a pairing pass.
type Rendezvous struct {
	Pairing int64
	Code    string
	Relay   ident.Relay
	Keys    []byte
	Until   time.Time
	State   string
}

// PutRendezvous adds or replaces the rendezvous of a pairing.
func (tx *Tx) PutRendezvous(r Rendezvous) error {
	_, err := tx.Exec("INSERT OR REPLACE INTO rendezvous (pairing, code, relay, keys, until, state) VALUES (?, ?, ?, ?, ?, ?)",
		r.Pairing, r.Code, r.Relay, r.Keys, r.Until, r.State)
	return err
}

// AllRendezvous lists the rendezvous of all pairings.
func (tx *Tx) AllRendezvous() ([]Rendezvous, error) {
	return Collect(tx, func(r Row) (v Rendezvous, err error) {
		err = r.Scan(&v.Pairing, &v.Code, v.Relay[:], &v.Keys, &v.Until, &v.State)
		return v, err
	}, "SELECT pairing, code, relay, keys, until, state FROM rendezvous ORDER BY pairing")
}

// DropRendezvous forgets the code of a pairing.
func (tx *Tx) DropRendezvous(pairing int64) error {
	_, err := tx.Exec("DELETE FROM rendezvous WHERE pairing = ?", pairing)
	return err
}

// Pairing is one ceremony as stored.
type Pairing struct {
	ID        int64
	Peer      string
	Step      string // started, answered, words, paired, failed
	State     []byte // of package trust
	Officer   string // who began it here
	Ended     string // why it failed
	CreatedAt time.Time
	UpdatedAt time.Time
}

// AddPairing stores a new ceremony and returns its number.
func (tx *Tx) AddPairing(p Pairing) (int64, error) {
	return tx.Insert("INSERT INTO pairing (peer, step, state, officer, ended, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
		p.Peer, p.Step, p.State, p.Officer, p.Ended, p.CreatedAt, p.UpdatedAt)
}

// SetPairing overwrites a ceremony's step and state.
func (tx *Tx) SetPairing(p Pairing) error {
	return tx.one("UPDATE pairing SET peer = ?, step = ?, state = ?, ended = ?, updated_at = ? WHERE id = ?",
		p.Peer, p.Step, p.State, p.Ended, p.UpdatedAt, p.ID)
}

const pairingColumns = "SELECT id, peer, step, state, officer, ended, created_at, updated_at FROM pairing"

func scanPairing(r Row) (p Pairing, err error) {
	err = r.Scan(&p.ID, &p.Peer, &p.Step, &p.State, &p.Officer, &p.Ended, &p.CreatedAt, &p.UpdatedAt)
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
