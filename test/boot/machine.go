package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// machine is one host of a scenario, on the hardware of the scenario's lane.
type machine struct {
	host
	dir   string
	since time.Time // when it was last powered on
	lease time.Time // how its kubelet's lease stood when it was first seen after that
	aged  string    // the client pair of its kubelet that was made old
	hardware
}

// hardware is what a lane makes machines of. Scenarios, steps and checks see no
// more of a machine than this.
type hardware interface {
	// assemble makes the disk of a machine that has never been on.
	assemble(ctx context.Context) error
	// start powers the machine on; its console is written to a file. It outlives
	// the lab, for -keep.
	start(ctx context.Context, console string) error
	on() bool
	// cut is the power cut: everything ends at once.
	cut() error
	// shutDown is what a press of the power button does.
	shutDown(ctx context.Context) error
	// discard takes the disk away.
	discard() error
	// journals puts the journal of a machine and the logs of its pods into a
	// folder, as far as they are on its disk.
	journals(ctx context.Context, dir string) error
}

// The lanes.
const (
	containerLane = "container"
	machineLane   = "machine"
)

func (m *machine) console() string { return filepath.Join(m.dir, "console.log") }

// newMachine makes the machine of a host, connected to the switch.
func (r *run) newMachine(ctx context.Context, h host) error {
	m := &machine{host: h, dir: filepath.Join(r.dir, "machines", h.Name)}
	if r.Lane == machineLane {
		m.hardware = &qemu{run: r, host: h, number: len(r.machines), dir: m.dir}
	} else {
		m.hardware = &container{run: r, host: h, name: h.Name, number: len(r.machines), dir: m.dir}
	}
	if err := m.assemble(ctx); err != nil {
		return err
	}
	r.machines[h.Name] = m
	return nil
}

// inside is the machine as somebody sees it who has logged in, which only
// containers allow: nobody logs in to machines proper.
func (m *machine) inside() (*container, error) {
	c, ok := m.hardware.(*container)
	if !ok {
		return nil, fmt.Errorf("nobody logs in to %s", m.Name)
	}
	return c, nil
}

func (m *machine) powerOn(ctx context.Context) error {
	if m.on() {
		return fmt.Errorf("%s is on", m.Name)
	}
	if err := m.start(ctx, m.console()); err != nil {
		return err
	}
	m.since, m.lease = time.Now(), time.Time{}
	return nil
}

// fresh makes it a machine that has never been on.
func (m *machine) fresh(ctx context.Context) error {
	if m.on() {
		return fmt.Errorf("%s is on", m.Name)
	}
	if err := m.discard(); err != nil {
		return err
	}
	return m.assemble(ctx)
}

// said is all that the console has shown so far.
func (m *machine) said() string {
	text, err := os.ReadFile(m.console())
	if err != nil {
		return "" // it has not been powered on
	}
	return strings.ReplaceAll(string(text), "\r", "")
}

// alive says whether a lease of this time was renewed since the power came on.
// The machine's clock need not be ours, so a lease that moves is as good as one
// that is later.
func (m *machine) alive(renewed time.Time) bool {
	if m.lease.IsZero() {
		m.lease = renewed
	}
	return renewed.After(m.since) || !renewed.Equal(m.lease)
}
