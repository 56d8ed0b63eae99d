package store

import "fmt"

// Setting returns the value of a setting, or an error matching [ErrNone].
// Names beginning with "store." are the store's own.
func (tx *Tx) Setting(name string) ([]byte, error) {
	var value []byte
	if err := tx.Row("SELECT value FROM setting WHERE name = ?", name).Scan(&value); err != nil {
		return nil, fmt.Errorf("read setting %s: %w", name, err)
	}
	return value, nil
}

// PutSetting sets a setting.
func (tx *Tx) PutSetting(name string, value []byte) error {
	_, err := tx.Exec("INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		name, notNull(value))
	if err != nil {
		return fmt.Errorf("set setting %s: %w", name, err)
	}
	return nil
}

// DropSetting removes a setting. Removing what is not there is no error.
func (tx *Tx) DropSetting(name string) error {
	if _, err := tx.Exec("DELETE FROM setting WHERE name = ?", name); err != nil {
		return fmt.Errorf("drop setting %s: %w", name, err)
	}
	return nil
}
