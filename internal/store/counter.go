package store

import "encoding/binary"

// Counter is a number outside the folder that only rises, such as one in a
// TPM. Each start raises it by one: a folder that was set back, and even a
// whole disk that was, then lags behind it.
type Counter interface {
	Read() (uint64, error)
	Increment() error
}

// settingCounter is the counter's value as this folder knows it.
const settingCounter = "store.counter"

// counted holds the folder against the counter, and returns the value that
// this start gives it; 0 when there is no counter to be read.
//
// The value is committed before the counter is raised. So a crash between the
// two leaves the folder one ahead, which is clean; a folder that lags behind
// was set back, by however little.
func (s *Store) counted(tx *Tx) (Provenance, uint64, error) {
	stored, err := optional(tx.Setting(settingCounter))
	if err != nil {
		return Clean, 0, err
	}
	if s.opts.Counter == nil {
		if stored != nil {
			s.log.Warn("no counter vouches that this folder is the newest one")
			return Copied, 0, nil
		}
		return Clean, 0, nil
	}
	now, err := s.opts.Counter.Read()
	if err != nil {
		s.log.Warn("the counter that vouches for this folder cannot be read", "err", err)
		return Copied, 0, nil
	}
	if len(stored) != 8 {
		return Clean, now + 1, nil // the first start with this counter
	}
	switch known := binary.BigEndian.Uint64(stored); {
	case known == now, known == now+1:
		return Clean, now + 1, nil
	case known < now:
		return RolledBack, now + 1, nil
	default:
		return Copied, now + 1, nil // another counter
	}
}

// putCounter stores the value of this start.
func putCounter(tx *Tx, value uint64) error {
	if value == 0 {
		return nil
	}
	return tx.PutSetting(settingCounter, binary.BigEndian.AppendUint64(nil, value))
}

// raise makes the counter follow, once the folder's value is durable. A
// counter that cannot be raised keeps no desk from starting: the next start
// finds the folder one ahead.
func (s *Store) raise(value uint64) {
	if value == 0 {
		return
	}
	if err := s.opts.Counter.Increment(); err != nil {
		s.log.Warn("the counter that vouches for this folder cannot be raised", "err", err)
	}
}
