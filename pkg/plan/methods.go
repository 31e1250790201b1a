package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/profile"
)

// Image gives the reference of an image of the profile, or "profile/image" of
// another.
func (d *Data) Image(name string) (string, error) {
	s, image := *d.scope, name
	if other, its, ok := strings.Cut(name, "/"); ok {
		u, err := s.instanceOf(other)
		if err != nil {
			return "", err
		}
		s.instance, image = u, its
	}
	for i := range s.instance.Images {
		if s.instance.Images[i].Name == image {
			return s.reference(&s.instance.Images[i])
		}
	}
	return "", fmt.Errorf("there is no image %s", name)
}

// reference evaluates the reference of an image, which is the same for all
// hosts of a class.
func (s scope) reference(i *profile.Image) (string, error) {
	s.host = nil
	if s.binding.depends(s.instance.Name, i.Ref.Reads) {
		return "", &profile.Error{Position: i.Ref.Position, Message: "an image cannot depend on the host",
			Hint: "use parameters, .Cluster and .Version, and vars made of these"}
	}
	ref, err := s.execute(i.Ref, i.Ref.Reads.Vars)
	if err != nil {
		return "", err
	}
	return replaceRegistry(strings.TrimSpace(ref), s.cluster.ImageRepository), nil
}

// replaceRegistry names the registry that the topology sets. Below one of
// the user's own, CoreDNS stands one folder higher, where kubeadm looks for it.
func replaceRegistry(ref, repository string) string {
	const upstream, dns = "registry.k8s.io/", "coredns/coredns"
	path, ours := strings.CutPrefix(ref, upstream)
	if !ours || repository == "" || repository+"/" == upstream {
		return ref
	}
	if rest, isDNS := strings.CutPrefix(path, dns); isDNS {
		path = "coredns" + rest
	}
	return strings.TrimSuffix(repository, "/") + "/" + path
}

// Secret gives a mark that becomes the secret in the finished file.
func (d *Data) Secret(name string) (string, error) {
	if d.scope.class != nil && !d.scope.declares(func(p *profile.Profile) bool {
		return slices.ContainsFunc(p.Secrets, func(s profile.Secret) bool { return s.Name == name })
	}) {
		return "", fmt.Errorf("no selected profile has a secret %s", name)
	}
	if d.scope.class != nil {
		if err := d.scope.mayRead(name); err != nil {
			return "", err
		}
	}
	return MarkSecret(name), nil
}

// Authority gives a mark that becomes base64 of the authority's certificate.
func (d *Data) Authority(name string) (string, error) {
	if d.scope.class != nil && !d.scope.declares(func(p *profile.Profile) bool {
		return slices.ContainsFunc(p.Authorities, func(a profile.Authority) bool { return a.Name == name })
	}) {
		return "", fmt.Errorf("no selected profile has an authority %s", name)
	}
	return MarkAuthority(name), nil
}

// declares says whether some selected profile fits.
func (s *selection) declares(fits func(*profile.Profile) bool) bool {
	return slices.ContainsFunc(s.whole.instances, func(u *instance) bool { return fits(u.Profile) })
}

// Generation gives a mark that becomes the build generation.
func (d *Data) Generation() string { return MarkGeneration }

// ClockFloor gives a mark that becomes the moment at which all of the host's
// certificates are valid, in seconds since 1970.
func (d *Data) ClockFloor() string { return MarkClockFloor }

// Written gives a mark that becomes what the document of the host writes and
// what goes when the machine leaves its cluster: a line for each, as in
// "unit kubelet.service" and "path /etc/kubernetes/kubelet.conf".
func (d *Data) Written() string { return MarkWritten }

// State gives a mark that becomes the digest of all that the document of the
// host makes of its machine, besides the file that names it: /etc/kubespore/state.
func (d *Data) State() string { return MarkState }

// VarOf gives a var of another profile, as this host sees it.
func (d *Data) VarOf(name, variable string) (string, error) {
	s := *d.scope
	u, err := s.instanceOf(name)
	if err != nil {
		return "", err
	}
	if s.class.byName[name] != u && s.host != nil {
		// Seen from outside: what is worked out for it must not stay, since
		// templates run at the same time for many hosts.
		h := *s.host
		h.vars = maps.Clone(h.vars)
		delete(h.vars, name)
		s.host = &h
	}
	s.instance = u
	return s.variable(variable)
}

// Slot gives what the host's profile of a slot hands on under a name; nothing
// where the host has none.
func (d *Data) Slot(slot, value string) (string, error) {
	s := d.scope
	if s.class == nil {
		return "", nil
	}
	p := s.class.slots[slot]
	if p == nil {
		return "", nil
	}
	text, err := d.VarOf(p.Name, profile.SlotVar(slot, value))
	return strings.TrimSpace(text), err
}

// ParamOf gives a parameter of another profile.
func (d *Data) ParamOf(name, param string) (any, error) {
	u, err := d.scope.instanceOf(name)
	if err != nil {
		return nil, err
	}
	v, ok := u.visible()[param]
	if !ok {
		return nil, fmt.Errorf("the profile %s has no parameter %s", name, param)
	}
	return v, nil
}

// Has says whether a profile is selected: on this host or, in a text without
// a host, in the cluster.
func (d *Data) Has(name string) bool {
	s := d.scope
	return s.class != nil && s.class.byName[name] != nil
}

// Ports gives the openings in the firewall that all profiles of the host ask
// for.
func (d *Data) Ports() []Opening { return d.gathered().ports }

// Programs gives the programs that the host's operating system must bring.
func (d *Data) Programs() []Program { return d.gathered().programs }

// Packages gives the packages of its distribution that the host needs.
func (d *Data) Packages() []PackageRef { return d.gathered().packages }

// LockedPackages gives the packages that the payload has for the host's system.
func (d *Data) LockedPackages() []LockedPackage { return d.gathered().locked }

// Modules gives the kernel modules that all profiles of the host need.
func (d *Data) Modules() []string { return d.gathered().modules }

// Interfaces gives shell patterns of the interfaces that the host's profiles
// make.
func (d *Data) Interfaces() []string { return d.gathered().interfaces }

// Sysctls gives the sysctls that all profiles of the host need.
func (d *Data) Sysctls() []Sysctl { return d.gathered().sysctls }

// Images gives the images that all profiles of the host name, each once: the
// reference is a key in what templates write. Who names it first is its profile.
func (d *Data) Images() []ImageRef { return d.gathered().distinct }

// Binaries gives the programs that all profiles of the host need.
func (d *Data) Binaries() []BinaryRef { return d.gathered().binaries }

// Leftovers gives what the running system makes of the host's profiles.
func (d *Data) Leftovers() []Leftover { return d.gathered().leftovers }

// Manifests gives the files of objects that the cluster is to hold.
func (d *Data) Manifests() []ObjectFile { return d.scope.objectFiles() }

func (d *Data) gathered() *collected { return d.scope.collect() }
