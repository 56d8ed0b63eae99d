package link

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// A rendezvous (docs/spec/link.md, Section 10): two desks that do not know one
// another yet leave three blobs at a relay, under a slot that only a shared
// code tells. The relay sees sizes and times; what is in a blob is sealed, and
// is believed by nobody before words have been said.

const (
	// MaxMeeting is the longest blob in bytes: a file that an officer carries.
	MaxMeeting = 256 << 10
	// MeetingWait is how long a relay holds a desk that asks for a blob which
	// is not there yet.
	MeetingWait = 45 * time.Second
	// MeetingSteps is how many blobs a rendezvous has.
	MeetingSteps = 3

	meetSize = 22 // op 1, slot 16, step 1, length 4
	metSize  = 5  // reason 1, length 4

	opPut uint8 = 1
	opGet uint8 = 2
)

// Slot is where a rendezvous is at its relay.
type Slot [16]byte

// MeetingPlace is what a relay does with rendezvous. Its methods are called
// from one goroutine per connection.
type MeetingPlace interface {
	// Room says whether a blob may be put, before any of it is read.
	Room(key ed25519.PublicKey, slot Slot, step uint8, size int) Reason
	Put(key ed25519.PublicKey, slot Slot, step uint8, blob []byte) Reason
	// Get returns a blob; it waits for one until ctx ends.
	Get(ctx context.Context, slot Slot, step uint8) ([]byte, Reason)
}

// Meet serves the one request of a [Meeting] connection and closes it.
func (p *Pending) Meet(ctx context.Context, a Answer, place MeetingPlace) error {
	defer p.conn.Close()
	defer context.AfterFunc(ctx, func() { _ = p.conn.SetDeadline(time.Unix(1, 0)) })()
	if err := a.say(p.conn); err != nil {
		return fmt.Errorf("answer desk: %w", err)
	}
	if err := p.conn.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return fmt.Errorf("serve rendezvous: %w", err)
	}
	op, slot, step, size, err := readMeet(p.conn)
	if err != nil {
		return fmt.Errorf("serve rendezvous: %w", err)
	}
	reason, blob := ReasonProtocol, []byte(nil)
	switch {
	case step < 1 || step > MeetingSteps:
	case op == opPut && size > 0 && size <= MaxMeeting:
		if reason = place.Room(p.Key, slot, step, size); reason == ReasonNone {
			if blob, err = readParts(p.conn, size); err != nil {
				return fmt.Errorf("serve rendezvous: %w", err)
			}
			reason, blob = place.Put(p.Key, slot, step, blob), nil
		}
	case op == opGet && size == 0:
		wait, stop := context.WithTimeout(ctx, MeetingWait)
		blob, reason = place.Get(wait, slot, step)
		stop()
	}
	if err := p.conn.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return fmt.Errorf("serve rendezvous: %w", err)
	}
	if _, err = p.conn.Write(appendMet(nil, reason, blob)); err != nil {
		return fmt.Errorf("serve rendezvous: %w", err)
	}
	return nil
}

// MeetPut leaves a blob at a relay. The same one again is no error.
func MeetPut(ctx context.Context, cfg ClientConfig, slot Slot, step uint8, blob []byte) error {
	if len(blob) == 0 || len(blob) > MaxMeeting {
		return fmt.Errorf("put into rendezvous: %d bytes", len(blob))
	}
	if _, err := meet(ctx, &cfg, opPut, slot, step, blob); err != nil {
		return fmt.Errorf("put into rendezvous: %w", err)
	}
	return nil
}

// MeetGet returns a blob. While it is not there the relay waits for it a while,
// and then refuses with [ReasonNotYet].
func MeetGet(ctx context.Context, cfg ClientConfig, slot Slot, step uint8) ([]byte, error) {
	blob, err := meet(ctx, &cfg, opGet, slot, step, nil)
	if err != nil {
		return nil, fmt.Errorf("get from rendezvous: %w", err)
	}
	return blob, nil
}

func meet(ctx context.Context, cfg *ClientConfig, op uint8, slot Slot, step uint8, blob []byte) ([]byte, error) {
	tc, _, _, err := greet(ctx, cfg, &Hello{Purpose: Meeting})
	if err != nil {
		return nil, err
	}
	defer tc.Close()
	defer context.AfterFunc(ctx, func() { _ = tc.SetDeadline(time.Unix(1, 0)) })()
	if err := tc.SetDeadline(time.Now().Add(MeetingWait + 2*handshakeTimeout)); err != nil {
		return nil, err
	}
	if _, err := tc.Write(appendMeet(nil, op, slot, step, len(blob))); err != nil {
		return nil, err
	}
	// A refusal may come before everything is written, and closes.
	sent := make(chan error, 1)
	go func() { _, err := tc.Write(appendParts(nil, blob)); sent <- err }()
	got, err := readMet(tc, op)
	if err == nil && op == opPut {
		err = <-sent
	}
	return got, err
}

// appendMeet appends MEET.
func appendMeet(dst []byte, op uint8, slot Slot, step uint8, size int) []byte {
	dst = append(appendHead(dst, frameMeet, meetSize), op)
	dst = append(append(dst, slot[:]...), step)
	return be.AppendUint32(dst, uint32(size))
}

// readMeet reads MEET as it stands; what makes sense of it is for the caller.
func readMeet(from io.Reader) (op uint8, slot Slot, step uint8, size int, err error) {
	b, err := readFixed(from, frameMeet, meetSize)
	if err != nil {
		return 0, slot, 0, 0, err
	}
	r := octets.NewReader(b)
	op = r.Uint8()
	r.Into(slot[:])
	step, size = r.Uint8(), int(r.Uint32())
	return op, slot, step, size, r.Done()
}

// appendMet appends MET, and the blob behind it.
func appendMet(dst []byte, r Reason, blob []byte) []byte {
	dst = append(appendHead(dst, frameMet, metSize), byte(r))
	return appendParts(be.AppendUint32(dst, uint32(len(blob))), blob)
}

// readMet reads MET, and the blob behind it: only a get is given one.
func readMet(from io.Reader, op uint8) ([]byte, error) {
	b, err := readFixed(from, frameMet, metSize)
	if err != nil {
		return nil, err
	}
	reason, size := Reason(b[0]), int(be.Uint32(b[1:]))
	switch {
	case reason != ReasonNone:
		return nil, &RefusedError{reason}
	case size > MaxMeeting || op == opPut && size != 0:
		return nil, protocolError("blob of %d bytes", size)
	}
	return readParts(from, size)
}

// appendParts appends b in frames.
func appendParts(dst, b []byte) []byte {
	for len(b) > 0 {
		n := min(len(b), MaxFrame)
		dst = appendFrame(dst, framePart, b[:n])
		b = b[n:]
	}
	return dst
}

// readParts reads size bytes that come in frames. Memory grows with what has
// come, not with what was announced.
func readParts(from io.Reader, size int) (b []byte, err error) {
	for len(b) < size {
		part, err := readFixed(from, framePart, min(size-len(b), MaxFrame))
		if err != nil {
			return nil, err
		}
		b = append(b, part...)
	}
	return b, nil
}

// RelayAt returns the id of the relay that answers at an address. Nobody vouches
// for it: only a rendezvous may use it, whose key comes from the id too.
func RelayAt(ctx context.Context, addr string, dial func(ctx context.Context, network, addr string) (net.Conn, error)) (id ident.Relay, err error) {
	ctx, stop := context.WithTimeout(ctx, handshakeTimeout)
	defer stop()
	if dial == nil {
		dial = (&net.Dialer{KeepAlive: -1}).DialContext
	}
	nc, err := dial(ctx, "tcp", addr)
	if err != nil {
		return id, fmt.Errorf("connect to relay: %w", err)
	}
	defer nc.Close()
	cfg := clientTLS(id)
	cfg.VerifyConnection = func(cs tls.ConnectionState) error {
		if len(cs.PeerCertificates) == 0 {
			return errors.New("no certificate")
		}
		id = RelayOf(cs.PeerCertificates[0].RawSubjectPublicKeyInfo)
		return nil
	}
	if err := tls.Client(nc, cfg).HandshakeContext(ctx); err != nil {
		return id, fmt.Errorf("ask who the relay is: %w", err)
	}
	return id, nil
}
