package imaging

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/osfile"
	"github.com/kubespore/kubespore/test/boot/process"
)

// onDisks are the packages of both base images, inFormat those of one.
var onDisks = append(slices.Clone(packages), "linux-image-cloud-amd64", "e2fsprogs")

var inFormat = map[string][]string{
	documents.CloudInit: {"cloud-init", "initramfs-tools", "zstd", "openssh-server", "chrony"},
	documents.Ignition:  {"dracut", "dracut-network", "gdisk", "dosfstools", "xfsprogs", "cryptsetup-bin", "openssh-server"},
}

// diskFormat is to be raised when machineBase makes them differently.
const diskFormat = "1"

// dracutConfig puts Ignition into every initramfs that Debian makes, with what a
// machine's own image would need to find disks and media.
const dracutConfig = `hostonly=no
compress=cat
add_dracutmodules+=" ignition "
add_drivers+=" virtio_blk virtio_pci virtio_net qemu_fw_cfg isofs squashfs overlay ext4 xfs vfat nls_ascii nls_cp437 "
install_optional_items+=" cryptsetup "
`

const firstBootUnit = `[Unit]
Description=Tell the boot loader that the first boot is done
ConditionKernelCommandLine=ignition.firstboot
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo ` + lab.FirstBootDone + `
StandardOutput=tty
TTYPath=/dev/console
`

// MachineBases makes the base images that runs want.
func MachineBases(ctx context.Context, l *lab.Lab, runs []*lab.Run) (string, error) {
	l.Bases = map[string]lab.Base{}
	for _, r := range runs {
		if r.Lane != lab.MachineLane {
			continue
		}
		b, made := l.Bases[r.BaseName()]
		var err error
		if !made {
			b, err = machineBase(ctx, l, r.Scenario)
		}
		if err == nil && r.Boots() && b.CloudImage == "" {
			b.CloudImage, err = makeCloudImage(ctx, l, b, r.Scenario)
		}
		if err != nil {
			return "", err
		}
		l.Bases[r.BaseName()] = b
	}
	return fmt.Sprintf("%d base images", len(l.Bases)), nil
}

// machineBase makes one: a disk with one file system, and the kernel and the
// initramfs that are on it.
func machineBase(ctx context.Context, l *lab.Lab, s lab.Scenario) (lab.Base, error) {
	format := s.Format
	wanted := together(onDisks, inFormat[format], s.Packages)
	var module string
	if format == documents.Ignition {
		folder, err := ModuleFolder(ctx, l, "ignition", "github.com/coreos/ignition/v2")
		if err != nil {
			return lab.Base{}, err
		}
		module = filepath.Join(folder, "dracut/30ignition")
	}
	ingredients := append([]string{diskFormat, s.BaseName(), dracutConfig, firstBootUnit, module, l.Tools[s.Ignition()]}, wanted...)
	if s.HasGRUB() {
		ingredients = append(ingredients, loaderConfig, loaderDefaults)
	}
	dir, err := l.Cached("machine-"+format, ingredients, func(dir string) error {
		root := filepath.Join(dir, "root")
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		var hooks []string
		if format == documents.Ignition {
			hook, err := ignitionHook(l, dir, module, l.Tools[s.Ignition()])
			if err != nil {
				return err
			}
			hooks = append(hooks, "--essential-hook="+hook)
		}
		if err := mmdebstrap(ctx, s.Release, root, wanted, hooks...); err != nil {
			return err
		}
		if err := CopyParts(root, filepath.Join(dir, "lacking"), s.Lacks); err != nil {
			return err
		}
		if err := Remove(root, root, s.Lacks); err != nil {
			return err
		}
		if s.HasGRUB() {
			if err := configureGRUB(root); err != nil {
				return err
			}
		}
		return makeDisk(ctx, dir, root, format)
	})
	return lab.Base{Disk: filepath.Join(dir, "disk.raw"), Kernel: filepath.Join(dir, "kernel"), Initrd: filepath.Join(dir, "initrd"), Lacking: filepath.Join(dir, "lacking")}, err
}

// ignitionHook is the command that puts Ignition into a root before the kernel
// comes, whose package then makes the initramfs: the module, and the program itself. The units and scripts are those
// of Ignition's own module for dracut.
func ignitionHook(l *lab.Lab, dir, module, program string) (string, error) {
	overlay := filepath.Join(dir, "overlay")
	for path, text := range map[string]string{
		"etc/dracut.conf.d/ignition.conf":                       dracutConfig,
		"usr/lib/systemd/system/lab-first-boot-is-done.service": firstBootUnit,
	} {
		file := filepath.Join(overlay, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	// Wanted by the image itself: presets have no say.
	wants := filepath.Join(overlay, "usr/lib/systemd/system/multi-user.target.wants")
	if err := os.MkdirAll(wants, 0o755); err != nil {
		return "", err
	}
	if err := os.Symlink("../lab-first-boot-is-done.service", filepath.Join(wants, "lab-first-boot-is-done.service")); err != nil {
		return "", err
	}
	modules := filepath.Join(overlay, "usr/lib/dracut/modules.d")
	if err := os.MkdirAll(modules, 0o755); err != nil {
		return "", err
	}
	if err := os.CopyFS(filepath.Join(modules, "30ignition"), os.DirFS(module)); err != nil {
		return "", err
	}
	if err := osfile.Install(program, filepath.Join(modules, "30ignition/ignition")); err != nil {
		return "", err
	}
	return fmt.Sprintf(`chmod -R u=rwX,go=rX %[1]q && chmod 0755 %[1]q/usr/lib/dracut/modules.d/30ignition/* && cp -a %[1]q/. "$1/"`, overlay), nil
}

// label gives every file the label that the SELinux policy of the root says, if it has
// one, as a system that was installed with it has them.
func label(ctx context.Context, root string) error {
	const contexts = "etc/selinux/default/contexts/files/file_contexts"
	if !osfile.Exists(filepath.Join(root, contexts)) {
		return nil
	}
	_, err := process.Run(ctx, "chroot", root, "setfiles", "-F", "/"+contexts, "/")
	return err
}

// makeDisk makes a disk of a root, and removes the root.
func makeDisk(ctx context.Context, dir, root, format string) error {
	if err := firstBoot(root); err != nil {
		return err
	}
	if format == documents.CloudInit {
		// As Debian's own images have it: to be filled in, and no first boot.
		if err := os.WriteFile(filepath.Join(root, "etc/machine-id"), nil, 0o444); err != nil {
			return err
		}
	}
	for name, pattern := range map[string]string{"kernel": "boot/vmlinuz-*", "initrd": "boot/initrd.img-*"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(found) != 1 {
			return fmt.Errorf("%d files are at %s: %w", len(found), pattern, err)
		}
		if err := osfile.Copy(found[0], filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if err := label(ctx, root); err != nil {
		return err
	}
	disk := filepath.Join(dir, "disk.raw")
	for _, step := range [][]string{
		{"truncate", "--size=12G", disk},
		{"mkfs.ext4", "-q", "-L", "root", "-d", root, disk},
		{"rm", "-rf", root, filepath.Join(dir, "overlay")},
	} {
		if _, err := process.Run(ctx, step[0], step[1:]...); err != nil {
			return err
		}
	}
	return nil
}
