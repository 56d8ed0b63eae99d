package precedence_test

import (
	"slices"
	"testing"
	"time"

	"hotline/internal/precedence"
)

func TestScheduleLeavesOutStepsAfterDue(t *testing.T) {
	from := time.Date(2026, 11, 23, 2, 9, 0, 0, time.UTC)
	got := precedence.Flash.Schedule(from, from.Add(3*time.Minute))
	want := []time.Time{from.Add(2 * time.Minute), from.Add(3 * time.Minute)}
	if !slices.Equal(got, want) {
		t.Errorf("Schedule = %v, want %v", got, want)
	}
	past, next := precedence.Progress(got, from.Add(2*time.Minute))
	if past != 1 || !next.Equal(want[1]) {
		t.Errorf("Progress after the first step = %d, %v, want 1, %v", past, next, want[1])
	}
}
