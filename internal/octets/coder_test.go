package octets

import (
	"cmp"
	"errors"
	"testing"
	"time"
)

// thing has one field of each sort.
type thing struct {
	small  uint8
	number uint64
	id     [4]byte
	key    []byte
	free   []byte
	name   string
	at     time.Time
	period time.Duration
	yes    bool
	rising []uint8
}

func (x *thing) fields(c *Coder) {
	c.Magic("EXERCISE\n")
	c.Uint8(&x.small)
	c.Number("number", &x.number, 9)
	c.Array(x.id[:])
	c.Key("key", &x.key, 3)
	c.Field("free field", &x.free, 4)
	c.Text("name", &x.name, 8, false)
	c.Time("time", &x.at)
	c.Seconds("period", &x.period, time.Second, time.Hour)
	c.Flag("yes", &x.yes)
	List(c, "rising numbers", &x.rising, 1, 3, cmp.Compare[uint8], c.Uint8)
}

func good() thing {
	return thing{7, 9, [4]byte{1}, []byte("key"), []byte("free"), "名前", time.UnixMilli(1).UTC(), time.Minute, true, []uint8{1, 2, 3}}
}

func TestCoderReadsWhatItWrote(t *testing.T) {
	x := good()
	var w Coder
	x.fields(&w)
	if err := w.Done(); err != nil {
		t.Fatal(err)
	}
	var y thing
	r := Coder{From: NewReader(w.Written())}
	y.fields(&r)
	if err := r.Done(); err != nil || !r.Reads() || w.Reads() {
		t.Fatal(err)
	}
	var again Coder
	y.fields(&again)
	if string(again.Written()) != string(w.Written()) || y.name != x.name || len(y.rising) != 3 || !y.at.Equal(x.at) {
		t.Errorf("read %+v, want %+v", y, x)
	}
	for n := range w.Written() {
		r := Coder{From: NewReader(w.Written()[:n])}
		if y.fields(&r); r.Done() == nil {
			t.Errorf("cut to %d bytes: no error", n)
		}
	}
}

func TestCoderHoldsBounds(t *testing.T) {
	for name, change := range map[string]func(*thing){
		"number zero":      func(x *thing) { x.number = 0 },
		"number beyond":    func(x *thing) { x.number = 10 },
		"short key":        func(x *thing) { x.key = nil },
		"long field":       func(x *thing) { x.free = make([]byte, 5) },
		"no name":          func(x *thing) { x.name = "" },
		"long name":        func(x *thing) { x.name = "123456789" },
		"name that breaks": func(x *thing) { x.name = "a\nb" },
		"name and a space": func(x *thing) { x.name = "a " },
		"before 1970":      func(x *thing) { x.at = time.Time{} },
		"half a second":    func(x *thing) { x.period = 1500 * time.Millisecond },
		"no period":        func(x *thing) { x.period = 0 },
		"empty list":       func(x *thing) { x.rising = nil },
		"long list":        func(x *thing) { x.rising = []uint8{1, 2, 3, 4} },
		"list that falls":  func(x *thing) { x.rising = []uint8{2, 1} },
		"one thing twice":  func(x *thing) { x.rising = []uint8{2, 2} },
	} {
		x := good()
		change(&x)
		var w Coder
		if x.fields(&w); !errors.Is(w.Err(), ErrMalformed) {
			t.Errorf("%s: writing says %v", name, w.Err())
		}
		if name == "half a second" || name == "short key" {
			continue // its bytes are another value's, or none
		}
		r := Coder{From: NewReader(w.Written())}
		if x.fields(&r); !errors.Is(r.Done(), ErrMalformed) {
			t.Errorf("%s: reading says %v", name, r.Done())
		}
	}
	var c Coder
	own := errors.New("own")
	c.Fail(nil)
	c.Fail(own)
	c.Must(false, "late")
	if !errors.Is(c.Err(), own) {
		t.Errorf("error = %v, want the first", c.Err())
	}
	if got := Sorted([]int{2, 1, 2}, cmp.Compare[int]); len(got) != 2 || got[0] != 1 {
		t.Errorf("Sorted = %v", got)
	}
}
