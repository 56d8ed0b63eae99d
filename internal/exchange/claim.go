package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hotline/internal/ident"
	"hotline/internal/roster"
)

// claimWait is how long a message waits for statements that a desk is known to
// hold and this one lacks, and claimEvery how often it waits for what one desk
// claims: a digest costs nothing to make up.
const (
	claimWait  = 2 * time.Second
	claimEvery = time.Minute
)

// claim is what a desk last said of its set of statements for a line.
type claim struct {
	digest [32]byte
	heads  bool // what it holds is known: ahead is certain
	ahead  bool // it holds statements that this desk lacks
	waited bool // a message has waited for it
}

type claimKey struct {
	line ident.Line
	desk ident.Desk
}

// claimed notes the digest of a desk's set.
func (b *Batch) claimed(l *line, d ident.Desk, digest [32]byte) error {
	k := claimKey{l.ID, d}
	if b.e.claims[k].digest == digest {
		return nil
	}
	c := claim{digest: digest}
	var err error
	if c.heads, err = b.Tx.HeldDigest(l.ID, digest); err != nil { // it is where this desk once was
		return fmt.Errorf("look for digest: %w", err)
	}
	b.e.claims[k] = c
	return nil
}

// claimedHeads notes what exactly a desk's set holds.
func (b *Batch) claimedHeads(l *line, d ident.Desk, theirs []roster.Head) {
	k := claimKey{l.ID, d}
	c, ok := b.e.claims[k]
	if !ok {
		return
	}
	c.heads, c.ahead = true, false
	ours := l.set.Heads()
	for _, h := range theirs {
		c.ahead = c.ahead || !slices.ContainsFunc(ours, func(o roster.Head) bool {
			return o.Author == h.Author && o.Signer == h.Signer && o.Line == h.Line && (o.Number > h.Number || o.Number == h.Number && o.Digest == h.Digest)
		})
	}
	b.e.claims[k] = c
}

// lacks lists the desks that claim statements for a line which this desk lacks.
func (e *Engine) lacks(l *line) (all []ident.Desk) {
	for k, c := range e.claims {
		if k.line == l.ID && c.digest != l.digest && (c.ahead || !c.heads) && k.desk != e.cfg.Self.Desk {
			if _, on := l.roster.Desk(k.desk); on {
				all = append(all, k.desk)
			}
		}
	}
	slices.SortFunc(all, func(a, b ident.Desk) int { return slices.Compare(a[:], b[:]) })
	return all
}

// errClaims means that statements should be waited for first.
var errClaims = errors.New("statements are claimed that are not here")

// awaited returns errClaims where a message has to wait, once for each claim.
func (b *Batch) awaited(id ident.Line) error {
	e := b.e
	l := e.lines[id]
	if l == nil || l.State != "open" {
		return nil
	}
	for _, d := range e.lacks(l) {
		if !e.claims[claimKey{id, d}].waited && b.spare(ration{what: "claim", desk: d}, 1, claimEvery) {
			return errClaims
		}
	}
	return nil
}

// waitForClaims returns when the statements that a message should wait for are
// here, at the latest after claimWait.
func (e *Engine) waitForClaims(ctx context.Context, id ident.Line) error {
	deadline := time.NewTimer(claimWait)
	defer deadline.Stop()
	for {
		changed := e.Changed()
		err := e.do(ctx, func(b *Batch) error { return b.awaited(id) })
		if !errors.Is(err, errClaims) {
			return err
		}
		select {
		case <-changed:
			continue
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
		}
		return e.do(ctx, func(b *Batch) error {
			l := e.lines[id]
			if l == nil {
				return nil // the line went meanwhile; the send that follows says so
			}
			for _, d := range e.lacks(l) {
				c := e.claims[claimKey{id, d}]
				c.waited = true
				b.spend(ration{what: "claim", desk: d}, 1, claimEvery)
				e.claims[claimKey{id, d}] = c
			}
			return b.Event(EventLine, id[:])
		})
	}
}

// claimText says in a sentence who claims what this desk lacks.
func (e *Engine) claimText(l *line) []string {
	var all []string
	for _, d := range e.lacks(l) {
		all = append(all, fmt.Sprintf("%s claims statements that this desk lacks.", e.deskName(d)))
	}
	return all
}
