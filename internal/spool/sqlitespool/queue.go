package sqlitespool

import (
	"sync"
	"time"

	"hotline/internal/ident"
	"hotline/internal/spool"
)

const (
	// maxGroup bounds one transaction, so that a FLASH waits for at most this
	// many puts before it.
	maxGroup = 128
	// maxWaiting bounds, per lane, the puts and bytes waiting for the writer;
	// beyond it Put blocks, and so the reading from that sender.
	maxWaiting      = 512
	maxWaitingBytes = 4 << 20
)

// job is one put waiting for the writer.
type job struct {
	put  spool.Put
	done func([]spool.Placed)
	out  []spool.Placed
	// number counts the puts, so that a change can go behind them.
	number uint64
}

// change is a rare write (enrol, allow, invite, expire).
type change struct {
	do  func(*transaction) error // on the writer's goroutine, inside the transaction
	err chan error
	// behind: it goes when every put that came before it has been written.
	behind bool
	number uint64 // of the last put before it
	// after runs when the transaction is committed.
	after func()
}

// place is a lane of a mailbox.
type place struct {
	box  ident.Mailbox
	lane uint8
}

// group is what one transaction takes.
type group struct {
	puts    []*job
	changes []*change
	done    map[place]uint64
	closed  bool
}

func (g *group) empty() bool { return len(g.puts) == 0 && len(g.changes) == 0 && len(g.done) == 0 }

// queue is where work waits for the writer.
type queue struct {
	mu   sync.Mutex
	cond *sync.Cond // work came, room came, or closed
	// mu guards the following.
	lanes   [spool.Lanes][]*job
	bytes   [spool.Lanes]int
	changes []*change
	puts    uint64 // that came so far
	done    map[place]uint64
	due     bool // deletions have waited long enough
	timer   bool
	closed  bool
}

func newQueue() *queue {
	q := &queue{done: map[place]uint64{}}
	q.cond = sync.NewCond(&q.mu)
	return q
}

// put adds a job, waiting for room; it returns false when the queue is closed.
func (q *queue) put(j *job) bool {
	l := j.put.Lane
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed && (len(q.lanes[l]) >= maxWaiting || q.bytes[l] >= maxWaitingBytes) {
		q.cond.Wait()
	}
	if q.closed {
		return false
	}
	q.puts++
	j.number = q.puts
	q.lanes[l] = append(q.lanes[l], j)
	q.bytes[l] += len(j.put.Envelope)
	q.cond.Broadcast()
	return true
}

// change adds a rare write; it returns false when the queue is closed.
func (q *queue) change(c *change) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	c.number = q.puts
	q.changes = append(q.changes, c)
	q.cond.Broadcast()
	return true
}

// finish notes a deletion. Deletions ride with the next puts, or go after a
// short while: they are worth no commit of their own at once.
func (q *queue) finish(at place, to uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.done[at] = max(q.done[at], to)
	if !q.timer {
		q.timer = true
		time.AfterFunc(idle, func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.timer = false
			q.due = len(q.done) > 0
			q.cond.Broadcast()
		})
	}
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.cond.Broadcast()
}

// take waits for work and returns a group of it, most urgent puts first. When
// the queue is closed it returns what is left, and then closed groups.
func (q *queue) take() (g group) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed && !q.due && len(q.changes) == 0 && q.waiting() == 0 {
		q.cond.Wait()
	}
	for l := spool.FlashLane; l >= 0; l-- {
		q.takeLane(&g, l)
	}
	q.takeLane(&g, spool.Lanes-1)
	q.takeChanges(&g)
	if len(q.done) > 0 {
		g.done, q.done = q.done, map[place]uint64{}
	}
	q.due = false
	g.closed = q.closed
	q.cond.Broadcast()
	return g
}

// takeChanges takes what need not wait for puts that are still waiting.
func (q *queue) takeChanges(g *group) {
	oldest := q.puts + 1
	for _, l := range q.lanes {
		if len(l) > 0 {
			oldest = min(oldest, l[0].number)
		}
	}
	var rest []*change
	for _, c := range q.changes {
		if c.behind && c.number >= oldest {
			rest = append(rest, c)
			continue
		}
		g.changes = append(g.changes, c)
	}
	q.changes = rest
}

func (q *queue) waiting() (n int) {
	for _, l := range q.lanes {
		n += len(l)
	}
	return n
}

func (q *queue) takeLane(g *group, l int) {
	n := min(len(q.lanes[l]), maxGroup-len(g.puts))
	for _, j := range q.lanes[l][:n] {
		q.bytes[l] -= len(j.put.Envelope)
		g.puts = append(g.puts, j)
	}
	clear(q.lanes[l][:n])
	q.lanes[l] = q.lanes[l][n:]
	if len(q.lanes[l]) == 0 {
		q.lanes[l] = nil
	}
}
