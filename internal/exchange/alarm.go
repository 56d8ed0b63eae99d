package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/store"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

// Alarmed signs that a tone sounds here for messages of FLASH or IMMEDIATE:
// the rung between a desk that has a message and a person who takes it. Once a
// message; what needs no alarm, or is taken already, is passed over.
func (e *Engine) Alarmed(ctx context.Context, ids []ident.Message) error {
	return e.do(ctx, func(b *Batch) error {
		for _, id := range ids {
			m, err := b.Tx.Message(id)
			if errors.Is(err, store.ErrNone) {
				continue
			}
			if err != nil {
				return fmt.Errorf("read message %s: %w", id, err)
			}
			if m.Outgoing || m.Precedence < precedence.Immediate {
				continue
			}
			ladder, err := b.Tx.Ladder(id)
			if err != nil {
				return fmt.Errorf("read ladder of %s: %w", id, err)
			}
			if slices.ContainsFunc(ladder, func(g store.Rung) bool { return g.Desk == e.cfg.Self.Desk && sounded(g.State) }) {
				continue
			}
			if err := b.say(&m, wire.Receipt{State: traffic.Alarmed, At: b.Now.UnixMilli()}); err != nil {
				return err
			}
			if err := b.Leaf("alarmed", messageLeaf(&m)); err != nil {
				return err
			}
		}
		return nil
	})
}

// sounded reports whether a rung makes an alarm needless: it has sounded, or a
// person has the message.
func sounded(state string) bool {
	s, err := traffic.ParseState(state)
	return err == nil && (s == traffic.Alarmed || s.ByPerson())
}
