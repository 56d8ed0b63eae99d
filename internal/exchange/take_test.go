package exchange_test

import (
	"errors"
	"log/slog"
	"testing"

	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/roster"
)

// errUndone takes back what one try did.
var errUndone = errors.New("undone")

// FuzzTake: whatever a desk of a line puts into a signed body, in its chain or
// outside of it, is taken or dropped. An error would keep the envelope at the
// relay and hold up everything that is behind it.
func FuzzTake(f *testing.F) {
	h := newHub()
	a, b := newParty(f, "JPN", h), newParty(f, "NATO", h)
	c := charter(f, "JPN-NATO", a, b)
	a.found(f, c, a, b)
	a.log = slog.New(slog.DiscardHandler)
	d := a.start(f, h)
	line, group := c.ID(one), roster.GroupID(one, c.ID(one), c.Parties())
	heads := roster.MarshalHeads([]roster.Head{{Author: b.id, Signer: ident.Key{1}, Number: 1}})
	for kind := range uint8(12) {
		f.Add(true, kind, []byte{})
		f.Add(false, kind, append([]byte{kind}, make([]byte, 80)...))
	}
	f.Add(true, exchange.ControlStatement, b.add.Bytes())
	f.Add(true, exchange.ControlSealKey, b.add.Add.SealKey.Bytes())
	f.Add(true, exchange.ControlWant, append(group[:], make([]byte, 32)...))
	f.Add(true, exchange.ControlConfirmation, make([]byte, 72))
	f.Add(false, uint8(envelope.Confirmation), make([]byte, 72))
	f.Add(false, uint8(envelope.Statement), append(append([]byte{1}, a.self.Desk[:]...), heads...))
	f.Add(false, uint8(envelope.Statement), append([]byte{2}, b.add.Bytes()...))
	f.Add(false, uint8(envelope.Statement), append([]byte{3}, b.add.Add.SealKey.Bytes()...))
	f.Fuzz(func(t *testing.T, control bool, kind uint8, body []byte) {
		err := d.Transact(t.Context(), func(batch *exchange.Batch) error {
			var err error
			if control {
				err = batch.HearControl(chain.Control{Sender: b.self.Desk, Kind: kind, Body: body})
			} else {
				o := chain.Opened{Sender: b.self.Desk, Body: body}
				o.Inside.Kind = envelope.Kind(kind)
				err = batch.Hear(line, o)
			}
			if err != nil {
				return err
			}
			return errUndone
		})
		if !errors.Is(err, errUndone) {
			t.Errorf("control %t, kind %d: %v", control, kind, err)
		}
	})
}
