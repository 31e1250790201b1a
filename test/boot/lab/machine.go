package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubespore/kubespore/test/boot/documents"
)

// Machine is one host of a scenario, on the hardware of the scenario's lane.
type Machine struct {
	documents.Host
	Dir   string
	Since time.Time // when it was last powered on
	lease time.Time // how its kubelet's lease stood when it was first seen after that
	Aged  string    // the client pair of its kubelet that was made old
	Hardware
}

// Hardware is what a lane makes machines of. Scenarios, steps and checks see no
// more of a machine than this.
type Hardware interface {
	// assemble makes the disk of a machine that has never been on.
	Assemble(ctx context.Context) error
	// start powers the machine on; its console is written to a file. It outlives
	// the lab, for -keep.
	Start(ctx context.Context, console string) error
	On() bool
	// cut is the power cut: everything ends at once.
	Cut() error
	// shutDown is what a press of the power button does.
	ShutDown(ctx context.Context) error
	// discard takes the disk away.
	Discard() error
	// journals puts the journal of a machine and the logs of its pods into a
	// folder, as far as they are on its disk.
	Journals(ctx context.Context, dir string) error
}

// The lanes.
const (
	ContainerLane = "container"
	MachineLane   = "machine"
)

// Console is the file that the machine's console is written to.
func (m *Machine) Console() string { return filepath.Join(m.Dir, "console.log") }

// PowerOn starts the machine, which must be off.
func (m *Machine) PowerOn(ctx context.Context) error {
	if m.On() {
		return fmt.Errorf("%s is on", m.Name)
	}
	if err := m.Start(ctx, m.Console()); err != nil {
		return err
	}
	m.Since, m.lease = time.Now(), time.Time{}
	return nil
}

// Fresh makes it a machine that has never been on.
func (m *Machine) Fresh(ctx context.Context) error {
	if m.On() {
		return fmt.Errorf("%s is on", m.Name)
	}
	if err := m.Discard(); err != nil {
		return err
	}
	return m.Assemble(ctx)
}

// Said is all that the console has shown so far.
func (m *Machine) Said() string {
	text, err := os.ReadFile(m.Console())
	if err != nil {
		return "" // it has not been powered on
	}
	return strings.ReplaceAll(string(text), "\r", "")
}

// alive says whether a lease of this time was renewed since the power came on.
// The machine's clock need not be ours, so a lease that moves is as good as one
// that is later.
func (m *Machine) alive(renewed time.Time) bool {
	if m.lease.IsZero() {
		m.lease = renewed
	}
	return renewed.After(m.Since) || !renewed.Equal(m.lease)
}
