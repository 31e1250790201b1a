package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Process is what a machine runs as: one program in control groups of its own,
// so that whatever it starts ends with it.
type Process struct {
	Groups []string
	Cmd    *exec.Cmd
	Done   chan struct{}
}

// Launch starts a program as a machine of a lab; what it prints goes to a file.
func Launch(lab, machine, log string, args ...string) (*Process, error) {
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
	p := &Process{Groups: groups, Cmd: cmd, Done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // a machine that is cut off always ends in an error
		close(p.Done)
	}()
	return p, nil
}

// Kill ends everything at once.
func (p *Process) Kill() error {
	err := KillGroups(p.Groups)
	<-p.Done
	return err
}

// Await waits for the machine to end by itself.
func (p *Process) Await(ctx context.Context, limit time.Duration) error {
	select {
	case <-p.Done:
		return KillGroups(p.Groups)
	case <-time.After(limit):
		return errors.Join(fmt.Errorf("it does not shut down within %v", limit), p.Kill())
	case <-ctx.Done():
		return ctx.Err()
	}
}
