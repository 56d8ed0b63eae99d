package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"hotline/internal/api"
	"hotline/internal/fault"
)

// Flash are the choices of [Options.Flash].
type Flash struct {
	N    int           // FLASH messages in each part; zero: 20
	Rate int64         // bit/s of each desk's link; zero: 64,000
	RTT  time.Duration // of each desk's link; zero: 300 ms
	Bulk int           // bytes of the bundle; zero: 20 MB
}

const (
	// flashSize is the size of the sealed FLASH in bytes.
	flashSize = 1024
	// bulkSettles is how long the bundle moves before the first FLASH: the
	// links are full in both hops, and the window has found its size.
	bulkSettles = 20 * time.Second
)

func (f *Flash) complete() {
	if f.N == 0 {
		f.N = 20
	}
	if f.Rate == 0 {
		f.Rate, f.RTT = 64_000, 300*time.Millisecond
	}
	if f.Bulk == 0 {
		f.Bulk = 20_000_000
	}
}

// limit is the physical limit in milliseconds: two hops, each half a round trip
// and the time that the envelope takes on the air.
func (f *Flash) limit() float64 {
	hop := f.RTT.Seconds()/2 + 8*flashSize/float64(f.Rate)
	return 2 * hop * 1000
}

// Flash measures how long a FLASH takes from the sender's request to the
// recipient's screen, each desk behind a thin link of its own, alone and while
// a bundle moves the same way.
func (o *Options) Flash(ctx context.Context, f Flash) (err error) {
	f.complete()
	o.say("Starting a relay and two desks, each behind a link of %d bit/s and %s round trip.", f.Rate, f.RTT)
	s, err := o.open(ctx, thin{rate: f.Rate, rtt: f.RTT})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	rows, err := o.measureFlash(ctx, s, f)
	if err != nil {
		return err
	}
	return o.report(rows)
}

func (o *Options) measureFlash(ctx context.Context, s *scene, f Flash) ([]Row, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	came, err := s.to.watch(ctx, func(m api.Message) bool { return m.Precedence == "FLASH" })
	if err != nil {
		return nil, err
	}
	d, err := s.flash(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := s.volley(ctx, d, came, 1); err != nil { // keys and windows
		return nil, err
	}
	o.say("%d FLASH on the idle link.", f.N)
	idle, err := s.volley(ctx, d, came, f.N)
	if err != nil {
		return nil, err
	}
	id, err := s.sendBulk(ctx, f.Bulk)
	if err != nil {
		return nil, err
	}
	o.say("A bundle of %d MB goes the same way.", f.Bulk/1_000_000)
	if err := s.moves(ctx, id); err != nil {
		return nil, err
	}
	o.say("%d FLASH under it.", f.N)
	bulk := s.gauge(ctx, id)
	under, err := s.volley(ctx, d, came, f.N)
	if err != nil {
		return nil, err
	}
	rate, err := bulk()
	if err != nil {
		return nil, err
	}
	return flashRows(f, idle, under, rate), nil
}

// flashRows are the rows of the result: the last two say how much the bulk
// costs a FLASH, and how much of the link the bulk had meanwhile.
func flashRows(f Flash, idle, under []time.Duration, bulk float64) []Row {
	alone := row("flash/idle", "ms", millis(idle))
	busy := row("flash/under_bulk", "ms", millis(under))
	times := Row{Name: "flash/under_bulk_over_idle", Unit: "1", N: len(under)}
	if alone.P50 > 0 {
		times.P50, times.P90, times.P99 = busy.P50/alone.P50, busy.P90/alone.P50, busy.P99/alone.P50
	}
	moved := Row{Name: "flash/bulk_meanwhile", Unit: "kbit/s", N: 1, P50: bulk, P90: bulk, P99: bulk}
	return []Row{alone.against(f.limit()), busy.against(f.limit()), times, moved.against(float64(f.Rate) / 1000)}
}

// flash is a FLASH of just the size that is to be measured.
func (s *scene) flash(ctx context.Context) (api.Draft, error) {
	for size := 1000; size > 0; size -= 20 {
		d := s.draft("FLASH", text(size))
		var r api.Review
		if err := s.from.client.Post(ctx, "/review", "", d, &r); err != nil {
			return d, err
		}
		if r.Refused != nil {
			return d, errors.New(*r.Refused)
		}
		if r.SealedBytes <= flashSize {
			return d, nil
		}
	}
	return api.Draft{}, fmt.Errorf("no text makes a FLASH of %d bytes", flashSize)
}

// volley sends n FLASH, one after the other, at moments that fall anywhere in
// the bulk's rhythm, and returns how long each took to the recipient's screen.
func (s *scene) volley(ctx context.Context, d api.Draft, came *sightings, n int) (took []time.Duration, err error) {
	for range n {
		id, began, err := s.from.send(ctx, d)
		if err != nil {
			return nil, err
		}
		at, err := came.wait(ctx, id, 2*time.Minute)
		if err != nil {
			return nil, err
		}
		took = append(took, at.Sub(began))
		// "delivered" goes back meanwhile: half a second, and up to one more.
		var b [1]byte
		_, _ = rand.Read(b[:]) // never fails
		if err := rest(ctx, 500*time.Millisecond+time.Duration(b[0])*4*time.Millisecond); err != nil {
			return nil, err
		}
	}
	return took, nil
}

// sendBulk sends a bundle of about size bytes at ROUTINE.
func (s *scene) sendBulk(ctx context.Context, size int) (id string, err error) {
	up, err := s.from.client.Upload(ctx, "exercise.json", "application/stix+json", bytes.NewReader(bundle(size)))
	if err != nil {
		return "", err
	}
	d := s.draft("ROUTINE", "EXERCISE. A large bundle.")
	d.Kind, d.Upload = "alert", up.Upload
	id, _, err = s.from.send(ctx, d)
	return id, err
}

// bundle makes a STIX bundle of about size bytes that does not compress.
func bundle(size int) []byte {
	type object struct {
		Type     string   `json:"type"`
		ID       string   `json:"id"`
		Spec     string   `json:"spec_version"`
		Created  string   `json:"created"`
		Modified string   `json:"modified"`
		Abstract string   `json:"abstract"`
		Content  string   `json:"content"`
		Refs     []string `json:"object_refs"`
	}
	const day = "2026-01-01T00:00:00.000Z"
	const each = 20_000
	all := struct {
		Type    string   `json:"type"`
		ID      string   `json:"id"`
		Objects []object `json:"objects"`
	}{Type: "bundle", ID: "bundle--" + uuid()}
	for range max(1, size/each) {
		id := "note--" + uuid()
		all.Objects = append(all.Objects, object{
			Type: "note", ID: id, Spec: "2.1", Created: day, Modified: day, Abstract: "EXERCISE",
			Content: text(each - 300), Refs: []string{id},
		})
	}
	b, err := json.Marshal(all)
	if err != nil {
		panic(err) // strings alone
	}
	return b
}

// uuid is a random one, version 4.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// moves waits until the bundle has filled both hops.
func (s *scene) moves(ctx context.Context, id string) error {
	limit := time.Now().Add(2 * time.Minute)
	for time.Now().Before(limit) {
		have, err := s.have(ctx, id)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if have > 0 {
			return rest(ctx, bulkSettles)
		}
		if err := rest(ctx, 250*time.Millisecond); err != nil {
			return err
		}
	}
	return fault.New(fault.Timeout, "No part of the bundle came within two minutes.")
}

// packedShare is what is left of a bundle of base64 when it is packed: six bits
// of eight. The desk counts the bundle as it was given.
const packedShare = 0.75

// gauge watches the bundle come until the function that it returns is called,
// which returns its rate in kbit/s. Parts come whole and seldom, so the rate is
// from the first one to the last.
func (s *scene) gauge(ctx context.Context, id string) func() (float64, error) {
	ctx, stop := context.WithCancel(ctx)
	var parts []part
	done := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			have, err := s.have(ctx, id)
			if err != nil && ctx.Err() == nil {
				done <- err
				return
			}
			if err == nil && (len(parts) == 0 || have != parts[len(parts)-1].have) {
				parts = append(parts, part{time.Now(), have})
			}
			_ = rest(ctx, 200*time.Millisecond) // ends with ctx
		}
		done <- nil
	}()
	return func() (float64, error) {
		stop()
		if err := <-done; err != nil {
			return 0, err
		}
		if len(parts) < 2 {
			return 0, fault.New(fault.Internal, "The bundle did not move while FLASH went: nothing was overtaken.")
		}
		return kbits(parts), nil
	}
}

// part is how much of the bundle was there, and since when.
type part struct {
	at   time.Time
	have int64
}

// kbits is the rate of parts in kbit/s as packed. The first moment is when the
// watch began, in the middle of a part, so it counts only when there is no
// other.
func kbits(parts []part) float64 {
	if len(parts) > 2 {
		parts = parts[1:]
	}
	first, last := parts[0], parts[len(parts)-1]
	return float64(last.have-first.have) * 8 / 1000 * packedShare / last.at.Sub(first.at).Seconds()
}

// have is how much of a bundle the recipient's desk has, in bytes.
func (s *scene) have(ctx context.Context, id string) (int64, error) {
	var m api.Message
	err := s.to.client.Get(ctx, "/messages/"+url.PathEscape(id), nil, &m)
	if err != nil || m.STIX == nil {
		return 0, err
	}
	return m.STIX.Have, nil
}
