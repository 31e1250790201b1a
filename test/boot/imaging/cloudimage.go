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

// loaderConfig is all that the boot loader is told.
const loaderConfig = `search.fs_label root root
linux /vmlinuz ` + lab.KernelArguments + `
initrd /initrd.img
boot
`

// loaders are the forms of GRUB: where its modules are, and which it needs of
// the firmware's.
var loaders = map[string]struct {
	format  string
	modules []string
}{
	lab.BIOS: {"i386-pc", []string{"biosdisk"}},
	lab.UEFI: {"x86_64-efi", nil},
}

// makeLoader makes GRUB for a firmware, with its configuration in it.
func makeLoader(ctx context.Context, firmware, path string) error {
	config := path + ".cfg"
	if err := os.WriteFile(config, []byte(loaderConfig), 0o644); err != nil {
		return err
	}
	l := loaders[firmware]
	args := []string{"--format=" + l.format, "--prefix=/", "--config=" + config, "--output=" + path, "part_gpt", "ext2", "search_label", "linux", "boot"}
	_, err := process.Run(ctx, "grub-mkimage", append(args, l.modules...)...)
	return errors.Join(err, os.Remove(config))
}

// makeCloudImage makes the base image for cloud-init into one that firmware
// boots.
func makeCloudImage(ctx context.Context, l *lab.Lab, of lab.Base) (err error) {
	from := of.Disk
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	ingredients := slices.Concat([]string{from, loaderConfig}, imageLayout)
	l.CloudImage, err = l.Cached("cloud-image", ingredients, func(path string) error {
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
		if err := errors.Join(installForBIOS(ctx, raw), installForUEFI(ctx, raw)); err != nil {
			return err
		}
		_, err := process.Run(ctx, "qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path)
		return errors.Join(err, os.Remove(raw))
	})
	return err
}

// installForBIOS does what grub-bios-setup does on a disk that the kernel knows:
// the first sector loads the core's first, by its number, and that one the rest
// (GRUB's boot.S and diskboot.S have the places of the numbers).
func installForBIOS(ctx context.Context, disk string) error {
	const first, codeEnds, coreNumber, restNumber = coreAt << 20 / sector, 440, 0x5c, sector - 12
	file := disk + ".core"
	if err := makeLoader(ctx, lab.BIOS, file); err != nil {
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
func installForUEFI(ctx context.Context, disk string) error {
	dir := disk + ".loader"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	partition, loader := filepath.Join(dir, "partition"), filepath.Join(dir, "BOOTX64.EFI")
	if err := makeLoader(ctx, lab.UEFI, loader); err != nil {
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
