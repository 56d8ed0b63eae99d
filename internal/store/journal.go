package store

import (
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Leaf is one entry of the journal. Its hash covers every leaf up to it:
// SHA-384("hotline/1/leaf" ‖ 0 ‖ hash of the one before ‖ seq ‖ at ‖ length of
// kind ‖ kind ‖ data), numbers big-endian in eight bytes; the first leaf follows
// 48 zero bytes (docs/spec/store.md, Section 5).
type Leaf struct {
	Seq  int64 // from 1, without gaps
	Kind string
	At   time.Time // UTC, to the millisecond
	Data []byte
	Hash [48]byte
}

// follow returns the hash of l behind prev.
func (l Leaf) follow(prev [48]byte) (sum [48]byte) {
	h := sha512.New384()
	b := append([]byte("hotline/1/leaf\x00"), prev[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(l.Seq))
	b = binary.BigEndian.AppendUint64(b, uint64(l.At.UnixMilli()))
	b = binary.BigEndian.AppendUint64(b, uint64(len(l.Kind)))
	b = append(b, l.Kind...)
	h.Write(b)
	h.Write(l.Data)
	h.Sum(sum[:0])
	return sum
}

// AppendJournal appends a leaf and returns it with its number and hash.
func (tx *Tx) AppendJournal(kind string, at time.Time, data []byte) (Leaf, error) {
	if tx.head == nil {
		head, err := tx.JournalHead()
		if err != nil {
			return Leaf{}, err
		}
		tx.head = &head
	}
	head := *tx.head
	l := Leaf{Seq: head.Seq + 1, Kind: kind, At: time.UnixMilli(at.UnixMilli()).UTC(), Data: notNull(data)}
	l.Hash = l.follow(head.Hash)
	_, err := tx.Exec("INSERT INTO journal (seq, kind, at, data, hash) VALUES (?, ?, ?, ?, ?)",
		l.Seq, l.Kind, l.At.UnixMilli(), l.Data, l.Hash[:])
	if err != nil {
		return Leaf{}, fmt.Errorf("append journal leaf %d: %w", l.Seq, err)
	}
	tx.head = &l
	return l, nil
}

// JournalHead returns the last leaf, or the zero value when there is none.
func (tx *Tx) JournalHead() (Leaf, error) {
	l, err := scanLeaf(tx.Row("SELECT seq, kind, at, data, hash FROM journal ORDER BY seq DESC LIMIT 1"))
	if errors.Is(err, ErrNone) {
		return Leaf{}, nil
	}
	if err != nil {
		return Leaf{}, fmt.Errorf("read journal head: %w", err)
	}
	return l, nil
}

// Journal returns up to limit leaves after seq, in order.
func (tx *Tx) Journal(after int64, limit int) ([]Leaf, error) {
	leaves, err := Collect(tx, scanLeaf,
		"SELECT seq, kind, at, data, hash FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
	if err != nil {
		return nil, fmt.Errorf("read journal after %d: %w", after, err)
	}
	return leaves, nil
}

// VerifyLeaves recomputes the hashes of leaves that follow prev, and returns
// an error matching [ErrDamaged] that names the first one that does not fit.
func VerifyLeaves(prev Leaf, leaves []Leaf) error {
	for _, l := range leaves {
		if l.Seq != prev.Seq+1 || l.Hash != l.follow(prev.Hash) {
			return fmt.Errorf("verify journal leaf %d: %w", l.Seq, ErrDamaged)
		}
		prev = l
	}
	return nil
}

func scanLeaf(r Row) (l Leaf, err error) {
	var at int64
	err = r.Scan(&l.Seq, &l.Kind, &at, &l.Data, l.Hash[:])
	l.At = time.UnixMilli(at).UTC()
	return l, err
}
