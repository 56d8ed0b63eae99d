package link

import (
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Invite is what `relay invite` prints and a desk enrols with: where the relay
// is, the pin of its key, and a secret that opens one mailbox or several.
type Invite struct {
	Addr   string      // host and port
	Pin    ident.Relay // the relay's key
	Secret [16]byte    // the relay keeps only its hash
	Quota  uint64      // of the mailbox, bytes; the relay's own record decides
	Expiry time.Time   // to the second; the relay's own record decides
}

const invitePrefix = "relayinvite1"

var inviteText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Token returns the text form. It is a secret until it is used.
func (i Invite) Token() string {
	var w octets.Writer
	w.String(i.Addr)
	w.Raw(i.Pin[:])
	w.Raw(i.Secret[:])
	w.Uint64(i.Quota)
	w.Uint64(uint64(i.Expiry.Unix()))
	w.Raw(labelled("hotline/1/invite", w.Bytes())[:4])
	return invitePrefix + inviteText.EncodeToString(w.Bytes())
}

// String returns a placeholder, so that a secret is not printed by accident.
func (i Invite) String() string { return "Invite(" + i.Addr + ", redacted)" }

// ParseInvite reads a token. A slip of the hand is found by its checksum.
func ParseInvite(s string) (i Invite, err error) {
	body, ok := strings.CutPrefix(strings.TrimSpace(s), invitePrefix)
	if !ok {
		return i, fmt.Errorf("read invitation: does not begin with %q", invitePrefix)
	}
	b, err := inviteText.DecodeString(body)
	if err != nil || len(b) < 4 {
		return i, fmt.Errorf("read invitation: letters are missing or wrong")
	}
	sum := b[len(b)-4:]
	b = b[:len(b)-4]
	if string(labelled("hotline/1/invite", b)[:4]) != string(sum) {
		return i, fmt.Errorf("read invitation: letters are missing or wrong")
	}
	r := octets.NewReader(b)
	i.Addr = r.String(255)
	r.Into(i.Pin[:])
	r.Into(i.Secret[:])
	i.Quota = r.Uint64()
	i.Expiry = time.Unix(int64(r.Uint64()), 0).UTC()
	if err := r.Done(); err != nil {
		return Invite{}, fmt.Errorf("read invitation: %w", err)
	}
	return i, nil
}
