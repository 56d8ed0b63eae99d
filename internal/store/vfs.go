package store

import (
	"crypto/rand"
	"fmt"
	"sync/atomic"

	"github.com/ncruces/go-sqlite3/vfs"
	"github.com/ncruces/go-sqlite3/vfs/adiantum"
	cipher "lukechampine.com/adiantum"
	"lukechampine.com/adiantum/hbsh"
)

// holder gives the encrypting VFS its key. Each store has a VFS of its own, so
// that the key stands in no file name, no PRAGMA and no statement text.
type holder struct{ key [32]byte }

// HBSH implements [adiantum.HBSHCreator]; the key that it is given is ignored.
func (h *holder) HBSH([]byte) *hbsh.HBSH { return cipher.New(h.key[:]) }

// KDF implements [adiantum.HBSHCreator]. It serves temporary files, which
// temp_store=memory rules out; a random key keeps even those unreadable.
func (*holder) KDF(string) []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return key
}

// String returns a placeholder, so that %v is safe.
func (*holder) String() string { return "holder(redacted)" }

// names numbers the VFSes of this process.
var names atomic.Int64

// register makes a VFS that encrypts base's files under key, and returns its
// name and what to call when no connection uses it any more.
func register(base string, key []byte) (name string, unregister func(), err error) {
	under := vfs.Find(base)
	if under == nil {
		return "", nil, fmt.Errorf("find VFS %q: not registered", base)
	}
	h := new(holder)
	copy(h.key[:], key)
	name = fmt.Sprintf("hotline-%d", names.Add(1))
	vfs.Register(name, adiantum.Wrap(room{under}, h))
	return name, func() {
		vfs.Unregister(name)
		clear(h.key[:])
	}, nil
}
