package topology

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// unstableDevice matches names that the kernel gives in the order in which it
// finds disks.
var unstableDevice = regexp.MustCompile(`^/dev/((sd|vd|xvd|hd)[a-z]+[0-9]*|nvme[0-9]+n[0-9]+(p[0-9]+)?|mmcblk[0-9]+(p[0-9]+)?)$`)

// systemPaths belong to the image; a disk mounted there hides what the machine
// needs to boot.
var systemPaths = []string{"/", "/bin", "/boot", "/boot/efi", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/usr"}

var mountPoint = schema.Scalar[string]{Name: "absolute path", Tag: "!!str", Pattern: `^/[!-~]*$`, Parse: func(text string) (string, *schema.Fault) {
	switch clean := path.Clean(text); {
	case !strings.HasPrefix(text, "/"):
		return "", schema.Faultf(codeDisk, "%q is not an absolute path", yamlfile.Clip(text)).Or("write /%s", yamlfile.Clip(text))
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", schema.Faultf(codeDisk, "a mount point holds letters, digits and signs of ASCII only").Or("write it as in /var/lib/etcd")
	case clean != text:
		return "", schema.Faultf(codeDisk, "%q is not the shortest way to write this path", yamlfile.Clip(text)).Or("write %s", yamlfile.Clip(clean))
	case slices.Contains(systemPaths, text):
		return "", schema.Faultf(codeDisk, "%s belongs to the system", text).Or("mount what holds data, such as /var/lib/etcd")
	}
	return text, nil
}}

// arrayLevels are the levels of RAID, each with the least devices that mdadm makes it of and
// whether it takes spares.
var arrayLevels = map[string]struct {
	devices int
	spares  bool
}{
	"raid0":  {2, false},
	"raid1":  {2, true},
	"raid5":  {3, true},
	"raid6":  {4, true},
	"raid10": {2, true},
}

// byPartition is where udev names partitions as their table does, and byArray where
// mdadm names arrays.
const (
	byPartition = "/dev/disk/by-partlabel/"
	byArray     = "/dev/md/"
)

// Device is the path by which the partition is found.
func (p *Partition) Device() string { return byPartition + p.Name }

// Device is the path by which the array is found.
func (a *Array) Device() string { return byArray + a.Name }

// Devices gives the disks that a host has besides the one with its system, each once: those
// of its arrays too.
func (h *Host) Devices() []string {
	var out []string
	for _, d := range h.Disks {
		out = append(out, d.Device)
	}
	for _, a := range h.Arrays {
		for _, path := range slices.Concat(a.Devices, a.Spares) {
			if !strings.HasPrefix(path, byPartition) && !slices.Contains(out, path) {
				out = append(out, path)
			}
		}
	}
	return out
}

// diskCheck checks the disks and arrays of an entry against each other.
type diskCheck struct {
	*decoder
	devices, mounts map[string]string // where each is used first
	names           map[string]string // where each partition is declared
}

func (d *decoder) checkDisks(e *entry) {
	c := diskCheck{d, map[string]string{}, map[string]string{}, map[string]string{}}
	c.once(c.devices, e.InstallDisk.Device, yamlfile.Join(e.Path, "installDisk"), codeDisk, "device")
	for i := range e.Disks {
		c.disk(&e.Disks[i], yamlfile.Element(yamlfile.Join(e.Path, "disks"), i))
	}
	arrays := map[string]string{}
	for i := range e.Arrays {
		at := yamlfile.Element(yamlfile.Join(e.Path, "arrays"), i)
		c.once(arrays, e.Arrays[i].Name, yamlfile.Join(at, "name"), codeDisk, "array")
		c.array(&e.Arrays[i], at)
	}
}

func (c *diskCheck) disk(disk *Disk, at string) {
	c.device(disk.Device, yamlfile.Join(at, "device"))
	parts := yamlfile.Join(at, "partitions")
	if !c.isGiven(parts) {
		c.volume(&disk.Volume, at, true)
		return
	}
	for _, key := range append([]string{"mount"}, volumeKeys...) {
		if own := yamlfile.Join(at, key); c.isGiven(own) && key != "wipe" {
			c.Errorf(codeDisk, own, "the disk has partitions: a file system lies on one of them").WithHint("move %s to a partition", key)
			break
		}
	}
	if len(disk.Partitions) == 0 && c.OK(parts) {
		c.Errorf(codeDisk, parts, "the table would have no partition").WithHint("add one, as in {name: data, mount: /var/lib/data}, or leave partitions out")
	}
	for i := range disk.Partitions {
		p, own := &disk.Partitions[i], yamlfile.Element(parts, i)
		c.once(c.names, p.Name, yamlfile.Join(own, "name"), codeDisk, "partition name")
		if p.Size == 0 && i < len(disk.Partitions)-1 && c.OK(own) {
			c.Errorf(codeDisk, own, "only the last partition takes the rest of the disk").WithHint("add size: 20Gi")
		}
		if p.Mount != "" {
			c.devices[p.Device()] = yamlfile.Join(own, "name")
		}
		c.volume(&p.Volume, own, false)
	}
}

func (c *diskCheck) array(a *Array, at string) {
	for _, list := range []struct {
		key   string
		paths []string
	}{{"devices", a.Devices}, {"spares", a.Spares}} {
		for i, path := range list.paths {
			own := yamlfile.Element(yamlfile.Join(at, list.key), i)
			c.device(path, own)
			name, isPart := strings.CutPrefix(path, byPartition)
			if _, known := c.names[name]; isPart && !known {
				hint := "add it to the partitions of a disk, or name a disk"
				if near := yamlfile.Suggest(name, slices.Sorted(maps.Keys(c.names))); near != "" {
					hint = "did you mean " + byPartition + near + "?"
				}
				c.Errorf(codeDisk, own, "no disk of the host has a partition %s", name).WithHint("%s", hint)
			}
			if strings.HasPrefix(path, byArray) {
				c.Errorf(codeDisk, own, "an array of arrays is not made").WithHint("name disks or partitions, and choose a level such as raid10")
			}
		}
	}
	if level, known := arrayLevels[a.Level]; known && c.OK(at) {
		if len(a.Devices) < level.devices {
			c.Errorf(codeDisk, yamlfile.Join(at, "devices"), "%s needs at least %d devices", a.Level, level.devices).WithHint("add devices, or choose another level; spares do not count")
		}
		if len(a.Spares) > 0 && !level.spares {
			c.Errorf(codeDisk, yamlfile.Join(at, "spares"), "%s has nothing that a spare could take over", a.Level).WithHint("add them to devices, or choose another level")
		}
	}
	c.volume(&a.Volume, at, true)
}

// device checks a path that one disk or array has for itself.
func (c *diskCheck) device(path, at string) {
	c.once(c.devices, path, at, codeDisk, "device")
	if unstableDevice.MatchString(path) {
		c.Warnf(codeDisk, at, "%s may be another disk at the next boot", path).
			WithHint("use the name under /dev/disk/by-id/ or /dev/disk/by-path/")
	}
}

// volume checks a file system: one without a mount point is of use to nothing.
func (c *diskCheck) volume(v *Volume, at string, must bool) {
	c.once(c.mounts, v.Mount, yamlfile.Join(at, "mount"), codeDisk, "mount point")
	if v.Mount != "" || !c.OK(at) {
		return
	}
	const hint = "add mount: /var/lib/..."
	for _, key := range volumeKeys {
		if own := yamlfile.Join(at, key); c.isGiven(own) {
			c.Errorf(codeDisk, own, "%s without a mount point", key).WithHint(hint)
			return
		}
	}
	if must {
		c.Errorf(codeDisk, at, "nothing says where this is mounted").WithHint(hint)
	}
}

// once reports a value that an earlier path has already.
func (d *decoder) once(seen map[string]string, value, at, code, what string) {
	if value == "" {
		return
	}
	if first, ok := seen[value]; ok {
		d.Errorf(code, at, "the %s %s is used twice", what, value).WithHint("keep one of them").WithRelated(d.At(first), "used here first")
		return
	}
	seen[value] = at
}
