package topology

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// buses are how disks are connected, as lsblk calls it (TRAN).
var buses = []string{"ata", "mmc", "nvme", "sas", "sata", "usb", "virtio"}

// installDisk is a path, or conditions.
var installDisk = schema.Either[InstallDisk]{
	Short: schema.Scalar[InstallDisk]{Name: "device path", Tag: "!!str", Pattern: devicePattern, Parse: func(text string) (InstallDisk, *schema.Fault) {
		path, f := device.Parse(text)
		return InstallDisk{Device: path}, f
	}},
	Long: &schema.Object[InstallDisk]{Name: "installDisk", Properties: []schema.Property[InstallDisk]{
		schema.Key("minSize", diskSize, func(d *InstallDisk) *int64 { return &d.MinSize }, "Its size at least, as in `400G`; 1G is 1000 to the power of three bytes, as makers of disks count."),
		schema.Key("maxSize", diskSize, func(d *InstallDisk) *int64 { return &d.MaxSize }, "Its size at most."),
		schema.Key("model", diskText, func(d *InstallDisk) *string { return &d.Model }, "Its model; a `*` stands for any text, as in `SAMSUNG MZ7*`."),
		schema.Key("serial", diskText, func(d *InstallDisk) *string { return &d.Serial }, "Its serial number."),
		schema.Key("wwn", diskText, func(d *InstallDisk) *string { return &d.WWN }, "Its World Wide Name, as in `0x5002538e40ba1a22`."),
		schema.Key("bus", schema.Enum("bus", buses), func(d *InstallDisk) *string { return &d.Bus }, "How it is connected."),
		schema.Key("rotational", diskKind, func(d *InstallDisk) *string { return &d.Rotational }, "Whether it is a hard disk that turns."),
	}},
}

var diskKind = schema.Scalar[string]{Name: "true or false", Tag: "!!bool", Parse: func(text string) (string, *schema.Fault) {
	return strings.ToLower(text), nil
}}

// diskText is what lsblk prints of a disk in one column.
var diskText = patternText("property of a disk", codeDisk, `^[A-Za-z0-9*._:/+-]([A-Za-z0-9 *._:/+-]*[A-Za-z0-9*._:/+-])?$`, "write it as lsblk -o MODEL,SERIAL,WWN prints it")

const diskSizePattern = `^[1-9][0-9]{0,5}[MGT]$`

var diskSizeRule = regexp.MustCompile(diskSizePattern)

// diskSize is a size in bytes, written as on the label of a disk.
var diskSize = schema.Scalar[int64]{Name: "size", Pattern: diskSizePattern, Parse: func(text string) (int64, *schema.Fault) {
	if !diskSizeRule.MatchString(text) {
		return 0, schema.Faultf(codeDisk, "%q is not a size of a disk", yamlfile.Clip(text)).Or("write a number with M, G or T behind it, as in 400G")
	}
	last := len(text) - 1
	n, _ := strconv.ParseInt(text[:last], 10, 64) // digits, by the expression above
	return n * map[byte]int64{'M': 1e6, 'G': 1e9, 'T': 1e12}[text[last]], nil
}}

// checkInstallDisk checks the disk that the system goes to.
func checkInstallDisk(c *checker, e *entry) {
	d, at := e.InstallDisk, yamlfile.Join(e.Path, "installDisk")
	if !c.given(e, "installDisk") || !c.OK(at) {
		return
	}
	switch {
	case d == InstallDisk{}:
		c.Errorf(codeDisk, at, "no condition says which disk").WithHint("write a path, or a condition such as minSize: 400G")
	case d.MaxSize > 0 && d.MinSize > d.MaxSize:
		c.Errorf(codeDisk, yamlfile.Join(at, "maxSize"), "no disk is as large as minSize and not larger than maxSize").WithHint("write the smaller one as minSize")
	case c.known.Installed != nil && c.known.Systems[e.OS] != nil && !slices.Contains(c.known.Installed, e.OS):
		c.Errorf(codeDisk, at, "no media of kubespore write %s to a disk", e.OS).
			WithHint("leave it out, and install the machine from the image of its system; these are written: %s", strings.Join(c.known.Installed, ", "))
	}
}
