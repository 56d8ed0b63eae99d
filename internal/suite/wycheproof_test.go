package suite

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/mlkem"
	"crypto/mlkem/mlkemtest"
	"crypto/pbkdf2"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"hash"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/mldsa"
)

// wycheproof is the folder of vectors; `make wycheproof` sets it. Without it
// these tests are skipped.
var wycheproof = os.Getenv("HOTLINE_WYCHEPROOF")

// raw is a value in hexadecimal, or something else that no test here reads.
type raw []byte

func (r *raw) UnmarshalJSON(b []byte) error {
	*r, _ = hex.DecodeString(strings.Trim(string(b), `"`))
	return nil
}

// wycheGroup and wycheCase have the fields that the files we read need.
type wycheGroup struct {
	KeySize     int
	IVSize      int
	TagSize     int
	PublicKey   json.RawMessage
	PrivateSeed raw
	Tests       []wycheCase
}

type wycheCase struct {
	ID     int `json:"tcId"`
	Result string
	Size   int

	Key, IV, AAD, Msg, CT, Tag, Sig, Rnd, Ctx raw
	IKM, Salt, Info, OKM                      raw
	Public, Private, Shared                   raw
	Seed, EK, C, M, K                         raw
	Password, DK                              raw
	IterationCount, DKLen                     int
}

// public is the group's public key, which is hexadecimal or an object with it.
func (g wycheGroup) public() []byte {
	var o struct{ PK, Uncompressed raw }
	var r raw
	if json.Unmarshal(g.PublicKey, &o) == nil {
		return append(o.PK, o.Uncompressed...)
	}
	_ = json.Unmarshal(g.PublicKey, &r)
	return r
}

// eachCase runs check on every case of a file, and fails unless it held as many
// as want. check returns whether our code takes it, or skip.
func eachCase(t *testing.T, name string, want int, check func(g wycheGroup, c wycheCase) (ok, skip bool)) {
	t.Helper()
	only(t, One)
	if wycheproof == "" {
		t.Skip("no vectors: run make wycheproof")
	}
	b, err := os.ReadFile(filepath.Join(wycheproof, name+"_test.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f struct{ TestGroups []wycheGroup }
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range f.TestGroups {
		for _, c := range g.Tests {
			ok, skip := check(g, c)
			if skip {
				continue
			}
			n++
			if c.Result != "acceptable" && ok != (c.Result == "valid") {
				t.Errorf("%s %d: taken %t, want %s", name, c.ID, ok, c.Result)
			}
		}
	}
	if n != want {
		t.Errorf("%s: %d cases ran, want %d", name, n, want)
	}
}

// takes is what [signing.check] does, without our frame.
func (c scheme) takes(public, message, signature []byte) bool {
	return len(public) == c.public && len(signature) == c.signature && c.verify(public, message, signature)
}

func TestWycheproofSignatures(t *testing.T) {
	eachCase(t, "ed25519", 151, func(g wycheGroup, c wycheCase) (bool, bool) { return ed.takes(g.public(), c.Msg, c.Sig), false })
	high := 0
	eachCase(t, "ecdsa_secp384r1_sha384_p1363", 280, func(g wycheGroup, c wycheCase) (bool, bool) {
		ok := p384.takes(g.public(), c.Msg, c.Sig)
		if !ok && c.Result == "valid" && bytes.Compare(c.Sig[scalar:], halfOrder) > 0 {
			high++ // the second spelling, which we refuse
			return true, false
		}
		return ok, false
	})
	if high == 0 {
		t.Error("no vector has the higher s: the exception hides something")
	}
	eachCase(t, "ecdsa_secp384r1_sha384", 504, func(g wycheGroup, c wycheCase) (bool, bool) {
		k, err := ecdsa.ParseUncompressedPublicKey(elliptic.P384(), g.public())
		sum := sha512.Sum384(c.Msg)
		return err == nil && ecdsa.VerifyASN1(k, sum[:], c.Sig), false
	})
}

// TestWycheproofMLDSA leaves out contexts, which we never write.
func TestWycheproofMLDSA(t *testing.T) {
	for name, p := range map[string]struct {
		mldsa.Parameters
		verify, sign int
	}{"mldsa_65": {mldsa.MLDSA65(), 202, 83}, "mldsa_87": {mldsa.MLDSA87(), 233, 74}} {
		q := quantum(p.Parameters)
		eachCase(t, name+"_verify", p.verify, func(g wycheGroup, c wycheCase) (bool, bool) {
			return q.takes(g.public(), c.Msg, c.Sig), c.Ctx != nil
		})
		eachCase(t, name+"_sign_seed", p.sign, func(g wycheGroup, c wycheCase) (bool, bool) {
			if len(g.PrivateSeed) != q.seed {
				return false, c.Ctx != nil
			}
			k, err := mldsa.NewPrivateKey(p.Parameters, g.PrivateSeed)
			if err != nil {
				return false, c.Ctx != nil
			}
			sig, err := k.SignDeterministic(c.Msg, nil)
			same := bytes.Equal(sig, c.Sig) || c.Rnd != nil // drawn at random: ours is another
			return err == nil && same && q.takes(g.public(), c.Msg, c.Sig), c.Ctx != nil || c.Msg == nil
		})
	}
}

func TestWycheproofSymmetric(t *testing.T) {
	eachCase(t, "aes_gcm", 66, func(g wycheGroup, c wycheCase) (bool, bool) {
		if g.KeySize != 8*KeySize || g.IVSize != 96 || g.TagSize != 128 {
			return false, true
		}
		plain, err := One.Open(c.Key, c.AAD, slices.Concat(c.IV, c.CT, c.Tag))
		return err == nil && bytes.Equal(plain, c.Msg), false
	})
	eachCase(t, "hkdf_sha384", 83, func(_ wycheGroup, c wycheCase) (bool, bool) {
		out, err := hkdf.Key(sha512.New384, c.IKM, c.Salt, string(c.Info), c.Size)
		return err == nil && bytes.Equal(out, c.OKM), false
	})
	eachCase(t, "hmac_sha384", 174, func(g wycheGroup, c wycheCase) (bool, bool) {
		h := hmac.New(sha512.New384, c.Key)
		h.Write(c.Msg)
		return hmac.Equal(h.Sum(nil)[:g.TagSize/8], c.Tag), false
	})
}

// TestWycheproofPBKDF2: what a passphrase goes through in FIPS mode (internal/keyring),
// and the code of a rendezvous (internal/rendezvous).
func TestWycheproofPBKDF2(t *testing.T) {
	for name, h := range map[string]func() hash.Hash{"pbkdf2_hmacsha512": sha512.New, "pbkdf2_hmacsha384": sha512.New384} {
		eachCase(t, name, 58, func(_ wycheGroup, c wycheCase) (bool, bool) {
			out, err := pbkdf2.Key(h, string(c.Password), c.Salt, c.IterationCount, c.DKLen)
			return err == nil && bytes.Equal(out, c.DK), false
		})
	}
}

func TestWycheproofX25519(t *testing.T) {
	eachCase(t, "x25519", 518, func(_ wycheGroup, c wycheCase) (bool, bool) {
		k, errK := ecdh.X25519().NewPrivateKey(c.Private)
		p, errP := ecdh.X25519().NewPublicKey(c.Public)
		if errK != nil || errP != nil {
			return false, false
		}
		shared, err := k.ECDH(p)
		if (err != nil) != (len(bytes.Trim(c.Shared, "\x00")) == 0) {
			t.Errorf("x25519 %d: %v", c.ID, err)
		}
		return err == nil && bytes.Equal(shared, c.Shared), false
	})
}

// TestWycheproofMLKEM768 covers the half of X-Wing that is ML-KEM.
func TestWycheproofMLKEM768(t *testing.T) {
	eachCase(t, "mlkem_768", 201, func(_ wycheGroup, c wycheCase) (bool, bool) {
		k, err := mlkem.NewDecapsulationKey768(c.Seed)
		if err != nil || !bytes.Equal(k.EncapsulationKey().Bytes(), c.EK) {
			return false, false
		}
		shared, err := k.Decapsulate(c.C)
		return err == nil && bytes.Equal(shared, c.K), false
	})
	eachCase(t, "mlkem_768_encaps", 265, func(_ wycheGroup, c wycheCase) (bool, bool) {
		k, err := mlkem.NewEncapsulationKey768(c.EK)
		if err != nil {
			return false, false
		}
		shared, sealed, err := mlkemtest.Encapsulate768(k, c.M)
		return err == nil && bytes.Equal(shared, c.K) && bytes.Equal(sealed, c.C), false
	})
	eachCase(t, "mlkem_768_keygen_seed", 100, func(_ wycheGroup, c wycheCase) (bool, bool) {
		k, err := mlkem.NewDecapsulationKey768(c.Seed)
		return err == nil && bytes.Equal(k.EncapsulationKey().Bytes(), c.EK), false
	})
}

func TestWycheproofMLKEM1024(t *testing.T) {
	eachCase(t, "mlkem_1024", 202, func(_ wycheGroup, c wycheCase) (bool, bool) {
		k, err := Two.ParseSealKey(c.Seed)
		if err != nil || !bytes.Equal(k.Public(), c.EK) {
			return false, false
		}
		inner, err := mlkem.NewDecapsulationKey1024(c.Seed)
		if err != nil {
			return false, false
		}
		shared, err := inner.Decapsulate(c.C)
		return err == nil && bytes.Equal(shared, c.K), false
	})
	eachCase(t, "mlkem_1024_encaps", 269, func(_ wycheGroup, c wycheCase) (bool, bool) {
		k, err := mlkem.NewEncapsulationKey1024(c.EK)
		if _, sealErr := Two.SealTo(c.EK, "l", nil, nil); (err == nil) != (sealErr == nil) {
			t.Errorf("mlkem_1024_encaps %d: SealTo takes what ML-KEM refuses, or the reverse", c.ID)
		}
		if err != nil {
			return false, false
		}
		shared, sealed, err := mlkemtest.Encapsulate1024(k, c.M)
		return err == nil && bytes.Equal(shared, c.K) && bytes.Equal(sealed, c.C), false
	})
	eachCase(t, "mlkem_1024_keygen_seed", 100, func(_ wycheGroup, c wycheCase) (bool, bool) {
		k, err := Two.ParseSealKey(c.Seed)
		return err == nil && bytes.Equal(k.Public(), c.EK), false
	})
}
