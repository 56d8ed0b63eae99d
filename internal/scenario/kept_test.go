package scenario

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"hotline/internal/chain"
	"hotline/internal/custody"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/keyring"
	"hotline/internal/precedence"
	"hotline/internal/rendezvous"
	"hotline/internal/shares"
	"hotline/internal/suite"
	"hotline/internal/trust"
)

const keptFile = "../wire/testdata/vectors/kept1.json"

// kept is what stands beside a line: key slots, a root file, shares, files of
// delegates and custodians, what lies at a rendezvous, a repair, a record of a
// pairing.
type kept struct {
	Comment string `json:"comment"`
	Slots   struct {
		File       hexa           `json:"file"`
		Desk       string         `json:"desk"`
		Passphrase string         `json:"passphrase"`
		Duress     string         `json:"duress"`
		Secret     hexa           `json:"credential"`
		Shares     []hexa         `json:"shares"` // texts of two of three
		Key        hexa           `json:"key"`
		TPM        []sealedObject `json:"tpm"` // what opens the slots of that kind, in order
		Refused    []badSlots     `json:"refused"`
	} `json:"slots"`
	Root struct {
		File       hexa   `json:"file"`
		Passphrase string `json:"passphrase"`
		Shares     []hexa `json:"shares"`
		Party      hexa   `json:"party"`
		Public     hexa   `json:"public"` // with the commitment
	} `json:"root"`
	Offices    []officeFile `json:"offices"`
	Rendezvous struct {
		Code  string `json:"code"`
		Relay hexa   `json:"relay"`
		Keys  hexa   `json:"keys"`
		Step  uint8  `json:"step"`
		File  hexa   `json:"file"`
		Blob  hexa   `json:"blob"`
	} `json:"rendezvous"`
	Repair struct {
		SealSeed hexa `json:"seal_seed"`
		Message  hexa `json:"message_public"`
		Group    hexa `json:"group"`
		Sender   hexa `json:"sender"`
		Evidence hexa `json:"evidence"`
		Body     hexa `json:"body"`
		Envelope hexa `json:"envelope"`
	} `json:"repair"`
	Record struct {
		Text hexa `json:"text"`
		Desk hexa `json:"desk_public"`
	} `json:"record"`
}

// cheap are costs that a test can pay.
var (
	cheap  = keyring.Cost{KDF: keyring.PBKDF2, Time: 1000}
	cheap2 = keyring.Cost{KDF: keyring.Argon2id, Time: 1, Memory: 64, Threads: 1}
)

func makeKept(t *testing.T) (v kept) {
	t.Helper()
	v.Comment = "EXERCISE. What a desk keeps and carries beside the line; docs/spec/store.md, pairing.md and chain.md. All keys are made up and published; the costs are far below what hotline uses."
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "keys"), 0o700))
	s := &v.Slots
	s.Desk, s.Passphrase, s.Duress = "JPN-1", "EXERCISE correct horse", "EXERCISE wrong horse"
	s.Key = ok(keyring.Create(dir, s.Desk, []byte(s.Passphrase), cheap))(t)
	must(t, keyring.SetDuress(dir, []byte(s.Passphrase), []byte(s.Duress)))
	o := ok(keyring.Open(dir, []byte(s.Passphrase)))(t)
	s.TPM = addTPM(t, dir, o)
	_ = ok(keyring.AddCredential(dir, o, "hotline-jpn-1", func(b []byte) error { s.Secret = slices.Clone(b); return nil }))(t)
	_ = ok(keyring.AddRecovery(dir, o, 2, 3, func(all []shares.Share) error {
		s.Shares = []hexa{hexa(all[2].Text()), hexa(all[0].Text())}
		return nil
	}))(t)
	s.File = ok(os.ReadFile(filepath.Join(dir, "keys", "slots.json")))(t)
	s.Refused = spoil(t, s.File)

	root, _ := custody.Found(suite.One)
	v.Root.Passphrase, v.Root.Party, v.Root.Public = "EXERCISE root passphrase", root.Party[:], root.Public()
	name := filepath.Join(dir, "JPN.root")
	must(t, custody.Keep(name, []byte(v.Root.Passphrase), root, cheap2))
	v.Root.File = ok(os.ReadFile(name))(t)
	content := ok(keyring.OpenFile(name, []byte(v.Root.Passphrase), "party-root"))(t)
	all := ok(shares.Split(shares.Root, [16]byte(root.Party[:16]), content, 2, 3))(t)
	v.Root.Shares = []hexa{hexa(all[1].Text()), hexa(all[2].Text())}

	v.Offices = makeOffices(t, dir)

	r, relay := &v.Rendezvous, named("relay")
	r.Code, r.Relay, r.Step, r.File = "relay.example:7402/K7Q2M-9XT4A", relay[:], 2, hexa("EXERCISE file 2")
	k := ok(ok(rendezvous.Parse(r.Code))(t).Keys(ident.Relay(relay)))(t)
	r.Keys, r.Blob = k.Bytes(), ok(k.Seal(r.Step, r.File))(t)

	v.makeRepair(t)
	key := ok(suite.One.DeskKeyFromSeed(seed(64, "JPN-1 desk")))(t)
	said := "hotline/1 pairing record\nat: 2026-11-23T02:09:00Z\nsession: 00112233445566778899aabbccddeeff\ndesk: JPN-1 " + ident.Desk(named("JPN-1")).String() +
		"\nour party and root: JPN " + ident.Party(named("JPN")).String() + "\ntheir party and root: NATO " + ident.Party(named("NATO")).String() +
		"\nthey call themselves: NATO\nwords typed by: EXERCISE officer\nwitness: none asked for\nwrong tries before: 0\n"
	sig := base64.StdEncoding.EncodeToString(key.Sign("hotline/1/pairing-record", []byte(said)))
	said += "signed by the desk above, base64:\n"
	for line := range slices.Chunk([]byte(sig), 76) {
		said += string(line) + "\n"
	}
	v.Record.Text, v.Record.Desk = hexa(said), key.Public()
	return v
}

func (v *kept) makeRepair(t *testing.T) {
	t.Helper()
	s, r, group, desk := suite.One, &v.Repair, named("group"), named("JPN-1")
	sign := ok(s.MessageKeyFromSeed(seed(32, "JPN-1 message")))(t)
	r.SealSeed, r.Message, r.Group, r.Sender, r.Body = seed(32, "NATO-1 seal"), sign.Public(), group[:], desk[:], hexa("EXERCISE body")
	tx := ok(chain.NewSender(s, chain.Start{Group: group, Desk: desk, Parties: []ident.Party{named("JPN")}, Now: start}))(t)
	x := ok(tx.Seal(sign, chain.SealInput{Kind: envelope.Message, Precedence: precedence.Flash, Message: ident.Message(seed(16, "repair")), Body: r.Body, Expiry: start.Add(time.Hour)}))(t)
	r.Evidence = x.Evidence
	to := ok(s.ParseSealKey(r.SealSeed))(t)
	r.Envelope = ok(chain.SealRepair(s, to.Public(), precedence.Flash, start.Add(time.Hour), chain.Repair{Sender: desk, Group: group, Evidence: x.Evidence, Body: r.Body}))(t)
}

// TestKept holds that what was frozen of a desk's own files, and of what travels
// beside the line, goes on reading.
func TestKept(t *testing.T) {
	if *update {
		if os.Getenv("CI") != "" {
			t.Fatal("frozen vectors are not rewritten in CI")
		}
		out, err := json.MarshalIndent(makeKept(t), "", " ")
		must(t, err)
		must(t, os.WriteFile(keptFile, append(out, '\n'), 0o644))
	}
	var v kept
	d := json.NewDecoder(bytes.NewReader(ok(os.ReadFile(keptFile))(t)))
	d.DisallowUnknownFields()
	must(t, d.Decode(&v))
	t.Run("slots", v.slots)
	t.Run("tpm", v.tpm)
	t.Run("root", v.root)
	t.Run("offices", v.offices)
	t.Run("rendezvous", v.meet)
	t.Run("repair", v.repair)
	t.Run("record", func(t *testing.T) {
		said, err := trust.CheckRecord(suite.One, v.Record.Desk, string(v.Record.Text))
		if err != nil || !bytes.HasPrefix(v.Record.Text, []byte(said)) {
			t.Errorf("record: %v", err)
		}
	})
}

func (v kept) slots(t *testing.T) {
	dir, s := t.TempDir(), v.Slots
	must(t, os.Mkdir(filepath.Join(dir, "keys"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "keys", "slots.json"), s.File, 0o600))
	for word, duress := range map[string]bool{s.Passphrase: false, s.Duress: true} {
		if o, err := keyring.Open(dir, []byte(word)); err != nil || !bytes.Equal(o.Key, s.Key) || o.Duress() != duress {
			t.Errorf("%s: duress %t, %v", word, o.Duress(), err)
		}
	}
	o, err := keyring.Unlock(dir, keyring.Ways{Credential: func(string) ([]byte, error) { return s.Secret, nil }})
	if err != nil || !bytes.Equal(o.Key, s.Key) || o.Kind != keyring.Credential {
		t.Errorf("credential: %v", err)
	}
	if o, err := keyring.Recover(dir, parseShares(t, s.Shares)); err != nil || !bytes.Equal(o.Key, s.Key) {
		t.Errorf("recovery: %v", err)
	}
}

func parseShares(t *testing.T, texts []hexa) (all []shares.Share) {
	t.Helper()
	for _, text := range texts {
		all = append(all, ok(shares.Parse(string(text)))(t))
	}
	return all
}

func (v kept) root(t *testing.T) {
	name := filepath.Join(t.TempDir(), "JPN.root")
	must(t, os.WriteFile(name, v.Root.File, 0o600))
	k := ok(custody.Root{File: name, Passphrase: func() ([]byte, error) { return []byte(v.Root.Passphrase), nil }}.Open())(t)
	if !bytes.Equal(k.Public(), v.Root.Public) || k.Party != ident.Party(v.Root.Party) {
		t.Error("the file holds another root")
	}
	content := ok(keyring.OpenFile(name, []byte(v.Root.Passphrase), "party-root"))(t)
	if joined, err := shares.Join(parseShares(t, v.Root.Shares)); err != nil || !bytes.Equal(joined, content) {
		t.Errorf("the shares restore another root: %v", err)
	}
}

func (v kept) meet(t *testing.T) {
	r := v.Rendezvous
	k := ok(ok(rendezvous.Parse(r.Code))(t).Keys(ident.Relay(r.Relay)))(t)
	if file, err := k.Open(r.Step, r.Blob); err != nil || !bytes.Equal(file, r.File) || !bytes.Equal(k.Bytes(), r.Keys) {
		t.Errorf("blob opens as %q, %v", file, err)
	}
}

func (v kept) repair(t *testing.T) {
	r := v.Repair
	key := ok(suite.One.ParseSealKey(r.SealSeed))(t)
	got, err := chain.OpenRepair(suite.One, r.Envelope, key, func(ident.Desk) ([]byte, bool) { return r.Message, true })
	if err != nil || got.Sender != ident.Desk(r.Sender) || got.Group != ident.Group(r.Group) || !bytes.Equal(got.Evidence, r.Evidence) || !bytes.Equal(got.Body, r.Body) {
		t.Errorf("opens as %+v, %v", got, err)
	}
}
