package spool_test

import (
	"testing"

	"hotline/internal/spool"
	"hotline/internal/spool/spooltest"
)

func TestMemory(t *testing.T) {
	spooltest.Run(t, spooltest.Opener{New: func(*testing.T) spooltest.Subject { return spool.NewMemory() }})
}
