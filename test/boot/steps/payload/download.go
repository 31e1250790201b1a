package payload

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/process"
)

// DownloadBegun waits until a copy from the mirror has begun, so that a power cut meets
// what it is meant to meet.
func DownloadBegun(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return r.Each(ctx, words, func(m *lab.Machine) error {
		c, err := hardware.Inside(m)
		if err != nil {
			return err
		}
		spool := filepath.Join(c.Disk(), "var/lib/kubespore/spool/*")
		for deadline := time.Now().Add(lab.Patience); time.Now().Before(deadline); {
			if parts, err := filepath.Glob(spool); err != nil || len(parts) > 0 {
				return err
			}
			if err := process.Pause(ctx, 100*time.Millisecond); err != nil {
				return err
			}
		}
		return errors.New("nothing comes into its spool")
	})
}
