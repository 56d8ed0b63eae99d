package bench

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"hotline/internal/api"
	"hotline/internal/ident"
)

// Throughput are the choices of [Options.Throughput].
type Throughput struct {
	Messages int // under load; zero: 5,000
	Single   int // one at a time; zero: 200
}

const (
	// senders is how many ask the desk at once, and window how many messages
	// are on their way: enough that no place ever waits for the benchmark.
	senders = 64
	window  = 512
	// blocks is into how many parts the run is cut for the distribution.
	blocks = 20
	// settleFor is how long desks rest before their memory is read.
	settleFor = 3 * time.Second
	// durables is how often in a row one delivered message must reach a disk:
	// the sender's, the relay's, the recipient's, and the receipt the relay's
	// and the sender's.
	durables = 5
	textSize = 1000
	arriveIn = 60 * time.Second
)

// Throughput measures messages per second whose signed "delivered" is durable
// at the sender, from desk to desk through a relay, and one message at a time.
func (o *Options) Throughput(ctx context.Context, t Throughput) (err error) {
	if t.Messages == 0 {
		t.Messages = 5000
	}
	if t.Single == 0 {
		t.Single = 200
	}
	o.say("Starting a relay and two desks.")
	s, err := o.open(ctx, thin{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	rows, err := o.measureThroughput(ctx, s, t)
	if err != nil {
		return err
	}
	return o.report(rows)
}

func (o *Options) measureThroughput(ctx context.Context, s *scene, t Throughput) ([]Row, error) {
	if err := rest(ctx, settleFor); err != nil {
		return nil, err
	}
	rows := s.memory("idle")
	// Half of the bare disk's figure is taken before and half after, because
	// disks change their mind.
	disk, err := appendSync(s.Desks[0].Dir, 500, textSize)
	if err != nil {
		return nil, err
	}
	o.say("One message at a time, %d times.", t.Single)
	single, err := s.oneAtATime(ctx, t.Single)
	if err != nil {
		return nil, err
	}
	o.say("%d messages of %d bytes, %d on their way.", t.Messages, textSize, window)
	l, err := s.load(ctx, t.Messages)
	if err != nil {
		return nil, err
	}
	more, err := appendSync(s.Desks[0].Dir, 500, textSize)
	if err != nil {
		return nil, err
	}
	disk = append(disk, more...)
	sync := row("disk/append_fsync", "ms", millis(disk))
	perSecond := float64(len(disk)) / total(disk).Seconds()
	delivered := rateRow("throughput/delivered", "1/s", rates(l.begun, l.moments(), blocks))
	delivered.N = len(l.delivered)
	out := []Row{
		delivered.against(perSecond),
		row("throughput/one_at_a_time", "ms", millis(single)).against(durables * sync.P50),
		row("throughput/latency_under_load", "ms", millis(l.latencies())),
		sync,
	}
	out = append(out, l.cpu...)
	if err := rest(ctx, settleFor); err != nil {
		return nil, err
	}
	return append(append(out, rows...), s.memory("after_load")...), nil
}

func total(all []time.Duration) (sum time.Duration) {
	for _, d := range all {
		sum += d
	}
	return sum
}

func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// memory reads what the processes hold.
func (s *scene) memory(when string) (rows []Row) {
	var desks, relay []float64
	for _, d := range s.Desks {
		if mb, ok := resident(d.PID); ok {
			desks = append(desks, mb)
		}
	}
	if mb, ok := resident(s.Relay.PID); ok {
		relay = append(relay, mb)
	}
	if len(relay) > 0 {
		rows = append(rows, row("memory/desk_"+when, "MB", desks), row("memory/relay_"+when, "MB", relay))
	}
	return rows
}

// text is an exercise text that does not compress.
func text(size int) string {
	b := make([]byte, size)
	_, _ = rand.Read(b) // never fails
	const mark = "EXERCISE "
	return mark + base64.StdEncoding.EncodeToString(b)[:max(size-len(mark), 0)]
}

// oneAtATime sends messages with nothing else under way, and returns how long
// each took from the request to the signed "delivered" on the sender's disk.
func (s *scene) oneAtATime(ctx context.Context, n int) (took []time.Duration, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	seen, err := s.from.watch(ctx, isDelivered)
	if err != nil {
		return nil, err
	}
	const warm = 5 // keys, caches, connections
	for i := range n + warm {
		id, began, err := s.from.send(ctx, s.draft("IMMEDIATE", text(textSize)))
		if err != nil {
			return nil, err
		}
		at, err := seen.wait(ctx, id, arriveIn)
		if err != nil {
			return nil, err
		}
		if i >= warm {
			took = append(took, at.Sub(began))
		}
	}
	return took, nil
}

func isDelivered(m api.Message) bool {
	return slices.ContainsFunc(m.Ladder, func(r api.Rung) bool { return r.State == "delivered" && r.Verified })
}

// loaded is what a run under load gave.
type loaded struct {
	begun time.Time
	cpu   []Row

	mu sync.Mutex
	// mu guards the following.
	asked     map[string]time.Time
	delivered map[string]time.Time
}

// load keeps the sender's desk busy until n messages are delivered.
func (s *scene) load(ctx context.Context, n int) (*loaded, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	head, err := s.journalHead(ctx)
	if err != nil {
		return nil, err
	}
	l := &loaded{asked: map[string]time.Time{}, delivered: map[string]time.Time{}}
	room := make(chan struct{}, window)
	work := make(chan struct{}, n)
	for range n {
		work <- struct{}{}
	}
	close(work)
	before := s.spent()
	l.begun = time.Now()
	var sending sync.WaitGroup
	for range senders / clientStreams {
		e := &end{s.from.place, api.NewClient(s.from.Dir)}
		for range clientStreams {
			sending.Go(func() {
				if err := l.sendAll(ctx, s, e, work, room); err != nil {
					stop(err)
				}
			})
		}
	}
	err = l.follow(ctx, s, head, n, room)
	if err != nil {
		stop(err)
	}
	sending.Wait()
	if cause := context.Cause(ctx); cause != nil && err != nil {
		return nil, cause
	}
	l.cpu = s.spentSince(before, n)
	return l, err
}

// clientStreams is how many connections one client keeps open.
const clientStreams = 16

func (l *loaded) sendAll(ctx context.Context, s *scene, e *end, work <-chan struct{}, room chan<- struct{}) error {
	for range work {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		id, began, err := e.send(ctx, s.draft("ROUTINE", text(textSize)))
		if err != nil {
			return err
		}
		l.mu.Lock()
		l.asked[id] = began
		l.mu.Unlock()
	}
	return nil
}

// follow reads the sender's journal, which has a leaf for each "delivered" in
// the same transaction, until n have come.
func (l *loaded) follow(ctx context.Context, s *scene, head uint64, n int, room <-chan struct{}) error {
	const every = 10 * time.Millisecond
	last := time.Now()
	for {
		leaves, err := s.leaves(ctx, head)
		if err != nil {
			return err
		}
		now := time.Now()
		for _, leaf := range leaves {
			head = leaf.Seq
			id, ok := messageOf(leaf)
			if !ok {
				continue
			}
			l.mu.Lock()
			l.delivered[id] = now
			n--
			l.mu.Unlock()
			<-room
			last = now
		}
		switch {
		case n == 0:
			return nil
		case time.Since(last) > arriveIn:
			return fmt.Errorf("%d messages were not delivered within %s", n, arriveIn)
		case len(leaves) == api.MaxPage:
			continue
		}
		if err := rest(ctx, every); err != nil {
			return err
		}
	}
}

func (s *scene) leaves(ctx context.Context, after uint64) (all []api.Leaf, err error) {
	err = s.from.client.Get(ctx, "/journal", url.Values{"after": {strconv.FormatUint(after, 10)}, "limit": {strconv.Itoa(api.MaxPage)}}, &all)
	return all, err
}

// journalHead returns the number of the last leaf.
func (s *scene) journalHead(ctx context.Context) (head uint64, err error) {
	for {
		leaves, err := s.leaves(ctx, head)
		if err != nil || len(leaves) == 0 {
			return head, err
		}
		head = leaves[len(leaves)-1].Seq
	}
}

// messageOf returns the message of a leaf that says "delivered".
func messageOf(l api.Leaf) (string, bool) {
	var data struct {
		Hex string `json:"hex"`
	}
	var id ident.Message
	if l.Kind != "delivered" || json.Unmarshal(l.Data, &data) != nil {
		return "", false
	}
	b, err := hex.DecodeString(data.Hex)
	if err != nil || copy(id[:], b) < len(id) {
		return "", false
	}
	return id.String(), true
}

// moments are when messages were delivered, in order.
func (l *loaded) moments() (all []time.Time) {
	for _, at := range l.delivered {
		all = append(all, at)
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

func (l *loaded) latencies() (all []time.Duration) {
	for id, at := range l.delivered {
		if began, ok := l.asked[id]; ok {
			all = append(all, at.Sub(began))
		}
	}
	return all
}

// spent is the processor time of sender, relay and recipient so far, and of the
// benchmark itself.
func (s *scene) spent() (all []time.Duration) {
	for _, pid := range []int{s.from.PID, s.Relay.PID, s.to.PID, os.Getpid()} {
		d, _ := cpu(pid)
		all = append(all, d)
	}
	return all
}

// spentSince are rows of processor time per message.
func (s *scene) spentSince(before []time.Duration, n int) (rows []Row) {
	for i, now := range s.spent() {
		if now == 0 {
			continue // the system does not tell
		}
		per := float64(now-before[i]) / float64(time.Millisecond) / float64(n)
		name := "throughput/cpu_" + []string{"sender", "relay", "recipient", "benchmark"}[i]
		rows = append(rows, Row{Name: name, Unit: "ms", N: n, P50: per, P90: per, P99: per})
	}
	return rows
}
