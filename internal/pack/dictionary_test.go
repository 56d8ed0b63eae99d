package pack

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
)

var update = flag.Bool("update", false, "write the dictionary anew, for a version that was never released")

// corpus is what the dictionary holds: the text nearest to its end is the
// cheapest to refer to, so English alerts come last.
var corpus = []string{"stix.txt", "ja.txt", "en.txt"}

// train builds dictionary 1 from testdata. The samples were written apart from
// the corpus, and teach the entropy tables what is left over.
func train(t *testing.T) []byte {
	t.Helper()
	var history []byte
	for _, name := range corpus {
		history = append(history, read(t, filepath.Join("testdata", "corpus", name))...)
	}
	names, err := filepath.Glob(filepath.Join("testdata", "sample", "*.txt"))
	if err != nil || len(names) == 0 {
		t.Fatalf("samples: %v, %d files", err, len(names))
	}
	var samples [][]byte
	for _, name := range names {
		samples = append(samples, read(t, name))
	}
	d, err := zstd.BuildDict(zstd.BuildDictOptions{
		ID: uint32(Latest), Contents: samples, History: history, Offsets: [3]int{1, 4, 8}, Level: level,
	})
	if err != nil {
		t.Fatal("build dictionary:", err)
	}
	return d
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDictionaryIsWhatTheCorpusMakes holds that the shipped bytes hide nothing:
// anybody can make them again from the texts beside them.
func TestDictionaryIsWhatTheCorpusMakes(t *testing.T) {
	made := train(t)
	name := filepath.Join("dict", "1.zstd")
	if *update {
		if os.Getenv("CI") != "" {
			t.Fatal("a dictionary is not rewritten in CI")
		}
		if err := os.WriteFile(name, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(made, read(t, name)) {
		t.Errorf("%s is not what the corpus makes (%d bytes); a released dictionary never changes, a new one gets a new number", name, len(made))
	}
}
