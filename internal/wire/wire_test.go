package wire

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/marking"
	"hotline/internal/precedence"
	"hotline/internal/suite"
	"hotline/internal/traffic"
)

func party(b byte) (p ident.Party) { return ident.Party(bytes.Repeat([]byte{b}, len(p))) }

func h32(b byte) (h [32]byte) { return [32]byte(bytes.Repeat([]byte{b}, len(h))) }

var composed = time.Date(2026, 11, 23, 2, 9, 0, 0, time.UTC).UnixMilli()

// alert is a FLASH with everything in it. Tests change what they need.
func alert() *Message {
	return &Message{
		Kind: traffic.Alert, Status: traffic.Exercise, Exercise: "EXERCISE FIRST LIGHT", Precedence: precedence.Flash,
		Serial: "JPN-1/0412", Composed: composed, Role: "watch officer",
		Action: []ident.Party{party(2)}, Info: []ident.Party{party(3)}, References: []string{"JPN-1/0411", "NATO-1/0088"},
		ReplyTo: ident.Message{9: 7}, AckWanted: traffic.AckReceipt, AckDue: 600,
		Label: Label{
			Classification: marking.Classification{Policy: "NATO", Level: "NATO RESTRICTED"},
			TLP:            marking.TLPAmberStrict, PAP: marking.PAPAmber, REL: []ident.Party{party(1), party(2), party(3)},
			Caveats: []marking.Caveat{{Kind: marking.ORCON}},
		},
		Subject: "EXERCISE port control systems", Language: "en", Text: []byte("EXERCISE EXERCISE EXERCISE.\n\tReceipt requested."),
		Files: []File{{
			Name: "bundle.json", Media: "application/stix+json;version=2.1", Size: 65537, SHA256: h32(4), Root: h32(5), Key: h32(6),
			ChunkSize: 65536, Count: 2, Purpose: STIX,
		}},
	}
}

// routine is the least message.
func routine() *Message {
	return &Message{
		Kind: traffic.Informal, Status: traffic.Actual, Serial: "JPN-1/1", Composed: 1,
		Label: Label{Classification: marking.Unclassified, TLP: marking.TLPClear, PAP: marking.PAPClear, Any: true},
	}
}

func delivered() *Receipt {
	return &Receipt{State: traffic.Delivered, Message: ident.Message{1: 1}, At: composed + 4000, Content: h32(1), Label: h32(2), Group: ident.Group(h32(3))}
}

func byRole(s traffic.State) *Receipt {
	r := delivered()
	r.State, r.Role = s, "watch officer"
	return r
}

func messages() map[string]*Message {
	packed := routine()
	packed.Text, packed.Dictionary = []byte{1, 2, 3}, 1
	joint := routine()
	joint.Label.Classification = marking.Combine(
		marking.Label{Classification: marking.Classification{Policy: "NATO", Level: "NATO SECRET"}},
		marking.Label{Classification: marking.Classification{Policy: "JPN", Level: "HI"}}).Classification
	joint.Label.Caveats = []marking.Caveat{{Kind: marking.EyesOnly}, {Kind: marking.Embargo, Until: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)}}
	japanese := alert()
	japanese.Kind, japanese.Language, japanese.Subject, japanese.Text = traffic.Formal, "ja", "訓練:港湾", []byte("訓練。これは訓練です。")
	anyone := alert()
	anyone.Label.Any, anyone.Label.REL = true, nil
	return map[string]*Message{"alert": alert(), "to anyone": anyone, "least": routine(), "packed": packed, "joint label": joint, "japanese": japanese}
}

func receipts() map[string]*Receipt {
	readback := byRole(traffic.Readback)
	readback.Text = "Two ports, one account, answer by 0400Z."
	cannot := byRole(traffic.Cannot)
	cannot.Text = "Authority not reached."
	holding := byRole(traffic.Holding)
	holding.AnswerBy = composed + 36*60*1000
	withdrawn := byRole(traffic.Withdrawn)
	withdrawn.Withdraws = traffic.Receipted
	refused := delivered()
	refused.State, refused.Text = traffic.Refused, "The marking does not fit this audience."
	whole := delivered()
	whole.State, whole.File = traffic.Whole, 1
	want := delivered()
	want.State, want.Missing = traffic.Want, []Range{{0, 3}, {7, 1}, {400, 12}}
	return map[string]*Receipt{
		"delivered": delivered(), "receipted": byRole(traffic.Receipted), "readback": readback, "comply": byRole(traffic.Comply), "cannot": cannot,
		"holding": holding, "withdrawn": withdrawn, "refused": refused, "whole": whole, "want": want,
	}
}

func TestBodiesComeBack(t *testing.T) {
	for name, m := range messages() {
		b, err := m.Encode()
		if err != nil {
			t.Errorf("%s: encode: %v", name, err)
			continue
		}
		got, err := ParseMessage(b)
		if diff := cmp.Diff(m, got); err != nil || diff != "" {
			t.Errorf("%s: parse error %v, difference (-want +got):\n%s", name, err, diff)
		}
	}
	for name, r := range receipts() {
		b, err := r.Encode()
		if err != nil {
			t.Errorf("%s: encode: %v", name, err)
			continue
		}
		got, err := ParseReceipt(b)
		if diff := cmp.Diff(r, got); err != nil || diff != "" {
			t.Errorf("%s: parse error %v, difference (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestMessageRules(t *testing.T) {
	tests := map[string]struct {
		change func(*Message)
		kind   fault.Kind
		want   string
	}{
		"no kind":                       {func(m *Message) { m.Kind = 0 }, fault.Invalid, "kind"},
		"a kind of a later version":     {func(m *Message) { m.Kind = 7 }, fault.Invalid, "kind"},
		"no status":                     {func(m *Message) { m.Status = 0 }, fault.Invalid, "status"},
		"FLASH OVERRIDE":                {func(m *Message) { m.Precedence = 4 }, fault.Invalid, "precedence"},
		"an RFI at FLASH":               {func(m *Message) { m.Kind = traffic.RFI }, fault.Invalid, "at IMMEDIATE at the most"},
		"an informal note at PRIORITY":  {func(m *Message) { m.Kind, m.Precedence = traffic.Informal, precedence.Priority }, fault.Invalid, "ROUTINE"},
		"an exercise without name":      {func(m *Message) { m.Exercise = "" }, fault.Invalid, "exercise"},
		"an actual message with a name": {func(m *Message) { m.Status = traffic.Actual }, fault.Invalid, "exercise"},
		"an unknown acknowledgement":    {func(m *Message) { m.AckWanted = 4 }, fault.Invalid, "acknowledgement"},
		"a due time for nothing":        {func(m *Message) { m.AckWanted = traffic.AckNone }, fault.Invalid, "acknowledgement"},
		"a due time in a year":          {func(m *Message) { m.AckDue = MaxAckDue + 1 }, fault.Invalid, "thirty days"},
		"no time":                       {func(m *Message) { m.Composed = 0 }, fault.Invalid, "time"},
		"no serial":                     {func(m *Message) { m.Serial = "" }, fault.Invalid, "serial"},
		"a serial of two rows":          {func(m *Message) { m.Serial = "A\nB" }, fault.Invalid, "control character"},
		"a subject too long":            {func(m *Message) { m.Subject = strings.Repeat("x", MaxSubject+1) }, fault.TooLarge, "240"},
		"a subject of two rows":         {func(m *Message) { m.Subject = "a\tb" }, fault.Invalid, "control character"},
		"a subject not UTF-8":           {func(m *Message) { m.Subject = "\xff" }, fault.Invalid, "UTF-8"},
		"a subject with a space":        {func(m *Message) { m.Subject = " x" }, fault.Invalid, "space"},
		"a role too long":               {func(m *Message) { m.Role = strings.Repeat("x", MaxName+1) }, fault.TooLarge, "role"},
		"no language":                   {func(m *Message) { m.Language = "en_GB" }, fault.Invalid, "language"},
		"a long language":               {func(m *Message) { m.Language = strings.Repeat("en-", 12) + "x" }, fault.Invalid, "language"},
		"a text not UTF-8":              {func(m *Message) { m.Text = []byte("\xe8\xa8") }, fault.Invalid, "UTF-8"},
		"a text with escape sequences":  {func(m *Message) { m.Text = []byte("\x1b[2J") }, fault.Invalid, "control character"},
		"a text with NUL":               {func(m *Message) { m.Text = []byte("a\x00") }, fault.Invalid, "U+0000 at byte 1"},
		"a text with DEL":               {func(m *Message) { m.Text = []byte("\x7f") }, fault.Invalid, "control character"},
		"a text with C1":                {func(m *Message) { m.Text = []byte("\u009b") }, fault.Invalid, "control character"},
		"a carriage return":             {func(m *Message) { m.Text = []byte("a\r\nb") }, fault.Invalid, "U+000D"},
		"a text too long":               {func(m *Message) { m.Text = bytes.Repeat([]byte("x"), MaxText+1) }, fault.TooLarge, "16384"},
		"an empty packed text":          {func(m *Message) { m.Text, m.Dictionary = nil, 1 }, fault.Invalid, "packed"},
		"a packed text too long":        {func(m *Message) { m.Text, m.Dictionary = make([]byte, MaxText+1), 1 }, fault.Invalid, "packed"},
		"an empty reference":            {func(m *Message) { m.References = []string{""} }, fault.Invalid, "empty serial"},
		"too many references":           {func(m *Message) { m.References = make([]string, MaxReferences+1) }, fault.TooLarge, "refers to"},
		"no action addressee":           {func(m *Message) { m.Action = nil }, fault.Invalid, "action addressee"},
		"addressed twice":               {func(m *Message) { m.Info = m.Action }, fault.Invalid, "twice"},
		"an addressee outside REL":      {func(m *Message) { m.Action = []ident.Party{party(9)} }, fault.Refused, "keeps the message from"},
		"too many addressees":           {func(m *Message) { m.Info = make([]ident.Party, MaxParties+1) }, fault.TooLarge, "addressees"},
		"no TLP":                        {func(m *Message) { m.Label.TLP = 0 }, fault.Invalid, "marking"},
		"an unknown TLP":                {func(m *Message) { m.Label.TLP = 6 }, fault.Invalid, "marking"},
		"no PAP":                        {func(m *Message) { m.Label.PAP = 0 }, fault.Invalid, "marking"},
		"no classification":             {func(m *Message) { m.Label.Classification = marking.Classification{} }, fault.Invalid, "marking"},
		"an unknown classification": {
			func(m *Message) {
				m.Label.Classification = marking.Classification{Policy: "NATO", Level: "NATO LOUD"}
			}, fault.Invalid, "classification",
		},
		"no REL": {func(m *Message) {
			m.Label.REL, m.Action, m.Info = nil, nil, nil
			m.Kind, m.Precedence = traffic.Check, 0
		}, fault.Invalid, "marking"},
		"REL and ANY":           {func(m *Message) { m.Label.Any = true }, fault.Invalid, "not both"},
		"REL not in order":      {func(m *Message) { slices.Reverse(m.Label.REL) }, fault.Invalid, "order"},
		"a party twice in REL":  {func(m *Message) { m.Label.REL = append(m.Label.REL, party(3)) }, fault.Invalid, "order"},
		"a caveat twice":        {func(m *Message) { m.Label.Caveats = append(m.Label.Caveats, m.Label.Caveats...) }, fault.Invalid, "twice"},
		"an unknown caveat":     {func(m *Message) { m.Label.Caveats[0].Kind = 9 }, fault.Invalid, "caveat"},
		"an embargo in seconds": {func(m *Message) { m.Label.Caveats[0] = marking.Caveat{Kind: marking.Embargo, Until: time.Unix(61, 0)} }, fault.Invalid, "one form"},
		"too many files":        {func(m *Message) { m.Files = make([]File, MaxFiles+1) }, fault.TooLarge, "files"},
		"a file without name":   {func(m *Message) { m.Files[0].Name = "" }, fault.Invalid, "name of a file"},
		"a file that is a path": {func(m *Message) { m.Files[0].Name = "../x" }, fault.Invalid, "name of a file"},
		"a path of Windows":     {func(m *Message) { m.Files[0].Name = `a\b` }, fault.Invalid, "name of a file"},
		"a folder":              {func(m *Message) { m.Files[0].Name = ".." }, fault.Invalid, "name of a file"},
		"no media type":         {func(m *Message) { m.Files[0].Media = "json" }, fault.Invalid, "media type"},
		"a file too large":      {func(m *Message) { m.Files[0].Size = MaxFileSize + 1 }, fault.TooLarge, "bytes"},
		"chunks too small":      {func(m *Message) { m.Files[0].ChunkSize = MinChunk - 1 }, fault.Invalid, "chunks of 1023"},
		"chunks too large":      {func(m *Message) { m.Files[0].ChunkSize = MaxChunk + 1 }, fault.Invalid, "chunks of 65537"},
		"too few chunks":        {func(m *Message) { m.Files[0].Count = 1 }, fault.Invalid, "cannot have 1 chunks"},
		"no chunk":              {func(m *Message) { m.Files[0].Count = 0 }, fault.Invalid, "0 chunks"},
		"too many chunks":       {func(m *Message) { m.Files[0].Count, m.Files[0].Packed = MaxFileSize/MinChunk+2, 1 }, fault.Invalid, "chunks"},
		"an unknown purpose":    {func(m *Message) { m.Files[0].Purpose = 2 }, fault.Invalid, "purpose"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := alert()
			tt.change(m)
			b, err := m.Encode()
			kind, msg, _ := fault.Visible(err)
			if err == nil || b != nil || kind != tt.kind || !strings.Contains(msg, tt.want) {
				t.Errorf("Encode = %d bytes, %v (%v), want %v with %q", len(b), err, kind, tt.kind, tt.want)
			}
			if name == "no classification" ||
				name == "an embargo in seconds" {
				return // these have no bytes: no text means "none", and groups have minutes
			}
			// A peer that does not keep the rule is refused by the reader too.
			if got, err := ParseMessage(must(encoder.Marshal(m.write()))); !errors.Is(err, ErrMalformed) {
				t.Errorf("ParseMessage = %+v, %v, want ErrMalformed", got, err)
			}
		})
	}
}

func TestEachLimitIsReached(t *testing.T) {
	m := alert()
	m.Subject = strings.Repeat("x", MaxSubject)
	m.Role, m.Exercise, m.Serial = strings.Repeat("r", MaxName), strings.Repeat("e", MaxName), strings.Repeat("s", MaxSerial)
	m.Language = "x-" + strings.Repeat("abcdefg-", 4) + "z"
	m.Text = bytes.Repeat([]byte("x"), MaxText)
	m.AckDue = MaxAckDue
	m.Label.REL, m.Action, m.Info = nil, nil, nil
	for i := range MaxParties {
		p := party(byte(i))
		m.Label.REL = append(m.Label.REL, p)
		m.Action = append(m.Action, p)
	}
	m.References = slices.Repeat([]string{strings.Repeat("s", MaxSerial)}, MaxReferences)
	f := m.Files[0]
	f.Name, f.Media = strings.Repeat("n", MaxFileName), "a/"+strings.Repeat("m", MaxMedia-2)
	f.Size, f.ChunkSize, f.Count = MaxFileSize, MinChunk, MaxFileSize/MinChunk
	m.Files = slices.Repeat([]File{f}, MaxFiles)
	b, err := m.Encode()
	if err != nil {
		t.Fatal("encode at every limit:", err)
	}
	if got, err := ParseMessage(b); err != nil || !cmp.Equal(m, got) {
		t.Errorf("parse at every limit: %v", err)
	}
	t.Logf("%d of %d bytes", len(b), MaxBody)
	if _, err := ParseMessage(make([]byte, MaxBody+1)); !errors.Is(err, ErrMalformed) {
		t.Errorf("a body over the limit: %v", err)
	}
}

func TestReceiptRules(t *testing.T) {
	tests := map[string]struct {
		from   *Receipt
		change func(*Receipt)
		want   string
	}{
		"no state":                   {delivered(), func(r *Receipt) { r.State = 0 }, "cannot say"},
		"accepted is a relay's word": {delivered(), func(r *Receipt) { r.State = traffic.Accepted }, `cannot say "accepted"`},
		"overdue is the own clock's": {delivered(), func(r *Receipt) { r.State = traffic.Overdue }, "cannot say"},
		"a state of a later version": {delivered(), func(r *Receipt) { r.State = 17 }, "cannot say"},
		"no message":                 {delivered(), func(r *Receipt) { r.Message = ident.Message{} }, "no message"},
		"no time":                    {delivered(), func(r *Receipt) { r.At = 0 }, "no time"},
		"a role that delivers":       {delivered(), func(r *Receipt) { r.Role = "x" }, "role"},
		"nobody receipts":            {byRole(traffic.Receipted), func(r *Receipt) { r.Role = "" }, "role"},
		"cannot without reason":      {byRole(traffic.Cannot), func(*Receipt) {}, "reason"},
		"refused without reason":     {delivered(), func(r *Receipt) { r.State = traffic.Refused }, "reason"},
		"holding without time":       {byRole(traffic.Holding), func(*Receipt) {}, "time by which"},
		"holding before time":        {byRole(traffic.Holding), func(r *Receipt) { r.AnswerBy = -1 }, "time by which"},
		"comply by a time":           {byRole(traffic.Comply), func(r *Receipt) { r.AnswerBy = 1 }, "time by which"},
		"withdraws nothing":          {byRole(traffic.Withdrawn), func(*Receipt) {}, "names what"},
		"withdraws a delivery":       {byRole(traffic.Withdrawn), func(r *Receipt) { r.Withdraws = traffic.Delivered }, "cannot be withdrawn"},
		"withdraws a withdrawal":     {byRole(traffic.Withdrawn), func(r *Receipt) { r.Withdraws = traffic.Withdrawn }, "cannot be withdrawn"},
		"receipts and withdraws":     {byRole(traffic.Receipted), func(r *Receipt) { r.Withdraws = traffic.Comply }, "names what"},
		"delivers a file":            {delivered(), func(r *Receipt) { r.File = 1 }, "file"},
		"a file that cannot be":      {delivered(), func(r *Receipt) { r.State, r.File = traffic.Whole, MaxFiles }, "file"},
		"wants nothing":              {delivered(), func(r *Receipt) { r.State = traffic.Want }, "Missing chunks"},
		"delivers with gaps":         {delivered(), func(r *Receipt) { r.Missing = []Range{{0, 1}} }, "Missing chunks"},
		"an empty gap":               {want(), func(r *Receipt) { r.Missing = []Range{{0, 0}} }, "order"},
		"gaps out of order":          {want(), func(r *Receipt) { r.Missing = []Range{{5, 1}, {1, 1}} }, "order"},
		"gaps that overlap":          {want(), func(r *Receipt) { r.Missing = []Range{{1, 5}, {5, 1}} }, "order"},
		"gaps that touch":            {want(), func(r *Receipt) { r.Missing = []Range{{1, 5}, {6, 1}} }, "order"},
		"a gap that wraps round":     {want(), func(r *Receipt) { r.Missing = []Range{{1 << 31, 1 << 31}} }, "order"},
		"too many gaps":              {want(), func(r *Receipt) { r.Missing = gaps(MaxRanges + 1) }, "64"},
		"a reason too long":          {byRole(traffic.Cannot), func(r *Receipt) { r.Text = strings.Repeat("x", MaxReason+1) }, "1024"},
		"a reason that beeps":        {byRole(traffic.Cannot), func(r *Receipt) { r.Text = "\a" }, "control character"},
		"a role of two rows":         {byRole(traffic.Receipted), func(r *Receipt) { r.Role = "a\nb" }, "control character"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.change(tt.from)
			b, err := tt.from.Encode()
			if _, msg, _ := fault.Visible(err); err == nil || b != nil || !strings.Contains(msg, tt.want) {
				t.Errorf("Encode = %d bytes, %v, want an error with %q", len(b), err, tt.want)
			}
			if got, err := ParseReceipt(must(encoder.Marshal(tt.from.write()))); !errors.Is(err, ErrMalformed) {
				t.Errorf("ParseReceipt = %+v, %v, want ErrMalformed", got, err)
			}
		})
	}
	full := want()
	full.Missing = gaps(MaxRanges)
	if _, err := full.Encode(); err != nil {
		t.Errorf("%d gaps: %v", MaxRanges, err)
	}
}

func want() *Receipt { return receipts()["want"] }

func gaps(n int) (g []Range) {
	for i := range n {
		g = append(g, Range{uint32(2 * i), 1})
	}
	return g
}

func TestCovers(t *testing.T) {
	both, anyone := Label{REL: []ident.Party{party(1), party(2)}}, Label{Any: true}
	for name, tt := range map[string]struct {
		l    Label
		to   []ident.Party
		want bool
	}{
		"all of REL":      {both, []ident.Party{party(1), party(2)}, true},
		"one outside":     {both, []ident.Party{party(1), party(3)}, false},
		"ANY":             {anyone, []ident.Party{party(9)}, true},
		"nobody":          {anyone, nil, false},
		"no REL, nobody":  {Label{}, nil, false},
		"no REL, someone": {Label{}, []ident.Party{party(1)}, false},
	} {
		if got := tt.l.Covers(tt.to); got != tt.want {
			t.Errorf("%s: Covers = %v", name, got)
		}
	}
}

// TestContentIsNotPrinted holds that no log line shows a text or a key by
// mistake.
func TestContentIsNotPrinted(t *testing.T) {
	m := alert()
	m.Files[0].Key = ContentKey(bytes.Repeat([]byte{0xab}, 32))
	for _, format := range []string{"%v", "%+v", "%s"} {
		out := fmt.Sprintf(format, m) + fmt.Sprintf(format, *m) + fmt.Sprintf(format, m.Files[0]) + fmt.Sprintf("%#v", m.Files[0].Key)
		for _, secret := range []string{"171", "abab", "\xab\xab", "port control", "EXERCISE EXERCISE", "Text"} {
			if strings.Contains(out, secret) {
				t.Errorf("%s prints %q: %s", format, secret, out)
			}
		}
	}
}

// TestHashesAreThoseOfTheSuite holds that another reader needs one rule for
// every hash: label and parts, each behind its length.
func TestHashesAreThoseOfTheSuite(t *testing.T) {
	b := []byte("EXERCISE")
	want := suite.One.Hash("hotline/1/content", b)
	if got := ContentHash(b); !bytes.Equal(got[:], want[:32]) {
		t.Errorf("ContentHash = %x, want %x", got, want[:32])
	}
	l := alert().Label
	want = suite.One.Hash("hotline/1/label", must(encoder.Marshal(l.write())))
	if got := l.Hash(); !bytes.Equal(got[:], want[:32]) {
		t.Errorf("Label.Hash = %x, want %x", got, want[:32])
	}
}
