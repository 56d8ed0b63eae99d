package chain

import (
	"fmt"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/precedence"
)

// maxEvidence is longer than the evidence of a message in any suite.
const maxEvidence = 512

// Repair is a message as its sender signed it, for a desk that cannot open its
// envelope any more. It is the same message: id, place and signature stay.
type Repair struct {
	Sender   ident.Desk
	Group    ident.Group
	Evidence []byte // of the message, see [VerifyEvidence]
	Body     []byte
	Signed   Signed // filled by [OpenRepair]
}

func (r *Repair) fields(c *octets.Coder) {
	c.Array(r.Sender[:], r.Group[:])
	c.ShortField("evidence", &r.Evidence, maxEvidence)
	c.Field("body", &r.Body, envelope.MaxSize)
}

// SealRepair seals a message to one desk's newest seal key. Errors wrap
// [ErrInput].
func SealRepair(s Suite, sealPublic []byte, lane precedence.Level, expiry time.Time, r Repair) ([]byte, error) {
	plain := octets.Encode(r.fields)
	if sealedSize(s, len(plain)) > envelope.MaxSize || !lane.Valid() {
		return nil, fmt.Errorf("seal repair of %d bytes: %w", len(r.Body), ErrInput)
	}
	return sealTo(s, sealed{
		kind: envelope.Control, lane: lane, tag: SliceTag(s, sealPublic), expiry: expiry,
		label: labelRepair, public: sealPublic, plain: plain,
	})
}

// OpenRepair opens a message that was sealed to a seal key by [SealRepair].
// Whoever carried it, its sender signed it. Errors wrap [ErrOpen],
// [ErrRefused], [ErrUnknownDesk] or [ErrSignature].
func OpenRepair(s Suite, env []byte, key Opener, peer func(ident.Desk) (messageKey []byte, ok bool)) (r Repair, err error) {
	if _, err := openSealed(s, env, envelope.Control, SliceTag(s, key.Public()), labelRepair, key, r.fields); err != nil {
		return r, fmt.Errorf("open repair: %w", err)
	}
	messageKey, ok := peer(r.Sender)
	if !ok {
		return r, fmt.Errorf("open repair of %v: %w", r.Sender, ErrUnknownDesk)
	}
	if r.Signed, err = VerifyEvidence(s, r.Group, r.Sender, messageKey, r.Evidence, r.Body); err != nil {
		return r, fmt.Errorf("open repair of %v: %w", r.Sender, err)
	}
	return r, nil
}
