// Package emulate puts a slow, long and broken link between two TCP programs,
// in user space and on real sockets, for tests and for `hotline bench`.
//
// A [Proxy] listens on loopback and forwards to a target through a model of a
// link: a rate each way shared by all connections, a bounded queue, one-way
// delay, jitter, loss, outages. The programs on both sides are the real ones.
//
// Its limits: it carries the bytes of TCP connections, not packets. A loss
// shows as what TCP makes of it (the connection's data from there on comes one
// round trip later and costs air time twice), a full queue as a sender that
// blocks, and an outage as silence followed by TCP's back-off. Congestion
// control of the end points does not run across the model, so it says nothing
// about BBR against CUBIC; kernel buffers before and behind the model are
// small but not zero. What it does show well is what a scheduler makes of a
// link's time: precedence, standing queues, resumption. This package is on
// floor 2.
package emulate

import (
	"context"
	"time"
)

// Link describes a link. The zero value is a perfect one.
type Link struct {
	// RateUp and RateDown are in bit/s from the program that dials to the
	// target and back; zero is unlimited.
	RateUp, RateDown int64
	// Delay is one way: half of the round trip.
	Delay time.Duration
	// Jitter is added to Delay, uniform between zero and this; order is kept.
	Jitter time.Duration
	// Loss is the probability, 0 to 1, that a segment is lost, each way.
	Loss float64
	// Queue bounds the bytes that wait before the link, each way; zero means
	// the larger of 250 ms and one round trip at the rate, at least 30 kB.
	Queue int
	// Outages are counted from the start of the proxy.
	Outages []Outage
	// Seed makes jitter and loss repeatable.
	Seed uint64
}

// Outage is a time in which nothing moves either way.
type Outage struct{ Start, For time.Duration }

// Proxy is a running link. Make one with [Start].
type Proxy struct{}

// Start listens on a free loopback port and forwards to target (host:port)
// until ctx ends.
func Start(ctx context.Context, target string, l Link) (*Proxy, error) { return &Proxy{}, nil }

// Addr is where to dial.
func (p *Proxy) Addr() string { return "" }

// SetDown starts or ends an outage by hand.
func (p *Proxy) SetDown(down bool) {}

// Cut breaks every connection that is open now.
func (p *Proxy) Cut() {}
