package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"hotline/internal/api"
)

// table prints rows under a heading, one thing a row. Every cell is made inert.
func table(w io.Writer, heading []string, rows [][]string) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, strings.Join(heading, "\t"))
	for _, r := range rows {
		for i := range r {
			r[i] = inertLine(r[i])
		}
		fmt.Fprintln(tw, strings.Join(r, "\t"))
	}
	return tw.Flush()
}

// when prints an instant for a person: date and minute in Zulu, or a dash.
func when(t api.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}

// stamp prints an instant with its second, as on a ladder.
func stamp(t api.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// sizeOf prints a number of bytes.
func sizeOf(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MB", n/1_000_000)
	case n >= 10<<10:
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%d B", n)
}

// short is an id that is long enough to find its thing again.
func short(id string) string {
	const keep = 10
	if at := strings.IndexByte(id, '1'); at >= 0 && len(id) > at+1+keep {
		return id[:at+1+keep]
	}
	return id
}

// left prints the time until t, or how late it is.
func left(t api.Time, now time.Time) string {
	if t.IsZero() {
		return "–"
	}
	d := t.Sub(now)
	late := ""
	if d < 0 {
		d, late = -d, " late"
	}
	text := fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
	if d >= time.Hour {
		text = fmt.Sprintf("%d h %02d", int(d.Hours()), int(d.Minutes())%60)
	}
	return text + late
}
