package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// packAsThePageSays makes payload and documents, and seed volumes for machines
// proper, with the commands of a page, to the letter, in the folder of the run.
// What its download script fetches is there already, or what upstream publishes.
func (r *run) packAsThePageSays(ctx context.Context) error {
	page, err := os.ReadFile(filepath.Join(r.lab.tree, r.Page))
	if err != nil {
		return err
	}
	commands, err := packing(string(page))
	if err != nil {
		return err
	}
	if r.Lane == containerLane {
		commands, _, _ = strings.Cut(commands, "kubespore media ") // they take their documents as they are
	}
	parts := r.fetched
	if r.Upstream {
		parts = func(dir string) error { return r.published(ctx, dir) }
	}
	if err := parts(filepath.Join(r.dir, "payload-download")); err != nil {
		return err
	}
	// The lab reads keys where all its scenarios have them.
	var topology struct{ Cluster struct{ Name string } }
	if err := readYAML(r.adapted(), &topology); err != nil {
		return err
	}
	if err := os.Symlink(r.store(), filepath.Join(r.dir, topology.Cluster.Name+".pki")); err != nil {
		return err
	}
	path := filepath.Dir(r.lab.tools["kubespore"]) + ":" + os.Getenv("PATH")
	if _, err := command(ctx, "env", "--chdir="+r.dir, "PATH="+path, "bash", "-euc", commands); err != nil {
		return err
	}
	if r.Lane == containerLane && r.Payload == onVolume {
		return r.makeStick(ctx)
	}
	return nil
}

// fetched lays out programs and images as the download script leaves them.
func (r *run) fetched(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "images"), 0o755); err != nil {
		return err
	}
	minor, err := r.minor()
	if err != nil {
		return err
	}
	errs := []error{os.Symlink(filepath.Join(r.lab.programs[minor], "opt"), filepath.Join(dir, "opt"))}
	for _, archive := range r.lab.archives {
		errs = append(errs, os.Symlink(archive, filepath.Join(dir, "images", filepath.Base(archive)+".tar")))
	}
	return errors.Join(errs...)
}

// packing finds the commands that come after the download: from packing to
// documents, or to seed volumes.
func packing(page string) (string, error) {
	for _, b := range pageBlocks(page) {
		if slices.Contains(b.words, "parts=payload-download") {
			return b.text, nil
		}
	}
	return "", errors.New("the page has no commands that pack what was downloaded")
}

// pageBlock is a fenced block of a page.
type pageBlock struct {
	words []string // after the fence
	text  string
}

var fencedBlock = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```")

func pageBlocks(page string) (out []pageBlock) {
	for _, m := range fencedBlock.FindAllStringSubmatch(page, -1) {
		out = append(out, pageBlock{strings.Fields(m[1]), m[2]})
	}
	return out
}
