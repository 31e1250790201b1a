// Package payload has the steps about a locked payload: that machines install what
// is locked and refuse everything else.
package payload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/process"
)

// locked is what a machine's document lets it install, as its lists say.
type locked struct {
	binaries []lockedBinary
	images   []lockedImage
}

type lockedBinary struct{ Path, sha256, file string }

type lockedImage struct{ ref, digest, file string }

// lockedOn reads the lists off a machine's document.
func lockedOn(r *lab.Run, machine string) (locked, error) {
	files, err := documents.FilesOf(r.Document(machine))
	if err != nil {
		return locked{}, err
	}
	var out locked
	for line := range strings.Lines(files["/etc/kubespore/binaries"]) {
		if words := strings.Fields(line); len(words) == 4 {
			out.binaries = append(out.binaries, lockedBinary{words[0], words[2], words[3]})
		}
	}
	for line := range strings.Lines(files["/etc/kubespore/images"]) {
		if words := strings.Fields(line); len(words) == 4 {
			out.images = append(out.images, lockedImage{words[0], words[1], words[3]})
		}
	}
	if len(out.binaries) == 0 || len(out.images) == 0 {
		return locked{}, fmt.Errorf("the document of %s locks nothing", machine)
	}
	return out, nil
}

// Installed proves that machines run what the operator locked and that it is
// there to stay.
func Installed(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return r.Each(ctx, words, func(m *lab.Machine) error {
		want, err := lockedOn(r, m.Name)
		if err != nil {
			return err
		}
		c, err := hardware.Inside(m)
		if err != nil {
			return err
		}
		return errors.Join(ownPrograms(c, want.binaries), pinnedImages(ctx, c, want.images), noTimeLimit(ctx, c))
	})
}

// ownPrograms holds the programs on the machine's own disk against the lock,
// and those that run against what is on that disk: none runs from a medium.
func ownPrograms(m *hardware.Container, want []lockedBinary) error {
	var errs []error
	for _, b := range want {
		text, err := os.ReadFile(filepath.Join(m.Disk(), b.Path))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != b.sha256 {
			errs = append(errs, fmt.Errorf("%s is not what is locked", b.Path))
		}
	}
	for _, path := range []string{"/opt/bin/containerd", "/opt/bin/kubelet"} {
		disk, err := os.Stat(filepath.Join(m.Root(), path))
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		if !slices.ContainsFunc(process.ProcessesIn(m.Groups()), func(pid int) bool {
			runs, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
			return err == nil && os.SameFile(runs, disk)
		}) {
			errs = append(errs, fmt.Errorf("no process of the machine is %s", path))
		}
	}
	return errors.Join(errs...)
}

// pinnedImages holds the images of containerd against the lock, and sees that
// the kubelet's garbage collection leaves them alone.
func pinnedImages(ctx context.Context, m *hardware.Container, want []lockedImage) error {
	out, err := m.Do(ctx, "ctr --namespace k8s.io images list")
	if err != nil {
		return err
	}
	is := map[string]string{}
	for line := range strings.Lines(out) {
		if ref, rest, ok := strings.Cut(line, " "); ok {
			is[ref] = rest
		}
	}
	var errs []error
	for _, i := range want {
		for _, mark := range []string{i.digest, "io.cri-containerd.pinned=pinned"} {
			if !strings.Contains(is[i.ref], mark) {
				errs = append(errs, fmt.Errorf("%s lacks %s: %s", i.ref, mark, is[i.ref]))
			}
		}
	}
	return errors.Join(errs...)
}

// noTimeLimit asks systemd how long what installs may take.
func noTimeLimit(ctx context.Context, m *hardware.Container) error {
	for _, unit := range []string{"kubespore-binaries", "kubespore-images"} {
		out, err := m.Do(ctx, "systemctl show --property=TimeoutStartUSec --value "+unit)
		if err != nil {
			return err
		}
		if out = strings.TrimSpace(out); out != "infinity" {
			return fmt.Errorf("%s may take %s", unit, out)
		}
	}
	return nil
}
