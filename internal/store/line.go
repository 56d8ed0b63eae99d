package store

import (
	"time"

	"hotline/internal/ident"
)

// Line is a line as stored: its charter and where it stands.
type Line struct {
	ID        ident.Line
	Name      string // our name for it
	Charter   []byte
	State     string // proposed, open, left
	CreatedAt time.Time
}

// PutLine adds a line. Its id and its name must be new ([ErrExists]).
func (tx *Tx) PutLine(l Line) error {
	_, err := tx.Exec("INSERT INTO line (id, name, charter, state, created_at) VALUES (?, ?, ?, ?, ?)",
		l.ID, l.Name, l.Charter, l.State, l.CreatedAt)
	return err
}

// SetLineState moves a line to another state.
func (tx *Tx) SetLineState(id ident.Line, state string) error {
	return tx.one("UPDATE line SET state = ? WHERE id = ?", state, id)
}

const lineColumns = "SELECT id, name, charter, state, created_at FROM line"

func scanLine(r Row) (l Line, err error) {
	err = r.Scan(l.ID[:], &l.Name, &l.Charter, &l.State, &l.CreatedAt)
	return l, err
}

// Line returns one line, or [ErrNone].
func (tx *Tx) Line(id ident.Line) (Line, error) {
	return scanLine(tx.Row(lineColumns+" WHERE id = ?", id))
}

// Lines lists the lines by name.
func (tx *Tx) Lines() ([]Line, error) {
	return Collect(tx, scanLine, lineColumns+" ORDER BY name")
}

// NextSerial takes the next serial number of an audience: of the whole line
// when whole, else of the group.
func (tx *Tx) NextSerial(line ident.Line, group ident.Group, whole bool) (n uint64, err error) {
	if whole {
		err = tx.Row("UPDATE line SET serial = serial + 1 WHERE id = ? RETURNING serial", line).Scan(&n)
		return n, err
	}
	err = tx.Row(`INSERT INTO audience (line, grp, serial) VALUES (?, ?, 1)
		ON CONFLICT (line, grp) DO UPDATE SET serial = serial + 1 RETURNING serial`, line, group).Scan(&n)
	return n, err
}

// PutCharterSignature keeps a party's signature under a charter.
func (tx *Tx) PutCharterSignature(line ident.Line, party ident.Party, signature []byte) error {
	_, err := tx.Exec("INSERT OR IGNORE INTO charter_signature (line, party, bytes) VALUES (?, ?, ?)", line, party, signature)
	return err
}

// CharterSignatures lists the signatures under a charter.
func (tx *Tx) CharterSignatures(line ident.Line) ([][]byte, error) {
	return Collect(tx, scanBytes, "SELECT bytes FROM charter_signature WHERE line = ? ORDER BY party", line)
}

func scanBytes(r Row) (b []byte, err error) {
	err = r.Scan(&b)
	return b, err
}

// PutDeparture keeps a desk's signed word that it left a line, and returns
// false when it is known.
func (tx *Tx) PutDeparture(line ident.Line, desk ident.Desk, b []byte, at time.Time) (bool, error) {
	n, err := tx.Exec("INSERT OR IGNORE INTO departure (line, desk, bytes, at) VALUES (?, ?, ?, ?)", line, desk, b, at)
	return n > 0, err
}

// Departures lists the desks that left a line.
func (tx *Tx) Departures(line ident.Line) ([]ident.Desk, error) {
	return Collect(tx, func(r Row) (d ident.Desk, err error) { err = r.Scan(d[:]); return d, err },
		"SELECT desk FROM departure WHERE line = ? ORDER BY desk", line)
}

// PutStatement keeps a verified statement of a party. The set only grows; a
// statement that is there already changes nothing and returns false.
func (tx *Tx) PutStatement(id ident.Statement, party ident.Party, line ident.Line, b []byte) (bool, error) {
	n, err := tx.Exec("INSERT OR IGNORE INTO statement (id, party, line, bytes) VALUES (?, ?, ?, ?)", id, party, line, b)
	return n > 0, err
}

// Statements lists what a party stated.
func (tx *Tx) Statements(party ident.Party) ([][]byte, error) {
	return Collect(tx, scanBytes, "SELECT bytes FROM statement WHERE party = ? ORDER BY rowid", party)
}

// PutSealKey keeps a desk's announcement of a seal key in the place of older
// ones.
func (tx *Tx) PutSealKey(desk ident.Desk, number uint64, announcement []byte, seen time.Time) error {
	if _, err := tx.Exec("DELETE FROM seal_key WHERE desk = ? AND number < ?", desk, number); err != nil {
		return err
	}
	_, err := tx.Exec("INSERT OR IGNORE INTO seal_key (desk, number, announcement, seen_at) VALUES (?, ?, ?, ?)",
		desk, number, announcement, seen)
	return err
}

// SealKey is an announcement as stored.
type SealKey struct {
	Desk         ident.Desk
	Number       uint64
	Announcement []byte
	SeenAt       time.Time
}

// SealKeys lists each desk's newest announcement.
func (tx *Tx) SealKeys() ([]SealKey, error) {
	return Collect(tx, func(r Row) (k SealKey, err error) {
		err = r.Scan(k.Desk[:], &k.Number, &k.Announcement, &k.SeenAt)
		return k, err
	}, "SELECT desk, max(number), announcement, seen_at FROM seal_key GROUP BY desk")
}

// Heard notes authenticated traffic from a desk, by the wall clock and by the
// steady one, and the digest of statements that it showed.
func (tx *Tx) Heard(line ident.Line, desk ident.Desk, at, steady time.Time, digest [32]byte) error {
	_, err := tx.Exec(`INSERT INTO heard (line, desk, at, steady, digest) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (line, desk) DO UPDATE SET at = max(at, excluded.at), steady = max(steady, excluded.steady), digest = excluded.digest`,
		line, desk, at, steady, digest)
	return err
}

// HeardSteady returns when a desk of a line was last heard, by the steady
// clock; zero: never.
func (tx *Tx) HeardSteady(line ident.Line, desk ident.Desk) (at time.Time, err error) {
	err = tx.Row("SELECT max(steady) FROM heard WHERE line = ? AND desk = ?", line, desk).Scan(&at)
	return at, err
}

// Shown returns the digest of statements that each desk of a line last showed.
func (tx *Tx) Shown(line ident.Line) (map[ident.Desk][32]byte, error) {
	all := map[ident.Desk][32]byte{}
	for row, err := range tx.Rows("SELECT desk, digest FROM heard WHERE line = ? AND digest IS NOT NULL", line) {
		if err != nil {
			return nil, err
		}
		var d ident.Desk
		var digest [32]byte
		if err := row.Scan(d[:], digest[:]); err != nil {
			return nil, err
		}
		all[d] = digest
	}
	return all, nil
}

// PutHeldDigest notes a digest of our own statement set of a line.
func (tx *Tx) PutHeldDigest(line ident.Line, digest [32]byte) error {
	_, err := tx.Exec("INSERT OR IGNORE INTO held_digest (line, digest) VALUES (?, ?)", line, digest)
	return err
}

// HeldDigest reports whether our statement set of a line ever had that digest.
func (tx *Tx) HeldDigest(line ident.Line, digest [32]byte) (held bool, err error) {
	err = tx.Row("SELECT EXISTS (SELECT 1 FROM held_digest WHERE line = ? AND digest = ?)", line, digest).Scan(&held)
	return held, err
}

// HeardFrom returns when each desk of a line was last heard.
func (tx *Tx) HeardFrom(line ident.Line) (map[ident.Desk]time.Time, error) {
	all := map[ident.Desk]time.Time{}
	for row, err := range tx.Rows("SELECT desk, at FROM heard WHERE line = ?", line) {
		if err != nil {
			return nil, err
		}
		var d ident.Desk
		var at time.Time
		if err := row.Scan(d[:], &at); err != nil {
			return nil, err
		}
		all[d] = at
	}
	return all, nil
}

// PutVersion keeps a later version of a line's charter with its signatures, in
// the place of what was held of it.
func (tx *Tx) PutVersion(line, hash ident.Line, offer []byte, at time.Time) error {
	_, err := tx.Exec(`INSERT INTO version (line, hash, offer, at) VALUES (?, ?, ?, ?)
		ON CONFLICT (line, hash) DO UPDATE SET offer = excluded.offer`, line, hash, offer, at)
	return err
}

// Versions lists the later versions of a line's charter, oldest first.
func (tx *Tx) Versions(line ident.Line) ([][]byte, error) {
	return Collect(tx, scanBytes, "SELECT offer FROM version WHERE line = ? ORDER BY rowid", line)
}
