package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// scenario is one row of scenarios.yaml: a topology and what is done with its
// machines.
type scenario struct {
	Name     string
	Topology string // below examples, or a path in the repository
	Shows    string
	Extra    bool              // not part of the default run
	Lane     string            // what its machines are; container when it does not say
	Format   string            // of the documents: ignition, or cloud-init, which only machines proper read
	Clock    string            // what the clocks of machines proper say at every power-on; the time of day when it does not say
	Without  []string          // hosts that the first build leaves out
	Set      map[string]any    // changes to the topology
	Release  string            // of Debian; bookworm when it does not say
	Packages []string          // of Debian, that the base image has besides its own
	Purged   []string          // packages of Debian that containers do not have
	Lacks    []string          // programs and modules (NAME.ko) of Debian that its machines do not have, as images that were made too small
	Kernel   string            // arguments for the kernel of machines proper, besides the lab's own
	Deliver  map[string]string // how documents come to hosts of machines proper, where not as usual for the format
	Firmware map[string]string // of hosts that boot by themselves, from a disk or the network: bios, or uefi
	Payload  string            // how the machines come to a locked one: folder, mirror or volume; "" has all of it baked in, and machines proper wait for it
	Page     string            // whose commands make payload and documents, and seed volumes for machines proper, as in README.md
	Upstream bool              // what the page packs is what upstream publishes, as it was downloaded
	Upgrade  string            // the version of Kubernetes that the step upgrade goes to
	Repeat   int               // how often the steps are taken; 0 is once
	Steps    []string
}

// run is one scenario at work.
type run struct {
	scenario
	lab      *lab
	dir      string
	hosts    []host
	machines map[string]*machine
	last     string // what was last waited for
	secret   string // what was written into the cluster
	victim   string // the machine that last held the virtual address
	admin    string // the credential of a cluster that is not kubespore's
	hasMedia bool   // kubespore media has written some
	servers  []*http.Server
	services []*process                   // other programs on the machines' network
	left     map[string]map[string]string // what kubeadm left on machines that the step upgrade upgraded
	device   string                       // the stick with the payload, as the kernel calls it
	writer   *writer                      // writes into the cluster
	next     *run                         // packs what the step upgrade brings; has no machines
}

func (l *lab) newRun(s scenario) *run {
	r := &run{scenario: s, lab: l, dir: filepath.Join(l.run, s.Name), machines: map[string]*machine{}}
	if s.Upgrade != "" {
		set := maps.Clone(s.Set)
		set["kubernetes"] = map[string]any{"version": s.Upgrade}
		r.next = l.newRun(scenario{Name: s.Name + "-next", Topology: s.Topology, Release: s.Release, Lane: s.Lane, Format: s.Format, Set: set, Payload: inFolder})
	}
	return r
}

// path is the topology file.
func (r *run) path() string {
	if filepath.IsAbs(r.Topology) {
		return r.Topology
	}
	if strings.ContainsRune(r.Topology, '/') {
		return filepath.Join(r.lab.tree, r.Topology)
	}
	return filepath.Join(r.lab.tree, "examples", r.Topology)
}

// readScenarios reads the table and picks the rows that the names or patterns
// mean; without names, those of the default run.
func readScenarios(file string, names []string) ([]scenario, error) {
	var all []scenario
	if err := readYAML(file, &all); err != nil {
		return nil, err
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(s scenario) bool { return s.among([]string{name}) }) {
			return nil, fmt.Errorf("%s has no scenario %s", file, name)
		}
	}
	for i, s := range all {
		if s.Lane == "" {
			s.Lane = containerLane
		}
		if s.Format == "" {
			s.Format = ignition
		}
		if s.Release == "" {
			s.Release = debian12
		}
		all[i] = s
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("%s: scenario %s: %w", file, s.Name, err)
		}
	}
	return slices.DeleteFunc(all, func(s scenario) bool {
		if len(names) == 0 {
			return s.Extra
		}
		return !s.among(names)
	}), nil
}

// allExtra is the name of all scenarios that the default run leaves out.
const allExtra = "extra"

// among says whether names, or patterns such as media-*, mean the scenario.
func (s scenario) among(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		ok, err := path.Match(name, s.Name)
		return ok && err == nil || name == allExtra && s.Extra
	})
}

// takes says whether a verb is among the steps of the scenario.
func (s scenario) takes(verb string) bool {
	return slices.ContainsFunc(s.Steps, func(step string) bool { return strings.HasPrefix(step, verb+" ") })
}

// check says what the scenario asks for that its lane has not.
func (s scenario) check() error {
	switch {
	case s.Lane != containerLane && s.Lane != machineLane:
		return fmt.Errorf("there is no lane %s: %s and %s are the lanes", s.Lane, containerLane, machineLane)
	case documentNames[s.Format] == "":
		return fmt.Errorf("there is no format %s", s.Format)
	case !slices.Contains([]string{"", inFolder, onMirror, onPlainMirror, onVolume}, s.Payload):
		return fmt.Errorf("no payload comes by %s", s.Payload)
	case s.Lane == containerLane && (s.Format != ignition || s.Clock != ""):
		return fmt.Errorf("containers read %s, and have the clock of the test machine", ignition)
	case s.Lane == containerLane && s.Payload == onVolume && s.Page == "":
		return errors.New("a stick for containers is made of the bundle that the commands of a page pack")
	case s.Lane == containerLane && s.Kernel != "":
		return errors.New("containers have the kernel of the test machine")
	case s.Page != "" && s.Lane == machineLane && (s.Format != cloudInit || s.Payload != onVolume || len(s.Deliver) > 0):
		return fmt.Errorf("pages have seed volumes for %s, and the payload on a volume", cloudInit)
	case s.Page != "" && s.Payload == "":
		return errors.New("what a page packs comes in a folder, on a volume or by a mirror")
	case s.Lane == machineLane && (len(s.Purged) > 0 || s.Upstream):
		return errors.New("packages are purged, and upstream's archives packed, for containers")
	case s.Upstream && s.Page == "":
		return errors.New("upstream's archives are packed by the commands of a page")
	case s.Upgrade != "" && s.Set["kubernetes"] == nil:
		return errors.New("set does not say which version of Kubernetes is upgraded")
	case s.Lane == containerLane && (s.takes("try") || s.takes("try-image") || s.takes("try-cluster")):
		return errors.New("containers have no image to try")
	case s.takes("try-cluster") && !s.locked():
		return errors.New("a cluster is tried with a payload")
	case s.takes("try-image") && s.Format != cloudInit:
		return fmt.Errorf("the image that boots by itself is for %s", cloudInit)
	case s.bakes() && s.Format != cloudInit:
		return fmt.Errorf("images are baked for %s", cloudInit)
	}
	if err := s.checkDelivery(); err != nil {
		return err
	}
	for _, step := range s.Steps {
		v, words, err := verbOf(step)
		if err != nil {
			return err
		}
		if s.Lane == machineLane && v.looksInside(words) {
			return fmt.Errorf("%s: nobody logs in to a machine of the lane %s", step, machineLane)
		}
	}
	return nil
}

// play makes the machines and takes the steps, and keeps the logs of a failure.
func (r *run) play(ctx context.Context, number, of int) result {
	r.lab.screen.title(fmt.Sprintf("%s (%d of %d): %s", r.Name, number, of, r.Shows))
	start := time.Now()
	err := r.steps(ctx)
	if err != nil {
		err = errors.Join(err, r.keepLogs(context.WithoutCancel(ctx)))
	}
	return result{name: r.Name, summary: r.Shows, took: time.Since(start), err: err}
}

func (r *run) steps(ctx context.Context) error {
	making := func() (string, error) {
		if err := r.lab.lan.make(ctx, labAddresses(r.hosts)); err != nil {
			return "", err
		}
		if err := r.bringPayload(ctx); err != nil {
			return "", err
		}
		for _, h := range r.hosts {
			if err := r.newMachine(ctx, h); err != nil {
				return "", fmt.Errorf("%s: %w", h.Name, err)
			}
		}
		if err := r.serveNetboot(ctx); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d machines", len(r.hosts)), nil
	}
	if _, err := r.lab.screen.step("apply documents", making); err != nil {
		return err
	}
	for _, step := range slices.Repeat(r.Steps, max(1, r.Repeat)) {
		v, words, err := verbOf(step)
		if err != nil {
			return err
		}
		if _, err := r.lab.screen.step(step, func() (string, error) { return v.take(ctx, r, words) }); err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
	}
	return nil
}

// end powers everything off and removes what the scenario made.
func (r *run) end(ctx context.Context) error {
	var errs []error
	for _, m := range r.machines {
		errs = append(errs, m.cut())
	}
	for _, s := range r.services {
		errs = append(errs, s.kill())
	}
	if groups := leftGroups(r.lab.name); len(groups) > 0 {
		errs = append(errs, killGroups(groups))
	}
	for _, s := range r.servers {
		errs = append(errs, s.Close())
	}
	errs = append(errs, r.lab.lan.remove(ctx))
	for _, m := range r.machines {
		errs = append(errs, m.discard())
	}
	if r.device != "" {
		_, err := command(ctx, "losetup", "--detach", r.device)
		errs = append(errs, err)
	}
	if r.locked() && r.Page == "" {
		errs = append(errs, unmount(r.bundle()))
	}
	if r.next != nil {
		errs = append(errs, r.next.end(ctx))
	}
	return errors.Join(append(errs, os.RemoveAll(r.dir))...)
}
