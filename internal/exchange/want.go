package exchange

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"hotline/internal/checkpoint"
	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// maxWanted bounds how many ends of sending keys one desk is asked for while
// this one runs: each answer is some kilobytes.
const maxWanted = 64

// wantBefore asks a desk for the end of its last sending key but one, where that
// has not come: without it the last messages under that key stay unattested.
func (b *Batch) wantBefore(a checkpoint.Attestation) error {
	if a.Before == ([32]byte{}) {
		return nil
	}
	_, err := b.Tx.AttestationByHash(a.Sender, a.Group, a.Before)
	if err == nil || !errors.Is(err, store.ErrNone) {
		return err
	}
	known, err := b.Tx.KnowsSender(a.Sender, a.Group)
	if err != nil || !known {
		return err // this desk came later: nothing before concerns it
	}
	return b.want(a.Sender, a.Group, a.Before)
}

// wantAgain is how soon the same is asked for twice.
const wantAgain = 10 * time.Minute

// giveAgain is how soon the same is given twice, to whoever asks more often, or
// whose old requests a relay gives again.
const giveAgain = wantAgain / 2

// wantMissing asks for what a generation that has ended still lacks here: its
// sender may have given it up, in a list that was lost.
func (b *Batch) wantMissing(l *line) error {
	all, err := b.Tx.Unfinished(l.ID, b.e.cfg.Self.Desk, maxAlarms)
	if err != nil {
		return fmt.Errorf("list unfinished generations: %w", err)
	}
	for _, held := range all {
		a, err := checkpoint.ParseAttestation(b.e.cfg.Suite, held.Bytes)
		if err != nil {
			return fmt.Errorf("read attestation: %w", err)
		}
		if err := b.want(a.Sender, a.Group, held.Hash); err != nil {
			return err
		}
	}
	return nil
}

// want asks a desk, now and then, for an attestation of its own, and for what it gave up
// under that key.
func (b *Batch) want(from ident.Desk, group ident.Group, hash [32]byte) error {
	e := b.e
	to, on := e.dir.desks[from]
	at, asked := e.wanted[from][hash]
	if !on || len(e.wanted[from]) >= maxWanted || asked && b.Steady.Sub(at) < wantAgain {
		return nil
	}
	if e.wanted[from] == nil {
		e.wanted[from] = map[[32]byte]time.Time{}
	}
	e.wanted[from][hash] = b.Steady
	return b.control(to, ControlWant, slices.Concat(group[:], hash[:]))
}

func parseWant(raw []byte) (group ident.Group, hash [32]byte, err error) {
	r := octets.NewReader(raw)
	r.Into(group[:])
	r.Into(hash[:])
	return group, hash, r.Done()
}

// giveWanted gives a desk of the line an attestation of our own.
func (b *Batch) giveWanted(to roster.Entry, raw []byte) error {
	group, hash, err := parseWant(raw)
	if err != nil {
		b.drop("request for an attestation", err)
		return nil
	}
	a, err := b.Tx.AttestationByHash(b.e.cfg.Self.Desk, group, hash)
	if errors.Is(err, store.ErrNone) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find own attestation: %w", err)
	}
	l, err := b.lineOfGroup(group)
	if err != nil || l == nil {
		return err
	}
	if _, on := l.roster.Desk(to.Desk); !on || a.Party != (ident.Party{}) {
		return nil
	}
	if !b.spend(ration{"end", to.Desk, hash}, 1, giveAgain) || !b.spend(ration{what: "ends", desk: to.Desk}, maxWanted, giveAgain) {
		return nil
	}
	if err := b.control(to, ControlProof, a.Bytes); err != nil {
		return err
	}
	return b.giveUpAgain(l, group, a.Generation)
}

// giveUpAgain says once more what was given up under a sending key: the list
// may have been lost with the key that carried it.
func (b *Batch) giveUpAgain(l *line, group ident.Group, generation int64) error {
	s := b.e.senders[group]
	void, err := b.Tx.VoidPlaces(generation, maxVoid)
	if err != nil || s == nil || len(void) == 0 {
		return err
	}
	g, err := b.Tx.GenerationAt(generation)
	if err != nil {
		return fmt.Errorf("read own generation: %w", err)
	}
	return b.stateIn(l, s.parties, voidList(g, void))
}
