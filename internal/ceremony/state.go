package ceremony

import (
	"bytes"
	"fmt"

	"hotline/internal/octets"
)

// stateVersion is the layout of a stored pairing.
const stateVersion = 1

// MarshalBinary returns the stored form. It holds the own nonce while the
// pairing runs, so it belongs in the encrypted store. There is no stored form
// of "paired": a pairing that is done holds no peer.
func (p *Pairing) MarshalBinary() ([]byte, error) {
	var w octets.Writer
	w.Uint8(stateVersion)
	w.Uint8(uint8(p.role))
	w.Uint8(uint8(p.step))
	w.Uint8(p.left)
	w.Raw(p.commitment[:])
	w.Raw(p.answer[:])
	w.String(p.own.name)
	w.String(p.peer.name)
	if p.step == Waiting || p.step == Compare {
		p.own.write(&w)
	}
	if p.step == Compare {
		p.peer.write(&w)
	}
	if p.step == Done {
		for _, n := range p.said {
			w.Uint16(n)
		}
	}
	return w.Bytes(), nil
}

// Unmarshal reads what [Pairing.MarshalBinary] wrote.
func Unmarshal(b []byte) (*Pairing, error) {
	r := octets.NewReader(bytes.Clone(b))
	if v := r.Uint8(); v != stateVersion {
		r.Fail(fmt.Errorf("%w: stored form %d", ErrVersion, v))
	}
	p := &Pairing{role: Role(r.Uint8()), step: Step(r.Uint8()), left: r.Uint8()}
	r.Into(p.commitment[:])
	r.Into(p.answer[:])
	own, peer := r.String(MaxName), r.String(MaxName)
	p.own.name, p.peer.name = own, peer
	if p.step == Waiting || p.step == Compare {
		p.own = readSide(r)
	}
	if p.step == Compare {
		p.peer = readSide(r)
	}
	if p.step == Done {
		for i := range p.said {
			if p.said[i] = r.Uint16(); p.said[i] >= listSize {
				r.Fail(fmt.Errorf("%w: word %d", ErrMalformed, p.said[i]))
			}
		}
	}
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("load pairing: %w", malformed(err))
	}
	if err := p.check(own, peer); err != nil {
		return nil, fmt.Errorf("load pairing: %w", err)
	}
	return p, nil
}

func (p *Pairing) check(own, peer string) error {
	running := p.step == Waiting || p.step == Compare
	switch {
	case p.role != A && p.role != B, p.step < Waiting || p.step > Dead, p.left > Attempts, running && p.left == 0:
		return fmt.Errorf("%w: role %d, step %d, %d attempts", ErrMalformed, p.role, p.step, p.left)
	case p.own.name != own || p.peer.name != peer:
		return fmt.Errorf("%w: names differ", ErrMalformed)
	}
	if running {
		if err := p.own.check(); err != nil {
			return err
		}
	}
	if p.step == Compare {
		return p.peer.check()
	}
	return nil
}
