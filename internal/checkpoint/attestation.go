package checkpoint

import (
	"errors"
	"fmt"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Hasher is the part of a suite that hashes.
type Hasher interface {
	ID() uint8
	Hash(label string, parts ...[]byte) [48]byte
}

// Verifier is the part of a suite that checks what a desk key signed.
type Verifier interface {
	Hasher
	VerifyDesk(public []byte, label string, signature []byte, parts ...[]byte) error
}

// Signer is a desk key.
type Signer interface {
	Sign(label string, parts ...[]byte) []byte
}

const (
	version          = 1
	labelAttestation = "hotline/1/attestation"
	labelVector      = "hotline/1/vector"
	// maxSignature is the longest signature of a desk key in any suite.
	maxSignature = 5 << 10
	// Lanes is how many lanes a sending key has: 0 to 3 by precedence, and one
	// of receipts to a party.
	Lanes = 5
	// receipts is the lane of receipts.
	receipts = Lanes - 1
	// maxTime is the end of the year 9999.
	maxTime = 253402300799999
)

var (
	// ErrMalformed means that bytes are not of this layout.
	ErrMalformed = errors.New("malformed checkpoint")
	// ErrSignature means that the desk named did not sign this.
	ErrSignature = errors.New("checkpoint is not signed by its desk")
)

// Lane is how far one chain goes, and the running hash there.
type Lane struct {
	Lane    uint8
	Last    uint32 // 0 is never written
	Running [32]byte
}

// Attestation is a desk's long-lived word for its own chains under one sending
// key. It proves every message up to the sequences it names: the running hash
// covers them all.
type Attestation struct {
	Sender     ident.Desk
	Group      ident.Group
	Generation [16]byte
	Commitment [48]byte // of the sending key: desks that got two different keys find it here
	// Before is [Attestation.Hash] of the final attestation of the generation
	// before, or zeros where there is none: generations cannot be exchanged.
	Before [32]byte
	// To is the party whose receipts are attested. Zeros: lanes 0 to 3, for
	// every desk of the group.
	To    ident.Party
	Time  time.Time // of the sender's clock, to the millisecond
	Final bool      // nothing follows under this generation
	Lanes []Lane    // ascending, each once; chains without a message are left out

	signature []byte
}

// Sign returns a with the signature of its sender's desk key.
func (a Attestation) Sign(s Hasher, key Signer) Attestation {
	a.signature = key.Sign(labelAttestation, a.unsigned(s))
	return a
}

// Hash names an attestation. Signing twice gives two signatures and one hash.
func (a Attestation) Hash(s Hasher) (h [32]byte) {
	sum := s.Hash(labelAttestation, a.unsigned(s))
	copy(h[:], sum[:])
	return h
}

func (a Attestation) unsigned(s Hasher) []byte {
	w := begin(s, a.Sender, a.Group, a.Time)
	w.Raw(a.Generation[:])
	w.Raw(a.Commitment[:])
	w.Raw(a.Before[:])
	w.Raw(a.To[:])
	w.Uint8(flag(a.Final))
	writeLanes(w, a.Lanes)
	return w.Bytes()
}

// Bytes is the attestation as it travels.
func (a Attestation) Bytes(s Hasher) []byte { return append(a.unsigned(s), a.signature...) }

// ParseAttestation reads what [Attestation.Bytes] wrote and nothing else. The
// signature is still to be verified. Errors wrap [ErrMalformed].
func ParseAttestation(s Hasher, b []byte) (a Attestation, err error) {
	r := octets.NewReader(b)
	a.Sender, a.Group, a.Time = open(s, r)
	r.Into(a.Generation[:])
	r.Into(a.Commitment[:])
	r.Into(a.Before[:])
	r.Into(a.To[:])
	a.Final = readFlag(r)
	a.Lanes = readLanes(r)
	for _, l := range a.Lanes {
		if (l.Lane == receipts) != (a.To != ident.Party{}) {
			r.Fail(fmt.Errorf("lane %d", l.Lane))
		}
	}
	a.signature, err = finish(r)
	return a, err
}

// Verify checks the signature with the desk key of a's sender. Errors wrap
// [ErrSignature].
func (a Attestation) Verify(s Verifier, deskKey []byte) error {
	if s.VerifyDesk(deskKey, labelAttestation, a.signature, a.unsigned(s)) != nil {
		return fmt.Errorf("verify attestation of %v: %w", a.Sender, ErrSignature)
	}
	return nil
}

// Contradicts reports whether no honest desk signs both a and b: one place of a
// chain with two running hashes, one generation with two keys or two
// predecessors, or a chain that goes on after its end. Together they convict
// their sender.
func (a Attestation) Contradicts(b Attestation) bool {
	if a.Sender != b.Sender || a.Group != b.Group || a.Generation != b.Generation {
		return false
	}
	if a.Commitment != b.Commitment || a.Before != b.Before {
		return true
	}
	if a.To != b.To {
		return false
	}
	for l := range uint8(Lanes) {
		x, y := a.lane(l), b.lane(l)
		if x.Last == y.Last && x.Running != y.Running || a.Final && y.Last > x.Last || b.Final && x.Last > y.Last {
			return true
		}
	}
	return false
}

// lane returns a lane; one without a message has last sequence 0.
func (a Attestation) lane(n uint8) Lane {
	for _, l := range a.Lanes {
		if l.Lane == n {
			return l
		}
	}
	return Lane{Lane: n}
}

// begin writes what both layouts begin with.
func begin(s Hasher, desk ident.Desk, group ident.Group, at time.Time) *octets.Writer {
	w := &octets.Writer{}
	w.Uint8(version)
	w.Uint8(s.ID())
	w.Raw(desk[:])
	w.Raw(group[:])
	w.Uint64(uint64(at.UnixMilli()))
	return w
}

func open(s Hasher, r *octets.Reader) (desk ident.Desk, group ident.Group, at time.Time) {
	if v, id := r.Uint8(), r.Uint8(); v != version || id != s.ID() {
		r.Fail(fmt.Errorf("version %d, suite %d", v, id))
	}
	r.Into(desk[:])
	r.Into(group[:])
	ms := r.Uint64()
	if ms > maxTime {
		r.Fail(fmt.Errorf("time %d", ms))
	}
	return desk, group, time.UnixMilli(int64(ms)).UTC()
}

// finish takes the signature, which is the rest.
func finish(r *octets.Reader) ([]byte, error) {
	signature := r.Rest()
	if len(signature) == 0 || len(signature) > maxSignature {
		r.Fail(fmt.Errorf("signature of %d bytes", len(signature)))
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return signature, nil
}

func flag(on bool) uint8 {
	if on {
		return 1
	}
	return 0
}

func readFlag(r *octets.Reader) bool {
	f := r.Uint8()
	if f > 1 {
		r.Fail(fmt.Errorf("flag %d", f))
	}
	return f == 1
}

func writeLanes(w *octets.Writer, all []Lane) {
	w.Uint8(uint8(len(all)))
	for _, l := range all {
		w.Uint8(l.Lane)
		w.Uint32(l.Last)
		w.Raw(l.Running[:])
	}
}

// readLanes reads lanes in their one order.
func readLanes(r *octets.Reader) (all []Lane) {
	n := r.Uint8()
	if n > Lanes {
		r.Fail(fmt.Errorf("%d lanes", n))
	}
	for range n {
		l := Lane{Lane: r.Uint8(), Last: r.Uint32()}
		r.Into(l.Running[:])
		if r.Err() != nil {
			return nil
		}
		if k := len(all); l.Lane >= Lanes || l.Last == 0 || k > 0 && all[k-1].Lane >= l.Lane {
			r.Fail(fmt.Errorf("lane %d at %d", l.Lane, l.Last))
		}
		all = append(all, l)
	}
	return all
}
