package process

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/kubespore/kubespore/test/boot/osfile"
)

const groupRoot = "/sys/fs/cgroup"

// ownGroups are the folders of the control groups that the lab is in, one for
// each hierarchy that is mounted; machines stay within their limits.
func ownGroups() ([]string, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	var dirs []string
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		mount := filepath.Join(groupRoot, strings.TrimPrefix(parts[1], "name="))
		if parts[1] == "" && Cgroup1() {
			mount = filepath.Join(groupRoot, "unified")
		}
		if dir := filepath.Join(mount, parts[2]); osfile.Exists(filepath.Join(dir, "cgroup.procs")) {
			dirs = append(dirs, dir)
		}
	}
	return dirs, nil
}

// Cgroup1 says whether the test machine mounts the controllers of version 1.
func Cgroup1() bool { return !osfile.Exists(filepath.Join(groupRoot, "cgroup.controllers")) }

// makeGroups makes a machine's groups, one in each hierarchy, below the lab's
// own. A kubelet sees no containers but its own, a power cut is the end of every
// process in the group, and what a killed run left is found by the lab's name.
func makeGroups(lab, machine string) ([]string, error) {
	own, err := ownGroups()
	if err != nil {
		return nil, err
	}
	var dirs []string
	for _, parent := range own {
		for _, name := range []string{lab, machine} {
			dir := filepath.Join(parent, name)
			if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return nil, err
			}
			if err := inherit(parent, dir); err != nil {
				return nil, err
			}
			if err := weigh(dir); err != nil {
				return nil, err
			}
			parent = dir
		}
		dirs = append(dirs, parent)
	}
	return dirs, nil
}

// inherit gives a new group what the kernel leaves empty: the processors and
// memory of its parent, without which no process can enter it (version 1), and
// the controllers that machines use (version 2).
func inherit(parent, dir string) error {
	for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(parent, name))
		if err != nil || !Cgroup1() {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), value, 0o644); err != nil {
			return err
		}
	}
	if Cgroup1() {
		return nil
	}
	return os.WriteFile(filepath.Join(parent, "cgroup.subtree_control"), []byte("+cpu +cpuset +io +memory +pids"), 0o644)
}

// weigh gives a group twice the processor time of one process. To the kernel all
// machines of a lab are one group with the weight of a single process: next to a
// compiler they would get little, and their timeouts would run out. With ten times
// as much the lab itself got nothing: while machines kept the processors busy it took
// half a minute to ask whether they were ready, and that was the time of the step.
func weigh(dir string) error {
	name, weight := "cpu.weight", "200"
	if Cgroup1() {
		name, weight = "cpu.shares", "2048"
	}
	file := filepath.Join(dir, name)
	if !osfile.Exists(file) {
		return nil // another controller's hierarchy
	}
	return os.WriteFile(file, []byte(weight), 0o644)
}

// LeftGroups are the groups of earlier runs of a lab, whichever group those
// were in.
func LeftGroups(lab string) []string {
	var found []string
	for _, depth := range []string{"*", "*/*", "*/*/*", "*/*/*/*"} {
		dirs, err := filepath.Glob(filepath.Join(groupRoot, depth, lab))
		if err == nil {
			found = append(found, dirs...)
		}
	}
	return found
}

// KillGroups ends every process in the groups and below them, and removes them.
func KillGroups(dirs []string) error {
	deadline := time.Now().Add(20 * time.Second)
	for {
		busy := 0
		for _, pid := range ProcessesIn(dirs) {
			busy++
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		}
		if busy == 0 {
			break
		}
		if time.Now().After(deadline) {
			return errors.New("processes of a machine do not end: " + strings.Join(dirs, " "))
		}
		time.Sleep(50 * time.Millisecond)
	}
	var errs []error
	for _, dir := range dirs {
		errs = append(errs, removeGroup(dir))
	}
	return errors.Join(errs...)
}

// ProcessesIn lists the processes of control groups.
func ProcessesIn(dirs []string) []int {
	var pids []int
	for _, dir := range dirs {
		for _, d := range groupsBelow(dir) {
			text, err := os.ReadFile(filepath.Join(d, "cgroup.procs"))
			if err != nil {
				continue
			}
			for _, word := range strings.Fields(string(text)) {
				if pid, err := strconv.Atoi(word); err == nil && pid > 0 {
					pids = append(pids, pid)
				}
			}
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

// groupsBelow lists a group and all below it, the outer ones first.
func groupsBelow(dir string) []string {
	var dirs []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir // it went away meanwhile
		}
		if d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	return dirs
}

// removeGroup removes a group; the last processes may take a moment to leave.
func removeGroup(dir string) error {
	var err error
	for range 100 {
		err = nil
		for _, d := range slices.Backward(groupsBelow(dir)) {
			if e := syscall.Rmdir(d); e != nil && !errors.Is(e, syscall.ENOENT) {
				err = &fs.PathError{Op: "rmdir", Path: d, Err: e}
			}
		}
		if err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}
