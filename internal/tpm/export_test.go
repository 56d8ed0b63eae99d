package tpm

import (
	"crypto/sha256"

	"github.com/google/go-tpm/tpm2"
)

// Extend changes a register, as another firmware would.
func (t *TPM) Extend(pcr int, with []byte) error {
	sum := sha256.Sum256(with)
	_, err := tpm2.PCRExtend{
		PCRHandle: tpm2.AuthHandle{Handle: tpm2.TPMHandle(pcr), Auth: tpm2.PasswordAuth(nil)},
		Digests:   tpm2.TPMLDigestValues{Digests: []tpm2.TPMTHA{{HashAlg: tpm2.TPMAlgSHA256, Digest: sum[:]}}},
	}.Execute(t.t)
	return err
}
