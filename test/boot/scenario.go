package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/network"
	"github.com/kubespore/kubespore/test/boot/osfile"
	"github.com/kubespore/kubespore/test/boot/payload"
	"github.com/kubespore/kubespore/test/boot/process"
	"github.com/kubespore/kubespore/test/boot/screen"
	"github.com/kubespore/kubespore/test/boot/steps"
)

// readScenarios reads the table and picks the rows that the names or patterns
// mean; without names, those of the default run.
func readScenarios(file string, names []string) ([]lab.Scenario, error) {
	var all []lab.Scenario
	if err := osfile.ReadYAML(file, &all); err != nil {
		return nil, err
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(s lab.Scenario) bool { return s.Among([]string{name}) }) {
			return nil, fmt.Errorf("%s has no scenario %s", file, name)
		}
	}
	for i, s := range all {
		if s.Lane == "" {
			s.Lane = lab.ContainerLane
		}
		if s.Format == "" {
			s.Format = documents.Ignition
		}
		if s.Release == "" {
			s.Release = lab.Debian12
		}
		all[i] = s
		if err := check(s); err != nil {
			return nil, fmt.Errorf("%s: scenario %s: %w", file, s.Name, err)
		}
	}
	return slices.DeleteFunc(all, func(s lab.Scenario) bool {
		if len(names) == 0 {
			return s.Extra
		}
		return !s.Among(names)
	}), nil
}

// check says what the scenario asks for that its lane has not.
func check(s lab.Scenario) error {
	switch {
	case s.Lane != lab.ContainerLane && s.Lane != lab.MachineLane:
		return fmt.Errorf("there is no lane %s: %s and %s are the lanes", s.Lane, lab.ContainerLane, lab.MachineLane)
	case documents.FileNames[s.Format] == "":
		return fmt.Errorf("there is no format %s", s.Format)
	case !slices.Contains([]string{"", lab.InFolder, lab.OnMirror, lab.OnPlainMirror, lab.OnVolume}, s.Payload):
		return fmt.Errorf("no payload comes by %s", s.Payload)
	case s.Lane == lab.ContainerLane && (s.Format != documents.Ignition || s.Clock != ""):
		return fmt.Errorf("containers read %s, and have the clock of the test machine", documents.Ignition)
	case s.Lane == lab.ContainerLane && s.Payload == lab.OnVolume && s.Page == "":
		return errors.New("a stick for containers is made of the bundle that the commands of a page pack")
	case s.Lane == lab.ContainerLane && s.Kernel != "":
		return errors.New("containers have the kernel of the test machine")
	case s.Page != "" && s.Lane == lab.MachineLane && (s.Format != documents.CloudInit || s.Payload != lab.OnVolume || len(s.Deliver) > 0):
		return fmt.Errorf("pages have seed volumes for %s, and the payload on a volume", documents.CloudInit)
	case s.Page != "" && s.Payload == "":
		return errors.New("what a page packs comes in a folder, on a volume or by a mirror")
	case s.Lane == lab.MachineLane && (len(s.Purged) > 0 || s.Upstream):
		return errors.New("packages are purged, and upstream's archives packed, for containers")
	case s.Upstream && s.Page == "":
		return errors.New("upstream's archives are packed by the commands of a page")
	case s.Takes("tokens-decide") != (s.Issuer != ""):
		return errors.New("an issuer and the step tokens-decide belong together")
	case s.Upgrade != "" && s.Set["kubernetes"] == nil:
		return errors.New("set does not say which version of Kubernetes is upgraded")
	case s.Lane == lab.ContainerLane && (s.Takes("try") || s.Takes("try-image") || s.Takes("try-cluster")):
		return errors.New("containers have no image to try")
	case s.Takes("try-cluster") && !s.Locked():
		return errors.New("a cluster is tried with a payload")
	case s.Takes("try-image") && s.Format != documents.CloudInit:
		return fmt.Errorf("the image that boots by itself is for %s", documents.CloudInit)
	case s.Bakes() && s.Format != documents.CloudInit:
		return fmt.Errorf("images are baked for %s", documents.CloudInit)
	}
	if err := hardware.CheckDelivery(s); err != nil {
		return err
	}
	for _, step := range s.Steps {
		v, words, err := steps.VerbOf(step)
		if err != nil {
			return err
		}
		if s.Lane == lab.MachineLane && v.LooksInside(words) {
			return fmt.Errorf("%s: nobody logs in to a machine of the lane %s", step, lab.MachineLane)
		}
	}
	return nil
}

// playOne makes the machines and takes the steps, and keeps the logs of a failure.
func playOne(ctx context.Context, r *lab.Run, number, of int) screen.Result {
	r.Lab.Screen.Title(fmt.Sprintf("%s (%d of %d): %s", r.Name, number, of, r.Shows))
	start := time.Now()
	err := takeSteps(ctx, r)
	if err != nil {
		err = errors.Join(err, hardware.KeepLogs(context.WithoutCancel(ctx), r))
	}
	return screen.Result{Name: r.Name, Summary: r.Shows, Took: time.Since(start), Err: err}
}

func takeSteps(ctx context.Context, r *lab.Run) error {
	making := func() (string, error) {
		own := network.LabAddresses(r.Hosts)
		if err := r.Lab.Lan.Make(ctx, own, network.OnLink(r.Hosts, own)); err != nil {
			return "", err
		}
		if err := payload.Bring(ctx, r); err != nil {
			return "", err
		}
		if err := serveIssuer(r); err != nil {
			return "", err
		}
		for _, h := range r.Hosts {
			if err := hardware.NewMachine(ctx, r, h); err != nil {
				return "", fmt.Errorf("%s: %w", h.Name, err)
			}
		}
		if err := hardware.ServeNetboot(ctx, r); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d machines", len(r.Hosts)), nil
	}
	if _, err := r.Lab.Screen.Step("apply documents", making); err != nil {
		return err
	}
	for _, step := range slices.Repeat(r.Steps, max(1, r.Repeat)) {
		v, words, err := steps.VerbOf(step)
		if err != nil {
			return err
		}
		if _, err := r.Lab.Screen.Step(step, func() (string, error) { return v.Take(ctx, r, words) }); err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
	}
	return nil
}

// serveIssuer runs the issuer of the scenario at the address that its URL names.
func serveIssuer(r *lab.Run) error {
	if r.Tokens == nil {
		return nil
	}
	return payload.Serve(r, strings.TrimPrefix(r.Tokens.URL, "https://"), r.Tokens, r.Tokens.Pair)
}

// end powers everything off and removes what the scenario made.
func end(ctx context.Context, r *lab.Run) error {
	var errs []error
	for _, m := range r.Machines {
		errs = append(errs, m.Cut())
	}
	for _, s := range r.Services {
		errs = append(errs, s.Kill())
	}
	if groups := process.LeftGroups(r.Lab.Name); len(groups) > 0 {
		errs = append(errs, process.KillGroups(groups))
	}
	for _, s := range r.Servers {
		errs = append(errs, s.Close())
	}
	errs = append(errs, r.Lab.Lan.Remove(ctx))
	for _, m := range r.Machines {
		errs = append(errs, m.Discard())
	}
	if r.Device != "" {
		_, err := process.Run(ctx, "losetup", "--detach", r.Device)
		errs = append(errs, err)
	}
	if r.Locked() && r.Page == "" {
		errs = append(errs, osfile.Unmount(r.Bundle()))
	}
	if r.Next != nil {
		errs = append(errs, end(ctx, r.Next))
	}
	return errors.Join(append(errs, os.RemoveAll(r.Dir))...)
}
