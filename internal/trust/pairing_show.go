package trust

import (
	"fmt"
	"slices"
	"strconv"

	"hotline/internal/ceremony"
	"hotline/internal/fault"
	"hotline/internal/store"
)

// List lists the ceremonies, newest first.
func (k *Book) List(tx *store.Tx) ([]Pairing, error) {
	rows, err := tx.Pairings()
	if err != nil {
		return nil, fmt.Errorf("list pairings: %w", err)
	}
	var all []Pairing
	for _, row := range rows {
		p, err := k.show(tx, row)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// Get returns one ceremony.
func (k *Book) Get(tx *store.Tx, id string) (Pairing, error) {
	row, _, err := k.load(tx, id)
	if err != nil {
		return Pairing{}, err
	}
	return k.show(tx, row)
}

// show makes of a ceremony what a person needs to see. The step is the
// ceremony's own, whatever stands in the row beside it.
func (k *Book) show(tx *store.Tx, row store.Pairing) (Pairing, error) {
	p, err := ceremony.Unmarshal(row.State)
	if err != nil {
		return Pairing{}, fmt.Errorf("read pairing %d: %w", row.ID, err)
	}
	session := p.Session()
	out := Pairing{
		ID: strconv.FormatInt(row.ID, 10), Session: fmt.Sprintf("%x", session[:]), Peer: row.Peer, Step: step(p), File: p.File(),
		AttemptsLeft: p.AttemptsLeft(), Persons: k.persons(), Ended: row.Ended, StartedAt: row.CreatedAt, ExpiresAt: row.CreatedAt.Add(PairingLife),
	}
	switch out.Step {
	case stepStarted:
		out.Step = "send_file"
	case stepWords:
		if p.Role() == ceremony.B {
			out.File = nil // A has all that it needs
		}
	}
	if out.Step == stepWords || out.Step == stepPaired {
		if out.Say, err = p.Say(k.Suite); err != nil {
			return out, fmt.Errorf("make words: %w", err)
		}
	}
	return out, k.surround(tx, row, &out)
}

// surround adds what stands round a ceremony: who, where, how often.
func (k *Book) surround(tx *store.Tx, row store.Pairing, out *Pairing) error {
	parties, err := tx.Parties()
	if err != nil {
		return fmt.Errorf("list parties: %w", err)
	}
	records, err := tx.PairingRecords()
	if err != nil {
		return fmt.Errorf("list pairing records: %w", err)
	}
	places, err := tx.AllRendezvous()
	if err != nil {
		return fmt.Errorf("list rendezvous: %w", err)
	}
	rows, err := tx.Pairings()
	if err != nil {
		return fmt.Errorf("list pairings: %w", err)
	}
	out.Dead = dead(rows, func(other store.Pairing) bool { return other.Peer == row.Peer }, deadBegun)
	if i := slices.IndexFunc(places, func(p store.Rendezvous) bool { return p.Pairing == row.ID }); i >= 0 {
		out.Place = &places[i]
	}
	out.Again = out.Step != stepPaired && slices.ContainsFunc(parties, func(p store.Party) bool { return p.Name == row.Peer && p.How == store.ByWords })
	i := slices.IndexFunc(records, func(r store.PairingRecord) bool { return r.Pairing == row.ID })
	if i < 0 || out.Step != stepPaired {
		return nil
	}
	out.Record = &records[i]
	if j := slices.IndexFunc(parties, func(p store.Party) bool { return p.ID == out.Record.Party }); j >= 0 {
		out.Party = &parties[j]
	}
	return nil
}

// Record returns the signed record of a pairing that held.
func (k *Book) Record(tx *store.Tx, id string) (store.PairingRecord, error) {
	p, err := k.Get(tx, id)
	if err != nil {
		return store.PairingRecord{}, err
	}
	if p.Record == nil {
		return store.PairingRecord{}, fault.New(fault.NotFound, "Pairing %s has no record: only one whose words matched has.", id)
	}
	return *p.Record, nil
}
