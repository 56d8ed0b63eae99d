package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/api"
)

// newWatchCmd returns "hotline watch".
func newWatchCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Follow the desk: a line per event, the terminal's bell on a FLASH",
		Long: `Follow the desk: a line per event, the terminal's bell on a FLASH.

This is no proven sound: the desk's alarm belongs to the desk and its console.
Ends with Ctrl-C.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.watch(cmd, asJSON)
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// watchRow is a row of "hotline watch --json".
type watchRow struct {
	ID    uint64          `json:"id"`
	Event string          `json:"event"`
	Data  json.RawMessage `json:"data"`
}

func (a *app) watch(cmd *cobra.Command, asJSON bool) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	w := &watcher{app: a, rung: map[string]bool{}}
	return a.follow(cmd.Context(), cl, func(e api.Event) (bool, error) {
		if asJSON {
			if e.Kind == "beat" {
				return false, nil
			}
			return false, a.printJSON(watchRow{e.ID, e.Kind, e.Data})
		}
		return false, w.event(e)
	})
}

// watcher prints events for a person.
type watcher struct {
	app  *app
	rung map[string]bool // messages whose bell was rung
}

func (w *watcher) event(e api.Event) error {
	switch e.Kind {
	case "snapshot":
		return w.snapshot(e)
	case "message", "alarm", "ladder":
		ms, err := messagesOf(e)
		if err != nil {
			return err
		}
		for _, m := range ms {
			if err := w.message(m); err != nil {
				return err
			}
		}
	case "desk":
		var d api.DeskData
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return fmt.Errorf("read event: %w", err)
		}
		return w.alarms(d.Desk)
	case "line":
		var d api.LineData
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return fmt.Errorf("read event: %w", err)
		}
		return w.print("line %s  %s  %s", d.Line.Name, d.Line.State, d.Line.Health.Text)
	}
	return nil
}

// snapshot says what stands at the begin: what waits, and the lines.
func (w *watcher) snapshot(e api.Event) error {
	var d api.Snapshot
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return fmt.Errorf("read snapshot: %w", err)
	}
	if err := w.print("%s  %d for us, %d for them, %d queued", d.Desk.Desk, d.Desk.Counts.AwaitingUs, d.Desk.Counts.AwaitingThem, d.Desk.Counts.Queued); err != nil {
		return err
	}
	if err := w.alarms(d.Desk); err != nil {
		return err
	}
	for _, l := range d.Lines {
		if err := w.print("line %s  %s  %s", l.Name, l.State, l.Health.Text); err != nil {
			return err
		}
	}
	sortByCommit(d.Messages)
	for _, m := range d.Messages {
		if len(m.Actions) == 0 {
			continue
		}
		if err := w.message(m); err != nil {
			return err
		}
	}
	return nil
}

// alarms prints what is wrong with the party's own desks, once, and rings.
func (w *watcher) alarms(d api.Desk) error {
	for _, x := range d.Alarms {
		key := x.Kind + x.DeskID + x.At.String()
		if w.rung[key] {
			continue
		}
		w.rung[key] = true
		if terminal(w.app.out) {
			if _, err := fmt.Fprint(w.app.out, "\a"); err != nil {
				return err
			}
		}
		if err := w.print("!!! %s", x.Text); err != nil {
			return err
		}
	}
	return nil
}

// message prints a message, and rings once for a FLASH that waits for us.
func (w *watcher) message(m api.Message) error {
	if m.Precedence == "FLASH" && m.Direction == "in" && len(m.Actions) > 0 && !w.rung[m.ID] {
		w.rung[m.ID] = true
		if terminal(w.app.out) {
			if _, err := fmt.Fprint(w.app.out, "\a"); err != nil {
				return err
			}
		}
	}
	arrow := "←"
	if m.Direction == "out" {
		arrow = "→"
	}
	due := ""
	if !m.AckDueAt.IsZero() && rank[m.State] < rank["receipted"] {
		due = "  due in " + left(m.AckDueAt, time.Now())
	}
	return w.print("%s %s%s  %s  %s  %s  %s%s  %s", arrow, mark(m), m.Precedence, m.From, m.LineName, m.Label.Text, m.State, due, short(m.ID))
}

func (w *watcher) print(format string, args ...any) error {
	text := inertLine(fmt.Sprintf(format, args...))
	_, err := fmt.Fprintf(w.app.out, "%s  %s\n", time.Now().UTC().Format("021504Z"), text)
	return err
}
