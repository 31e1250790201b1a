package hardware

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/kubespore/kubespore/test/boot/process"
)

// Do runs a script inside the machine, as an administrator who has logged in.
func (c *Container) Do(ctx context.Context, script string) (string, error) {
	args, err := enter(c.Groups())
	if err != nil {
		return "", err
	}
	return process.Run(ctx, args[0], append(args[1:], "/bin/bash", "--login", "-e", "-c", script)...)
}

// Shell becomes a root shell inside a machine that an earlier run of a lab kept.
func Shell(lab, machine string) error {
	var groups []string
	for _, dir := range process.LeftGroups(lab) {
		groups = append(groups, filepath.Join(dir, machine))
	}
	args, err := enter(groups)
	if err != nil {
		return err
	}
	program, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	return syscall.Exec(program, append(args, "/bin/bash", "--login"), os.Environ())
}

// enter is the command that runs another one inside the machine with these
// control groups.
func enter(groups []string) ([]string, error) {
	leader, err := LeaderOf(groups)
	return []string{"nsenter", "--all", "--target=" + strconv.Itoa(leader), "--root", "--wd"}, err
}

// LeaderOf finds the process that is the first inside the machine.
func LeaderOf(groups []string) (int, error) {
	for _, pid := range process.ProcessesIn(groups) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue // it has ended
		}
		for line := range strings.Lines(string(text)) {
			// Its number outside and its number inside.
			if numbers, ok := strings.CutPrefix(line, "NSpid:"); ok {
				if n := strings.Fields(numbers); len(n) == 2 && n[1] == "1" {
					return pid, nil
				}
			}
		}
	}
	return 0, errors.New("the machine is not on")
}
