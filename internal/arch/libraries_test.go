package arch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// library says which packages may import one module or package in production
// code. No package means tests only; any test may import it unless noTest.
type library struct {
	path    string
	only    []string // folders; none: tests only
	noTest  bool     // not even in tests
	because string
}

// libraries lists every import from outside that needs a place. A library of
// others which is not here is refused, so that a new one is a decision
// (docs/dependencies.md) and not an accident. The longest path counts.
var libraries = []library{
	{path: "crypto/hpke", only: []string{"internal/suite"}, because: "only suite does the line's cryptography"},
	{path: "crypto/mlkem", only: []string{"internal/suite"}, because: "only suite does the line's cryptography"},
	{path: "crypto/hkdf", only: []string{"internal/suite"}, because: "only suite does the line's cryptography"},
	{
		path: "crypto/cipher", only: []string{"internal/suite", "internal/keyring", "internal/store", "internal/rendezvous"},
		because: "the line's cryptography, key files, and cells",
	},
	{path: "crypto/aes", only: []string{"internal/suite", "internal/keyring", "internal/store", "internal/rendezvous"}, because: "as crypto/cipher"},
	{path: "crypto/ecdh", because: "only suite does the line's cryptography, and through HPKE"},
	{path: "crypto/md5", noTest: true, because: "broken"},
	{path: "crypto/sha1", noTest: true, because: "broken"},
	{path: "crypto/rc4", noTest: true, because: "broken"},
	{path: "crypto/des", noTest: true, because: "broken"},
	{path: "rsc.io/qr", only: []string{"internal/qrcode"}, because: "a door draws what it is given"},
	{path: "filippo.io/mldsa", only: []string{"internal/suite"}, because: "only suite does the line's cryptography"},
	{path: "github.com/fxamacker/cbor/v2", only: []string{"internal/wire"}, because: "one strict reader of message bodies"},
	{path: "github.com/klauspost/compress", only: []string{"internal/pack"}, because: "one place inflates, behind one limit"},
	{
		path: "github.com/ncruces/go-sqlite3", only: []string{"internal/store", "internal/spool/sqlitespool"},
		because: "the desk's store and the relay's spool know SQL",
	},
	{path: "lukechampine.com/adiantum", only: []string{"internal/store"}, because: "the store alone encrypts pages"},
	{path: "golang.org/x/crypto/argon2", only: []string{"internal/keyring", "internal/console"}, because: "key slots and officers' passwords"},
	{path: "github.com/google/go-tpm", only: []string{"internal/tpm"}, because: "one place talks to the TPM"},
	{path: "github.com/alexedwards/scs/v2", only: []string{"internal/console"}, because: "browser sessions live in the console"},
	{path: "github.com/pelletier/go-toml/v2", only: []string{"internal/config"}, because: "one strict reader of configuration"},
	{path: "github.com/spf13/cobra", only: []string{"cmd/hotline"}, because: "commands are in the command"},
	{path: "github.com/schollz/progressbar/v3", only: []string{"cmd/hotline"}, because: "progress is for people at a terminal"},
	{path: "golang.org/x/term", only: []string{"cmd/hotline"}, because: "a passphrase is asked for at a terminal"},
	{path: "golang.org/x/mod/sumdb", only: []string{"internal/checkpoint"}, because: "one place knows the arithmetic of the journal's tree"},
	{path: "golang.org/x/sys", only: []string{"internal/blob", "internal/link", "internal/store", "internal/api"}, because: "disk space, socket options, file locks, peer credentials"},

	{path: "github.com/google/go-cmp", because: "comparisons in tests"},
	{path: "github.com/rogpeppe/go-internal", because: "command scripts in tests"},
	{path: "pgregory.net/rapid", because: "properties in tests"},

	{path: "github.com/spf13/pflag", because: "the manual is generated from the flags"},
	{path: "math/rand/v2", only: []string{"internal/emulate"}, because: "an emulated link loses by a seed, the same each time; all else takes crypto/rand"},
	{path: "math/rand", because: "keys, ids and nonces come from crypto/rand"},
	{path: "net/http/pprof", noTest: true, because: "a heap profile holds keys"},
	{path: "expvar", noTest: true, because: "it opens a page on every server"},
	{path: "C", noTest: true, because: "the binary is built without cgo"},
}

// within reports whether import path p is of module or package prefix.
func within(p, prefix string) bool {
	rest, ok := strings.CutPrefix(p, prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// find returns the row with the longest path that p is within.
func find(p string) (best library, ok bool) {
	for _, l := range libraries {
		if within(p, l.path) && len(l.path) > len(best.path) {
			best, ok = l, true
		}
	}
	return best, ok
}

// checkLibraries returns every import of a library outside its place.
func checkLibraries(tr *tree) (findings []string) {
	for _, dir := range tr.dirs() {
		p := tr.pkgs[dir]
		for _, f := range p.files {
			for _, imported := range f.imports {
				if why := refuseLibrary(dir, imported, f.test || floors[dir] == tests); why != "" {
					findings = append(findings, fmt.Sprintf("%s imports %s: %s", p.where(&f), imported, why))
				}
			}
		}
	}
	return findings
}

// refuseLibrary says why a file of package dir may not import p, or nothing.
func refuseLibrary(dir, p string, test bool) string {
	l, ok := find(p)
	first, _, _ := strings.Cut(p, "/")
	switch {
	case !ok && strings.Contains(first, "."):
		return "a library of others needs a row in internal/arch/libraries_test.go and in docs/dependencies.md"
	case !ok, test && !l.noTest, slices.Contains(l.only, dir):
		return ""
	case len(l.only) == 0 && l.noTest:
		return "never: " + l.because
	case len(l.only) == 0:
		return "in tests only: " + l.because
	}
	return fmt.Sprintf("only %s may: %s", strings.Join(l.only, ", "), l.because)
}

func TestLibraries(t *testing.T) { report(t, checkLibraries(loadModule(t))) }
