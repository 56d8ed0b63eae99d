package demo

import (
	"context"
	"net/url"
	"strings"
	"time"

	"hotline/internal/api"
	"hotline/internal/fault"
	"hotline/internal/relay"
)

// settleWithin is how long something may take that travels between desks on
// one machine.
const settleWithin = 60 * time.Second

// pair has two parties meet, with the three files and the twelve words of the
// ceremony. What two people do by voice, the demo does here: each side is given
// the words that the other reads.
func (d *demo) pair(ctx context.Context, a, b *station) error {
	var first, second, third, last api.Pairing
	err := a.client.Post(ctx, "/pairings", "", api.PairingNew{Peer: b.name}, &first)
	if err == nil {
		err = b.client.Post(ctx, "/pairings/answer", "", api.PairingFile{File: first.File, Peer: a.name}, &second)
	}
	if err == nil {
		err = a.client.Post(ctx, "/pairings/"+url.PathEscape(first.ID)+"/open", "", api.PairingFile{File: second.File}, &third)
	}
	if err == nil {
		err = b.client.Post(ctx, "/pairings/"+url.PathEscape(second.ID)+"/open", "", api.PairingFile{File: third.File}, &last)
	}
	if err != nil {
		return err
	}
	if err := hear(ctx, b, last.ID, third.Say); err != nil {
		return err
	}
	if err := hear(ctx, a, first.ID, last.Say); err != nil {
		return err
	}
	d.done("%s and %s are paired: six words said, six typed, on each side", a.name, b.name)
	return nil
}

// hear types at s the words that the other side reads.
func hear(ctx context.Context, s *station, id string, words []string) error {
	var p api.Pairing
	if err := s.client.Post(ctx, "/pairings/"+url.PathEscape(id)+"/confirm", "", api.PairingWords{Words: words}, &p); err != nil {
		return err
	}
	if !p.Paired {
		return fault.New(fault.Unverified, "The words that %s heard do not match.", s.name)
	}
	return nil
}

// openLine has the first desk propose a line and the others accept it, and
// waits until it is open everywhere and every desk has the keys of the others.
func (d *demo) openLine(ctx context.Context, name string, first *station, others ...*station) error {
	in := api.LineNew{Name: name}
	for _, s := range others {
		in.Parties = append(in.Parties, s.name)
	}
	if err := first.client.Post(ctx, "/lines", "", in, nil); err != nil {
		return err
	}
	for _, s := range others {
		err := await(ctx, s.name+" was not offered line "+name, settleWithin, func(ctx context.Context) (bool, error) {
			l, err := line(ctx, s, name)
			return l.State != "", err
		})
		if err != nil {
			return err
		}
		if err := s.client.Post(ctx, "/lines/"+url.PathEscape(name)+"/accept", "", struct{}{}, nil); err != nil {
			return err
		}
	}
	all := append([]*station{first}, others...)
	if err := awaitOpen(ctx, name, all...); err != nil {
		return err
	}
	if err := d.settle(ctx, all...); err != nil {
		return err
	}
	d.done("line %s is open, keys are exchanged: %s", name, strings.Join(append([]string{first.name}, in.Parties...), ", "))
	return nil
}

// awaitOpen waits until a line is open at every station.
func awaitOpen(ctx context.Context, name string, all ...*station) error {
	for _, s := range all {
		err := await(ctx, "line "+name+" is not open at "+s.name, settleWithin, func(ctx context.Context) (bool, error) {
			l, err := line(ctx, s, name)
			return l.State == "open", err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// settle waits until nothing is on its way: no desk has anything for the relay
// and the relay has nothing for a desk. Once a line is open this means that
// every desk has the sending keys of the others.
func (d *demo) settle(ctx context.Context, all ...*station) error {
	return await(ctx, "keys are still on their way", settleWithin, func(ctx context.Context) (bool, error) {
		for _, s := range all {
			var desk api.Desk
			if err := s.client.Get(ctx, "/desk", nil, &desk); err != nil {
				return false, err
			}
			for _, r := range desk.Relays {
				if r.Waiting > 0 {
					return false, nil
				}
			}
		}
		st, err := relay.ReadStatus(ctx, d.relay.dir)
		return st.Waiting == 0, err
	})
}

// line returns a line as s sees it, or the zero line when it has none of that
// name.
func line(ctx context.Context, s *station, name string) (api.Line, error) {
	var all []api.Line
	err := s.client.Get(ctx, "/lines", nil, &all)
	for _, l := range all {
		if l.Name == name {
			return l, err
		}
	}
	return api.Line{}, err
}
