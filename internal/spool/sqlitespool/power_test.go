package sqlitespool_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/spool"
	"hotline/internal/spool/sqlitespool"
)

// memDisk is a disk in memory whose power goes at a chosen operation. Each file
// has the image that programs see and the one that survives; sync moves the
// first to the second. At the cut every write since then is kept, dropped or
// torn at 512 bytes, at random.
type memDisk struct {
	mu    sync.Mutex
	files map[string]*memFile
	rnd   *rand.Rand
	ops   int
	cutAt int
	lies  bool // sync says yes and does nothing
	dead  bool
}

type memFile struct {
	d            *memDisk
	now, durable []byte
	pending      []memWrite
}

// memWrite is a write, or a truncation when data is nil.
type memWrite struct {
	off  int64
	data []byte
}

func newMemDisk(seed uint64) *memDisk {
	return &memDisk{files: map[string]*memFile{}, rnd: rand.New(rand.NewPCG(seed, 7))}
}

// step counts an operation; it returns an error once the power is off.
func (d *memDisk) step() error {
	d.ops++
	if d.cutAt != 0 && d.ops >= d.cutAt {
		d.dead = true
	}
	if d.dead {
		return sqlite3.IOERR_WRITE
	}
	return nil
}

// reboot returns what a machine finds that is switched on again.
func (d *memDisk) reboot() *memDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	again := newMemDisk(uint64(d.ops))
	for name, f := range d.files {
		image := append([]byte(nil), f.durable...)
		for _, w := range f.pending {
			image = w.survive(image, d.rnd)
		}
		again.files[name] = &memFile{d: again, now: image, durable: append([]byte(nil), image...)}
	}
	return again
}

func (w memWrite) survive(image []byte, rnd *rand.Rand) []byte {
	switch rnd.IntN(3) {
	case 0:
		return image
	case 1:
		return w.apply(image)
	}
	for off := 0; off < len(w.data); off += 512 {
		if rnd.IntN(2) == 0 {
			image = memWrite{w.off + int64(off), w.data[off:min(off+512, len(w.data))]}.apply(image)
		}
	}
	return image
}

func (w memWrite) apply(image []byte) []byte {
	if w.data == nil {
		return image[:min(int64(len(image)), w.off)]
	}
	if grow := w.off + int64(len(w.data)) - int64(len(image)); grow > 0 {
		image = append(image, make([]byte, grow)...)
	}
	copy(image[w.off:], w.data)
	return image
}

func (d *memDisk) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[name] == nil {
		if flags&vfs.OPEN_CREATE == 0 {
			return nil, flags, sqlite3.CANTOPEN
		}
		d.files[name] = &memFile{d: d}
	}
	return d.files[name], flags, nil
}

func (d *memDisk) Delete(name string, _ bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return sqlite3.IOERR_DELETE
	}
	delete(d.files, name)
	return nil
}

func (d *memDisk) Access(name string, _ vfs.AccessFlag) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.files[name] != nil, nil
}

func (d *memDisk) FullPathname(name string) (string, error) { return name, nil }

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.dead {
		return 0, sqlite3.IOERR_READ
	}
	if off >= int64(len(f.now)) {
		return 0, io.EOF
	}
	n := copy(p, f.now[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// write applies w now, and durably with the next sync. The one at which the
// power goes may have got through.
func (f *memFile) write(w memWrite) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.dead {
		return sqlite3.IOERR_WRITE
	}
	f.pending = append(f.pending, w)
	f.now = w.apply(f.now)
	return f.d.step()
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.write(memWrite{off, append([]byte{}, p...)}); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f *memFile) Truncate(size int64) error { return f.write(memWrite{off: size}) }

func (f *memFile) Sync(vfs.SyncFlag) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.step(); err != nil {
		return err
	}
	if !f.d.lies {
		f.durable, f.pending = append([]byte(nil), f.now...), nil
	}
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	return int64(len(f.now)), nil
}

func (*memFile) Close() error                                    { return nil }
func (*memFile) Lock(vfs.LockLevel) error                        { return nil }
func (*memFile) Unlock(vfs.LockLevel) error                      { return nil }
func (*memFile) CheckReservedLock() (bool, error)                { return false, nil }
func (*memFile) SectorSize() int                                 { return 512 }
func (*memFile) DeviceCharacteristics() vfs.DeviceCharacteristic { return 0 }

// openOn opens a spool on a disk.
func openOn(t *testing.T, d *memDisk) (*sqlitespool.Spool, error) {
	name := fmt.Sprintf("mem-%p", d)
	vfs.Register(name, d)
	t.Cleanup(func() { vfs.Unregister(name) })
	return sqlitespool.Open(t.Context(), "relay.db", sqlitespool.Options{VFS: name, Exclusive: true})
}

var powerBox = ident.Mailbox{1}

// traffic puts until the power goes, and returns what was accepted, by
// sequence, and up to where the owner was done.
func traffic(t *testing.T, s *sqlitespool.Spool) (accepted map[uint64]envelope.ID, done uint64) {
	accepted = map[uint64]envelope.ID{}
	secret, now := []byte("secret"), time.Now()
	if errors.Join(
		s.Invite(t.Context(), spool.Invitation{Secret: secret, Uses: 1, Quota: 1 << 30, Expiry: now.Add(time.Hour)}),
		s.Enrol(t.Context(), powerBox, spool.Putter{}, secret, now)) != nil {
		return accepted, 0
	}
	for i := range 30 {
		b := make([]byte, 200+i*300)
		b[0], b[1] = 9, byte(i)
		id := envelope.Identify(b)
		c := make(chan spool.Placed, 1)
		s.Put(spool.Put{To: []ident.Mailbox{powerBox}, ID: id, Expiry: now.Add(time.Hour), Envelope: b},
			func(p []spool.Placed) { c <- p[0] })
		out := <-c
		if out.Err != nil {
			return accepted, done
		}
		accepted[out.Seq] = id
		if i%7 == 6 {
			done = out.Seq - 2
			s.Done(powerBox, 0, done)
		}
	}
	return accepted, done
}

// check opens what survived and returns how many accepted envelopes are gone.
func check(t *testing.T, d *memDisk, accepted map[uint64]envelope.ID, done uint64) (lost int) {
	t.Helper()
	s, err := openOn(t, d)
	if err != nil {
		return len(accepted)
	}
	defer s.Close()
	have := map[uint64]envelope.ID{}
	items, err := s.Next(t.Context(), powerBox, 0, 0, 1<<30)
	if err != nil {
		return len(accepted)
	}
	top := uint64(0)
	for _, it := range items {
		have[it.Seq] = envelope.Identify(it.Envelope)
		top = max(top, it.Seq)
	}
	for seq, id := range accepted {
		if seq > done && have[seq] != id {
			lost++
		}
		top = max(top, seq)
	}
	if out := put(s, powerBox, spool.Putter{}, 100); out.Err != nil || out.Seq <= top && lost == 0 {
		t.Errorf("put afterwards = %+v, want a sequence above %d", out, top)
	}
	return lost
}

// sweep cuts the power at operation after operation and adds up what was lost.
// Every point is tried with HOTLINE_LONG set, otherwise every ninth.
func sweep(t *testing.T, lies bool) (points, lost int) {
	stride := 9
	if os.Getenv("HOTLINE_LONG") != "" {
		stride = 1
	}
	for n := 1 + rand.IntN(stride); ; n += stride {
		d := newMemDisk(uint64(n))
		d.cutAt, d.lies = n, lies
		s, err := openOn(t, d)
		var accepted map[uint64]envelope.ID
		var done uint64
		if err == nil {
			accepted, done = traffic(t, s)
			s.Close() // fails when the power is off
		}
		if !d.dead {
			return points, lost
		}
		points++
		if n := check(t, d.reboot(), accepted, done); n > 0 {
			lost += n
			if !lies {
				t.Errorf("power cut at operation %d: %d of %d accepted are lost", d.cutAt, n, len(accepted))
			}
		}
	}
}

// TestNothingAcceptedIsLostOnPowerCut, and a disk that lies about sync shows
// that the sweep can see a loss.
func TestNothingAcceptedIsLostOnPowerCut(t *testing.T) {
	points, _ := sweep(t, false)
	if points < 10 {
		t.Errorf("%d points, want more", points)
	}
	lying, lost := sweep(t, true)
	if lost == 0 {
		t.Errorf("control: on a disk that lies nothing is lost in %d points", lying)
	}
	t.Logf("%d points; control: %d lost in %d", points, lost, lying)
}
