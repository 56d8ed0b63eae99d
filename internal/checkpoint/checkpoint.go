package checkpoint

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

const (
	labelCheckpoint = "hotline/1/checkpoint"
	origin          = "hotline/journal/"
	// algorithm tells our signatures from others in a note's key hash: 0xff,
	// then a name.
	algorithm = "\xffhotline hybrid desk key"
)

// Checkpoint is a desk's signed word for its journal: so many leaves, with this
// root. Two of one generation of which neither tree begins with the other
// convict the desk. A generation is the time in ms at which it began, or one
// more than the one before: a desk that was restored starts anew and says so.
type Checkpoint struct {
	Desk       ident.Desk
	Size       int64
	Root       Hash
	Generation uint64
	Time       time.Time // of the desk's clock, to the millisecond
}

func (c Checkpoint) text() string {
	return fmt.Sprintf("%s%s\n%d\n%s\ngeneration %d\ntime %d\n", origin, c.Desk, c.Size, c.Root, c.Generation, c.Time.UnixMilli())
}

// Note returns c as a note signed with the desk key, whose public half is given
// (C2SP signed-note; three lines of tlog-checkpoint, then two of ours).
func (c Checkpoint) Note(key Signer, public []byte) ([]byte, error) {
	b, err := note.Sign(&note.Note{Text: c.text()}, noteKey{desk: c.Desk, public: public, sign: key})
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	return b, nil
}

// Open reads a note of the desk with that key: the only spelling, and both
// halves of the signature hold. Errors wrap [ErrMalformed] or [ErrSignature].
func Open(s Verifier, desk ident.Desk, public, b []byte) (Checkpoint, error) {
	n, err := note.Open(b, note.VerifierList(noteKey{desk: desk, public: public, verify: s}))
	if invalid := (*note.InvalidSignatureError)(nil); errors.As(err, &invalid) {
		return Checkpoint{}, fmt.Errorf("open checkpoint of %v: %w", desk, ErrSignature)
	} else if err != nil {
		return Checkpoint{}, fmt.Errorf("open checkpoint of %v: %w: %w", desk, ErrMalformed, err)
	}
	c := Checkpoint{Desk: desk}
	var name, root string
	var ms int64
	_, err = fmt.Sscanf(n.Text, "%s\n%d\n%s\ngeneration %d\ntime %d\n", &name, &c.Size, &root, &c.Generation, &ms)
	if err == nil {
		c.Root, err = tlog.ParseHash(root)
	}
	c.Time = time.UnixMilli(ms).UTC()
	again, _ := note.Sign(n) // a note that was opened has nothing to refuse
	if err != nil || c.Size <= 0 || ms < 0 || ms > octets.MaxTime || c.text() != n.Text || !slices.Equal(again, b) || len(n.Sigs) != 1 || len(n.UnverifiedSigs) > 0 {
		return Checkpoint{}, fmt.Errorf("open checkpoint of %v: %w", desk, ErrMalformed)
	}
	return c, nil
}

// noteKey is a desk key as package note asks for signers and verifiers.
type noteKey struct {
	desk   ident.Desk
	public []byte
	sign   Signer
	verify Verifier
}

func (k noteKey) Name() string { return k.desk.String() }

func (k noteKey) KeyHash() uint32 {
	sum := sha256.Sum256(slices.Concat([]byte(k.Name()+"\n"+algorithm), k.public))
	return binary.BigEndian.Uint32(sum[:])
}

func (k noteKey) Sign(text []byte) ([]byte, error) { return k.sign.Sign(labelCheckpoint, text), nil }

func (k noteKey) Verify(text, signature []byte) bool {
	return k.verify.VerifyDesk(k.public, labelCheckpoint, signature, text) == nil
}
