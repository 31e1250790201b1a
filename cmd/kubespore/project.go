package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// stdinName is what diagnostics call a topology from standard input.
const stdinName = "<stdin>"

// ourProfiles is what diagnostics call the folder of built-in profiles.
const ourProfiles = "profiles"

// load reads the topology that the first argument names, and the profiles.
func (c *call) load() (*compile.Project, diag.List) {
	file, text, err := c.readTopology(c.args[0])
	if err != nil {
		return nil, cannotRead(c.args[0], err)
	}
	layers, err := c.profileLayers()
	if err != nil {
		return nil, cannotRead("--profiles", err)
	}
	project, list := compile.Load(file, text, layers...)
	if !list.HasErrors() {
		list.AddError("W001", c.readLock(project))
		project.ReadFiles(func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(c.besideTopology(), name)) })
	}
	return project, list
}

func (c *call) readTopology(name string) (file string, text []byte, err error) {
	if name != "-" {
		text, err = os.ReadFile(name)
		return name, text, err
	}
	text, err = io.ReadAll(c.stdin)
	c.read = map[string][]byte{stdinName: text}
	return stdinName, text, err
}

// profileLayers gives our profiles, then the user's folders.
func (c *call) profileLayers() ([]profile.Source, error) {
	layers := []profile.Source{{Name: ourProfiles, FS: profiles.FS}}
	for _, dir := range c.options.profiles {
		if info, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("%s: %w", dir, reason(err))
		} else if !info.IsDir() {
			return nil, fmt.Errorf("%s is no folder", dir)
		}
		layers = append(layers, profile.Source{Name: dir, FS: os.DirFS(dir)})
	}
	return layers, nil
}

// besideTopology is the folder that names in the topology are relative to.
func (c *call) besideTopology() string {
	if len(c.args) == 0 || c.args[0] == "-" {
		return "."
	}
	return filepath.Dir(c.args[0])
}

// storeDir is where the cluster's keys are kept.
func (c *call) storeDir(cluster string) string {
	if c.options.pki != "" {
		return c.options.pki
	}
	return filepath.Join(c.besideTopology(), cluster+".pki")
}

// overlay opens a Butane file of the user and the folder it stands in.
func (c *call) overlay(name string) ([]byte, fs.FS, error) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.besideTopology(), name)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, reason(err)
	}
	return text, os.DirFS(filepath.Dir(path)), nil
}

func cannotRead(name string, err error) diag.List {
	var list diag.List
	d := list.Errorf("O101", diag.Position{File: name}, "", "cannot be read: %v", reason(err))
	if errors.Is(err, fs.ErrNotExist) && !strings.HasPrefix(name, "--") {
		d.WithHint("kubespore init writes a topology to start from")
	}
	return list
}

func cannotWrite(name string, err error) diag.List {
	var list diag.List
	d := list.Errorf("O102", diag.Position{File: name}, "", "cannot be written: %v", reason(err))
	if errors.Is(err, fs.ErrExist) {
		d.WithHint("name another file, or - to print the starter")
	}
	return list
}
