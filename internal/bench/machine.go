package bench

import (
	"bufio"
	"os"
	"runtime"
	"strings"
	"time"
)

// Machine is the last line of every benchmark: where its figures come from.
type Machine struct {
	Name       string `json:"name"` // "machine"
	CPU        string `json:"cpu"`
	Processors int    `json:"processors"`
	OS         string `json:"os"` // "linux/amd64 6.18.5"
	Go         string `json:"go"`
	Commit     string `json:"commit"`
	Date       string `json:"date"`           // RFC 3339, UTC
	Load       string `json:"load,omitempty"` // of the last minute: what else the machine did
}

func machine(commit string) Machine {
	m := Machine{
		Name: "machine", CPU: runtime.GOARCH, Processors: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH,
		Go: runtime.Version(), Commit: commit, Date: time.Now().UTC().Format(time.RFC3339),
	}
	if model := field("/proc/cpuinfo", "model name"); model != "" {
		m.CPU = model
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.OS += " " + strings.TrimSpace(string(b))
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(b), " ")
	}
	return m
}

// field returns the value of a line "name : value" in a file of /proc; empty
// where there is none.
func field(file, name string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }() // only read
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
