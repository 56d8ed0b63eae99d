package trust

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// teller is an outlet that keeps what is told.
type teller struct {
	outlet
	told *[][]byte
}

func (o teller) Tell(_ ident.Party, kind uint8, body []byte) error {
	*o.told = append(*o.told, append([]byte{kind}, body...))
	return nil
}

// TestOfferIsTakenOnce: an offer of a line that a relay gives again changes
// nothing: nobody's screen is told, nothing is read again, nothing journalled.
func TestOfferIsTakenOnce(t *testing.T) {
	a, b := newSide(t, "JPN", 1), newSide(t, "NATO", 1)
	pair(t, a, b, false)
	var told [][]byte
	a.Step = func(ctx context.Context, fn func(Outlet) error) error {
		return a.store.Update(ctx, func(tx *store.Tx) error { return fn(teller{outlet{tx, a}, &told}) })
	}
	must[ident.Line](t)(a.Create(t.Context(), Terms{Name: "JPN-NATO", Parties: []string{"NATO"}}))
	take := func() {
		t.Helper()
		from := roster.Entry{Desk: ident.Desk{7}, Party: a.Self.Party}
		if err := b.Step(t.Context(), func(o Outlet) error { return b.Control(o, from, told[0][0], told[0][1:]) }); err != nil {
			t.Fatal(err)
		}
	}
	take()
	leaves, events := len(b.leaves), len(b.events)
	if !slices.Contains(b.leaves, "line-offered") || !slices.Contains(b.events, eventLine) {
		t.Fatalf("an offer: %v, %v", b.leaves, b.events)
	}
	for range 9 {
		take()
	}
	if len(b.leaves) != leaves || len(b.events) != events {
		t.Errorf("nine copies: %d leaves and %d events more", len(b.leaves)-leaves, len(b.events)-events)
	}
}

// TestDuressBetraysNothingAtHome: with the duress word and without it, the own
// journal gets the same leaf, and the others a message of the same length.
// They alarm once, also when it comes again, and only for their own party.
func TestDuressBetraysNothingAtHome(t *testing.T) {
	now := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	var told [2][][]byte
	var leaves [2][]store.Leaf
	for i, duress := range []bool{false, true} {
		s := newSide(t, "JPN", 1)
		s.Step = func(ctx context.Context, fn func(Outlet) error) error {
			return s.store.Update(ctx, func(tx *store.Tx) error { return fn(teller{outlet{tx, s}, &told[i]}) })
		}
		s.Self.Desk = ident.Desk{7}
		if err := s.Opened(t.Context(), duress, now); err != nil {
			t.Fatal(err)
		}
		s.tx(t, func(tx *store.Tx) (err error) { leaves[i], err = tx.Journal(0, 10); return err })
	}
	if len(told[0]) != 1 || len(told[1]) != 1 || len(told[0][0]) != len(told[1][0]) || told[0][0][0] != told[1][0][0] {
		t.Fatalf("told %x and %x", told[0], told[1])
	}
	if len(leaves[0]) != 1 || len(leaves[1]) != 1 || leaves[0][0].Kind != leaves[1][0].Kind || !bytes.Equal(leaves[0][0].Data, leaves[1][0].Data) {
		t.Errorf("the own journal differs: %+v and %+v", leaves[0], leaves[1])
	}

	s := newSide(t, "JPN", 1)
	from := roster.Entry{Desk: ident.Desk{7}, Party: s.Self.Party}
	hear := func(from roster.Entry, raw []byte) error {
		return s.Step(t.Context(), func(o Outlet) error { return s.Control(o, from, raw[0], raw[1:]) })
	}
	alarms := func() (n int) {
		s.tx(t, func(tx *store.Tx) error { all, err := tx.Duresses(); n = len(all); return err })
		return n
	}
	if err := hear(from, told[0][0]); err != nil || alarms() != 0 {
		t.Errorf("a usual start: %d alarms, %v", alarms(), err)
	}
	for range 9 { // a relay gives it again
		if err := hear(from, told[0][0]); err != nil {
			t.Error(err)
		}
	}
	if n := len(s.leaves); n != 1 {
		t.Errorf("one start is %d leaves of the journal", n)
	}
	for range 2 {
		if err := hear(from, told[1][0]); err != nil || alarms() != 1 {
			t.Errorf("the duress word: %d alarms, %v", alarms(), err)
		}
	}
	if err := s.SettleDuress(t.Context(), from.Desk, "WO1", now); err != nil || alarms() != 0 {
		t.Errorf("settled: %d alarms, %v", alarms(), err)
	}
	if err := s.SettleDuress(t.Context(), from.Desk, "WO1", now); !fault.Is(err, fault.NotFound) {
		t.Errorf("settled twice: %v", err)
	}
	if err := hear(from, told[1][0]); err != nil || alarms() != 0 {
		t.Errorf("a settled alarm that comes again: %d alarms, %v", alarms(), err)
	}
	if err := hear(roster.Entry{Desk: ident.Desk{8}, Party: ident.Party{9}}, told[1][0]); !fault.Is(err, fault.Refused) || alarms() != 0 {
		t.Errorf("another party's desk: %d alarms, %v", alarms(), err)
	}
	for name, bad := range map[string][]byte{
		"short": told[1][0][:20], "long": append(bytes.Clone(told[1][0]), 0), "a third state": append([]byte{told[1][0][0], 1, 2}, told[1][0][3:]...),
	} {
		if err := hear(from, bad); !fault.Is(err, fault.Invalid) || alarms() != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
