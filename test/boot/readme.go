package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// packAsTheReadmeSays makes payload, documents and seed volumes with the commands
// of the README, to the letter, in the folder of the run. What its download
// script fetches is there already.
func (r *run) packAsTheReadmeSays(ctx context.Context) error {
	page, err := os.ReadFile(filepath.Join(r.lab.tree, "README.md"))
	if err != nil {
		return err
	}
	commands, err := quickStart(string(page))
	if err != nil {
		return err
	}
	if err := r.fetched(filepath.Join(r.dir, "payload-download")); err != nil {
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
	_, err = command(ctx, "env", "--chdir="+r.dir, "PATH="+path, "bash", "-euc", commands)
	return err
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

// quickStart finds the commands that come after the download: from packing to
// seed volumes.
func quickStart(page string) (string, error) {
	_, section, found := strings.Cut(page, "\n## From a topology to a cluster\n")
	_, block, opened := strings.Cut(section, "```sh parts=payload-download\n")
	commands, _, closed := strings.Cut(block, "```\n")
	if !found || !opened || !closed {
		return "", errors.New("README.md has no commands that pack what was downloaded")
	}
	return commands, nil
}
