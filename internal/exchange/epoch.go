package exchange

import (
	"errors"
	"fmt"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/store"
)

// settingEpoch is where the last spool epoch of a relay is kept.
func settingEpoch(id ident.Relay) string { return "relay.epoch." + id.String() }

const (
	// lostEvery is how often a relay's word that it lost its spool makes us put
	// everything again, at most: a relay that says so at every link would have
	// us do nothing else. What it really lost meanwhile goes again when nobody
	// signs for it.
	lostEvery = time.Minute
	// rivalEvery is how often its word that another program uses our key is
	// journalled, at most.
	rivalEvery = time.Hour
)

// within reports whether at is less than d ago. A clock that was set back does
// not make it so for ever.
func within(now, at time.Time, d time.Duration) bool {
	since := now.Sub(at)
	return since >= 0 && since < d
}

// spoolEpoch compares a relay's spool with the one of its last link. When it is
// another one, everything that it had accepted is put again.
func (b *Batch) spoolEpoch(r *relay, id ident.Relay, epoch uint64) error {
	known, err := b.Tx.Setting(settingEpoch(id))
	if err != nil && !errors.Is(err, store.ErrNone) {
		return fmt.Errorf("read spool epoch: %w", err)
	}
	was := octets.NewReader(known).Uint64()
	if len(known) > 0 && was != epoch {
		if within(b.Now, r.lostAt, lostEvery) {
			return nil // noticed again at a later link
		}
		if err := b.lostSpool(r, id); err != nil {
			return err
		}
	}
	if err := b.Tx.PutSetting(settingEpoch(id), be64(epoch)); err != nil {
		return fmt.Errorf("store spool epoch: %w", err)
	}
	return nil
}

// lostSpool puts again what a relay had accepted.
func (b *Batch) lostSpool(r *relay, id ident.Relay) error {
	n, err := b.Tx.RequeueRelay(id)
	if err != nil {
		return fmt.Errorf("queue again for relay %s: %w", id, err)
	}
	if err := b.tellAgain(id); err != nil {
		return err
	}
	if err := b.Leaf("relay-lost-spool", id[:]); err != nil {
		return err
	}
	now := b.Now
	b.After(func() {
		r.lostAt = now
		b.e.cfg.Log.Warn("relay lost its spool; putting again what it had", "relay", id.String(), "envelopes", n)
		b.e.restartFiles(id)
	})
	return nil
}

// rival journals that another program uses our mailbox key.
func (b *Batch) rival(r *relay, id ident.Relay) error {
	if within(b.Now, r.rivalAt, rivalEvery) {
		return nil
	}
	now := b.Now
	b.After(func() { r.rivalAt = now })
	return b.Leaf("rival", id[:])
}
