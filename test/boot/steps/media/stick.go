package media

import (
	"context"
	"errors"

	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
)

// InsertKey has a machine that is off find the key of a host, its own or another's,
// when it is powered on.
func InsertKey(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return r.Each(ctx, words[:1], func(m *lab.Machine) error {
		q, ok := m.Hardware.(*hardware.QEMU)
		if !ok || q.Volumes["key"] == "" {
			return errors.New("it has no sealed stick")
		}
		q.PutInKey(words[1])
		return nil
	})
}
