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

// TestFleetExample: three hundred bonded hosts from an inventory take less than 40
// lines besides it, and every proof holds.
func TestFleetExample(t *testing.T) {
	const folder = "../../examples/fleets"
	text, err := os.ReadFile(filepath.Join(folder, "bonded.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := os.ReadFile(filepath.Join(folder, "bonded.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if lines, hosts := strings.Count(string(text), "\n"), strings.Count(string(rows), "\n")-1; lines >= 40 || hosts != 300 {
		t.Errorf("%d lines for %d hosts, want less than 40 for 300", lines, hosts)
	}
	for _, d := range checkIn(folder, text) {
		t.Errorf("%s: %s %s: %s", d.Position, d.Code, d.Path, d.Message)
	}
}
