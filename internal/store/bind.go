package store

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// bind gives parameter i of st the value a. Common types go straight; types
// derived from them (ident.Party, precedence.Level) go by reflection.
func bind(st *sqlite3.Stmt, i int, a any) error {
	switch v := a.(type) {
	case nil:
		return st.BindNull(i)
	case int:
		return st.BindInt(i, v)
	case int64:
		return st.BindInt64(i, v)
	case bool:
		return st.BindBool(i, v)
	case string:
		return st.BindText(i, v)
	case []byte:
		return st.BindBlob(i, v)
	case float64:
		return st.BindFloat(i, v)
	case time.Time:
		if v.IsZero() {
			return st.BindNull(i)
		}
		return st.BindInt64(i, v.UnixMilli())
	}
	return bindValue(st, i, reflect.ValueOf(a))
}

func bindValue(st *sqlite3.Stmt, i int, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return st.BindNull(i)
		}
		return bind(st, i, v.Elem().Interface())
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int:
		return st.BindInt64(i, v.Int())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint:
		if v.Uint() > math.MaxInt64 {
			return fmt.Errorf("%d does not fit in 63 bits", v.Uint())
		}
		return st.BindInt64(i, int64(v.Uint()))
	case reflect.Bool:
		return st.BindBool(i, v.Bool())
	case reflect.String:
		return st.BindText(i, v.String())
	case reflect.Float32, reflect.Float64:
		return st.BindFloat(i, v.Float())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return st.BindBlob(i, v.Bytes())
		}
	case reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b := make([]byte, v.Len())
			reflect.Copy(reflect.ValueOf(b), v)
			return st.BindBlob(i, b)
		}
	}
	return fmt.Errorf("no column type for %s", v.Type())
}

// column copies column i of st to d.
func column(st *sqlite3.Stmt, i int, d any) error {
	null := st.ColumnType(i) == sqlite3.NULL
	switch v := d.(type) {
	case *int64:
		*v = st.ColumnInt64(i)
	case *int:
		*v = int(st.ColumnInt64(i))
	case *bool:
		*v = st.ColumnBool(i)
	case *string:
		*v = st.ColumnText(i)
	case *[]byte:
		*v = nil
		if !null {
			*v = st.ColumnBlob(i, []byte{})
		}
	case *float64:
		*v = st.ColumnFloat(i)
	case *time.Time:
		*v = time.Time{}
		if !null {
			*v = time.UnixMilli(st.ColumnInt64(i)).UTC()
		}
	case []byte:
		return fill(st, i, v, null)
	default:
		p := reflect.ValueOf(d)
		if p.Kind() != reflect.Pointer || p.IsNil() {
			return fmt.Errorf("no place for a column in %T", d)
		}
		return columnValue(st, i, p.Elem(), null)
	}
	return nil
}

func columnValue(st *sqlite3.Stmt, i int, v reflect.Value, null bool) error {
	switch v.Kind() {
	case reflect.Pointer:
		if null {
			v.SetZero()
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		return column(st, i, v.Interface())
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int:
		n := st.ColumnInt64(i)
		if v.OverflowInt(n) {
			return fmt.Errorf("%d does not fit in %s", n, v.Type())
		}
		v.SetInt(n)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint:
		n := st.ColumnInt64(i)
		if n < 0 || v.OverflowUint(uint64(n)) {
			return fmt.Errorf("%d does not fit in %s", n, v.Type())
		}
		v.SetUint(uint64(n))
	case reflect.Bool:
		v.SetBool(st.ColumnBool(i))
	case reflect.String:
		v.SetString(st.ColumnText(i))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(st.ColumnFloat(i))
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			return fmt.Errorf("no place for a column in %s", v.Type())
		}
		v.SetBytes(st.ColumnBlob(i, []byte{}))
	case reflect.Array:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			return fmt.Errorf("no place for a column in %s", v.Type())
		}
		return fill(st, i, v.Slice(0, v.Len()).Bytes(), null)
	default:
		return fmt.Errorf("no place for a column in %s", v.Type())
	}
	return nil
}

var errLength = errors.New("blob has another length")

// fill copies a blob into dst, which must have its length.
func fill(st *sqlite3.Stmt, i int, dst []byte, null bool) error {
	if null {
		clear(dst)
		return nil
	}
	b := st.ColumnRawBlob(i)
	if len(b) != len(dst) {
		return fmt.Errorf("%w: %d bytes for %d", errLength, len(b), len(dst))
	}
	copy(dst, b)
	return nil
}
