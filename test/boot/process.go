package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is what a machine runs as: one program in control groups of its own,
// so that whatever it starts ends with it.
type process struct {
	groups []string
	cmd    *exec.Cmd
	done   chan struct{}
}

// launch starts a program as a machine of a lab; what it prints goes to a file.
func launch(lab, machine, log string, args ...string) (*process, error) {
	groups, err := makeGroups(lab, machine)
	if err != nil {
		return nil, err
	}
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	// A shell enters the groups and becomes the program.
	enter := []string{"-c", `while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs"; shift; done; shift; exec "$@"`, "enter"}
	enter = append(append(enter, groups...), "--")
	cmd := exec.Command("/bin/sh", append(enter, args...)...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{groups: groups, cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // a machine that is cut off always ends in an error
		close(p.done)
	}()
	return p, nil
}

// kill ends everything at once.
func (p *process) kill() error {
	err := killGroups(p.groups)
	<-p.done
	return err
}

// await waits for the machine to end by itself.
func (p *process) await(ctx context.Context, limit time.Duration) error {
	select {
	case <-p.done:
		return killGroups(p.groups)
	case <-time.After(limit):
		return errors.Join(fmt.Errorf("it does not shut down within %v", limit), p.kill())
	case <-ctx.Done():
		return ctx.Err()
	}
}
