package store

import "time"

// Officer is a person who may sign in to the console.
type Officer struct {
	Name     string
	Role     string
	Password []byte // hash, with its parameters; empty until one was chosen
}

// PutOfficer adds an officer or overwrites role and password.
func (tx *Tx) PutOfficer(o Officer) error {
	if o.Password == nil {
		o.Password = []byte{}
	}
	_, err := tx.Exec(`INSERT INTO officer (name, role, password) VALUES (?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET role = excluded.role, password = excluded.password`, o.Name, o.Role, o.Password)
	return err
}

// Officer returns one officer, or [ErrNone].
func (tx *Tx) Officer(name string) (o Officer, err error) {
	err = tx.Row("SELECT name, role, password FROM officer WHERE name = ?", name).Scan(&o.Name, &o.Role, &o.Password)
	return o, err
}

// Officers lists the officers by name.
func (tx *Tx) Officers() ([]Officer, error) {
	return Collect(tx, func(r Row) (o Officer, err error) {
		err = r.Scan(&o.Name, &o.Role, &o.Password)
		return o, err
	}, "SELECT name, role, password FROM officer ORDER BY name")
}

// LoginLink is a one-time link to the console, by the hash of its secret.
type LoginLink struct {
	Hash      []byte
	Officer   string
	Role      string
	ExpiresAt time.Time
}

// PutLoginLink keeps a link.
func (tx *Tx) PutLoginLink(l LoginLink) error {
	_, err := tx.Exec("INSERT INTO login_link (hash, officer, role, expires_at) VALUES (?, ?, ?, ?)", l.Hash, l.Officer, l.Role, l.ExpiresAt)
	return err
}

// LoginLink returns a link, or [ErrNone].
func (tx *Tx) LoginLink(hash []byte) (l LoginLink, err error) {
	err = tx.Row("SELECT hash, officer, role, expires_at FROM login_link WHERE hash = ?", hash).
		Scan(&l.Hash, &l.Officer, &l.Role, &l.ExpiresAt)
	return l, err
}

// DropLoginLink uses a link up. It is [ErrNone] when it was used before.
func (tx *Tx) DropLoginLink(hash []byte) error {
	return tx.one("DELETE FROM login_link WHERE hash = ?", hash)
}

// PutSession keeps a signed-in session under the hash of its token.
func (tx *Tx) PutSession(token string, data []byte, expires time.Time) error {
	_, err := tx.Exec(`INSERT INTO session (token, data, expires_at) VALUES (?, ?, ?)
		ON CONFLICT (token) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at`, token, data, expires)
	return err
}

// Session returns a session that has not expired at now, or [ErrNone].
func (tx *Tx) Session(token string, now time.Time) (data []byte, err error) {
	err = tx.Row("SELECT data FROM session WHERE token = ? AND expires_at > ?", token, now).Scan(&data)
	return data, err
}

// DropSession signs a session out.
func (tx *Tx) DropSession(token string) error {
	_, err := tx.Exec("DELETE FROM session WHERE token = ?", token)
	return err
}

// Answer is what was answered to an idempotent request.
type Answer struct {
	Key    string
	Status int
	Body   []byte
}

// PutAnswer keeps an answer; the first one stays.
func (tx *Tx) PutAnswer(a Answer, at time.Time) error {
	_, err := tx.Exec("INSERT OR IGNORE INTO answer (key, status, body, made_at) VALUES (?, ?, ?, ?)", a.Key, a.Status, a.Body, at)
	return err
}

// Answer returns an answer, or [ErrNone].
func (tx *Tx) Answer(key string) (a Answer, err error) {
	err = tx.Row("SELECT key, status, body FROM answer WHERE key = ?", key).Scan(&a.Key, &a.Status, &a.Body)
	return a, err
}

// Tidy removes what has expired: links, sessions, and answers made before
// answers.
func (tx *Tx) Tidy(now, answers time.Time) error {
	if _, err := tx.Exec("DELETE FROM login_link WHERE expires_at < ?", now); err != nil {
		return err
	}
	if _, err := tx.Exec("DELETE FROM session WHERE expires_at < ?", now); err != nil {
		return err
	}
	_, err := tx.Exec("DELETE FROM answer WHERE made_at < ?", answers)
	return err
}
