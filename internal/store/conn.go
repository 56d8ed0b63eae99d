package store

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// conn is one connection with its prepared statements. It belongs to one
// goroutine at a time.
type conn struct {
	db    *sqlite3.Conn
	stmts map[string]*statement
}

// statement is a prepared statement; busy while rows of it are being read, so
// that a loop may run the same query inside itself.
type statement struct {
	*sqlite3.Stmt
	busy bool
}

// dial opens path through the VFS vfs, which holds the key, and sets it up.
func dial(path, vfs string, flags sqlite3.OpenFlag, pragmas ...string) (*conn, error) {
	db, err := sqlite3.OpenFlags(uri(path, vfs), flags|sqlite3.OPEN_URI)
	if err != nil {
		return nil, translate(err)
	}
	c := &conn{db: db, stmts: make(map[string]*statement)}
	// One plan for a statement, whatever is bound to it: without this SQLite
	// plans a query with a range anew each time that it runs.
	if _, err := db.Config(sqlite3.DBCONFIG_ENABLE_QPSG, true); err != nil {
		_ = c.close()
		return nil, translate(err)
	}
	if len(pragmas) > 0 {
		if err := db.Exec("PRAGMA " + strings.Join(pragmas, "; PRAGMA ")); err != nil {
			_ = c.close()
			return nil, translate(err)
		}
	}
	return c, nil
}

// uri names a file in a VFS. The key is the VFS's own (vfs.go); the parameter
// only has to be there. The log gets the database's file mode.
func uri(path, vfs string) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{
		"vfs": {vfs}, "hexkey": {"00"}, "modeof": {path},
	}.Encode()}
	return u.String()
}

// prepare returns an idle statement for q.
func (c *conn) prepare(q string) (*statement, error) {
	st := c.stmts[q]
	if st != nil && !st.busy {
		st.busy = true
		return st, nil
	}
	s, tail, err := c.db.PrepareFlags(q, sqlite3.PREPARE_PERSISTENT)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", q, translate(err))
	}
	if s == nil || strings.TrimSpace(tail) != "" {
		_ = s.Close()
		return nil, fmt.Errorf("prepare %q: not one statement", q)
	}
	fresh := &statement{Stmt: s, busy: true}
	if st == nil {
		c.stmts[q] = fresh
	}
	return fresh, nil
}

// release makes st idle, or closes it when the cache holds another for q.
func (c *conn) release(q string, st *statement) error {
	err := st.Reset()
	if c.stmts[q] != st {
		_ = st.Close()
		return err
	}
	st.busy = false
	if err2 := st.ClearBindings(); err == nil {
		err = err2
	}
	return err
}

// exec runs q, which has no arguments and returns no rows.
func (c *conn) exec(q string) error {
	st, err := c.prepare(q)
	if err != nil {
		return err
	}
	err = st.Exec()
	_ = c.release(q, st)
	return err
}

// number runs q, which returns one number.
func (c *conn) number(q string) (n int64, err error) {
	st, err := c.prepare(q)
	if err != nil {
		return 0, err
	}
	if st.Step() {
		n = st.ColumnInt64(0)
	}
	err = st.Err()
	_ = c.release(q, st)
	return n, translate(err)
}

// close closes the statements and the connection.
func (c *conn) close() error {
	for _, st := range c.stmts {
		_ = st.Close()
	}
	clear(c.stmts)
	return c.db.Close()
}
