package security

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/imaging"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/osfile"
	"github.com/kubespore/kubespore/test/boot/screen"
)

// benchmark is the newest of the CIS benchmarks for Kubernetes that kube-bench
// has.
const benchmark = "cis-1.11"

// KubeBench runs kube-bench on a machine, for what the machine is, and holds
// what fails or warns against the tables of docs/hardening.md: what the page does
// not list may not fail, and what it lists may not pass; no warning is without an
// answer there.
func KubeBench(ctx context.Context, r *lab.Run, words []string) (string, error) {
	text, err := os.ReadFile(filepath.Join(r.Lab.Tree, "docs/hardening.md"))
	if err != nil {
		return "", err
	}
	page := readHardening(string(text))
	machines, err := r.Named(ctx, words)
	if err != nil {
		return "", err
	}
	var notes []string
	for _, m := range machines {
		checks, err := kubeBench(ctx, r, m)
		if err != nil {
			return "", fmt.Errorf("%s: %w", m.Name, err)
		}
		if err := errors.Join(page.against(checks)...); err != nil {
			return "", fmt.Errorf("%s:\n%w", m.Name, err)
		}
		count := map[string]int{}
		for _, c := range checks {
			count[c.Status]++
		}
		notes = append(notes, fmt.Sprintf("%s %d pass, %d fail and %d warn as listed", m.Name, count["PASS"], count["FAIL"], count["WARN"]))
	}
	return strings.Join(notes, "; "), nil
}

// check is one result of kube-bench.
type check struct {
	Number string `json:"test_number"`
	What   string `json:"test_desc"`
	Status string
	Actual string `json:"actual_value"`
}

// targets are the parts of the benchmark that are about a machine.
func targets(m *lab.Machine, root string) []string {
	var out []string
	if m.ControlPlane {
		out = append(out, "master")
	}
	if osfile.Exists(filepath.Join(root, "var/lib/etcd/member")) {
		out = append(out, "etcd")
	}
	if m.Node {
		out = append(out, "node")
	}
	return out
}

// kubeBench runs kube-bench inside a machine and leaves nothing of it there.
func kubeBench(ctx context.Context, r *lab.Run, m *lab.Machine) (checks []check, err error) {
	inside, err := hardware.Inside(m)
	if err != nil {
		return nil, err
	}
	source, err := imaging.ModuleFolder(ctx, r.Lab, "kube-bench", "github.com/aquasecurity/kube-bench")
	if err != nil {
		return nil, err
	}
	place := filepath.Join(inside.Root(), "opt/kube-bench")
	defer func() { err = errors.Join(err, os.RemoveAll(place)) }()
	from := filepath.Join(source, "cfg")
	for to, file := range map[string]string{
		"kube-bench": r.Lab.Tools["kube-bench"], "cfg/config.yaml": filepath.Join(from, "config.yaml"),
		"cfg/" + benchmark + "/master.yaml": filepath.Join(from, benchmark, "master.yaml"),
		"cfg/" + benchmark + "/etcd.yaml":   filepath.Join(from, benchmark, "etcd.yaml"),
		"cfg/" + benchmark + "/node.yaml":   filepath.Join(from, benchmark, "node.yaml"),
		// Where kube-bench looks for what differs from its own configuration.
		"cfg/" + benchmark + "/config.yaml": filepath.Join(r.Lab.Tree, "test/boot/overlay/kube-bench.yaml"),
	} {
		if err := osfile.Install(file, filepath.Join(place, to)); err != nil {
			return nil, err
		}
	}
	out, err := inside.Do(ctx, fmt.Sprintf("/opt/kube-bench/kube-bench run --config-dir /opt/kube-bench/cfg --config /opt/kube-bench/cfg/config.yaml --benchmark %s --targets %s --json --include-test-output 2>/run/kube-bench.log",
		benchmark, strings.Join(targets(m, inside.Root()), ",")))
	if err != nil {
		return nil, err
	}
	return readChecks(out)
}

func readChecks(text string) ([]check, error) {
	var result struct {
		Controls []struct {
			Tests []struct{ Results []check }
		}
	}
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		return nil, fmt.Errorf("what kube-bench says: %w", err)
	}
	var out []check
	for _, c := range result.Controls {
		for _, t := range c.Tests {
			out = append(out, t.Results...)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("kube-bench checked nothing")
	}
	return out, nil
}

var (
	checkRow    = regexp.MustCompile(`(?m)^\| ([0-9., ]+) \|`)
	checkNumber = regexp.MustCompile(`\d+\.\d+(?:\.\d+)?`)
)

// hardening is what the page explains: checks that fail, in its first table, and
// checks that warn, below a heading of their own.
type hardening struct{ fail, warn []string }

func readHardening(page string) hardening {
	fail, rest, _ := strings.Cut(page, "\n## ")
	_, rest, _ = strings.Cut(rest, "leaves to people\n")
	warn, _, _ := strings.Cut(rest, "\n## ")
	return hardening{fail: numbersOf(fail), warn: numbersOf(warn)}
}

// numbersOf gives the checks in the first column of a table.
func numbersOf(table string) []string {
	var out []string
	for _, row := range checkRow.FindAllStringSubmatch(table, -1) {
		out = append(out, checkNumber.FindAllString(row[1], -1)...)
	}
	return out
}

// against compares results with the page, as far as they are of the same
// targets: each has a chapter of the benchmark.
func (h hardening) against(checks []check) []error {
	var errs []error
	ran := map[string]bool{}
	for _, c := range checks {
		ran[chapter(c.Number)], ran[c.Number] = true, true
		switch explained := slices.Contains(h.fail, c.Number); {
		case c.Status == "FAIL" && !explained:
			errs = append(errs, fmt.Errorf("%s fails and docs/hardening.md does not list it: %s (found %q)", c.Number, c.What, screen.Shorten(c.Actual, 200)))
		case c.Status != "FAIL" && explained:
			errs = append(errs, fmt.Errorf("%s is listed in docs/hardening.md and does not fail: %s", c.Number, c.What))
		case c.Status == "WARN" && !slices.Contains(h.warn, c.Number):
			errs = append(errs, fmt.Errorf("%s warns and docs/hardening.md has no answer: %s (found %q)", c.Number, c.What, screen.Shorten(c.Actual, 200)))
		}
	}
	for _, number := range slices.Concat(h.fail, h.warn) {
		if ran[chapter(number)] && !ran[number] {
			errs = append(errs, fmt.Errorf("%s is listed in docs/hardening.md and is not a check of kube-bench", number))
		}
	}
	return errs
}

// chapter gives the first part of a check's number: 1 is of the control plane, 2
// of etcd, 4 of the node.
func chapter(number string) string {
	first, _, _ := strings.Cut(number, ".")
	return first
}
