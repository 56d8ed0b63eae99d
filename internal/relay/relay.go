// Package relay is a store-and-forward node: it takes sealed envelopes for
// mailboxes, says "accepted" when they are on its disk, and pushes them to
// their owners. It knows neither names nor identities nor contents.
//
// It assembles a spool and links: [Init] makes a directory, [New] and
// [Relay.Run] serve it, [Invite] prints a token that lets a desk enrol. This
// package is on floor 5.
package relay

import (
	"context"
	"log/slog"
	"time"

	"hotline/internal/ident"
)

// InitConfig says how a new relay shall be.
type InitConfig struct {
	// Listen is the address to listen on, host:port; ":0" is not allowed here
	// because invitations name the port.
	Listen string
	// Public is the address that invitations name; empty means Listen.
	Public string
}

// Init makes a relay in dir: relay.toml, relay.key, relay.db. It refuses a
// directory that already holds one.
func Init(ctx context.Context, dir string, cfg InitConfig) (ident.Relay, error) {
	return ident.Relay{}, nil
}

// Config says which relay to run.
type Config struct {
	Dir string
	Log *slog.Logger // nil discards
	// Ready, if set, is called once with the address that the relay listens on.
	Ready func(addr string)
}

// Relay is one relay. Make one with [New].
type Relay struct{ cfg Config }

// New opens the relay in cfg.Dir. Only one process can have it open.
func New(ctx context.Context, cfg Config) (*Relay, error) { return &Relay{cfg: cfg}, nil }

// ID returns the relay's id, which desks pin.
func (r *Relay) ID() ident.Relay { return ident.Relay{} }

// Run serves until ctx ends, then closes the relay; it returns nil when ctx
// ended it, and the error that stopped it otherwise.
func (r *Relay) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// InviteOptions bound an invitation.
type InviteOptions struct {
	Uses  int           // desks that may enrol with it; zero means one
	Quota uint64        // bytes per mailbox; zero means the relay's default
	For   time.Duration // until it expires; zero means 24 hours
}

// Invite makes an invitation at the relay in dir, running or not, and returns
// its token, which is a secret.
func Invite(ctx context.Context, dir string, o InviteOptions) (string, error) { return "", nil }

// Status is what a running relay says about itself.
type Status struct {
	ID        string    `json:"id"`
	Addr      string    `json:"addr"`
	Running   bool      `json:"running"`
	Since     time.Time `json:"since"`
	Links     int       `json:"links"`
	Mailboxes int       `json:"mailboxes"`
	Waiting   int       `json:"waiting"`       // envelopes not yet fetched
	Bytes     uint64    `json:"waiting_bytes"` // of these
	Accepted  uint64    `json:"accepted"`      // puts since the start
	Refused   uint64    `json:"refused"`       // mailboxes that refused since the start
}

// ReadStatus asks the relay in dir over its control socket. When none runs it
// returns a status with Running false.
func ReadStatus(ctx context.Context, dir string) (Status, error) { return Status{}, nil }
