package compile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGoodTopologies runs every right topology through all that check does,
// which must have nothing to say; see the README there.
func TestGoodTopologies(t *testing.T) {
	const good = "../../testdata/good"
	files, err := filepath.Glob(filepath.Join(good, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no good topologies: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range checkIn(good, text) {
				t.Errorf("%s: %s %s: %s", d.Position, d.Code, d.Path, d.Message)
			}
		})
	}
}
