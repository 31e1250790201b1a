// Command release makes what a version of kubespore is published as: programs,
// archives, packages of Debian and Red Hat, a container image, a Homebrew formula,
// bills of materials, checksums and their signature.
//
// What it writes follows from the commit, the version and the Go toolchain alone:
// anyone can make the same bytes again and compare.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// release is what is being made.
type release struct {
	tree    string // the checkout
	dist    string // where the results go
	version string // v1.2.3
	date    time.Time
	targets []target
}

// target is a system that kubespore runs on.
type target struct{ os, arch string }

func (t target) String() string { return t.os + "/" + t.arch }

// versionForm is what a release may be called; go install knows the same form.
var versionForm = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$`)

func main() {
	r := release{}
	var targets, key string
	flag.StringVar(&r.tree, "tree", ".", "the checkout")
	flag.StringVar(&r.dist, "out", "dist", "the folder to write, which must not exist")
	flag.StringVar(&r.version, "version", "", "v1.2.3")
	flag.StringVar(&targets, "targets", "linux/amd64 linux/arm64 darwin/amd64 darwin/arm64", "what to build for")
	flag.StringVar(&key, "key", "", "an SSH key that signs the checksums")
	flag.Parse()
	for _, name := range strings.Fields(targets) {
		system, arch, _ := strings.Cut(name, "/")
		r.targets = append(r.targets, target{system, arch})
	}
	if err := r.run(key); err != nil {
		fmt.Fprintf(os.Stderr, "release: %v\n", err)
		os.Exit(1)
	}
}

func (r *release) run(key string) error {
	if err := r.examine(); err != nil {
		return err
	}
	if err := os.Mkdir(r.dist, 0o755); err != nil {
		return fmt.Errorf("%w: remove it first", err)
	}
	programs, err := r.build()
	if err != nil {
		return err
	}
	defer os.RemoveAll(programs)
	pages, err := r.pages(programs)
	if err != nil {
		return err
	}
	for _, t := range r.targets {
		program := filepath.Join(programs, t.os+"_"+t.arch, "kubespore")
		for _, make := range []func(target, string, []file) error{r.archive, r.packages, r.bill} {
			if err := make(t, program, pages); err != nil {
				return fmt.Errorf("%s: %w", t, err)
			}
		}
	}
	if err := r.image(programs); err != nil {
		return err
	}
	if err := r.formula(); err != nil {
		return err
	}
	return r.sums(key)
}

// examine refuses what would not be reproducible, and asks git for the commit's time.
func (r *release) examine() error {
	if !versionForm.MatchString(r.version) {
		return fmt.Errorf("%q is not a version: make release VERSION=v1.2.3", r.version)
	}
	changed, err := r.output("git", "status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" {
		return errors.New("the working tree has changes: commit them first")
	}
	seconds, err := r.output("git", "log", "-1", "--format=%ct")
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	r.date = time.Unix(n, 0).UTC()
	return err
}

// build compiles the program for every target.
func (r *release) build() (string, error) {
	programs, err := os.MkdirTemp("", "kubespore-release-")
	if err != nil {
		return "", err
	}
	for _, t := range r.targets {
		cmd := r.command("go", "build", "-trimpath", "-buildvcs=true", "-ldflags", "-s -w -X main.version="+r.version,
			"-o", filepath.Join(programs, t.os+"_"+t.arch, "kubespore"), "./cmd/kubespore")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOOS="+t.os, "GOARCH="+t.arch, "GOAMD64=v1", "GOARM64=v8.0")
		if err := cmd.Run(); err != nil {
			return "", errors.Join(fmt.Errorf("%s: %w", t, err), os.RemoveAll(programs))
		}
	}
	return programs, nil
}

// command is a program that works in the checkout.
func (r *release) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stderr = r.tree, os.Stderr
	return cmd
}

func (r *release) output(name string, args ...string) (string, error) {
	out, err := r.command(name, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// name gives a file of the release the form of its name: kubespore_1.2.3_WHAT.
func (r *release) name(what string) string {
	return filepath.Join(r.dist, "kubespore_"+r.version[1:]+"_"+what)
}

// here is the system that the release is made on, whose program writes the pages.
func here() target { return target{runtime.GOOS, runtime.GOARCH} }
