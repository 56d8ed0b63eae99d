package evidence

import (
	"fmt"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/ident"
)

// chainID names one chain: a lane, or the receipts to a party, under one
// sending key.
type chainID struct {
	desk       ident.Desk
	group      ident.Group
	generation chain.Generation
	lane       uint8
	to         ident.Party
}

// path is a chain from its start, as hashes.
type path struct {
	chainID
	insides  [][32]byte
	running  [][32]byte // running[i] is before insides[i]; one more at the end
	attested uint32     // so many of them are under a hybrid signature
}

func (c *checker) readPaths() error {
	seen := map[chainID]bool{}
	for i, e := range c.f.Paths {
		p, err := c.readPath(e)
		if err != nil {
			return unproven("paths", i, "%w", err)
		}
		if seen[p.chainID] {
			return unproven("paths", i, "there are two of this chain")
		}
		seen[p.chainID] = true
		c.paths = append(c.paths, p)
	}
	return nil
}

func (c *checker) readPath(e Path) (path, error) {
	desk, cert, group, err := c.at(e.Desk, e.Group)
	if err != nil {
		return path{}, err
	}
	p := path{chainID: chainID{desk: desk, group: group, lane: e.Lane}}
	if len(e.Generation) != len(p.generation) || e.Lane >= checkpoint.Lanes || (e.Lane == uint8(chain.Receipts)) != (e.To != "") {
		return path{}, fmt.Errorf("it names no chain of desk %s", cert.Name)
	}
	copy(p.generation[:], e.Generation)
	if e.To != "" {
		if p.to, err = ident.ParseParty(e.To); err != nil {
			return path{}, err
		}
	}
	running := chain.RunningStart(c.s, group, desk, p.generation, chain.Lane(e.Lane), p.to)
	p.running = append(p.running, running)
	for _, b := range e.Insides {
		if len(b) != len(running) {
			return path{}, fmt.Errorf("a hash of %d bytes", len(b))
		}
		running = chain.Follow(c.s, running, [32]byte(b))
		p.insides, p.running = append(p.insides, [32]byte(b)), append(p.running, running)
	}
	for _, a := range c.attestations {
		last, hash, ok := attestedIn(a, p.chainID)
		switch {
		case !ok:
		case int(last) > len(p.insides):
			return path{}, fmt.Errorf("desk %s attests %d messages of this chain and the path has %d", cert.Name, last, len(p.insides))
		case p.running[last] == hash:
			p.attested = max(p.attested, last)
		case !c.signedAt(p, last):
			return path{}, fmt.Errorf("it does not lead to what desk %s attests", cert.Name)
		}
	}
	return p, nil
}

// attestedIn is how far an attestation goes in a chain.
func attestedIn(a checkpoint.Attestation, id chainID) (last uint32, running [32]byte, ok bool) {
	if a.Sender != id.desk || a.Group != id.group || a.Generation != id.generation || a.To != id.to {
		return 0, running, false
	}
	for _, l := range a.Lanes {
		if l.Lane == id.lane {
			return l.Last, l.Running, true
		}
	}
	return 0, running, false
}

// signedAt reports whether the desk of the path signed its message number n, in
// that place: then an attestation that says otherwise convicts the desk, and not
// whoever made the file.
func (c *checker) signedAt(p path, n uint32) bool {
	for i := range c.signed {
		x := &c.signed[i]
		if at, ok := p.place(x); ok && at == n {
			return true
		}
	}
	return false
}

// holds reports whether x was signed under the path's sending key and in its
// lane.
func (p *path) holds(x *signed) bool {
	return x.desk == p.desk && x.group == p.group && x.in.Generation == p.generation && uint8(x.in.Lane) == p.lane
}

// place is where x stands in the path, from 1.
func (p *path) place(x *signed) (n uint32, ok bool) {
	n = x.in.Sequence
	ok = p.holds(x) && int(n) <= len(p.insides) && n > 0 && p.insides[n-1] == x.inside && p.running[n-1] == x.in.Previous
	return n, ok
}

// attested reports whether x is under a hybrid signature of its desk.
func (c *checker) attested(x *signed) bool {
	for i := range c.paths {
		if n, ok := c.paths[i].place(x); ok && n <= c.paths[i].attested {
			return true
		}
	}
	return false
}
