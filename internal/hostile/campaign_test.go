package hostile

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// played is what a behaviour came to, one JSON object a line.
type played struct {
	Behaviour    string        `json:"behaviour"`
	Messages     int           `json:"messages"`
	Copies       int           `json:"copies_wanted"`
	Misdeeds     int           `json:"misdeeds"`
	Wrong        int           `json:"accepted_wrongly"`
	Lost         int           `json:"lost_after_healing"`
	Unsigned     int           `json:"not_signed_for_after_healing"`
	Forks        int           `json:"forks_made"`
	ForksNoticed int           `json:"forks_noticed"`
	Owed         int           `json:"alarms_owed"` // accepted, the desk alive, not signed for in 5 min
	Alarms       int           `json:"alarms"`      // messages alarmed as undelivered
	Unalarmed    int           `json:"owed_and_not_alarmed"`
	Exposed      int           `json:"exposed,omitempty"` // taken from a removed desk where the removal was withheld
	Slowest      time.Duration `json:"slowest_notice_ns,omitempty"`
	Noticed      bool          `json:"noticed"`
	Virtual      time.Duration `json:"virtual_ns"`
	Took         time.Duration `json:"took_ns"`
	CPU          time.Duration `json:"cpu_ns,omitempty"`
	Memory       int64         `json:"max_rss_bytes,omitempty"`
	Ended        string        `json:"ended"`
}

// bad says what is not as it must be, or nothing.
func (p *played) bad() string {
	switch {
	case p.Ended != "passed":
		return fmt.Sprintf("%s: %s", p.Behaviour, p.Ended)
	case p.Wrong+p.Lost+p.Unsigned+p.Unalarmed > 0 || p.ForksNoticed != p.Forks || !p.Noticed:
		return fmt.Sprintf("%+v", *p)
	case p.Misdeeds == 0:
		return p.Behaviour + ": the relay did nothing: this proves nothing"
	}
	return ""
}

// TestHostileCampaign plays every behaviour with as many messages as
// HOTLINE_HOSTILE says, each in a process of its own, so that one that panics,
// hangs or is killed ends with a result like the others. HOTLINE_HOSTILE_ONLY
// is a pattern of those to play, HOTLINE_HOSTILE_LIMIT how long one may take,
// and HOTLINE_HOSTILE_RESULTS the file that the results go to, one JSON object
// a line; what it holds of others stays.
func TestHostileCampaign(t *testing.T) {
	if os.Getenv("HOTLINE_HOSTILE") == "" {
		t.Skip("takes an hour; make hostile")
	}
	limit, err := time.ParseDuration(os.Getenv("HOTLINE_HOSTILE_LIMIT"))
	if err != nil {
		limit = 30 * time.Minute
	}
	only := regexp.MustCompile(os.Getenv("HOTLINE_HOSTILE_ONLY"))
	file := os.Getenv("HOTLINE_HOSTILE_RESULTS")
	results := map[string]played{}
	if file != "" {
		for _, p := range readResults(t, file) {
			results[p.Behaviour] = p
		}
	}
	for _, b := range Behaviours(true) {
		if !only.MatchString(b.Name) {
			continue
		}
		p := campaign(t, b.Name, limit)
		if bad := p.bad(); bad != "" {
			t.Error(bad)
		}
		line, _ := json.Marshal(p) // it has nothing that cannot be written
		fmt.Println(string(line))
		results[b.Name] = p
		if file != "" {
			writeResults(t, file, results)
		}
	}
}

// campaign plays one behaviour in a child. What the child says of its progress
// is passed on with the time that it took.
func campaign(t *testing.T, name string, limit time.Duration) (p played) {
	ctx, stop := context.WithTimeout(t.Context(), limit+time.Minute)
	defer stop()
	//nolint:gosec // it starts itself
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestHostileRelay$/^"+regexp.QuoteMeta(strings.ReplaceAll(name, " ", "_"))+"$",
		"-test.v", "-test.count=1", "-test.timeout="+limit.String())
	out, err := child.StdoutPipe()
	must(t, err)
	child.Stderr = child.Stdout // go says there why it panics
	began := time.Now()
	fmt.Printf("progress %s: begins\n", name)
	must(t, child.Start())
	var last []string // of what it said
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		switch text := lines.Text(); {
		case strings.HasPrefix(text, "progress "):
			fmt.Printf("%s, %v\n", text, time.Since(began).Round(time.Second))
		case strings.HasPrefix(text, `{"behaviour"`) && json.Unmarshal([]byte(text), &p) == nil:
		default:
			last = append(last, text)
		}
	}
	err = child.Wait()
	if state := child.ProcessState; state != nil {
		p.CPU = state.UserTime() + state.SystemTime()
		if use, ok := state.SysUsage().(*syscall.Rusage); ok {
			p.Memory = use.Maxrss << 10
		}
	}
	if p.Behaviour == "" || err != nil && p.Ended == "passed" {
		p.Behaviour, p.Took, p.Ended = name, time.Since(began), fmt.Sprintf("ended without a result: %v", err)
		for _, text := range last {
			if strings.HasPrefix(text, "panic: ") || strings.HasPrefix(text, "fatal error: ") {
				p.Ended = text
				break
			}
		}
	}
	if p.Ended != "passed" {
		fmt.Println(strings.Join(last[:min(len(last), 400)], "\n"))
	}
	return p
}

func readResults(t *testing.T, file string) (all []played) {
	t.Helper()
	b, err := os.ReadFile(filepath.Clean(file))
	if os.IsNotExist(err) {
		return nil
	}
	must(t, err)
	for line := range bytes.Lines(b) {
		var p played
		must(t, json.Unmarshal(line, &p))
		all = append(all, p)
	}
	return all
}

func writeResults(t *testing.T, file string, results map[string]played) {
	t.Helper()
	var b bytes.Buffer
	for _, h := range Behaviours(true) {
		if p, ok := results[h.Name]; ok {
			must(t, json.NewEncoder(&b).Encode(p))
		}
	}
	must(t, os.WriteFile(file+".new", b.Bytes(), 0o600))
	must(t, os.Rename(file+".new", file))
}

var update = flag.Bool("update", false, "write the table of docs/spec/hostile.md from testdata/campaign.jsonl")

// The table of the document stands between these.
const (
	tableBegins = "<!-- from internal/hostile/testdata/campaign.jsonl; go test ./internal/hostile -run TestCampaignTable -update -->\n"
	tableEnds   = "<!-- end of the table -->\n"
)

// TestCampaignTable: docs/spec/hostile.md says of every behaviour what was
// measured, or that nothing was.
func TestCampaignTable(t *testing.T) {
	const page = "../../docs/spec/hostile.md"
	all := readResults(t, "testdata/campaign.jsonl")
	text, err := os.ReadFile(page)
	must(t, err)
	before, rest, ok := bytes.Cut(text, []byte(tableBegins))
	stands, after, ends := bytes.Cut(rest, []byte(tableEnds))
	if !ok || !ends {
		t.Fatal("the page has no place for the table")
	}
	want := table(all)
	if *update {
		must(t, os.WriteFile(page, slices.Concat(before, []byte(tableBegins), want, []byte(tableEnds), after), 0o600))
		return
	}
	if !bytes.Equal(stands, want) {
		t.Errorf("the table is not what was measured; -update writes it:\n%s", want)
	}
}

func table(all []played) []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, "| behaviour | messages | misdeeds | wrong | lost | forks noticed | alarms owed, raised | time inside | processor time |")
	fmt.Fprintln(&b, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, h := range Behaviours(true) {
		i := slices.IndexFunc(all, func(p played) bool { return p.Behaviour == h.Name })
		if i < 0 {
			fmt.Fprintf(&b, "| %s | not run | | | | | | | |\n", h.Name)
			continue
		}
		p, forks := all[i], ""
		if p.Forks > 0 {
			forks = fmt.Sprintf("%d of %d", p.ForksNoticed, p.Forks)
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %s | %d, %d | %v | %v |\n", p.Behaviour, p.Messages, p.Misdeeds, p.Wrong, p.Lost, forks,
			p.Owed, p.Owed-p.Unalarmed, p.Virtual.Round(time.Minute), p.CPU.Round(time.Second))
	}
	return b.Bytes()
}
