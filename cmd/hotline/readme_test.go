package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// pages are the documents whose commands people copy.
var pages = []string{"../../README.md", "../../docs/start.md", "../../docs/glossary.md", "../../ARCHITECTURE.md", "../../docs/errors.md"}

var (
	// prompted is a command in a block, behind the name of a machine.
	prompted = regexp.MustCompile(`(?m)^[a-z]+\$ +hotline (.*?)(?: +#.*| &)?$`)
	// quoted is a command in a sentence.
	quoted = regexp.MustCompile("`hotline ([a-z][^`]*)`")
	// quotes is a text in quotes: one argument.
	quotes = regexp.MustCompile(`"[^"]*"`)
)

// commandsIn lists the command lines on a page, without "hotline".
func commandsIn(text string) (lines []string) {
	for _, re := range []*regexp.Regexp{prompted, quoted} {
		for _, m := range re.FindAllStringSubmatch(text, -1) {
			lines = append(lines, m[1])
		}
	}
	return lines
}

// checkLine says why the command line does not exist, or nothing. Nothing is run.
func checkLine(line string) string {
	args := strings.Fields(quotes.ReplaceAllString(line, "text"))
	cmd, rest, err := newRoot(&app{}).Find(args)
	switch {
	case err != nil:
		return err.Error()
	case cmd.HasAvailableSubCommands() && len(rest) > 0:
		return "there is no such verb of " + cmd.CommandPath()
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err.Error()
	}
	return ""
}

// TestPagesNameCommandsThatExist reads the commands on the pages for people,
// and holds that each of them and each of their flags exists.
func TestPagesNameCommandsThatExist(t *testing.T) {
	total := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatalf("read %s: %v", page, err)
		}
		for _, line := range commandsIn(string(text)) {
			total++
			if why := checkLine(line); why != "" {
				t.Errorf("%s: hotline %s: %s", page, line, why)
			}
		}
	}
	if total < 20 {
		t.Errorf("found %d commands only: the test holds nothing", total)
	}
}

func TestCommandsInFindsWhatIsWrong(t *testing.T) {
	const page = "jpn$  hotline pair words --dir jpn      # say these\nSee `hotline inbox --wating` and `hotline line burn X`.\n"
	lines := commandsIn(page)
	if len(lines) != 3 {
		t.Fatalf("commandsIn = %q, want three", lines)
	}
	for i, want := range []bool{true, false, false} {
		if why := checkLine(lines[i]); (why == "") != want {
			t.Errorf("checkLine(%q) = %q, want accepted: %v", lines[i], why, want)
		}
	}
}
