package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// stick is a file system with the label that machines look for, and the bundle in
// it: containers have the kernel of the test machine, which may know no ISO 9660.
func (r *run) stick() string { return filepath.Join(r.dir, "stick.img") }

// makeStick copies the bundle onto a stick, as docs/air-gap.md says.
func (r *run) makeStick(ctx context.Context) error {
	for _, step := range [][]string{
		{"truncate", "--size=4G", r.stick()},
		{"mkfs.ext4", "-q", "-L", "KUBESPORE", "-d", r.bundle(), r.stick()},
	} {
		if _, err := command(ctx, step[0], step[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// plugStick makes the stick a device, which all machines have.
func (r *run) plugStick(ctx context.Context) error {
	out, err := command(ctx, "losetup", "--find", "--show", "--read-only", r.stick())
	r.device = strings.TrimSpace(out)
	return err
}

// unplugAll takes away the devices that this run or an earlier one made.
func (l *lab) unplugAll(ctx context.Context) error {
	found, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range found {
		text, err := os.ReadFile(name)
		if err != nil || !strings.HasPrefix(string(text), l.run+"/") {
			continue // or somebody else took it away meanwhile
		}
		_, err = command(ctx, "losetup", "--detach", "/dev/"+strings.Split(name, "/")[3])
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// halfway waits until a copy from the mirror has begun, so that a power cut meets
// what it is meant to meet.
func halfway(ctx context.Context, r *run, words []string) (string, error) {
	return r.each(ctx, words, func(m *machine) error {
		c, err := m.inside()
		if err != nil {
			return err
		}
		spool := filepath.Join(c.disk(), "var/lib/kubespore/spool/*")
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
			if parts, err := filepath.Glob(spool); err != nil || len(parts) > 0 {
				return err
			}
			if err := pause(ctx, 100*time.Millisecond); err != nil {
				return err
			}
		}
		return errors.New("nothing comes into its spool")
	})
}
