package compile

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable"
	"github.com/kubespore/kubespore/pkg/media"
	"github.com/kubespore/kubespore/pkg/outdir"
	"github.com/kubespore/kubespore/pkg/topology"
)

// Built is a finished build, to make media of.
type Built struct {
	Out      string
	Project  *Project // nil when the build is taken as it stands
	manifest *outdir.Manifest
}

// OpenBuilt looks at a finished build. With a project it must have been made
// from that very topology.
func OpenBuilt(out string, p *Project) (*Built, error) {
	m, err := outdir.Load(out)
	switch {
	case err != nil:
		return nil, err
	case m == nil:
		return nil, diag.Failf("O116", diag.Position{File: out}, "there is no build to make media of").WithHint("run kubespore build first, or name its folder with --build")
	case p != nil && (m.Cluster != p.Topology.Cluster.Name || m.Topology != p.Topology.Digest):
		return nil, diag.Failf("O117", diag.Position{File: p.Topology.File}, "the build in %s was made from another state of this topology", out).
			WithHint("run kubespore build, then this command again; or name the build's folder in place of the topology to take it as it stands")
	}
	return &Built{Out: out, Project: p, manifest: m}, nil
}

// Check refuses documents that no machine can boot from any more: it would find
// expired certificates.
func (b *Built) Check(now time.Time, list *diag.List) {
	if !now.Before(b.manifest.BootBy) {
		list.Errorf("O118", diag.Position{File: b.Out}, "", "certificates in these documents have expired: they had to boot by %s", b.manifest.BootBy.Format(time.DateOnly)).
			WithHint("run kubespore build, which makes new ones")
	}
}

// Hosts gives the machines of a build: those that are named, or all.
func (b *Built) Hosts(names []string) ([]media.Host, diag.List) {
	files := map[string]map[string]outdir.FileInfo{}
	var known []string
	for _, f := range b.manifest.Files {
		if f.Host == "" {
			continue
		}
		if files[f.Host] == nil {
			files[f.Host] = map[string]outdir.FileInfo{}
			known = append(known, f.Host)
		}
		files[f.Host][path.Base(f.Path)] = f
	}
	var list diag.List
	var out []media.Host
	for _, name := range known {
		if len(names) == 0 || slices.Contains(names, name) {
			out = append(out, b.host(name, files[name]))
		}
	}
	for _, name := range names {
		if files[name] == nil {
			suggestHost(list.Errorf("O107", diag.Position{File: b.Out}, "", "there is no host %q in the build", name), name, known)
		}
	}
	return out, list
}

// host describes a machine: by its files, and by the topology where there is
// one.
func (b *Built) host(name string, files map[string]outdir.FileInfo) media.Host {
	h := media.Host{Name: name, Format: "ignition", Read: func(file string) ([]byte, error) { return b.read(name, files[file]) }}
	if _, ok := files[DocumentName("cloud-init")]; ok {
		h.Format = "cloud-init"
	}
	if b.Project == nil {
		return h
	}
	t := b.Project.Topology
	h.Known = b.Project.Catalog.Systems()
	if said := hostNamed(t, name); said != nil {
		h.Position = t.At(said.Path)
		h.OS, h.Arch, h.Serial, h.MACs = said.OS, said.Arch, said.Serial, ports(said)
		h.System = b.Project.Catalog.System(h.OS)
		h.Install = target(said.InstallDisk)
	}
	return h
}

// target says which disk media write the system to.
func target(d topology.InstallDisk) media.Target {
	out := media.Target{Device: d.Device}
	add := func(property, value string) {
		if value != "" {
			out.Conditions = append(out.Conditions, property+" "+value)
		}
	}
	size := func(property string, bytes int64) {
		if bytes > 0 {
			add(property, strconv.FormatInt(bytes, 10))
		}
	}
	size("min-size", d.MinSize)
	size("max-size", d.MaxSize)
	add("model", d.Model)
	add("serial", d.Serial)
	add("wwn", d.WWN)
	add("bus", d.Bus)
	add("rotational", map[string]string{"true": "1", "false": "0"}[d.Rotational])
	return out
}

// ports gives the addresses of a machine's Ethernet ports, that of the primary
// interface first.
func ports(h *topology.Host) []string {
	var out []string
	if h.MAC != "" {
		out = append(out, h.MAC)
	}
	for _, i := range h.Interfaces {
		if i.Kind == "ethernet" && i.MAC != "" && !slices.Contains(out, i.MAC) {
			out = append(out, i.MAC)
		}
	}
	return out
}

// read reads a file of the build, which must still be what was written.
func (b *Built) read(host string, f outdir.FileInfo) ([]byte, error) {
	name := filepath.Join(b.Out, filepath.FromSlash(f.Path))
	data, err := durable.ReadFile(name)
	if err != nil {
		return nil, diag.Failf("O111", diag.Position{File: name}, "the document of %s cannot be read", host).WithHint("build again: the store remembers the keys")
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != f.SHA256 {
		return nil, diag.Failf("O119", diag.Position{File: name}, "the file was changed after the build, whose proofs say nothing about it").
			WithHint("put the change into the topology, a profile or an overlay, and build again")
	}
	return data, nil
}
