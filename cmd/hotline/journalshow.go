package main

import (
	"fmt"
	"strings"

	"hotline/internal/api"
	"hotline/internal/evidence"
)

// showReport prints what a file of evidence proves.
func (a *app) showReport(r *evidence.Report, asJSON bool) error {
	if asJSON {
		return a.printJSON(r)
	}
	what := map[string]string{
		evidence.Transcript: "Transcript", evidence.NonAnswer: "Certificate of non-answer", evidence.Conviction: "Proof of double dealing",
	}[r.Use]
	fmt.Fprintf(a.out, "%s on line %s, made by desk %s of %s at %s. It verifies.\n",
		what, inertLine(r.LineName), inertLine(r.By.Name), inertLine(r.By.Party), stamp(api.Time{Time: r.At}))
	for _, p := range r.Parties {
		fmt.Fprintf(a.out, "  %-10s %s\n", inertLine(p.Name), p.ID)
	}
	for _, d := range r.Desks {
		if d.Removed != "" {
			fmt.Fprintf(a.out, "Desk %s of %s was cut off: %s.\n", inertLine(d.Name), inertLine(d.Party), inertLine(d.Removed))
		}
	}
	if n := r.Answer; n != nil {
		fmt.Fprintf(a.out, "\nGrade %s. %s\n", n.Grade, inertLine(n.Text))
		for _, d := range n.Desks {
			fmt.Fprintf(a.out, "  desk %s had it at %s and signed %d receipts up to %s (%s), none of a person for it\n",
				inertLine(d.Desk), stamp(api.Time{Time: d.Delivered}), d.Receipts, stamp(api.Time{Time: d.Until}), d.Signed)
		}
		fmt.Fprintln(a.out, "It proves that the desk had the message; not that a person heard it, nor why nobody spoke.")
	}
	for _, p := range r.Journal {
		if p.Leaves > 0 {
			fmt.Fprintf(a.out, "%d messages are in the journal of desk %s, under its checkpoint of %d leaves of %s.\n",
				p.Leaves, inertLine(r.By.Name), p.Size, stamp(api.Time{Time: p.At}))
		}
	}
	for _, m := range r.Messages {
		a.showEvidence(m)
	}
	for _, w := range r.Warnings {
		fmt.Fprintln(a.out, "\nWARNING:", inertLine(w))
	}
	for _, c := range r.Complaints {
		fmt.Fprintf(a.out, "\nCOMPLAINT %s (%s): %s\n", stamp(api.Time{Time: c.At}), wordOrProof(c.Proven), inertLine(c.Text))
	}
	for _, f := range r.Findings {
		fmt.Fprintln(a.out, "\nCONVICTS:", inertLine(f.Text))
	}
	return nil
}

// wordOrProof says what a complaint is worth.
func wordOrProof(proven bool) string {
	if proven {
		return "proven"
	}
	return "that desk's word, not proof"
}

// showEvidence prints one message of a transcript.
func (a *app) showEvidence(m evidence.Message) {
	var marks []string
	if m.Status != "actual" {
		marks = append(marks, strings.ToUpper(m.Status))
	}
	if m.Attested {
		marks = append(marks, "attested")
	} else {
		marks = append(marks, "not attested yet")
	}
	if !m.Journalled {
		marks = append(marks, "not under a checkpoint")
	}
	fmt.Fprintf(a.out, "\n%s  %s  %s of %s  %s  [%s]\n", inertLine(m.Serial), m.Precedence, inertLine(m.Desk), inertLine(m.Party),
		stamp(api.Time{Time: m.Composed}), strings.Join(marks, ", "))
	if m.Subject != "" {
		fmt.Fprintf(a.out, "  SUBJECT: %s\n", inertLine(m.Subject))
	}
	for _, line := range strings.Split(inert(m.Text), "\n") {
		if line != "" {
			fmt.Fprintf(a.out, "  %s\n", line)
		}
	}
	for _, r := range m.Receipts {
		who := r.Desk
		if r.Role != "" {
			who = r.Role + " at " + r.Desk
		}
		fmt.Fprintf(a.out, "  – %s: %s, %s\n", r.State, inertLine(who), stamp(api.Time{Time: r.At}))
	}
}

// showComparison prints where two records differ.
func (a *app) showComparison(c *evidence.Comparison) error {
	if c.Agree {
		_, err := fmt.Fprintln(a.out, c.Text)
		return err
	}
	fmt.Fprintf(a.out, "%d messages are alike.\n", c.Messages)
	for _, d := range c.First {
		fmt.Fprintf(a.out, "First difference of desk %s: %s (side: %s). %s\n", inertLine(d.Desk), inertLine(d.Serial), inertLine(d.Side), inertLine(d.Text))
	}
	for _, f := range c.Findings {
		fmt.Fprintln(a.out, "CONVICTS:", inertLine(f.Text))
	}
	return nil
}
