package link

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
)

// flashCadence is how often a connect is tried while a FLASH waits: steadily,
// never with a back-off that outlasts the outage.
const flashCadence = 500 * time.Millisecond

// Run keeps the link up until ctx ends, and returns ctx's error.
func (c *Client) Run(ctx context.Context) error {
	ended := make(chan struct{})
	go func() { defer close(ended); c.out.run() }()
	defer func() { c.out.close(); <-ended }()
	var kept [Lanes]*incoming
	backoff := minBackoff
	for ctx.Err() == nil {
		began := time.Now()
		c.setState(StateConnecting, nil)
		d, err := c.connect(ctx, &kept)
		if err == nil {
			began = time.Now()
			err = d.serve(ctx)
			kept = d.s.leftovers()
		}
		if ctx.Err() != nil {
			break
		}
		c.setState(StateDown, err)
		c.cfg.Log.Info("relay link down", "relay", c.cfg.Addr, "err", err)
		if d != nil && (d.s.moved() || time.Since(began) > 10*time.Second) {
			backoff = minBackoff // a link that breaks often, not one that is refused
		}
		if r, ok := errors.AsType[*RefusedError](err); ok && r.Reason == ReasonReplaced || errors.Is(err, ErrPin) {
			backoff = maxBackoff // another process or another relay: haste mends neither
			c.rival(r != nil && r.Reason == ReasonReplaced)
		}
		c.pause(ctx, backoff)
		backoff = min(2*backoff, maxBackoff)
	}
	c.setState(StateDown, ctx.Err())
	return ctx.Err()
}

// pause waits before the next attempt, with jitter so that many desks do not
// come at once, and briefly while a FLASH waits.
func (c *Client) pause(ctx context.Context, backoff time.Duration) {
	wait := time.NewTimer(jitter(backoff))
	defer wait.Stop()
	flash := time.NewTimer(jitter(min(flashCadence, backoff)))
	defer flash.Stop()
	due := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
			return
		case <-flash.C:
			if due = true; c.flashWaits() {
				return
			}
		case <-c.kick:
			if due {
				return
			}
		}
	}
}

// jitter returns d, a quarter more or less.
func jitter(d time.Duration) time.Duration {
	var b [2]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return d*3/4 + d/2*time.Duration(be.Uint16(b[:]))/(1<<16)
}

// connect opens the urgent connection and prepares a session.
func (c *Client) connect(ctx context.Context, kept *[Lanes]*incoming) (*desk, error) {
	tc, a, rtt, err := greet(ctx, &c.cfg, &Hello{Purpose: Urgent, Session: c.process, Wants: wantsOf(kept, false)})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d := &desk{c: c, answer: a}
	d.s = newSession(d, c.win, c.answerLimit)
	d.s.kept = *kept
	if c.epoch != a.Epoch {
		c.epoch, c.top = a.Epoch, [Lanes]uint64{}
	}
	c.status.Enrolled, c.status.Epoch = a.Enrolled, a.Epoch
	c.status.AllowKnown = a.Enrolled && c.allowSet && allowHash(c.allow) == a.AllowHash
	if a.Rival {
		c.status.RivalAt = time.Now()
	}
	c.live = d
	c.out.up(a.up())
	for _, l := range []uint8{flashLane, immediateLane, priorityLane, routineLane, fileLane} {
		for _, w := range c.waiting[l] {
			d.submit(w)
		}
	}
	if a.Enrolled && c.allowSet && !c.status.AllowKnown {
		d.allow(c.allow)
	}
	c.askDrops(d)
	d.s.attach(tc, false, a.Wants, rtt)
	return d, nil
}

// serve waits for the end of a session.
func (d *desk) serve(ctx context.Context) error {
	c := d.c
	c.setState(StateUp, nil)
	c.cfg.Log.Info("relay link up", "relay", c.cfg.Addr, "enrolled", d.answer.Enrolled)
	stop := d.s.runUntil(ctx)
	defer stop()
	<-d.s.done
	c.out.release(d) // a reader may be waiting for the handler
	err := d.s.wait()
	c.mu.Lock()
	c.live = nil
	c.win = d.s.win
	c.mu.Unlock()
	d.opening.Wait()
	c.out.down(err)
	return err
}
