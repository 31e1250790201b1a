package plan

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/imageref"
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

// ObjectFile is a file of objects that the cluster is to hold.
type ObjectFile struct {
	Profile string
	Name    string // the file's name: rbac.yaml
	Path    string // below the folder of objects on the host: flannel/rbac.yaml
}

// collected is what all profiles of a host need together.
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

// collect gives what the profiles of a host need; hosts of a class share it
// unless some of it is a host's own.
func (s scope) collect() *collected {
	memo := &s.class.collected
	if s.binding.collects && s.host != nil {
		memo = &s.host.collected
	} else {
		s.host = nil
	}
	if *memo == nil {
		*memo = s.gather()
	}
	return *memo
}

// collector gathers what the profiles of a scope ask for, one after the other.
type collector struct {
	scope
	out   *collected
	first map[string]diag.Position // of sysctls, by key: where they were asked for first
}

func (s scope) gather() *collected {
	c := &collector{scope: s, out: &collected{}, first: map[string]diag.Position{}}
	for _, c.instance = range s.class.instances {
		c.system()
		c.bill()
	}
	out := c.out
	for _, x := range out.programs {
		if x.Package != "" {
			out.packages = append(out.packages, PackageRef{Name: x.Package, Program: x.Name, Profile: x.Profile})
		}
	}
	out.sort()
	c.checkBinaries()
	if s.class.facts != nil {
		s.lock.pin(out, s.class.facts.Arch)
		out.locked = s.class.facts.LockedPackages
	}
	out.distinct = slices.CompactFunc(slices.Clone(out.images), func(a, b ImageRef) bool { return a.Ref == b.Ref })
	return out
}

// system gathers what a profile asks of the operating system and leaves in it.
func (c *collector) system() {
	u, out := c.instance, c.out
	for i := range u.Ports {
		if x := &u.Ports[i]; c.applies(&x.When) {
			c.opening(x)
		}
	}
	for i := range u.Programs {
		if x := &u.Programs[i]; c.applies(&x.When) {
			c.program(x)
		}
	}
	for _, name := range c.fields(u.Packages) {
		out.packages = append(out.packages, PackageRef{Name: name, Profile: u.Name})
	}
	for i := range u.Modules {
		if x := &u.Modules[i]; c.applies(&x.When) {
			out.modules = append(out.modules, x.Name)
		}
	}
	for i := range u.Interfaces {
		if x := &u.Interfaces[i]; c.applies(&x.When) {
			out.interfaces = append(out.interfaces, x.Name)
		}
	}
	for i := range u.Sysctls {
		if x := &u.Sysctls[i]; c.applies(&x.When) {
			c.sysctl(x)
		}
	}
	for i := range u.Leaves {
		if x := &u.Leaves[i]; c.applies(&x.When) {
			c.leftover(x)
		}
	}
}

// bill gathers what of a profile stands in the bill of materials.
func (c *collector) bill() {
	for i := range c.instance.Images {
		if x := &c.instance.Images[i]; c.applies(&x.When) {
			c.image(x)
		}
	}
	c.imagesOfUser()
	for i := range c.instance.Binaries {
		if x := &c.instance.Binaries[i]; c.applies(&x.When) {
			c.out.binaries = append(c.out.binaries, c.binary(x))
		}
	}
}

func (c *collector) image(x *profile.Image) {
	ref, err := c.reference(x)
	if err != nil {
		c.fail(err)
	}
	image := ImageRef{Name: x.Name, Ref: imageref.Name(ref), Profile: c.instance.Name}
	if strings.HasPrefix(image.Ref, profile.MadeHere+"/") {
		image.Packages = x.Packages
	}
	c.out.images = append(c.out.images, image)
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
func (c *collector) opening(x *profile.Port) {
	ports := c.fields(x.Port)
	if len(ports) == 0 && (x.Port.Template == nil || x.Port.Constant()) {
		ports = []string{""} // a protocol without ports
	}
	for _, port := range ports {
		if needsPort := x.Protocol == "tcp" || x.Protocol == "udp"; needsPort && !validPort(port) {
			c.errorAt("P030", x.Port.Position, "", "%q is not a port", port).WithHint("write a number from 1 to 65535, or a range such as 30000-32767")
		}
		for _, source := range c.fields(x.From) {
			sources, ok := c.cluster.sources(source)
			if !ok {
				c.errorAt("P031", x.From.Position, "", "a port cannot be open to %q", source).
					WithHint("write anywhere, nodes, control-planes, etcd, pods, or a CIDR")
				continue
			}
			c.out.ports = append(c.out.ports, Opening{Port: port, Protocol: x.Protocol, From: source, Sources: sources, Doc: x.Doc, Profile: c.instance.Name})
		}
	}
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
func (c *collector) sysctl(x *profile.KernelSetting) {
	out := c.out
	value, _ := c.text(x.Value)
	value = strings.TrimSpace(value)
	first, twice := c.first[x.Name]
	if !twice {
		c.first[x.Name] = x.Position
		out.sysctls = append(out.sysctls, Sysctl{x.Name, value, x.AtLeast, x.Also})
		return
	}
	i := slices.IndexFunc(out.sysctls, func(e Sysctl) bool { return e.Key == x.Name })
	if out.sysctls[i].Value != value {
		c.errorAt("P032", x.Position, "", "%s asks for %s = %s, where %s is asked for elsewhere", c.instance.Name, x.Name, value, out.sysctls[i].Value).
			WithRelated(first, "first asked for here").WithHint("agree on one value, or give the two profiles conditions that exclude each other")
	}
}

func (c *collector) binary(x *profile.Binary) BinaryRef {
	where, ok := c.text(x.Path)
	version, _ := c.text(x.Version)
	where = strings.TrimSpace(where)
	if ok && (!path.IsAbs(where) || path.Clean(where) != where) {
		c.errorAt("P033", x.Path.Position, "", "%q is not an absolute path of a program", where).WithHint("write it as in /opt/bin/%s", x.Name)
	}
	url, _ := c.text(x.URL)
	member, _ := c.text(x.Member)
	ref := BinaryRef{Name: x.Name, Path: where, Version: strings.TrimSpace(version), Profile: c.instance.Name,
		URL: strings.TrimSpace(url), Member: strings.TrimSpace(member)}
	if c.class.facts != nil {
		ref.Arch = c.class.facts.Arch
	}
	if x.Kind == profile.KindManifest {
		ref.Arch = AnyArch
	}
	return ref
}

// program resolves a program, which the system's image has or a package of it
// brings. A system that has neither is not a system for the profile.
func (c *collector) program(x *profile.Program) {
	out := Program{Name: x.Name, Unit: x.Unit, Doc: x.Doc, Profile: c.instance.Name}
	system := c.class.system
	if system == nil {
		c.out.programs = append(c.out.programs, out)
		return
	}
	if out.Package = system.Packages[x.Name]; out.Package == "" && !system.Has(x.Name) {
		c.errorAt("P037", c.whereSet(c.instance.Profile, &x.When), "", "%s has no %s, which %s needs (%s)", system.Title, x.Name, c.instance.Name, x.Doc).
			WithHint("set the parameters so that it is not needed, or give the host %s another system", c.class.name()).
			WithRelated(x.Position, "asked for here")
	}
	c.out.programs = append(c.out.programs, out)
}

// whereSet is the place at which the topology sets a parameter that a condition asks
// for or, where it sets none, at which it selects the profile.
func (w *world) whereSet(p *profile.Profile, when *profile.Condition) diag.Position {
	for _, name := range slices.Sorted(maps.Keys(when.Params)) {
		if _, set := w.topology.Profiles[p.Name].Params[name]; set {
			return w.topology.At("profiles." + p.Name + "." + name)
		}
	}
	return w.where(p)
}

// checkBinaries finds two different programs for one path.
func (c *collector) checkBinaries() {
	sorted := c.out.binaries
	for i := 1; i < len(sorted); i++ {
		if x, y := sorted[i-1], sorted[i]; x.Path == y.Path {
			at := c.catalog.Lookup(y.Profile).At("binaries")
			c.errorAt("P034", at, "", "%s and %s install different programs at %s on %s", x.Profile, y.Profile, x.Path, c.class.name()).
				WithHint("agree on the version, or on two paths").WithRelated(c.catalog.Lookup(x.Profile).At("binaries"), "%s %s", x.Name, x.Version)
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
