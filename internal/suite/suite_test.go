package suite

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/sha512"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"

	"filippo.io/mldsa"
)

// s is the suite under test. TestMain runs all tests once in each.
var s = One

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv("HOTLINE_SUITE") == "2" { // scripts/coverage: a profile has one run alone
		s = Two
		os.Exit(m.Run())
	}
	code := m.Run()
	if flag.Lookup("test.fuzz").Value.String() == "" {
		s = Two
		fmt.Println("=== suite 2")
		code = max(code, m.Run())
	}
	os.Exit(code)
}

// only skips what one suite alone has.
func only(t *testing.T, which Suite) {
	t.Helper()
	if s != which {
		t.Skipf("suite %d only", which)
	}
}

// framed is the framing of labels and parts, written a second time from the
// specification.
func framed(label string, parts ...string) string {
	label = strings.Replace(label, "hotline/1", fmt.Sprintf("hotline/%d", s), 1)
	out := string([]byte{byte(len(label) >> 8), byte(len(label))}) + label
	for _, p := range parts {
		n := len(p)
		out += string([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + p
	}
	return out
}

func hmac384(key []byte, data ...string) []byte {
	h := hmac.New(sha512.New384, key)
	for _, d := range data {
		h.Write([]byte(d))
	}
	return h.Sum(nil)
}

// TestSecondReaderAgrees computes hash, extract, expand, seal and sign a second
// time, from the primitives and the written framing alone.
func TestSecondReaderAgrees(t *testing.T) {
	const l = "hotline/1/l"
	if got, want := s.Hash("hotline/1/test", []byte("a"), nil, []byte("bc")), sha512.Sum384([]byte(framed("hotline/1/test", "a", "", "bc"))); got != want {
		t.Errorf("Hash = %x, want %x", got, want)
	}
	prk := s.Extract([]byte("EXERCISE salt, 112 bits"), []byte("EXERCISE secret"))
	if want := hmac384([]byte("EXERCISE salt, 112 bits"), "EXERCISE secret"); !bytes.Equal(prk, want) {
		t.Errorf("Extract = %x, want %x", prk, want)
	}
	info := framed("hotline/1/test", "context")
	t1 := hmac384(prk, info, "\x01")
	t2 := hmac384(prk, string(t1), info, "\x02")
	if got, want := s.Expand(prk, "hotline/1/test", []byte("context"), 64), append(t1, t2...)[:64]; !bytes.Equal(got, want) {
		t.Errorf("Expand = %x, want %x", got, want)
	}

	key := bytes.Repeat([]byte{7}, KeySize)
	block, _ := aes.NewCipher(key)
	var gcm cipher.AEAD
	fips140.WithoutEnforcement(func() { gcm, _ = cipher.NewGCM(block) })
	sealed := s.Seal([]byte("header"), key, []byte("aad"), []byte("plain"))
	nonce := sealed[6:18]
	if want := gcm.Seal(append([]byte("header"), nonce...), nonce, []byte("plain"), []byte("aad")); !bytes.Equal(sealed, want) {
		t.Errorf("Seal = %x, want %x", sealed, want)
	}

	m, d, r := s.NewMessageKey(), s.NewDeskKey(), s.NewRootKey()
	message, sig := []byte(framed(l, "a", "b")), m.Sign(l, []byte("a"), []byte("b"))
	if s == Two {
		if !verifyP384(m.Public(), message, sig) {
			t.Error("Sign is not ECDSA over the framed parts")
		}
		long := []byte(framed("hotline/1/desk/ml-dsa-87", framedLabel(l), "a"))
		if !verifyMLDSA(mldsa.MLDSA87(), d.Public(), long, d.Sign(l, []byte("a"))) {
			t.Error("Sign of a desk key is not ML-DSA over the framed parts")
		}
		long = []byte(framed("hotline/1/root/ml-dsa-87", framedLabel(l), "a"))
		if !verifyMLDSA(mldsa.MLDSA87(), r.Public(), long, r.Sign(l, []byte("a"))) {
			t.Error("Sign of a root is not ML-DSA over the framed parts")
		}
		return
	}
	if !ed25519.Verify(m.Public(), message, sig) {
		t.Error("Sign is not Ed25519 over the framed parts")
	}
	long := []byte(framed("hotline/1/hybrid/ed25519+ml-dsa-65", l, "a"))
	sig = d.Sign(l, []byte("a"))
	if !ed25519.Verify(d.Public()[:32], long, sig[:64]) || !verifyMLDSA(mldsa.MLDSA65(), d.Public()[32:], long, sig[64:]) {
		t.Error("Sign of a desk key is not both signatures over the framed parts")
	}
	long = []byte(framed("hotline/1/hybrid/ed25519+ml-dsa-87", l, "a"))
	sig = r.Sign(l, []byte("a"))
	if !ed25519.Verify(r.Public()[:32], long, sig[:64]) || !verifyMLDSA(mldsa.MLDSA87(), r.Public()[32:], long, sig[64:]) {
		t.Error("Sign of a root is not both signatures over the framed parts")
	}
}

func framedLabel(l string) string { return strings.Replace(l, "/1/", fmt.Sprintf("/%d/", s), 1) }

func verifyMLDSA(p mldsa.Parameters, public, message, sig []byte) bool {
	pk, err := mldsa.NewPublicKey(p, public)
	return err == nil && mldsa.Verify(pk, message, sig, nil) == nil
}

func verifyP384(public, message, sig []byte) bool {
	k, err := ecdsa.ParseUncompressedPublicKey(elliptic.P384(), public)
	sum := sha512.Sum384(message)
	return err == nil && ecdsa.Verify(k, sum[:], new(big.Int).SetBytes(sig[:48]), new(big.Int).SetBytes(sig[48:]))
}

// TestSealToIsHPKE opens with the standard library what SealTo sealed.
func TestSealToIsHPKE(t *testing.T) {
	k := s.NewSealKey()
	box, err := s.SealTo(k.Public(), "hotline/1/test", []byte("aad"), []byte("plain"))
	if err != nil {
		t.Fatalf("SealTo: %v", err)
	}
	kem, enc := hpke.MLKEM768X25519(), 1120
	if s == Two {
		kem, enc = hpke.MLKEM1024(), 1568
	}
	if want := len("plain") + enc + 16; len(box) != want {
		t.Errorf("SealTo wrote %d bytes, want %d", len(box), want)
	}
	private, err := kem.NewPrivateKey(k.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	r, err := hpke.NewRecipient(box[:enc], private, hpke.HKDFSHA384(), hpke.AES256GCM(), []byte(framed("hotline/1/test")))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := r.Open([]byte("aad"), box[enc:]); err != nil || string(plain) != "plain" {
		t.Errorf("standard library opens %q, %v", plain, err)
	}
	again, err := s.ParseSealKey(k.Bytes())
	if err != nil || !bytes.Equal(again.Public(), k.Public()) {
		t.Fatalf("ParseSealKey: %v", err)
	}
	if plain, err := again.Open("hotline/1/test", []byte("aad"), box); err != nil || string(plain) != "plain" {
		t.Errorf("Open = %q, %v", plain, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	key := bytes.Repeat([]byte{7}, KeySize)
	sealed := s.Seal(nil, key, []byte("aad"), []byte("plain"))
	if _, err := s.Open(key, []byte("aaD"), sealed); !errors.Is(err, ErrOpen) {
		t.Errorf("Open with another aad: %v", err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := s.Open(key, []byte("aad"), bad); !errors.Is(err, ErrOpen) {
			t.Fatalf("Open with byte %d flipped: %v", i, err)
		}
	}
	k := s.NewSealKey()
	box, _ := s.SealTo(k.Public(), "hotline/1/a", []byte("aad"), []byte("plain"))
	tests := map[string]func() ([]byte, error){
		"another key":        func() ([]byte, error) { return s.NewSealKey().Open("hotline/1/a", []byte("aad"), box) },
		"another label":      func() ([]byte, error) { return k.Open("hotline/1/b", []byte("aad"), box) },
		"another aad":        func() ([]byte, error) { return k.Open("hotline/1/a", nil, box) },
		"cut short":          func() ([]byte, error) { return k.Open("hotline/1/a", []byte("aad"), box[:len(box)-1]) },
		"nothing":            func() ([]byte, error) { return k.Open("hotline/1/a", []byte("aad"), nil) },
		"encapsulation only": func() ([]byte, error) { return k.Open("hotline/1/a", []byte("aad"), box[:s.Sizes().Encapsulation]) },
	}
	for name, open := range tests {
		t.Run(name, func(t *testing.T) {
			if plain, err := open(); !errors.Is(err, ErrOpen) || plain != nil {
				t.Errorf("Open = %q, %v, want ErrOpen", plain, err)
			}
		})
	}
	for i := 0; i < len(box); i += 7 {
		bad := bytes.Clone(box)
		bad[i] ^= 0x80
		if _, err := k.Open("hotline/1/a", []byte("aad"), bad); !errors.Is(err, ErrOpen) {
			t.Fatalf("Open with byte %d flipped: %v", i, err)
		}
	}
}

// TestBothHalvesMustVerify takes one half of a hybrid signature away, or puts
// another in its place, and leaves the other half valid (attack 14).
func TestBothHalvesMustVerify(t *testing.T) {
	only(t, One)
	part := []byte("charter")
	d, other := s.NewDeskKey(), s.NewDeskKey()
	r, otherRoot := s.NewRootKey(), s.NewRootKey()
	tests := map[string]struct {
		public, sig, foreign []byte
		verify               func(public []byte, label string, sig []byte, parts ...[]byte) error
		size                 int
	}{
		"desk": {d.Public(), d.Sign("l", part), other.Sign("l", part), s.VerifyDesk, s.Sizes().DeskSignature},
		"root": {r.Public(), r.Sign("l", part), otherRoot.Sign("l", part), s.VerifyRoot, s.Sizes().RootSignature},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if err := tt.verify(tt.public, "l", tt.sig, part); err != nil || len(tt.sig) != tt.size {
				t.Fatalf("own signature of %d bytes: %v", len(tt.sig), err)
			}
			join := func(a, b []byte) []byte { return append(bytes.Clone(a), b...) }
			bad := map[string][]byte{
				"ML-DSA of another key":    join(tt.sig[:64], tt.foreign[64:]),
				"Ed25519 of another key":   join(tt.foreign[:64], tt.sig[64:]),
				"ML-DSA stripped":          tt.sig[:64],
				"ML-DSA zeroed":            join(tt.sig[:64], make([]byte, len(tt.sig)-64)),
				"Ed25519 stripped":         tt.sig[64:],
				"Ed25519 zeroed":           join(make([]byte, 64), tt.sig[64:]),
				"nothing":                  nil,
				"one byte more":            join(tt.sig, []byte{0}),
				"the other key altogether": tt.foreign,
			}
			for what, sig := range bad {
				if err := tt.verify(tt.public, "l", sig, part); !errors.Is(err, ErrSignature) {
					t.Errorf("%s: %v, want ErrSignature", what, err)
				}
			}
			for i := 0; i < len(tt.sig); i += 97 {
				sig := bytes.Clone(tt.sig)
				sig[i] ^= 1
				if tt.verify(tt.public, "l", sig, part) == nil {
					t.Errorf("byte %d flipped: verifies", i)
				}
			}
			for _, n := range []int{0, 31, 32, len(tt.public) - 1} {
				if err := tt.verify(tt.public[:n], "l", tt.sig, part); !errors.Is(err, ErrSignature) {
					t.Errorf("public key of %d bytes: %v", n, err)
				}
			}
		})
	}
}

// TestNoPurposeIsTakenForAnother checks that label, framing and kind of key
// separate what they should.
func TestNoPurposeIsTakenForAnother(t *testing.T) {
	m := s.NewMessageKey()
	sig := m.Sign("hotline/1/message", []byte("ab"), []byte("c"))
	if err := s.VerifyMessage(m.Public(), "hotline/1/message", sig, []byte("ab"), []byte("c")); err != nil {
		t.Fatalf("own signature: %v", err)
	}
	for name, err := range map[string]error{
		"another label":         s.VerifyMessage(m.Public(), "hotline/1/slice", sig, []byte("ab"), []byte("c")),
		"bytes moved over":      s.VerifyMessage(m.Public(), "hotline/1/message", sig, []byte("a"), []byte("bc")),
		"parts joined":          s.VerifyMessage(m.Public(), "hotline/1/message", sig, []byte("abc")),
		"a part more":           s.VerifyMessage(m.Public(), "hotline/1/message", sig, []byte("ab"), []byte("c"), nil),
		"label grown by a part": s.VerifyMessage(m.Public(), "hotline/1/messageab", sig, []byte("c")),
		"short key":             s.VerifyMessage(m.Public()[:len(m.Public())-1], "hotline/1/message", sig, []byte("ab"), []byte("c")),
		"short signature":       s.VerifyMessage(m.Public(), "hotline/1/message", sig[:len(sig)-1], []byte("ab"), []byte("c")),
	} {
		if !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v, want ErrSignature", name, err)
		}
	}
	s.checkHalves(t)
	if s.Hash("l", []byte("ab"), []byte("c")) == s.Hash("l", []byte("a"), []byte("bc")) {
		t.Error("Hash does not tell where one part ends")
	}
	prk := s.Extract(nil, []byte("EXERCISE secret"))
	if bytes.Equal(s.Expand(prk, "la", []byte("b"), 32), s.Expand(prk, "l", []byte("ab"), 32)) {
		t.Error("Expand does not tell where the label ends")
	}
}

// checkHalves uses one seed for keys of two kinds.
func (s Suite) checkHalves(t *testing.T) {
	t.Helper()
	d := s.NewDeskKey()
	if s == Two { // one ML-DSA-87 seed as a desk's key and as a root
		root, err := s.RootKeyFromSeed(d.Seed())
		if err != nil || !bytes.Equal(root.Public(), d.Public()) {
			t.Fatalf("RootKeyFromSeed: %v", err)
		}
		if err := s.VerifyRoot(d.Public(), "l", d.Sign("l")); !errors.Is(err, ErrSignature) {
			t.Errorf("a desk's signature as a root's: %v", err)
		}
		return
	}
	half, err := s.MessageKeyFromSeed(d.Seed()[:32]) // one Ed25519 seed
	if err != nil {
		t.Fatal(err)
	}
	if err := s.VerifyMessage(half.Public(), "l", d.Sign("l", []byte("a"))[:64], []byte("a")); !errors.Is(err, ErrSignature) {
		t.Errorf("half of a desk's signature as a message's: %v", err)
	}
}

func TestKeysComeBackFromTheirSeeds(t *testing.T) {
	d, err := s.DeskKeyFromSeed(s.NewDeskKey().Seed())
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.DeskKeyFromSeed(d.Seed())
	if err != nil || !bytes.Equal(again.Public(), d.Public()) || len(d.Public()) != s.Sizes().Desk {
		t.Errorf("desk key: %v", err)
	}
	r := s.NewRootKey()
	root, err := s.RootKeyFromSeed(r.Seed())
	if err != nil || !bytes.Equal(root.Public(), r.Public()) || len(r.Public()) != s.Sizes().Root {
		t.Errorf("root key: %v", err)
	}
	m := s.NewMessageKey()
	message, err := s.MessageKeyFromSeed(m.Seed())
	if err != nil || !bytes.Equal(message.Public(), m.Public()) {
		t.Errorf("message key: %v", err)
	}
	for _, n := range []int{0, 31, 33, 47, 49, 63, 65} {
		_, errS := s.ParseSealKey(make([]byte, n))
		_, errM := s.MessageKeyFromSeed(make([]byte, n))
		_, errD := s.DeskKeyFromSeed(make([]byte, n))
		_, errR := s.RootKeyFromSeed(make([]byte, n))
		for _, err := range []error{errS, errM, errD, errR} {
			if !errors.Is(err, ErrKey) {
				t.Errorf("seed of %d bytes: %v, want ErrKey", n, err)
			}
		}
	}
}

func TestBadSealKeyIsRefused(t *testing.T) {
	good := s.NewSealKey().Public()
	if len(good) != s.Sizes().Seal {
		t.Fatalf("public key of %d bytes, want %d", len(good), s.Sizes().Seal)
	}
	// A coefficient of 4,095 is over ML-KEM's modulus (FIPS 203, Section 7.2).
	over := bytes.Clone(good)
	over[0], over[1] = 0xff, 0x0f
	for name, public := range map[string][]byte{"empty": nil, "short": good[1:], "long": append(bytes.Clone(good), 0), "coefficient over the modulus": over} {
		if _, err := s.SealTo(public, "l", nil, nil); !errors.Is(err, ErrKey) {
			t.Errorf("SealTo with %s key: %v, want ErrKey", name, err)
		}
	}
	if _, err := s.SealTo(good, "l", nil, nil); err != nil {
		t.Errorf("SealTo with a good key: %v", err)
	}
	if s == Two {
		return
	}
	// An X25519 point of low order gives a shared secret of zeros: refused.
	low := bytes.Clone(good)
	clear(low[len(low)-32:])
	if _, err := s.SealTo(low, "l", nil, nil); !errors.Is(err, ErrKey) {
		t.Errorf("SealTo with a low-order point: %v, want ErrKey", err)
	}
}

// TestWrongLengthsAreBugs: keys come from this program, so that a wrong length
// is a broken invariant and not something to answer politely.
func TestWrongLengthsAreBugs(t *testing.T) {
	for name, f := range map[string]func(){
		"no suite":        func() { Suite(0).Hash("l"); Suite(0).NewSealKey() },
		"key of 16 bytes": func() { s.Seal(nil, make([]byte, 16), nil, nil) },
		"expand too much": func() { s.Expand(make([]byte, 48), "l", nil, 255*HashSize+1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// TestSuitesAreApart: nothing of one suite is good in the other (attack 14).
func TestSuitesAreApart(t *testing.T) {
	only(t, One)
	for id, want := range map[uint8]Suite{1: One, 2: Two} {
		if got, err := ByID(id); err != nil || got != want || got.ID() != id {
			t.Errorf("ByID(%d) = %d, %v", id, got, err)
		}
	}
	for _, id := range []uint8{0, 3, 255} {
		if _, err := ByID(id); !errors.Is(err, ErrSuite) {
			t.Errorf("ByID(%d): %v, want ErrSuite", id, err)
		}
	}
	if One.Hash("hotline/1/party", []byte("root")) == Two.Hash("hotline/1/party", []byte("root")) {
		t.Error("both suites give one hash")
	}
	if prk := One.Extract(nil, []byte("EXERCISE secret")); bytes.Equal(One.Expand(prk, "hotline/1/lane", nil, 32), Two.Expand(prk, "hotline/1/lane", nil, 32)) {
		t.Error("both suites derive one key")
	}
	if _, err := Two.SealTo(One.NewSealKey().Public(), "l", nil, nil); !errors.Is(err, ErrKey) {
		t.Errorf("suite 2 seals to a key of suite 1: %v", err)
	}
	box, err := One.SealTo(One.NewSealKey().Public(), "l", nil, make([]byte, 1000))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Two.NewSealKey().Open("l", nil, box); !errors.Is(err, ErrOpen) {
		t.Errorf("a key of suite 2 opens a box of suite 1: %v", err)
	}
	m, d, r := One.NewMessageKey(), One.NewDeskKey(), One.NewRootKey()
	for name, err := range map[string]error{
		"message": Two.VerifyMessage(m.Public(), "l", m.Sign("l")), "desk": Two.VerifyDesk(d.Public(), "l", d.Sign("l")), "root": Two.VerifyRoot(r.Public(), "l", r.Sign("l")),
		// The ML-DSA-87 half of a hybrid root as a root of suite 2.
		"half of a root": Two.VerifyRoot(r.Public()[32:], "hotline/1/l", r.Sign("hotline/1/l")[64:]),
	} {
		if !errors.Is(err, ErrSignature) {
			t.Errorf("signature of suite 1, %s, verifies in suite 2: %v", name, err)
		}
	}
	if m.Suite() != One || Two.NewSealKey().Suite() != Two {
		t.Error("a key does not know its suite")
	}
}

// TestSignatureHasOneSpelling: of the signatures that ECDSA would take for one
// message, ours is the only one that verifies (suite 2).
func TestSignatureHasOneSpelling(t *testing.T) {
	only(t, Two)
	n := elliptic.P384().Params().N
	lows := 0
	for i := range 32 {
		k, part := Two.NewMessageKey(), []byte{byte(i)}
		sig := k.Sign("l", part)
		if again := k.Sign("l", part); !bytes.Equal(sig, again) {
			t.Fatal("the same message has two signatures")
		}
		if err := Two.VerifyMessage(k.Public(), "l", sig, part); err != nil {
			t.Fatal(err)
		}
		other := bytes.Clone(sig)
		new(big.Int).Sub(n, new(big.Int).SetBytes(sig[48:])).FillBytes(other[48:])
		if !verifyP384(k.Public(), []byte(framed("hotline/1l", string(part))), other) {
			t.Fatal("the higher s does not verify at all: the test shows nothing")
		}
		if err := Two.VerifyMessage(k.Public(), "l", other, part); !errors.Is(err, ErrSignature) {
			t.Errorf("the higher s verifies: %v", err)
		}
		if sig[48] < 0x80 {
			lows++
		}
		for i := 0; i < len(sig); i += 5 {
			bad := bytes.Clone(sig)
			bad[i] ^= 1
			if Two.VerifyMessage(k.Public(), "l", bad, part) == nil {
				t.Errorf("byte %d flipped: verifies", i)
			}
		}
	}
	if lows != 32 {
		t.Errorf("%d of 32 signatures have the lower s", lows)
	}
	k := Two.NewMessageKey()
	public, sig := k.Public(), k.Sign("l")
	compressed := append([]byte{2 + public[96]&1}, public[1:49]...)
	over := join(sig[:48], n.Bytes())
	for name, err := range map[string]error{
		"compressed key": Two.VerifyMessage(compressed, "l", sig), "zero r": Two.VerifyMessage(public, "l", join(make([]byte, 48), sig[48:])),
		"zero s": Two.VerifyMessage(public, "l", join(sig[:48], make([]byte, 48))), "s is the order": Two.VerifyMessage(public, "l", over),
		"point off the curve": Two.VerifyMessage(append(bytes.Clone(public[:96]), public[96]^1), "l", sig), "DER": Two.VerifyMessage(public, "l", make([]byte, 102)),
	} {
		if !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v, want ErrSignature", name, err)
		}
	}
	for name, seed := range map[string][]byte{"zero": make([]byte, 48), "the order": n.Bytes(), "all ones": bytes.Repeat([]byte{255}, 48)} {
		if _, err := Two.MessageKeyFromSeed(seed); !errors.Is(err, ErrKey) {
			t.Errorf("seed %s: %v, want ErrKey", name, err)
		}
	}
}
