package scenario

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hotline/internal/custody"
	"hotline/internal/keyring"
	"hotline/internal/roster"
	"hotline/internal/suite"
	"hotline/internal/tpm"
	"hotline/internal/trust"
)

// sealedObject is what a TPM made of a secret, and what it asked for.
type sealedObject struct {
	PCRs    []int  `json:"pcrs"`
	Values  hexa   `json:"pcr_values"` // of these registers, one behind the other, when it was made
	PIN     string `json:"pin"`
	Public  hexa   `json:"public"`
	Private hexa   `json:"private"`
	Secret  hexa   `json:"secret"`
}

// badSlots is a slots.json that nobody opens anything with.
type badSlots struct {
	Note string `json:"note"`
	File hexa   `json:"file"`
}

// officeFile is the key file of a delegate or a custodian.
type officeFile struct {
	Suite      uint8  `json:"suite"`
	Purpose    string `json:"purpose"`
	Passphrase string `json:"passphrase"`
	File       hexa   `json:"file"`
	Name       string `json:"name"`
	Party      hexa   `json:"party"`
	Root       hexa   `json:"root"` // public, with the commitment where there is one
	Public     hexa   `json:"public"`
}

// counterAt is where the TPM counts the starts of the desk in the vectors.
const counterAt = 0x01c10203

// software starts a software TPM. Vectors are made with one: what is sealed has
// the form that TPMs give it.
func software(t *testing.T) *tpm.TPM {
	t.Helper()
	dir := ok(os.MkdirTemp("", "tpm"))(t) // a socket's path is short
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	addr := filepath.Join(dir, "s")
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "swtpm", "socket", "--tpm2", "--tpmstate", "dir="+dir,
		"--server", "type=unixio,path="+addr, "--ctrl", "type=unixio,path="+addr+".ctrl", "--flags", "not-need-init,startup-clear")
	must(t, cmd.Start())
	t.Cleanup(func() { stop(); _ = cmd.Wait() })
	for range 500 {
		if c, err := (&net.Dialer{}).DialContext(ctx, "unix", addr+".ctrl"); err == nil {
			_ = c.Close() // nothing was said
			if x, err := tpm.Open(addr); err == nil {
				t.Cleanup(func() { _ = x.Close() })
				return x
			}
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatal("swtpm does not listen")
	return nil
}

// overheard is a TPM that notes what it is given to seal.
type overheard struct {
	*tpm.TPM
	all []sealedObject
}

func (o *overheard) Seal(secret, pin []byte, pcrs []int) (public, private []byte, err error) {
	public, private, err = o.TPM.Seal(secret, pin, pcrs)
	o.all = append(o.all, sealedObject{pcrs, make([]byte, 32*len(pcrs)), string(pin), public, private, slices.Clone(secret)})
	return public, private, err
}

// addTPM adds a slot that the TPM alone opens, and one with registers and a PIN.
func addTPM(t *testing.T, dir string, o keyring.Opened) []sealedObject {
	t.Helper()
	x := &overheard{TPM: software(t)}
	_ = ok(keyring.AddTPM(dir, o, x, nil, nil))(t)
	_ = ok(keyring.AddTPM(dir, o, x, []byte("271828"), []int{11, 7}))(t)
	must(t, keyring.SetCounter(dir, counterAt))
	return x.all
}

// spoil changes what a slot of a TPM says of its object.
func spoil(t *testing.T, file []byte) (all []badSlots) {
	t.Helper()
	change := func(note, old, fresh string) {
		t.Helper()
		if strings.Count(string(file), old) != 1 {
			t.Fatalf("%s: %q stands in the file %d times", note, old, strings.Count(string(file), old))
		}
		all = append(all, badSlots{note, bytes.Replace(file, []byte(old), []byte(fresh), 1)})
	}
	registers := "[\n          7,\n          11\n        ]"
	change("registers in another order", registers, "[\n          11,\n          7\n        ]")
	change("a register twice", registers, "[\n          7,\n          7\n        ]")
	change("a register that there is not", registers, "[\n          7,\n          24\n        ]")
	change("registers that are not said", `"pcrs": []`, `"pcrs": null`)
	change("a PIN that is neither asked for nor not", `"pin": true`, `"pin": 1`)
	change("another spelling", `"pcrs": []`, `"pcrs":[]`)
	change("a field that nobody knows", `"pin": true`, "\"pin\": true,\n        \"owner\": \"\"")
	change("a slot of a kind that nobody knows", `"kind": "credential"`, `"kind": "enclave"`)
	object := func(field string, b []byte) (string, string) {
		at := strings.Index(string(file), `"`+field+`": "`)
		end := strings.Index(string(file[at:]), "\",\n")
		return string(file[at : at+end+2]), `"` + field + `": "` + string(b) + `",`
	}
	old, fresh := object("public", nil)
	change("no public part", old, fresh)
	old, fresh = object("private", bytes.Repeat([]byte("AAAA"), 342)) // 1,026 bytes
	change("a private part beyond any TPM's", old, fresh)
	at := bytes.Index(file, []byte(",\n      \"wrapped\""))
	end := bytes.Index(file[at:], []byte("\n    }"))
	change("a wrapped key that is left out", string(file[at:at+end]), "")
	return all
}

// replayed is the TPM of the vectors.
type replayed []sealedObject

func (r replayed) Seal([]byte, []byte, []int) (public, private []byte, err error) {
	return nil, nil, errors.New("this one only opens")
}

func (r replayed) Unseal(public, private, pin []byte, pcrs []int) ([]byte, error) {
	for _, o := range r {
		if bytes.Equal(o.Public, public) && bytes.Equal(o.Private, private) && o.PIN == string(pin) && slices.Equal(o.PCRs, pcrs) {
			return slices.Clone(o.Secret), nil
		}
	}
	return nil, errors.New("not sealed here")
}

// tpm opens each slot of a TPM, and refuses files that say something else of one.
func (v kept) tpm(t *testing.T) {
	dir, s := t.TempDir(), v.Slots
	name := filepath.Join(dir, "keys", "slots.json")
	must(t, os.Mkdir(filepath.Dir(name), 0o700))
	must(t, os.WriteFile(name, s.File, 0o600))
	if at := ok(keyring.Counter(dir))(t); at != counterAt {
		t.Errorf("the counter is at %x", at)
	}
	for i, object := range s.TPM {
		ways := keyring.Ways{
			TPM: func() (keyring.Sealer, error) { return replayed{object}, nil },
			PIN: func() ([]byte, error) { return []byte(object.PIN), nil },
		}
		o, err := keyring.Unlock(dir, ways)
		if err != nil || !bytes.Equal(o.Key, s.Key) || o.Kind != keyring.TPM || o.Slot != i+2 {
			t.Errorf("object %d opens slot %d (%s), %v", i, o.Slot, o.Kind, err)
		}
		changed := object
		changed.Secret = slices.Clone(object.Secret)
		changed.Secret[31] ^= 1
		ways.TPM = func() (keyring.Sealer, error) { return replayed{changed}, nil }
		if _, err := keyring.Unlock(dir, ways); err == nil {
			t.Errorf("object %d opens with another secret", i)
		}
	}
	for _, bad := range s.Refused {
		must(t, os.WriteFile(name, bad.File, 0o600))
		if _, err := keyring.Open(dir, []byte(s.Passphrase)); !errors.Is(err, keyring.ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", bad.Note, err)
		}
	}
}

// officeOf says whose key a file of each purpose holds.
var officeOf = map[string]roster.Office{trust.PurposeDelegate: roster.Delegate, trust.PurposeCustodian: roster.Custodian}

// makeOffices seals a delegate's and a custodian's key of each suite.
func makeOffices(t *testing.T, dir string) (all []officeFile) {
	t.Helper()
	for _, s := range []suite.Suite{suite.One, suite.Two} {
		root, _ := custody.Found(s)
		for purpose, office := range officeOf {
			f := officeFile{Suite: s.ID(), Purpose: purpose, Passphrase: "EXERCISE passphrase of a " + office.String(), Name: "EXERCISE " + office.String(), Party: root.Party[:], Root: root.Public()}
			key := s.NewDeskKey()
			f.Public = key.Public()
			w := ok(roster.NewWarrant(s, root, roster.Warrant{Party: root.Party, Office: office, Name: f.Name, Public: f.Public}))(t)
			name := filepath.Join(dir, fmt.Sprint(purpose, s.ID()))
			must(t, keyring.SealFile(name, []byte(f.Passphrase), purpose, trust.Delegate{Name: f.Name, Seed: key.Seed(), Warrant: w.Bytes()}.Bytes(), cheap))
			f.File = ok(os.ReadFile(name))(t)
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b officeFile) int {
		return cmp.Or(cmp.Compare(a.Suite, b.Suite), strings.Compare(a.Purpose, b.Purpose))
	})
	return all
}

// offices opens each file with its passphrase, for its purpose alone, and signs
// with what is in it.
func (v kept) offices(t *testing.T) {
	for _, f := range v.Offices {
		name := filepath.Join(t.TempDir(), "key")
		must(t, os.WriteFile(name, f.File, 0o600))
		for _, purpose := range []string{trust.PurposeDelegate, trust.PurposeCustodian, "party-root"} {
			content, err := keyring.OpenFile(name, []byte(f.Passphrase), purpose)
			if purpose != f.Purpose {
				if !errors.Is(err, keyring.ErrFormat) {
					t.Errorf("a file of purpose %s opens as %s: %v", f.Purpose, purpose, err)
				}
				continue
			}
			must(t, err)
			f.read(t, content)
		}
	}
}

func (f officeFile) read(t *testing.T, content []byte) {
	t.Helper()
	s := ok(suite.ByID(f.Suite))(t)
	d := ok(trust.ParseDelegate(content))(t)
	w := ok(roster.ParseWarrant(d.Warrant))(t)
	key := ok(s.DeskKeyFromSeed(d.Seed))(t)
	if !bytes.Equal(key.Public(), f.Public) || !bytes.Equal(w.Public, f.Public) || d.Name != f.Name || w.Name != f.Name || !bytes.Equal(w.Party[:], f.Party) || w.Suite != f.Suite {
		t.Errorf("%s of suite %d holds another key, or another name", f.Purpose, f.Suite)
	}
	set, err := roster.NewSet(s, [32]byte{}, []roster.Member{{Party: [32]byte(f.Party), Root: f.Root}})
	must(t, err)
	if err := set.CheckWarrant(w, w.Party, officeOf[f.Purpose]); err != nil {
		t.Errorf("%s of suite %d: %v", f.Purpose, f.Suite, err)
	}
}
