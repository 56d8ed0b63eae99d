package main

import (
	"crypto/fips140"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker in a release (-X main.version=…).
var version = "0.1.0-dev"

// build is what hotline version prints.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	FIPS    string `json:"fips140"` // off, or the module and how strict it is
}

func thisBuild() build {
	b := build{Version: version, Commit: "unknown", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, FIPS: fipsMode()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	changed := false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			changed = s.Value == "true"
		}
	}
	if changed {
		b.Commit += "+changes"
	}
	return b
}

// fipsMode says whether Go keeps to its FIPS 140-3 module, and to which.
func fipsMode() string {
	switch {
	case fips140.Enforced():
		return "only, module " + fips140.Version()
	case fips140.Enabled():
		return "on, module " + fips140.Version()
	}
	return "off"
}

// newVersionCmd returns "hotline version".
func newVersionCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this binary",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			if asJSON {
				return a.printJSON(b)
			}
			_, err := fmt.Fprintf(a.out, "hotline %s, commit %s, %s, %s/%s, FIPS 140 mode %s\n", b.Version, b.Commit, b.Go, b.OS, b.Arch, b.FIPS)
			return err
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// jsonFlag adds --json.
func jsonFlag(cmd *cobra.Command, v *bool) {
	cmd.Flags().BoolVar(v, "json", false, "print JSON, one object a line")
}
