// Package payload packs locked payloads with the product and brings them to
// machines: in their image, on a stick, or from a mirror.
package payload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/kubespore/kubespore/test/boot/lab"
)

// pack makes the payload of a run with the product's own command, builds the
// documents anew, which then carry the digests, and has the product prove that
// topology, documents and bundle agree.
func pack(ctx context.Context, r *lab.Run) error {
	bundle, err := packBundle(ctx, r)
	if err != nil {
		return err
	}
	if err := r.Build(ctx, r.Without); err != nil {
		return err
	}
	if _, err := r.Kubespore(ctx, "payload", "verify", r.Adapted(), bundle, "--build", filepath.Join(r.Dir, "out")); err != nil {
		return err
	}
	if err := layOver(r.Bundle(), filepath.Join(r.Dir, "payload-changes"), bundle); err != nil || !r.Bakes() {
		return err
	}
	return bakeImage(ctx, r)
}

// packBundle runs kubespore payload pack, which writes the lock next to the
// topology. The bundle stays in the cache: of a second run with the same parts,
// the command only proves that it is whole.
func packBundle(ctx context.Context, r *lab.Run) (string, error) {
	bill, err := r.Kubespore(ctx, "payload", "list", "--format", "json", r.Adapted())
	if err != nil {
		return "", err
	}
	packer, err := sumOf(filepath.Join(r.Lab.Tree, "pkg/payload/*.go"))
	if err != nil {
		return "", err
	}
	if err := forget(r.Lab.Cache, time.Now().Add(-24*time.Hour)); err != nil {
		return "", err
	}
	sources, err := sourcesOf(r)
	if err != nil {
		return "", err
	}
	bundle, err := r.Lab.Cached("payload", append([]string{bill, packer}, sources...), func(path string) error { return os.Mkdir(path, 0o755) })
	if err != nil {
		return "", err
	}
	var more []string
	if r.Payload == lab.OnVolume {
		more = []string{"--iso", r.Volume()}
	}
	// Labs that run side by side pack one after the other.
	unlock, err := lockFile(bundle + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	return bundle, packInto(ctx, r, bundle, more...)
}

// packInto packs what the topology names today into a bundle. Of one that has it already,
// the lock and its signature by the cluster's key are all that is written.
func packInto(ctx context.Context, r *lab.Run, bundle string, more ...string) error {
	sources, err := sourcesOf(r)
	if err != nil {
		return err
	}
	args := append([]string{"payload", "pack", r.Adapted(), "-o", bundle}, more...)
	for _, s := range sources {
		args = append(args, "--from", s)
	}
	_, err = r.Kubespore(ctx, args...)
	return err
}

// Rebuild has the documents fit the topology as the scenario changed it, with its payload
// locked in a bundle.
func Rebuild(ctx context.Context, r *lab.Run, bundle string) error {
	if err := r.Adapt(r.Without); err != nil {
		return err
	}
	if err := packInto(ctx, r, bundle); err != nil {
		return err
	}
	return r.Build(ctx, r.Without)
}

// sourcesOf are the programs of the version that the topology names, and the lab's images.
func sourcesOf(r *lab.Run) ([]string, error) {
	minor, err := r.Minor()
	if err != nil {
		return nil, err
	}
	return append([]string{r.Lab.Programs[minor]}, slices.Sorted(maps.Values(r.Lab.Archives))...), nil
}

// forget removes bundles that were not packed since: each is large, and each
// change of the packer makes a new one.
func forget(cache string, since time.Time) error {
	locks, err := filepath.Glob(filepath.Join(cache, "payload-*.lock"))
	if err != nil {
		return err
	}
	for _, name := range locks {
		info, err := os.Stat(name)
		if err != nil || info.ModTime().After(since) {
			continue // or another lab was faster
		}
		if err := errors.Join(os.RemoveAll(strings.TrimSuffix(name, ".lock")), os.RemoveAll(name)); err != nil {
			return err
		}
	}
	return nil
}

// PackAll packs the payloads of the scenarios that want one.
func PackAll(ctx context.Context, l *lab.Lab, runs []*lab.Run) (string, error) {
	count := 0
	for _, r := range runs {
		if !r.Locked() {
			continue
		}
		count++
		if r.Payload == lab.OnMirror || r.Payload == lab.OnPlainMirror {
			if err := nameMirror(ctx, r); err != nil {
				return "", fmt.Errorf("%s: %w", r.Name, err)
			}
		}
		var err error
		if r.Page != "" {
			err = packAsThePageSays(ctx, r)
		} else {
			err = pack(ctx, r)
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", r.Name, err)
		}
	}
	return fmt.Sprintf("of %d scenarios", count), nil
}

// lockFile waits until no other process has locked a file.
func lockFile(name string) (unlock func(), err error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

// layOver mounts a folder of a run's own over one that it must not change.
// Nothing can be run from there, as from a medium.
func layOver(at, changes, below string) error {
	upper, work := filepath.Join(changes, "upper"), filepath.Join(changes, "work")
	for _, d := range []string{at, upper, work} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", below, upper, work)
	if err := syscall.Mount("overlay", at, "overlay", syscall.MS_NOEXEC|syscall.MS_NODEV|syscall.MS_NOSUID, options); err != nil {
		return fmt.Errorf("overlay on %s: %w", at, err)
	}
	return nil
}

// sumOf gives one digest of all files of a pattern.
func sumOf(pattern string) (string, error) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("nothing is at %s: %w", pattern, err)
	}
	slices.Sort(files)
	sum := sha256.New()
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(sum, f)
		if err := f.Close(); err != nil {
			return "", err
		}
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
