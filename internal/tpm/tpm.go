// Package tpm seals a secret in a TPM 2.0, so that it opens in that machine
// alone, and keeps a counter there that nobody can set back.
//
// The parent of what is sealed is the storage root key of the TCG's template
// (ECC P-256), derived anew each time from the owner's seed: nothing stays in
// the TPM but the counter. What leaves the TPM is encrypted for the way to
// this process, against somebody who only listens on the bus; somebody who
// sits in it could answer as another TPM, and then it opens nothing.
//
// This package is on floor 2. It alone imports the TPM library.
package tpm

import (
	"crypto/fips140"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	"hotline/internal/fault"
)

// Device is where Linux has the TPM behind its own resource manager.
const Device = "/dev/tpmrm0"

// TPM is an open TPM. It is not safe for use by several goroutines.
type TPM struct {
	addr string
	t    transport.TPMCloser
}

// Open opens the TPM at addr: a device, or the socket of an emulator such as
// swtpm. Empty is [Device].
func Open(addr string) (*TPM, error) {
	if addr == "" {
		addr = Device
	}
	fi, err := os.Stat(addr)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.Config, "There is no TPM at %s.", addr).
			WithHint("does this machine have one, is it on in its firmware? store.tpm in desk.toml names another place")
	}
	var t transport.TPMCloser
	switch {
	case err != nil:
	case fi.Mode()&os.ModeSocket != 0:
		t, err = linuxudstpm.Open(addr)
	case fi.Mode()&os.ModeDevice != 0:
		var f *os.File
		if f, err = os.OpenFile(filepath.Clean(addr), os.O_RDWR, 0); err == nil {
			t = transport.FromReadWriteCloser(f)
		}
	default:
		err = errors.New("neither a device nor a socket")
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Config, "The TPM at %s cannot be opened.", addr).
			WithHint("may this user read and write it? the group is often tss")
	}
	return &TPM{addr: addr, t: t}, nil
}

// Close closes the connection.
func (t *TPM) Close() error { return t.t.Close() }

// beyond runs what the library does on the way to the TPM, which encrypts with
// AES in CFB mode and authenticates with short keys: outside of the FIPS 140
// module, as the TPM itself is. The slot's own encryption is inside.
func beyond(fn func()) { fips140.WithoutEnforcement(fn) }

// root makes the storage root key; the caller flushes it.
func (t *TPM) root() (*tpm2.CreatePrimaryResponse, func(), error) {
	k, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHOwner, InPublic: tpm2.New2B(tpm2.ECCSRKTemplate)}.Execute(t.t)
	if err != nil {
		return nil, nil, t.fault("make its storage key", err)
	}
	return k, func() { t.flush(k.ObjectHandle) }, nil
}

func (t *TPM) flush(h tpm2.TPMHandle) {
	_, _ = tpm2.FlushContext{FlushHandle: h}.Execute(t.t) // a resource manager does it too
}

// Seal returns secret as an object that only this TPM opens: with the PIN, if
// there is one, and while the registers of the SHA-256 bank have the values
// that they have now.
func (t *TPM) Seal(secret, pin []byte, pcrs []int) (public, private []byte, err error) {
	beyond(func() { public, private, err = t.seal(secret, pin, pcrs) })
	return public, private, err
}

func (t *TPM) seal(secret, pin []byte, pcrs []int) (public, private []byte, err error) {
	srk, flush, err := t.root()
	if err != nil {
		return nil, nil, err
	}
	defer flush()
	template := tpm2.TPMTPublic{
		Type: tpm2.TPMAlgKeyedHash, NameAlg: tpm2.TPMAlgSHA256,
		ObjectAttributes: tpm2.TPMAObject{
			FixedTPM: true, FixedParent: true, UserWithAuth: len(pcrs) == 0,
			NoDA: len(pin) == 0, // a wrong PIN counts towards the TPM's lockout
		},
	}
	if len(pcrs) > 0 {
		if template.AuthPolicy, err = t.policy(pcrs, len(pin) > 0); err != nil {
			return nil, nil, err
		}
	}
	session, err := encrypted(srk)
	if err != nil {
		return nil, nil, t.fault("seal", err)
	}
	object, err := tpm2.Create{
		ParentHandle: tpm2.AuthHandle{Handle: srk.ObjectHandle, Name: srk.Name, Auth: session},
		InSensitive: tpm2.TPM2BSensitiveCreate{Sensitive: &tpm2.TPMSSensitiveCreate{
			UserAuth: tpm2.TPM2BAuth{Buffer: pin},
			Data:     tpm2.NewTPMUSensitiveCreate(&tpm2.TPM2BSensitiveData{Buffer: secret}),
		}},
		InPublic: tpm2.New2B(template),
	}.Execute(t.t)
	if err != nil {
		return nil, nil, t.fault("seal", err)
	}
	return object.OutPublic.Bytes(), object.OutPrivate.Buffer, nil
}

// Unseal opens what Seal made.
func (t *TPM) Unseal(public, private, pin []byte, pcrs []int) (secret []byte, err error) {
	beyond(func() { secret, err = t.unseal(public, private, pin, pcrs) })
	return secret, err
}

func (t *TPM) unseal(public, private, pin []byte, pcrs []int) ([]byte, error) {
	srk, flush, err := t.root()
	if err != nil {
		return nil, err
	}
	defer flush()
	object, err := tpm2.Load{
		ParentHandle: tpm2.AuthHandle{Handle: srk.ObjectHandle, Name: srk.Name, Auth: tpm2.PasswordAuth(nil)},
		InPublic:     tpm2.BytesAs2B[tpm2.TPMTPublic](public),
		InPrivate:    tpm2.TPM2BPrivate{Buffer: private},
	}.Execute(t.t)
	if err != nil {
		return nil, fault.Wrap(err, fault.Denied, "The TPM at %s is not the one that sealed this slot, or was cleared since.", t.addr)
	}
	defer t.flush(object.ObjectHandle)
	salt, err := srk.OutPublic.Contents()
	if err != nil {
		return nil, t.fault("unseal", err)
	}
	options := []tpm2.AuthOption{tpm2.Auth(pin), tpm2.AESEncryption(128, tpm2.EncryptOut), tpm2.Salted(srk.ObjectHandle, *salt)}
	session := tpm2.HMAC(tpm2.TPMAlgSHA256, 16, options...)
	if len(pcrs) > 0 {
		session = tpm2.Policy(tpm2.TPMAlgSHA256, 16, func(tr transport.TPM, handle tpm2.TPMISHPolicy, _ tpm2.TPM2BNonce) error {
			return assert(tr, handle, pcrs, len(pin) > 0)
		}, options...)
	}
	secret, err := tpm2.Unseal{ItemHandle: tpm2.AuthHandle{Handle: object.ObjectHandle, Name: object.Name, Auth: session}}.Execute(t.t)
	if err != nil {
		return nil, t.fault("unseal", err)
	}
	return secret.OutData.Buffer, nil
}

// encrypted is a session whose secrets nobody on the bus reads.
func encrypted(srk *tpm2.CreatePrimaryResponse) (tpm2.Session, error) {
	public, err := srk.OutPublic.Contents()
	if err != nil {
		return nil, err
	}
	return tpm2.HMAC(tpm2.TPMAlgSHA256, 16, tpm2.AESEncryption(128, tpm2.EncryptIn), tpm2.Salted(srk.ObjectHandle, *public)), nil
}

// assert brings a policy session to where the object was sealed.
func assert(tr transport.TPM, session tpm2.TPMISHPolicy, pcrs []int, pin bool) error {
	var n []uint
	for _, i := range pcrs {
		n = append(n, uint(i))
	}
	_, err := tpm2.PolicyPCR{PolicySession: session, Pcrs: tpm2.TPMLPCRSelection{
		PCRSelections: []tpm2.TPMSPCRSelection{{Hash: tpm2.TPMAlgSHA256, PCRSelect: tpm2.PCClientCompatible.PCRs(n...)}},
	}}.Execute(tr)
	if err == nil && pin {
		_, err = tpm2.PolicyAuthValue{PolicySession: session}.Execute(tr)
	}
	return err
}

// policy is the digest of a policy with the registers' present values.
func (t *TPM) policy(pcrs []int, pin bool) (d tpm2.TPM2BDigest, err error) {
	session, end, err := tpm2.PolicySession(t.t, tpm2.TPMAlgSHA256, 16, tpm2.Trial())
	if err != nil {
		return d, t.fault("make a policy", err)
	}
	defer func() { _ = end() }() // a trial session
	if err := assert(t.t, session.Handle(), pcrs, pin); err != nil {
		return d, t.fault("make a policy", err)
	}
	digest, err := tpm2.PolicyGetDigest{PolicySession: session.Handle()}.Execute(t.t)
	if err != nil {
		return d, t.fault("make a policy", err)
	}
	return digest.PolicyDigest, nil
}

// fault says in words what a TPM refused.
func (t *TPM) fault(did string, err error) error {
	err = fmt.Errorf("%s: %w", did, err)
	for code, words := range map[tpm2.TPMRC]string{
		tpm2.TPMRCAuthFail:        "The PIN is wrong.",
		tpm2.TPMRCBadAuth:         "The TPM asks for an authorisation that hotline does not have.",
		tpm2.TPMRCLockout:         "The TPM takes no PIN for now: there were too many wrong ones.",
		tpm2.TPMRCPolicyFail:      "This machine started with other firmware, settings or software than when the slot was made.",
		tpm2.TPMRCPCRChanged:      "This machine's registers changed while the TPM was asked.",
		tpm2.TPMRCPCR:             "The TPM does not know one of these registers.",
		tpm2.TPMRCNVDefined:       "The TPM holds such a counter already.",
		tpm2.TPMRCNVSpace:         "The TPM has no room for a counter.",
		tpm2.TPMRCInitialize:      "The TPM was not started up.",
		tpm2.TPMRCHandle:          "The TPM does not hold what was asked for.",
		tpm2.TPMRCHierarchy:       "The owner's part of this TPM is switched off.",
		tpm2.TPMRCNVAuthorization: "The TPM refuses its counter.",
	} {
		if errors.Is(err, code) {
			return fault.Wrap(err, fault.Denied, "%s", words)
		}
	}
	return fault.Wrap(err, fault.Denied, "The TPM at %s refused to %s.", t.addr, strings.TrimSpace(did))
}
