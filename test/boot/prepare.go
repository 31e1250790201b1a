package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/test/boot/imaging"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/osfile"
	"github.com/kubespore/kubespore/test/boot/payload"
	"github.com/kubespore/kubespore/test/boot/process"
)

// cleanLab ends and removes everything that this run or an earlier one, kept or
// killed, left on the test machine: processes, control groups, namespaces and
// mounts. It goes by names and places, so nothing need have been written down.
func cleanLab(ctx context.Context, l *lab.Lab) error {
	var errs []error
	if groups := process.LeftGroups(l.Name); len(groups) > 0 {
		errs = append(errs, process.KillGroups(groups))
	}
	errs = append(errs, l.Lan.Remove(ctx), payload.UnplugAll(ctx, l), unmountAll(l))
	return errors.Join(errs...)
}

// unmountAll takes away what is mounted at the run's folder and below it.
func unmountAll(l *lab.Lab) error {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var errs []error
	for _, line := range slices.Backward(strings.Split(string(text), "\n")) {
		fields := strings.Fields(line)
		if len(fields) < 5 || (fields[4] != l.Run && !strings.HasPrefix(fields[4], l.Run+"/")) {
			continue
		}
		errs = append(errs, osfile.Unmount(fields[4]))
	}
	return errors.Join(errs...)
}

// prepare makes everything that machines are made of.
func prepare(ctx context.Context, l *lab.Lab, runs []*lab.Run) error {
	// What a cluster is upgraded to is packed, too.
	for _, r := range runs {
		if r.Next != nil {
			runs = append(runs, r.Next)
		}
	}
	documents := func(ctx context.Context) (string, error) {
		for _, r := range runs {
			if err := r.Build(ctx, r.Without); err != nil {
				return "", fmt.Errorf("%s: %w", r.Name, err)
			}
			if len(r.Without) == 0 {
				continue
			}
			// What machines run once there are those that come later.
			whole := *r
			whole.Dir += "-whole"
			if err := whole.Build(ctx, nil); err != nil {
				return "", fmt.Errorf("%s: %w", r.Name, err)
			}
		}
		return fmt.Sprintf("of %d scenarios", len(runs)), nil
	}
	for _, part := range []struct {
		Name string
		Do   func(context.Context) (string, error)
	}{
		{"kubespore", func(ctx context.Context) (string, error) { return imaging.BuildKubespore(ctx, l) }},
		{"documents", documents},
		{"programs", func(ctx context.Context) (string, error) { return imaging.FindPrograms(ctx, l, runs) }},
		{"base image", func(ctx context.Context) (string, error) { return imaging.BaseImage(ctx, l, runs) }},
		{"base images of machines", func(ctx context.Context) (string, error) { return imaging.MachineBases(ctx, l, runs) }},
		{"container images", func(ctx context.Context) (string, error) { return imaging.MakeImages(ctx, l) }},
		{"import of the images", func(ctx context.Context) (string, error) { return imaging.ImportImages(ctx, l, runs) }},
		{"locked payloads", func(ctx context.Context) (string, error) { return payload.PackAll(ctx, l, runs) }},
	} {
		if _, err := l.Screen.Step(part.Name, func() (string, error) { return part.Do(ctx) }); err != nil {
			return fmt.Errorf("%s: %w", part.Name, err)
		}
	}
	return nil
}
