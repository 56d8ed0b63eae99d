package dtg

import (
	"errors"
	"testing"
	"time"
)

func TestFormatAndParse(t *testing.T) {
	tests := map[string]time.Time{
		"231430ZNOV26": time.Date(2026, 11, 23, 14, 30, 0, 0, time.UTC),
		"010000ZJAN00": time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		"291200ZFEB28": time.Date(2028, 2, 29, 12, 0, 0, 0, time.UTC),
		"312359ZDEC99": time.Date(2099, 12, 31, 23, 59, 0, 0, time.UTC),
		"010000ZJAN69": time.Date(2069, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	for s, at := range tests {
		if got := Format(at); got != s {
			t.Errorf("Format(%v) = %q, want %q", at, got, s)
		}
		if got, err := Parse(s); err != nil || !got.Equal(at) {
			t.Errorf("Parse(%q) = %v, %v, want %v", s, got, err, at)
		}
	}
	tokyo := time.Date(2026, 11, 23, 23, 30, 59, 999, time.FixedZone("JST", 9*3600))
	if got := Format(tokyo); got != "231430ZNOV26" {
		t.Errorf("Format in Tokyo, with seconds = %q", got)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{
		"", "231430ZNov26", "231430znov26", "231430JNOV26", "231430NOV26", "231430ZNOV2026", "230231Z", " 231430ZNOV26", "231430ZNOV26 ",
		"321430ZNOV26", "002400ZNOV26", "232460ZNOV26", "232400ZNOV26", "290000ZFEB26", "231430ZNOW26", "23143ZNOV26", "231430Z11-26",
	} {
		if got, err := Parse(s); !errors.Is(err, ErrForm) || !got.IsZero() {
			t.Errorf("Parse(%q) = %v, %v, want ErrForm", s, got, err)
		}
	}
}

func TestSuspect(t *testing.T) {
	now := time.Date(2026, 11, 23, 2, 9, 0, 0, time.UTC)
	before := now.Add(-time.Hour)
	tests := map[string]struct {
		at, previous time.Time
		want         bool
	}{
		"just written":             {now, before, false},
		"the first of a desk":      {now, time.Time{}, false},
		"ten minutes ahead":        {now.Add(Ahead), before, false},
		"more than that":           {now.Add(Ahead + time.Millisecond), before, true},
		"a day old":                {now.Add(-Behind), time.Time{}, false},
		"more than that, old":      {now.Add(-Behind - time.Millisecond), time.Time{}, true},
		"in the same minute":       {before.Add(-Backwards), before, false},
		"running backwards":        {before.Add(-Backwards - time.Millisecond), before, true},
		"a clock that never was":   {time.Unix(0, 0), time.Time{}, true},
		"a clock of the next age":  {now.AddDate(70, 0, 0), before, true},
		"backwards, no other mark": {now.Add(-2 * time.Hour), before, true},
	}
	for name, tt := range tests {
		if got := Suspect(tt.at, tt.previous, now); got != tt.want {
			t.Errorf("%s: Suspect = %v, want %v", name, got, tt.want)
		}
	}
}

// FuzzParse checks that every group that parses prints back to the same text.
func FuzzParse(f *testing.F) {
	f.Add("231430ZNOV26")
	f.Add("312359ZDEC99")
	f.Fuzz(func(t *testing.T, s string) {
		at, err := Parse(s)
		if err == nil && (Format(at) != s || at.Year() < 2000 || at.Year() > 2099) {
			t.Errorf("Parse(%q) = %v, which prints as %q", s, at, Format(at))
		}
	})
}
