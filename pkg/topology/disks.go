package topology

import (
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

// checkDisks checks the disks of an entry against each other.
func (d *decoder) checkDisks(e *entry) {
	devices, mounts := map[string]string{}, map[string]string{}
	d.once(devices, e.InstallDisk.Device, yamlfile.Join(e.Path, "installDisk"), codeDisk, "device")
	for i, disk := range e.Disks {
		at := yamlfile.Element(yamlfile.Join(e.Path, "disks"), i)
		d.once(devices, disk.Device, yamlfile.Join(at, "device"), codeDisk, "device")
		d.once(mounts, disk.Mount, yamlfile.Join(at, "mount"), codeDisk, "mount point")
		if unstableDevice.MatchString(disk.Device) {
			d.Warnf(codeDisk, yamlfile.Join(at, "device"), "%s may be another disk at the next boot", disk.Device).
				WithHint("use the name under /dev/disk/by-id/ or /dev/disk/by-path/")
		}
		if len(disk.Options) > 0 && disk.Mount == "" && d.OK(at) {
			d.Errorf(codeDisk, yamlfile.Join(at, "options"), "mount options without a mount point").WithHint("add mount: /var/lib/...")
		}
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
