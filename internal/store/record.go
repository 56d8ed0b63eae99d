package store

import (
	"errors"
	"time"

	"hotline/internal/ident"
)

// Generation is one sending key as the record knows it: its names, no key.
type Generation struct {
	ID          int64
	Line        ident.Line // zero until a message has shown it
	Sender      ident.Desk
	Group       ident.Group
	Name        [16]byte
	Identity    [32]byte
	Predecessor [32]byte
	Commitment  [48]byte
	Slice       []byte // signed part of its slice, empty for our own
	At          time.Time
}

// PutGeneration adds a generation, or returns the number of the one that is
// there.
func (tx *Tx) PutGeneration(g Generation) (int64, error) {
	known, err := tx.Generation(g.Sender, g.Group, g.Name)
	if err == nil || !errors.Is(err, ErrNone) {
		return known.ID, err
	}
	return tx.Insert(`INSERT INTO generation (line, sender, grp, name, identity, predecessor, commitment, slice, at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		g.Line, g.Sender, g.Group, g.Name, g.Identity, g.Predecessor, g.Commitment, notNull(g.Slice), g.At)
}

const generationColumns = "SELECT id, line, sender, grp, name, identity, predecessor, commitment, slice, at FROM generation"

func scanGeneration(r Row) (g Generation, err error) {
	err = r.Scan(&g.ID, g.Line[:], g.Sender[:], g.Group[:], g.Name[:], g.Identity[:], g.Predecessor[:], g.Commitment[:], &g.Slice, &g.At)
	return g, err
}

// Generation returns one generation, or [ErrNone].
func (tx *Tx) Generation(sender ident.Desk, group ident.Group, name [16]byte) (Generation, error) {
	return scanGeneration(tx.Row(generationColumns+" WHERE sender = ? AND grp = ? AND name = ?", sender, group, name))
}

// GenerationAt returns the generation with that number, or [ErrNone].
func (tx *Tx) GenerationAt(id int64) (Generation, error) {
	return scanGeneration(tx.Row(generationColumns+" WHERE id = ?", id))
}

// Predecessor returns the generation that g follows, or [ErrNone].
func (tx *Tx) Predecessor(g Generation) (Generation, error) {
	return scanGeneration(tx.Row(generationColumns+" WHERE sender = ? AND grp = ? AND identity = ?", g.Sender, g.Group, g.Predecessor))
}

// Successor returns the generation that follows g, or [ErrNone].
func (tx *Tx) Successor(g Generation) (Generation, error) {
	return scanGeneration(tx.Row(generationColumns+" WHERE sender = ? AND grp = ? AND predecessor = ? LIMIT 1", g.Sender, g.Group, g.Identity))
}

// SetGenerationLine notes to which line a generation belongs.
func (tx *Tx) SetGenerationLine(id int64, line ident.Line) error {
	_, err := tx.Exec("UPDATE generation SET line = ? WHERE id = ? AND line <> ?", line, id, line)
	return err
}

// Place is where an envelope stands in a chain of its sender.
type Place struct {
	Generation int64
	Lane       uint8
	Party      ident.Party // lane 4: whose receipts; else zero
	Sequence   uint32
	Kind       uint8    // of the envelope; 0: its sender declared it void
	Previous   [32]byte // running hash before it
	Inside     [32]byte // hash of what is signed
	Message    *ident.Message
	Attested   bool
}

// PutPlace adds a place. The same again changes nothing.
func (tx *Tx) PutPlace(p Place) error {
	_, err := tx.Exec(`INSERT OR IGNORE INTO place (generation, lane, party, sequence, kind, previous, inside, message, attested)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, p.Generation, p.Lane, p.Party, p.Sequence, p.Kind, p.Previous, p.Inside, p.Message, p.Attested)
	return err
}

const placeColumns = "SELECT generation, lane, party, sequence, kind, previous, inside, message, attested FROM place"

func scanPlace(r Row) (p Place, err error) {
	err = r.Scan(&p.Generation, &p.Lane, p.Party[:], &p.Sequence, &p.Kind, p.Previous[:], p.Inside[:], &p.Message, &p.Attested)
	return p, err
}

// Place returns one place, or [ErrNone].
func (tx *Tx) Place(generation int64, lane uint8, party ident.Party, sequence uint32) (Place, error) {
	return scanPlace(tx.Row(placeColumns+" WHERE generation = ? AND lane = ? AND party = ? AND sequence = ?", generation, lane, party, sequence))
}

// Places lists the places of one chain from a sequence on.
func (tx *Tx) Places(generation int64, lane uint8, party ident.Party, from uint32, limit int) ([]Place, error) {
	return Collect(tx, scanPlace, placeColumns+" WHERE generation = ? AND lane = ? AND party = ? AND sequence >= ? ORDER BY sequence LIMIT ?",
		generation, lane, party, from, limit)
}

// PlaceOf returns the newest place of a message, or [ErrNone].
func (tx *Tx) PlaceOf(id ident.Message) (Place, error) {
	return scanPlace(tx.Row(placeColumns+" WHERE message = ? ORDER BY kind = 0, generation DESC, sequence DESC LIMIT 1", id))
}

// Attested reports whether its sender's hybrid signature covers a message.
func (tx *Tx) Attested(id ident.Message) (yes bool, err error) {
	err = tx.Row("SELECT EXISTS (SELECT 1 FROM place WHERE message = ? AND attested = 1)", id).Scan(&yes)
	return yes, err
}

// VoidPlace notes that the sender of an envelope gave it up.
func (tx *Tx) VoidPlace(p Place) error {
	return tx.one("UPDATE place SET kind = 0 WHERE generation = ? AND lane = ? AND party = ? AND sequence = ?", p.Generation, p.Lane, p.Party, p.Sequence)
}

// SetAttested notes that attestations cover from to to of a chain, both
// included.
func (tx *Tx) SetAttested(p Place, from, to uint32) error {
	_, err := tx.Exec("UPDATE place SET attested = 1 WHERE generation = ? AND lane = ? AND party = ? AND sequence BETWEEN ? AND ?",
		p.Generation, p.Lane, p.Party, from, to)
	return err
}

// Unattested lists the parties (zero: everybody) for whom a generation of our
// own holds something that no attestation covers, other than the kinds given.
func (tx *Tx) Unattested(generation int64, but1, but2 uint8) ([]ident.Party, error) {
	return Collect(tx, func(r Row) (p ident.Party, err error) { err = r.Scan(p[:]); return p, err },
		"SELECT DISTINCT party FROM place WHERE generation = ? AND attested = 0 AND kind NOT IN (?, ?)", generation, but1, but2)
}

// HeldUpTo returns the last place of a chain, up to a sequence, before which no
// place is missing; ErrNone when there is none.
func (tx *Tx) HeldUpTo(generation int64, lane uint8, most uint32) (Place, error) {
	var last uint32
	err := tx.Row(`SELECT coalesce(max(sequence), 0) FROM (SELECT sequence, row_number() OVER (ORDER BY sequence) AS n FROM place
		WHERE generation = ? AND lane = ? AND party = zeroblob(32) AND sequence <= ?) WHERE sequence = n`, generation, lane, most).Scan(&last)
	if err != nil {
		return Place{}, err
	}
	return tx.Place(generation, lane, ident.Party{}, last)
}

// Attestation is a checkpoint.Attestation as stored.
type Attestation struct {
	Generation int64
	Party      ident.Party // whose receipts; zero: everything else
	At         time.Time   // as its sender signed
	CameAt     time.Time
	Final      bool
	Hash       [32]byte
	Bytes      []byte
}

// PutAttestation keeps an attestation in the place of an older one.
func (tx *Tx) PutAttestation(a Attestation) error {
	_, err := tx.Exec(`INSERT OR REPLACE INTO attestation (generation, party, at, came_at, final, hash, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		a.Generation, a.Party, a.At, a.CameAt, a.Final, a.Hash, a.Bytes)
	return err
}

const attestationColumns = "SELECT a.generation, a.party, a.at, a.came_at, a.final, a.hash, a.bytes FROM attestation a"

func scanAttestation(r Row) (a Attestation, err error) {
	err = r.Scan(&a.Generation, a.Party[:], &a.At, &a.CameAt, &a.Final, a.Hash[:], &a.Bytes)
	return a, err
}

// Attestation returns the newest attestation of a generation, or [ErrNone].
func (tx *Tx) Attestation(generation int64, party ident.Party) (Attestation, error) {
	return scanAttestation(tx.Row(attestationColumns+" WHERE a.generation = ? AND a.party = ?", generation, party))
}

// NewestAttestation returns the attestation of a sender's newest generation that
// has one, for a whole group, or [ErrNone]. Generations are in order by their
// predecessors; after a restart, which has none, by when they came.
func (tx *Tx) NewestAttestation(sender ident.Desk, group ident.Group) (Attestation, error) {
	const (
		of    = " JOIN generation g ON g.id = a.generation WHERE g.sender = ? AND g.grp = ? AND a.party = zeroblob(32)"
		after = `EXISTS (SELECT 1 FROM generation n JOIN attestation s ON s.generation = n.id AND s.party = zeroblob(32)
			WHERE n.sender = g.sender AND n.grp = g.grp AND n.predecessor = g.identity)`
	)
	a, err := scanAttestation(tx.Row(attestationColumns+of+" AND NOT "+after+" ORDER BY g.id DESC LIMIT 1", sender, group))
	if errors.Is(err, ErrNone) { // each follows another, in a circle
		return scanAttestation(tx.Row(attestationColumns+of+" ORDER BY g.id DESC LIMIT 1", sender, group))
	}
	return a, err
}

// LastAttested returns when a desk last attested anything on a line; zero:
// never.
func (tx *Tx) LastAttested(line ident.Line, desk ident.Desk) (at time.Time, err error) {
	err = tx.Row("SELECT max(a.at) FROM attestation a JOIN generation g ON g.id = a.generation WHERE g.line = ? AND g.sender = ?", line, desk).Scan(&at)
	return at, err
}

// Groups lists the groups of a line in which anybody has sent.
func (tx *Tx) Groups(line ident.Line) ([]ident.Group, error) {
	return Collect(tx, func(r Row) (g ident.Group, err error) { err = r.Scan(g[:]); return g, err },
		"SELECT DISTINCT grp FROM generation WHERE line = ?", line)
}

// Checked is the newest line check of a desk, and how it compared.
type Checked struct {
	Group  ident.Group
	Desk   ident.Desk
	Line   ident.Line
	At     time.Time // by our clock
	Nonce  [16]byte
	Agree  *bool // nil: being compared
	Text   string
	Seal   uint64 // number of its newest seal key
	Vector []byte // its signed vector, when it differed
}

// PutChecked keeps a line check in the place of an older one.
func (tx *Tx) PutChecked(c Checked) error {
	_, err := tx.Exec("INSERT OR REPLACE INTO checked (grp, desk, line, at, nonce, agree, text, seal, vector) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		c.Group, c.Desk, c.Line, c.At, c.Nonce, c.Agree, c.Text, c.Seal, notNull(c.Vector))
	return err
}

// CheckedOn lists the newest line checks on a line.
func (tx *Tx) CheckedOn(line ident.Line) ([]Checked, error) {
	return Collect(tx, func(r Row) (c Checked, err error) {
		err = r.Scan(c.Group[:], c.Desk[:], c.Line[:], &c.At, c.Nonce[:], &c.Agree, &c.Text, &c.Seal, &c.Vector)
		return c, err
	}, "SELECT grp, desk, line, at, nonce, agree, text, seal, vector FROM checked WHERE line = ? ORDER BY desk, grp", line)
}

// Proof is an alarm about the record and what proves it.
type Proof struct {
	ID      int64
	At      time.Time
	Line    ident.Line
	Sender  ident.Desk // whom it is about
	Kind    string
	Verdict string // "sender": two values of its own convict it; or "path or sender"
	Text    string
	A, B    []byte
}

// Convicts reports whether nobody but the desk that it is about can have done it.
func (p *Proof) Convicts() bool { return p.Verdict == "sender" }

// PutProof adds a proof. It returns false when it is there already.
func (tx *Tx) PutProof(p Proof) (bool, error) {
	n, err := tx.Exec("INSERT OR IGNORE INTO proof (at, line, sender, kind, verdict, text, a, b) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		p.At, p.Line, p.Sender, p.Kind, p.Verdict, p.Text, notNull(p.A), notNull(p.B))
	return n > 0, err
}

// Proofs lists proofs about a line, newest first, at most limit. Where there are
// more, each sender has its newest in before another has its second: who is
// convicted again and again pushes out nobody else.
func (tx *Tx) Proofs(line ident.Line, limit int) ([]Proof, error) {
	return Collect(tx, func(r Row) (p Proof, err error) {
		err = r.Scan(&p.ID, &p.At, p.Line[:], p.Sender[:], &p.Kind, &p.Verdict, &p.Text, &p.A, &p.B)
		return p, err
	}, `SELECT id, at, line, sender, kind, verdict, text, a, b FROM proof WHERE id IN (
		SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY sender ORDER BY id DESC) AS nth FROM proof WHERE line = ?)
		ORDER BY nth, id DESC LIMIT ?) ORDER BY id DESC`, line, limit)
}

// LastFrom returns the newest message that a desk sent to a group.
func (tx *Tx) LastFrom(sender ident.Desk, group ident.Group) (id ident.Message, err error) {
	err = tx.Row("SELECT id FROM message WHERE desk = ? AND grp = ? ORDER BY seq DESC LIMIT 1", sender, group).Scan(id[:])
	return id, err
}

// AttestationByHash returns an attestation of a sender by its hash, or
// [ErrNone].
func (tx *Tx) AttestationByHash(sender ident.Desk, group ident.Group, hash [32]byte) (Attestation, error) {
	return scanAttestation(tx.Row(attestationColumns+` JOIN generation g ON g.id = a.generation
		WHERE g.sender = ? AND g.grp = ? AND a.hash = ?`, sender, group, hash))
}

// KnowsSender reports whether anything of a sender under a group is not attested.
func (tx *Tx) KnowsSender(sender ident.Desk, group ident.Group) (yes bool, err error) {
	err = tx.Row(`SELECT EXISTS (SELECT 1 FROM generation g JOIN place p ON p.generation = g.id
		WHERE g.sender = ? AND g.grp = ? AND p.attested = 0)`, sender, group).Scan(&yes)
	return yes, err
}

// VoidPlaces lists what of a generation its sender gave up.
func (tx *Tx) VoidPlaces(generation int64, limit int) ([]Place, error) {
	return Collect(tx, scanPlace, placeColumns+" WHERE generation = ? AND kind = 0 ORDER BY lane, sequence LIMIT ?", generation, limit)
}

// Unfinished lists final attestations, by others, of generations of a line of
// which something here is not covered: something before it is missing.
func (tx *Tx) Unfinished(line ident.Line, self ident.Desk, limit int) ([]Attestation, error) {
	return Collect(tx, scanAttestation, attestationColumns+` JOIN generation g ON g.id = a.generation
		WHERE g.line = ? AND g.sender <> ? AND a.final = 1 AND a.party = zeroblob(32)
		AND EXISTS (SELECT 1 FROM place p WHERE p.generation = g.id AND p.attested = 0 AND p.lane < 4) ORDER BY a.generation DESC LIMIT ?`, line, self, limit)
}
