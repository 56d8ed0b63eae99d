package endtoend

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"hotline/internal/api"
)

// TestKilledAtRandom sends messages while processes are ended with SIGKILL and
// started again, at random: whatever a send returned an id for arrives exactly
// once, and nothing arrives twice.
func TestKilledAtRandom(t *testing.T) {
	n := 40
	if long() {
		n = 200
	}
	for name, victims := range map[string][]string{
		"relay and recipient": {"relay", "NATO"},
		"sender too":          {"relay", "NATO", "JPN"},
	} {
		t.Run(name, func(t *testing.T) { killed(t, shared, n, victims) })
	}
}

func killed(t *testing.T, s *scene, n int, victims []string) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	mark := fmt.Sprintf("EXERCISE kill %d", seed)
	stop, kills := make(chan struct{}), map[string]int{}
	end := sync.OnceFunc(func() { close(stop) })
	defer end() // a failure must not leave the killer behind
	var killer sync.WaitGroup
	killer.Go(func() { killAtRandom(t, s, victims, seed, stop, kills) })

	returned := map[string]string{} // id to text
	tries := 0
	levels := []string{"FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE"}
	rnd := rand.New(rand.NewPCG(seed, 1))
	for len(returned) < n {
		if tries == 10*n || t.Failed() {
			t.Errorf("only %d of %d sends returned an id", len(returned), tries)
			break
		}
		<-time.After(time.Duration(rnd.Int64N(int64(250 * time.Millisecond))))
		text := fmt.Sprintf("%s no %d.", mark, tries)
		r := s.cli(t, "send", s.line(2), "-p", levels[tries%len(levels)], "-m", "TLP:AMBER", "--exercise", "LANTERN",
			"--ack", "none", "--text", text, "-q", "--dir", s.desk("JPN"))
		tries++
		if id := strings.TrimSpace(r.out); id != "" { // 0, or 6: queued
			returned[id] = text
		} else if r.code == 0 || r.code == 6 {
			t.Errorf("code %d without an id: %s", r.code, r.err)
		} else { // our own desk is away
			s.awaitUp(t, "JPN")
		}
	}
	end()
	killer.Wait()
	t.Logf("%d sends of %d returned an id; kills: %v", len(returned), tries, kills)
	for _, name := range victims {
		s.awaitUp(t, name)
		if kills[name] == 0 {
			t.Errorf("%s was never killed", name)
		}
	}
	once(t, s, mark, returned)
}

// killAtRandom kills one victim after the other, and starts it again at once
// or a while later, until stop. All are up at the end.
func killAtRandom(t *testing.T, s *scene, victims []string, seed uint64, stop chan struct{}, kills map[string]int) {
	rnd := rand.New(rand.NewPCG(seed, 0))
	pause := func(most time.Duration) bool {
		select {
		case <-stop:
			return false
		case <-time.After(time.Duration(rnd.Int64N(int64(most)))):
			return true
		}
	}
	for i := 0; ; i++ {
		if !pause(700 * time.Millisecond) {
			return
		}
		name := victims[i%len(victims)]
		s.kill(t, name)
		kills[name]++
		pause(500 * time.Millisecond)
		s.start(t, name)
		if rnd.IntN(3) > 0 { // else it may be killed again while it starts
			s.awaitUp(t, name)
		}
	}
}

// once holds that everything in returned is at NATO exactly once.
func once(t *testing.T, s *scene, mark string, returned map[string]string) {
	t.Helper()
	var missing int
	count := map[string]int{} // per text
	err := until(bound, func() (bool, error) {
		clear(count)
		got := map[string]string{}
		for _, m := range s.inbox(t, "NATO") {
			if strings.HasPrefix(m.Text, mark) {
				count[m.Text]++
				got[m.ID] = m.Text
			}
		}
		missing = 0
		for id, text := range returned {
			if got[id] != text {
				missing++
			}
		}
		return missing == 0, nil
	})
	if err != nil {
		t.Errorf("%d of %d messages whose send returned did not arrive: %v", missing, len(returned), err)
	}
	for text, n := range count {
		if n != 1 {
			t.Errorf("%q arrived %d times", text, n)
		}
	}
	for id := range returned {
		s.awaitMessage(t, "JPN", id, "delivered", func(m api.Message) bool { return m.State == "delivered" || m.State == "alarmed" })
	}
}
