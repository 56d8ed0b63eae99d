package ceremony

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hotline/internal/octets"
	"hotline/internal/suite"
)

var one = suite.One

// rootOf returns bytes of a root's size. A ceremony does not look into roots.
func rootOf(name string) []byte {
	root := make([]byte, one.Sizes().Root)
	rand.NewChaCha8([32]byte([]byte((name + strings.Repeat(" ", 32))[:32]))).Read(root)
	return root
}

func selfOf(name string) Self {
	return Self{Name: name, Root: rootOf(name), Payload: []byte("EXERCISE card of " + name)}
}

// store sends a pairing through its stored form, as a restart does.
func store(t *testing.T, p *Pairing) *Pairing {
	t.Helper()
	b, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	q, err := Unmarshal(b)
	if err != nil {
		t.Fatalf("Unmarshal: %v", err)
	}
	return q
}

// exchange runs the three files between two honest sides.
func exchange(t *testing.T, a, b Self) (pa, pb *Pairing) {
	t.Helper()
	pa, file1, err := Begin(one, a)
	if err != nil {
		t.Fatal(err)
	}
	pb, file2, err := Answer(one, b, file1)
	if err != nil {
		t.Fatal(err)
	}
	file3, err := pa.Open(one, file2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pb.Open(one, file3); err != nil {
		t.Fatal(err)
	}
	return pa, pb
}

func say(t *testing.T, p *Pairing) []string {
	t.Helper()
	w, err := p.Say(one)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestPairingVerifiesBothSides(t *testing.T) {
	jpn, nato := selfOf("JPN"), selfOf("NATO")
	a, file1, err := Begin(one, jpn)
	if err != nil {
		t.Fatal(err)
	}
	a = store(t, a)
	b, file2, err := Answer(one, nato, file1)
	if err != nil {
		t.Fatal(err)
	}
	b = store(t, b)
	if b.PeerName() != "JPN" || b.Session() != a.Session() {
		t.Fatalf("B answers %q in %x", b.PeerName(), b.Session())
	}
	file3, err := a.Open(one, file2)
	if err != nil {
		t.Fatal(err)
	}
	a = store(t, a)
	if _, err := b.Open(one, file3); err != nil {
		t.Fatal(err)
	}
	b = store(t, b)
	if a.Session() != b.Session() || a.PeerName() != "NATO" || b.PeerName() != "JPN" {
		t.Errorf("sides disagree: %x %x %q %q", a.Session(), b.Session(), a.PeerName(), b.PeerName())
	}

	fromA, fromB := say(t, a), say(t, b)
	if len(fromA) != half || len(fromB) != half || slices.Equal(fromA, fromB) {
		t.Fatalf("words: A says %v, B says %v", fromA, fromB)
	}
	gotB, err := a.Confirm(one, fromB)
	if err != nil {
		t.Fatalf("A.Confirm: %v", err)
	}
	gotA, err := b.Confirm(one, fromA)
	if err != nil {
		t.Fatalf("B.Confirm: %v", err)
	}
	for _, c := range []struct {
		got  Peer
		want Self
	}{{gotB, nato}, {gotA, jpn}} {
		if c.got.Name != c.want.Name || !bytes.Equal(c.got.Root, c.want.Root) || !bytes.Equal(c.got.Payload, c.want.Payload) {
			t.Errorf("peer = %q, want %q with its root and payload", c.got.Name, c.want.Name)
		}
	}
	if again := say(t, store(t, a)); !slices.Equal(again, fromA) {
		t.Errorf("A says %v when done, said %v before", again, fromA)
	}
	if a.Step() != Done || b.Step() != Done {
		t.Errorf("steps = %v, %v, want done", a.Step(), b.Step())
	}
}

// TestSomebodyInTheMiddle puts a person on both legs who brings a root of
// their own and answers as fast as they like (attack 16). The words that A and
// B would say to each other must differ on both sides, every time.
func TestSomebodyInTheMiddle(t *testing.T) {
	tries := 2000
	if os.Getenv("HOTLINE_LONG") != "" {
		tries = 1_000_000
	}
	jpn, nato := selfOf("JPN"), selfOf("NATO")
	middleA, middleB := selfOf("JPN"), selfOf("NATO")
	middleA.Root, middleB.Root = rootOf("middle"), rootOf("middle")
	single := 0
	for range tries {
		a, mb := exchange(t, jpn, middleB) // A believes in M as NATO
		ma, b := exchange(t, middleA, nato)
		wa, wb := a.words(one), b.words(one)
		if slices.Equal(wa[:half], wb[:half]) || slices.Equal(wa[half:], wb[half:]) {
			t.Fatalf("words agree through somebody in the middle: %v, %v", wa, wb)
		}
		for i := range wa {
			if wa[i] == wb[i] {
				single++
			}
		}
		if _, err := a.Confirm(one, say(t, b)); !errors.Is(err, ErrWords) {
			t.Fatalf("A took B's words through the middle: %v", err)
		}
		if _, err := b.Confirm(one, say(t, a)); !errors.Is(err, ErrWords) {
			t.Fatalf("B took A's words through the middle: %v", err)
		}
		// The legs themselves are sound: this is what makes the test able to fail.
		if _, err := mb.Confirm(one, say(t, a)); err != nil {
			t.Fatal(err)
		}
		if _, err := ma.Confirm(one, say(t, b)); err != nil {
			t.Fatal(err)
		}
	}
	// Single words agree once in 2,048: if they never did or often did, the
	// words would not be drawn evenly.
	want := float64(tries) * wordCount / listSize
	if tries > 10_000 && (float64(single) < want*0.9 || float64(single) > want*1.1) {
		t.Errorf("%d single words agreed in %d tries, want about %.0f", single, tries, want)
	}
}

// TestEveryByteOfEveryFileCounts flips each byte of each file on its way. No
// side may reach a peer then, though both sides' true words are typed.
func TestEveryByteOfEveryFileCounts(t *testing.T) {
	jpn, nato := selfOf("JPN"), selfOf("NATO")
	run := func(spoil, at int) error {
		touch := func(n int, file []byte) []byte {
			if n != spoil {
				return file
			}
			file = bytes.Clone(file)
			file[at] ^= 1 << (at % 8)
			return file
		}
		a, file1, err := begin(one, jpn, bytes.Repeat([]byte{1}, nonceSize))
		if err != nil {
			return err
		}
		b, file2, err := answer(one, nato, touch(1, file1), bytes.Repeat([]byte{2}, nonceSize))
		if err != nil {
			return err
		}
		file3, err := a.Open(one, touch(2, file2))
		if err != nil {
			return err
		}
		if _, err := b.Open(one, touch(3, file3)); err != nil {
			return err
		}
		_, errA := a.Confirm(one, say(t, b))
		_, errB := b.Confirm(one, say(t, a)) // also when A is done
		if errA == nil || errB == nil {
			return nil
		}
		return errA
	}
	if err := run(0, 0); err != nil {
		t.Fatalf("untouched files: %v", err)
	}
	a, file1, _ := Begin(one, jpn)
	_, file2, _ := Answer(one, nato, file1)
	file3, err := a.Open(one, file2)
	if err != nil {
		t.Fatal(err)
	}
	for n, size := range []int{len(file1), len(file2), len(file3)} {
		for at := range size {
			if err := run(n+1, at); err == nil {
				t.Errorf("file %d, byte %d: a changed byte went through", n+1, at)
			}
		}
	}
}

// TestPayloadIsBoundBeforeTheAnswer lets A change its payload after it saw B's
// nonce, which would give it tries at the words.
func TestPayloadIsBoundBeforeTheAnswer(t *testing.T) {
	a, file1, _ := Begin(one, selfOf("JPN"))
	b, file2, _ := Answer(one, selfOf("NATO"), file1)
	a.own.payload = []byte("EXERCISE another card")
	file3, err := a.Open(one, file2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Open(one, file3); !errors.Is(err, ErrDiffers) {
		t.Fatalf("Open = %v, want ErrDiffers", err)
	}
	if b.Step() != Dead {
		t.Errorf("step = %v, want dead", b.Step())
	}
	if _, err := b.Say(one); !errors.Is(err, ErrStep) {
		t.Errorf("Say on a dead pairing = %v, want ErrStep", err)
	}
}

func TestThreeWrongSetsKill(t *testing.T) {
	a, b := exchange(t, selfOf("JPN"), selfOf("NATO"))
	right := say(t, b)
	wrong := slices.Clone(right)
	wrong[5] = list[(slices.Index(list, wrong[5])+1)%listSize]
	for left := Attempts - 1; left >= 0; left-- {
		// Something that cannot be the words costs nothing.
		for _, typo := range [][]string{nil, right[:5], append(right[:5:5], "qqqq"), append(right[:5:5], strings.ToUpper(right[5])), append(slices.Clone(right), right[0])} {
			if _, err := a.Confirm(one, typo); !errors.Is(err, ErrNotWords) {
				t.Fatalf("Confirm(%v) = %v, want ErrNotWords", typo, err)
			}
		}
		if _, err := a.Confirm(one, wrong); !errors.Is(err, ErrWords) {
			t.Fatalf("Confirm(wrong) = %v, want ErrWords", err)
		}
		if a = store(t, a); a.AttemptsLeft() != left {
			t.Fatalf("attempts left = %d, want %d", a.AttemptsLeft(), left)
		}
	}
	if a.Step() != Dead || a.File() != nil {
		t.Errorf("step = %v, want dead", a.Step())
	}
	if _, err := a.Confirm(one, right); !errors.Is(err, ErrStep) {
		t.Errorf("Confirm after death = %v, want ErrStep", err)
	}
	if raw, _ := a.MarshalBinary(); bytes.Contains(raw, rootOf("NATO")[:32]) {
		t.Error("a dead pairing still holds the peer's root")
	}
}

func TestOwnWordsAreNotTheOthers(t *testing.T) {
	a, _ := exchange(t, selfOf("JPN"), selfOf("NATO"))
	if _, err := a.Confirm(one, say(t, a)); !errors.Is(err, ErrWords) {
		t.Errorf("Confirm(own words) = %v, want ErrWords", err)
	}
}

func TestNothingBeforeItsStep(t *testing.T) {
	a, file1, _ := Begin(one, selfOf("JPN"))
	b, file2, _ := Answer(one, selfOf("NATO"), file1)
	for _, p := range []*Pairing{a, b} {
		if _, err := p.Say(one); !errors.Is(err, ErrStep) {
			t.Errorf("Say = %v, want ErrStep", err)
		}
		if _, err := p.Confirm(one, list[:half]); !errors.Is(err, ErrStep) {
			t.Errorf("Confirm = %v, want ErrStep", err)
		}
	}
	if _, err := b.Open(one, file2); !errors.Is(err, ErrMalformed) {
		t.Errorf("B.Open(own file) = %v, want ErrMalformed", err)
	}
	if _, err := a.Open(one, file1); !errors.Is(err, ErrMalformed) {
		t.Errorf("A.Open(own file) = %v, want ErrMalformed", err)
	}
}

func TestFilesOfOtherPairingsChangeNothing(t *testing.T) {
	a, _, _ := Begin(one, selfOf("JPN"))
	c, file1, _ := Begin(one, selfOf("JPN"))
	b, file2, _ := Answer(one, selfOf("NATO"), file1)
	before, _ := a.MarshalBinary()
	if _, err := a.Open(one, file2); !errors.Is(err, ErrOtherPairing) {
		t.Errorf("A.Open = %v, want ErrOtherPairing", err)
	}
	if after, _ := a.MarshalBinary(); !bytes.Equal(before, after) {
		t.Error("a refused file changed A's state")
	}
	file3, err := c.Open(one, file2)
	if err != nil {
		t.Fatal(err)
	}
	b2, _, _ := Answer(one, selfOf("NATO"), file1)
	if _, err := b2.Open(one, file3); !errors.Is(err, ErrOtherPairing) {
		t.Errorf("B.Open = %v, want ErrOtherPairing", err)
	}
	// The same file twice gives the same; a second answer does not.
	again, err := c.Open(one, file2)
	if err != nil || !bytes.Equal(again, file3) || !bytes.Equal(c.File(), file3) {
		t.Errorf("the same file again: %v", err)
	}
	if _, err := b.Open(one, file3); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Open(one, file3); err != nil {
		t.Errorf("the same file again: %v", err)
	}
	if _, err := c.Open(one, b2.File()); !errors.Is(err, ErrStep) {
		t.Errorf("second answer = %v, want ErrStep", err)
	}
}

// TestOwnRootIsRefused reflects A's own root back at it.
func TestOwnRootIsRefused(t *testing.T) {
	a, file1, _ := Begin(one, selfOf("JPN"))
	mirror := selfOf("NATO")
	mirror.Root = rootOf("JPN")
	b, file2, _ := Answer(one, mirror, file1)
	if _, err := a.Open(one, file2); !errors.Is(err, ErrMalformed) {
		t.Errorf("A.Open = %v, want ErrMalformed", err)
	}
	if _, err := b.Open(one, octets.Encode(sideFields(magicOpening, &b.answer, &a.own))); !errors.Is(err, ErrMalformed) {
		t.Errorf("B.Open = %v, want ErrMalformed", err)
	}
}

func TestOtherVersionsAndSuitesAreRefused(t *testing.T) {
	_, file1, _ := Begin(one, selfOf("JPN"))
	for i, change := range map[int]byte{0: 2, 1: 2} {
		file := bytes.Clone(file1)
		file[len(magicCommitment)+i] = change
		if _, _, err := Answer(one, selfOf("NATO"), file); !errors.Is(err, ErrVersion) {
			t.Errorf("Answer with byte %d of the hello changed = %v, want ErrVersion", i, err)
		}
	}
	if _, _, err := Answer(suite.Two, selfOf("NATO"), file1); !errors.Is(err, ErrVersion) {
		t.Errorf("a party of suite 2 answers one of suite 1: %v, want ErrVersion", err)
	}
	// Somebody in the middle says to A that B's suite is another.
	a, _, _ := Begin(one, selfOf("JPN"))
	_, file2, _ := Answer(suite.Two, selfOf("NATO"), (&Pairing{own: side{suite: 2, name: "JPN"}, commitment: a.commitment}).commitmentFile())
	before, _ := a.MarshalBinary()
	if _, err := a.Open(one, file2); !errors.Is(err, ErrVersion) {
		t.Errorf("A of suite 1 opens an answer of suite 2: %v, want ErrVersion", err)
	}
	if after, _ := a.MarshalBinary(); !bytes.Equal(before, after) {
		t.Error("a refused file changed the pairing")
	}
}

// TestBoundsOfFiles: what one side may bring, and what the other takes.
func TestBoundsOfFiles(t *testing.T) {
	long, short := selfOf("JPN"), selfOf("JPN")
	long.Payload, short.Root = make([]byte, MaxPayload+1), nil
	_, file1, _ := Begin(one, selfOf("JPN"))
	for _, s := range []Self{long, short} {
		if _, _, err := Begin(one, s); !errors.Is(err, ErrMalformed) {
			t.Errorf("Begin = %v, want ErrMalformed", err)
		}
		if _, _, err := Answer(one, s, file1); !errors.Is(err, ErrMalformed) {
			t.Errorf("Answer = %v, want ErrMalformed", err)
		}
	}
	if _, _, err := Answer(one, selfOf("NATO"), file1[1:]); !errors.Is(err, ErrMalformed) {
		t.Errorf("Answer = %v, want ErrMalformed", err)
	}
	a, _, _ := Begin(one, selfOf("JPN"))
	if _, err := a.Open(one, make([]byte, MaxFile+1)); !errors.Is(err, ErrMalformed) {
		t.Errorf("Open = %v, want ErrMalformed", err)
	}
	// The largest that a side may bring goes through.
	most := selfOf("JPN")
	most.Payload = make([]byte, MaxPayload)
	pa, pb := exchange(t, most, selfOf("NATO"))
	if peer, err := pb.Confirm(one, say(t, pa)); err != nil || len(peer.Payload) != MaxPayload {
		t.Errorf("largest payload: %v", err)
	}
	if len(list) != listSize || pa.Role() != A {
		t.Error("words, step or role")
	}
	if pa.File() == nil || pb.File() != nil {
		t.Error("a side that is done hands out nothing, the other still does")
	}
}

func TestAbortIsFinal(t *testing.T) {
	a, b := exchange(t, selfOf("JPN"), selfOf("NATO"))
	a.Abort()
	if _, err := a.Confirm(one, say(t, b)); !errors.Is(err, ErrStep) {
		t.Errorf("Confirm after Abort = %v, want ErrStep", err)
	}
	if a.Step() != Dead {
		t.Errorf("step = %v, want dead", a.Step())
	}
}

// TestOnlyConfirmReturnsAPeer looks at the whole method set, so that a way
// round the words does not slip in.
func TestOnlyConfirmReturnsAPeer(t *testing.T) {
	typ := reflect.TypeFor[*Pairing]()
	for i := range typ.NumMethod() {
		m := typ.Method(i)
		for j := range m.Type.NumOut() {
			out := m.Type.Out(j)
			if (out == reflect.TypeFor[Peer]() || out == reflect.TypeFor[*Peer]()) && m.Name != "Confirm" {
				t.Errorf("%s returns a Peer", m.Name)
			}
		}
	}
	a, b := exchange(t, selfOf("JPN"), selfOf("NATO"))
	if _, err := a.Confirm(one, say(t, b)); err != nil {
		t.Fatal(err)
	}
	raw, _ := a.MarshalBinary()
	if bytes.Contains(raw, rootOf("NATO")[:32]) {
		t.Error("a pairing that is done still stores the peer's root")
	}
	if a.peer.root != nil || a.own.nonce != nil {
		t.Error("a pairing that is done still holds what words are made from")
	}
	// A stored pairing that was given no attempts, or more, does not load.
	p, _ := exchange(t, selfOf("JPN"), selfOf("NATO"))
	for _, left := range []byte{0, Attempts + 1} {
		raw, _ := p.MarshalBinary()
		raw[3] = left
		if _, err := Unmarshal(raw); !errors.Is(err, ErrMalformed) {
			t.Errorf("Unmarshal with %d attempts = %v, want ErrMalformed", left, err)
		}
	}
}

func TestNamesThatMisleadAreRefused(t *testing.T) {
	for _, name := range []string{"", " JPN", "JPN ", "J\nPN", "J\u202ePN", "\xff", strings.Repeat("x", MaxName+1)} {
		s := selfOf("JPN")
		s.Name = name
		if _, _, err := Begin(one, s); !errors.Is(err, ErrMalformed) {
			t.Errorf("Begin as %q = %v, want ErrMalformed", name, err)
		}
	}
}

func TestBits(t *testing.T) {
	var b [48]byte
	for i := range b {
		b[i] = byte(i*37 + 11)
	}
	for i := range wordCount {
		v := binary.BigEndian.Uint32(append(make([]byte, 0, 8), b[i*wordBits/8:i*wordBits/8+4]...))
		want := uint16(v >> (32 - wordBits - i*wordBits%8) & (listSize - 1))
		if got := bits(b[:], i*wordBits); got != want {
			t.Errorf("bits(%d) = %d, want %d", i*wordBits, got, want)
		}
	}
}
