package payload

import (
	"os"
	"path/filepath"
	"testing"
)

// A byte that is turned over twice is as it was.
func TestFlip(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a\x9dc", "abc"} {
		if err := flipByte(file); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(file); err != nil || string(text) != want {
			t.Errorf("%q, want %q: %v", text, want, err)
		}
	}
}
