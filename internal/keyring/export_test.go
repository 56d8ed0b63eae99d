package keyring

// SetStep lets a test act between the writes.
func SetStep(f func(string)) { step = f }
