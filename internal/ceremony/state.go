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
func (p *Pairing) MarshalBinary() ([]byte, error) { return octets.Encode(p.fields), nil }

// Unmarshal reads what [Pairing.MarshalBinary] wrote.
func Unmarshal(b []byte) (*Pairing, error) {
	p := &Pairing{}
	if err := octets.Decode(bytes.Clone(b), p.fields); err != nil {
		return nil, fmt.Errorf("load pairing: %w", err)
	}
	return p, nil
}

func (p *Pairing) fields(c *octets.Coder) {
	v := uint8(stateVersion)
	if c.Uint8(&v); v != stateVersion {
		c.Fail(fmt.Errorf("%w: stored form %d", ErrVersion, v))
	}
	c.Uint8((*uint8)(&p.role))
	c.Must(p.role == A || p.role == B, "role %d", p.role)
	c.Uint8((*uint8)(&p.step))
	c.Must(p.step >= Waiting && p.step <= Dead, "step %d", p.step)
	running := p.step == Waiting || p.step == Compare
	c.Uint8(&p.left)
	c.Must(p.left <= Attempts && (p.left > 0 || !running), "%d attempts", p.left)
	c.Array(p.commitment[:], p.answer[:])
	own, peer := p.own.name, p.peer.name
	c.Text("own name", &own, MaxName, true)
	c.Text("name of the other side", &peer, MaxName, true)
	p.own.name, p.peer.name = own, peer
	if running {
		p.own.fields(c)
	}
	if p.step == Compare {
		p.peer.fields(c)
	}
	c.Must(p.own.name == own && p.peer.name == peer, "names differ")
	if p.step == Done {
		for i := range p.said {
			c.Uint16(&p.said[i])
			c.Must(p.said[i] < listSize, "word %d", p.said[i])
		}
	}
}
