package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// kills is how many random moments the test tries: half of them without a
// store, half with one. Their number can be set, as `make check-all` does.
func kills(t *testing.T) int {
	n := 40
	if text := os.Getenv("KUBESPORE_KILLS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 4 {
			t.Fatalf("KUBESPORE_KILLS is %q, and not a number from 4", text)
		}
	}
	return n
}

// TestKill ends builds by kill -9 at random moments. out/ must be the last
// good build or the new one, the store must have lost nothing, and the next
// build must succeed.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("kills many builds")
	}
	program := buildProgram(t)
	fresh := newWorld(t)
	built := fresh.twin(t)
	built.mustBuild()
	n := kills(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for _, start := range []struct {
		name  string
		world *world
	}{{"first build", fresh}, {"second build", built}} {
		whole := duration(t, program, start.world)
		t.Logf("%s: %v", start.name, whole)
		for lane := range 2 {
			t.Run(fmt.Sprintf("%s %d", start.name, lane), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(seed, uint64(lane)))
				for i := range n / 4 {
					killOnce(t, program, start.world, moment(random, whole), fmt.Sprintf("extra%d", i))
				}
			})
		}
	}
}

// moment picks when to kill: every second time near the end, where a build
// writes.
func moment(random *rand.Rand, whole time.Duration) time.Duration {
	at := random.Float64() * 1.1
	if random.IntN(2) == 0 {
		at = 0.7 + random.Float64()*0.4
	}
	return time.Duration(at * float64(whole))
}

func killOnce(t *testing.T, program string, start *world, after time.Duration, worker string) {
	t.Helper()
	w := start.twin(t)
	defer os.RemoveAll(w.dir)
	w.hosts("cp1", "cp2", "cp3", "w1", "w2", worker)
	before := map[string]string{}
	if _, err := os.Stat(w.store()); err == nil {
		before = w.tree(w.store())
	}
	cmd := w.command(program)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	w.checkOut()
	w.checkStore(before)
	w.mustBuild()
	w.checkOut()
	w.checkStore(before)
	if t.Failed() {
		t.Fatalf("killed after %v", after)
	}
}

// duration measures a whole build.
func duration(t *testing.T, program string, start *world) time.Duration {
	t.Helper()
	w := start.twin(t)
	w.hosts("cp1", "cp2", "cp3", "w1", "w2", "extra")
	begin := time.Now()
	if out, err := w.command(program).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return time.Since(begin)
}

func (w *world) command(program string) *exec.Cmd {
	cmd := exec.Command(program, w.buildArgs()...)
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+epoch)
	return cmd
}

// buildProgram builds the real binary once.
func buildProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "kubespore")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}
