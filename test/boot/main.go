package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// options is what a developer may ask of the lab.
type options struct {
	topology string
	order    []string      // hosts in the order of power-on; the rest follow
	late     time.Duration // pause before the last of them
	off      []string      // hosts that are never powered on
	keep     bool
	timeout  time.Duration
	dir      string
}

func main() {
	var o options
	var order, off string
	flag.StringVar(&o.topology, "topology", "../../examples/ha.yaml", "topology file")
	flag.StringVar(&order, "order", "", "hosts in the order of power-on, separated by commas; the rest follow")
	flag.DurationVar(&o.late, "late", 0, "pause before the last host in -order")
	flag.StringVar(&off, "off", "", "hosts that stay off")
	flag.BoolVar(&o.keep, "keep", false, "leave the machines up")
	flag.DurationVar(&o.timeout, "timeout", 8*time.Minute, "how long until the cluster must be Ready")
	flag.StringVar(&o.dir, "dir", "/var/tmp/kubespore-lab", "where machines live and logs stay")
	flag.Parse()
	o.order, o.off = words(order), words(off)

	// An interrupt ends the run, and the run ends what it started.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := boot(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "boot:", err)
		os.Exit(1)
	}
}

func words(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// boot is one run from a topology to a cluster.
func boot(ctx context.Context, o options) (err error) {
	clock := newTimes()
	lab, err := newLab(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.end(o.keep && err == nil)) }()

	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"programs", lab.programs},
		{"documents", lab.build},
		{"images", lab.images},
		{"base image", lab.base},
		{"machines", lab.machines},
		{"power on to Ready", lab.powerOn},
		{"self-test", lab.selftest},
	} {
		if err := clock.measure(step.name, func() error { return step.run(ctx) }); err != nil {
			lab.logs()
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	clock.print(os.Stdout)
	return nil
}
