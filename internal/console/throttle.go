package console

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// The throttle at the door (docs/console.md, Section 1): so many tries a minute,
// then a wait that doubles with each further try.
const (
	triesPerAccount = 5
	triesPerAddress = 20
	triesWindow     = time.Minute
	longestWait     = 15 * time.Minute
	throttleKeys    = 4096 // names and addresses remembered at most
)

// throttle slows down whoever guesses. The zero value is not ready.
type throttle struct {
	now func() time.Time

	// mu guards the following
	mu   sync.Mutex
	seen map[string]*tries
}

// tries is what is remembered of one name or address.
type tries struct {
	start time.Time     // of the running window
	n     int           // failures in it
	wait  time.Duration // the last wait given
	until time.Time     // nothing is tried before
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, seen: map[string]*tries{}}
}

// wait returns how long the caller must wait before any of the keys may be
// tried again; zero means now.
func (t *throttle) wait(keys ...string) (d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for _, k := range keys {
		if e := t.seen[k]; e != nil {
			d = max(d, e.until.Sub(now))
		}
	}
	return max(d, 0)
}

// failed notes one failure of key, which may have limit of them in a window.
func (t *throttle) failed(key string, limit int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	e := t.seen[key]
	if e == nil {
		t.makeRoom(now)
		e = &tries{start: now}
		t.seen[key] = e
	}
	if now.Sub(e.start) > triesWindow && now.After(e.until.Add(longestWait)) {
		*e = tries{start: now}
	} else if now.Sub(e.start) > triesWindow && e.wait == 0 {
		e.start, e.n = now, 0
	}
	e.n++
	if e.n < limit {
		return
	}
	e.wait = min(max(triesWindow, 2*e.wait), longestWait)
	e.until = now.Add(e.wait)
}

// passed forgets the failures of a key whose owner proved to be right.
func (t *throttle) passed(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.seen, key)
}

// makeRoom drops what no longer matters, and everything when that is not
// enough: a stranger with many names must not fill the memory, and the limit
// per address still holds them.
func (t *throttle) makeRoom(now time.Time) {
	if len(t.seen) < throttleKeys {
		return
	}
	for k, e := range t.seen {
		if now.Sub(e.start) > triesWindow && now.After(e.until) {
			delete(t.seen, k)
		}
	}
	for k := range t.seen {
		if len(t.seen) < throttleKeys {
			return
		}
		if k[0] == 'n' { // names first: addresses are dearer to come by
			delete(t.seen, k)
		}
	}
}

func nameKey(name string) string { return "name " + name }

// addressKey is the caller's address without port; IPv6 by its /64, which is
// what one host commonly has.
func addressKey(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		host = ip.Mask(net.CIDRMask(64, 128)).String()
	}
	return "addr " + host
}
