package suite

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/sha512"
	"errors"
	"testing"

	"filippo.io/mldsa"
)

var s = One

// framed is the framing of labels and parts, written a second time from the
// specification.
func framed(label string, parts ...string) string {
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
	if got, want := s.Hash("hotline/1/test", []byte("a"), nil, []byte("bc")), sha512.Sum384([]byte(framed("hotline/1/test", "a", "", "bc"))); got != want {
		t.Errorf("Hash = %x, want %x", got, want)
	}
	prk := s.Extract([]byte("salt"), []byte("secret"))
	if want := hmac384([]byte("salt"), "secret"); !bytes.Equal(prk, want) {
		t.Errorf("Extract = %x, want %x", prk, want)
	}
	info := framed("hotline/1/test", "context")
	t1 := hmac384(prk, info, "\x01")
	t2 := hmac384(prk, string(t1), info, "\x02")
	if got, want := s.Expand(prk, "hotline/1/test", []byte("context"), 64), append(t1, t2...)[:64]; !bytes.Equal(got, want) {
		t.Errorf("Expand = %x, want %x", got, want)
	}

	key, nonce := bytes.Repeat([]byte{7}, KeySize), bytes.Repeat([]byte{9}, NonceSize)
	block, _ := aes.NewCipher(key)
	gcm, _ := cipher.NewGCM(block)
	sealed := s.Seal([]byte("header"), key, nonce, []byte("aad"), []byte("plain"))
	if want := gcm.Seal([]byte("header"), nonce, []byte("plain"), []byte("aad")); !bytes.Equal(sealed, want) {
		t.Errorf("Seal = %x, want %x", sealed, want)
	}

	m := s.NewMessageKey()
	if !ed25519.Verify(m.Public(), []byte(framed("l", "a", "b")), m.Sign("l", []byte("a"), []byte("b"))) {
		t.Error("Sign is not Ed25519 over the framed parts")
	}
	d := s.NewDeskKey()
	pk, err := mldsa.NewPublicKey(mldsa.MLDSA65(), d.Public()[32:])
	if err != nil {
		t.Fatal(err)
	}
	signed := []byte(framed("hotline/1/hybrid/ed25519+ml-dsa-65", "l", "a"))
	sig := d.Sign("l", []byte("a"))
	if !ed25519.Verify(d.Public()[:32], signed, sig[:64]) || mldsa.Verify(pk, signed, sig[64:], nil) != nil {
		t.Error("Sign of a desk key is not both signatures over the framed parts")
	}
}

// TestSealToIsHPKE opens with the standard library what SealTo sealed.
func TestSealToIsHPKE(t *testing.T) {
	k := s.NewSealKey()
	box, err := s.SealTo(k.Public(), "hotline/1/test", []byte("aad"), []byte("plain"))
	if err != nil {
		t.Fatalf("SealTo: %v", err)
	}
	if want := len("plain") + 1120 + 16; len(box) != want {
		t.Errorf("SealTo wrote %d bytes, want %d", len(box), want)
	}
	private, err := hpke.MLKEM768X25519().NewPrivateKey(k.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	r, err := hpke.NewRecipient(box[:1120], private, hpke.HKDFSHA384(), hpke.AES256GCM(), []byte(framed("hotline/1/test")))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := r.Open([]byte("aad"), box[1120:]); err != nil || string(plain) != "plain" {
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
	key, nonce := bytes.Repeat([]byte{7}, KeySize), bytes.Repeat([]byte{9}, NonceSize)
	sealed := s.Seal(nil, key, nonce, []byte("aad"), []byte("plain"))
	if _, err := s.Open(key, nonce, []byte("aaD"), sealed); !errors.Is(err, ErrOpen) {
		t.Errorf("Open with another aad: %v", err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := s.Open(key, nonce, []byte("aad"), bad); !errors.Is(err, ErrOpen) {
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
		"encapsulation only": func() ([]byte, error) { return k.Open("hotline/1/a", []byte("aad"), box[:1120]) },
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
		"short key":             s.VerifyMessage(m.Public()[:31], "hotline/1/message", sig, []byte("ab"), []byte("c")),
		"short signature":       s.VerifyMessage(m.Public(), "hotline/1/message", sig[:63], []byte("ab"), []byte("c")),
	} {
		if !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v, want ErrSignature", name, err)
		}
	}
	// The same Ed25519 seed as a message key and as half of a desk key.
	d := s.NewDeskKey()
	half, err := s.MessageKeyFromSeed(d.Seed()[:32])
	if err != nil {
		t.Fatal(err)
	}
	if err := s.VerifyMessage(half.Public(), "l", d.Sign("l", []byte("a"))[:64], []byte("a")); !errors.Is(err, ErrSignature) {
		t.Errorf("half of a desk's signature as a message's: %v", err)
	}
	if s.Hash("l", []byte("ab"), []byte("c")) == s.Hash("l", []byte("a"), []byte("bc")) {
		t.Error("Hash does not tell where one part ends")
	}
	prk := s.Extract(nil, []byte("secret"))
	if bytes.Equal(s.Expand(prk, "la", []byte("b"), 32), s.Expand(prk, "l", []byte("ab"), 32)) {
		t.Error("Expand does not tell where the label ends")
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
	for _, n := range []int{0, 31, 33, 63, 65} {
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
		if err := s.CheckSealPublic(public); !errors.Is(err, ErrKey) {
			t.Errorf("CheckSealPublic with %s key: %v, want ErrKey", name, err)
		}
	}
	if err := s.CheckSealPublic(good); err != nil {
		t.Errorf("CheckSealPublic: %v", err)
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
	if s.ID() != 1 {
		t.Errorf("ID() = %d, want 1", s.ID())
	}
	for name, f := range map[string]func(){
		"key of 16 bytes":  func() { s.Seal(nil, make([]byte, 16), make([]byte, NonceSize), nil, nil) },
		"expand too much":  func() { s.Expand(make([]byte, 48), "l", nil, 255*HashSize+1) },
		"nonce of 8 bytes": func() { s.Seal(nil, make([]byte, KeySize), make([]byte, 8), nil, nil) },
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
