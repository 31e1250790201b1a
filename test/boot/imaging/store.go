package imaging

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/process"
)

// ImportImages has containerd import the archives once, into a folder that is
// what an image of a machine with its container images baked in would have in
// /var/lib/containerd.
func ImportImages(ctx context.Context, l *lab.Lab, runs []*lab.Run) (string, error) {
	if !slices.ContainsFunc(runs, func(r *lab.Run) bool { return r.Lane == lab.ContainerLane && !r.Locked() }) {
		return "every machine does it by itself", nil
	}
	l.Store = filepath.Join(l.Run, "store")
	state := filepath.Join(l.Run, "store-state")
	socket := filepath.Join(state, "containerd.sock")
	if err := os.MkdirAll(state, 0o700); err != nil {
		return "", err
	}
	config := fmt.Sprintf(`version = 3
root = %q
state = %q
disabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri"]
[grpc]
address = %q
`, l.Store, state, socket)
	if err := os.WriteFile(filepath.Join(state, "config.toml"), []byte(config), 0o600); err != nil {
		return "", err
	}
	daemon := exec.Command(l.Tools["containerd"], "--config", filepath.Join(state, "config.toml"), "--log-level", "warn")
	daemon.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := daemon.Start(); err != nil {
		return "", err
	}
	defer func() {
		_ = daemon.Process.Signal(syscall.SIGTERM)
		_ = daemon.Wait()
	}()
	ctr := func(args ...string) error {
		_, err := process.Run(ctx, l.Tools["ctr"], append([]string{"--address", socket, "--namespace", "k8s.io"}, args...)...)
		return err
	}
	for deadline := time.Now().Add(20 * time.Second); ctr("version") != nil; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) || ctx.Err() != nil {
			return "", fmt.Errorf("containerd does not answer at %s", socket)
		}
	}
	for _, a := range l.Archives {
		if err := ctr("images", "import", "--digests=false", a); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d images", len(l.Archives)), nil
}

// CopyStore gives a machine its own images. Blobs and unpacked layers are
// never written to, so machines share them as hard links; databases are copied.
func CopyStore(ctx context.Context, l *lab.Lab, to string) error {
	_, err := process.Run(ctx, "bash", "-euo", "pipefail", "-c",
		`cp -al "$1/." "$2/"; cd "$1"; find . -name '*.db' -exec cp --remove-destination --parents {} "$2/" \;`, "copy", l.Store, to)
	return err
}
