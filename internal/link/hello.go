package link

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Purpose says what a connection is for.
type Purpose uint8

// The purposes. Their numbers are part of the protocol.
const (
	Urgent    Purpose = 1 // starts a session
	BulkOf    Purpose = 2 // joins a session
	Enrolling Purpose = 3 // shows an invitation, then ends
	Meeting   Purpose = 4 // puts or gets one blob of a rendezvous, then ends
)

const protocolVersion = 1

// Flags of an answer.
const (
	flagEnrolled = 1
	flagRival    = 2
)

// Hello is what a desk says first. The relay has verified the proof of Key.
type Hello struct {
	Purpose Purpose
	Session [16]byte // to join; of an urgent connection, the desk's process, drawn at its start
	Key     ed25519.PublicKey
	Secret  [16]byte // of an invitation
	Wants   []Want
}

// Answer is what a relay says first.
type Answer struct {
	Reason      Reason // [ReasonNone] accepts
	Enrolled    bool
	Rival       bool // another program of the same key was there
	Session     [16]byte
	Epoch       uint64
	Quota, Used uint64
	Time        time.Time
	AllowHash   [8]byte
	Wants       []Want
}

// body lays out a HELLO without its proof.
func (h *Hello) body() []byte {
	var w octets.Writer
	w.Uint8(protocolVersion)
	w.Uint8(uint8(h.Purpose))
	w.Uint8(uint8(len(h.Wants)))
	w.Uint8(0)  // flags, none yet
	w.Uint32(0) // rate and
	w.Uint32(0) // round trip of a remembered profile: reserved
	w.Raw(h.Session[:])
	w.Raw(h.Key)
	w.Raw(h.Secret[:])
	return w.Bytes()
}

// say writes HELLO and its wants in one record.
func (h *Hello) say(tc *tls.Conn, key ed25519.PrivateKey, relay ident.Relay) error {
	h.Key = key.Public().(ed25519.PublicKey)
	body := h.body()
	msg, err := binding(tc, relay, body)
	if err != nil {
		return err
	}
	rec := appendFrame(nil, frameHello, append(body, ed25519.Sign(key, msg)...))
	for _, w := range h.Wants {
		rec = appendWant(rec, w)
	}
	_, err = tc.Write(rec)
	return err
}

// errHello means a HELLO that cannot be accepted; the reason goes to the desk.
type errHello struct{ reason Reason }

func (e errHello) Error() string { return "hello: " + e.reason.String() }

// hear reads and verifies a HELLO: a frame of fixed size, and more only after
// the proof of the key has been checked. What the key has to have signed comes
// from bind.
func (h *Hello) hear(from io.Reader, bind func(hello []byte) ([]byte, error)) error {
	b, err := readFixed(from, frameHello, helloSize)
	if err != nil {
		return err
	}
	signed, proof := b[:helloSize-ed25519.SignatureSize], b[helloSize-ed25519.SignatureSize:]
	r := octets.NewReader(signed)
	if v := r.Uint8(); v != protocolVersion {
		return errHello{ReasonVersion}
	}
	h.Purpose = Purpose(r.Uint8())
	wants := int(r.Uint8())
	r.Raw(9)
	r.Into(h.Session[:])
	h.Key = append(ed25519.PublicKey(nil), r.Raw(ed25519.PublicKeySize)...)
	r.Into(h.Secret[:])
	if err := r.Done(); err != nil {
		return err
	}
	msg, err := bind(signed)
	if err != nil {
		return err
	}
	if !ed25519.Verify(h.Key, msg, proof) {
		return errHello{ReasonUnknownDesk}
	}
	if h.Purpose < Urgent || h.Purpose > Meeting {
		return errHello{ReasonProtocol}
	}
	h.Wants, err = readWants(from, wants)
	return err
}

func (a *Answer) say(to io.Writer) error {
	var w octets.Writer
	w.Uint8(protocolVersion)
	w.Uint8(uint8(a.Reason))
	w.Uint8(map[bool]uint8{true: flagEnrolled}[a.Enrolled] | map[bool]uint8{true: flagRival}[a.Rival])
	w.Uint8(uint8(len(a.Wants)))
	w.Raw(a.Session[:])
	w.Uint64(a.Epoch)
	w.Uint64(a.Quota)
	w.Uint64(a.Used)
	w.Uint64(uint64(a.Time.UnixMilli()))
	w.Raw(a.AllowHash[:])
	rec := appendFrame(nil, frameHello, w.Bytes())
	for _, want := range a.Wants {
		rec = appendWant(rec, want)
	}
	_, err := to.Write(rec)
	return err
}

func (a *Answer) hear(from io.Reader) error {
	b, err := readFixed(from, frameHello, answerSize)
	if err != nil {
		return err
	}
	r := octets.NewReader(b)
	r.Uint8() // version: the relay answers what we speak, or refuses
	a.Reason = Reason(r.Uint8())
	flags := r.Uint8()
	a.Enrolled, a.Rival = flags&flagEnrolled != 0, flags&flagRival != 0
	wants := int(r.Uint8())
	r.Into(a.Session[:])
	a.Epoch = r.Uint64()
	a.Quota = r.Uint64()
	a.Used = r.Uint64()
	a.Time = time.UnixMilli(int64(r.Uint64())).UTC()
	r.Into(a.AllowHash[:])
	if err := r.Done(); err != nil {
		return err
	}
	if a.Reason != ReasonNone {
		return &RefusedError{a.Reason}
	}
	a.Wants, err = readWants(from, wants)
	return err
}

// Pending is a connection whose desk has shown its key and waits for an answer.
type Pending struct {
	Hello
	conn *tls.Conn
}

// Accept does a relay's half of the handshake on nc: TLS and the desk's HELLO.
// On an error nc is closed. The caller bounds the time with ctx and the number
// of calls at once; each holds a fixed amount of memory.
func Accept(ctx context.Context, nc net.Conn, id *Identity) (*Pending, error) {
	if deadline, ok := ctx.Deadline(); ok {
		if err := nc.SetDeadline(deadline); err != nil {
			return nil, errors.Join(err, nc.Close())
		}
	}
	defer context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })()
	tune(nc)
	p := &Pending{conn: tls.Server(nc, id.cfg)}
	err := p.conn.HandshakeContext(ctx)
	if err == nil {
		err = p.hear(p.conn, func(hello []byte) ([]byte, error) { return binding(p.conn, id.id, hello) })
	}
	if e, ok := errors.AsType[errHello](err); ok {
		p.Refuse(e.reason)
		return nil, err
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("greet desk: %w", err), nc.Close())
	}
	return p, nil
}

// Refuse answers with a reason and closes.
func (p *Pending) Refuse(r Reason) {
	a := Answer{Reason: r, Time: time.Now()}
	_ = a.say(p.conn) // a desk that does not listen learns nothing
	p.conn.Close()
}

// accept answers and lifts the deadline.
func (p *Pending) accept(a *Answer) error {
	if err := a.say(p.conn); err != nil {
		return errors.Join(fmt.Errorf("answer desk: %w", err), p.conn.Close())
	}
	return p.conn.SetDeadline(time.Time{})
}

// Finish answers an [Enrolling] connection and closes it.
func (p *Pending) Finish(a Answer) {
	_ = a.say(p.conn) // as above
	p.conn.Close()
}

// handshakeTimeout bounds connecting and greeting. TLS over HF takes 8 s.
const handshakeTimeout = 30 * time.Second

// greet connects to the relay and says HELLO. It returns how long the relay
// took to answer, which is a first measure of the round trip.
func greet(ctx context.Context, cfg *ClientConfig, h *Hello) (tc *tls.Conn, a Answer, rtt time.Duration, err error) {
	ctx, stop := context.WithTimeout(ctx, handshakeTimeout)
	defer stop()
	dial := cfg.Dial
	if dial == nil {
		dial = (&net.Dialer{KeepAlive: -1}).DialContext // our PING is cheaper
	}
	nc, err := dial(ctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, a, 0, fmt.Errorf("connect to relay: %w", err)
	}
	tune(nc)
	tc = tls.Client(nc, clientTLS(cfg.Pin))
	unhook := context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })
	defer unhook()
	if err = tc.HandshakeContext(ctx); err == nil {
		if err = h.say(tc, cfg.Key, cfg.Pin); err == nil {
			asked := time.Now()
			err = a.hear(tc)
			rtt = time.Since(asked)
		}
	}
	if err == nil && !unhook() {
		err = ctx.Err()
	}
	if err != nil {
		return nil, a, 0, errors.Join(fmt.Errorf("greet relay: %w", err), nc.Close())
	}
	return tc, a, rtt, nil
}

// Enrol shows an invitation to its relay and so creates the mailbox that
// belongs to cfg.Key. Address and pin come from the invitation. Doing it again
// with the same key succeeds and uses nothing up. A refusal is a
// [*RefusedError].
func Enrol(ctx context.Context, i Invite, cfg ClientConfig) (Up, error) {
	cfg.Addr, cfg.Pin = i.Addr, i.Pin
	tc, a, _, err := greet(ctx, &cfg, &Hello{Purpose: Enrolling, Secret: i.Secret})
	if err != nil {
		return Up{}, fmt.Errorf("enrol: %w", err)
	}
	tc.Close() // the relay has closed too; nothing is left to say
	return a.up(), nil
}

func (a *Answer) up() Up {
	return Up{Epoch: a.Epoch, Enrolled: a.Enrolled, Rival: a.Rival, Quota: a.Quota, Used: a.Used, RelayTime: a.Time}
}

// be shortens the code below and in the sessions.
var be = binary.BigEndian
