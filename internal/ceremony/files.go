package ceremony

import (
	"bytes"
	"cmp"
	"fmt"
	"unicode"
	"unicode/utf8"

	"hotline/internal/octets"
)

// writeHello writes version, suite and name. The words bind all three, so that
// nobody can say another suite to either side.
func (s side) writeHello(w *octets.Writer) {
	w.Uint8(version)
	w.Uint8(s.suite)
	w.String(s.name)
}

func readHello(r *octets.Reader) (suite uint8, name string) {
	if v := r.Uint8(); r.Err() == nil && v != version {
		r.Fail(fmt.Errorf("%w: version %d", ErrVersion, v))
	}
	return r.Uint8(), r.String(MaxName)
}

// suits refuses a side of another suite.
func (s side) suits(peer side) error {
	if s.suite != peer.suite {
		return fmt.Errorf("%w: suite %d, not %d", ErrVersion, peer.suite, s.suite)
	}
	return nil
}

func (p *Pairing) commitmentFile() []byte {
	var w octets.Writer
	w.Raw([]byte(magicCommitment))
	p.own.writeHello(&w)
	w.Raw(p.commitment[:])
	return w.Bytes()
}

func parseCommitment(file []byte) (suite uint8, name string, c [hashSize]byte, err error) {
	r := octets.NewReader(file)
	readMagic(r, magicCommitment)
	suite, name = readHello(r)
	r.Into(c[:])
	if err := r.Done(); err != nil {
		return 0, "", c, malformed(err)
	}
	return suite, name, c, checkName(name)
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

func (p *Pairing) parseSide(magic string, file []byte) (answers [hashSize]byte, s side, err error) {
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
	return answers, s, cmp.Or(p.own.suits(s), s.check())
}

func (s side) write(w *octets.Writer) {
	s.writeHello(w)
	w.Var16(s.root)
	w.Raw(s.nonce)
	w.Var32(s.payload)
}

func readSide(r *octets.Reader) (s side) {
	s.suite, s.name = readHello(r)
	s.root = r.Var16(MaxRoot)
	s.nonce = r.Raw(nonceSize)
	s.payload = r.Var32(MaxPayload)
	return s
}

func (s side) check() error {
	if err := checkName(s.name); err != nil {
		return err
	}
	if len(s.root) == 0 || len(s.root) > MaxRoot || len(s.nonce) != nonceSize || len(s.payload) > MaxPayload {
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
