package desk

import (
	"fmt"
	"slices"
	"strings"

	"hotline/internal/api"
	"hotline/internal/complaint"
	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/store"
)

// lineAlarms lists what stands above every screen because of one line: records
// that differ, what another desk proved of one, a cut-off that somebody has not
// confirmed, and that this desk itself was cut off.
func (d *Desk) lineAlarms(tx *store.Tx, l exchange.LineView) ([]api.Alarm, error) {
	v := d.engine.View()
	out := []api.Alarm{}
	if v.Removed[d.id.Self.Desk] {
		out = append(out, api.Alarm{Kind: "removed", Desk: d.id.DeskName, DeskID: d.id.Self.Desk.String(), Text: "Nothing new can be sent or read here."})
	}
	proofs, err := tx.Proofs(l.ID, mostNamed)
	if err != nil {
		return nil, fmt.Errorf("list proofs: %w", err)
	}
	convicted := map[ident.Desk]bool{}
	named := map[ident.Desk]bool{}
	for _, p := range proofs {
		convicted[p.Sender] = convicted[p.Sender] || p.Convicts()
		if named[p.Sender] {
			continue
		}
		named[p.Sender] = true
		out = append(out, api.Alarm{Kind: "divergence", Text: p.Text, At: at(p.At), DeskID: p.Sender.String(), Desk: v.Desk(p.Sender)})
	}
	told, err := d.toldOf(tx, l, convicted)
	if err != nil {
		return nil, err
	}
	out = append(out, told...)
	cutoffs, err := d.engine.Cutoffs(tx)
	if err != nil {
		return nil, err
	}
	for _, c := range cutoffs {
		if !c.Alarm || !slices.Contains(l.Parties, c.Party) {
			continue
		}
		var missing []string
		for _, id := range c.Unconfirmed {
			missing = append(missing, v.Desk(id))
		}
		out = append(out, api.Alarm{
			Kind: "cutoff", At: at(c.At), DeskID: c.Desk.String(), Desk: c.Name,
			Text: fmt.Sprintf("%s: not confirmed by %s.", c.Name, strings.Join(missing, ", ")),
		})
	}
	return out, nil
}

// mostNamed bounds how many desks are named so on a line.
const mostNamed = 64

// toldOf is what was proven of desks in complaints, the newest of each but those
// that stand there convicted already. A desk's word without proof is shown with
// the line, and never here.
func (d *Desk) toldOf(tx *store.Tx, l exchange.LineView, convicted map[ident.Desk]bool) (out []api.Alarm, err error) {
	rows, err := tx.Complaints(l.ID, store.Proven, mostNamed)
	if err != nil {
		return nil, fmt.Errorf("list complaints: %w", err)
	}
	v, seen := d.engine.View(), convicted
	for _, row := range rows {
		if seen[row.About] {
			continue
		}
		seen[row.About] = true
		x, err := complaint.Parse(d.id.MessageKey.Suite(), row.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read complaint: %w", err)
		}
		out = append(out, api.Alarm{Kind: "complaint", Text: x.Text(v.Desk), At: at(row.At), DeskID: x.About.String(), Desk: v.Desk(x.About)})
	}
	return out, nil
}
