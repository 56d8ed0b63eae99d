package keyring

// SetStep lets a test act between the writes.
func SetStep(f func(string)) { step = f }

// Work counts what fn does: derivations of keys, and places tried.
func Work(fn func()) (derived, tried int) {
	old := step
	defer func() { step = old }()
	step = func(s string) {
		switch s {
		case "derived":
			derived++
		case "tried":
			tried++
		}
	}
	fn()
	return derived, tried
}
