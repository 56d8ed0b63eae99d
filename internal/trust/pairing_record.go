package trust

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"hotline/internal/ceremony"
	"hotline/internal/fault"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// labelRecord is what a desk signs a record of a pairing under.
const labelRecord = "hotline/1/pairing-record"

// The lines round a record.
const (
	recordMagic = "hotline/1 pairing record\n"
	recordSeal  = "signed by the desk above, base64:\n"
)

// record writes who verified which root, and when: a text for the safe and for
// an auditor, signed by this desk and in its journal.
func (k *Book) record(o Outlet, row store.Pairing, p *ceremony.Pairing, peer ceremony.Peer, by By) error {
	now := time.Now().UTC()
	session := p.Session()
	witness := by.Witness
	if witness == "" {
		witness = "none asked for"
	}
	id := roster.PartyOf(k.Suite, peer.Root)
	var b strings.Builder
	b.WriteString(recordMagic)
	for _, line := range [][2]string{
		{"at", now.Format(time.RFC3339)},
		{"session", fmt.Sprintf("%x", session[:])},
		{"desk", k.Self.DeskName + " " + k.Self.Desk.String()},
		{"our party and root", k.Self.PartyName + " " + k.Self.Party.String()},
		{"their party and root", row.Peer + " " + id.String()},
		{"they call themselves", peer.Name},
		{"words typed by", by.Officer},
		{"witness", witness},
		{"wrong tries before", fmt.Sprint(ceremony.Attempts - p.AttemptsLeft())},
	} {
		fmt.Fprintf(&b, "%s: %s\n", line[0], line[1])
	}
	text := b.String()
	sig := base64.StdEncoding.EncodeToString(k.Self.DeskKey.Sign(labelRecord, []byte(text)))
	b.WriteString(recordSeal)
	for len(sig) > 0 {
		n := min(len(sig), 76)
		b.WriteString(sig[:n] + "\n")
		sig = sig[n:]
	}
	r := store.PairingRecord{Pairing: row.ID, Party: id, At: now, Officer: by.Officer, Witness: by.Witness, Text: b.String()}
	if err := o.Store().PutPairingRecord(r); err != nil {
		return fmt.Errorf("keep pairing record: %w", err)
	}
	return o.Leaf("pairing-record", []byte(r.Text))
}

// CheckRecord returns what a record says, once its signature holds under a
// desk's public key.
func CheckRecord(s Suite, desk []byte, text string) (said string, err error) {
	said, seal, ok := strings.Cut(text, recordSeal)
	if !ok || !strings.HasPrefix(said, recordMagic) {
		return "", fault.New(fault.Invalid, "This is not a record of a pairing.")
	}
	sig, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(seal, "\n", ""))
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "The signature of this record cannot be read.")
	}
	if err := s.VerifyDesk(desk, labelRecord, sig, []byte(said)); err != nil {
		return "", fault.Wrap(err, fault.Unverified, "The signature of this record does not hold.")
	}
	return said, nil
}
