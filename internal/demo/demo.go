// Package demo puts a whole hotline on one machine: a relay and the desks of
// three parties, paired and on two lines, with a short exercise played.
//
// Nothing here is a shortcut that users do not have. The relay and every desk
// are processes of the same binary, started as an operator starts them; the
// ceremony goes through their control sockets with each side typing the
// other's words; what the demo prints can be typed in a shell. So what a person
// kills, starts again and looks into is what they would run, and the tests of
// package endtoend drive the same scene.
//
// This package is on floor 6: it starts relays and desks and asks them; it
// holds no rule of theirs.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"hotline/internal/emulate"
	"hotline/internal/fault"
)

// Options say which demo to run. The zero value of each field but Program is
// useful.
type Options struct {
	Program string // the hotline binary
	Dir     string // where everything lives, kept and resumed; empty: a temporary directory, removed at the end
	Ready   string // file to write when all is up; empty: none
	Quiet   bool   // play no exercise
	Command string // how a person calls the program, for what is printed; empty: Program
	// Link puts every desk behind an emulated link of its own to the relay. It
	// needs a temporary directory, because a link's port lasts as long as the
	// demo.
	Link emulate.Link
	// Two leaves the third party out, and the line of all three. It needs a
	// temporary directory too.
	Two bool
	Out io.Writer // addresses and what to try
	Err io.Writer // what is happening
}

// parties are those of the demo. The first two share a line of their own.
var parties = []string{"JPN", "NATO", "AUS"}

// Names of the lines.
const (
	bilateral = "JPN–NATO"
	alliance  = "Alliance"
)

// demo is one demo that runs.
type demo struct {
	Options
	layout
	begun time.Time
	crib  *crib
	relay *station
	addr  string     // of the relay
	desks []*station // in the order of parties

	// saying guards the following.
	saying   sync.Mutex
	stopping bool
}

// Run starts the demo and keeps it running until ctx ends; then it stops what
// it started and returns nil. An error before everything is up stops it too.
func Run(ctx context.Context, o Options) (err error) {
	d := &demo{Options: o, begun: time.Now()}
	if d.Command == "" {
		d.Command = d.Program
	}
	if (d.thin() || d.Two) && d.Dir != "" {
		return fault.New(fault.Invalid, "Only a whole demo without a slow link can be kept and gone on with.").WithHint("leave --dir out")
	}
	if d.layout, err = openLayout(o.Dir); err != nil {
		return err
	}
	d.crib = newCrib()
	defer func() { err = errors.Join(err, d.end()) }()
	err = d.up(ctx)
	if ctx.Err() != nil {
		return nil // ended by a person, early
	}
	if err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// up brings everything up, for the first time or again, and shows it.
func (d *demo) up(ctx context.Context) error {
	bring := d.make
	if d.resumes {
		bring = d.resume
	}
	if err := bring(ctx); err != nil {
		return err
	}
	facts, err := d.facts(ctx)
	if err != nil {
		return err
	}
	if d.Ready != "" {
		if err := writeReady(d.Ready, facts); err != nil {
			return err
		}
	}
	return d.show(ctx, facts)
}

// end stops what was started and removes a temporary directory, unless a
// person started a desk or the relay in it again.
func (d *demo) end() error {
	d.saying.Lock()
	d.stopping = true
	d.saying.Unlock()
	d.say("Stopping.")
	var stopping sync.WaitGroup
	for _, s := range d.desks {
		stopping.Go(s.stop)
	}
	stopping.Wait()
	if d.relay != nil {
		d.relay.stop()
	}
	d.crib.close()
	strays := d.strays()
	for _, s := range strays {
		d.say("%s was started again by hand and still runs; its directory stays: %s", s.name, s.dir)
	}
	return d.layout.close(len(strays) == 0)
}

// strays are the stations that run although the demo's own process of them has
// ended.
func (d *demo) strays() (all []*station) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for _, s := range append([]*station{d.relay}, d.desks...) {
		if s == nil || s.alive == nil {
			continue
		}
		if up, err := s.alive(ctx); up && err == nil {
			all = append(all, s)
		}
	}
	return all
}

// say tells the person at the terminal what is happening.
func (d *demo) say(format string, args ...any) {
	d.saying.Lock()
	defer d.saying.Unlock()
	fmt.Fprintf(d.Err, format+"\n", args...)
}

// done says that a step is over, and when.
func (d *demo) done(format string, args ...any) {
	d.say("  ✓ %4.1f s  %s", time.Since(d.begun).Seconds(), fmt.Sprintf(format, args...))
}

// watch says once when a station's process ends before the demo does. It is
// not started again: whoever killed it wants to see what happens.
func (d *demo) watch(s *station) {
	<-s.ended
	d.saying.Lock()
	defer d.saying.Unlock()
	if !d.stopping {
		fmt.Fprintf(d.Err, "%s has stopped (%s). The rest goes on. To start it again:\n  %s\n", s.name, s.how(), d.shell(s.args...))
	}
}

// await asks check every few milliseconds until it is content, and gives up
// after limit with a sentence about what it waited for.
func await(ctx context.Context, what string, limit time.Duration, check func(context.Context) (bool, error)) error {
	waiting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := check(waiting)
		if ok || err != nil && waiting.Err() == nil {
			return err
		}
		select {
		case <-waiting.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fault.New(fault.Timeout, "The demo waited %s in vain: %s.", limit, what)
		case <-tick.C:
		}
	}
}

// childEnv is the environment of the processes: without HOTLINE_DIR and the
// like, which would turn one desk into another.
func childEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "HOTLINE_") {
			env = append(env, v)
		}
	}
	return env
}
