package exchange

import (
	"errors"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/marking"
	"hotline/internal/octets"
	"hotline/internal/wire"
)

// label returns l as it is sealed, with ids in the place of names. A name that
// this desk does not know is a [fault.Error].
func (d *directory) label(l marking.Label) (wire.Label, error) {
	out := wire.Label{Classification: l.Classification, TLP: l.TLP, PAP: l.PAP, Any: l.REL.Any, Caveats: l.Caveats}
	for _, n := range l.REL.Parties {
		id, ok := d.ids[n]
		if !ok {
			return wire.Label{}, fault.New(fault.Invalid, "REL names %q, and this desk knows no party of that name.", n)
		}
		out.REL = append(out.REL, id)
	}
	out.REL = octets.Sorted(out.REL, ident.Compare[ident.Party]) // two names may stand for one party
	return out, nil
}

// Marking returns the label of a message with our names for the parties.
func (v *View) Marking(l wire.Label) marking.Label {
	out := marking.Label{Classification: l.Classification, TLP: l.TLP, PAP: l.PAP, REL: marking.REL{Any: l.Any}, Caveats: l.Caveats}
	for _, id := range l.REL {
		out.REL.Parties = append(out.REL.Parties, v.Name(id))
	}
	return out
}

// labelFault makes a refusal of a marking error.
func labelFault(err error) error {
	m, ok := errors.AsType[*marking.Error](err)
	if !ok {
		return fault.Wrap(err, fault.Refused, "The marking cannot be used.")
	}
	f := fault.Wrap(err, fault.Refused, "%s", m.Msg)
	if m.Hint != "" {
		return f.WithHint("%s", m.Hint)
	}
	return f
}
