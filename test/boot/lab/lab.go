// Package lab has what every other package of the boot lab works on: the lab
// itself, scenarios as scenarios.yaml writes them, their runs, and machines as
// scenarios see them.
package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/kubespore/kubespore/test/boot/network"
	"github.com/kubespore/kubespore/test/boot/screen"
)

// Lab is what the scenarios of one run of this program share.
type Lab struct {
	Tree     string // the repository
	Name     string // of control groups and network namespaces
	Dir      string // where all of the lab lives
	Lan      network.Lan
	Cache    string // base images and container images, kept between runs
	Run      string // machines, on a tmpfs
	Tools    map[string]string
	Debian   map[string]string // a container's root without programs, by what is asked of it
	Programs map[string]string // the programs, as they lie over it, by the minor of Kubernetes
	Archives map[string]string // container images, by their names
	Store    string            // the same, imported
	Bases    map[string]Base   // of the machine lane, by what is asked of them
	Screen   *screen.Screen
	lock     *os.File
	observer []string // what a program runs by that asks machines, and must not wait for them
}

// labs is the folder of all labs. They share one cache.
const labs = "/var/tmp"

// New opens a lab by name. It is an error when another lab of that name is open.
func New(tree, name string, s *screen.Screen) (*Lab, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("namespaces and mounts need root")
	}
	tree, err := filepath.Abs(tree)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(labs, name)
	l := &Lab{Tree: tree, Name: name, Dir: dir, Lan: network.Lan(name), Cache: filepath.Join(labs, "kubespore-lab/cache"), Run: filepath.Join(dir, "run"), Screen: s}
	for _, d := range []string{l.Cache, l.Run} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	if l.lock, err = os.Create(filepath.Join(dir, "lock")); err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(l.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fmt.Errorf("another run of the lab holds %s", l.lock.Name())
	}
	// Where real-time scheduling is not available, an answer takes longer.
	if observer := []string{"chrt", "--rr", "1"}; exec.Command(observer[0], append(observer[1:], "true")...).Run() == nil {
		l.observer = observer
	}
	return l, nil
}

// Open makes a place for machines. They write as if to a fast disk, and all of
// it vanishes with its mount.
func (l *Lab) Open() error {
	if err := syscall.Mount("tmpfs", l.Run, "tmpfs", 0, "size=14g,mode=0755"); err != nil {
		return fmt.Errorf("mounting %s: %w", l.Run, err)
	}
	return nil
}
