package topology

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

var diskSchema = &schema.Object[Disk]{Name: "disk", Properties: slices.Concat([]schema.Property[Disk]{
	schema.Key("device", device, func(d *Disk) *string { return &d.Device }, "Device by a name that survives a reboot, such as /dev/disk/by-id/...").Need(),
	schema.Key("partitions", schema.List[Partition]{Item: partitionSchema, Limit: maxPartitions}, func(d *Disk) *[]Partition { return &d.Partitions }, "Divides the disk: it gets a GUID partition table. The keys below then belong to partitions; `wipe` here makes the table even where there is one, and all on the disk is lost.").Says("one file system on the whole disk"),
}, volumeProperties(func(d *Disk) *Volume { return &d.Volume }))}

var partitionSchema = &schema.Object[Partition]{Name: "partition", Properties: slices.Concat([]schema.Property[Partition]{
	schema.Key("name", partitionName, func(p *Partition) *string { return &p.Name }, "Name in the table. Arrays know the partition as `/dev/disk/by-partlabel/NAME`.").Need(),
	schema.Key("size", partitionSize, func(p *Partition) *int64 { return &p.Size }, "Size, as in `20Gi` (1024 to the power of three bytes) or `20G` (1000).").Says("the rest of the disk, for the last one"),
}, volumeProperties(func(p *Partition) *Volume { return &p.Volume }))}

var arraySchema = &schema.Object[Array]{Name: "array", Properties: slices.Concat([]schema.Property[Array]{
	schema.Key("name", arrayName, func(a *Array) *string { return &a.Name }, "Its name: the device is `/dev/md/NAME`.").Need(),
	schema.Key("level", schema.Enum("level of RAID", slices.Sorted(maps.Keys(arrayLevels))), func(a *Array) *string { return &a.Level }, "Level of RAID.").Need(),
	schema.Key("devices", schema.List[string]{Item: device, Unique: schema.Itself, Limit: maxParts}, func(a *Array) *[]string { return &a.Devices }, "Disks and partitions that it is made of.").Need(),
	schema.Key("spares", schema.List[string]{Item: device, Unique: schema.Itself, Limit: maxParts}, func(a *Array) *[]string { return &a.Spares }, "Disks and partitions that take the place of one that fails."),
}, volumeProperties(func(a *Array) *Volume { return &a.Volume }))}

// maxPartitions is what a GUID partition table has room for.
const maxPartitions = 128

// volumeKeys are the keys of what volumeProperties gives, but for the mount point.
var volumeKeys = []string{"filesystem", "label", "options", "wipe", "luks"}

// volumeProperties are the keys of a file system, and of what it lies on.
func volumeProperties[T any](of func(*T) *Volume) []schema.Property[T] {
	return []schema.Property[T]{
		schema.Key("filesystem", schema.Enum("file system", filesystems), func(t *T) *string { return &of(t).Filesystem }, "File system to make where there is none.").Or("ext4"),
		schema.Key("label", diskLabel, func(t *T) *string { return &of(t).Label }, "Label of the file system."),
		schema.Key("mount", mountPoint, func(t *T) *string { return &of(t).Mount }, "Where it is mounted."),
		schema.Key("options", schema.List[string]{Item: mountOption, Unique: schema.Itself}, func(t *T) *[]string { return &of(t).Options }, "Mount options."),
		schema.Key("wipe", schema.Boolean, func(t *T) *bool { return &of(t).Wipe }, "Whether to make the file system even where there is one: all data is lost at first boot.").Or("false"),
		schema.Key("luks", schema.Boolean, func(t *T) *bool { return &of(t).LUKS }, "Whether to encrypt it, with a key of its own from the store.").Or("false"),
	}
}

// partitionName is what a table and udev keep as it is written. Systems give their own
// partitions some names, and look for their root by them.
var partitionName = notOf(patternText("partition name", codeDisk, `^[A-Za-z0-9][A-Za-z0-9_.-]{0,35}$`, "at most 36 letters, digits, dots, - and _"),
	"is what images call a partition of their own", "BIOS-BOOT", "EFI-SYSTEM", "OEM", "OEM-CONFIG", "ROOT", "USR-A", "USR-B", "boot", "reserved", "root")

// arrayName is not one of the kernel's own names, which mdadm would take for a number.
var arrayName = notOf(patternText("name of an array", codeDisk, `^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$`, "at most 32 small letters, digits and -; the first is a letter"),
	"is a name that the kernel gives", `md[0-9]+`)

// notOf refuses texts of a kind that match one of the patterns whole.
func notOf(kind schema.Scalar[string], why string, patterns ...string) schema.Scalar[string] {
	parse, rule := kind.Parse, regexp.MustCompile(`^(`+strings.Join(patterns, "|")+`)$`)
	kind.Parse = func(text string) (string, *schema.Fault) {
		if rule.MatchString(text) {
			return "", schema.Faultf(codeDisk, "%s %s", text, why).Or("choose a name of your own")
		}
		return parse(text)
	}
	return kind
}

const partitionSizePattern = `^[1-9][0-9]{0,5}(M|G|T|Mi|Gi|Ti)$`

var partitionSizeRule = regexp.MustCompile(partitionSizePattern)

// partitionSize is a size in bytes: whole MiB, in which tables are laid out.
var partitionSize = schema.Scalar[int64]{Name: "size", Pattern: partitionSizePattern, Parse: func(text string) (int64, *schema.Fault) {
	if !partitionSizeRule.MatchString(text) {
		return 0, schema.Faultf(codeDisk, "%q is not a size of a partition", yamlfile.Clip(text)).Or("write a number with Mi, Gi or Ti behind it, as in 20Gi")
	}
	digits := strings.TrimRight(text, "MGTi")
	n, _ := strconv.ParseInt(digits, 10, 64) // digits, by the expression above
	bytes := n * map[string]int64{"M": 1e6, "G": 1e9, "T": 1e12, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}[text[len(digits):]]
	if bytes < 1<<20 {
		return 0, schema.Faultf(codeDisk, "a partition has at least 1Mi").Or("write a larger size, as in 20Gi")
	}
	return bytes >> 20 << 20, nil
}}
