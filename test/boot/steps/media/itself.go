// Package media has the steps about the way of documents to machines, and about
// kubespore try.
package media

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/process"
	"github.com/kubespore/kubespore/test/boot/screen"
)

// atWork finds the report of a machine whose units run and which lacks its
// programs.
var atWork = regexp.MustCompile(`(?m)^  done: +clock, firewall$\n.*\n  programs: missing: /opt/bin/`)

// titles are what machines without a payload call themselves on their consoles.
func titles(r *lab.Run) (map[string]string, error) {
	out := map[string]string{}
	for _, h := range r.Hosts {
		files, err := documents.FilesOf(r.Document(h.Name))
		if err != nil {
			return nil, err
		}
		if out[h.Name] = strings.TrimSpace(files["/etc/kubespore/console"]); out[h.Name] == "" {
			return nil, fmt.Errorf("the document of %s has nothing for the console", h.Name)
		}
	}
	return out, nil
}

// awaitThemselves waits until machines show on their consoles who they are, that
// their clock and firewall are set, and which programs they wait for: their
// documents were applied, and the units in them run. No machine shows another.
func awaitThemselves(ctx context.Context, r *lab.Run, machines []*lab.Machine, said func(*lab.Machine) string) error {
	titles, err := titles(r)
	if err != nil {
		return err
	}
	if _, err := r.Until(ctx, lab.Patience, func(context.Context) (bool, string) {
		for _, m := range machines {
			_, report, shown := strings.Cut(said(m), "kubespore: "+titles[m.Name]+"\n")
			if !shown || !atWork.MatchString(report) {
				return false, m.Name + ": " + screen.Shorten(process.LastLines(said(m), 2), 80)
			}
		}
		return true, ""
	}); err != nil {
		return err
	}
	for _, m := range machines {
		for name, title := range titles {
			if name != m.Name && strings.Contains(said(m), title) {
				return fmt.Errorf("%s shows %s", m.Name, title)
			}
		}
	}
	return nil
}

// WaitsForPayload waits until the console of each machine shows its own name and
// that it waits for its programs.
func WaitsForPayload(ctx context.Context, r *lab.Run, words []string) (string, error) {
	machines, err := r.Named(ctx, words)
	if err != nil {
		return "", err
	}
	return "", awaitThemselves(ctx, r, machines, (*lab.Machine).Said)
}

// Try has kubespore try run machines from the base image, which is a file
// system alone, with its kernel.
func Try(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return rehearse(ctx, r, words, awaitShown(r), baseImage(r)...)
}

// baseImage has kubespore try start from the base image.
func baseImage(r *lab.Run) []string {
	base, args := r.Base(), lab.KernelArguments
	if r.Format == documents.Ignition {
		args += " ignition.firstboot ignition.platform.id=qemu"
	}
	return []string{"--image", base.Disk, "--kernel", base.Kernel, "--initrd", base.Initrd, "--append", args}
}

// TryCluster has it run them with the payload, until it says that the cluster
// answers.
func TryCluster(ctx context.Context, r *lab.Run, words []string) (string, error) {
	answers := func(ctx context.Context, _ []*lab.Machine, output string) error {
		_, err := r.Until(ctx, 8*lab.Patience, func(context.Context) (bool, string) {
			text, err := os.ReadFile(output)
			return err == nil && strings.Contains(string(text), "kubespore: the cluster answers"), screen.Shorten(process.LastLines(string(text), 2), 80)
		})
		return err
	}
	return rehearse(ctx, r, words, answers, append(baseImage(r), "--payload", r.Bundle(), "--memory", "3G")...)
}

// awaitShown waits until the machines of a rehearsal show who they are.
func awaitShown(r *lab.Run) func(context.Context, []*lab.Machine, string) error {
	return func(ctx context.Context, machines []*lab.Machine, output string) error {
		return awaitThemselves(ctx, r, machines, func(m *lab.Machine) string { return saidIn(output, m.Name) })
	}
}

// TryImage has it run them from an image that boots by itself.
func TryImage(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return rehearse(ctx, r, words, awaitShown(r), "--image", r.Base().CloudImage)
}

// rehearse has kubespore try run machines, as a user would, and ends it as a user
// does, once its screen shows what is waited for.
func rehearse(ctx context.Context, r *lab.Run, words []string, shown func(context.Context, []*lab.Machine, string) error, image ...string) (string, error) {
	machines, err := r.Named(ctx, words)
	if err != nil {
		return "", err
	}
	args := append([]string{r.Lab.Tools["kubespore"], "try", "--build", filepath.Join(r.Dir, "out"), "--emulate"}, image...)
	for _, m := range machines {
		args = append(args, "--host", m.Name)
	}
	temporary, screen := filepath.Join(r.Dir, "tmp"), filepath.Join(r.Dir, "try.log")
	if err := os.MkdirAll(temporary, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(screen, nil, 0o644); err != nil {
		return "", err
	}
	from := r.Lab.Lan.From("env", "TMPDIR="+temporary)
	p, err := process.Launch(r.Lab.Name, "try", screen, append(append(from, args...), r.Adapted())...)
	if err != nil {
		return "", err
	}
	r.Services = append(r.Services, p)
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		<-p.Done
		stop(errors.New("kubespore try ended by itself"))
	}()
	if err := shown(running, machines, screen); err != nil {
		return "", errors.Join(context.Cause(running), err)
	}
	if err := p.Cmd.Process.Signal(syscall.SIGINT); err != nil {
		return "", err
	}
	if err := p.Await(ctx, time.Minute); err != nil {
		return "", err
	}
	if code := p.Cmd.ProcessState.ExitCode(); code != 0 {
		return "", fmt.Errorf("kubespore try ended with exit code %d", code)
	}
	left, err := os.ReadDir(temporary)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("kubespore try left %s", left[0].Name())
	}
	return "", err
}

// saidIn gives what one machine says, of all on the screen of kubespore try.
func saidIn(screen, machine string) string {
	text, err := os.ReadFile(screen)
	if err != nil {
		return "" // nothing yet
	}
	var said strings.Builder
	for line := range strings.Lines(string(text)) {
		if own, ok := strings.CutPrefix(line, machine+" | "); ok {
			said.WriteString(own)
		}
	}
	return said.String()
}
