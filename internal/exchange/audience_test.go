package exchange_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestNarrowAudienceIsAttested: attestations and statements in a group narrower
// than its line reach its desks, though nothing in them says whose group it is.
func TestNarrowAudienceIsAttested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, jpn, nato, aus, line := trio(t)
		draft := flash(line, "EXERCISE")
		draft.Label.REL.Parties = []string{"JPN", "NATO"}
		id := send(t, jpn, draft)
		nato.until(t, "delivered", has(id, "delivered"))
		time.Sleep(16 * time.Minute)
		if !jpn.now(t, "attested", attested(id)) || !nato.now(t, "attested", attested(id)) {
			t.Error("a message to JPN and NATO alone is not attested after 16 minutes")
		}
		if aus.now(t, "shown", known(id)) {
			t.Error("AUS has it")
		}
		quiesce(jpn, nato, aus)
	})
}
