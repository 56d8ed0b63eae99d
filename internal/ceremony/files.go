package ceremony

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"

	"hotline/internal/octets"
)

// writeHello writes version, the list of suites and the name. The list has one
// member today; it is bound into the words so that nobody can shorten it later.
func writeHello(w *octets.Writer, name string) {
	w.Uint8(version)
	w.Uint8(1)
	w.Uint8(suiteID)
	w.String(name)
}

func readHello(r *octets.Reader) string {
	v, n := r.Uint8(), int(r.Uint8())
	suites := r.Raw(n)
	if r.Err() == nil && (v != version || n != 1 || suites[0] != suiteID) {
		r.Fail(fmt.Errorf("%w: version %d, suites %v", ErrVersion, v, suites))
	}
	return r.String(MaxName)
}

func (p *Pairing) commitmentFile() []byte {
	var w octets.Writer
	w.Raw([]byte(magicCommitment))
	writeHello(&w, p.own.name)
	w.Raw(p.commitment[:])
	return w.Bytes()
}

func parseCommitment(file []byte) (name string, c [hashSize]byte, err error) {
	r := octets.NewReader(file)
	readMagic(r, magicCommitment)
	name = readHello(r)
	r.Into(c[:])
	if err := r.Done(); err != nil {
		return "", c, malformed(err)
	}
	return name, c, checkName(name)
}

// answerFile is file 2: the commitment that it answers, and B's side.
func (p *Pairing) answerFile() []byte {
	return sideFile(magicAnswer, p.commitment, p.own)
}

// openingFile is file 3: the hash of file 2, and A's side.
func (p *Pairing) openingFile() []byte {
	return sideFile(magicOpening, p.answer, p.own)
}

func sideFile(magic string, answers [hashSize]byte, s side) []byte {
	var w octets.Writer
	w.Raw([]byte(magic))
	w.Raw(answers[:])
	s.write(&w)
	return w.Bytes()
}

func parseSide(magic string, file []byte) (answers [hashSize]byte, s side, err error) {
	if len(file) > MaxFile {
		return answers, s, fmt.Errorf("%w: %d bytes", ErrMalformed, len(file))
	}
	r := octets.NewReader(bytes.Clone(file))
	readMagic(r, magic)
	r.Into(answers[:])
	s = readSide(r)
	if err := r.Done(); err != nil {
		return answers, side{}, malformed(err)
	}
	return answers, s, s.check()
}

func (s side) write(w *octets.Writer) {
	writeHello(w, s.name)
	w.Raw(s.root)
	w.Raw(s.nonce)
	w.Var32(s.payload)
}

func readSide(r *octets.Reader) (s side) {
	s.name = readHello(r)
	s.root = r.Raw(rootSize)
	s.nonce = r.Raw(nonceSize)
	s.payload = r.Var32(MaxPayload)
	return s
}

func (s side) check() error {
	if err := checkName(s.name); err != nil {
		return err
	}
	if len(s.root) != rootSize || len(s.nonce) != nonceSize || len(s.payload) > MaxPayload {
		return fmt.Errorf("%w: root of %d, nonce of %d, payload of %d bytes", ErrMalformed, len(s.root), len(s.nonce), len(s.payload))
	}
	return nil
}

// checkName refuses names that could mislead on a screen.
func checkName(name string) error {
	bad := func(c rune) bool { return unicode.IsControl(c) || unicode.In(c, unicode.Cf, unicode.Zl, unicode.Zp) }
	if name == "" || len(name) > MaxName || !utf8.ValidString(name) || bytes.ContainsFunc([]byte(name), bad) ||
		len(bytes.TrimSpace([]byte(name))) != len(name) {
		return fmt.Errorf("%w: name of a party", ErrMalformed)
	}
	return nil
}

func readMagic(r *octets.Reader, magic string) {
	if string(r.Raw(len(magic))) != magic {
		r.Fail(fmt.Errorf("%w: does not begin with %q", ErrMalformed, magic))
	}
}

// malformed turns the reader's error into this package's.
func malformed(err error) error { return fmt.Errorf("%w: %w", ErrMalformed, err) }
