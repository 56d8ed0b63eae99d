package store

import (
	"time"

	"hotline/internal/ident"
)

// File is an attachment's way to or from this desk. Its chunks are package
// blob's.
type File struct {
	Tag      [16]byte // of its chunks
	Message  ident.Message
	Outgoing bool
	Number   int // place in the message's list
	Lane     uint8
	State    string // partial, whole, broken
	At       time.Time
}

// PutFile adds a file; one that is there already stays.
func (tx *Tx) PutFile(f File) error {
	_, err := tx.Exec("INSERT OR IGNORE INTO file (tag, message, outgoing, number, lane, state, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
		f.Tag, f.Message, f.Outgoing, f.Number, f.Lane, f.State, f.At)
	return err
}

const fileColumns = "SELECT tag, message, outgoing, number, lane, state, at FROM file"

func scanFile(r Row) (f File, err error) {
	err = r.Scan(f.Tag[:], f.Message[:], &f.Outgoing, &f.Number, &f.Lane, &f.State, &f.At)
	return f, err
}

// File returns the file with chunks of that tag, or [ErrNone].
func (tx *Tx) File(tag [16]byte) (File, error) {
	return scanFile(tx.Row(fileColumns+" WHERE tag = ?", tag))
}

// FilesOf lists the files of a message.
func (tx *Tx) FilesOf(id ident.Message) ([]File, error) {
	return Collect(tx, scanFile, fileColumns+" WHERE message = ? ORDER BY number", id)
}

// FilesUnderWay lists the files that are not whole yet: incoming ones with
// chunks missing, outgoing ones that a desk has not confirmed. Most urgent
// first.
func (tx *Tx) FilesUnderWay(outgoing bool) ([]File, error) {
	return Collect(tx, scanFile, fileColumns+` WHERE outgoing = ? AND state = 'partial'
		ORDER BY CASE lane WHEN 4 THEN 0 ELSE lane + 1 END DESC, at, number`, outgoing)
}

// SetFileState moves a file to another state.
func (tx *Tx) SetFileState(tag [16]byte, state string) error {
	return tx.one("UPDATE file SET state = ? WHERE tag = ?", state, tag)
}

// PutFileTarget notes that a desk has to get an outgoing file.
func (tx *Tx) PutFileTarget(tag [16]byte, t Target) error {
	_, err := tx.Exec("INSERT OR IGNORE INTO file_target (tag, desk, relay, box, whole) VALUES (?, ?, ?, ?, 0)", tag, t.Desk, t.Relay, t.Box)
	return err
}

// FileTargets lists the desks that have not confirmed an outgoing file.
func (tx *Tx) FileTargets(tag [16]byte) ([]Target, error) {
	return Collect(tx, func(r Row) (t Target, err error) {
		err = r.Scan(t.Desk[:], t.Relay[:], t.Box[:])
		return t, err
	}, "SELECT desk, relay, box FROM file_target WHERE tag = ? AND whole = 0", tag)
}

// SetFileSent notes that a relay has the first n parts of an outgoing file.
func (tx *Tx) SetFileSent(tag [16]byte, relay ident.Relay, n uint32) error {
	_, err := tx.Exec("UPDATE file_target SET sent = ? WHERE tag = ? AND relay = ?", n, tag, relay)
	return err
}

// FileSent returns what [Tx.SetFileSent] noted.
func (tx *Tx) FileSent(tag [16]byte, relay ident.Relay) (n uint32, err error) {
	err = tx.Row("SELECT coalesce(min(sent), 0) FROM file_target WHERE tag = ? AND relay = ? AND whole = 0", tag, relay).Scan(&n)
	return n, err
}

// FileWhole notes that a desk has all of an outgoing file, and returns whether
// every desk now has.
func (tx *Tx) FileWhole(tag [16]byte, desk ident.Desk) (all bool, err error) {
	if _, err := tx.Exec("UPDATE file_target SET whole = 1 WHERE tag = ? AND desk = ?", tag, desk); err != nil {
		return false, err
	}
	var left int
	if err := tx.Row("SELECT count(*) FROM file_target WHERE tag = ? AND whole = 0", tag).Scan(&left); err != nil {
		return false, err
	}
	if left > 0 {
		return false, nil
	}
	return true, tx.SetFileState(tag, "whole")
}

// DropFileTargets takes a desk off the outgoing files of a line, or, when line is
// nil, off all, and returns their tags. A file that nobody else waits for is
// whole.
func (tx *Tx) DropFileTargets(desk ident.Desk, line *ident.Line) ([][16]byte, error) {
	q, args := "DELETE FROM file_target WHERE desk = ? AND whole = 0", []any{desk}
	if line != nil {
		q, args = q+" AND tag IN (SELECT f.tag FROM file f JOIN message m ON m.id = f.message WHERE m.line = ?)", append(args, *line)
	}
	tags, err := Collect(tx, func(r Row) (tag [16]byte, err error) { err = r.Scan(tag[:]); return tag, err }, q+" RETURNING tag", args...)
	if err != nil || len(tags) == 0 {
		return tags, err
	}
	_, err = tx.Exec(`UPDATE file SET state = 'whole' WHERE outgoing = 1 AND state = 'partial'
		AND NOT EXISTS (SELECT 1 FROM file_target t WHERE t.tag = file.tag AND t.whole = 0)`)
	return tags, err
}

// Upload is a file that was given to this desk and belongs to no message yet.
type Upload struct {
	ID     string
	Name   string
	Media  string
	File   []byte // wire.File
	MadeAt time.Time
}

// PutUpload keeps an upload.
func (tx *Tx) PutUpload(u Upload) error {
	_, err := tx.Exec("INSERT INTO upload (id, name, media, file, made_at) VALUES (?, ?, ?, ?, ?)", u.ID, u.Name, u.Media, u.File, u.MadeAt)
	return err
}

func scanUpload(r Row) (u Upload, err error) {
	err = r.Scan(&u.ID, &u.Name, &u.Media, &u.File, &u.MadeAt)
	return u, err
}

// Upload returns an upload, or [ErrNone].
func (tx *Tx) Upload(id string) (Upload, error) {
	return scanUpload(tx.Row("SELECT id, name, media, file, made_at FROM upload WHERE id = ?", id))
}

// DropUpload removes an upload: a message took its file, or nobody did.
func (tx *Tx) DropUpload(id string) error {
	_, err := tx.Exec("DELETE FROM upload WHERE id = ?", id)
	return err
}

// UploadsBefore lists uploads made before t.
func (tx *Tx) UploadsBefore(t time.Time) ([]Upload, error) {
	return Collect(tx, scanUpload, "SELECT id, name, media, file, made_at FROM upload WHERE made_at < ?", t)
}
