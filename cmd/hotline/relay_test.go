package main

import "testing"

func TestParseSize(t *testing.T) {
	for in, want := range map[string]uint64{"": 0, "4096": 4096, "7B": 7, "500MB": 500_000_000, "2 GiB": 2 << 30, "3KiB": 3072, "9kB": 9000, "1GB": 1e9, "5MiB": 5 << 20} {
		if got, err := parseSize(in); err != nil || got != want {
			t.Errorf("parseSize(%q) = %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"0", "-1", "lots", "1.5GB", "MB", "99999999999999999999", "5000000000GiB"} {
		if got, err := parseSize(in); err == nil {
			t.Errorf("parseSize(%q) = %d, want an error", in, got)
		}
	}
}
