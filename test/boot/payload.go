package main

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
)

// The ways of a locked payload to the machines of a scenario. Such machines
// start from a Debian without programs and images.
const (
	inFolder      = "folder"       // the bundle lies in their image, at bakedPayload
	onMirror      = "mirror"       // a web server on their network serves it
	onPlainMirror = "plain-mirror" // one that is slow and knows no ranges
	onVolume      = "volume"       // it is a volume labelled KUBESPORE; for containers, a stick
)

// bakedPayload is where machines find a bundle that was put into their image.
const bakedPayload = "/var/lib/kubespore/payload"

// locked says whether machines install by themselves what the operator locked.
func (s scenario) locked() bool { return s.Payload != "" }

// bundle is the bundle as the machines see it. What a scenario changes in it
// is its own: the cache lies below, and is never written to.
func (r *run) bundle() string { return filepath.Join(r.dir, "payload") }

// volume is the bundle as an ISO.
func (r *run) volume() string { return filepath.Join(r.dir, "payload.iso") }

// pack makes the payload of a run with the product's own command, builds the
// documents anew, which then carry the digests, and has the product prove that
// topology, documents and bundle agree.
func (r *run) pack(ctx context.Context) error {
	bundle, err := r.packBundle(ctx)
	if err != nil {
		return err
	}
	if err := r.build(ctx, r.Without); err != nil {
		return err
	}
	if _, err := r.kubespore(ctx, "payload", "verify", r.adapted(), bundle, "--build", filepath.Join(r.dir, "out")); err != nil {
		return err
	}
	if err := layOver(r.bundle(), filepath.Join(r.dir, "payload-changes"), bundle); err != nil || !r.bakes() {
		return err
	}
	return r.bakeImage(ctx)
}

// packBundle runs kubespore payload pack, which writes the lock beside the
// topology. The bundle stays in the cache: of a second run with the same parts,
// the command only proves that it is whole.
func (r *run) packBundle(ctx context.Context) (string, error) {
	bill, err := r.kubespore(ctx, "payload", "list", "--format", "json", r.adapted())
	if err != nil {
		return "", err
	}
	packer, err := sumOf(filepath.Join(r.lab.tree, "pkg/payload/*.go"))
	if err != nil {
		return "", err
	}
	if err := forget(r.lab.cache, time.Now().Add(-24*time.Hour)); err != nil {
		return "", err
	}
	minor, err := r.minor()
	if err != nil {
		return "", err
	}
	sources := append([]string{r.lab.programs[minor]}, slices.Sorted(maps.Values(r.lab.archives))...)
	bundle, err := r.lab.cached("payload", append([]string{bill, packer}, sources...), func(path string) error { return os.Mkdir(path, 0o755) })
	if err != nil {
		return "", err
	}
	args := []string{"payload", "pack", r.adapted(), "-o", bundle}
	for _, s := range sources {
		args = append(args, "--from", s)
	}
	if r.Payload == onVolume {
		args = append(args, "--iso", r.volume())
	}
	// Labs that run side by side pack one after the other.
	unlock, err := lockFile(bundle + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	_, err = r.kubespore(ctx, args...)
	return bundle, err
}

// forget removes bundles that nobody has packed since: each is large, and each
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

// packAll packs the payloads of the scenarios that want one.
func (l *lab) packAll(ctx context.Context, runs []*run) (string, error) {
	count := 0
	for _, r := range runs {
		if !r.locked() {
			continue
		}
		count++
		if r.Payload == onMirror || r.Payload == onPlainMirror {
			if err := r.nameMirror(ctx); err != nil {
				return "", fmt.Errorf("%s: %w", r.Name, err)
			}
		}
		pack := r.pack
		if r.Page != "" {
			pack = r.packAsThePageSays
		}
		if err := pack(ctx); err != nil {
			return "", fmt.Errorf("%s: %w", r.Name, err)
		}
	}
	return fmt.Sprintf("of %d scenarios", count), nil
}

// lockFile waits for a file to be nobody else's.
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
