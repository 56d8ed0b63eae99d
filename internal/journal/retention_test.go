package journal_test

import (
	"errors"
	"strings"
	"testing"

	"hotline/internal/evidence"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/journal"
	"hotline/internal/store"
	"hotline/internal/wire"
)

// removeText takes the text of the last message, as retention does.
func (d *desk) removeText(t *testing.T) {
	t.Helper()
	d.update(t, func(tx *store.Tx) error {
		m, err := tx.Message(d.last)
		if err != nil {
			return err
		}
		body, err := wire.ParseMessage(m.Body)
		if err != nil {
			return err
		}
		body.Text = nil
		rest, err := body.Encode()
		if err != nil {
			return err
		}
		_, err = tx.AppendJournal("text-removed", start, journal.Leaf(&m))
		return errors.Join(err, tx.RemoveText(m.ID, rest, nil, start))
	})
}

// TestRecordWithoutATextHolds: retention removed a text; the record verifies,
// and what is made of it shows the leaf, the place in the attested chain, and
// not the text.
func TestRecordWithoutATextHolds(t *testing.T) {
	d := newDesk(t)
	d.send(t, 3)
	d.attest(t)
	if _, err := d.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	whole, _, err := d.Export(t.Context(), d.line)
	if err != nil {
		t.Fatal(err)
	}
	d.removeText(t)
	if err := d.Verify(t.Context(), true); err != nil {
		t.Fatalf("Verify = %v", err)
	}
	file, left, err := d.Export(t.Context(), d.line)
	if err != nil || left != (journal.Left{Removed: 1}) {
		t.Fatalf("Export: %+v left out, %v", left, err)
	}
	r, err := evidence.Check(file, []ident.Party{d.Party, d.nato.cert.Party})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Messages) != 2 || len(r.Journal) != 1 || r.Journal[0].Leaves != 3 {
		t.Errorf("%d messages and %+v, want 2, and 3 leaves", len(r.Messages), r.Journal)
	}
	before, err := evidence.Check(whole, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]*evidence.Report{{before, r}, {r, before}} {
		if cmp, err := evidence.Compare(pair[0], pair[1]); err != nil || !cmp.Agree || cmp.Messages != 3 {
			t.Errorf("compared with what it was: %+v, %v", cmp, err)
		}
	}
	if cmp, err := evidence.Compare(r, r); err != nil || !cmp.Agree || cmp.Messages != 3 || cmp.Unseen != 0 {
		t.Errorf("compared with itself: %+v, %v", cmp, err)
	}
	one, err := d.Prove(t.Context(), d.last)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = evidence.Check(one, nil); err != nil || len(r.Messages) != 0 || len(r.Journal) != 1 || r.Journal[0].Leaves != 1 {
		t.Errorf("Prove: %+v, %v; want one leaf and no message", r, err)
	}
	_, err = d.NonAnswer(t.Context(), d.last, d.nato.cert.Party, true)
	if k, msg, _ := fault.Visible(err); k != fault.Conflict || !strings.Contains(msg, "removed") {
		t.Errorf("NonAnswer with a text that is gone = %v", err)
	}
}

// TestRemovalThatIsUndoneIsDamage: a leaf says that a text is gone, and
// something stands in its place as if it were not.
func TestRemovalThatIsUndoneIsDamage(t *testing.T) {
	d := newDesk(t)
	d.send(t, 3)
	d.removeText(t)
	d.change(t, "UPDATE message SET removed_at = NULL WHERE seq = 3")
	if err := d.Verify(t.Context(), false); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("Verify = %v, want ErrDamaged", err)
	}
}
