package checkpoint_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"
	"time"

	"hotline/internal/checkpoint"
	"hotline/internal/suite"
)

var (
	one   = suite.One
	start = time.Date(2026, 11, 23, 2, 9, 0, 0, time.UTC)
)

// named returns 32 bytes that differ per name.
func named(name string) [32]byte { return sha256.Sum256([]byte("EXERCISE " + name)) }

func attestation() checkpoint.Attestation {
	a := checkpoint.Attestation{
		Sender: named("desk JPN-1"), Group: named("group"), Before: named("before"), Time: start,
		Lanes: []checkpoint.Lane{{Lane: 0, Last: 64, Running: named("routine")}, {Lane: 3, Last: 17, Running: named("flash")}},
	}
	g, c := named("generation"), named("commitment")
	copy(a.Generation[:], g[:])
	copy(a.Commitment[:], c[:])
	return a
}

// receiptsOf is an attestation of receipts to one party.
func receiptsOf(party string) checkpoint.Attestation {
	a := attestation()
	a.To, a.Final = named(party), true
	a.Lanes = []checkpoint.Lane{{Lane: 4, Last: 9, Running: named("receipts")}}
	return a
}

func TestAttestationIsItsSendersWord(t *testing.T) {
	key := suite.One.NewDeskKey()
	for _, a := range []checkpoint.Attestation{attestation(), receiptsOf("party NATO"), {Time: start}} {
		b := a.Sign(one, key).Bytes(one)
		got, err := checkpoint.ParseAttestation(one, b)
		if err != nil || !bytes.Equal(got.Bytes(one), b) || got.Hash(one) != a.Hash(one) {
			t.Fatalf("reads as %+v, %v", got, err)
		}
		if err := got.Verify(one, key.Public()); err != nil {
			t.Error(err)
		}
		if err := got.Verify(one, suite.One.NewDeskKey().Public()); !errors.Is(err, checkpoint.ErrSignature) {
			t.Errorf("with another desk's key: %v", err)
		}
		for i := range b {
			flipped := slices.Clone(b)
			flipped[i] ^= 1 << (i % 8)
			if got, err := checkpoint.ParseAttestation(one, flipped); err == nil && got.Verify(one, key.Public()) == nil {
				t.Fatalf("byte %d changed and nobody noticed", i)
			}
		}
	}
}

func TestMalformedAttestationIsRefused(t *testing.T) {
	lanes := func(all ...checkpoint.Lane) func(*checkpoint.Attestation) {
		return func(a *checkpoint.Attestation) { a.Lanes = all }
	}
	for name, change := range map[string]func(a *checkpoint.Attestation){
		"a lane twice":             lanes(checkpoint.Lane{Lane: 1, Last: 1}, checkpoint.Lane{Lane: 1, Last: 2}),
		"lanes out of order":       lanes(checkpoint.Lane{Lane: 2, Last: 1}, checkpoint.Lane{Lane: 1, Last: 2}),
		"a lane without a message": lanes(checkpoint.Lane{Lane: 1}),
		"a lane that nobody has":   lanes(checkpoint.Lane{Lane: 5, Last: 1}),
		"receipts for everybody":   lanes(checkpoint.Lane{Lane: 4, Last: 1}),
		"six lanes":                func(a *checkpoint.Attestation) { a.Lanes = make([]checkpoint.Lane, 6) },
		"messages for one party":   func(a *checkpoint.Attestation) { a.To = named("party NATO") },
		"after the year 9999":      func(a *checkpoint.Attestation) { a.Time = time.UnixMilli(253402300800000) },
	} {
		a := attestation()
		change(&a)
		b := a.Sign(one, suite.One.NewDeskKey()).Bytes(one)
		if _, err := checkpoint.ParseAttestation(one, b); !errors.Is(err, checkpoint.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := attestation().Sign(one, suite.One.NewDeskKey()).Bytes(one)
	unsigned := len(attestation().Bytes(one))
	for n := range unsigned + 1 {
		if _, err := checkpoint.ParseAttestation(one, good[:n]); !errors.Is(err, checkpoint.ErrMalformed) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, err := checkpoint.ParseAttestation(one, append(good, make([]byte, 5<<10)...)); !errors.Is(err, checkpoint.ErrMalformed) {
		t.Errorf("a signature that no suite has: %v", err)
	}
	for i, v := range map[int]byte{0: 2, 1: 9, unsigned - 2*37 - 2: 2} { // version, suite, final
		b := slices.Clone(good)
		b[i] = v
		if _, err := checkpoint.ParseAttestation(one, b); !errors.Is(err, checkpoint.ErrMalformed) {
			t.Errorf("byte %d set to %d: %v", i, v, err)
		}
	}
}

// TestTwoHistoriesConvict: only what no honest desk signs counts against it.
func TestTwoHistoriesConvict(t *testing.T) {
	for name, c := range map[string]struct {
		change func(a *checkpoint.Attestation)
		want   bool
	}{
		"the same":             {func(*checkpoint.Attestation) {}, false},
		"the same, later":      {func(a *checkpoint.Attestation) { a.Time = a.Time.Add(time.Hour) }, false},
		"a chain that went on": {func(a *checkpoint.Attestation) { a.Lanes[1] = checkpoint.Lane{Lane: 3, Last: 18} }, false},
		"another group":        {func(a *checkpoint.Attestation) { a.Group, a.Lanes[1].Running = named("x"), named("y") }, false},
		"another generation":   {func(a *checkpoint.Attestation) { a.Generation, a.Lanes[1].Running = [16]byte{1}, named("y") }, false},
		"another sender":       {func(a *checkpoint.Attestation) { a.Sender, a.Lanes[1].Running = named("x"), named("y") }, false},
		"another history":      {func(a *checkpoint.Attestation) { a.Lanes[1].Running = named("other flash") }, true},
		"another key":          {func(a *checkpoint.Attestation) { a.Commitment[0]++ }, true},
		"another predecessor":  {func(a *checkpoint.Attestation) { a.Before[0]++ }, true},
		"an end, then more":    {func(a *checkpoint.Attestation) { a.Final, a.Lanes[1].Last = true, 16 }, true},
		"an end, then a lane":  {func(a *checkpoint.Attestation) { a.Final, a.Lanes = true, a.Lanes[:1] }, true},
	} {
		a, b := attestation(), attestation()
		c.change(&b)
		if a.Contradicts(b) != c.want || b.Contradicts(a) != c.want {
			t.Errorf("%s: %t, want %t", name, a.Contradicts(b), c.want)
		}
	}
	if attestation().Contradicts(receiptsOf("party NATO")) {
		t.Error("messages and receipts under one key contradict each other")
	}
	a, b := receiptsOf("party NATO"), receiptsOf("party PACNET")
	b.Lanes[0].Running = named("other")
	if a.Contradicts(b) {
		t.Error("receipts to two parties contradict each other")
	}
}

func FuzzDecoders(f *testing.F) {
	key := suite.One.NewDeskKey()
	f.Add(attestation().Sign(one, key).Bytes(one))
	f.Add(receiptsOf("party NATO").Sign(one, key).Bytes(one))
	f.Add(vector().Sign(one, key).Bytes(one))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := checkpoint.ParseAttestation(one, b); err == nil && !bytes.Equal(a.Bytes(one), b) {
			t.Error("an attestation has two spellings")
		}
		if v, err := checkpoint.ParseVector(one, b); err == nil && !bytes.Equal(v.Bytes(one), b) {
			t.Error("a vector has two spellings")
		}
	})
}
