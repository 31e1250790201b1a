//go:build oracle

package oracle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// insideOf is set, to the workspace, in the process that runs the tests.
const insideOf = "KUBESPORE_ORACLE_WORKSPACE"

// enclose runs this test program once more in a process, mount, network and
// host name namespace of its own. All that the tests start, mount or connect there is
// gone when it ends, however it ends.
func enclose() (int, error) {
	// The kernel ties the death signal to the thread that starts the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c := exec.CommandContext(ctx, "/proc/self/exe", os.Args[1:]...)
	c.Env = append(os.Environ(), insideOf+"="+workspace.dir)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS, Pdeathsig: syscall.SIGKILL}
	err := c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(1, exit.ExitCode()), nil
	}
	return 0, err
}

// lan is the bridge that all machines are plugged into, and the tests too.
const lan = "lan"

// inside makes the namespaces fit to live in.
func inside(m *testing.M) (int, error) {
	// Ignition writes the files of accounts as these, who must get there.
	lab := filepath.Join(workspace.dir, "lab")
	if err := os.Chmod(workspace.dir, 0o711); err != nil {
		return 1, err
	}
	if err := os.MkdirAll(lab, 0o711); err != nil {
		return 1, err
	}
	for _, mount := range []struct {
		source, target, kind string
		flags                uintptr
	}{
		{"", "/", "", syscall.MS_REC | syscall.MS_PRIVATE},
		{"proc", "/proc", "proc", 0},
		{"tmpfs", lab, "tmpfs", 0},
		{"tmpfs", "/run", "tmpfs", 0}, // ip keeps names of namespaces there
	} {
		if err := syscall.Mount(mount.source, mount.target, mount.kind, mount.flags, ""); err != nil {
			return 1, fmt.Errorf("mount %s: %w", mount.target, err)
		}
	}
	// kubeadm gives the kubelet --hostname-override where the machine is called
	// otherwise than its node; so that it always does, this one is.
	if err := syscall.Sethostname([]byte("oracle")); err != nil {
		return 1, err
	}
	if err := ip("link set lo up", "link add "+lan+" type bridge", "link set "+lan+" up"); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// ip runs commands of iproute2.
func ip(commands ...string) error {
	c := exec.Command("ip", "-batch", "-")
	c.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("ip: %w: %s", err, out)
	}
	return nil
}

// needRoot skips where there are no namespaces.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Getenv(insideOf) == "" {
		t.Skip("namespaces, mounts and owners of files need root")
	}
}
