// Package parts makes what a payload is packed from without a network: tests take
// it for what the download script fetches.
package parts

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Write puts the parts of a bill, which `payload list --format json` prints, into a
// folder, under the names that the download script gives them: scripts that do
// nothing for programs, and images without a file in them.
func Write(folder string, bill []byte) error {
	var list struct {
		Result struct {
			Binaries []struct{ Name, File string }
			Images   []struct{ Ref, Arch, File string }
		}
	}
	if err := json.Unmarshal(bill, &list); err != nil {
		return err
	}
	if len(list.Result.Binaries) == 0 || len(list.Result.Images) == 0 {
		return errors.New("the bill needs nothing")
	}
	for _, b := range list.Result.Binaries {
		file := filepath.Join(folder, b.File)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte("#!/bin/sh\n# "+b.Name+"\n"), 0o644); err != nil {
			return err
		}
	}
	for _, i := range list.Result.Images {
		if err := writeImage(filepath.Join(folder, i.File), i.Ref, i.Arch); err != nil {
			return err
		}
	}
	return nil
}

func writeImage(file, ref, arch string) error {
	config, err := empty.Image.ConfigFile()
	if err != nil {
		return err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Author = "linux", arch, ref
	image, err := mutate.ConfigFile(empty.Image, config)
	if err != nil {
		return err
	}
	tag, err := name.NewTag(ref)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return tarball.WriteToFile(file, tag, image)
}
