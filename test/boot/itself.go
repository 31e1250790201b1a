package main

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
)

// atWork finds the report of a machine whose units run and which lacks its
// programs.
var atWork = regexp.MustCompile(`(?m)^  done: +clock, firewall$\n.*\n  programs: missing: /opt/bin/`)

// titles are what machines without a payload call themselves on their consoles.
func (r *run) titles() (map[string]string, error) {
	out := map[string]string{}
	for _, h := range r.hosts {
		files, err := filesOf(r.document(h.Name))
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
func (r *run) awaitThemselves(ctx context.Context, machines []*machine, said func(*machine) string) error {
	titles, err := r.titles()
	if err != nil {
		return err
	}
	if _, err := r.until(ctx, patience, func(context.Context) (bool, string) {
		for _, m := range machines {
			_, report, shown := strings.Cut(said(m), "kubespore: "+titles[m.Name]+"\n")
			if !shown || !atWork.MatchString(report) {
				return false, m.Name + ": " + shorten(lastLines(said(m), 2), 80)
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

func becameItself(ctx context.Context, r *run, words []string) (string, error) {
	machines, err := r.named(ctx, words)
	if err != nil {
		return "", err
	}
	return "", r.awaitThemselves(ctx, machines, (*machine).said)
}

// tryBase has kubespore try run machines from the base image, which is a file
// system alone, with its kernel.
func tryBase(ctx context.Context, r *run, words []string) (string, error) {
	return r.rehearse(ctx, words, r.showThemselves, r.baseImage()...)
}

// baseImage has kubespore try start from the base image.
func (r *run) baseImage() []string {
	base, args := r.base(), kernelArguments
	if r.Format == ignition {
		args += " ignition.firstboot ignition.platform.id=qemu"
	}
	return []string{"--image", base.disk, "--kernel", base.kernel, "--initrd", base.initrd, "--append", args}
}

// tryCluster has it run them with the payload, until it says that the cluster
// answers.
func tryCluster(ctx context.Context, r *run, words []string) (string, error) {
	answers := func(ctx context.Context, _ []*machine, screen string) error {
		_, err := r.until(ctx, 8*patience, func(context.Context) (bool, string) {
			text, err := os.ReadFile(screen)
			return err == nil && strings.Contains(string(text), "kubespore: the cluster answers"), shorten(lastLines(string(text), 2), 80)
		})
		return err
	}
	return r.rehearse(ctx, words, answers, append(r.baseImage(), "--payload", r.bundle(), "--memory", "3G")...)
}

// showThemselves waits until the machines of a rehearsal show who they are.
func (r *run) showThemselves(ctx context.Context, machines []*machine, screen string) error {
	return r.awaitThemselves(ctx, machines, func(m *machine) string { return saidIn(screen, m.Name) })
}

// tryImage has it run them from an image that boots by itself.
func tryImage(ctx context.Context, r *run, words []string) (string, error) {
	return r.rehearse(ctx, words, r.showThemselves, "--image", r.lab.cloudImage)
}

// rehearse has kubespore try run machines, as a user would, and ends it as a user
// does, once its screen shows what is waited for.
func (r *run) rehearse(ctx context.Context, words []string, shown func(context.Context, []*machine, string) error, image ...string) (string, error) {
	machines, err := r.named(ctx, words)
	if err != nil {
		return "", err
	}
	args := append([]string{r.lab.tools["kubespore"], "try", "--build", filepath.Join(r.dir, "out"), "--emulate"}, image...)
	for _, m := range machines {
		args = append(args, "--host", m.Name)
	}
	temporary, screen := filepath.Join(r.dir, "tmp"), filepath.Join(r.dir, "try.log")
	if err := os.MkdirAll(temporary, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(screen, nil, 0o644); err != nil {
		return "", err
	}
	from := r.lab.lan.from("env", "TMPDIR="+temporary)
	p, err := launch(r.lab.name, "try", screen, append(append(from, args...), r.adapted())...)
	if err != nil {
		return "", err
	}
	r.services = append(r.services, p)
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		<-p.done
		stop(errors.New("kubespore try ended by itself"))
	}()
	if err := shown(running, machines, screen); err != nil {
		return "", errors.Join(context.Cause(running), err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		return "", err
	}
	if err := p.await(ctx, time.Minute); err != nil {
		return "", err
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
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
