package custody

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"hotline/internal/fault"
	"hotline/internal/roster"
)

// Facts are what is public about a party's root and lies beside its file: what
// whoever makes a desk, a delegate or a custodian has to know.
type Facts struct {
	Name      string   `json:"name"`      // what the party calls itself
	Root      []byte   `json:"root"`      // the founding root; its hash is the party's id
	Rotations [][]byte `json:"rotations"` // statements by which later roots took its place
	Warrants  [][]byte `json:"warrants"`  // of the party's delegates and custodians
}

func (r Root) facts() string { return r.File + ".party" }

// Facts reads what is public about the root.
func (r Root) Facts() (f Facts, err error) {
	b, err := os.ReadFile(r.facts())
	if errors.Is(err, fs.ErrNotExist) {
		return f, fault.Wrap(err, fault.NotFound, "There is no file %s, which says what is public about the root.", r.facts()).
			WithHint("it was made beside the root; copy it to where --root says the root is")
	}
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil {
		return f, fault.Wrap(err, fault.Invalid, "The file %s cannot be read.", r.facts())
	}
	return f, nil
}

// PutFacts writes them, whole or not at all.
func (r Root) PutFacts(f Facts) error {
	b, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return fmt.Errorf("write facts of the party: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(r.facts()), ".party-*")
	if err != nil {
		return fault.Wrap(err, fault.Config, "Nothing can be written beside %s.", r.File)
	}
	_, err = tmp.Write(append(b, '\n'))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), r.facts())
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return fmt.Errorf("write facts of the party: %w", err)
	}
	return nil
}

// Holders lists those who hold an office, as a statement that adds a desk
// names them. The one of several warrants of a key that came last counts.
func (f Facts) Holders(v roster.Verifier, office roster.Office) ([]roster.Holder, error) {
	var out []roster.Holder
	for _, b := range f.Warrants {
		w, err := roster.ParseWarrant(b)
		if err != nil {
			return nil, fmt.Errorf("read warrant: %w", err)
		}
		if w.Office == office {
			out = append(out, w.Holder(v))
		}
	}
	return roster.SortHolders(out), nil
}
