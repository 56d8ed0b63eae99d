package desk

import (
	"fmt"
	"slices"
	"strings"

	"hotline/internal/api"
	"hotline/internal/complaint"
	"hotline/internal/exchange"
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
	proofs, err := tx.Proofs(l.ID, 1)
	if err != nil {
		return nil, fmt.Errorf("list proofs: %w", err)
	}
	for _, p := range proofs {
		out = append(out, api.Alarm{Kind: "divergence", Text: p.Text, At: at(p.At), DeskID: p.Sender.String(), Desk: v.Desk(p.Sender)})
	}
	if len(proofs) == 0 {
		told, err := d.toldOf(tx, l)
		if err != nil {
			return nil, err
		}
		out = append(out, told...)
	}
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

// toldOf is what another desk proved of one that told this desk no lie: the
// newest. A desk's word without proof is shown with the line, and never here.
func (d *Desk) toldOf(tx *store.Tx, l exchange.LineView) ([]api.Alarm, error) {
	const newest = 64
	rows, err := tx.Complaints(l.ID, newest)
	if err != nil {
		return nil, fmt.Errorf("list complaints: %w", err)
	}
	v := d.engine.View()
	for _, row := range rows {
		if !complaint.Kind(row.Kind).Proves() {
			continue
		}
		x, err := complaint.Parse(d.id.MessageKey.Suite(), row.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read complaint: %w", err)
		}
		return []api.Alarm{{Kind: "complaint", Text: x.Text(v.Desk), At: at(row.At), DeskID: x.About.String(), Desk: v.Desk(x.About)}}, nil
	}
	return nil, nil
}
