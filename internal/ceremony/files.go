package ceremony

import (
	"bytes"
	"fmt"

	"hotline/internal/octets"
)

// hello is version, suite and name. The words bind all three, so that nobody
// can say another suite to either side.
func (s *side) hello(c *octets.Coder) {
	v := uint8(version)
	c.Uint8(&v)
	if v != version {
		c.Fail(fmt.Errorf("%w: version %d", ErrVersion, v))
	}
	c.Uint8(&s.suite)
	c.Text("name of a party", &s.name, MaxName, false)
}

// fields is all that a side brings.
func (s *side) fields(c *octets.Coder) {
	s.hello(c)
	c.ShortField("root", &s.root, MaxRoot)
	c.Must(len(s.root) > 0, "no root")
	c.Key("nonce", &s.nonce, nonceSize)
	c.Field("payload", &s.payload, MaxPayload)
}

// suits refuses a side of another suite.
func (s *side) suits(peer side) error {
	if s.suite != peer.suite {
		return fmt.Errorf("%w: suite %d, not %d", ErrVersion, peer.suite, s.suite)
	}
	return nil
}

// commitmentFields is file 1: who asks, and the commitment.
func commitmentFields(s *side, commitment *[hashSize]byte) func(*octets.Coder) {
	return func(c *octets.Coder) {
		c.Magic(magicCommitment)
		s.hello(c)
		c.Array(commitment[:])
	}
}

func (p *Pairing) commitmentFile() []byte {
	return octets.Encode(commitmentFields(&p.own, &p.commitment))
}

func parseCommitment(file []byte) (s side, commitment [hashSize]byte, err error) {
	err = octets.Decode(file, commitmentFields(&s, &commitment))
	return s, commitment, err
}

// sideFields is file 2 or 3: the hash of what it answers, and a side.
func sideFields(magic string, answers *[hashSize]byte, s *side) func(*octets.Coder) {
	return func(c *octets.Coder) {
		c.Magic(magic)
		c.Array(answers[:])
		s.fields(c)
	}
}

// answerFile is file 2: the commitment that it answers, and B's side.
func (p *Pairing) answerFile() []byte {
	return octets.Encode(sideFields(magicAnswer, &p.commitment, &p.own))
}

// openingFile is file 3: the hash of file 2, and A's side.
func (p *Pairing) openingFile() []byte {
	return octets.Encode(sideFields(magicOpening, &p.answer, &p.own))
}

func (p *Pairing) parseSide(magic string, file []byte) (answers [hashSize]byte, s side, err error) {
	if len(file) > MaxFile {
		return answers, s, fmt.Errorf("%w: %d bytes", ErrMalformed, len(file))
	}
	if err = octets.Decode(bytes.Clone(file), sideFields(magic, &answers, &s)); err == nil {
		err = p.own.suits(s)
	}
	return answers, s, err
}
