package relay

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"hotline/internal/fault"
	"hotline/internal/link"
	"hotline/internal/spool"
)

// InviteOptions bound an invitation.
type InviteOptions struct {
	// Addr is the host and port that the token names. A relay that runs fills
	// in its own when this is empty.
	Addr  string
	Uses  int           // desks that may enrol with it; zero means one
	Quota uint64        // bytes per mailbox; zero means the relay's default
	For   time.Duration // until it expires; zero means 24 hours
}

// Status is what a relay says about itself.
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

// request and reply are the two lines of a talk on the control socket.
type request struct {
	Do     string        `json:"do"`
	Invite InviteOptions `json:"invite"`
}

type reply struct {
	Status *Status `json:"status,omitempty"`
	Token  string  `json:"token,omitempty"`
	Error  string  `json:"error,omitempty"`
}

// controlTimeout bounds one talk.
const controlTimeout = 10 * time.Second

// shortPath returns a name for the socket that fits the 108 bytes of a socket
// address (unix(7)), whatever the directory, and a function to call after use.
func shortPath(dir string) (string, func(), error) {
	name := path(dir, controlFile)
	if len(name) < 100 {
		return name, func() {}, nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), controlFile), func() { _ = d.Close() }, nil
}

// listenControl makes the socket. The directory is locked, so one that is there
// is a dead process's.
func (r *Relay) listenControl() (net.Listener, error) {
	name, done, err := shortPath(r.cfg.Dir)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	ln, err := net.Listen("unix", name)
	if err != nil {
		return nil, err
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false) // the short name is gone by then
	if err := os.Chmod(path(r.cfg.Dir, controlFile), 0o600); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}

// serveControl answers the relay's own operator.
func (r *Relay) serveControl(ctx context.Context, ln net.Listener) {
	defer r.serving.Done()
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		r.serving.Add(1)
		go func() {
			defer r.serving.Done()
			defer c.Close()
			c.SetDeadline(time.Now().Add(controlTimeout))
			var q request
			if err := json.NewDecoder(io.LimitReader(c, 4096)).Decode(&q); err != nil {
				return
			}
			_ = json.NewEncoder(c).Encode(r.control(ctx, q))
		}()
	}
}

func (r *Relay) control(ctx context.Context, q request) reply {
	switch q.Do {
	case "status":
		t := r.spool.Totals()
		return reply{Status: &Status{
			ID: r.ID().String(), Addr: r.addr, Running: true, Since: r.since.UTC(), Links: r.hub.count(),
			Mailboxes: t.Mailboxes, Waiting: t.Items, Bytes: t.Bytes,
			Accepted: r.accepted.Load(), Refused: r.refused.Load(),
		}}
	case "invite":
		if q.Invite.Addr == "" {
			q.Invite.Addr = r.cfg.Public
		}
		if q.Invite.Quota == 0 {
			q.Invite.Quota = uint64(r.cfg.MailboxBytes)
		}
		token, err := invite(ctx, r.spool, r.id, q.Invite)
		if err != nil {
			r.log.Error("invite", "err", err)
			return reply{Error: "The invitation cannot be recorded."}
		}
		return reply{Token: token}
	default:
		return reply{Error: "This relay does not know that request."}
	}
}

// invite draws a secret and records it.
func invite(ctx context.Context, reg spool.Registry, id *link.Identity, o InviteOptions) (string, error) {
	o.Uses = orDefault(o.Uses, 1)
	if o.For == 0 {
		o.For = 24 * time.Hour
	}
	if o.Quota == 0 {
		o.Quota = DefaultMailboxBytes
	}
	t := link.Invite{Addr: o.Addr, Pin: id.ID(), Quota: o.Quota, Expiry: time.Now().Add(o.For).Truncate(time.Second)}
	rand.Read(t.Secret[:]) // never fails: crypto/rand ends the process instead
	err := reg.Invite(ctx, spool.Invitation{Secret: t.Secret[:], Uses: o.Uses, Quota: o.Quota, Expiry: t.Expiry})
	if err != nil {
		return "", err
	}
	return t.Token(), nil
}

// ask talks to the relay that runs in dir. It returns an error wrapping
// [errNotRunning] when none does.
func ask(ctx context.Context, dir string, q request) (a reply, err error) {
	name, done, err := shortPath(dir)
	if err != nil {
		return a, fmt.Errorf("ask relay: %w: %w", errNotRunning, err)
	}
	defer done()
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", name)
	if err != nil {
		return a, fmt.Errorf("ask relay: %w: %w", errNotRunning, err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(controlTimeout))
	if err := json.NewEncoder(c).Encode(q); err != nil {
		return a, fmt.Errorf("ask relay: %w", err)
	}
	if err := json.NewDecoder(io.LimitReader(c, 1<<16)).Decode(&a); err != nil {
		return a, fmt.Errorf("ask relay: %w", err)
	}
	if a.Error != "" {
		return a, fault.New(fault.Internal, "%s", a.Error)
	}
	return a, nil
}

var errNotRunning = errors.New("no relay runs in this directory")

// Invite makes an invitation at the relay in dir, running or not, and returns
// its token, which is a secret.
func Invite(ctx context.Context, dir string, o InviteOptions) (string, error) {
	key, err := readKey(dir)
	if err != nil {
		return "", err
	}
	a, err := ask(ctx, dir, request{Do: "invite", Invite: o})
	if !errors.Is(err, errNotRunning) {
		return a.Token, err
	}
	if o.Addr == "" {
		return "", fault.New(fault.Config, "The relay is not running, so the invitation needs its address.").WithHint("name it, as desks reach it: host:port")
	}
	lock, err := lockDir(dir)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.close() }()
	id, err := link.NewIdentity(key)
	if err != nil {
		return "", err
	}
	s, err := openSpool(ctx, dir, nil)
	if err != nil {
		return "", err
	}
	token, err := invite(ctx, s, id, o)
	return token, errors.Join(err, s.Close())
}

// ReadStatus asks the relay in dir over its control socket. When none runs it
// returns a status with Running false.
func ReadStatus(ctx context.Context, dir string) (Status, error) {
	key, err := readKey(dir)
	if err != nil {
		return Status{}, err
	}
	a, err := ask(ctx, dir, request{Do: "status"})
	if errors.Is(err, errNotRunning) {
		id, err := link.NewIdentity(key)
		if err != nil {
			return Status{}, err
		}
		return Status{ID: id.ID().String()}, nil
	}
	if err != nil {
		return Status{}, err
	}
	if a.Status == nil {
		return Status{}, fault.New(fault.Internal, "The relay's answer makes no sense.")
	}
	return *a.Status, nil
}
