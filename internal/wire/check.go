package wire

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"hotline/internal/fault"
	"hotline/internal/ident"
)

// Check returns a [fault.Error] with one sentence unless m keeps the rules of
// the domain. [Message.Encode] and [ParseMessage] both ask it.
func (m *Message) Check() error {
	for _, rule := range []func() error{m.checkKind, m.checkTexts, m.checkAddressees, m.Label.check, m.checkFiles} {
		if err := rule(); err != nil {
			return err
		}
	}
	return nil
}

func (m *Message) checkKind() error {
	switch {
	case !m.Kind.Valid():
		return invalid("The message has no kind that this version knows.")
	case !m.Status.Valid():
		return invalid("The message has no status that this version knows.")
	case !m.Precedence.Valid():
		return invalid("The message has no precedence that this version knows.")
	case m.Precedence > m.Kind.Highest():
		return invalid("A message of kind %s goes at %s at the most.", m.Kind, m.Kind.Highest())
	case (m.Status == Exercise) != (m.Exercise != ""):
		return invalid("The name of an exercise stands in exercise messages, and only there.")
	case !m.AckWanted.Valid():
		return invalid("The message asks for an acknowledgement that this version does not know.")
	case m.AckDue > MaxAckDue:
		return invalid("The time to acknowledge is over thirty days.")
	case m.AckDue != 0 && m.AckWanted == AckNone:
		return invalid("There is a time to acknowledge, but no acknowledgement is asked for.")
	case m.Composed <= 0:
		return invalid("The message has no time of composition.")
	}
	return nil
}

func (m *Message) checkTexts() error {
	for _, t := range []struct {
		what, s string
		most    int
	}{
		{"exercise", m.Exercise, MaxName},
		{"serial", m.Serial, MaxSerial},
		{"role", m.Role, MaxName},
		{"subject", m.Subject, MaxSubject},
	} {
		if err := checkRow(t.what, t.s, t.most); err != nil {
			return err
		}
	}
	if m.Serial == "" {
		return invalid("The message has no serial.")
	}
	if !languageTag(m.Language) {
		return invalid("%q is not a language tag.", clip(m.Language))
	}
	if len(m.References) > MaxReferences {
		return tooLarge("The message refers to %d others; the most is %d.", len(m.References), MaxReferences)
	}
	for _, r := range m.References {
		if r == "" {
			return invalid("The message refers to an empty serial.")
		}
		if err := checkRow("serial", r, MaxSerial); err != nil {
			return err
		}
	}
	if m.Dictionary != 0 { // the text is checked by [CheckText] once unpacked
		if len(m.Text) == 0 || len(m.Text) > MaxText {
			return invalid("The packed text is empty or too long.")
		}
		return nil
	}
	return CheckText(string(m.Text))
}

// CheckText returns a [fault.Error] unless s can be the text of a message: at
// most [MaxText] bytes of UTF-8 without control characters, save newline and
// tab. Readers ask it again after unpacking.
func CheckText(s string) error {
	if len(s) > MaxText {
		return tooLarge("The text has %d bytes; the most is %d.", len(s), MaxText).WithHint("send it as a file with a short text")
	}
	if !utf8.ValidString(s) {
		return invalid("The text is not valid UTF-8.")
	}
	for i, r := range s {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return invalid("The text holds the control character %U at byte %d.", r, i)
		}
	}
	return nil
}

// checkRow holds that s fits one row on a screen.
func checkRow(what, s string, most int) error {
	switch {
	case len(s) > most:
		return tooLarge("The %s has %d bytes; the most is %d.", what, len(s), most)
	case !utf8.ValidString(s):
		return invalid("The %s is not valid UTF-8.", what)
	case strings.IndexFunc(s, unicode.IsControl) >= 0:
		return invalid("The %s holds a control character.", what)
	case strings.TrimSpace(s) != s:
		return invalid("The %s begins or ends with a space.", what)
	}
	return nil
}

// languageTag reports whether s is empty or has the shape of a tag of BCP 47:
// letters and digits in parts of one to eight. What it names is not checked.
func languageTag(s string) bool {
	if s == "" {
		return true
	}
	if len(s) > MaxLanguage {
		return false
	}
	for part := range strings.SplitSeq(s, "-") {
		if part == "" || len(part) > 8 || strings.IndexFunc(part, notAlphanumeric) >= 0 {
			return false
		}
	}
	return true
}

func notAlphanumeric(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
}

func (m *Message) checkAddressees() error {
	if len(m.Action) > MaxParties || len(m.Info) > MaxParties {
		return tooLarge("The message has more than %d addressees.", MaxParties)
	}
	if len(m.Action) == 0 && m.Kind.ByPerson() {
		return invalid("A message of kind %s needs an action addressee.", m.Kind)
	}
	seen := map[ident.Party]bool{}
	for _, list := range [][]ident.Party{m.Action, m.Info} {
		for _, p := range list {
			if seen[p] {
				return invalid("A party is addressed twice.")
			}
			seen[p] = true
			// With REL the sender already knows who; this catches its mistakes.
			if !m.Label.Covers([]ident.Party{p}) {
				return fault.New(fault.Refused, "The marking keeps the message from a party that it is addressed to.").
					WithHint("add the party to REL, or take it from the addressees")
			}
		}
	}
	return nil
}

func (m *Message) checkFiles() error {
	if len(m.Files) > MaxFiles {
		return tooLarge("The message has %d files; the most is %d.", len(m.Files), MaxFiles)
	}
	for i := range m.Files {
		if err := m.Files[i].check(); err != nil {
			return err
		}
	}
	return nil
}

func (f *File) check() error {
	if err := checkRow("file name", f.Name, MaxFileName); err != nil {
		return err
	}
	switch {
	case f.Name == "" || f.Name == "." || f.Name == ".." || strings.ContainsAny(f.Name, `/\`):
		return invalid("%q is not the name of a file.", clip(f.Name))
	case !mediaType(f.Media):
		return invalid("%q is not a media type.", clip(f.Media))
	case f.Size > MaxFileSize:
		return tooLarge("The file has %d bytes; the most is %d.", f.Size, MaxFileSize)
	case f.ChunkSize < MinChunk || f.ChunkSize > MaxChunk:
		return invalid("The file has chunks of %d bytes; they have %d to %d.", f.ChunkSize, MinChunk, MaxChunk)
	case f.Count == 0 || f.Count > MaxFileSize/MinChunk+1:
		return invalid("The file has %d chunks.", f.Count)
	case f.Packed == 0 && uint64(f.Count) != max(1, (f.Size+uint64(f.ChunkSize)-1)/uint64(f.ChunkSize)):
		return invalid("The file of %d bytes cannot have %d chunks of %d bytes.", f.Size, f.Count, f.ChunkSize)
	case f.Purpose > STIX:
		return invalid("The file has a purpose that this version does not know.")
	}
	return nil
}

// mediaType reports whether s is empty or looks like type/subtype with
// parameters, in ASCII that can be shown.
func mediaType(s string) bool {
	if s == "" {
		return true
	}
	plain := strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	return plain && len(s) <= MaxMedia && strings.Contains(s, "/")
}

// Check returns a [fault.Error] with one sentence unless r keeps the rules of
// the ladder. [Receipt.Encode] and [ParseReceipt] both ask it.
func (r *Receipt) Check() error {
	if err := r.checkState(); err != nil {
		return err
	}
	if err := checkRow("role", r.Role, MaxName); err != nil {
		return err
	}
	if len(r.Text) > MaxReason {
		return tooLarge("The words of the receipt have %d bytes; the most is %d.", len(r.Text), MaxReason)
	}
	return CheckText(r.Text)
}

func (r *Receipt) checkState() error {
	file := r.State == Whole || r.State == Want
	switch {
	case !r.State.Travels():
		return invalid("A receipt cannot say %q.", r.State)
	case r.Message == ident.Message{}:
		return invalid("The receipt names no message.")
	case r.At <= 0:
		return invalid("The receipt has no time.")
	case r.State.ByPerson() != (r.Role != ""):
		return invalid("The role that receipts is named when a person does it, and only then.")
	case r.State == Cannot && r.Text == "":
		return invalid("Cannot comply needs a reason.")
	case r.State == Refused && r.Text == "":
		return invalid("A refusal needs a reason.")
	case (r.State == Holding) != (r.AnswerBy != 0) || r.AnswerBy < 0:
		return invalid("Holding needs the time by which the answer comes, and nothing else has one.")
	case (r.State == Withdrawn) != (r.Withdraws != 0):
		return invalid("A withdrawal names what it withdraws, and nothing else does.")
	case r.State == Withdrawn && (!r.Withdraws.ByPerson() || r.Withdraws == Withdrawn):
		return invalid("%q cannot be withdrawn.", r.Withdraws)
	case !file && r.File != 0 || r.File >= MaxFiles:
		return invalid("The receipt names a file that it cannot.")
	case (r.State == Want) != (len(r.Missing) > 0):
		return invalid("Missing chunks stand in a request for them, and only there.")
	}
	return checkRanges(r.Missing)
}

// checkRanges holds that ranges are sorted, apart from one another and within
// what a file may have: one spelling for each set of chunks.
func checkRanges(ranges []Range) error {
	if len(ranges) > MaxRanges {
		return tooLarge("The receipt names %d gaps; the most is %d.", len(ranges), MaxRanges)
	}
	next := uint64(0) // the first index that may follow
	for _, g := range ranges {
		end := uint64(g.First) + uint64(g.Count)
		if g.Count == 0 || uint64(g.First) < next || end > MaxFileSize/MinChunk+1 {
			return invalid("The missing chunks are not in order.")
		}
		next = end + 1 // adjacent ranges are one range
	}
	return nil
}

func invalid(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, format, args...)
}

func tooLarge(format string, args ...any) *fault.Error {
	return fault.New(fault.TooLarge, format, args...)
}

// clip keeps what a stranger wrote from filling a screen.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// list writes "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
