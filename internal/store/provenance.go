package store

// Provenance says whether the folder is the one that was closed, or a copy or
// an older state of it. Its zero value is [Clean].
//
// After [Copied] or [RolledBack] the desk's sending keys may already have been
// used further than this folder knows, by the original or in a future that was
// undone. The desk must start new sending keys before it sends, and then call
// [Tx.Settle]; until then the answer is the same after every restart.
//
// A machine image that is set back as a whole looks clean from inside, unless
// a [Counter] outside of it knows better; else only peers do
// (docs/spec/store.md, Section 7).
type Provenance uint8

const (
	// Clean means that folder, database and slots belong together.
	Clean Provenance = 0
	// Copied means that the files were copied, moved to another file system,
	// or restored from a backup.
	Copied Provenance = 1
	// RolledBack means that one of line.db and keys/cells is older than the
	// other. Cells whose key is gone answer with [ErrRolledBack].
	RolledBack Provenance = 2
)

// String returns the word used in logs.
func (p Provenance) String() string {
	switch p {
	case Clean:
		return "clean"
	case Copied:
		return "copied"
	case RolledBack:
		return "rolled_back"
	default:
		return "unknown"
	}
}

// Provenance returns what Open found, or what an earlier Open found and nobody
// has settled yet.
func (s *Store) Provenance() Provenance {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.provenance
}

// settingProvenance is where an unsettled finding survives a restart.
const settingProvenance = "store.provenance"

// Settle records that the desk has drawn the consequences of [Copied] or
// [RolledBack]. Call it in the Update that retires the old sending keys. The
// journal begins a new generation.
func (tx *Tx) Settle() error {
	if err := tx.DropSetting(settingJournal); err != nil {
		return err
	}
	if err := tx.DropSetting(settingProvenance); err != nil {
		return err
	}
	tx.After(func() {
		tx.s.mu.Lock()
		defer tx.s.mu.Unlock()
		tx.s.provenance = Clean
	})
	return nil
}
