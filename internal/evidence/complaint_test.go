package evidence_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"hotline/internal/complaint"
	"hotline/internal/evidence"
	"hotline/internal/ident"
	"hotline/internal/suite"
)

// secondSlice is a slice of the desk's key with another commitment, signed as well.
func (d *desk) secondSlice(at time.Time) []byte {
	signed, to := slices.Clone(d.slice(at)), d.other()
	statement := signed[40 : 40+221]
	statement[0] ^= 1
	return append(signed[:40+221], d.message.Sign("hotline/1/slice", to.id[:], binary.BigEndian.AppendUint64(nil, 1), statement)...)
}

// sliceTo is the same, made out to any 32 bytes.
func (d *desk) sliceTo(to ident.Desk, at time.Time) []byte {
	signed := d.secondSlice(at)
	copy(signed, to[:])
	return append(signed[:40+221], d.message.Sign("hotline/1/slice", to[:], binary.BigEndian.AppendUint64(nil, 1), signed[40:40+221])...)
}

// complains is NATO's complaint about a slice of JPN's.
func (sc *scene) complains(kind complaint.Kind, slice, beside []byte) []byte {
	x := complaint.Complaint{
		By: sc.nato.id, About: sc.jpn.id, Line: sc.line, Parties: []ident.Party{sc.jpn.party, sc.nato.party}, Generation: sc.jpn.sender.Generation(),
		Kind: kind, Time: start, Slice: slice, Beside: beside,
	}.Sign(sc.s, sc.nato.key)
	return x.Bytes(sc.s)
}

// TestComplaintsInAFile: a complaint stands in a file as its desk's word; what
// it proves convicts, with nothing else in the file.
func TestComplaintsInAFile(t *testing.T) {
	for _, s := range []suite.Suite{suite.One, suite.Two} {
		sc := newScene(t, s)
		f := sc.file(evidence.Transcript, sc.jpn)
		f.Complaints = [][]byte{sc.complains(complaint.Garbage, sc.jpn.slice(start), nil)}
		r := check(t, sc.bytes(f, sc.jpn))
		if len(r.Findings) != 0 || len(r.Complaints) != 1 || r.Complaints[0].Proven || !strings.HasPrefix(r.Complaints[0].Text, "NATO-1 says") {
			t.Errorf("suite %d: a word: %+v, findings %+v", s.ID(), r.Complaints, r.Findings)
		}
		attested := sc.jpn.attests(ident.Party{}, start).Bytes(s)
		for _, b := range [][]byte{
			sc.complains(complaint.TwoKeys, sc.jpn.slice(start), sc.jpn.secondSlice(start)),
			sc.complains(complaint.Unattested, sc.jpn.secondSlice(start), attested),
			sc.complains(complaint.Unattested, sc.jpn.sliceTo(ident.Desk{9, 9}, start), attested),
		} {
			f := sc.file(evidence.Conviction, sc.nato)
			f.Complaints = [][]byte{b}
			r := check(t, sc.bytes(f, sc.nato))
			if len(r.Findings) != 1 || r.Findings[0].Kind != "key" || r.Findings[0].Name != "JPN-1" || !r.Complaints[0].Proven {
				t.Errorf("suite %d: %+v, findings %+v", s.ID(), r.Complaints, r.Findings)
			}
		}
	}
}

// TestComplaintsInAFileAreHeldUp: each in a file whose maker changed it and
// signed again; both checkers refuse it.
func TestComplaintsInAFileAreHeldUp(t *testing.T) {
	sc, other := newScene(t, suite.One), newScene(t, suite.One)
	good := sc.complains(complaint.TwoKeys, sc.jpn.slice(start), sc.jpn.secondSlice(start))
	strange := complaint.Complaint{
		By: sc.nato.id, About: sc.jpn.id, Line: sc.line, Parties: []ident.Party{sc.jpn.party, sc.nato.party, {0xff}}, Generation: sc.jpn.sender.Generation(),
		Kind: complaint.Garbage, Time: start, Slice: sc.jpn.slice(start),
	}.Sign(sc.s, sc.nato.key)
	bad := map[string][]byte{
		"of another line":            other.complains(complaint.Garbage, other.jpn.slice(start), nil),
		"with a stranger":            strange.Bytes(sc.s),
		"of two slices of one key":   sc.complains(complaint.TwoKeys, sc.jpn.slice(start), sc.jpn.slice(start.Add(time.Second))),
		"of what is attested":        sc.complains(complaint.Unattested, sc.jpn.slice(start), sc.jpn.attests(ident.Party{}, start).Bytes(sc.s)),
		"of an attestation by noise": sc.complains(complaint.Unattested, sc.jpn.secondSlice(start), append(slices.Clone(sc.jpn.attests(ident.Party{}, start).Bytes(sc.s))[:300], make([]byte, 3373)...)),
		"that is somebody's slice":   sc.complains(complaint.Astray, sc.jpn.slice(start), nil),
		"cut short":                  good[:500],
	}
	for i := 0; i < len(good); i += len(good) / 9 {
		flipped := slices.Clone(good)
		flipped[i] ^= 1
		bad["with byte "+string(rune('0'+i*9/len(good)))+" of nine flipped"] = flipped
	}
	for name, b := range bad {
		f := sc.file(evidence.Transcript, sc.jpn)
		f.Complaints = [][]byte{b}
		refused(t, sc.bytes(f, sc.jpn), "complaints[0]")
		if t.Failed() {
			t.Fatalf("a complaint %s is taken", name)
		}
	}
	needNode(t)
	for name, b := range bad {
		f := sc.file(evidence.Transcript, sc.jpn)
		f.Complaints = [][]byte{b}
		if out, err := second(t, sc.bytes(f, sc.jpn)); err == nil {
			t.Errorf("the second checker takes a complaint %s: %s", name, out)
		}
	}
	for want, b := range map[string][]byte{
		"CONVICTS: desk JPN-1":                         good,
		"CONVICTS: desk JPN-1 signed":                  sc.complains(complaint.Unattested, sc.jpn.sliceTo(ident.Desk{9, 9}, start), sc.jpn.attests(ident.Party{}, start).Bytes(sc.s)),
		"another sending key than it attests (proven)": sc.complains(complaint.Unattested, sc.jpn.secondSlice(start), sc.jpn.attests(ident.Party{}, start).Bytes(sc.s)),
		"is not the one signed for (its word":          sc.complains(complaint.Garbage, sc.jpn.slice(start), nil),
	} {
		f := sc.file(evidence.Transcript, sc.nato)
		f.Complaints = [][]byte{b}
		file := sc.bytes(f, sc.nato)
		check(t, file)
		if out, err := second(t, file); err != nil || !strings.Contains(out, want) {
			t.Errorf("second checker, want %q: %v: %s", want, err, out)
		}
	}
}
