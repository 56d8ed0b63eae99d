package config

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"hotline/internal/fault"
)

// Desk is desk.toml.
type Desk struct {
	Console Console `toml:"console" doc:"the web console of the officers"`
	Store   Store   `toml:"store" doc:"the encrypted store"`
	Socket  Socket  `toml:"socket" doc:"the control socket of the command line"`
	Pairing Pairing `toml:"pairing" doc:"the ceremony with another party"`
	Log     Log     `toml:"log" doc:"what is written to stderr; never content, subjects or keys"`
}

// Console is where the web console listens.
type Console struct {
	Listen string   `toml:"listen" doc:"address and port; a loopback address, because the console speaks plain HTTP; port 0 takes a free one; empty: no console"`
	Hosts  []string `toml:"hosts" doc:"further names by which a TLS proxy on this machine asks for the console"`
}

// Store is how the store is opened.
type Store struct {
	PassphraseFile string `toml:"passphrase_file" doc:"file with the passphrase, readable by this user alone, for an unattended start; empty: ask at the terminal"`
	Retention      string `toml:"retention" doc:"how long the text and the bundle of a message are kept after nobody needs them any more: 30d, 12h, 90s; its journal leaf, hash, label and ladder stay; empty: for good"`
	TPM            string `toml:"tpm" doc:"the TPM for a slot of kind tpm: a device, or the socket of an emulator; empty: /dev/tpmrm0"`
}

// Socket is who the command line is.
type Socket struct {
	Officer string `toml:"officer" doc:"name under which the user of this machine acts, in the journal and on receipts"`
	Role    string `toml:"role" doc:"operator, or viewer to let the command line only read"`
}

// Pairing is what this party asks of a ceremony.
type Pairing struct {
	Persons int `toml:"persons" doc:"how many officers confirm a pairing: 1, or 2 for an officer and a witness, each with a password of their own"`
}

// Log is the log of a process.
type Log struct {
	Level  string `toml:"level" doc:"debug, info, warn or error"`
	Format string `toml:"format" doc:"text or json"`
}

// DefaultDesk returns what holds without a file.
func DefaultDesk() Desk {
	return Desk{
		Console: Console{Listen: "127.0.0.1:8650", Hosts: []string{}},
		Socket:  Socket{Officer: "operator of this system", Role: "operator"},
		Pairing: Pairing{Persons: 1},
		Log:     Log{Level: "info", Format: "text"},
	}
}

// Check returns what does not fit, as a fault of kind Config.
func (c Desk) Check() error {
	if c.Console.Listen != "" {
		if err := checkLoopback("console.listen", c.Console.Listen); err != nil {
			return err
		}
	}
	for _, h := range c.Console.Hosts {
		if h == "" || strings.ContainsAny(h, ":/ ") {
			return bad("console.hosts", "names without port are needed")
		}
	}
	if _, err := c.Store.Keep(); err != nil {
		return err
	}
	if c.Socket.Officer == "" {
		return bad("socket.officer", "a name is needed")
	}
	if c.Socket.Role != "operator" && c.Socket.Role != "viewer" {
		return bad("socket.role", "operator or viewer is needed")
	}
	if c.Pairing.Persons != 1 && c.Pairing.Persons != 2 {
		return bad("pairing.persons", "1 or 2 is needed")
	}
	return c.Log.check()
}

func (l Log) check() error {
	if _, err := l.level(); err != nil || l.Level != strings.ToLower(l.Level) {
		return bad("log.level", "debug, info, warn or error is needed")
	}
	if l.Format != "text" && l.Format != "json" {
		return bad("log.format", "text or json is needed")
	}
	return nil
}

// maxRetention is the longest retention; who wants more wants it for good.
const maxRetention = 100 * 365 * 24 * time.Hour

// Keep is the retention; zero: for good.
func (s Store) Keep() (time.Duration, error) {
	if s.Retention == "" {
		return 0, nil
	}
	text := s.Retention
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, bad("store.retention", "days such as 30d, or hours such as 12h, are needed")
		}
		text = strconv.FormatUint(24*n, 10) + "h"
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > maxRetention {
		return 0, bad("store.retention", "a time from 1s to 100 years such as 30d or 12h is needed")
	}
	return d, nil
}

// Logger returns the logger that a checked l describes.
func (l Log) Logger(w io.Writer) *slog.Logger {
	level, _ := l.level() // checked
	opts := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// checkLoopback refuses an address that others could reach.
func checkLoopback(key, addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return bad(key, "host:port is needed")
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return bad(key, "a loopback address is needed").
			WithHint("put a proxy with TLS in front of it on this machine, and name its host in console.hosts")
	}
	return nil
}

// bad is a value that does not fit.
func bad(key, need string) *fault.Error {
	return fault.New(fault.Config, "The configuration's %s does not fit: %s.", key, need)
}
