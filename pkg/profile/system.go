package profile

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// SystemPrefix begins the names of the profiles that describe an operating
// system: os-debian describes debian.
const SystemPrefix = "os-"

// System is what an operating system's stock image is like: the facts that
// profiles, proofs and media ask, so that a new system is a folder. The tags
// are the words of profile.yaml, of templates (.System.network) and of
// conditions (when: {system: {network: [networkd]}}).
type System struct {
	Name string // as topologies call it: the profile's name without os-

	Like      string   `fact:"like" doc:"the system that this one is rebuilt from: it has the facts that this one does not state, and conditions on it hold for this one, too"`
	Title     string   `fact:"title" doc:"what people call it"`
	Releases  []string `fact:"releases" doc:"the releases that the facts describe"`
	Image     string   `fact:"image" doc:"which of its images to take"`
	Download  string   `fact:"download" doc:"where its image for virtual machines is published"`
	OSRelease string   `fact:"osRelease" doc:"its ID in /etc/os-release"`
	Formats   []string `fact:"formats" doc:"the formats of first-boot documents that it reads; the first is its default"`

	Network         string   `fact:"network" doc:"what configures its interfaces: networkd or networkmanager"`
	Time            []string `fact:"time" doc:"the time services that its images have or may have: chronyd, chrony, timesyncd, ntpd"`
	Updates         string   `fact:"updates" doc:"what updates it by itself: apt, dnf, zincati, locksmith, transactional-update"`
	SSHHostKeys     string   `fact:"sshHostKeys" doc:"what makes the ssh host keys of a new machine: image (a unit of the image) or document (nothing, once cloud-init's own modules are off)"`
	PackageTool     string   `fact:"packageTool" doc:"what installs packages; empty for a system that comes as one image"`
	CAFolders       []string `fact:"caFolders" doc:"folders that /etc/ssl/certs leads to"`
	KernelArguments string   `fact:"kernelArguments" doc:"how the kernel is given further arguments: ignition (by the document), update-grub or grubby; without it, kernel arguments are refused"`
	PluginFolder    string   `fact:"pluginFolder" doc:"where the kubelet looks for volume plugins: a folder that can be written"`
	Versions        []string `fact:"versions" doc:"versions below which it does not work, as in 'systemd 249'"`

	Units       []string          `fact:"units" doc:"units of its images that others may name; those of systemd itself need not be listed"`
	Programs    []string          `fact:"programs" doc:"programs of its stock images, by name"`
	Packages    map[string]string `fact:"packages" doc:"the package that brings a program which its stock images lack"`
	Modules     map[string]string `fact:"modules" doc:"the package that brings a kernel module which its stock images lack"`
	Writable    []string          `fact:"writable" doc:"folders below which it can be written, where that is not everywhere"`
	ReadOnly    []string          `fact:"readOnly" doc:"folders below which it cannot be written"`
	Links       map[string]string `fact:"links" doc:"folders that are links, and where they lead"`
	Unmountable map[string]string `fact:"unmountable" doc:"folders below which nothing may be mounted, and why, as in /usr: belongs to the image"`

	Boot Boot `fact:"boot" doc:"how it starts"`
}

// Boot is how a system starts, for media.
type Boot struct {
	Initramfs  string   `fact:"initramfs" doc:"what makes its initramfs"`
	Document   string   `fact:"document" doc:"where its initramfs looks for a document of Ignition"`
	Firmware   string   `fact:"firmware" doc:"the name of the document in QEMU's firmware device"`
	Kernel     string   `fact:"kernel" doc:"its kernel for network boot"`
	Initrd     string   `fact:"initrd" doc:"its initramfs for network boot"`
	Rootfs     string   `fact:"rootfs" doc:"its root file system for network boot"`
	Arguments  []string `fact:"arguments" doc:"kernel arguments for network boot; {rootfs} stands for the URL of the root file system"`
	Fetch      []string `fact:"fetch" doc:"further arguments that tell it where its document is; {document} stands for the URL"`
	Installer  string   `fact:"installer" doc:"the program that writes it to a disk: coreos-installer or flatcar-install"`
	Install    []string `fact:"install" doc:"arguments for the installer in place of arguments and fetch, with {device}"`
	Partitions []string `fact:"partitions" doc:"names of partitions by which an image of it is known"`
	Label      string   `fact:"label" doc:"label of the root file system by which an image of it is known"`
	Processor  string   `fact:"processor" doc:"the x86-64 level that it needs"`
}

// Installers are the programs that kubespore knows how to start.
var Installers = []string{"coreos-installer", "flatcar-install"}

// factValues are the values of facts that take one of a closed list.
var factValues = map[string][]string{
	"formats": formats, "sshHostKeys": {"image", "document"}, "installer": Installers,
	"kernelArguments": {"ignition", "update-grub", "grubby"},
	"processor":       {"x86-64", "x86-64-v2", "x86-64-v3"},
}

// facts walks over the fields of a System or of a part of it.
func facts(v reflect.Value, each func(name, doc string, field reflect.Value)) {
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.Tag.Get("fact") != "" {
			each(f.Tag.Get("fact"), f.Tag.Get("doc"), v.Field(i))
		}
	}
}

// Fact describes a fact, for the reference.
type Fact struct{ Name, Value, Doc string }

// Facts gives every fact of a system, in the order of the reference.
func Facts() []Fact {
	var out []Fact
	var add func(prefix string, v reflect.Value)
	add = func(prefix string, v reflect.Value) {
		facts(v, func(name, doc string, field reflect.Value) {
			switch field.Kind() {
			case reflect.Struct:
				add(prefix+name+".", field)
			case reflect.Slice:
				out = append(out, Fact{prefix + name, "list", doc})
			case reflect.Map:
				out = append(out, Fact{prefix + name, "map", doc})
			default:
				out = append(out, Fact{prefix + name, "text", doc})
			}
		})
	}
	add("", reflect.ValueOf(System{}))
	return out
}

// TemplateData gives the facts as templates see them.
func (s *System) TemplateData() map[string]any {
	if s == nil {
		return nil
	}
	out := templateData(reflect.ValueOf(s).Elem())
	out["name"] = s.Name
	return out
}

func templateData(v reflect.Value) map[string]any {
	out := map[string]any{}
	facts(v, func(name, _ string, field reflect.Value) {
		if out[name] = field.Interface(); field.Kind() == reflect.Struct {
			out[name] = templateData(field)
		}
	})
	return out
}

// Fact gives a fact as conditions compare it; false when there is no such fact
// that is a text or a list of texts.
func (s *System) Fact(name string) ([]string, bool) {
	var out []string
	found := false
	facts(reflect.ValueOf(s).Elem(), func(fact, _ string, field reflect.Value) {
		if fact != name {
			return
		}
		switch v := field.Interface().(type) {
		case string:
			out, found = []string{v}, true
		case []string:
			out, found = v, true
		}
	})
	return out, found
}

// Is says whether the system is one of a list, or a rebuild of one.
func (s *System) Is(names []string) bool {
	return s != nil && (slices.Contains(names, s.Name) || s.Like != "" && slices.Contains(names, s.Like))
}

// Has says whether the stock image has a program.
func (s *System) Has(program string) bool { return slices.Contains(s.Programs, program) }

// Resolve follows the links of the system to where a path really is.
func (s *System) Resolve(name string) string {
	for range len(s.Links) + 1 {
		at := slices.IndexFunc(slices.Sorted(maps.Keys(s.Links)), func(link string) bool { return Within(name, link) })
		if at < 0 {
			return name
		}
		link := slices.Sorted(maps.Keys(s.Links))[at]
		name = s.Links[link] + strings.TrimPrefix(name, link)
	}
	return name
}

// Within says whether a path is a folder or lies in it.
func Within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, strings.TrimSuffix(folder, "/")+"/")
}

// System gives the facts of an operating system, or nil.
func (c *Catalog) System(name string) *System {
	if p := c.Lookup(SystemPrefix + name); p != nil {
		return p.System
	}
	return nil
}

// Systems gives the operating systems that some profile describes, by name.
func (c *Catalog) Systems() []*System {
	var out []*System
	for _, p := range c.Profiles {
		if p.System != nil {
			out = append(out, p.System)
		}
	}
	return out
}

// InstalledSystems names the operating systems that media write to a disk.
func (c *Catalog) InstalledSystems() []string {
	out := []string{}
	for _, s := range c.Systems() {
		if s.Boot.Installer != "" {
			out = append(out, s.Name)
		}
	}
	return out
}

// SystemFormats gives the formats that each system reads, its default first.
func (c *Catalog) SystemFormats() map[string][]string {
	out := map[string][]string{}
	for _, s := range c.Systems() {
		out[s.Name] = s.Formats
	}
	return out
}
