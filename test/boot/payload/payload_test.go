package payload

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Bundles that are still packed stay, the others go with their locks.
func TestForget(t *testing.T) {
	cache := t.TempDir()
	since := time.Now().Add(-time.Hour)
	for name, packed := range map[string]time.Time{"payload-old": since.Add(-time.Minute), "payload-new": since.Add(time.Minute)} {
		if err := os.MkdirAll(filepath.Join(cache, name, "images"), 0o755); err != nil {
			t.Fatal(err)
		}
		lock := filepath.Join(cache, name+".lock")
		if err := os.WriteFile(lock, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(lock, packed, packed); err != nil {
			t.Fatal(err)
		}
	}
	if err := forget(cache, since); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(cache, "*"))
	if want := []string{filepath.Join(cache, "payload-new"), filepath.Join(cache, "payload-new.lock")}; err != nil || !reflect.DeepEqual(left, want) {
		t.Errorf("%v is left: %v", left, err)
	}
}

func TestQuickStart(t *testing.T) {
	page, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	commands, err := packing(string(page))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"kubespore payload pack", "kubespore build", "kubespore payload verify", "kubespore media iso"} {
		if !strings.Contains(commands, want) {
			t.Errorf("it has no %s:\n%s", want, commands)
		}
	}
	if _, err := packing("```sh\nx\n```\n"); err == nil {
		t.Error("a page without commands is taken")
	}
}
