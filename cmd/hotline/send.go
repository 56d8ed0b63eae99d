package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/fault"
	"hotline/internal/marking"
	"hotline/internal/precedence"
)

// maxText is the most text that send reads, in bytes. The desk has stricter
// limits for each precedence.
const maxText = 128 << 10

// sendFlags are the flags of "hotline send".
type sendFlags struct {
	precedence string
	marks      []string
	class      string
	pap        string
	rel        []string
	caveats    []string

	stix, text, subject, kind, language string
	reference, exercise, status, ack    string

	ackBy   time.Duration
	wait    string
	timeout time.Duration
	review  bool

	action      []string
	actionFirst bool
	asJSON      bool
}

// newSendCmd returns "hotline send".
func newSendCmd(a *app) *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use:   "send LINE -p PRECEDENCE -m TLP:LEVEL [--text TEXT|-] [--stix FILE]",
		Short: "Send a marked message; returns when it is safe in the outbox",
		Example: `  hotline send JPN-NATO -p FLASH -m TLP:AMBER+STRICT --rel JPN,NATO --stix bundle.json --text "Intrusion at a port authority" --wait receipted
  hotline send JPN-NATO -p ROUTINE -m "TLP:GREEN PAP:GREEN" --text - < note.txt`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeLines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.send(cmd, args[0], f)
		},
	}
	fs := cmd.Flags()
	fs.StringVarP(&f.precedence, "precedence", "p", "", "FLASH, IMMEDIATE, PRIORITY or ROUTINE; there is no default")
	fs.StringArrayVarP(&f.marks, "mark", "m", nil, "marking: TLP:…, and PAP:… beside it or in a further -m; there is no default for TLP")
	fs.StringVar(&f.class, "class", "", "classification, such as none or \"NATO RESTRICTED\" (default: the charter's rule)")
	fs.StringVar(&f.pap, "pap", "", "PAP (default: the charter's rule)")
	fs.StringSliceVar(&f.rel, "rel", nil, "parties that may have it, or ANY (default: the charter's rule)")
	fs.StringArrayVar(&f.caveats, "caveat", nil, "caveat, such as ORCON; may be repeated")
	fs.StringVar(&f.stix, "stix", "", "STIX 2.1 bundle to send with it, byte for byte; - is stdin")
	fs.StringVar(&f.text, "text", "", "the text; - is stdin")
	fs.StringVar(&f.subject, "subject", "", "a few words for lists")
	fs.StringVar(&f.kind, "kind", "", "formal, alert, rfi, informal or service (default: alert with a bundle, else formal)")
	fs.StringVar(&f.language, "lang", "", "language of the text, such as en or ja")
	fs.StringVar(&f.reference, "reference", "", "id of the message that this one answers")
	fs.StringVar(&f.exercise, "exercise", "", "name of the exercise that this message belongs to")
	fs.StringVar(&f.status, "status", "", "actual, exercise or test (default: actual, or exercise with --exercise or on an exercise line)")
	fs.StringVar(&f.ack, "ack", "", "what is asked for: none, receipt, readback or answer (default: the kind's)")
	fs.DurationVar(&f.ackBy, "ack-by", 0, "time for the receipt, such as 10m (default: the precedence's)")
	fs.StringVar(&f.wait, "wait", "", "wait until it is accepted, delivered or receipted, or until its bundle is whole at the other end")
	fs.DurationVar(&f.timeout, "timeout", 0, "give up waiting after this time (default: never)")
	fs.StringSliceVar(&f.action, "action", nil, "parties that have to act; the others have it for information (default: all)")
	fs.BoolVar(&f.actionFirst, "action-first", false, "on a thin link, send new keys to those who have to act first, to the rest behind the message")
	fs.BoolVar(&f.review, "review", false, "show what would be sent and who could read it, and send nothing")
	jsonFlag(cmd, &f.asJSON)
	_ = cmd.RegisterFlagCompletionFunc("precedence", fixed("FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE"))
	_ = cmd.RegisterFlagCompletionFunc("mark", fixed("TLP:RED", "TLP:AMBER+STRICT", "TLP:AMBER", "TLP:GREEN", "TLP:CLEAR"))
	_ = cmd.RegisterFlagCompletionFunc("wait", fixed("accepted", "delivered", "receipted", "whole"))
	return cmd
}

// send checks what a person gave, uploads the bundle, commits the message and
// waits if asked to.
func (a *app) send(cmd *cobra.Command, line string, f sendFlags) error {
	d, err := f.draft(line)
	if err != nil {
		return err
	}
	if err := f.given(line, cmd.Flags().Changed); err != nil {
		return err
	}
	if f.text == "-" && f.stix == "-" {
		return usageError{"stdin cannot be the text and the bundle", "name a file for one of them"}
	}
	if d.Text, err = a.textOf(f.text); err != nil {
		return err
	}
	if f.stix == "" && strings.TrimSpace(d.Text) == "" {
		return usageError{"there is nothing to send: the text is empty", "give --text, --stix or both"}
	}
	cl, err := a.client()
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	if f.stix != "" {
		raw, err := a.readInput(f.stix, api.MaxUpload)
		if err != nil {
			return err
		}
		bar := a.progress("upload", int64(len(raw)))
		up, err := cl.Upload(ctx, stixName(f.stix), "application/stix+json", io.TeeReader(bytes.NewReader(raw), bar))
		bar.done()
		if err != nil {
			return err
		}
		d.Upload = up.Upload
	}
	if f.review {
		var rv api.Review
		if err := cl.Post(ctx, "/review", "", d, &rv); err != nil {
			return err
		}
		return a.printReview(rv, f.asJSON)
	}
	var sent api.Sent
	if err := cl.Post(ctx, "/messages", newKey(), d, &sent); err != nil {
		return err
	}
	for _, s := range sent.Filled {
		a.say("Filled: %s.", inertLine(s))
	}
	a.say("%s %s, %s. Will be able to read it: %s.", inertLine(sent.Serial), sent.State, inertLine(sent.Label.Text), readers(sent.Readers))
	return a.finishSend(cmd, cl, sent, f)
}

// finishSend waits if asked to, and prints the id and the state reached.
func (a *app) finishSend(cmd *cobra.Command, cl *api.Client, sent api.Sent, f sendFlags) error {
	var waitErr error
	if f.wait != "" {
		if !sent.Reachable {
			a.say("No relay is reachable yet; waiting.")
		}
		var m api.Message
		bar := &growing{app: a, what: "transfer"}
		m, waitErr = a.waitFor(cmd.Context(), cl, sent.ID, f.timeout, bar.watch(a.tellRefusal(reached(f.wait))), "The message was not "+f.wait+" within the time given. It stays in the outbox until it is delivered.")
		bar.done()
		if m.State != "" {
			sent.State = m.State
		}
	} else if !sent.Reachable {
		waitErr = queuedError{sent.ID}
	}
	if f.asJSON {
		if err := a.printJSON(sent); err != nil {
			return err
		}
		return waitErr
	}
	if _, err := fmt.Fprintln(a.out, sent.ID); err != nil {
		return err
	}
	if f.wait != "" && waitErr == nil {
		a.say("%s: %s.", inertLine(sent.Serial), stateWords(sent.State))
	}
	return waitErr
}

// tellRefusal says once that a relay had no room; the wait goes on.
func (a *app) tellRefusal(next verdict) verdict {
	told := false
	return func(m api.Message) (bool, error) {
		if i := slices.IndexFunc(m.Ladder, func(r api.Rung) bool { return r.State == "refused" && r.Desk == "" }); i >= 0 && m.State == "refused" && !told {
			told = true
			a.say("A relay refused it for now (%s). It stays in the outbox and is put again.", inertLine(m.Ladder[i].Text))
		}
		return next(m)
	}
}

// draft checks the flags and makes the request of them. Precedence and TLP
// have no default anywhere, in pipes either.
func (f sendFlags) draft(line string) (api.Draft, error) {
	d := api.Draft{
		Line: line, Kind: f.kind, Precedence: f.precedence, Subject: f.subject, Language: f.language,
		AckByS: int64(f.ackBy / time.Second), AckRequired: f.ack, Reference: f.reference, ExerciseName: f.exercise, Status: f.status,
		Action: f.action, ActionFirst: f.actionFirst,
		Label: api.LabelIn{Classification: f.class, PAP: f.pap, REL: f.rel, Caveats: f.caveats},
	}
	if err := f.mark(&d.Label); err != nil {
		return d, err
	}
	switch {
	case f.precedence == "":
		return d, fault.New(fault.Refused, "The precedence is missing, and there is no default.").
			WithHint("-p FLASH, IMMEDIATE, PRIORITY or ROUTINE")
	case d.Label.TLP == "":
		return d, fault.New(fault.Refused, "The marking is missing, and there is no default.").
			WithHint("-m TLP:RED, TLP:AMBER+STRICT, TLP:AMBER, TLP:GREEN or TLP:CLEAR")
	}
	if _, err := precedence.Parse(f.precedence); err != nil {
		return d, usageError{fmt.Sprintf("unknown precedence %q", inert(f.precedence)), "levels are FLASH, IMMEDIATE, PRIORITY and ROUTINE, in capitals"}
	}
	switch f.wait {
	case "", "accepted", "delivered", "receipted":
	case "whole":
		if f.stix == "" {
			return d, usageError{"only a bundle can become whole", "--wait whole goes with --stix"}
		}
	default:
		return d, usageError{fmt.Sprintf("one cannot wait for %q", inert(f.wait)), "--wait accepted, delivered, receipted or whole"}
	}
	if f.ackBy < 0 || f.ackBy%time.Second != 0 {
		return d, usageError{"the time for the receipt is in whole seconds", "for example --ack-by 10m"}
	}
	switch {
	case f.timeout < 0:
		return d, usageError{"the time to wait is below zero", "for example --timeout 2m"}
	case f.timeout > 0 && f.wait == "":
		return d, usageError{"--timeout bounds a wait, and none is asked for", "add --wait accepted, delivered, receipted or whole"}
	case f.text == "" && f.stix == "":
		return d, usageError{"there is nothing to send", "give --text, --stix or both"}
	}
	return d, nil
}

// given refuses what a script with an unset variable gives: a marking that is
// there and empty would fall back to the charter's rule, which may be wider
// than what was meant. It refuses words that JSON cannot carry, too.
func (f sendFlags) given(line string, changed func(flag string) bool) error {
	for flag, empty := range map[string]bool{"rel": len(f.rel) == 0, "class": f.class == "", "pap": f.pap == "", "stix": f.stix == "", "reference": f.reference == ""} {
		if changed(flag) && empty {
			return usageError{fmt.Sprintf("--%s is given and empty", flag), "give it a value, or leave it out"}
		}
	}
	words := append([]string{line, f.subject, f.exercise, f.language, f.reference, f.class, f.kind}, f.rel...)
	return plainWords(words...)
}

// plainWords refuses arguments that are not UTF-8.
func plainWords(words ...string) error {
	for _, w := range words {
		if !utf8.ValidString(w) {
			return usageError{fmt.Sprintf("%q is not valid UTF-8", inert(strings.ToValidUTF8(w, "\uFFFD"))), "convert it first, for example with iconv"}
		}
	}
	return nil
}

// mark reads the -m flags: each holds one or more markings with blanks or
// commas between them.
func (f sendFlags) mark(l *api.LabelIn) error {
	for _, m := range f.marks {
		for part := range strings.FieldsFuncSeq(m, func(r rune) bool { return r == ' ' || r == ',' }) {
			into := &l.TLP
			switch {
			case strings.HasPrefix(part, "TLP:"):
				if _, err := marking.ParseTLP(part); err != nil {
					return usageError{fmt.Sprintf("unknown marking %q", inert(part)), "TLP:RED, TLP:AMBER+STRICT, TLP:AMBER, TLP:GREEN or TLP:CLEAR"}
				}
			case strings.HasPrefix(part, "PAP:"):
				if _, err := marking.ParsePAP(part); err != nil {
					return usageError{fmt.Sprintf("unknown marking %q", inert(part)), "PAP:RED, PAP:AMBER, PAP:GREEN or PAP:CLEAR"}
				}
				into = &l.PAP
			default:
				return usageError{fmt.Sprintf("unknown marking %q", inert(part)), "-m takes TLP:… and PAP:…; the others are --class, --rel and --caveat"}
			}
			if *into != "" && *into != part {
				return usageError{fmt.Sprintf("the marking is given twice: %s and %s", inert(*into), inert(part)), "choose one"}
			}
			*into = part
		}
	}
	return nil
}

// textOf returns the text of a flag, or of stdin for "-".
func (a *app) textOf(flag string) (string, error) {
	text := flag
	if flag == "-" {
		b, err := a.readInput("-", maxText)
		if err != nil {
			return "", err
		}
		text = string(b)
	}
	if !utf8.ValidString(text) {
		return "", fault.New(fault.Invalid, "The text is not valid UTF-8.").WithHint("convert it first, for example with iconv")
	}
	return text, nil
}

func stixName(path string) string {
	if path == "-" {
		return "bundle.json"
	}
	return filepath.Base(path)
}

// readers names who will be able to read a message, by party and desk.
func readers(rs []api.Reader) string {
	var parts []string
	for _, r := range rs {
		name := r.Party
		if r.Self {
			name += " (this party)"
		}
		parts = append(parts, inertLine(name+": "+strings.Join(r.Desks, " ")))
	}
	return orDash(strings.Join(parts, "; "))
}

// printReview shows what would be sent. A refusal is an error of its own.
func (a *app) printReview(rv api.Review, asJSON bool) error {
	if asJSON {
		if err := a.printJSON(rv); err != nil {
			return err
		}
	} else {
		rows := [][]string{{"label", rv.Label.Text}, {"readers", readers(rv.Readers)}}
		for _, n := range rv.Not {
			rows = append(rows, []string{"not", n.Party + ": " + n.Reason})
		}
		for _, s := range rv.Filled {
			rows = append(rows, []string{"filled", s})
		}
		for _, s := range rv.Warnings {
			rows = append(rows, []string{"warning", s})
		}
		rows = append(rows, []string{"size", fmt.Sprintf("%s sealed, about %.1f s on this link", sizeOf(rv.SealedBytes), rv.LinkSeconds)}, []string{"hash", rv.Hash})
		if err := table(a.out, []string{"REVIEW", "nothing was sent"}, rows); err != nil {
			return err
		}
	}
	if rv.Refused != nil {
		return fault.New(fault.Refused, "%s", *rv.Refused)
	}
	return nil
}
