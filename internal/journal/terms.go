package journal

import (
	"fmt"

	"hotline/internal/ident"
	"hotline/internal/joining"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/suite"
)

// terms is what a line rests on: its charter, who signed it, and all that its
// members stated.
func terms(s suite.Suite, tx *store.Tx, l store.Line) (joining.Pack, error) {
	c, err := roster.ParseCharter(s, l.Charter)
	if err != nil {
		return joining.Pack{}, fmt.Errorf("read charter: %w", err)
	}
	p := joining.Pack{Charter: c}
	sigs, err := tx.CharterSignatures(l.ID)
	if err != nil {
		return p, fmt.Errorf("list charter signatures: %w", err)
	}
	for _, b := range sigs {
		sig, err := roster.ParseCharterSignature(b)
		if err != nil {
			return p, fmt.Errorf("read charter signature: %w", err)
		}
		p.Signatures = append(p.Signatures, sig)
	}
	versions, err := tx.Versions(l.ID)
	if err != nil {
		return p, fmt.Errorf("list versions of charter: %w", err)
	}
	parties := c.Parties()
	for _, b := range versions {
		o, err := roster.ParseOffer(s, b)
		if err != nil {
			return p, fmt.Errorf("read version of charter: %w", err)
		}
		p.Versions, parties = append(p.Versions, o), append(parties, o.Charter.Parties()...)
	}
	seen := map[ident.Party]bool{}
	for _, id := range parties {
		if seen[id] {
			continue
		}
		seen[id] = true
		all, err := statements(tx, id)
		if err != nil {
			return p, err
		}
		for _, st := range all {
			if st.Line == (ident.Line{}) || st.Line == l.ID {
				p.Statements = append(p.Statements, st)
			}
		}
	}
	return p, nil
}

func statements(tx *store.Tx, party ident.Party) (all []roster.Statement, err error) {
	raw, err := tx.Statements(party)
	if err != nil {
		return nil, fmt.Errorf("list statements of %s: %w", party, err)
	}
	for _, b := range raw {
		st, err := roster.ParseStatement(b)
		if err != nil {
			return nil, fmt.Errorf("read statement of %s: %w", party, err)
		}
		all = append(all, st)
	}
	return all, nil
}

// certificates lists the certificates of every desk that a known party ever
// added to a line, as they are stored: a changed one verifies nothing.
func certificates(s suite.Suite, tx *store.Tx) (map[ident.Desk]roster.Certificate, error) {
	parties, err := tx.Parties()
	if err != nil {
		return nil, fmt.Errorf("list parties: %w", err)
	}
	certs := map[ident.Desk]roster.Certificate{}
	for _, p := range parties {
		all, err := statements(tx, p.ID)
		if err != nil {
			return nil, err
		}
		for _, st := range all {
			if st.Add != nil {
				certs[st.Add.Certificate.ID(s)] = st.Add.Certificate
			}
		}
	}
	return certs, nil
}
