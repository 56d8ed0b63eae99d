package desk

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/store"
)

func TestReadingThatWasCutOffIsTriedAgain(t *testing.T) {
	slow := fmt.Errorf("list messages: %w", store.ErrSlow)
	other := errors.New("broken")
	for name, c := range map[string]struct {
		errs []error // of each try; after them nil
		want error
		runs int
	}{
		"at once":       {nil, nil, 1},
		"cut off twice": {[]error{slow, slow}, nil, 3},
		"for ever":      {[]error{slow, slow, slow, slow, slow, slow, slow, slow, slow}, store.ErrSlow, viewTries},
		"other error":   {[]error{other}, other, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				runs := 0
				err := again(t.Context(), func() error {
					if runs++; runs <= len(c.errs) {
						return c.errs[runs-1]
					}
					return nil
				})
				if !errors.Is(err, c.want) || runs != c.runs {
					t.Errorf("again = %v after %d runs, want %v after %d", err, runs, c.want, c.runs)
				}
			})
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			runs := 0
			if err := again(ctx, func() error { runs++; return slow }); !errors.Is(err, store.ErrSlow) || runs > 3 {
				t.Errorf("again = %v after %d runs, want ErrSlow soon after the end", err, runs)
			}
		})
	})
}
