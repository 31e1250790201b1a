package outdir

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kubespore/kubespore/pkg/durable"
	"github.com/kubespore/kubespore/pkg/durable/durabletest"
)

func TestTwoBuilds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	d, err := Open(dir, Options{FS: fast()})
	if err != nil {
		t.Fatal(err)
	}
	if code := codeOf(build(dir, "1", fast())); code != "O002" {
		t.Errorf("code %s", code)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	mustBuild(t, dir, "1")
}

// A build killed in any change leaves the last good build or the new one, and
// the next build succeeds and leaves nothing next to out/.
func TestKilledAnywhere(t *testing.T) {
	for _, noExchange := range []bool{false, true} {
		for _, first := range []bool{true, false} {
			seen := map[string]int{}
			for n := 1; ; n++ {
				dir := filepath.Join(t.TempDir(), "out")
				if !first {
					mustBuild(t, dir, "1")
				}
				err := build(dir, "2", &durabletest.FS{KillAt: n, NoExchange: noExchange})
				if !noExchange { // elsewhere the next Open puts the last build back
					seen[tree(t, dir)["hosts/cp1/config.ign"]]++
				}
				d, problem := Open(dir, Options{FS: fast()})
				if problem != nil {
					t.Fatal(problem)
				}
				now := tree(t, dir)["hosts/cp1/config.ign"]
				if now != "cp1 2" && (first && now != "" || !first && now != "cp1 1") {
					t.Fatalf("change %d: out/ holds %q", n, now)
				}
				d.Close()
				mustBuild(t, dir, "3")
				if left, _ := os.ReadDir(filepath.Dir(dir)); len(left) != 1 {
					t.Fatalf("change %d: beside out/ there is %v", n, left)
				}
				if err == nil && n > 10 {
					break
				}
			}
			if !noExchange && len(seen) != 2 {
				t.Errorf("the kills did not hit both sides of the moment: %v", seen)
			}
		}
	}
}

func TestFullDiskAnywhere(t *testing.T) {
	for n := 1; ; n++ {
		dir := filepath.Join(t.TempDir(), "out")
		mustBuild(t, dir, "1")
		fsys := &durabletest.FS{FullAt: n}
		err := build(dir, "2", fsys)
		if got := tree(t, dir)["hosts/cp1/config.ign"]; got != "cp1 2" && (err == nil || got != "cp1 1") {
			t.Fatalf("change %d: %q after %v", n, got, err)
		}
		if err != nil && (codeOf(err) != "O001" || !strings.Contains(err.Error(), "the disk is full")) {
			t.Fatalf("change %d: %v", n, err)
		}
		if fsys.Changes() < n {
			break
		}
	}
}

// A disk that is really full, and one that is really read-only.
func TestRealDisks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	defer unix.Unmount(disk, unix.MNT_DETACH)
	dir := filepath.Join(disk, "out")
	mustBuild(t, dir, "1")
	d, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, list := d.Stage()
	if list.HasErrors() {
		t.Fatal(list)
	}
	err = s.Write(File{Path: "big", Data: make([]byte, 1<<20)})
	if codeOf(err) != "O001" || !errors.Is(err, syscall.ENOSPC) && !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("full disk: %v", err)
	}
	d.Close()
	mustBuild(t, dir, "2")
	if err := unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Skipf("it cannot be remounted: %v", err)
	}
	err = build(dir, "3", durable.OS{})
	if codeOf(err) != "O001" || !strings.Contains(err.Error(), "the file system is read-only") {
		t.Errorf("read-only: %v", err)
	}
	if got := tree(t, dir)["hosts/cp1/config.ign"]; got != "cp1 2" {
		t.Errorf("out/ holds %q", got)
	}
}
