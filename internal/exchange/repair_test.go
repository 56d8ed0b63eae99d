package exchange_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/octets"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// TestRepairHealsALostKey: a desk that lost the key of a message, and whose
// relay drops what it has seen before, gets it as it was signed.
func TestRepairHealsALostKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, jpn, nato, aus, line := trio(t)
		send(t, jpn, flash(line, "EXERCISE"))
		time.Sleep(time.Minute)
		nato.stop()
		st := nato.party.open(t)
		err := st.Update(t.Context(), func(tx *store.Tx) error {
			refs, err := tx.Cells("receiver")
			for _, r := range refs {
				if err := tx.DropCell("receiver", r); err != nil {
					return err
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		st.Close()
		anew := 0
		h.mu.Lock()
		h.tap = func(p link.Put) bool {
			if e, err := envelope.Parse(p.Envelope); err == nil && h.putter == jpn.box && e.Type == envelope.Slice {
				anew++
			}
			return true
		}
		h.mu.Unlock()
		back := nato.party.start(t, h)
		back.virtual = true
		id := send(t, jpn, flash(line, "EXERCISE under a key that NATO lost"))
		back.until(t, "delivered", has(id, "delivered"))
		jpn.until(t, "delivered", has(id, "delivered"))
		if anew > 0 {
			t.Errorf("%d slices were made for it; a repair changes nothing else", anew)
		}
		quiesce(jpn, back, aus)
	})
}

// TestLostEnvelopesLeaveNoGap: a message is lost with the keys that it was
// sealed anew under. It is given up and missed no longer, and the messages
// before and after it are attested all the same.
func TestLostEnvelopesLeaveNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, jpn, nato, aus, line := trio(t)
		first := send(t, jpn, flash(line, "EXERCISE first"))
		nato.until(t, "delivered", has(first, "delivered"))
		h.mu.Lock()
		h.withhold = func(from, to ident.Mailbox, env []byte) bool {
			e, err := envelope.Parse(env)
			return err == nil && e.Lane == 3 && from == jpn.box && to == nato.box
		}
		h.mu.Unlock()
		id := send(t, jpn, flash(line, "EXERCISE that is lost"))
		time.Sleep(4 * time.Minute) // repaired in vain, then sealed anew
		h.mu.Lock()
		h.withhold = nil
		h.mu.Unlock()
		nato.until(t, "delivered", has(id, "delivered"))
		time.Sleep(time.Hour)
		last := send(t, jpn, flash(line, "EXERCISE last"))
		nato.until(t, "delivered", has(last, "delivered"))
		time.Sleep(16 * time.Minute)
		for i, m := range []ident.Message{first, id, last} {
			if !nato.now(t, "attested", attested(m)) {
				t.Errorf("message %d is not attested: a gap stayed", i)
			}
		}
		void := 0
		_ = jpn.store.View(t.Context(), func(tx *store.Tx) error {
			return tx.Row("SELECT count(*) FROM place WHERE kind = 0").Scan(&void)
		})
		if void == 0 {
			t.Error("nothing was given up: the test shows nothing")
		}
		if f, _ := nato.Record(t.Context(), line); f.Agree == nil || !*f.Agree {
			t.Errorf("NATO shows %q", f.Text)
		}
		quiesce(jpn, nato, aus)
	})
}

// TestEveryMessageIsAttestedWithItsOwn: where the charter asks for it, the
// hybrid signature leaves in the transaction of the message.
func TestEveryMessageIsAttestedWithItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
		c := charter(t, "JPN-NATO", a, b)
		c.Attest = roster.AttestEvery
		c, err := roster.NewCharter(one, c)
		if err != nil {
			t.Fatal(err)
		}
		a.found(t, c, a, b)
		b.found(t, c, a, b)
		jpn, nato := a.start(t, h), b.start(t, h)
		jpn.virtual, nato.virtual = true, true
		for range 3 {
			id := send(t, jpn, flash(c.ID(one), "EXERCISE"))
			if !jpn.now(t, "attested", attested(id)) {
				t.Error("a message left before its attestation")
			}
			nato.until(t, "attested", attested(id))
		}
		quiesce(jpn, nato)
	})
}

// seized is a desk's directory, its passphrase's key, and every envelope and
// slice that its relay ever held for it.
type seized struct {
	dir   string
	key   []byte
	party *party
	wire  [][]byte
}

// opens counts the recorded messages that the thief can open: with every key in
// the directory, and with every sending key whose slice opens with a seal key
// there.
func (s seized) opens(t *testing.T, know func(ident.Desk) ([]byte, bool)) (messages, slicesOpened int) {
	t.Helper()
	st, err := store.Open(t.Context(), s.dir, s.key, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	var receivers []*chain.Receiver
	err = st.Update(t.Context(), func(tx *store.Tx) error {
		refs, err := tx.Cells("receiver")
		for _, ref := range refs {
			b, err := tx.Cell("receiver", ref)
			if err != nil {
				return err
			}
			r := octets.NewReader(b)
			r.Raw(32)
			rec, err := chain.UnmarshalReceiver(one, r.Var32(1<<20))
			if err != nil {
				return err
			}
			receivers = append(receivers, rec)
		}
		if err != nil {
			return err
		}
		refs, err = tx.Cells("seal")
		for _, ref := range refs {
			b, err := tx.Cell("seal", ref)
			if err != nil {
				return err
			}
			k, err := one.ParseSealKey(b)
			if err != nil {
				return err
			}
			for _, env := range s.wire {
				to := chain.Recipient{Desk: s.party.self.Desk, Party: s.party.id, Key: k, SealNumber: octets.NewReader(ref).Uint64()}
				if rec, _, err := chain.OpenSlice(one, env, to, know, time.Now()); err == nil {
					receivers = append(receivers, rec)
					slicesOpened++
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range receivers {
		for _, env := range s.wire {
			if o, err := rec.Open(env, time.Now()); err == nil && o.Inside.Kind == envelope.Message {
				messages++
			}
		}
	}
	return messages, slicesOpened
}

// copyOf takes a stopped desk's whole directory.
func (p *party) copyOf(t *testing.T, wire [][]byte) seized {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "seized")
	if err := os.CopyFS(dir, os.DirFS(p.dir)); err != nil {
		t.Fatal(err)
	}
	return seized{dir, slices.Clone(p.key), p, wire}
}

// TestSeizedDirectoryOpensNothingThatWasRead: a desk's whole directory, with its
// key, and all that the relay ever held. Inside the seal-key period the thief
// opens what came under the seal keys still held, as docs/spec/store.md says;
// once it is over, nothing that was read before.
func TestSeizedDirectoryOpensNothingThatWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
		c := hourly(t, "JPN-NATO", a, b)
		a.found(t, c, a, b)
		b.found(t, c, a, b)
		var wire [][]byte
		h.tap = func(p link.Put) bool {
			if h.putter == a.box {
				wire = append(wire, slices.Clone(p.Envelope))
			}
			return true
		}
		jpn, nato := a.start(t, h), b.start(t, h)
		jpn.virtual, nato.virtual = true, true
		secret := "EXERCISE canary 5d0092c5"
		for range 5 {
			id := send(t, jpn, flash(c.ID(one), secret))
			nato.until(t, "delivered", has(id, "delivered"))
		}
		know := func(d ident.Desk) ([]byte, bool) { return a.self.MessageKey.Public(), d == a.self.Desk }
		nato.stop()
		h.mu.Lock()
		soon := b.copyOf(t, slices.Clone(wire))
		h.mu.Unlock()
		n, opened := soon.opens(t, know)
		if n != 5 || opened == 0 {
			t.Errorf("inside the seal-key period the thief opens %d messages by %d slices, want the 5 under seal key 1", n, opened)
		}

		back := b.start(t, h)
		back.virtual = true
		time.Sleep(2 * time.Minute)
		if err := jpn.RenewKeys(t.Context(), c.ID(one)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*time.Hour + 10*time.Minute)
		if got := back.sealNumbers(t); slices.Contains(got, 1) {
			t.Fatalf("seal key 1 is still held: %v", got)
		}
		back.stop()
		h.mu.Lock()
		late := b.copyOf(t, slices.Clone(wire))
		h.mu.Unlock()
		if n, _ := late.opens(t, know); n != 0 {
			t.Errorf("after the seal-key period the thief opens %d messages that were read", n)
		}
		noCanary(t, late.dir, secret)
		jpn.stop()
		synctest.Wait()
	})
}

// noCanary holds that no file of a directory holds a text in clear.
func noCanary(t *testing.T, dir, text string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			t.Errorf("%s holds the text in clear", d.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
