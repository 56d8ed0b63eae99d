package chain

import (
	"fmt"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/precedence"
)

// Control is what desks tell each other about trust: line files, statements,
// seal keys, repairs. It travels outside chains, so nothing here stops a
// replay: every kind must be harmless when it comes twice or late.
type Control struct {
	Sender ident.Desk
	Kind   uint8 // the meaning is the owner's; 0 is refused
	Body   []byte
}

func (x *Control) fields(c *octets.Coder) {
	c.Array(x.Sender[:])
	c.Uint8(&x.Kind)
	c.Must(x.Kind != 0, "control of no kind")
	c.Field("body", &x.Body, MaxControlBody)
}

// ControlInput is a control message and where it goes.
type ControlInput struct {
	Control
	Public     []byte // the recipient's control key
	Precedence precedence.Level
	Expiry     time.Time
}

// ControlTag is the tag of envelopes to a control key.
func ControlTag(s Symmetric, public []byte) [16]byte { return tagOf(s, labelControlTag, public) }

// SealControl seals a control message to one desk's control key, signed with
// the sender's desk key over the recipient's key as well, so that nobody can
// pass it on as if it had been sent to a third. Errors wrap [ErrInput].
func SealControl(s Suite, key Signer, in ControlInput) ([]byte, error) {
	if in.Kind == 0 || len(in.Body) > MaxControlBody || !in.Precedence.Valid() {
		return nil, fmt.Errorf("seal control of %d bytes, kind %d: %w", len(in.Body), in.Kind, ErrInput)
	}
	signature := key.Sign(labelControl, in.Public, in.Sender[:], []byte{in.Kind}, in.Body)
	plain := append(octets.Encode(in.Control.fields), signature...)
	return sealTo(s, sealed{
		kind: envelope.Control, lane: in.Precedence, tag: ControlTag(s, in.Public), expiry: in.Expiry,
		label: labelControl, public: in.Public, plain: plain,
	})
}

// OpenControl opens a control message that was sealed to key. peer gives the
// desk key that must have signed it; it sees the message unverified, because a
// first message carries the certificate of its sender, and must do nothing but
// look. Errors wrap [ErrOpen], [ErrRefused], [ErrUnknownDesk] or [ErrSignature].
func OpenControl(s Suite, env []byte, key Opener, peer func(unverified Control) (deskKey []byte, ok bool)) (Control, error) {
	public := key.Public()
	var c Control
	var signature []byte
	if _, err := openSealed(s, env, envelope.Control, ControlTag(s, public), labelControl, key, func(r *octets.Coder) {
		c.fields(r)
		r.Raw(&signature, s.Sizes().DeskSignature)
	}); err != nil {
		return Control{}, fmt.Errorf("open control: %w", err)
	}
	deskKey, ok := peer(c)
	if !ok {
		return Control{}, fmt.Errorf("open control of %v: %w", c.Sender, ErrUnknownDesk)
	}
	if s.VerifyDesk(deskKey, labelControl, signature, public, c.Sender[:], []byte{c.Kind}, c.Body) != nil {
		return Control{}, fmt.Errorf("open control of %v: %w", c.Sender, ErrSignature)
	}
	return c, nil
}
