package wire

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/traffic"
)

var (
	// languageTag has the shape of a tag of BCP 47, or nothing. What it names
	// is not checked.
	languageTag = regexp.MustCompile(`^([A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8})*)?$`)
	// mediaType looks like type/subtype with parameters, in ASCII that can be
	// shown, or is nothing.
	mediaType = regexp.MustCompile(`^([ -~]*/[ -~]*)?$`)
)

// Check returns a [fault.Error] with one sentence unless m keeps the rules of
// the domain. [Message.Encode] and [ParseMessage] both ask it.
func (m *Message) Check() error {
	return cmp.Or(m.checkKind(), m.checkTexts(), m.checkAddressees(), m.Label.check(), m.checkFiles())
}

func (m *Message) checkKind() error {
	return cmp.Or(
		invalidIf(!m.Kind.Valid(), "The message has no kind that this version knows."),
		invalidIf(!m.Status.Valid(), "The message has no status that this version knows."),
		invalidIf(!m.Precedence.Valid(), "The message has no precedence that this version knows."),
		invalidIf(m.Precedence > m.Kind.Highest(), "A message of kind %s goes at %s at the most.", m.Kind, m.Kind.Highest()),
		invalidIf((m.Status == traffic.Exercise) != (m.Exercise != ""), "The name of an exercise stands in exercise messages, and only there."),
		invalidIf(!m.AckWanted.Valid(), "The message asks for an acknowledgement that this version does not know."),
		invalidIf(m.AckDue > MaxAckDue, "The time to acknowledge is over thirty days."),
		invalidIf(m.AckDue != 0 && m.AckWanted == traffic.AckNone, "There is a time to acknowledge, but no acknowledgement is asked for."),
		invalidIf(m.Composed <= 0, "The message has no time of composition."),
	)
}

func (m *Message) checkTexts() error {
	if err := cmp.Or(
		checkRow("exercise", m.Exercise, MaxName),
		checkRow("serial", m.Serial, MaxSerial),
		checkRow("role", m.Role, MaxName),
		checkRow("subject", m.Subject, MaxSubject),
		invalidIf(m.Serial == "", "The message has no serial."),
		invalidIf(len(m.Language) > MaxLanguage || !languageTag.MatchString(m.Language), "%.60q is not a language tag.", m.Language),
		tooLargeIf(len(m.References) > MaxReferences, "The message refers to %d others; the most is %d.", len(m.References), MaxReferences),
	); err != nil {
		return err
	}
	for _, r := range m.References {
		if err := cmp.Or(invalidIf(r == "", "The message refers to an empty serial."), checkRow("serial", r, MaxSerial)); err != nil {
			return err
		}
	}
	if m.Dictionary != 0 { // the text is checked by [CheckText] once unpacked
		return invalidIf(len(m.Text) == 0 || len(m.Text) > MaxText, "The packed text is empty or too long.")
	}
	return CheckText(string(m.Text))
}

// CheckText returns a [fault.Error] unless s can be the text of a message: at
// most [MaxText] bytes of UTF-8 without control characters, save newline and
// tab. Readers ask it again after unpacking.
func CheckText(s string) error {
	if len(s) > MaxText {
		return fault.New(fault.TooLarge, "The text has %d bytes; the most is %d.", len(s), MaxText).WithHint("send it as a file with a short text")
	}
	if !utf8.ValidString(s) {
		return fault.New(fault.Invalid, "The text is not valid UTF-8.")
	}
	for i, r := range s {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return fault.New(fault.Invalid, "The text holds the control character %U at byte %d.", r, i)
		}
	}
	return nil
}

// checkRow holds that s fits one row on a screen.
func checkRow(what, s string, most int) error {
	return cmp.Or(
		tooLargeIf(len(s) > most, "The %s has %d bytes; the most is %d.", what, len(s), most),
		invalidIf(!utf8.ValidString(s), "The %s is not valid UTF-8.", what),
		invalidIf(strings.IndexFunc(s, unicode.IsControl) >= 0, "The %s holds a control character.", what),
		invalidIf(strings.TrimSpace(s) != s, "The %s begins or ends with a space.", what),
	)
}

func (m *Message) checkAddressees() error {
	if err := cmp.Or(
		tooLargeIf(max(len(m.Action), len(m.Info)) > MaxParties, "The message has more than %d addressees.", MaxParties),
		invalidIf(len(m.Action) == 0 && m.Kind.ByPerson(), "A message of kind %s needs an action addressee.", m.Kind),
	); err != nil {
		return err
	}
	all := slices.Concat(m.Action, m.Info)
	for i, p := range all {
		if slices.Contains(all[:i], p) {
			return fault.New(fault.Invalid, "A party is addressed twice.")
		}
		// With REL the sender already knows who; this catches its mistakes.
		if !m.Label.Covers([]ident.Party{p}) {
			return fault.New(fault.Refused, "The marking keeps the message from a party that it is addressed to.").
				WithHint("add the party to REL, or take it from the addressees")
		}
	}
	return nil
}

func (m *Message) checkFiles() error {
	err := tooLargeIf(len(m.Files) > MaxFiles, "The message has %d files; the most is %d.", len(m.Files), MaxFiles)
	for i := range m.Files {
		err = cmp.Or(err, m.Files[i].check())
	}
	return err
}

func (f *File) check() error {
	size := uint64(max(f.ChunkSize, 1))
	chunks := max(1, (f.Size+size-1)/size)
	return cmp.Or(
		checkRow("file name", f.Name, MaxFileName),
		invalidIf(f.Name == "" || f.Name == "." || f.Name == ".." || strings.ContainsAny(f.Name, `/\`), "%.60q is not the name of a file.", f.Name),
		invalidIf(len(f.Media) > MaxMedia || !mediaType.MatchString(f.Media), "%.60q is not a media type.", f.Media),
		tooLargeIf(f.Size > MaxFileSize, "The file has %d bytes; the most is %d.", f.Size, MaxFileSize),
		invalidIf(f.ChunkSize < MinChunk || f.ChunkSize > MaxChunk, "The file has chunks of %d bytes; they have %d to %d.", f.ChunkSize, MinChunk, MaxChunk),
		invalidIf(f.Count == 0 || f.Count > MaxFileSize/MinChunk+1, "The file has %d chunks.", f.Count),
		invalidIf(f.Packed == 0 && uint64(f.Count) != chunks, "The file of %d bytes cannot have %d chunks of %d bytes.", f.Size, f.Count, f.ChunkSize),
		invalidIf(f.Purpose > STIX, "The file has a purpose that this version does not know."),
	)
}

// Check returns a [fault.Error] with one sentence unless r keeps the rules of
// the ladder. [Receipt.Encode] and [ParseReceipt] both ask it.
func (r *Receipt) Check() error {
	return cmp.Or(
		r.checkState(),
		checkRow("role", r.Role, MaxName),
		tooLargeIf(len(r.Text) > MaxReason, "The words of the receipt have %d bytes; the most is %d.", len(r.Text), MaxReason),
		CheckText(r.Text),
	)
}

func (r *Receipt) checkState() error {
	file := r.State == traffic.Whole || r.State == traffic.Want
	return cmp.Or(
		invalidIf(!r.State.Travels(), "A receipt cannot say %q.", r.State),
		invalidIf(r.Message == ident.Message{}, "The receipt names no message."),
		invalidIf(r.At <= 0, "The receipt has no time."),
		invalidIf(r.State.ByPerson() != (r.Role != ""), "The role that receipts is named when a person does it, and only then."),
		invalidIf(r.State == traffic.Cannot && r.Text == "", "Cannot comply needs a reason."),
		invalidIf(r.State == traffic.Refused && r.Text == "", "A refusal needs a reason."),
		invalidIf((r.State == traffic.Holding) != (r.AnswerBy != 0) || r.AnswerBy < 0, "Holding needs the time by which the answer comes, and nothing else has one."),
		invalidIf((r.State == traffic.Withdrawn) != (r.Withdraws != 0), "A withdrawal names what it withdraws, and nothing else does."),
		invalidIf(r.State == traffic.Withdrawn && (!r.Withdraws.ByPerson() || r.Withdraws == traffic.Withdrawn), "%q cannot be withdrawn.", r.Withdraws),
		invalidIf(!file && r.File != 0 || r.File >= MaxFiles, "The receipt names a file that it cannot."),
		invalidIf((r.State == traffic.Want) != (len(r.Missing) > 0), "Missing chunks stand in a request for them, and only there."),
		checkRanges(r.Missing),
	)
}

// checkRanges holds that ranges are sorted, apart from one another and within
// what a file may have: one spelling for each set of chunks.
func checkRanges(ranges []Range) error {
	if len(ranges) > MaxRanges {
		return fault.New(fault.TooLarge, "The receipt names %d gaps; the most is %d.", len(ranges), MaxRanges)
	}
	next := uint64(0) // the first index that may follow
	for _, g := range ranges {
		end := uint64(g.First) + uint64(g.Count)
		if g.Count == 0 || uint64(g.First) < next || end > MaxFileSize/MinChunk+1 {
			return fault.New(fault.Invalid, "The missing chunks are not in order.")
		}
		next = end + 1 // adjacent ranges are one range
	}
	return nil
}

// invalidIf is a rule: what must not be, and the sentence that says so.
func invalidIf(broken bool, format string, args ...any) error {
	if !broken {
		return nil
	}
	return fault.New(fault.Invalid, format, args...)
}

// tooLargeIf is the rule of a limit.
func tooLargeIf(broken bool, format string, args ...any) error {
	if !broken {
		return nil
	}
	return fault.New(fault.TooLarge, format, args...)
}
