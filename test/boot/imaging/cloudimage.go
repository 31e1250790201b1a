package imaging

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/process"
)

// A cloud image is laid out as distributions lay out theirs: a GUID partition
// table, a boot loader for either firmware, and the root.
const (
	coreAt, loaderAt, rootAt = 1, 4, 128 // MiB: GRUB for BIOS, the partition with that for UEFI, the root
	sector                   = 512
)

var imageLayout = []string{
	fmt.Sprintf("--new=1:%dM:0", rootAt), "--typecode=1:8304",
	fmt.Sprintf("--new=14:%dM:+%dM", coreAt, loaderAt-coreAt), "--typecode=14:ef02",
	fmt.Sprintf("--new=15:%dM:+%dM", loaderAt, rootAt-loaderAt), "--typecode=15:ef00",
}

// findRoot is what the boot loader is told first.
const findRoot = "search.fs_label root root\n"

// loaderConfig is all that it is told.
const loaderConfig = findRoot + `linux /vmlinuz ` + lab.KernelArguments + `
initrd /initrd.img
boot
`

// Where the machine configures its boot loader, that reads what update-grub wrote, which
// these settings decide. A serial console has no graphics.
const (
	loaderOfMachine = findRoot + "configfile /boot/grub/grub.cfg\n"
	loaderDefaults  = `GRUB_TIMEOUT=0
GRUB_TERMINAL=console
GRUB_CMDLINE_LINUX="` + lab.KernelArguments + `"
`
)

// ownModules are those of GRUB that what update-grub writes loads.
var ownModules = []string{"configfile", "normal", "test", "echo", "loadenv", "gzio", "search", "search_fs_uuid", "all_video"}

// configureGRUB leaves a root as the installation of its boot loader does.
func configureGRUB(root string) error {
	var failed error
	for path, text := range map[string]string{"boot/grub/grub.cfg": loaderConfig, "etc/default/grub": loaderDefaults} {
		file := filepath.Join(root, path)
		failed = errors.Join(failed, os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644))
	}
	return failed
}

// loaders are the forms of GRUB: where its modules are, and which it needs of
// the firmware's.
var loaders = map[string]struct {
	format  string
	modules []string
}{
	lab.BIOS: {"i386-pc", []string{"biosdisk"}},
	lab.UEFI: {"x86_64-efi", nil},
}

// loader is a boot loader's configuration, and the modules that it takes.
type loader struct {
	config  string
	modules []string
}

// loaderOf gives the boot loader of a scenario's image.
func loaderOf(s lab.Scenario) loader {
	if s.HasGRUB() {
		return loader{loaderOfMachine, ownModules}
	}
	return loader{config: loaderConfig}
}

// write makes GRUB for a firmware, with the configuration in it.
func (o loader) write(ctx context.Context, firmware, path string) error {
	config := path + ".cfg"
	if err := os.WriteFile(config, []byte(o.config), 0o644); err != nil {
		return err
	}
	l := loaders[firmware]
	args := []string{"--format=" + l.format, "--prefix=/", "--config=" + config, "--output=" + path, "part_gpt", "ext2", "search_label", "linux", "boot"}
	_, err := process.Run(ctx, "grub-mkimage", slices.Concat(args, l.modules, o.modules)...)
	return errors.Join(err, os.Remove(config))
}

// makeCloudImage makes the base image for cloud-init into one that firmware
// boots.
func makeCloudImage(ctx context.Context, l *lab.Lab, of lab.Base, s lab.Scenario) (string, error) {
	from, own := of.Disk, loaderOf(s)
	info, err := os.Stat(from)
	if err != nil {
		return "", err
	}
	ingredients := slices.Concat([]string{from, own.config}, own.modules, imageLayout)
	return l.Cached("cloud-image", ingredients, func(path string) error {
		raw := path + ".raw"
		root := fmt.Sprintf("driver=raw,offset=%d,size=%d,file.driver=file,file.filename=%s", rootAt<<20, info.Size(), raw)
		for _, step := range [][]string{
			{"truncate", fmt.Sprintf("--size=%d", info.Size()+(rootAt+1)<<20), raw},
			append(append([]string{"sgdisk"}, imageLayout...), raw),
			{"qemu-img", "convert", "-n", "--target-is-zero", "-f", "raw", from, "--target-image-opts", root},
		} {
			if _, err := process.Run(ctx, step[0], step[1:]...); err != nil {
				return err
			}
		}
		if err := errors.Join(installForBIOS(ctx, own, raw), installForUEFI(ctx, own, raw)); err != nil {
			return err
		}
		_, err := process.Run(ctx, "qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path)
		return errors.Join(err, os.Remove(raw))
	})
}

// installForBIOS does what grub-bios-setup does on a disk that the kernel knows:
// the first sector loads the core's first, by its number, and that one the rest
// (GRUB's boot.S and diskboot.S have the places of the numbers).
func installForBIOS(ctx context.Context, own loader, disk string) error {
	const first, codeEnds, coreNumber, restNumber = coreAt << 20 / sector, 440, 0x5c, sector - 12
	file := disk + ".core"
	if err := own.write(ctx, lab.BIOS, file); err != nil {
		return err
	}
	core, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	code, err := os.ReadFile("/usr/lib/grub/i386-pc/boot.img")
	if err != nil {
		return err
	}
	binary.LittleEndian.PutUint64(code[coreNumber:], first)
	binary.LittleEndian.PutUint64(core[restNumber:], first+1)
	return errors.Join(writeAt(disk, code[:codeEnds], 0), writeAt(disk, core, coreAt<<20), os.Remove(file))
}

// installForUEFI makes the partition from which the firmware takes what it boots
// when it knows of nothing else.
func installForUEFI(ctx context.Context, own loader, disk string) error {
	dir := disk + ".loader"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	partition, loader := filepath.Join(dir, "partition"), filepath.Join(dir, "BOOTX64.EFI")
	if err := own.write(ctx, lab.UEFI, loader); err != nil {
		return err
	}
	for _, step := range [][]string{
		{"mkfs.vfat", "-C", partition, fmt.Sprint((rootAt - loaderAt) << 10)},
		{"mmd", "-i", partition, "::/EFI", "::/EFI/BOOT"},
		{"mcopy", "-i", partition, loader, "::/EFI/BOOT/"},
	} {
		if _, err := process.Run(ctx, step[0], step[1:]...); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(partition)
	if err != nil {
		return err
	}
	return errors.Join(writeAt(disk, text, loaderAt<<20), os.RemoveAll(dir))
}

func writeAt(file string, text []byte, at int64) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(text, at)
	return errors.Join(err, f.Close())
}
