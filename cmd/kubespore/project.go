package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// stdinName is what diagnostics call a topology from standard input.
const stdinName = "<stdin>"

// ourProfiles is what diagnostics call the folder of built-in profiles.
const ourProfiles = "profiles"

// load reads the topology that the first argument names, the profiles and the
// lock, which must be the one that was signed.
func (c *call) load() (*compile.Project, diag.List) {
	project, list := c.loadUnsigned()
	if !list.HasErrors() {
		list.Append(c.signedLock(project))
	}
	return project, list
}

// loadUnsigned reads a project whose lock may still have to be signed.
func (c *call) loadUnsigned() (*compile.Project, diag.List) {
	file, text, err := c.readTopology(c.args[0])
	if err != nil {
		return nil, cannotRead(c.args[0], err)
	}
	layers, err := c.profileLayers()
	if err != nil {
		return nil, cannotRead("--profiles", err)
	}
	project, list := compile.Open(file, text, c.readTopologyFile, layers...)
	if !list.HasErrors() {
		list.AddError("W001", c.readLock(project))
		list.Append(c.guarded(project))
		list.Append(c.apart(project.Topology.Cluster.Name))
	}
	return project, list
}

// beyond gives what later stages say of a topology that cannot be read as a whole.
func (c *call) beyond(project *compile.Project, list diag.List, now time.Time) diag.List {
	if project == nil || project.Catalog == nil {
		return nil
	}
	return compile.Beyond(c.ctx, compile.Input{Project: project, Overlays: c.overlay, Now: now}, list)
}

// readTopologyFile reads a file that the topology names, from its folder.
func (c *call) readTopologyFile(name string) ([]byte, error) {
	folder, err := input.OpenFolder(c.besideTopology())
	if err != nil {
		return nil, err
	}
	return folder.ReadFile(filepath.ToSlash(filepath.Clean(name)))
}

// guarded refuses to work on what others may change: from the topology and the
// lock follows what machines run, and the store holds every key.
func (c *call) guarded(project *compile.Project) diag.List {
	var list diag.List
	var trusted []int
	if caller, err := strconv.Atoi(c.env("SUDO_UID")); err == nil && os.Getuid() == 0 {
		trusted = []int{caller}
	}
	for _, x := range []struct {
		name  string
		group bool
	}{{c.besideTopology(), false}, {c.args[0], false}, {project.LockFile, true}, {c.storeDir(project.Topology.Cluster.Name), true}} {
		var refused *input.Error
		if err := input.Guarded(x.name, x.group, trusted...); errors.As(err, &refused) {
			list.Errorf("O121", diag.Position{File: x.name}, "", "%s", refused.Reason).WithHint("%s", refused.Hint)
		}
	}
	return list
}

func (c *call) readTopology(name string) (file string, text []byte, err error) {
	if name != "-" {
		text, err = input.ReadFile(name)
		return name, text, err
	}
	text, err = input.ReadAll(c.stdin)
	c.read = map[string][]byte{stdinName: text}
	return stdinName, text, err
}

// shownName is what diagnostics call the file of an argument.
func shownName(name string) string {
	if name == "-" {
		return stdinName
	}
	return name
}

// profileLayers gives our profiles, then the user's folders.
func (c *call) profileLayers() ([]profile.Source, error) {
	layers := []profile.Source{{Name: ourProfiles, FS: profiles.FS}}
	for _, dir := range c.options.profiles {
		if info, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("%s: %w", dir, reason(err))
		} else if !info.IsDir() {
			return nil, fmt.Errorf("%s is not a folder", dir)
		}
		folder, err := input.OpenFolder(dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dir, reason(err))
		}
		layers = append(layers, profile.Source{Name: dir, FS: folder})
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
	folder, err := input.OpenFolder(filepath.Dir(path))
	if err != nil {
		return nil, nil, reason(err)
	}
	text, err := folder.ReadFile(filepath.Base(path))
	if err != nil {
		return nil, nil, reason(err)
	}
	return text, folder, nil
}

func cannotRead(name string, err error) diag.List {
	var list diag.List
	d := list.Errorf("O101", diag.Position{File: name}, "", "cannot be read: %v", reason(err))
	var refused *input.Error
	if errors.As(err, &refused) {
		d.WithHint("%s", refused.Hint)
	}
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
