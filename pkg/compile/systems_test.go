package compile_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aymanbagabas/go-udiff"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/compile/compiletest"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/render"
	"github.com/kubespore/kubespore/profiles"
)

// systemTopology is a small cluster on one system.
const systemTopology = `apiVersion: kubespore/v1alpha1
kind: Topology
cluster: {name: prod, endpoint: "192.168.200.21:6443"}
kubernetes: {version: v1.36.3}
own: [cni]
network: {pods: [10.240.0.0/12], services: [10.96.0.0/16]}
os: %s
format: %s
access: {users: [{name: ops, sshAuthorizedKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICnRVHZevH/i0iE0Xbth8WDFpjSgxI3ze+k2jiXkLuPk you@example.org]}]}
hosts:
  - {name: cp1, roles: [control-plane], address: 192.168.200.21/22, gateway: 192.168.200.1}
  - name: w1
    roles: [worker]
    address: 192.168.200.31/22
    gateway: 192.168.200.1
    interfaces: [{name: lan0, mac: "52:54:00:00:00:31"}]
    disks: [{device: /dev/disk/by-id/data, mount: /var/lib/containerd}]
`

func systemProject(system, format string, layers ...profile.Source) (*compile.Project, diag.List) {
	return compile.Load(system+".yaml", fmt.Appendf(nil, systemTopology, system, format), append([]profile.Source{{Name: "profiles", FS: profiles.FS}}, layers...)...)
}

// checked gives what check says of a project.
func checked(project *compile.Project) diag.List {
	store := pki.Memory()
	defer store.Close()
	_, list := compile.Run(context.Background(), compile.Input{Project: project, Store: store, Now: now})
	return list
}

// Every system that a folder describes passes every proof, in each format that it
// reads.
func TestEverySystemPasses(t *testing.T) {
	catalog, _ := profile.Load(profile.Source{Name: "profiles", FS: profiles.FS})
	for _, s := range catalog.Systems() {
		for _, format := range s.Formats {
			t.Run(s.Name+"/"+format, func(t *testing.T) {
				t.Parallel()
				project, list := systemProject(s.Name, format)
				if !list.HasErrors() {
					list = checked(project)
				}
				for _, d := range list {
					t.Errorf("%s: %s %s", d.Position, d.Code, d.Message)
				}
			})
		}
	}
}

// A system that kubespore does not know is a folder of the user's: its facts
// decide what its machines get, and the proofs hold it to them.
func TestSystemOfTheUser(t *testing.T) {
	mine := profile.Source{Name: "mine", FS: fstest.MapFS{"os-mine/profile.yaml": {Data: []byte(`name: os-mine
summary: a system of the user's
layer: os
default: true
when: {os: [mine]}
system:
  title: Mine
  formats: [ignition]
  network: networkmanager
  pluginFolder: /var/plugins
  caFolders: [/var/ca]
  units: [NetworkManager.service]
  programs: [bash]
  packages: {nft: my-nft}
  writable: [/etc, /opt]
`)}}}
	project, list := systemProject("mine", "ignition", mine)
	if list.HasErrors() {
		t.Fatal(list)
	}
	var codes, all []string
	for _, d := range checked(project) {
		codes, all = append(codes, d.Code), append(all, d.Message)
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	text := strings.Join(all, "\n")
	if !slices.Equal(codes, []string{"V075", "V076"}) || !strings.Contains(text, "Mine cannot mount /var/lib/containerd") {
		t.Errorf("%v\n%s", codes, text)
	}
	docs := ""
	for _, block := range systemBlocks(t, project) {
		docs += block
	}
	for _, want := range []string{"my-nft", "/var/plugins", "/var/ca", "/etc/NetworkManager/system-connections/"} {
		if !strings.Contains(docs, want) {
			t.Errorf("the documents do not have %s", want)
		}
	}
}

// systemBlocks gives what the hosts of a project get, each block by its host and
// path.
func systemBlocks(t *testing.T, project *compile.Project) map[string]string {
	t.Helper()
	planned, evaluator, list := project.Plan(plan.Allocations{})
	if list.HasErrors() {
		t.Fatal(list)
	}
	renderer, list := render.New(planned, evaluator, func(string) ([]byte, fs.FS, error) { return nil, nil, fs.ErrNotExist })
	if list.HasErrors() {
		t.Fatal(list)
	}
	renderer.SetGeneration(1)
	keys, names := compiletest.Keys(planned, now)
	out := map[string]string{}
	for _, h := range planned.Hosts {
		doc, list := renderer.Host(h, keys)
		if list.HasErrors() {
			t.Fatal(list)
		}
		for _, block := range blocks(t, doc, names) {
			path, _, _ := strings.Cut(block, " ")
			out[h.Name+" "+path] += block
		}
	}
	return out
}

// apart says how blocks differ from others: what is gone, what is new, and the lines
// that are others.
func apart(old, new map[string]string) string {
	all := maps.Clone(old)
	maps.Copy(all, new)
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(all)) {
		was, is := old[path], new[path]
		switch {
		case was == is:
		case is == "":
			fmt.Fprintf(&b, "- %s\n", path)
		case was == "":
			host, _, _ := strings.Cut(path, " ")
			fmt.Fprintf(&b, "+ %s %s", host, is)
		default:
			lines := strings.SplitAfterN(udiff.Unified("", "", was, is), "\n", 3) // without the names
			fmt.Fprintf(&b, "~ %s\n%s", path, hunk.ReplaceAllString(lines[2], "@@"))
		}
	}
	return b.String()
}

// TestGoldenSystems compares what the machines of each system get with what someone has
// read: the difference from Debian.
func TestGoldenSystems(t *testing.T) {
	catalog, _ := profile.Load(profile.Source{Name: "profiles", FS: profiles.FS})
	documents := func(system string) map[string]string {
		project, list := systemProject(system, "ignition")
		if list.HasErrors() {
			t.Fatal(list)
		}
		return systemBlocks(t, project)
	}
	debian, found := documents("debian"), 0
	for _, s := range catalog.Systems() {
		if s.Name == "debian" {
			continue
		}
		found++
		name := filepath.Join(golden, "systems", s.Name+".txt")
		want := apart(debian, documents(s.Name))
		if *update {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(name)
		if err != nil || string(have) != want {
			t.Errorf("%s is out of date: read the difference, then make golden (%v)", name, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(golden, "systems", "*.txt"))
	if err != nil || len(files) != found {
		t.Errorf("%d goldens of %d systems (%v)", len(files), found, err)
	}
}
