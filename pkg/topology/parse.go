package topology

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
)

// Known is what the profiles know that a topology may name. What is empty is
// not limited.
type Known struct {
	Minors  []string            // of Kubernetes, oldest first
	Systems map[string][]string // the formats that each operating system reads, its default first
	// Installed are the operating systems that media write to a disk; nil: all.
	Installed []string

	// LaidOver says whether the parameter of a host is laid over the topology's; where it says
	// no, and where it is nil, the host's replaces the topology's.
	LaidOver func(profile, param string) bool

	Read func(name string) ([]byte, error) // reads a file below the topology's folder; nil where it has none
}

// Parse reads a topology file; file is its name in diagnostics. With errors
// the topology holds what could be read, so that others may look for further
// mistakes in it; it is never nil, and must not be built from. Values of the paths
// to omit are read as if the file did not hold them.
func Parse(file string, data []byte, known Known, omitted ...string) (*Topology, diag.List) {
	d := newDecoder(file)
	d.known = known
	f := document{Topology: Topology{File: file, positions: d.Positions}}
	if root := d.load(data); root != nil {
		d.inventories(root)
		for _, path := range omitted {
			omit(root, path)
		}
		d.understand(root, &f)
	}
	t := &f.Topology
	t.Digest = digest(string(data), d.read)
	t.Network.Pods, t.Network.Services = validPrefixes(t.Network.Pods), validPrefixes(t.Network.Services)
	t.Network.Nameservers = reachable(t.Network.Nameservers)
	t.Hosts = slices.DeleteFunc(t.Hosts, func(h Host) bool { return h.Name == "" })
	t.order()
	return t, d.List.Sorted()
}

// digest is that of a topology and of the files that it takes hosts from.
func digest(text string, files []string) string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{text}, files...), "\x00")))
	return hex.EncodeToString(sum[:])
}

// decode reads what stands in the file, hosts with their pools.
func (d *decoder) decode(root *yaml.Node, f *document) {
	d.pools = &f.pools
	documentSchema.Read(d.Decoder, root, "", f)
}

// understand goes from text to hosts to checks, unless a bound is reached.
func (d *decoder) understand(root *yaml.Node, f *document) {
	d.decode(root, f)
	f.Kubernetes.Minor = minorOf(f.Kubernetes.Version)
	if !d.Stopped {
		d.expand(f)
	}
	if !d.Stopped {
		c := &checker{decoder: d, document: f}
		c.check()
	}
}
