package tpm

import (
	"crypto/rand"
	"encoding/binary"
	"errors"

	"github.com/google/go-tpm/tpm2"

	"hotline/internal/fault"
)

// Counters lie in the owner's part of the TPM's memory, at a place that is
// drawn: two desks on one machine have one each.
const (
	firstCounter = 0x01c10000
	counters     = 0x8000
)

// NewCounter makes a counter and returns where it lies. It begins above every
// counter that this TPM ever had, so one that was taken away and made again
// never goes back.
func (t *TPM) NewCounter() (index uint32, err error) {
	beyond(func() { index, err = t.newCounter() })
	return index, err
}

func (t *TPM) newCounter() (index uint32, err error) {
	for range 8 {
		var b [2]byte
		_, _ = rand.Read(b[:])
		index = firstCounter + uint32(binary.BigEndian.Uint16(b[:]))%counters
		_, err = tpm2.NVDefineSpace{
			AuthHandle: tpm2.TPMRHOwner,
			PublicInfo: tpm2.New2B(tpm2.TPMSNVPublic{
				NVIndex: tpm2.TPMHandle(index), NameAlg: tpm2.TPMAlgSHA256, DataSize: 8,
				Attributes: tpm2.TPMANV{AuthRead: true, AuthWrite: true, NT: tpm2.TPMNTCounter, NoDA: true},
			}),
		}.Execute(t.t)
		if !errors.Is(err, tpm2.TPMRCNVDefined) {
			break
		}
	}
	if err != nil {
		return 0, t.fault("make a counter", err)
	}
	if err := t.increment(index); err != nil { // it has no value before
		return 0, err
	}
	return index, nil
}

// name asks how the TPM calls the counter now.
func (t *TPM) name(index uint32) (tpm2.TPM2BName, error) {
	public, err := tpm2.NVReadPublic{NVIndex: tpm2.TPMHandle(index)}.Execute(t.t)
	if err != nil {
		return tpm2.TPM2BName{}, fault.Wrap(err, fault.Denied, "The TPM at %s does not hold this desk's counter.", t.addr)
	}
	return public.NVName, nil
}

// Read returns the counter's value.
func (t *TPM) Read(index uint32) (v uint64, err error) {
	beyond(func() { v, err = t.read(index) })
	return v, err
}

func (t *TPM) read(index uint32) (uint64, error) {
	name, err := t.name(index)
	if err != nil {
		return 0, err
	}
	r, err := tpm2.NVRead{
		AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMHandle(index), Name: name, Auth: tpm2.HMAC(tpm2.TPMAlgSHA256, 16, tpm2.Auth(nil))},
		NVIndex:    tpm2.NamedHandle{Handle: tpm2.TPMHandle(index), Name: name}, Size: 8,
	}.Execute(t.t)
	if err != nil {
		return 0, t.fault("read its counter", err)
	}
	if len(r.Data.Buffer) != 8 {
		return 0, t.fault("read its counter", errors.New("another length"))
	}
	return binary.BigEndian.Uint64(r.Data.Buffer), nil
}

// Increment raises the counter by one.
func (t *TPM) Increment(index uint32) (err error) {
	beyond(func() { err = t.increment(index) })
	return err
}

func (t *TPM) increment(index uint32) error {
	name, err := t.name(index)
	if err != nil {
		return err
	}
	_, err = tpm2.NVIncrement{
		AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMHandle(index), Name: name, Auth: tpm2.HMAC(tpm2.TPMAlgSHA256, 16, tpm2.Auth(nil))},
		NVIndex:    tpm2.NamedHandle{Handle: tpm2.TPMHandle(index), Name: name},
	}.Execute(t.t)
	if err != nil {
		return t.fault("raise its counter", err)
	}
	return nil
}

// DropCounter takes the counter out of the TPM.
func (t *TPM) DropCounter(index uint32) (err error) {
	beyond(func() { err = t.dropCounter(index) })
	return err
}

func (t *TPM) dropCounter(index uint32) error {
	name, err := t.name(index)
	if err != nil {
		return err
	}
	_, err = tpm2.NVUndefineSpace{
		AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(nil)},
		NVIndex:    tpm2.NamedHandle{Handle: tpm2.TPMHandle(index), Name: name},
	}.Execute(t.t)
	if err != nil {
		return t.fault("drop its counter", err)
	}
	return nil
}

// Counter is one counter of a TPM that is opened for each use.
type Counter struct {
	Addr  string
	Index uint32
}

// Read returns the counter's value.
func (c Counter) Read() (v uint64, err error) {
	t, err := Open(c.Addr)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	return t.Read(c.Index)
}

// Increment raises the counter by one.
func (c Counter) Increment() (err error) {
	t, err := Open(c.Addr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	return t.Increment(c.Index)
}
