package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"

	"hotline/internal/api"
	"hotline/internal/config"
	"hotline/internal/desk"
	"hotline/internal/emulate"
	"hotline/internal/fault"
	"hotline/internal/relay"
)

// make makes everything for the first time. The two parties of the first line
// come first and the third one after their first alert, because unlocking a
// desk takes all processors for about a second on purpose.
func (d *demo) make(ctx context.Context) error {
	d.say("Making a relay and three desks in %s", d.dir)
	d.relay = d.relayStation()
	if err := d.makeRelay(ctx); err != nil {
		return err
	}
	jpn, nato := d.deskStation(parties[0]), d.deskStation(parties[1])
	d.desks = []*station{jpn, nato}
	if err := both(ctx, d.makeDesk, jpn, nato); err != nil {
		return err
	}
	if err := d.pair(ctx, jpn, nato); err != nil {
		return err
	}
	if err := d.openLine(ctx, bilateral, jpn, nato); err != nil {
		return err
	}
	if err := d.playFirst(ctx, jpn, nato); err != nil {
		return err
	}
	if !d.Two {
		if err := d.addThird(ctx, jpn, nato); err != nil {
			return err
		}
	}
	return d.writeMark(mark{Format: markFormat, Complete: true})
}

// addThird brings in the third party and opens the line of all three.
func (d *demo) addThird(ctx context.Context, jpn, nato *station) error {
	aus := d.deskStation(parties[2])
	d.desks = append(d.desks, aus)
	if err := d.makeDesk(ctx, aus); err != nil {
		return err
	}
	for _, s := range []*station{jpn, nato} {
		if err := d.pair(ctx, s, aus); err != nil {
			return err
		}
	}
	if err := d.openLine(ctx, alliance, jpn, nato, aus); err != nil {
		return err
	}
	return d.playRest(ctx, jpn, nato, aus)
}

// resume starts everything that was made before.
func (d *demo) resume(ctx context.Context) error {
	d.say("Going on with the demo in %s", d.dir)
	d.relay = d.relayStation()
	if err := d.start(ctx, d.relay); err != nil {
		return err
	}
	for _, party := range parties {
		s := d.deskStation(party)
		c, err := config.ReadDesk(s.dir, nil)
		if err != nil {
			return err
		}
		s.console = "http://" + c.Console.Listen
		d.desks = append(d.desks, s)
	}
	err := both(ctx, func(ctx context.Context, s *station) error {
		if err := d.start(ctx, s); err != nil {
			return err
		}
		d.done("desk %s runs", s.name)
		return nil
	}, d.desks...)
	if err != nil {
		return err
	}
	if err := awaitOpen(ctx, bilateral, d.desks[:2]...); err != nil {
		return err
	}
	if err := awaitOpen(ctx, alliance, d.desks...); err != nil {
		return err
	}
	d.done("the lines are open")
	return nil
}

// both does one thing for several stations at once.
func both(ctx context.Context, do func(context.Context, *station) error, all ...*station) error {
	var wait sync.WaitGroup
	errs := make([]error, len(all))
	for i, s := range all {
		wait.Go(func() { errs[i] = do(ctx, s) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

func (d *demo) relayStation() *station {
	s := &station{name: "relay", dir: d.path("relay"), log: d.path("logs", "relay.log")}
	s.args = []string{"relay", "run", "--dir", s.dir}
	s.alive = func(ctx context.Context) (bool, error) {
		st, err := relay.ReadStatus(ctx, s.dir)
		return st.Running, err
	}
	return s
}

func (d *demo) deskStation(party string) *station {
	s := &station{name: party, dir: d.path(party), log: d.path("logs", party+".log")}
	s.args = []string{"desk", "run", "--dir", s.dir}
	s.client = api.NewClient(s.dir)
	s.alive = func(ctx context.Context) (bool, error) {
		err := s.client.Get(ctx, "/desk", nil, &api.Desk{})
		if fault.Is(err, fault.Unavailable) {
			return false, nil
		}
		return err == nil, err
	}
	return s
}

// makeRelay makes and starts the relay.
func (d *demo) makeRelay(ctx context.Context) error {
	if _, err := relay.Init(ctx, d.relay.dir); err != nil {
		return err
	}
	addr, err := freePort(ctx)
	if err != nil {
		return err
	}
	c, defaults := config.DefaultRelay(), config.DefaultRelay()
	c.Link.Listen, c.Link.Public = addr, addr
	text := config.Example("The relay of a demo.", &c, &defaults)
	if err := writeFile(filepath.Join(d.relay.dir, config.RelayFile), []byte(text)); err != nil {
		return err
	}
	if err := d.start(ctx, d.relay); err != nil {
		return err
	}
	d.addr = addr
	d.done("the relay runs on %s", addr)
	return nil
}

// thin reports whether desks get a slow link.
func (d *demo) thin() bool { return d.Link.RateUp > 0 || d.Link.RateDown > 0 || d.Link.Delay > 0 }

// relayAddr returns where a new desk dials the relay: there, or at the near end
// of a slow link that lasts as long as ctx.
func (d *demo) relayAddr(ctx context.Context) (string, error) {
	if !d.thin() {
		return d.addr, nil
	}
	p, err := emulate.Start(ctx, d.addr, d.Link)
	if err != nil {
		return "", fault.Wrap(err, fault.Config, "The slow link cannot be made.")
	}
	return p.Addr(), nil
}

// makeDesk makes a desk with a root and a passphrase of its own, and starts it.
// Its console's port stands in desk.toml, so that it comes back on the same one.
func (d *demo) makeDesk(ctx context.Context, s *station) error {
	addr, err := d.relayAddr(ctx)
	if err != nil {
		return err
	}
	token, err := relay.Invite(ctx, d.relay.dir, relay.InviteOptions{Addr: addr})
	if err != nil {
		return err
	}
	console, err := freePort(ctx)
	if err != nil {
		return err
	}
	secret := d.path("secrets", s.name+".passphrase")
	passphrase := rand.Text()
	if err := writeFile(secret, []byte(passphrase+"\n")); err != nil {
		return err
	}
	_, err = desk.Init(ctx, desk.InitOptions{
		Dir: s.dir, Party: s.name, Relays: []string{token}, Passphrase: []byte(passphrase),
		RootFile: d.path("roots", s.name+".root"), ConsoleAddr: console,
	})
	if err != nil {
		return err
	}
	c, defaults := config.DefaultDesk(), config.DefaultDesk()
	c.Console.Listen, c.Store.PassphraseFile = console, secret
	text := config.Example("A desk of a demo.", &c, &defaults)
	if err := writeFile(filepath.Join(s.dir, config.DeskFile), []byte(text)); err != nil {
		return err
	}
	s.console = "http://" + console
	if err := d.start(ctx, s); err != nil {
		return err
	}
	d.done("desk %s runs, with keys of its own", s.name)
	return nil
}

// freePort returns a loopback address that was free a moment ago.
func freePort(ctx context.Context) (string, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fault.Wrap(err, fault.Config, "No free port was found on 127.0.0.1.")
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		return "", fmt.Errorf("find free port: %w", err)
	}
	return addr, nil
}

// writeFile writes a file of this user alone.
func writeFile(name string, content []byte) error {
	if err := os.WriteFile(name, content, 0o600); err != nil {
		return fault.Wrap(err, fault.Config, "The demo's directory cannot be written.")
	}
	return nil
}
