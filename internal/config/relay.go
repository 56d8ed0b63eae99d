package config

import "net"

// Relay is relay.toml.
type Relay struct {
	Link Link `toml:"link" doc:"where desks connect"`
	Log  Log  `toml:"log" doc:"what is written to stderr; the relay knows no content"`
}

// Link is where a relay listens.
type Link struct {
	Listen string `toml:"listen" doc:"address and port for desks"`
	Public string `toml:"public" doc:"address and port that invitations name, as desks reach it from outside; empty: the same as listen"`
}

// DefaultRelay returns what holds without a file.
func DefaultRelay() Relay {
	return Relay{
		Link: Link{Listen: "0.0.0.0:8651"},
		Log:  Log{Level: "info", Format: "text"},
	}
}

func (c Relay) check() error {
	if _, _, err := net.SplitHostPort(c.Link.Listen); err != nil {
		return bad("link.listen", "host:port is needed")
	}
	if c.Link.Public != "" {
		host, port, err := net.SplitHostPort(c.Link.Public)
		if err != nil || host == "" || port == "" || port == "0" {
			return bad("link.public", "host:port is needed, as desks reach it")
		}
	}
	return c.Log.check()
}
