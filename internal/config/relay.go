package config

import (
	"net"
	"strconv"
)

// Relay is relay.toml.
type Relay struct {
	Link   Link   `toml:"link" doc:"where desks connect"`
	Limits Limits `toml:"limits" doc:"what the relay takes; 0 is its own default"`
	Log    Log    `toml:"log" doc:"what is written to stderr; the relay knows no content"`
}

// Link is where a relay listens.
type Link struct {
	Listen string `toml:"listen" doc:"address and port for desks"`
	Public string `toml:"public" doc:"address and port that invitations name, as desks reach it from outside; empty: the same as listen"`
}

// Limits is how much a relay takes.
type Limits struct {
	MailboxBytes int64 `toml:"mailbox_bytes" doc:"most bytes that wait for one mailbox, when its invitation names none; 0: 1 GiB"`
	TotalBytes   int64 `toml:"total_bytes" doc:"most bytes that wait in all; 0: 20 GiB"`
	Connections  int   `toml:"connections" doc:"most connections at once; 0: 4096"`
}

// DefaultRelay returns what holds without a file.
func DefaultRelay() Relay {
	return Relay{
		Link: Link{Listen: "0.0.0.0:8651"},
		Log:  Log{Level: "info", Format: "text"},
	}
}

// Check returns what does not fit, as a fault of kind Config.
func (c Relay) Check() error {
	if _, _, err := net.SplitHostPort(c.Link.Listen); err != nil {
		return bad("link.listen", "host:port is needed")
	}
	if c.Link.Public != "" {
		host, port, err := net.SplitHostPort(c.Link.Public)
		n, bad16 := strconv.ParseUint(port, 10, 16)
		if err != nil || host == "" || bad16 != nil || n == 0 {
			return bad("link.public", "host:port is needed, as desks reach it")
		}
	}
	if c.Limits.MailboxBytes < 0 || c.Limits.TotalBytes < 0 || c.Limits.Connections < 0 {
		return bad("limits", "numbers cannot be negative")
	}
	return c.Log.check()
}
