// Package hardware makes machines: containers (systemd-nspawn) and QEMU, and the
// media by which documents come to them.
package hardware

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/lab"
)

// NewMachine makes the machine of a host, connected to the switch.
func NewMachine(ctx context.Context, r *lab.Run, h documents.Host) error {
	m := &lab.Machine{Host: h, Dir: filepath.Join(r.Dir, "machines", h.Name)}
	if r.Lane == lab.MachineLane {
		m.Hardware = &QEMU{Run: r, host: h, number: len(r.Machines), Dir: m.Dir}
	} else {
		m.Hardware = &Container{Run: r, host: h, Name: h.Name, number: len(r.Machines), Dir: m.Dir}
	}
	if err := m.Assemble(ctx); err != nil {
		return err
	}
	r.Machines[h.Name] = m
	return nil
}

// Inside is the machine as someone sees it who has logged in, which only
// containers allow: no one logs in to machines proper.
func Inside(m *lab.Machine) (*Container, error) {
	c, ok := m.Hardware.(*Container)
	if !ok {
		return nil, fmt.Errorf("no one logs in to %s", m.Name)
	}
	return c, nil
}
