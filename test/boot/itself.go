package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
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
