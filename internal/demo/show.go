package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hotline/internal/api"
	"hotline/internal/config"
	"hotline/internal/fault"
)

// Facts is what a demo that is up says about itself, for tests and tools. Its
// fields are stable (docs/demo.md).
type Facts struct {
	Relay RelayFacts  `json:"relay"`
	Desks []DeskFacts `json:"desks"`
	Lines []LineFacts `json:"lines"`
}

// RelayFacts says where the relay is.
type RelayFacts struct {
	Addr string `json:"addr"`
	Dir  string `json:"dir"`
	Log  string `json:"log"`
	PID  int    `json:"pid"`
}

// DeskFacts says where a desk is.
type DeskFacts struct {
	Party    string `json:"party"`
	Console  string `json:"console"`   // "http://127.0.0.1:41873"
	LoginURL string `json:"login_url"` // serves once
	Socket   string `json:"socket"`
	Dir      string `json:"dir"`
	Log      string `json:"log"`
	PID      int    `json:"pid"`
}

// LineFacts says who is on a line.
type LineFacts struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Parties []string `json:"parties"`
}

// facts asks what is up.
func (d *demo) facts(ctx context.Context) (f Facts, err error) {
	c, err := config.ReadRelay(d.relay.dir, nil)
	if err != nil {
		return f, err
	}
	f.Relay = RelayFacts{Addr: c.Link.Listen, Dir: d.relay.dir, Log: d.relay.log, PID: d.relay.pid()}
	for _, s := range d.desks {
		var l api.SignInLink
		if err := s.client.Post(ctx, "/sign-in-links", "", api.SignInLinkIn{}, &l); err != nil {
			return f, err
		}
		f.Desks = append(f.Desks, DeskFacts{
			Party: s.name, Console: s.console, LoginURL: l.URL, Socket: filepath.Join(s.dir, api.SocketName),
			Dir: s.dir, Log: s.log, PID: s.pid(),
		})
	}
	var lines []api.Line
	if err := d.desks[0].client.Get(ctx, "/lines", nil, &lines); err != nil {
		return f, err
	}
	for _, l := range lines {
		line := LineFacts{ID: l.ID, Name: l.Name}
		for _, p := range l.Parties {
			line.Parties = append(line.Parties, p.Name)
		}
		slices.SortFunc(line.Parties, byParty)
		f.Lines = append(f.Lines, line)
	}
	slices.SortFunc(f.Lines, func(x, y LineFacts) int { return len(x.Parties) - len(y.Parties) })
	return f, nil
}

// byParty puts names of parties in the order of the demo.
func byParty(x, y string) int { return slices.Index(parties, x) - slices.Index(parties, y) }

// writeReady writes the facts to a file that is there whole or not at all.
func writeReady(name string, f Facts) error {
	body, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	t, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return fault.Wrap(err, fault.Config, "The file %s cannot be written.", name)
	}
	defer func() { _ = os.Remove(t.Name()) }() // gone after the rename
	_, err = t.Write(append(body, '\n'))
	if closing := t.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(t.Name(), name)
	}
	if err != nil {
		return fault.Wrap(err, fault.Config, "The file %s cannot be written.", name)
	}
	return nil
}

// show prints where the consoles are and what to try.
func (d *demo) show(ctx context.Context, f Facts) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%d desks and a relay are up. Sign in at a console; each link serves once:\n\n", len(f.Desks))
	for _, s := range f.Desks {
		fmt.Fprintf(&b, "  %-5s %s\n", s.Party, s.LoginURL)
	}
	fmt.Fprintf(&b, "\nLines:\n\n")
	for _, l := range f.Lines {
		fmt.Fprintf(&b, "  %-10s %s\n", l.Name, strings.Join(l.Parties, ", "))
	}
	fmt.Fprintf(&b, "\nTry, in another terminal:\n\n")
	for _, t := range d.tries(ctx) {
		fmt.Fprintf(&b, "  # %s\n  %s\n", t.what, t.command)
	}
	end := "Ctrl-C ends the demo. " + d.dir + " stays, and --dir goes on with it."
	if d.temporary {
		end = "Ctrl-C ends the demo and removes " + d.dir + "."
	}
	fmt.Fprintf(&b, "\n%s\n", end)
	_, err := d.Out.Write([]byte(b.String()))
	return err
}

// try is something to do next.
type try struct{ what, command string }

func (d *demo) tries(ctx context.Context) []try {
	jpn, nato := d.desks[0], d.desks[1]
	all := []try{{"what is on JPN's desk, most urgent first", d.shell("inbox", "--dir", jpn.dir)}}
	if id := waiting(ctx, jpn); id != "" {
		all = append(all, try{"take NATO's alert as JPN; the ladder at NATO grows a rung", d.shell("ack", id, "--role", "duty officer", "--dir", jpn.dir)})
	}
	return append(all,
		try{"send a FLASH of your own, and wait until a person at NATO receipts it",
			d.shell("send", bilateral, "-p", "FLASH", "-m", "TLP:AMBER", "--exercise", exerciseName, "--text", "EXERCISE. Hello.", "--wait", "receipted", "--dir", jpn.dir)},
		try{"follow NATO's desk live", d.shell("watch", "--dir", nato.dir)},
		try{"kill the relay, send, and start it again: nothing is lost",
			fmt.Sprintf("kill -9 %d   # later: %s", d.relay.pid(), d.shell(d.relay.args...))},
	)
}

// waiting returns the first message that waits for the people at s.
func waiting(ctx context.Context, s *station) string {
	var all []api.Message
	err := s.client.Get(ctx, "/messages", url.Values{"waiting": {"us"}, "limit": {"1"}}, &all)
	if err != nil || len(all) == 0 {
		return ""
	}
	return all[0].ID
}

// has reports whether a message is among the newest that came to s.
func has(ctx context.Context, s *station, id string) (bool, error) {
	var all []api.Message
	err := s.client.Get(ctx, "/messages", url.Values{"box": {"in"}}, &all)
	return slices.ContainsFunc(all, func(m api.Message) bool { return m.ID == id }), err
}

// shell writes a command line of the program as a shell takes it.
func (d *demo) shell(args ...string) string {
	all := []string{d.Command}
	for _, a := range args {
		all = append(all, quote(a))
	}
	return strings.Join(all, " ")
}

// quote quotes an argument where a shell needs it.
func quote(s string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,+", r) || r > 0x7f
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
