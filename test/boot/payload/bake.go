package payload

import (
	"context"
	"os"
	"path/filepath"

	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/process"
)

// bakeImage runs the script of `kubespore media bake` in a copy of the base
// image, as its page says: as root, with the bundle, in a chroot.
func bakeImage(ctx context.Context, r *lab.Run) error {
	script, err := process.Run(ctx, r.Lab.Tools["kubespore"], "media", "bake")
	if err != nil {
		return err
	}
	file := filepath.Join(r.Dir, "bake.sh")
	if err := os.WriteFile(file, []byte(script), 0o755); err != nil {
		return err
	}
	if _, err := process.Run(ctx, "cp", "--sparse=always", r.Base().Disk, r.Golden()); err != nil {
		return err
	}
	_, err = process.Run(ctx, "unshare", "--mount", "--propagation=private", "bash", "-euc", inImage, "bake", r.Golden(), filepath.Join(r.Dir, "image"), r.Bundle(), file)
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
