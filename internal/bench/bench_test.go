package bench

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hotline/internal/stix"
)

func TestPercentileIsTheNearestRank(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(i + 1)
	}
	tests := map[string]struct {
		values        []float64
		p50, p90, p99 float64
	}{
		"nothing":     {nil, 0, 0, 0},
		"one":         {[]float64{7}, 7, 7, 7},
		"two":         {[]float64{1, 2}, 1, 2, 2},
		"three":       {[]float64{1, 2, 3}, 2, 3, 3},
		"one hundred": {hundred, 50, 90, 99},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			slices.Reverse(tt.values) // a row sorts
			got := row("x", "ms", tt.values)
			want := Row{Name: "x", Unit: "ms", N: len(tt.values), P50: tt.p50, P90: tt.p90, P99: tt.p99}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("row (-want +got):\n%s", diff)
			}
		})
	}
}

// Of rates the small ones are bad: p90 is what nine of ten reached.
func TestRateRowLooksDown(t *testing.T) {
	got := rateRow("x", "1/s", []float64{10, 9, 8, 7, 6, 5, 4, 3, 2, 1})
	if got.P50 != 6 || got.P90 != 2 || got.P99 != 1 {
		t.Errorf("rateRow = %+v, want 6, 2, 1", got)
	}
}

func TestRatesCutMomentsIntoBlocks(t *testing.T) {
	begun := time.Unix(0, 0)
	at := func(ms ...int) (all []time.Time) {
		for _, m := range ms {
			all = append(all, begun.Add(time.Duration(m)*time.Millisecond))
		}
		return all
	}
	tests := map[string]struct {
		moments []time.Time
		blocks  int
		want    []float64
	}{
		"nothing":                  {nil, 20, nil},
		"two blocks":               {at(100, 200, 250, 300), 2, []float64{10, 20}},
		"fewer moments than asked": {at(100), 20, []float64{10}},
		"a burst at one moment":    {at(100, 100, 100, 200), 4, []float64{10, 30}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, rates(begun, tt.moments, tt.blocks)); diff != "" {
				t.Errorf("rates (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReportIsOneObjectALineAndTheMachineLast(t *testing.T) {
	var out bytes.Buffer
	o := Options{JSON: true, Commit: "abc", Out: &out, Err: io.Discard}
	rows := []Row{{Name: "a", Unit: "ms", N: 3, P50: 1.23456, P90: 2, P99: 1234.5}, Row{Name: "b", Unit: "1/s", P50: 500}.against(2000)}
	if err := o.report(rows); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	want := []string{
		`{"name":"a","unit":"ms","n":3,"p50":1.23,"p90":2,"p99":1235}`,
		`{"name":"b","unit":"1/s","n":0,"p50":500,"p90":0,"p99":0,"limit":2000,"ratio":0.25}`,
	}
	if diff := cmp.Diff(want, lines[:len(lines)-1]); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	var m Machine
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &m); err != nil {
		t.Fatal(err)
	}
	if m.Name != "machine" || m.CPU == "" || m.OS == "" || m.Commit != "abc" || m.Date == "" {
		t.Errorf("machine = %+v", m)
	}
}

func TestTableShowsEveryRow(t *testing.T) {
	var out bytes.Buffer
	o := Options{Commit: "abc", Out: &out, Err: io.Discard}
	if err := o.report([]Row{{Name: "flash/idle", Unit: "ms", N: 20, P50: 612.4}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"flash/idle", "612", "commit abc", "–"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("table lacks %q:\n%s", want, out.String())
		}
	}
}

func TestLimitIsTheSumOfTwoHops(t *testing.T) {
	f := Flash{}
	f.complete()
	if got := f.limit(); got != 556 {
		t.Errorf("limit = %v ms, want 556: two hops of 150 ms and of 1,024 bytes at 64 kbit/s", got)
	}
}

func TestFlashRows(t *testing.T) {
	f := Flash{Rate: 64_000, RTT: 300 * time.Millisecond}
	s := func(d ...time.Duration) []time.Duration { return d }
	rows := flashRows(f, s(600*time.Millisecond), s(1200*time.Millisecond), 48)
	byName := map[string]Row{}
	for _, r := range rows {
		byName[r.Name] = r
	}
	for name, want := range map[string]float64{
		"flash/idle": 600.0 / 556, "flash/under_bulk": 1200.0 / 556, "flash/bulk_meanwhile": 0.75,
	} {
		if got := byName[name].Ratio; got != want {
			t.Errorf("ratio of %s = %v, want %v", name, got, want)
		}
	}
	if got := byName["flash/under_bulk_over_idle"].P50; got != 2 {
		t.Errorf("under bulk over idle = %v, want 2", got)
	}
}

func TestBulkIsGaugedFromPartToPart(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	parts := []part{{at(0), 100_000}, {at(1), 200_000}, {at(11), 300_000}, {at(21), 400_000}}
	if got := kbits(parts); got != 60 {
		t.Errorf("kbits = %v, want 60: 200 kB in 20 s, packed to three quarters", got)
	}
	if got := kbits(parts[:2]); got != 600 {
		t.Errorf("kbits of one step = %v, want 600", got)
	}
}

// The desk refuses what is no bundle, and what packs away would be no bulk.
func TestBundleIsOneAndOfItsSize(t *testing.T) {
	b := bundle(1_000_000)
	if _, err := stix.Check(b); err != nil {
		t.Errorf("bundle: %v", err)
	}
	if len(b) < 950_000 || len(b) > 1_050_000 {
		t.Errorf("bundle has %d bytes, want about a million", len(b))
	}
}

func TestOwnProcessIsSeen(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("this system has no /proc")
	}
	if mb, ok := resident(os.Getpid()); !ok || mb < 1 || mb > 10_000 {
		t.Errorf("resident = %v MB, %v", mb, ok)
	}
	begun, ok := cpu(os.Getpid())
	if !ok {
		t.Fatal("cpu: not told")
	}
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); {
		if now, _ := cpu(os.Getpid()); now > begun {
			return
		}
	}
	t.Error("processor time did not grow while the test span")
}

func TestDiskIsMeasured(t *testing.T) {
	dir := t.TempDir()
	took, err := appendSync(dir, 5, 1000)
	if err != nil || len(took) != 5 || total(took) <= 0 {
		t.Errorf("appendSync = %v, %v", took, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%d files are left", len(left))
	}
}
