package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// base is what machines of the machine lane start from: a Debian that knows
// nothing of Kubernetes.
type base struct {
	disk, kernel, initrd string
	lacking              string // a folder with what was taken out of the root
}

// onDisks are the packages of both base images, inFormat those of one.
var onDisks = append(slices.Clone(packages), "linux-image-cloud-amd64", "e2fsprogs")

var inFormat = map[string][]string{
	cloudInit: {"cloud-init", "initramfs-tools", "zstd", "openssh-server", "chrony"},
	ignition:  {"dracut", "dracut-network", "gdisk", "dosfstools", "xfsprogs", "cryptsetup-bin", "openssh-server"},
}

// diskFormat is to be raised when machineBase makes them differently.
const diskFormat = "1"

// dracutConfig puts Ignition into every initramfs that Debian makes, with what a
// machine's own image would need to find disks and media.
const dracutConfig = `hostonly=no
compress=cat
add_dracutmodules+=" ignition "
add_drivers+=" virtio_blk virtio_pci virtio_net qemu_fw_cfg isofs squashfs overlay ext4 xfs vfat nls_ascii nls_cp437 "
`

// firstBootDone is what the image says on the console when its boot loader shall
// not ask for Ignition any more. Images of Fedora CoreOS remove a file of their
// boot loader's at the same moment; here the lab is the boot loader.
const firstBootDone = "lab: the first boot is done"

const firstBootUnit = `[Unit]
Description=Tell the boot loader that the first boot is done
ConditionKernelCommandLine=ignition.firstboot
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo ` + firstBootDone + `
StandardOutput=tty
TTYPath=/dev/console
`

// baseName says which base image the scenario's machines proper start from.
func (s scenario) baseName() string {
	return strings.Join(slices.Concat([]string{s.Format, s.Release}, s.Packages, []string{"without"}, s.Lacks), " ")
}

// ignition names the build of Ignition that is in its initramfs: one that labels what it
// writes, as that of Fedora CoreOS does, where the root has a policy of SELinux.
func (s scenario) ignition() string {
	if slices.Contains(s.Packages, "selinux-policy-default") {
		return "ignition@selinux"
	}
	return "ignition"
}

// base is that image.
func (r *run) base() base { return r.lab.bases[r.baseName()] }

// boots says whether the scenario has a machine that boots the image by itself.
func (s scenario) boots() bool { return s.comesBy("disk") || s.takes("try-image") }

// machineBases makes the base images that runs want.
func (l *lab) machineBases(ctx context.Context, runs []*run) (string, error) {
	l.bases = map[string]base{}
	for _, r := range runs {
		if _, made := l.bases[r.baseName()]; made || r.Lane != machineLane {
			continue
		}
		b, err := l.machineBase(ctx, r.scenario)
		if err != nil {
			return "", err
		}
		l.bases[r.baseName()] = b
	}
	if at := slices.IndexFunc(runs, func(r *run) bool { return r.boots() }); at >= 0 {
		if err := l.makeCloudImage(ctx, runs[at].base()); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d base images", len(l.bases)), nil
}

// machineBase makes one: a disk with one file system, and the kernel and the
// initramfs that are on it.
func (l *lab) machineBase(ctx context.Context, s scenario) (base, error) {
	format := s.Format
	wanted := together(onDisks, inFormat[format], s.Packages)
	var module string
	if format == ignition {
		folder, err := l.moduleFolder(ctx, "ignition", "github.com/coreos/ignition/v2")
		if err != nil {
			return base{}, err
		}
		module = filepath.Join(folder, "dracut/30ignition")
	}
	ingredients := append([]string{diskFormat, s.baseName(), dracutConfig, firstBootUnit, module, l.tools[s.ignition()]}, wanted...)
	dir, err := l.cached("machine-"+format, ingredients, func(dir string) error {
		root := filepath.Join(dir, "root")
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		var hooks []string
		if format == ignition {
			hook, err := l.ignitionHook(dir, module, l.tools[s.ignition()])
			if err != nil {
				return err
			}
			hooks = append(hooks, "--essential-hook="+hook)
		}
		if err := mmdebstrap(ctx, s.Release, root, wanted, hooks...); err != nil {
			return err
		}
		if err := copyParts(root, filepath.Join(dir, "lacking"), s.Lacks); err != nil {
			return err
		}
		if err := remove(root, root, s.Lacks); err != nil {
			return err
		}
		return makeDisk(ctx, dir, root, format)
	})
	return base{disk: filepath.Join(dir, "disk.raw"), kernel: filepath.Join(dir, "kernel"), initrd: filepath.Join(dir, "initrd"), lacking: filepath.Join(dir, "lacking")}, err
}

// ignitionHook is the command that puts Ignition into a root before the kernel
// comes, whose package then makes the initramfs: the module, and the program itself. The units and scripts are those
// of Ignition's own module for dracut.
func (l *lab) ignitionHook(dir, module, program string) (string, error) {
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
	if err := install(program, filepath.Join(modules, "30ignition/ignition")); err != nil {
		return "", err
	}
	return fmt.Sprintf(`chmod -R u=rwX,go=rX %[1]q && chmod 0755 %[1]q/usr/lib/dracut/modules.d/30ignition/* && cp -a %[1]q/. "$1/"`, overlay), nil
}

// label gives every file the label that the SELinux policy of the root says, if it has
// one, as a system that was installed with it has them.
func label(ctx context.Context, root string) error {
	const contexts = "etc/selinux/default/contexts/files/file_contexts"
	if !exists(filepath.Join(root, contexts)) {
		return nil
	}
	_, err := command(ctx, "chroot", root, "setfiles", "-F", "/"+contexts, "/")
	return err
}

// makeDisk makes a disk of a root, and removes the root.
func makeDisk(ctx context.Context, dir, root, format string) error {
	if err := firstBoot(root); err != nil {
		return err
	}
	if format == cloudInit {
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
		if err := copyFile(found[0], filepath.Join(dir, name)); err != nil {
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
		if _, err := command(ctx, step[0], step[1:]...); err != nil {
			return err
		}
	}
	return nil
}
