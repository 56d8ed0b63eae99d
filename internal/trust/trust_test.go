package trust

import "testing"

func TestDashesOfALineNameAreAlike(t *testing.T) {
	for _, typed := range []string{"JPN–NATO", "JPN-NATO", "JPN—NATO"} {
		if plain(typed) != "JPN-NATO" {
			t.Errorf("plain(%q) = %q, want JPN-NATO", typed, plain(typed))
		}
	}
}
