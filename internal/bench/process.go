package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of times in /proc: 100 per second on every Linux.
const clockTick = 10 * time.Millisecond

// cpu returns the processor time that a process has used, user and system; ok
// is false where the system does not tell.
func cpu(pid int) (d time.Duration, ok bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	// The name, in brackets, may hold anything.
	_, rest, ok := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0, false
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * clockTick, err1 == nil && err2 == nil
}

// resident returns the memory that a process holds, in MB of 10^6 bytes; ok is
// false where the system does not tell.
func resident(pid int) (mb float64, ok bool) {
	value, _ := strings.CutSuffix(field(fmt.Sprintf("/proc/%d/status", pid), "VmRSS"), " kB")
	n, err := strconv.ParseInt(value, 10, 64)
	return float64(n) * 1024 / 1e6, err == nil
}
