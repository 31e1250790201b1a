package plan

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
)

// Opening is one hole in the firewall of a host.
type Opening struct {
	Port     string // a number or a range a-b; "" for protocols without ports
	Protocol string
	From     string   // as the profile says it
	Sources  []string // addresses and networks that From stands for; none means anywhere
	Doc      string
	Profile  string
}

// Program is a program that the host's operating system must bring.
type Program struct {
	Name    string
	Unit    string // what must run with it before anything serves
	Package string // that brings it on this system; "" where its image has it, or nothing does
	Doc     string
	Profile string
}

// PackageRef is a package of its distribution that a host needs.
type PackageRef struct {
	Name    string
	Program string // that it brings; "" when the package as such is asked for
	Profile string
}

// ObjectFile is a file of objects that the cluster shall hold.
type ObjectFile struct {
	Profile string
	Name    string // the file's name: rbac.yaml
	Path    string // below the folder of objects on the host: flannel/rbac.yaml
}

// collected is what all profiles of a host ask for together.
type collected struct {
	ports      []Opening
	programs   []Program
	packages   []PackageRef
	locked     []LockedPackage
	modules    []string
	interfaces []string
	sysctls    []Sysctl
	images     []ImageRef
	distinct   []ImageRef // images with one of each reference
	binaries   []BinaryRef
	leftovers  []Leftover
}

// collectsBound says whether what is collected depends on the host.
func (b *build) collectsBound() bool {
	b.collectBound = true // a text that looks at what is collected cannot be part of it
	for _, p := range b.enabled {
		texts := []profile.Text{p.Packages}
		for _, x := range p.Ports {
			texts = append(texts, x.Port, x.From)
		}
		for _, x := range p.Sysctls {
			texts = append(texts, x.Value)
		}
		for _, x := range p.Leaves {
			texts = append(texts, x.Value)
		}
		for _, x := range p.Binaries {
			texts = append(texts, x.Path, x.Version, x.URL, x.Member)
		}
		if slices.ContainsFunc(texts, func(t profile.Text) bool { return t.Template != nil && b.depends(p.Name, t.Reads) }) {
			return true
		}
	}
	return false
}

// collect gathers what the profiles of a host ask for; hosts of a class share
// it unless some of it is a host's own.
func (b *build) collect(s scope) *collected {
	memo := &s.class.collected
	if b.collectBound && s.host != nil {
		memo = &s.host.collected
	} else {
		s.host = nil
	}
	if *memo == nil {
		*memo = b.gather(s)
	}
	return *memo
}

func (b *build) gather(s scope) *collected {
	out := &collected{}
	sysctls := map[string]profile.KernelSetting{}
	for _, u := range s.class.uses {
		s.use = u
		for i := range u.Ports {
			if x := &u.Ports[i]; b.holds(s.class, u.Profile, &x.When) {
				out.ports = append(out.ports, b.opening(s, x)...)
			}
		}
		for i := range u.Programs {
			if x := &u.Programs[i]; b.holds(s.class, u.Profile, &x.When) {
				out.programs = append(out.programs, b.program(s, x))
			}
		}
		names, _ := b.text(s, u.Packages)
		for _, name := range strings.Fields(names) {
			out.packages = append(out.packages, PackageRef{Name: name, Profile: u.Name})
		}
		for i := range u.Modules {
			if x := &u.Modules[i]; b.holds(s.class, u.Profile, &x.When) {
				out.modules = append(out.modules, x.Name)
			}
		}
		for i := range u.Interfaces {
			if x := &u.Interfaces[i]; b.holds(s.class, u.Profile, &x.When) {
				out.interfaces = append(out.interfaces, x.Name)
			}
		}
		for i := range u.Sysctls {
			if x := &u.Sysctls[i]; b.holds(s.class, u.Profile, &x.When) {
				b.sysctl(s, x, out, sysctls)
			}
		}
		for i := range u.Images {
			if x := &u.Images[i]; b.holds(s.class, u.Profile, &x.When) {
				ref, err := b.reference(s, x)
				if err != nil {
					b.template(s, err)
				}
				image := ImageRef{Name: x.Name, Ref: runtimeName(ref), Profile: u.Name}
				if strings.HasPrefix(image.Ref, profile.MadeHere+"/") {
					image.Packages = x.Packages
				}
				out.images = append(out.images, image)
			}
		}
		out.images = append(out.images, b.imagesOfUser(s.class, u)...)
		for i := range u.Binaries {
			if x := &u.Binaries[i]; b.holds(s.class, u.Profile, &x.When) {
				out.binaries = append(out.binaries, b.binary(s, x))
			}
		}
		for i := range u.Leaves {
			if x := &u.Leaves[i]; b.holds(s.class, u.Profile, &x.When) {
				out.leftovers = append(out.leftovers, b.leftover(s, x)...)
			}
		}
	}
	for _, x := range out.programs {
		if x.Package != "" {
			out.packages = append(out.packages, PackageRef{Name: x.Package, Program: x.Name, Profile: x.Profile})
		}
	}
	out.sort()
	b.checkBinaries(s, out.binaries)
	if s.class.facts != nil {
		b.lock.pin(out, s.class.facts.Arch)
		out.locked = s.class.facts.LockedPackages
	}
	out.distinct = slices.CompactFunc(slices.Clone(out.images), func(a, b ImageRef) bool { return a.Ref == b.Ref })
	return out
}

func (c *collected) sort() {
	slices.SortFunc(c.programs, func(a, b Program) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(b.Unit, a.Unit), cmp.Compare(a.Profile, b.Profile))
	})
	slices.SortFunc(c.packages, func(a, b PackageRef) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Program, b.Program), cmp.Compare(a.Profile, b.Profile))
	})
	slices.Sort(c.modules)
	c.modules = slices.Compact(c.modules)
	slices.Sort(c.interfaces)
	c.interfaces = slices.Compact(c.interfaces)
	slices.SortFunc(c.sysctls, func(a, b Sysctl) int { return cmp.Compare(a.Key, b.Key) })
	slices.SortFunc(c.images, func(a, b ImageRef) int {
		return cmp.Or(cmp.Compare(a.Ref, b.Ref), cmp.Compare(a.Profile, b.Profile), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(c.binaries, func(a, b BinaryRef) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Profile, b.Profile))
	})
	c.binaries = slices.CompactFunc(c.binaries, func(a, b BinaryRef) bool {
		return a.Path == b.Path && a.Name == b.Name && a.Version == b.Version
	})
	slices.SortFunc(c.leftovers, func(a, b Leftover) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value)) })
	c.leftovers = slices.Compact(c.leftovers)
	slices.SortFunc(c.ports, func(a, b Opening) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(firstPort(a.Port), firstPort(b.Port)), cmp.Compare(a.Port, b.Port),
			cmp.Compare(a.From, b.From), cmp.Compare(a.Profile, b.Profile))
	})
	c.ports = slices.CompactFunc(c.ports, func(a, b Opening) bool {
		return a.Protocol == b.Protocol && a.Port == b.Port && a.From == b.From
	})
}

// opening resolves one port, or the ports that a template gives; each port and
// each source of several makes one opening.
func (b *build) opening(s scope, x *profile.Port) []Opening {
	text, _ := b.text(s, x.Port)
	ports := strings.Fields(text)
	if len(ports) == 0 && (x.Port.Template == nil || x.Port.Constant()) {
		ports = []string{""} // a protocol without ports
	}
	from, _ := b.text(s, x.From)
	var out []Opening
	for _, port := range ports {
		if needsPort := x.Protocol == "tcp" || x.Protocol == "udp"; needsPort && !validPort(port) {
			b.errorAt("P030", x.Port.Position, "", "%q is not a port", port).WithHint("write a number from 1 to 65535, or a range such as 30000-32767")
		}
		for _, word := range strings.Fields(from) {
			sources, ok := b.sources(word)
			if !ok {
				b.errorAt("P031", x.From.Position, "", "a port cannot be open to %q", word).
					WithHint("write anywhere, nodes, control-planes, etcd, pods, or a CIDR")
				continue
			}
			out = append(out, Opening{Port: port, Protocol: x.Protocol, From: word, Sources: sources, Doc: x.Doc, Profile: s.use.Name})
		}
	}
	return out
}

// sources gives the addresses that a word stands for. Nodes are their whole
// networks, so that a new one changes nothing on the others.
func (b *build) sources(word string) ([]string, bool) {
	addresses := func(hosts []*HostFacts) []string {
		var out []string
		for _, h := range hosts {
			out = append(out, h.Addresses...)
		}
		slices.Sort(out)
		return out
	}
	switch word {
	case "anywhere":
		return nil, true
	case "nodes":
		return b.cluster.HostNetworks, true
	case "control-planes":
		return addresses(b.cluster.ControlPlanes), true
	case "etcd":
		return addresses(b.cluster.EtcdMembers), true
	case "pods":
		return b.cluster.PodCIDRs, true
	}
	if p, err := netip.ParsePrefix(word); err == nil {
		return []string{p.Masked().String()}, true
	}
	_, err := netip.ParseAddr(word)
	return []string{word}, err == nil
}

// firstPort gives the number by which ports are sorted.
func firstPort(port string) int {
	var n int
	_, _ = fmt.Sscanf(port, "%d", &n) // a protocol without ports sorts first
	return n
}

func validPort(s string) bool {
	first, last, isRange := strings.Cut(s, "-")
	low, ok := portNumber(first)
	if !isRange {
		return ok
	}
	high, both := portNumber(last)
	return ok && both && low < high
}

func portNumber(s string) (int, bool) {
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' || n > 65535 {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, n >= 1 && n <= 65535
}

// sysctl adds a setting; two profiles may ask for the same value only.
func (b *build) sysctl(s scope, x *profile.KernelSetting, out *collected, seen map[string]profile.KernelSetting) {
	value, _ := b.text(s, x.Value)
	value = strings.TrimSpace(value)
	first, twice := seen[x.Name]
	if !twice {
		seen[x.Name] = *x
		out.sysctls = append(out.sysctls, Sysctl{x.Name, value, x.AtLeast, x.Also})
		return
	}
	i := slices.IndexFunc(out.sysctls, func(e Sysctl) bool { return e.Key == x.Name })
	if out.sysctls[i].Value != value {
		b.errorAt("P032", x.Position, "", "%s asks for %s = %s, where %s is asked for elsewhere", s.use.Name, x.Name, value, out.sysctls[i].Value).
			WithRelated(first.Position, "first asked for here").WithHint("agree on one value, or give the two profiles conditions that exclude each other")
	}
}

func (b *build) binary(s scope, x *profile.Binary) BinaryRef {
	where, ok := b.text(s, x.Path)
	version, _ := b.text(s, x.Version)
	where = strings.TrimSpace(where)
	if ok && (!path.IsAbs(where) || path.Clean(where) != where) {
		b.errorAt("P033", x.Path.Position, "", "%q is not an absolute path of a program", where).WithHint("write it as in /opt/bin/%s", x.Name)
	}
	url, _ := b.text(s, x.URL)
	member, _ := b.text(s, x.Member)
	ref := BinaryRef{Name: x.Name, Path: where, Version: strings.TrimSpace(version), Profile: s.use.Name,
		URL: strings.TrimSpace(url), Member: strings.TrimSpace(member)}
	if s.class.facts != nil {
		ref.Arch = s.class.facts.Arch
	}
	if x.Kind == profile.KindManifest {
		ref.Arch = AnyArch
	}
	return ref
}

// program resolves a program, which the system's image has or a package of it
// brings. A system that has neither is not a system for the profile.
func (b *build) program(s scope, x *profile.Program) Program {
	out := Program{Name: x.Name, Unit: x.Unit, Doc: x.Doc, Profile: s.use.Name}
	system := s.class.system
	if system == nil {
		return out
	}
	if out.Package = system.Packages[x.Name]; out.Package == "" && !system.Has(x.Name) {
		b.errorAt("P037", b.whereSet(s.use.Profile, &x.When), "", "%s has no %s, which %s needs (%s)", system.Title, x.Name, s.use.Name, x.Doc).
			WithHint("set the parameters so that it is not needed, or give the host %s another system", s.class.name()).
			WithRelated(x.Position, "asked for here")
	}
	return out
}

// whereSet is the place at which the topology sets a parameter that a condition asks
// for or, where it sets none, at which it selects the profile.
func (b *build) whereSet(p *profile.Profile, when *profile.Condition) diag.Position {
	for _, name := range slices.Sorted(maps.Keys(when.Params)) {
		if _, set := b.topology.Profiles[p.Name].Params[name]; set {
			return b.topology.At("profiles." + p.Name + "." + name)
		}
	}
	return b.where(p)
}

// checkBinaries finds two different programs for one path.
func (b *build) checkBinaries(s scope, sorted []BinaryRef) {
	for i := 1; i < len(sorted); i++ {
		if x, y := sorted[i-1], sorted[i]; x.Path == y.Path {
			at := b.catalog.Lookup(y.Profile).At("binaries")
			b.errorAt("P034", at, "", "%s and %s install different programs at %s on %s", x.Profile, y.Profile, x.Path, s.class.name()).
				WithHint("agree on the version, or on two paths").WithRelated(b.catalog.Lookup(x.Profile).At("binaries"), "%s %s", x.Name, x.Version)
		}
	}
}

// name gives a host of the class, for messages.
func (c *class) name() string {
	if c.facts == nil {
		return "the cluster"
	}
	return c.facts.Name
}
