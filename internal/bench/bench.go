// Package bench measures what a user gets: desks and a relay as processes of
// the same binary, driven through their control sockets, on real disks, through
// an emulated link where the link is the question.
//
// A figure alone says little, so each stands beside its limit in the same run:
// the physics of the link, or what the bare disk does. Ratios last longer than
// milliseconds. docs/benchmarks.md says what each row is and where it ends.
//
// This package is on floor 6. It starts the scene as `hotline demo`, another
// process, and knows no rule of desk or relay; but for a line of hundreds of
// desks, whose engines, stores and links it runs in one process, with a relay
// and emulated links between them.
package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"
)

// Row is one figure with its distribution.
type Row struct {
	Name string  `json:"name"`
	Unit string  `json:"unit"` // "ms", "s", "1/s", "MB", "B", "kbit/s"
	N    int     `json:"n"`    // measurements
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	// Limit is the physical limit, or the peer measured in the same run; zero
	// where there is none.
	Limit float64 `json:"limit,omitzero"`
	Ratio float64 `json:"ratio,omitzero"` // of P50 to Limit
}

// Options are what every benchmark needs.
type Options struct {
	Program string    // the hotline binary
	JSON    bool      // one object a line; else a table at the end
	Commit  string    // of the binary
	Out     io.Writer // rows
	Err     io.Writer // progress
}

// say tells the person at the terminal what is happening.
func (o *Options) say(format string, args ...any) { fmt.Fprintf(o.Err, format+"\n", args...) }

// report writes the rows and, last, the machine.
func (o *Options) report(rows []Row) error {
	if !o.JSON {
		return o.table(rows)
	}
	enc := json.NewEncoder(o.Out)
	for _, r := range rows {
		if err := enc.Encode(r.rounded()); err != nil {
			return fmt.Errorf("write row %s: %w", r.Name, err)
		}
	}
	if err := enc.Encode(machine(o.Commit)); err != nil {
		return fmt.Errorf("write machine: %w", err)
	}
	return nil
}

func (o *Options) table(rows []Row) error {
	w := tabwriter.NewWriter(o.Out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "NAME\tN\tP50\tP90\tP99\tUNIT\tLIMIT\tRATIO\t")
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	orDash := func(v float64) string {
		if v == 0 {
			return "–"
		}
		return number(v)
	}
	for _, r := range rows {
		r = r.rounded()
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t\n", r.Name, r.N, number(r.P50), number(r.P90), number(r.P99), r.Unit, orDash(r.Limit), orDash(r.Ratio))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	m := machine(o.Commit)
	_, err := fmt.Fprintf(o.Out, "%s, %d processors, %s, %s, commit %s, %s, load %s\n", m.CPU, m.Processors, m.OS, m.Go, m.Commit, m.Date, m.Load)
	return err
}

// rounded keeps three digits: more would claim what was not measured.
func (r Row) rounded() Row {
	for _, v := range []*float64{&r.P50, &r.P90, &r.P99, &r.Limit, &r.Ratio} {
		*v = round(*v)
	}
	return r
}

func round(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	scale := math.Pow(10, float64(max(digits, 0)))
	return math.Round(v*scale) / scale
}

// against sets the limit of a row and its ratio.
func (r Row) against(limit float64) Row {
	if limit > 0 {
		r.Limit, r.Ratio = limit, r.P50/limit
	}
	return r
}

// row makes a row of values of which small ones are good.
func row(name, unit string, values []float64) Row {
	sorted := slices.Sorted(slices.Values(values))
	return Row{Name: name, Unit: unit, N: len(values), P50: percentile(sorted, 50), P90: percentile(sorted, 90), P99: percentile(sorted, 99)}
}

// rateRow makes a row of rates, of which large ones are good: p90 is what nine
// of ten reached.
func rateRow(name, unit string, values []float64) Row {
	sorted := slices.Sorted(slices.Values(values))
	slices.Reverse(sorted)
	return Row{Name: name, Unit: unit, N: len(values), P50: percentile(sorted, 50), P90: percentile(sorted, 90), P99: percentile(sorted, 99)}
}

// millis are durations in milliseconds.
func millis(all []time.Duration) []float64 {
	out := make([]float64, len(all))
	for i, d := range all {
		out[i] = float64(d) / float64(time.Millisecond)
	}
	return out
}

// percentile returns the value that p percent of sorted do not exceed (nearest
// rank); zero of nothing.
func percentile(sorted []float64, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := (p*len(sorted) + 99) / 100
	return sorted[max(rank, 1)-1]
}

// rates cuts moments, in order, into equal blocks and returns the rate of each
// in events per second. The first block counts from begun.
func rates(begun time.Time, moments []time.Time, blocks int) []float64 {
	blocks = min(blocks, len(moments))
	var out []float64
	from, before := begun, 0
	for i := range blocks {
		upTo := (i + 1) * len(moments) / blocks
		to := moments[upTo-1]
		if took := to.Sub(from).Seconds(); took > 0 {
			out = append(out, float64(upTo-before)/took)
			from, before = to, upTo
		}
	}
	return out
}
