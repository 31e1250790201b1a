package payload

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/process"
)

// stick is a file system with the label that machines look for: containers have the
// kernel of the test machine, which may not support ISO 9660.
func stick(r *lab.Run) string { return filepath.Join(r.Dir, "stick.img") }

// MakeStick copies what is in a folder onto a stick of that label.
func MakeStick(ctx context.Context, r *lab.Run, label, folder string) error {
	for _, step := range [][]string{
		{"truncate", "--size=4G", stick(r)},
		{"mkfs.ext4", "-q", "-F", "-L", label, "-d", folder, stick(r)},
	} {
		if _, err := process.Run(ctx, step[0], step[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// PlugStick makes the stick a device, which all machines have from the next power-on.
func PlugStick(ctx context.Context, r *lab.Run) error {
	out, err := process.Run(ctx, "losetup", "--find", "--show", "--read-only", stick(r))
	r.Device = strings.TrimSpace(out)
	return err
}

// UnplugAll takes away the devices that this run or an earlier one made.
func UnplugAll(ctx context.Context, l *lab.Lab) error {
	found, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range found {
		text, err := os.ReadFile(name)
		if err != nil || !strings.HasPrefix(string(text), l.Run+"/") {
			continue // or another lab took it away meanwhile
		}
		_, err = process.Run(ctx, "losetup", "--detach", "/dev/"+strings.Split(name, "/")[3])
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
