package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/api"
)

// inboxFlags are the flags of "hotline inbox".
type inboxFlags struct {
	waiting bool
	box     string
	limit   int
	follow  bool
	asJSON  bool
}

// newInboxCmd returns "hotline inbox".
func newInboxCmd(a *app) *cobra.Command {
	var f inboxFlags
	cmd := &cobra.Command{
		Use:               "inbox [LINE]",
		Short:             "List received messages, newest first; with --waiting those that wait for us, most urgent first",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeLines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.inbox(cmd, first(args), f)
		},
	}
	cmd.Flags().BoolVar(&f.waiting, "waiting", false, "only what waits for our receipt or answer")
	cmd.Flags().StringVar(&f.box, "box", "in", "in, out or all")
	cmd.Flags().IntVar(&f.limit, "limit", api.DefaultPage, fmt.Sprintf("at most so many, 1 to %d", api.MaxPage))
	cmd.Flags().BoolVar(&f.follow, "follow", false, "stay, and print each new message")
	jsonFlag(cmd, &f.asJSON)
	_ = cmd.RegisterFlagCompletionFunc("box", fixed("in", "out", "all"))
	return cmd
}

func (a *app) inbox(cmd *cobra.Command, line string, f inboxFlags) error {
	q := url.Values{"limit": {strconv.Itoa(f.limit)}}
	switch f.box {
	case "in", "out":
		q.Set("box", f.box)
	case "all":
	default:
		return usageError{fmt.Sprintf("there is no box %q", inert(f.box)), "--box in, out or all"}
	}
	if f.waiting {
		q.Set("waiting", "us")
	}
	cl, err := a.client()
	if err != nil {
		return err
	}
	if line != "" {
		var l api.Line
		if err := cl.Get(cmd.Context(), "/lines/"+url.PathEscape(line), nil, &l); err != nil {
			return err
		}
		q.Set("line", l.ID)
		line = l.ID
	}
	var ms []api.Message
	if err := cl.Get(cmd.Context(), "/messages", q, &ms); err != nil {
		return err
	}
	if f.follow {
		return a.inboxFollow(cmd, cl, line, ms, f)
	}
	return a.printList(ms, f.asJSON)
}

func (a *app) printList(ms []api.Message, asJSON bool) error {
	var rows [][]string
	now := time.Now()
	for _, m := range ms {
		if asJSON {
			if err := a.printJSON(m); err != nil {
				return err
			}
		}
		rows = append(rows, messageRow(m, now))
	}
	if asJSON {
		return nil
	}
	if len(rows) == 0 {
		a.say("No message.")
		return nil
	}
	return table(a.out, []string{"PRECEDENCE", "ID", "FROM", "LINE", "LABEL", "DTG", "STATE", "DUE IN", "SUBJECT"}, rows)
}

func messageRow(m api.Message, now time.Time) []string {
	due := "–"
	if !m.AckDueAt.IsZero() && rank[m.State] < rank["receipted"] {
		due = left(m.AckDueAt, now)
	}
	return []string{mark(m) + m.Precedence, short(m.ID), m.From, m.LineName, m.Label.Text, dtgOf(m), m.State, due, subjectOf(m)}
}

// mark says before all else that a message is not real traffic.
func mark(m api.Message) string {
	switch m.Status {
	case "exercise":
		return "EXERCISE "
	case "test":
		return "TEST "
	}
	return ""
}

// dtgOf prints the group as it was written; one that cannot be true has marks.
func dtgOf(m api.Message) string {
	if m.DTGSuspect {
		return m.DTG + " ???"
	}
	return m.DTG
}

func subjectOf(m api.Message) string {
	s := m.Subject
	if !m.RemovedAt.IsZero() {
		s = "(text removed)"
	}
	if m.STIX != nil {
		s += " [STIX " + sizeOf(m.STIX.Size) + ", " + m.STIX.State + "]"
	}
	return s
}

// inboxFollow prints what there is, oldest first, and then each message that
// comes, once.
func (a *app) inboxFollow(cmd *cobra.Command, cl *api.Client, line string, ms []api.Message, f inboxFlags) error {
	seen := map[string]bool{}
	show := func(m api.Message) error {
		if seen[m.ID] {
			return nil
		}
		seen[m.ID] = true
		if f.asJSON {
			return a.printJSON(m)
		}
		_, err := fmt.Fprintln(a.out, oneLine(m))
		return err
	}
	for i := len(ms) - 1; i >= 0; i-- {
		if err := show(ms[i]); err != nil {
			return err
		}
	}
	wanted := func(m api.Message) bool {
		return (line == "" || m.Line == line) && (f.box == "all" || m.Direction == f.box) && (!f.waiting || len(m.Actions) > 0)
	}
	return a.follow(cmd.Context(), cl, func(e api.Event) (bool, error) {
		news, err := messagesOf(e)
		if err != nil {
			return false, err
		}
		for _, m := range news {
			if wanted(m) {
				if err := show(m); err != nil {
					return false, err
				}
			}
		}
		return false, nil
	})
}

// messagesOf returns the messages that an event holds, oldest first.
func messagesOf(e api.Event) ([]api.Message, error) {
	switch e.Kind {
	case "message", "alarm", "ladder":
		var d api.MessageData
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return nil, fmt.Errorf("read event: %w", err)
		}
		return []api.Message{d.Message}, nil
	case "snapshot":
		var d api.Snapshot
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return nil, fmt.Errorf("read snapshot: %w", err)
		}
		sortByCommit(d.Messages)
		return d.Messages, nil
	}
	return nil, nil
}

// oneLine is a message in one line of a running list.
func oneLine(m api.Message) string {
	return inertLine(fmt.Sprintf("%s  %s%s  %s  %s  %s  %s  %s  %s", stamp(m.CommittedAt), mark(m), m.Precedence, m.From, m.LineName, m.Label.Text, m.State, short(m.ID), subjectOf(m)))
}
