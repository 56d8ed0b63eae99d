package roster

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"hotline/internal/ident"
)

// TestEachTermIsSigned changes every value of a charter by itself: each makes
// another hash, so nothing that a charter says is outside of what is signed.
func TestEachTermIsSigned(t *testing.T) {
	a, b := newParty(t, "JPN"), newParty(t, "NATO")
	c := newCharter(t, "JPN-NATO", a, b)
	c.Previous, c.Taken = []ident.Line{{1}}, []Head{{}}
	was, n := c.Hash(one), 0
	leaves(reflect.ValueOf(&c).Elem(), "Charter", func(name string, v reflect.Value) {
		n++
		old := reflect.New(v.Type()).Elem()
		old.Set(v)
		switch v.Interface().(type) {
		case time.Time:
			v.Set(reflect.ValueOf(epoch.Add(time.Hour)))
		default:
			flip(t, name, v)
		}
		if c.Hash(one) == was {
			t.Errorf("%s is not in the hash", name)
		}
		v.Set(old)
	})
	if n < reflect.TypeFor[Charter]().NumField() {
		t.Errorf("%d values were changed, fewer than a charter has fields", n)
	}
}

// leaves visits each value in v; of a row of bytes the first.
func leaves(v reflect.Value, name string, visit func(name string, v reflect.Value)) {
	switch v.Kind() {
	case reflect.Struct:
		if _, ok := v.Interface().(time.Time); ok {
			visit(name, v)
			return
		}
		for i := range v.NumField() {
			leaves(v.Field(i), name+"."+v.Type().Field(i).Name, visit)
		}
	case reflect.Array, reflect.Slice:
		for i := range v.Len() {
			leaves(v.Index(i), fmt.Sprintf("%s[%d]", name, i), visit)
			if v.Index(i).Kind() == reflect.Uint8 {
				return
			}
		}
	default:
		visit(name, v)
	}
}

func flip(t *testing.T, name string, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(v.Uint() ^ 1)
	case reflect.Int64:
		v.SetInt(v.Int() + int64(time.Second))
	case reflect.String:
		v.SetString(v.String() + "x")
	default:
		t.Errorf("%s: no other value is known of a %s", name, v.Type())
	}
}
