package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// stdinName is what diagnostics call a topology from standard input.
const stdinName = "<stdin>"

// ourProfiles is what diagnostics call the folder of built-in profiles.
const ourProfiles = "profiles"

// workspace is a topology and what belongs to it: the folder, profiles, lock and store.
type workspace struct {
	streams
	options     *workOptions
	keys        *keyring
	topology    string  // the file, "-" for standard input, "" for none
	places      []place // what the flags of the command name
	writesStore bool
}

// of gives the workspace of another topology.
func (w *workspace) of(topology string) *workspace {
	other := *w
	other.topology = topology
	return &other
}

// load reads the topology, the profiles and the lock, which must be the one that
// was signed.
func (w *workspace) load() (*compile.Project, diag.List) {
	project, list := w.loadUnsigned()
	if !list.HasErrors() {
		list.Append(w.signedLock(project))
	}
	return project, list
}

// loadUnsigned reads a project whose lock may still have to be signed.
func (w *workspace) loadUnsigned() (*compile.Project, diag.List) {
	file, text, err := w.readTopology()
	if err != nil {
		return nil, cannotRead(w.topology, err)
	}
	layers, err := w.profileLayers()
	if err != nil {
		return nil, cannotRead("--profiles", err)
	}
	project, list := compile.Open(file, text, w.readTopologyFile, layers...)
	if !list.HasErrors() {
		list.AddError("W001", w.readLock(project))
		list.Append(w.guarded(project))
		list.Append(w.apart(project.Topology.Cluster.Name))
	}
	return project, list
}

// beyond gives what later stages say of a topology that cannot be read as a whole.
func (w *workspace) beyond(ctx context.Context, project *compile.Project, list diag.List, now time.Time) diag.List {
	if project == nil || project.Catalog == nil {
		return nil
	}
	return compile.Beyond(ctx, compile.Input{Project: project, Overlays: w.overlay, Now: now}, list)
}

// readTopologyFile reads a file that the topology names, from its folder.
func (w *workspace) readTopologyFile(name string) ([]byte, error) {
	folder, err := input.OpenFolder(w.folder())
	if err != nil {
		return nil, err
	}
	return folder.ReadFile(filepath.ToSlash(filepath.Clean(name)))
}

// guarded refuses to work on what others may change: from the topology and the
// lock follows what machines run, and the store holds every key.
func (w *workspace) guarded(project *compile.Project) diag.List {
	var list diag.List
	var trusted []int
	if caller, err := strconv.Atoi(w.env("SUDO_UID")); err == nil && os.Getuid() == 0 {
		trusted = []int{caller}
	}
	for _, x := range []struct {
		name  string
		group bool
	}{{w.folder(), false}, {w.topology, false}, {project.LockFile, true}, {w.storeDir(project.Topology.Cluster.Name), true}} {
		var refused *input.Error
		if err := input.Guarded(x.name, x.group, trusted...); errors.As(err, &refused) {
			list.Errorf("O121", diag.Position{File: x.name}, "", "%s", refused.Reason).WithHint("%s", refused.Hint)
		}
	}
	return list
}

// readTopology gives the text of the topology, and what diagnostics call its file.
func (w *workspace) readTopology() (file string, text []byte, err error) {
	if w.topology != "-" {
		text, err = input.ReadFile(w.topology)
		return w.topology, text, err
	}
	text, err = input.ReadAll(w.stdin)
	w.read[stdinName] = text
	return stdinName, text, err
}

// profileLayers gives our profiles, then the user's folders.
func (w *workspace) profileLayers() ([]profile.Source, error) {
	layers := []profile.Source{{Name: ourProfiles, FS: profiles.FS}}
	for _, dir := range w.options.profiles {
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

// folder is the folder that names in the topology are relative to.
func (w *workspace) folder() string {
	if w.topology == "" || w.topology == "-" {
		return "."
	}
	return filepath.Dir(w.topology)
}

// storeDir is where the cluster's keys are kept.
func (w *workspace) storeDir(cluster string) string {
	if w.options.pki != "" {
		return w.options.pki
	}
	return filepath.Join(w.folder(), cluster+".pki")
}

// openStore opens the cluster's store to change it; one that is not there is made.
func (w *workspace) openStore(cluster string) (*pki.Store, error) {
	return pki.Open(w.storeDir(cluster), w.keys.open(cluster))
}

// lookAtStore opens the cluster's store for reading; before the first build
// there is none, and keys that are forgotten afterwards stand in.
func (w *workspace) lookAtStore(p *compile.Project) (*pki.Store, error) {
	cluster := p.Topology.Cluster.Name
	dir := w.storeDir(cluster)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return pki.Memory(), nil
	}
	return pki.OpenReadOnly(dir, w.keys.open(cluster))
}

// hasStore says whether the cluster has a store.
func (w *workspace) hasStore(p *compile.Project) bool {
	_, err := os.Stat(w.storeDir(p.Topology.Cluster.Name))
	return !errors.Is(err, fs.ErrNotExist)
}

// overlay opens a Butane file of the user and the folder it stands in.
func (w *workspace) overlay(name string) ([]byte, fs.FS, error) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(w.folder(), name)
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
