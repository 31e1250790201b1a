package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// options is what a developer may ask of the lab.
type options struct {
	topology, scenarios, shell string
	lane, format               string
	name, tree, totals         string
	keep, clean, list, resume  bool
}

func main() {
	var o options
	flag.StringVar(&o.topology, "topology", "", "boot this topology instead of the scenarios")
	flag.StringVar(&o.scenarios, "scenarios", "", "scenarios to play, separated by commas; extra: all that the default run leaves out")
	flag.StringVar(&o.lane, "lane", containerLane, "what the machines of -topology are: container (systemd-nspawn) or machine (QEMU)")
	flag.StringVar(&o.format, "format", cloudInit, "what the machines of -topology read in the machine lane: cloud-init or ignition")
	flag.StringVar(&o.shell, "shell", "", "open a root shell in this machine of a run that was kept, and do nothing else")
	flag.BoolVar(&o.list, "list", false, "list the scenarios")
	flag.BoolVar(&o.resume, "resume", false, "leave out the scenarios that have passed with the files of this tree")
	flag.BoolVar(&o.keep, "keep", false, "leave the machines of the last scenario up")
	flag.BoolVar(&o.clean, "clean", false, "end and remove what an earlier run left, and do nothing else")
	flag.StringVar(&o.name, "name", "kubespore-lab", "name of the lab: labs with different names run side by side")
	flag.StringVar(&o.tree, "tree", "../..", "the repository")
	flag.StringVar(&o.totals, "totals", "", "file to add the counts to")
	flag.Parse()

	// An interrupt ends the run, and the run ends what it started.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := boot(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "boot:", err)
		os.Exit(1)
	}
}

// chosen are the scenarios that the options ask for.
func chosen(o options) ([]scenario, error) {
	if o.topology == "" {
		return readScenarios(filepath.Join(o.tree, "test/boot/scenarios.yaml"), strings.FieldsFunc(o.scenarios, func(c rune) bool { return c == ',' }))
	}
	topology, err := filepath.Abs(o.topology)
	s := scenario{
		Name:     strings.TrimSuffix(filepath.Base(topology), filepath.Ext(topology)),
		Topology: topology,
		Shows:    "every machine powered on at once",
		Lane:     o.lane,
		Format:   ignition,
		Release:  debian12,
		Steps:    []string{"power-on all", "nodes-ready", "pods-ready", "self-tests-pass"},
	}
	if s.Lane == machineLane {
		s.Format, s.Payload = o.format, onVolume
		s.Steps = []string{"power-on all", "nodes-ready 30m", "pods-ready 30m", "self-tests-pass 30m"}
	}
	return []scenario{s}, errors.Join(err, s.check())
}

func boot(ctx context.Context, o options) error {
	if o.shell != "" {
		return shell(o.name, o.shell)
	}
	scenarios, err := chosen(o)
	if err != nil {
		return err
	}
	if o.list {
		for _, s := range scenarios {
			fmt.Printf("%-16s %s\n", s.Name, s.Shows)
		}
		fmt.Println()
		for _, v := range verbs() {
			fmt.Printf("%-26s %s\n", v.name+" "+v.words, v.does)
		}
		return nil
	}
	l, err := newLab(o.tree, o.name, newScreen(os.Stdout))
	if err != nil {
		return err
	}
	if err := l.clean(ctx); err != nil || o.clean {
		return err
	}
	known, err := recordOf(l.cache, l.tree)
	if err != nil {
		return err
	}
	if err := l.open(); err != nil {
		return err
	}
	var runs []*run
	var before []result
	for _, s := range scenarios {
		if e := known.passed(s.Name); o.resume && e != nil {
			before = append(before, result{name: s.Name, summary: s.Shows, took: e.Took, before: e.At})
			continue
		}
		runs = append(runs, l.newRun(s))
	}
	kept, err := l.play(ctx, runs, o, known, before)
	if kept {
		return err
	}
	return errors.Join(err, l.clean(context.WithoutCancel(ctx)))
}

// play takes the scenarios one after the other, and shows how each ended below those
// that had passed before. It says whether the machines of the last one stay.
func (l *lab) play(ctx context.Context, runs []*run, o options, known record, results []result) (kept bool, err error) {
	if len(runs) > 0 {
		l.screen.title("what machines are made of")
		if err := l.prepare(ctx, runs); err != nil {
			return false, err
		}
	}
	for i, r := range runs {
		result := r.play(ctx, i+1, len(runs))
		if ctx.Err() != nil {
			table(os.Stdout, results)
			return false, errors.New("interrupted")
		}
		results = append(results, result)
		if result.err == nil && o.topology == "" {
			if err := known.add(r.Name, entry{time.Now().UTC(), result.took}); err != nil {
				return false, err
			}
		}
		if o.keep && i == len(runs)-1 {
			kept = true
			l.sayKept(r)
			break
		}
		if err := r.end(context.WithoutCancel(ctx)); err != nil {
			return false, err
		}
	}
	passed, failed := table(os.Stdout, results)
	if o.totals != "" {
		if err := addTotals(o.totals, passed, failed); err != nil {
			return kept, err
		}
	}
	if failed > 0 {
		return kept, fmt.Errorf("%d scenarios failed", failed)
	}
	return kept, nil
}

// sayKept tells how to look at machines that stay.
func (l *lab) sayKept(r *run) {
	fmt.Printf("\nThe machines stay up, below %s. To look at the cluster, and to remove it:\n", r.dir)
	fmt.Printf("  alias k='%s %s --kubeconfig %s'\n", strings.Join(l.lan.from(), " "), l.tools["kubectl@"+minor], filepath.Join(r.dir, "out/admin.conf"))
	fmt.Printf("  less -R %s/machines/%s/console.log\n  bin/bootlab -shell %[2]s\n  make boot-clean\n", r.dir, r.hosts[0].Name)
}

// addTotals adds the counts to a file that test/summary sums up.
func addTotals(file string, passed, failed int) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, passed, failed, 0)
	return errors.Join(err, f.Close())
}
