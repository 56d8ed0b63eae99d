package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hotline/internal/api"
	"hotline/internal/fault"
)

var update = flag.Bool("update", false, "write docs/cli.md and docs/config.md anew")

// TestDocs compares what is generated in docs/ with the tree of commands and
// the structs of the configuration.
func TestDocs(t *testing.T) {
	const cli, conf = "../../docs/cli.md", "../../docs/config.md"
	have := readFile(t, cli)
	head, rest, ok := strings.Cut(have, "<!-- begin -->\n")
	_, tail, ok2 := strings.Cut(rest, "<!-- end -->\n")
	if !ok || !ok2 {
		t.Fatal("docs/cli.md has lost its marks <!-- begin --> and <!-- end -->")
	}
	want := head + "<!-- begin -->\n" + commandDocs(newRoot(&app{})) + "<!-- end -->\n" + tail
	wantConf := configDocs()
	if *update {
		writeDoc(t, cli, want)
		writeDoc(t, conf, wantConf)
		return
	}
	const mend = "go test ./cmd/hotline -run TestDocs -update"
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("docs/cli.md is not what the commands say; %s\n%s", mend, diff)
	}
	if diff := cmp.Diff(wantConf, readFile(t, conf)); diff != "" {
		t.Errorf("docs/config.md is not what the structs say; %s\n%s", mend, diff)
	}
}

// commandDocs writes every command with its flags.
func commandDocs(root *cobra.Command) string {
	var b strings.Builder
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if !c.IsAvailableCommand() && c.HasParent() || c.Name() == "help" {
			return
		}
		if c.HasParent() && !c.HasAvailableSubCommands() {
			fmt.Fprintf(&b, "\n### %s\n\n%s.\n\n```\n%s\n```\n", c.CommandPath(), c.Short, c.UseLine())
			if c.Example != "" {
				fmt.Fprintf(&b, "\n```\n%s\n```\n", strings.ReplaceAll(c.Example, "\n  ", "\n")[2:])
			}
			flagDocs(&b, c.LocalNonPersistentFlags())
		}
		if c.Name() == "completion" {
			fmt.Fprintf(&b, "\n### hotline completion\n\nPrint the completion script of a shell: `bash`, `zsh`, `fish` or `powershell`. It asks the running desk for lines and ids.\n")
			return
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	b.WriteString("\n### Flags of every command\n")
	flagDocs(&b, root.PersistentFlags())
	b.WriteString("\n")
	return b.String()
}

func flagDocs(b *strings.Builder, fs *pflag.FlagSet) {
	begun := false
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		if !begun {
			b.WriteString("\n| flag | meaning |\n| --- | --- |\n")
			begun = true
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if kind := f.Value.Type(); kind != "bool" {
			name += " " + kind
		}
		usage := strings.ReplaceAll(f.Usage, "|", "\\|")
		switch f.DefValue {
		case "", "false", "[]", "0", "0s":
		default:
			if !strings.Contains(usage, "(default") {
				usage += " (default " + f.DefValue + ")"
			}
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", name, usage)
	})
}

func configDocs() string {
	return `# Configuration

Made from the structs of internal/config: go test ./cmd/hotline -run TestDocs -update. One strict TOML file for each process, in its directory. Order: flag, then
` + "`HOTLINE_SECTION_KEY`" + ` in the environment, then the file, then the default. An unknown key is an error with its line, its column and the nearest key that exists.
` + "`hotline config example desk`" + ` prints what stands here; ` + "`hotline config check desk`" + ` reads a file and says what is wrong.

## desk.toml

` + "```toml\n" + configExample("desk") + "```" + `

## relay.toml

` + "```toml\n" + configExample("relay") + "```\n"
}

// TestErrorsPage compares the table of docs/errors.md with the codes in force.
func TestErrorsPage(t *testing.T) {
	page := readFile(t, "../../docs/errors.md")
	kinds := 0
	for k := fault.Internal; fault.ParseKind(k.String()) == k && k <= fault.Config; k++ {
		kinds++
		row := regexp.MustCompile("(?m)^\\| `" + k.String() + "` \\| ([0-9a-z ]+) \\| ([0-9]+) \\|").FindStringSubmatch(page)
		if row == nil {
			t.Errorf("docs/errors.md has no row for %s", k)
			continue
		}
		status := fmt.Sprint(api.StatusOf(k))
		if k == fault.Denied {
			status = "401 or 403"
		}
		if code := fmt.Sprint(exitOf(fault.New(k, "x"))); row[1] != status || row[2] != code {
			t.Errorf("docs/errors.md says %s is HTTP %s and exit %s; it is %s and %s", k, row[1], row[2], status, code)
		}
	}
	if rows := len(regexp.MustCompile("(?m)^\\| `").FindAllString(page, -1)); rows != kinds {
		t.Errorf("docs/errors.md has %d rows, there are %d kinds", rows, kinds)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func writeDoc(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil { //nolint:gosec // a page of documentation
		t.Fatal(err)
	}
}
