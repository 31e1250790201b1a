package payload

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/osfile"
	"github.com/kubespore/kubespore/test/boot/process"
)

// packAsThePageSays makes payload and documents, and seed volumes for machines
// proper, with the commands of a page, to the letter, in the folder of the run.
// What its download script fetches is there already, or what upstream publishes.
func packAsThePageSays(ctx context.Context, r *lab.Run) error {
	page, err := os.ReadFile(filepath.Join(r.Lab.Tree, r.Page))
	if err != nil {
		return err
	}
	commands, err := packing(string(page))
	if err != nil {
		return err
	}
	if r.Lane == lab.ContainerLane {
		commands, _, _ = strings.Cut(commands, "kubespore media ") // they take their documents as they are
	}
	downloads := filepath.Join(r.Dir, "payload-download")
	if r.Upstream {
		err = published(ctx, r, downloads)
	} else {
		err = fetched(r, downloads)
	}
	if err != nil {
		return err
	}
	// The lab reads keys where all its scenarios have them.
	var topology struct{ Cluster struct{ Name string } }
	if err := osfile.ReadYAML(r.Adapted(), &topology); err != nil {
		return err
	}
	if err := os.Symlink(r.Store(), filepath.Join(r.Dir, topology.Cluster.Name+".pki")); err != nil {
		return err
	}
	path := filepath.Dir(r.Lab.Tools["kubespore"]) + ":" + os.Getenv("PATH")
	if _, err := process.Run(ctx, "env", "--chdir="+r.Dir, "PATH="+path, "bash", "-euc", commands); err != nil {
		return err
	}
	if r.Lane == lab.ContainerLane && r.Payload == lab.OnVolume {
		return MakeStick(ctx, r, "KUBESPORE", r.Bundle()) // as docs/air-gap.md says
	}
	return nil
}

// fetched lays out programs and images as the download script leaves them.
func fetched(r *lab.Run, dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "images"), 0o755); err != nil {
		return err
	}
	minor, err := r.Minor()
	if err != nil {
		return err
	}
	errs := []error{os.Symlink(filepath.Join(r.Lab.Programs[minor], "opt"), filepath.Join(dir, "opt"))}
	for _, archive := range r.Lab.Archives {
		errs = append(errs, os.Symlink(archive, filepath.Join(dir, "images", filepath.Base(archive)+".tar")))
	}
	return errors.Join(errs...)
}

// packing finds the commands that come after the download: from packing to
// documents, or to seed volumes.
func packing(page string) (string, error) {
	for _, b := range pageBlocks(page) {
		if slices.Contains(b.Words, "parts=payload-download") {
			return b.text, nil
		}
	}
	return "", errors.New("the page has no commands that pack what was downloaded")
}

// pageBlock is a fenced block of a page.
type pageBlock struct {
	Words []string // after the fence
	text  string
}

var fencedBlock = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```")

func pageBlocks(page string) (out []pageBlock) {
	for _, m := range fencedBlock.FindAllStringSubmatch(page, -1) {
		out = append(out, pageBlock{strings.Fields(m[1]), m[2]})
	}
	return out
}
