package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"hotline/internal/api"
	"hotline/internal/fault"
)

// thin is a slow link between each desk and the relay. The zero value is none.
type thin struct {
	rate int64 // bit/s, each way
	rtt  time.Duration
}

// scene is a relay and two desks with a line between them, as `hotline demo`
// makes it.
type scene struct {
	Relay place   `json:"relay"`
	Desks []place `json:"desks"`
	Lines []struct {
		ID string `json:"id"`
	} `json:"lines"`

	dir      string // for files of the benchmark itself
	from, to *end
	cmd      *exec.Cmd
	ended    chan struct{}
}

// place is a process of the scene.
type place struct {
	Party string `json:"party"`
	Dir   string `json:"dir"`
	PID   int    `json:"pid"`
}

// end is a desk as the benchmark uses it.
type end struct {
	place
	client *api.Client
}

// readyWithin is how long the scene may take to stand: on a thin link keys
// alone take a minute.
const readyWithin = 3 * time.Minute

// open starts the scene.
func (o *Options) open(ctx context.Context, link thin) (_ *scene, err error) {
	s := &scene{ended: make(chan struct{})}
	if s.dir, err = os.MkdirTemp("", "hotline-bench-"); err != nil {
		return nil, fault.Wrap(err, fault.Config, "A temporary directory cannot be made.")
	}
	ready := filepath.Join(s.dir, "ready.json")
	args := []string{"demo", "--two", "--quiet-start", "--ready", ready}
	if link != (thin{}) {
		args = append(args, "--link-rate", strconv.FormatInt(link.rate, 10), "--link-rtt", link.rtt.String())
	}
	var said bytes.Buffer
	s.cmd = exec.Command(o.Program, args...) //nolint:noctx // close stops it, politely; a context would kill it
	s.cmd.Stderr = &said
	s.cmd.SysProcAttr = attributes()
	if err := s.start(); err != nil {
		return nil, errors.Join(fault.Wrap(err, fault.Config, "The desks to measure cannot be started."), os.RemoveAll(s.dir))
	}
	if err := s.await(ctx, ready); err != nil {
		return nil, errors.Join(err, s.close(), errors.New(said.String()))
	}
	s.from = &end{s.Desks[0], api.NewClient(s.Desks[0].Dir)}
	s.to = &end{s.Desks[1], api.NewClient(s.Desks[1].Dir)}
	return s, nil
}

// start starts the process from a thread that lives as long as it does: where
// the system can end children with their parent, it ties them to that thread.
func (s *scene) start() error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		err := s.cmd.Start()
		started <- err
		if err == nil {
			_ = s.cmd.Wait() // close looks at what is left
			close(s.ended)
		}
	}()
	return <-started
}

// await waits until the scene says that it is up.
func (s *scene) await(ctx context.Context, ready string) error {
	limit := time.NewTimer(readyWithin)
	defer limit.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ended:
			return fault.New(fault.Unavailable, "The desks to measure stopped before they were up.")
		case <-limit.C:
			return fault.New(fault.Timeout, "The desks to measure were not up within %s.", readyWithin)
		case <-tick.C:
		}
		b, err := os.ReadFile(ready)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = json.Unmarshal(b, s)
		}
		if err != nil || len(s.Desks) < 2 || len(s.Lines) == 0 {
			return fmt.Errorf("read facts of scene: %w", err)
		}
		return nil
	}
}

// close stops the scene, which removes what it made.
func (s *scene) close() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // one that has ended is what we want
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	select {
	case <-s.ended:
	case <-limit.C:
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
	return os.RemoveAll(s.dir)
}

// draft is a message of the exercise, from one desk to the other.
func (s *scene) draft(level, text string) api.Draft {
	return api.Draft{
		Line: s.Lines[0].ID, Kind: "formal", Precedence: level, Label: api.LabelIn{TLP: "TLP:AMBER"},
		Language: "en", Text: text, AckRequired: "none", Status: "exercise", ExerciseName: "EXERCISE",
	}
}

// send sends d and returns the message's id, and when the desk was asked.
func (e *end) send(ctx context.Context, d api.Draft) (id string, began time.Time, err error) {
	began = time.Now()
	var sent api.Sent
	err = e.client.Post(ctx, "/messages", "", d, &sent)
	return sent.ID, began, err
}

// sightings notes when messages were first seen to be as they should.
type sightings struct {
	mu sync.Mutex
	// mu guards the following.
	at      map[string]time.Time
	changed chan struct{}
}

func newSightings() *sightings {
	return &sightings{at: map[string]time.Time{}, changed: make(chan struct{})}
}

func (s *sightings) note(id string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, seen := s.at[id]; seen {
		return
	}
	s.at[id] = at
	close(s.changed)
	s.changed = make(chan struct{})
}

// wait returns when id was seen, waiting at most limit for it.
func (s *sightings) wait(ctx context.Context, id string, limit time.Duration) (time.Time, error) {
	t := time.NewTimer(limit)
	defer t.Stop()
	for {
		s.mu.Lock()
		at, ok := s.at[id]
		changed := s.changed
		s.mu.Unlock()
		if ok {
			return at, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return at, ctx.Err()
		case <-t.C:
			return at, fault.New(fault.Timeout, "A message did not come within %s.", limit)
		}
	}
}

// watch notes from the desk's event stream when messages are as is says. It
// returns when the stream has begun.
func (e *end) watch(ctx context.Context, is func(api.Message) bool) (*sightings, error) {
	seen := newSightings()
	began, failed := make(chan struct{}), make(chan error, 1)
	once := sync.OnceFunc(func() { close(began) })
	go func() {
		_, err := e.client.Events(ctx, nil, func(ev api.Event) error {
			now := time.Now()
			once()
			if ev.Kind != "message" && ev.Kind != "ladder" && ev.Kind != "alarm" {
				return nil
			}
			var d api.MessageData
			if err := json.Unmarshal(ev.Data, &d); err != nil {
				return fmt.Errorf("read event: %w", err)
			}
			if is(d.Message) {
				seen.note(d.Message.ID, now)
			}
			return nil
		})
		failed <- err
	}()
	select {
	case <-began:
		return seen, nil
	case err := <-failed:
		return nil, fmt.Errorf("follow events of %s: %w", e.Party, err)
	}
}
