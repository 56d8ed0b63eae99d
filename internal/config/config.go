// Package config reads the one file that says how a desk or a relay runs.
//
// It is strict: a key that nobody knows is an error with its line, its column
// and the nearest key that exists, because a misspelt limit that is silently
// ignored is found out on the worst day. Values come from the environment
// (HOTLINE_SECTION_KEY), else from the file, else from defaults that work;
// flags go above all of them and are the commands' matter. Secrets are never
// values, only paths.
//
// The structs below are the one source: an example file with every key, its
// meaning and its default is printed from their tags, and docs/config.md is
// that file.
//
// This package is on floor 4 and is the only importer of go-toml. What parties,
// relays and lines a desk has is not configuration: that stands in its store.
package config

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"hotline/internal/fault"
)

// The names of the files, in the directory of the process.
const (
	DeskFile  = "desk.toml"
	RelayFile = "relay.toml"
)

// maxFile is the largest configuration that is read, in bytes.
const maxFile = 1 << 20

// Getenv is how the environment is asked; tests give their own.
type Getenv func(key string) (string, bool)

// ReadDesk returns the configuration of the desk in dir. A missing file means
// the defaults.
func ReadDesk(dir string, env Getenv) (Desk, error) {
	c := DefaultDesk()
	err := read(filepath.Join(dir, DeskFile), env, &c)
	if err != nil {
		return Desk{}, err
	}
	return c, c.Check()
}

// ReadRelay returns the configuration of the relay in dir. A missing file
// means the defaults.
func ReadRelay(dir string, env Getenv) (Relay, error) {
	c := DefaultRelay()
	err := read(filepath.Join(dir, RelayFile), env, &c)
	if err != nil {
		return Relay{}, err
	}
	return c, c.Check()
}

// read fills c, which holds the defaults, from a file and the environment.
func read(path string, env Getenv, c any) error {
	body, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(err, fault.Config, "The configuration %s cannot be read.", filepath.Base(path))
	}
	if len(body) > maxFile {
		return fault.New(fault.Config, "The configuration %s is larger than %d bytes.", filepath.Base(path), maxFile)
	}
	if err := decode(filepath.Base(path), body, c); err != nil {
		return err
	}
	return fromEnv(env, c)
}

func decode(name string, body []byte, c any) error {
	dec := toml.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	err := dec.Decode(c)
	if err == nil {
		return nil
	}
	if missing, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		first := missing.Errors[0]
		row, col := first.Position()
		key := strings.Join(first.Key(), ".")
		f := fault.Wrap(err, fault.Config, "%s, line %d, column %d: there is no key %q.", name, row, col, key)
		if near := nearest(key, Keys(c)); near != "" {
			return f.WithHint("did you mean %q?", near)
		}
		return f.WithHint("hotline config example prints all keys")
	}
	if bad, ok := errors.AsType[*toml.DecodeError](err); ok {
		row, col := bad.Position()
		return fault.Wrap(err, fault.Config, "%s, line %d, column %d: %s.", name, row, col, strings.TrimPrefix(bad.Error(), "toml: "))
	}
	return fault.Wrap(err, fault.Config, "%s cannot be read: %s.", name, strings.TrimPrefix(err.Error(), "toml: "))
}

// fromEnv overrides each key that HOTLINE_SECTION_KEY names.
func fromEnv(env Getenv, c any) error {
	if env == nil {
		return nil
	}
	var err error
	walk(c, func(f field) {
		name := "HOTLINE_" + strings.ToUpper(strings.ReplaceAll(f.key, ".", "_"))
		s, ok := env(name)
		if !ok || err != nil {
			return
		}
		err = f.set(s)
		if err != nil {
			err = fault.Wrap(err, fault.Config, "The environment's %s does not fit: %s.", name, err)
		}
	})
	return err
}

// Keys lists every key of a configuration, in the order of its file.
func Keys(c any) (keys []string) {
	walk(c, func(f field) { keys = append(keys, f.key) })
	return keys
}

// nearest returns the key that is closest to a misspelt one, or "".
func nearest(key string, keys []string) string {
	best, dist := "", len(key)/2+1
	for _, k := range keys {
		if d := distance(key, k); d < dist {
			best, dist = k, d
		}
	}
	return best
}

// distance is the number of letters to insert, drop or change between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// field is one key of a configuration.
type field struct {
	key   string // section.name
	doc   string
	value reflect.Value
}

// walk visits the fields of *c, which is a pointer to a struct of sections.
func walk(c any, visit func(field)) {
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		section, name := v.Field(i), v.Type().Field(i).Tag.Get("toml")
		for j := range section.NumField() {
			t := section.Type().Field(j)
			visit(field{key: name + "." + t.Tag.Get("toml"), doc: t.Tag.Get("doc"), value: section.Field(j)})
		}
	}
}

// set reads s as the field's type: what the environment holds is TOML where
// that parses as the type, and a plain text elsewhere.
func (f field) set(s string) error {
	switch f.value.Kind() {
	case reflect.String:
		f.value.SetString(s)
		return nil
	case reflect.Slice:
		var list []string
		for part := range strings.SplitSeq(s, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		f.value.Set(reflect.ValueOf(list))
		return nil
	}
	n, err := strconv.ParseInt(s, 10, f.value.Type().Bits())
	if err != nil {
		return errors.New("a whole number is needed")
	}
	f.value.SetInt(n)
	return nil
}

// level returns the log level of its name.
func (l Log) level() (slog.Level, error) {
	var v slog.Level
	err := v.UnmarshalText([]byte(l.Level))
	return v, err
}
