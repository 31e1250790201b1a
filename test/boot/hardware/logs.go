package hardware

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/kubespore/kubespore/test/boot/lab"
)

// KeepLogs copies what a failure leaves: consoles, journals and logs of pods.
// The error tells where.
func KeepLogs(ctx context.Context, r *lab.Run) error {
	dir := filepath.Join(r.Lab.Dir, "logs", time.Now().Format("20060102-150405-")+r.Name)
	errs := []error{fmt.Errorf("logs: %s", dir)}
	for name, m := range r.Machines {
		of := filepath.Join(dir, name)
		if err := os.MkdirAll(of, 0o755); err != nil {
			return errors.Join(append(errs, err)...)
		}
		keep(filepath.Join(of, "console"), func() ([]byte, error) { return os.ReadFile(m.Console()) })
		errs = append(errs, m.Journals(ctx, of))
	}
	return errors.Join(errs...)
}

// collect copies what a machine with this root logged.
func collect(ctx context.Context, root, dir string) error {
	keep(filepath.Join(dir, "journal"), func() ([]byte, error) {
		return exec.CommandContext(ctx, "journalctl", "--no-pager", "--directory="+filepath.Join(root, "var/log/journal"), "-o", "short-monotonic").Output()
	})
	pods, err := filepath.Glob(filepath.Join(root, "var/log/pods/*/*/*.log"))
	for _, p := range pods {
		container := filepath.Dir(p)
		file := fmt.Sprintf("%s.%s.%s", filepath.Base(filepath.Dir(container)), filepath.Base(container), filepath.Base(p))
		keep(filepath.Join(dir, file), func() ([]byte, error) { return os.ReadFile(p) })
	}
	return err
}

// keep writes one log; what cannot be read is not a second failure.
func keep(file string, read func() ([]byte, error)) {
	if text, err := read(); err == nil && len(text) > 0 {
		_ = os.WriteFile(file, text, 0o644)
	}
}
