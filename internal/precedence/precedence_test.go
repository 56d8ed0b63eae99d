package precedence

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	good := map[string]Level{"ROUTINE": Routine, "PRIORITY": Priority, "IMMEDIATE": Immediate, "FLASH": Flash}
	for s, want := range good {
		if got, err := Parse(s); err != nil || got != want || got.String() != s {
			t.Errorf("Parse(%q) = %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "flash", "Flash", "FLASH ", "Z", "FLASH OVERRIDE", "3"} {
		if got, err := Parse(s); !errors.Is(err, ErrUnknown) || got != Routine {
			t.Errorf("Parse(%q) = %v, %v, want ErrUnknown", s, got, err)
		}
	}
}

// TestWireNumbers holds what stands on disks and links.
func TestWireNumbers(t *testing.T) {
	if Routine != 0 || Priority != 1 || Immediate != 2 || Flash != 3 {
		t.Error("a level has another number than on the wire")
	}
	if !slices.Equal(All(), []Level{Flash, Immediate, Priority, Routine}) {
		t.Errorf("All = %v", All())
	}
	for i := range 256 {
		if l := Level(i); l.Valid() != (i < 4) {
			t.Errorf("Level(%d).Valid = %v", i, l.Valid())
		}
	}
	if got := Level(4).String(); got != "Level(4)" {
		t.Errorf("FLASH OVERRIDE prints as %q", got)
	}
}

// TestClocks holds the handbook's table.
func TestClocks(t *testing.T) {
	tests := []struct {
		level    Level
		receipt  time.Duration
		escalate []time.Duration
	}{
		{Routine, 6 * time.Hour, nil},
		{Priority, 3 * time.Hour, []time.Duration{3 * time.Hour}},
		{Immediate, 30 * time.Minute, []time.Duration{15 * time.Minute, 30 * time.Minute}},
		{Flash, 10 * time.Minute, []time.Duration{2 * time.Minute, 5 * time.Minute, 10 * time.Minute}},
		{Level(4), 10 * time.Minute, []time.Duration{2 * time.Minute, 5 * time.Minute, 10 * time.Minute}},
	}
	for _, tt := range tests {
		if got := tt.level.ReceiptWithin(); got != tt.receipt {
			t.Errorf("%v.ReceiptWithin = %v, want %v", tt.level, got, tt.receipt)
		}
		if got := tt.level.EscalateAt(); !slices.Equal(got, tt.escalate) {
			t.Errorf("%v.EscalateAt = %v, want %v", tt.level, got, tt.escalate)
		}
	}
}

// FuzzParse checks that every level that parses prints back to the same text.
func FuzzParse(f *testing.F) {
	f.Add("FLASH")
	f.Fuzz(func(t *testing.T, s string) {
		l, err := Parse(s)
		if err == nil && l.String() != s {
			t.Errorf("Parse(%q).String() = %q", s, l)
		}
	})
}
