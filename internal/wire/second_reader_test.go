package wire

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestSecondReaderAcceptsAllWeWrite: a reader in another language, written from
// docs/spec with the libraries of others, reads every frozen vector, which is
// what this program writes, as the tests of each package hold (F10, attack 23).
// Then each value is changed by a bit in turn, and the reader must notice.
func TestSecondReaderAcceptsAllWeWrite(t *testing.T) {
	if _, err := os.Stat("../../test/reader/node_modules"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("CI needs the second reader: npm ci --prefix test/reader")
		}
		t.Skip("left out: npm ci --prefix test/reader")
	}
	for _, args := range [][]string{nil, {"--flip"}} {
		cmd := exec.Command("node", append([]string{"../../test/reader/read.mjs"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Count(string(out), ": agrees\n") < 14 {
			t.Errorf("node read.mjs %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}
