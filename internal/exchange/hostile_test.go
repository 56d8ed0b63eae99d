package exchange_test

import (
	"bytes"
	"crypto/sha256"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/blob"
	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/pack"
	"hotline/internal/precedence"
	"hotline/internal/store"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

// against starts NATO, and JPN as a puppet on an open line with it.
func against(t *testing.T) (nato *desk, q *puppet, a, b *party, line ident.Line) {
	t.Helper()
	h := newHub()
	a, b = newParty(t, "JPN", h), newParty(t, "NATO", h)
	c := charter(t, "JPN-NATO", a, b)
	b.found(t, c, b, a)
	line = c.ID(one)
	return b.start(t, h), a.puppet(t, h, line, b, chain.Start{}, a, b), a, b, line
}

// known reports whether a message was taken.
func known(id ident.Message) func(tx *store.Tx) bool {
	return func(tx *store.Tx) bool { _, err := tx.Message(id); return err == nil }
}

// refuses holds that NATO took none of ids, and answers what comes after.
func refuses(t *testing.T, nato *desk, q *puppet, rel []*party, ids ...ident.Message) {
	t.Helper()
	good := q.send(rel, nil)
	nato.until(t, "delivered of what came behind", has(good, "delivered"))
	err := nato.store.View(t.Context(), func(tx *store.Tx) error {
		for _, id := range ids {
			if known(id)(tx) {
				t.Error("NATO took a message that it must refuse")
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A message whose label leaves out its own sender cannot be answered: the
// receipt would have to be sealed for a party outside the group. It silenced
// the desk for good, because "delivered" of all others waited behind it.
func TestMessageThatCannotBeAnsweredSilencesNobody(t *testing.T) {
	nato, q, a, b, line := against(t)
	narrow := a.puppet(t, q.hub, line, b, chain.Start{}, b)
	id := narrow.send([]*party{b}, nil)
	refuses(t, nato, q, []*party{a, b}, id)
}

func TestFileOfAStrangeShapeIsRefused(t *testing.T) {
	nato, q, a, b, _ := against(t)
	both := []*party{a, b}
	file := func(edit func(f *wire.File)) func(m *wire.Message) {
		return func(m *wire.Message) {
			f := wire.File{Name: "x.json", Media: exchange.Media, Size: 1 << 10, ChunkSize: 1 << 10, Count: 1, Purpose: wire.STIX, Packed: pack.Latest}
			f.Key[0] = 7
			edit(&f)
			m.Files = []wire.File{f}
		}
	}
	first := q.send(both, file(func(*wire.File) {}))
	nato.until(t, "taken", known(first))
	refuses(t, nato, q, both,
		q.send(both, file(func(f *wire.File) { f.Key[0], f.Count, f.ChunkSize = 8, 1<<20, 64<<10 })), // 64 GiB of packed parts
		q.send(both, file(func(f *wire.File) { f.Key[0], f.Size = 9, 1<<30 })),
		q.send(both, file(func(*wire.File) {})), // the key of the first message's file
	)
}

func TestPackedTextIsHeldToTheRulesOfPlainText(t *testing.T) {
	nato, q, a, b, _ := against(t)
	both := []*party{a, b}
	packed := func(s string) func(m *wire.Message) {
		return func(m *wire.Message) { m.Text, m.Dictionary = pack.Pack([]byte(s)) }
	}
	long := string(bytes.Repeat([]byte("EXERCISE cyber attack on the energy sector "), 20))
	refuses(t, nato, q, both,
		q.send(both, packed(long+"\x1b[2J")),
		q.send(both, func(m *wire.Message) { m.Text, m.Dictionary = []byte("no frame"), pack.Latest }),
	)
}

func TestFileThatIsNoBundleIsNotHandedOut(t *testing.T) {
	nato, q, a, b, _ := against(t)
	given := []byte(`{"type":"bundle","type":"other"}`)
	key := [32]byte{1}
	dir, err := blob.Open(filepath.Join(t.TempDir(), "files"))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	var sealed [][]byte
	content, err := dir.Seal(chain.FileTag(one, key), 1<<10, 1<<20, bytes.NewReader(given), func(i uint32, final bool, data []byte) ([]byte, error) {
		env, err := chain.SealChunk(one, chain.ChunkInput{
			Chunk: chain.Chunk{Index: i, Final: final, Data: data}, Key: key, Lane: 2, Expiry: time.Now().Add(time.Hour),
		})
		sealed = append(sealed, env)
		return env, err
	})
	if err != nil {
		t.Fatal(err)
	}
	f := wire.File{
		Name: "x.json", Media: exchange.Media, Size: uint64(len(given)), SHA256: sha256.Sum256(given), Root: content.Root, Key: key,
		ChunkSize: content.ChunkSize, Count: content.Count, Purpose: wire.STIX,
	}
	id := q.send([]*party{a, b}, func(m *wire.Message) { m.Files = []wire.File{f} })
	for _, env := range sealed {
		q.put(2, env)
	}
	nato.until(t, "refused", has(id, "refused"))
}

func TestReceiptsOfOneDeskAreBounded(t *testing.T) {
	h := newHub()
	a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
	c := charter(t, "JPN-NATO", a, b)
	b.found(t, c, b, a)
	nato := b.start(t, h)
	id := send(t, nato, flash(c.ID(one), "EXERCISE"))
	var m store.Message
	var body *wire.Message
	err := nato.store.View(t.Context(), func(tx *store.Tx) (err error) {
		if m, err = tx.Message(id); err == nil {
			body, err = wire.ParseMessage(m.Body)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	q := a.puppet(t, h, c.ID(one), b, chain.Start{}, a, b)
	for i := range 200 {
		r := wire.Receipt{State: traffic.Delivered, At: int64(i + 1), Message: id, Content: m.Content, Label: body.Label.Hash(), Group: m.Group}
		encoded, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		q.say(ident.NewMessage(), chain.SealInput{Kind: envelope.Receipt, Precedence: precedence.Flash, ReceiptTo: b.id, Body: encoded})
	}
	good := q.send([]*party{a, b}, nil)
	nato.until(t, "delivered", has(good, "delivered"))
	_ = nato.store.View(t.Context(), func(tx *store.Tx) error {
		if ladder, err := tx.Ladder(id); len(ladder) > 70 {
			t.Errorf("%d rungs, %v: a peer fills our disk", len(ladder), err)
		}
		return nil
	})
}

// Two desks whose sets of statements never agree must not talk about it for
// ever, however often they hear one another.
func TestSetsThatNeverAgreeAreComparedLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nato, q, a, b, _ := against(t)
		nato.virtual = true
		q.digest = [32]byte{9}
		var last ident.Message
		for range 300 {
			last = q.send([]*party{a, b}, nil)
			nato.until(t, "delivered", has(last, "delivered"))
			time.Sleep(11 * time.Second)
		}
		// 300 receipts, and the statements that NATO makes of an hour's mismatch;
		// attestations of both, and a line check.
		if n := q.heard(envelope.Chain) - 300; n < 1 || n > 24 {
			t.Errorf("NATO said %d times what its set holds, want once at first and seldom later", n)
		}
		nato.stop()
		synctest.Wait()
	})
}

// A desk that starts without its state cannot open what was sealed for the old
// one: whoever hears of it makes new keys.
func TestRestartOfAPeerMakesNewKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nato, q, a, b, line := against(t)
		nato.virtual = true
		first := q.send([]*party{a, b}, nil)
		nato.until(t, "delivered", has(first, "delivered"))
		time.Sleep(2 * time.Minute)
		before := q.heard(envelope.Slice)
		again := a.puppet(t, q.hub, line, b, chain.Start{Restart: true}, a, b)
		id := again.send([]*party{a, b}, nil)
		nato.until(t, "delivered", has(id, "delivered"))
		if after := q.heard(envelope.Slice); after == before || after > before+2 {
			t.Errorf("%d new slices after a restart, want 1, or 2 when a chore came between", after-before)
		}
		nato.stop()
		synctest.Wait()
	})
}
