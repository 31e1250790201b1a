package main

import (
	"context"
	"os"
	"path/filepath"
)

// golden is the image with the payload in it that machines proper start from,
// where their payload comes in a folder.
func (r *run) golden() string { return filepath.Join(r.dir, "golden.raw") }

// bakes says whether the scenario starts from such an image.
func (s scenario) bakes() bool { return s.Lane == machineLane && s.Payload == inFolder }

// bakeImage runs the script of `kubespore media bake` in a copy of the base
// image, as its page says: as root, with the bundle, in a chroot.
func (r *run) bakeImage(ctx context.Context) error {
	script, err := command(ctx, r.lab.tools["kubespore"], "media", "bake")
	if err != nil {
		return err
	}
	file := filepath.Join(r.dir, "bake.sh")
	if err := os.WriteFile(file, []byte(script), 0o755); err != nil {
		return err
	}
	if _, err := command(ctx, "cp", "--sparse=always", r.base().disk, r.golden()); err != nil {
		return err
	}
	_, err = command(ctx, "unshare", "--mount", "--propagation=private", "bash", "-euc", inImage, "bake", r.golden(), filepath.Join(r.dir, "image"), r.bundle(), file)
	return err
}

// inImage runs a script in an image, with a folder for its argument. What is
// mounted goes with the namespace.
const inImage = `
image=$1 root=$2 folder=$3 script=$4
mkdir -p "$root"
mount -o loop "$image" "$root"
mount -t tmpfs none "$root/run"
mkdir "$root/run/folder"
mount --bind "$folder" "$root/run/folder"
cp "$script" "$root/run/script"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
chroot "$root" sh /run/script /run/folder
`
