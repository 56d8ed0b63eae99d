package journal_test

import (
	"errors"
	"strings"
	"testing"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/complaint"
	"hotline/internal/envelope"
	"hotline/internal/evidence"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/journal"
	"hotline/internal/marking"
	"hotline/internal/octets"
	"hotline/internal/precedence"
	"hotline/internal/store"
	"hotline/internal/suite"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

// signedBody is a message as the exchange keeps it in a proof.
func signedBody(ev, body []byte) []byte {
	var w octets.Writer
	w.Var16(ev)
	w.Var32(body)
	return w.Bytes()
}

// TestExportConvictsTheForger: what the desk kept of a peer that signed two
// histories convicts it in the exported file, offline.
func TestExportConvictsTheForger(t *testing.T) {
	d := newDesk(t)
	d.send(t, 2)
	honest := d.newSender(t, d.nato)
	forged := honest.Clone()
	seal := func(m *chain.Sender, subject string) ([]byte, []byte) {
		msg := wire.Message{
			Kind: traffic.Informal, Status: traffic.Exercise, Exercise: "X", Serial: "NATO-1/0001", Composed: 1, Subject: subject,
			Label: wire.Label{Classification: marking.Unclassified, TLP: marking.TLPClear, PAP: marking.PAPClear, Any: true},
		}
		body, err := msg.Encode()
		if err != nil {
			t.Fatal(err)
		}
		x, err := m.Seal(d.nato.message, chain.SealInput{Kind: envelope.Message, Precedence: precedence.Routine, Message: ident.NewMessage(), Body: body, Expiry: start})
		if err != nil {
			t.Fatal(err)
		}
		return x.Evidence, body
	}
	attest := func(m *chain.Sender) []byte {
		n, running := m.Last(precedence.Routine)
		return checkpoint.Attestation{Sender: d.nato.cert.ID(d.Suite), Group: d.group, Generation: m.Generation(), Commitment: m.Commitment(), Time: start,
			Lanes: []checkpoint.Lane{{Last: n, Running: running}}}.Sign(d.Suite, d.nato.key).Bytes(d.Suite)
	}
	a, b := signedBody(seal(honest, "EXERCISE one")), signedBody(seal(forged, "EXERCISE another"))
	put := func(kind string, a, b []byte) {
		d.update(t, func(tx *store.Tx) error {
			_, err := tx.PutProof(store.Proof{At: start, Line: d.line, Sender: d.nato.cert.ID(d.Suite), Kind: kind, Verdict: "sender", Text: kind, A: a, B: b})
			return err
		})
	}
	put("history-conflict", a, b)
	put("attestation-conflict", attest(honest), attest(forged))
	put("noise", []byte("EXERCISE noise"), nil) // convicts nobody and stays out
	file, left, err := d.Export(t.Context(), d.line)
	if err != nil || left != (journal.Left{}) {
		t.Fatalf("Export: %+v left out, %v", left, err)
	}
	r, err := evidence.Check(file, []ident.Party{d.Party, d.nato.cert.Party})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, f := range r.Findings {
		kinds[f.Kind] = f.Name == "NATO-1"
	}
	if !kinds["place"] || !kinds["attestation"] || len(kinds) != 2 {
		t.Errorf("findings %+v", r.Findings)
	}
	if len(r.Messages) != 4 || r.Messages[0].Party != "JPN" || !r.Messages[0].Journalled {
		t.Errorf("messages %+v", r.Messages)
	}
}

// TestMarkingKeepsMessagesOutOfFiles: what may not leave is left out and
// counted, and is not proved by itself.
func TestMarkingKeepsMessagesOutOfFiles(t *testing.T) {
	d := newDesk(t)
	d.send(t, 3)
	red := errors.New("red")
	d.MayLeave = func(*wire.Message) error { return red }
	file, left, err := d.Export(t.Context(), d.line)
	if err != nil || left != (journal.Left{Marking: 3}) || strings.Contains(string(file), d.last.String()) {
		t.Errorf("Export: %+v left out, %v", left, err)
	}
	if _, err := d.Prove(t.Context(), d.last); !errors.Is(err, red) {
		t.Errorf("Prove: %v", err)
	}
	if _, err := d.NonAnswer(t.Context(), d.last, d.nato.cert.Party, true); !errors.Is(err, red) {
		t.Errorf("NonAnswer with its text: %v", err)
	}
}

func TestRefusalsHaveSentences(t *testing.T) {
	d := newDesk(t)
	d.send(t, 1)
	for name, ask := range map[string]func() error{
		"an unknown line":           func() error { _, _, err := d.Export(t.Context(), ident.Line{7}); return err },
		"an unknown message":        func() error { _, err := d.Prove(t.Context(), ident.Message{7}); return err },
		"silence about the unknown": func() error { _, err := d.NonAnswer(t.Context(), ident.Message{7}, d.Party, false); return err },
		"silence nobody asked for":  func() error { _, err := d.NonAnswer(t.Context(), d.last, d.nato.cert.Party, false); return err },
	} {
		if k, msg, _ := fault.Visible(ask()); k == fault.Internal || msg == "" {
			t.Errorf("%s: %v", name, ask())
		}
	}
	d.send(t, 1)
	d.change(t, "UPDATE journal SET at = at + 1 WHERE seq = 3")
	if _, err := d.Prove(t.Context(), d.last); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("a damaged record proves: %v", err)
	}
}

// TestExportHoldsComplaints: what this desk and others said of slices that they
// refused is in the file, each with what it is worth.
func TestExportHoldsComplaints(t *testing.T) {
	d := newDesk(t)
	d.send(t, 1)
	sender, seal := d.newSender(t, d.nato), suite.One.NewSealKey()
	env, err := sender.SliceFor(d.nato.message, chain.SliceInput{
		Desk: d.Desk, Party: d.Party, SealPublic: seal.Public(), SealNumber: 1, Precedence: precedence.Flash, Expiry: start, Now: start,
	})
	if err != nil {
		t.Fatal(err)
	}
	to := chain.Recipient{Desk: d.Desk, Party: d.Party, Key: seal, SealNumber: 1}
	_, sl, err := chain.OpenSlice(d.Suite, env, to, func(ident.Desk) ([]byte, bool) { return d.nato.message.Public(), true }, start)
	if err != nil {
		t.Fatal(err)
	}
	nato := d.nato.cert.ID(d.Suite)
	attested := checkpoint.Attestation{Sender: nato, Group: d.group, Generation: sl.Generation, Commitment: [48]byte{1}, Time: start}.Sign(d.Suite, d.nato.key)
	put := func(kind complaint.Kind, beside []byte, spoil bool) {
		x := complaint.Complaint{
			By: d.Desk, About: nato, Line: d.line, Parties: []ident.Party{d.Party, d.nato.cert.Party}, Generation: sl.Generation, Kind: kind, Time: start,
			Slice: sl.Proof, Beside: beside,
		}.Sign(d.Suite, d.key)
		row := store.Complaint{At: start, Line: d.line, By: x.By, About: x.About, Group: d.group, Generation: sl.Generation, Kind: uint8(kind), Bytes: x.Bytes(d.Suite)}
		if spoil {
			row.Bytes[len(row.Bytes)-1] ^= 1
		}
		d.update(t, func(tx *store.Tx) error {
			added, err := tx.PutComplaint(row)
			again, _ := tx.PutComplaint(row)
			if !added || again {
				t.Errorf("complaint of kind %d: added %v, and again %v", kind, added, again)
			}
			return err
		})
	}
	put(complaint.Garbage, nil, false)
	put(complaint.TwoKeys, sl.Proof, true) // the disk flipped a bit: it stays out
	put(complaint.Unattested, attested.Bytes(d.Suite), false)
	file, _, err := d.Export(t.Context(), d.line)
	if err != nil {
		t.Fatal(err)
	}
	r, err := evidence.Check(file, []ident.Party{d.Party, d.nato.cert.Party})
	if err != nil || len(r.Complaints) != 2 {
		t.Fatalf("%d complaints in the file, %v", len(r.Complaints), err)
	}
	if proof, word := r.Complaints[0], r.Complaints[1]; !proof.Proven || word.Proven || word.By != "JPN-1" || word.About != "NATO-1" {
		t.Errorf("complaints %+v", r.Complaints)
	}
	if len(r.Findings) != 1 || r.Findings[0].Name != "NATO-1" || r.Findings[0].Kind != "key" {
		t.Errorf("findings %+v", r.Findings)
	}
}

// slice is a slice of a desk's key, as it is signed, made out to any 32 bytes.
func (d *desk) slice(t *testing.T, p person, to ident.Desk) chain.Slice {
	t.Helper()
	seal := suite.One.NewSealKey()
	env, err := d.newSender(t, p).SliceFor(p.message, chain.SliceInput{Desk: to, Party: d.Party, SealPublic: seal.Public(), SealNumber: 1, Precedence: precedence.Flash, Expiry: start, Now: start})
	if err != nil {
		t.Fatal(err)
	}
	key := func(ident.Desk) ([]byte, bool) { return p.message.Public(), true }
	_, sl, err := chain.OpenSlice(d.Suite, env, chain.Recipient{Desk: to, Party: d.Party, Key: seal, SealNumber: 1}, key, start)
	if err != nil {
		t.Fatal(err)
	}
	return sl
}

// unattested is a complaint that convicts a person's desk by a slice and an
// attestation that contradicts it.
func (d *desk) unattested(t *testing.T, about person, to ident.Desk, edit func(x *complaint.Complaint)) store.Complaint {
	t.Helper()
	sl := d.slice(t, about, to)
	attested := checkpoint.Attestation{Sender: sl.Sender, Group: sl.Group, Generation: sl.Generation, Commitment: [48]byte{1}, Time: start}.Sign(d.Suite, about.key)
	x := complaint.Complaint{
		By: d.Desk, About: sl.Sender, Line: d.line, Parties: []ident.Party{d.Party, about.cert.Party}, Generation: sl.Generation, Kind: complaint.Unattested, Time: start,
		Slice: sl.Proof, Beside: attested.Bytes(d.Suite),
	}
	if edit != nil {
		edit(&x)
	}
	x = x.Sign(d.Suite, d.key)
	return store.Complaint{At: start, Line: d.line, By: x.By, About: x.About, Group: d.group, Generation: x.Generation, Kind: uint8(x.Kind), Bytes: x.Bytes(d.Suite)}
}

// TestNoComplaintCostsTheFile: what desks say to each other in complaints keeps
// nobody from showing what it has: what a reader would refuse is left out.
func TestNoComplaintCostsTheFile(t *testing.T) {
	for name, tt := range map[string]struct {
		complaint func(d *desk) store.Complaint
		in        int
	}{
		"of a slice that is made out to no desk at all": {func(d *desk) store.Complaint { return d.unattested(t, d.nato, ident.Desk{9, 9}, nil) }, 1},
		"about a desk that was added on another line alone": {func(d *desk) store.Complaint {
			second := newDeskOf(t, d.nato.name, d.nato.root, ident.Line{7})
			d.update(t, func(tx *store.Tx) error {
				_, err := tx.PutStatement(second.added.ID(d.Suite), d.nato.cert.Party, ident.Line{7}, second.added.Bytes())
				return err
			})
			return d.unattested(t, second, d.Desk, nil)
		}, 0},
		"with a stranger in its audience": {func(d *desk) store.Complaint {
			return d.unattested(t, d.nato, d.Desk, func(x *complaint.Complaint) { x.Parties = append(x.Parties, ident.Party{0xff}) })
		}, 0},
		"of another line": {func(d *desk) store.Complaint {
			return d.unattested(t, d.nato, d.Desk, func(x *complaint.Complaint) { x.Line = ident.Line{7} })
		}, 0},
	} {
		d := newDesk(t)
		d.send(t, 1)
		row := tt.complaint(d)
		d.update(t, func(tx *store.Tx) error { _, err := tx.PutComplaint(row); return err })
		file, _, err := d.Export(t.Context(), d.line)
		if err != nil {
			t.Errorf("a complaint %s: %v", name, err)
			continue
		}
		r, err := evidence.Check(file, nil)
		if err != nil || len(r.Complaints) != tt.in || len(r.Findings) != tt.in || len(r.Messages) != 1 {
			t.Errorf("a complaint %s: %d complaints, %d findings, %d messages in the file, %v", name, len(r.Complaints), len(r.Findings), len(r.Messages), err)
		}
	}
}

// TestFloodOfComplaintsKeepsNoProofOut: however much desks say, what convicts one
// of them is in the file.
func TestFloodOfComplaintsKeepsNoProofOut(t *testing.T) {
	d := newDesk(t)
	d.send(t, 1)
	row := d.unattested(t, d.nato, d.Desk, nil)
	d.update(t, func(tx *store.Tx) error {
		_, err := tx.PutComplaint(row)
		for n := range 2000 {
			flood := store.Complaint{At: start, Line: d.line, By: row.About, About: d.Desk, Generation: [16]byte{byte(n), byte(n >> 8)}, Kind: uint8(complaint.Garbage), Bytes: []byte("EXERCISE")}
			_, put := tx.PutComplaint(flood)
			err = errors.Join(err, put)
		}
		return err
	})
	file, _, err := d.Export(t.Context(), d.line)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := evidence.Check(file, nil); err != nil || len(r.Findings) != 1 {
		t.Errorf("findings %+v, %v", r.Findings, err)
	}
}
