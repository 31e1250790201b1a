package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// lab is what the scenarios of one run of this program share.
type lab struct {
	tree       string // the repository
	name       string // of control groups and network namespaces
	dir        string // where all of the lab lives
	lan        lan
	cache      string // base images and container images, kept between runs
	run        string // machines, on a tmpfs
	tools      map[string]string
	debian     map[string]string // a container's root without programs, by what is asked of it
	programs   map[string]string // the programs, as they lie over it, by the minor of Kubernetes
	archives   map[string]string // container images, by their names
	store      string            // the same, imported
	bases      map[string]base   // of the machine lane, by what is asked of them
	cloudImage string            // the base image for cloud-init, with partitions
	screen     *screen
	lock       *os.File
	observer   []string // what a program runs by that asks machines, and must not wait for them
}

// labs is the folder of all labs. They share one cache.
const labs = "/var/tmp"

func newLab(tree, name string, s *screen) (*lab, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("namespaces and mounts need root")
	}
	tree, err := filepath.Abs(tree)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(labs, name)
	l := &lab{tree: tree, name: name, dir: dir, lan: lan(name), cache: filepath.Join(labs, "kubespore-lab/cache"), run: filepath.Join(dir, "run"), screen: s}
	for _, d := range []string{l.cache, l.run} {
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
	// Where real-time scheduling is not to be had, an answer takes longer.
	if observer := []string{"chrt", "--rr", "1"}; exec.Command(observer[0], append(observer[1:], "true")...).Run() == nil {
		l.observer = observer
	}
	return l, nil
}

// open makes a place for machines. They write as if to a fast disk, and all of
// it vanishes with its mount.
func (l *lab) open() error {
	if err := syscall.Mount("tmpfs", l.run, "tmpfs", 0, "size=14g,mode=0755"); err != nil {
		return fmt.Errorf("mounting %s: %w", l.run, err)
	}
	return nil
}

// clean ends and removes everything that this run or an earlier one, kept or
// killed, left on the test machine: processes, control groups, namespaces and
// mounts. It goes by names and places, so nothing need have been written down.
func (l *lab) clean(ctx context.Context) error {
	var errs []error
	if groups := leftGroups(l.name); len(groups) > 0 {
		errs = append(errs, killGroups(groups))
	}
	errs = append(errs, l.lan.remove(ctx), l.unplugAll(ctx), l.unmountAll())
	return errors.Join(errs...)
}

// unmountAll takes away what is mounted at the run's folder and below it.
func (l *lab) unmountAll() error {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var errs []error
	for _, line := range slices.Backward(strings.Split(string(text), "\n")) {
		fields := strings.Fields(line)
		if len(fields) < 5 || (fields[4] != l.run && !strings.HasPrefix(fields[4], l.run+"/")) {
			continue
		}
		errs = append(errs, unmount(fields[4]))
	}
	return errors.Join(errs...)
}

func unmount(path string) error {
	if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("unmounting %s: %w", path, err)
	}
	return nil
}

// prepare makes everything that machines are made of.
func (l *lab) prepare(ctx context.Context, runs []*run) error {
	// What a cluster is upgraded to is packed, too.
	for _, r := range runs {
		if r.next != nil {
			runs = append(runs, r.next)
		}
	}
	documents := func(ctx context.Context) (string, error) {
		for _, r := range runs {
			if err := r.build(ctx, r.Without); err != nil {
				return "", fmt.Errorf("%s: %w", r.Name, err)
			}
		}
		return fmt.Sprintf("of %d scenarios", len(runs)), nil
	}
	for _, part := range []struct {
		name string
		do   func(context.Context) (string, error)
	}{
		{"kubespore", func(ctx context.Context) (string, error) { return l.buildKubespore(ctx) }},
		{"documents", documents},
		{"programs", func(ctx context.Context) (string, error) { return l.findPrograms(ctx, runs) }},
		{"base image", func(ctx context.Context) (string, error) { return l.baseImage(ctx, runs) }},
		{"base images of machines", func(ctx context.Context) (string, error) { return l.machineBases(ctx, runs) }},
		{"container images", func(ctx context.Context) (string, error) { return l.makeImages(ctx) }},
		{"import of the images", func(ctx context.Context) (string, error) { return l.importImages(ctx, runs) }},
		{"locked payloads", func(ctx context.Context) (string, error) { return l.packAll(ctx, runs) }},
	} {
		if _, err := l.screen.step(part.name, func() (string, error) { return part.do(ctx) }); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}
