//go:build real

package payload

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestPackKilled kills payload pack at one moment after the other; the same
// command goes on, and what comes out is what an undisturbed run makes.
func TestPackKilled(t *testing.T) {
	w := newWorld(t, "")
	want, err := os.ReadFile(filepath.Join(w.bundle, "payload.lock"))
	if err != nil {
		t.Fatal(err)
	}
	killed, done := 0, false
	for after := 5 * time.Millisecond; !done && after < time.Minute; after += after/8 + 5*time.Millisecond {
		c := exec.Command(program(t), "payload", "pack", "-q", "--from", "parts", "-o", "other", "single.yaml")
		c.Dir = w.dir
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		cut := time.AfterFunc(after, func() { _ = c.Process.Kill() })
		err := c.Wait()
		cut.Stop()
		if done = err == nil; !done {
			killed++
		}
	}
	t.Logf("%d runs were killed", killed)
	if killed < 3 {
		t.Errorf("only %d runs were killed: the kills came too late", killed)
	}
	if got, err := os.ReadFile(filepath.Join(w.dir, "other/payload.lock")); err != nil || string(got) != string(want) {
		t.Errorf("the lock is another one: %v", err)
	}
	w.kubespore(t, "payload", "verify", "single.yaml", "other")
}
