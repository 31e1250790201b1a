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

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/screen"
	"github.com/kubespore/kubespore/test/boot/steps"
)

// options is what a developer may ask of the lab.
type options struct {
	topology, scenarios, shell string
	lane, format               string
	Name, Tree, totals         string
	keep, clean, List, resume  bool
}

func main() {
	var o options
	flag.StringVar(&o.topology, "topology", "", "boot this topology instead of the scenarios")
	flag.StringVar(&o.scenarios, "scenarios", "", "scenarios to play, separated by commas; extra: all that the default run leaves out")
	flag.StringVar(&o.lane, "lane", lab.ContainerLane, "what the machines of -topology are: container (systemd-nspawn) or machine (QEMU)")
	flag.StringVar(&o.format, "format", documents.CloudInit, "what the machines of -topology read in the machine lane: cloud-init or ignition")
	flag.StringVar(&o.shell, "shell", "", "open a root shell in this machine of a run that was kept, and do nothing else")
	flag.BoolVar(&o.List, "list", false, "list the scenarios")
	flag.BoolVar(&o.resume, "resume", false, "leave out the scenarios that have passed with the files of this tree")
	flag.BoolVar(&o.keep, "keep", false, "leave the machines of the last scenario up")
	flag.BoolVar(&o.clean, "clean", false, "end and remove what an earlier run left, and do nothing else")
	flag.StringVar(&o.Name, "name", "kubespore-lab", "name of the lab: labs with different names run side by side")
	flag.StringVar(&o.Tree, "tree", "../..", "the repository")
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

// chosen are the scenarios that the options name.
func chosen(o options) ([]lab.Scenario, error) {
	if o.topology == "" {
		return readScenarios(filepath.Join(o.Tree, "test/boot/scenarios.yaml"), strings.FieldsFunc(o.scenarios, func(c rune) bool { return c == ',' }))
	}
	topology, err := filepath.Abs(o.topology)
	s := lab.Scenario{
		Name:     strings.TrimSuffix(filepath.Base(topology), filepath.Ext(topology)),
		Topology: topology,
		Shows:    "every machine powered on at once",
		Lane:     o.lane,
		Format:   documents.Ignition,
		Release:  lab.Debian12,
		Steps:    []string{"power-on all", "nodes-ready", "pods-ready", "self-tests-pass"},
	}
	if s.Lane == lab.MachineLane {
		s.Format, s.Payload = o.format, lab.OnVolume
		s.Steps = []string{"power-on all", "nodes-ready 30m", "pods-ready 30m", "self-tests-pass 30m"}
	}
	return []lab.Scenario{s}, errors.Join(err, check(s))
}

func boot(ctx context.Context, o options) error {
	if o.shell != "" {
		return hardware.Shell(o.Name, o.shell)
	}
	scenarios, err := chosen(o)
	if err != nil {
		return err
	}
	if o.List {
		for _, s := range scenarios {
			fmt.Printf("%-16s %s\n", s.Name, s.Shows)
		}
		fmt.Println()
		for _, v := range steps.Verbs() {
			fmt.Printf("%-26s %s\n", v.Name+" "+v.Words, v.Does)
		}
		return nil
	}
	l, err := lab.New(o.Tree, o.Name, screen.New(os.Stdout))
	if err != nil {
		return err
	}
	if err := cleanLab(ctx, l); err != nil || o.clean {
		return err
	}
	known, err := recordOf(l.Cache, l.Tree)
	if err != nil {
		return err
	}
	if err := l.Open(); err != nil {
		return err
	}
	var runs []*lab.Run
	var before []screen.Result
	for _, s := range scenarios {
		if e := known.passed(s.Name); o.resume && e != nil {
			before = append(before, screen.Result{Name: s.Name, Summary: s.Shows, Took: e.Took, Before: e.At})
			continue
		}
		runs = append(runs, l.NewRun(s))
	}
	kept, err := playAll(ctx, l, runs, o, known, before)
	if kept {
		return err
	}
	return errors.Join(err, cleanLab(context.WithoutCancel(ctx), l))
}

// playAll takes the scenarios one after the other, and shows how each ended below those
// that had passed before. It says whether the machines of the last one stay.
func playAll(ctx context.Context, l *lab.Lab, runs []*lab.Run, o options, known record, results []screen.Result) (kept bool, err error) {
	if len(runs) > 0 {
		l.Screen.Title("what machines are made of")
		if err := prepare(ctx, l, runs); err != nil {
			return false, err
		}
	}
	for i, r := range runs {
		result := playOne(ctx, r, i+1, len(runs))
		if ctx.Err() != nil {
			screen.Table(os.Stdout, results)
			return false, errors.New("interrupted")
		}
		results = append(results, result)
		if result.Err == nil && o.topology == "" {
			if err := known.add(r.Name, entry{time.Now().UTC(), result.Took}); err != nil {
				return false, err
			}
		}
		if o.keep && i == len(runs)-1 {
			kept = true
			sayKept(l, r)
			break
		}
		if err := end(context.WithoutCancel(ctx), r); err != nil {
			return false, err
		}
	}
	passed, failed := screen.Table(os.Stdout, results)
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
func sayKept(l *lab.Lab, r *lab.Run) {
	fmt.Printf("\nThe machines stay up, below %s. To look at the cluster, and to remove it:\n", r.Dir)
	fmt.Printf("  alias k='%s %s --kubeconfig %s'\n", strings.Join(l.Lan.From(), " "), l.Tools["kubectl@"+lab.Minor], filepath.Join(r.Dir, "out/admin.conf"))
	fmt.Printf("  less -R %s/machines/%s/console.log\n  bin/bootlab -shell %[2]s\n  make boot-clean\n", r.Dir, r.Hosts[0].Name)
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
