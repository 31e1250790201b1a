package upkeep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/osfile"
	"github.com/kubespore/kubespore/test/boot/payload"
	"github.com/kubespore/kubespore/test/boot/process"
)

// kits is where a scenario's kits are written, and those of the build before.
func kits(r *lab.Run) string { return filepath.Join(r.Dir, "kits") }

func oldKits(r *lab.Run) string { return filepath.Join(r.Dir, "kits.old") }

// RenewCertificates makes certificates anew, builds, and writes the kits that bring them to
// machines. Without names it is all certificates.
func RenewCertificates(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return changeStore(ctx, r, "renew", words)
}

// Rotate takes the exchange of authorities and keys to its next phase, builds, and writes the
// kits that bring it to machines.
func Rotate(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return changeStore(ctx, r, "rotate", words)
}

// changeStore has a command of `kubespore pki` change what is in the store by name, builds, and
// writes the kits.
func changeStore(ctx context.Context, r *lab.Run, command string, names []string) (string, error) {
	// What machines take must have been made later than what they have.
	time.Sleep(time.Second)
	r.Valid = 0
	if _, err := r.Kubespore(ctx, append([]string{"pki", command, r.Adapted()}, names...)...); err != nil {
		return "", err
	}
	if _, err := r.Kubespore(ctx, "build", r.Adapted(), "-o", filepath.Join(r.Dir, "out")); err != nil {
		return "", err
	}
	return "", writeKits(ctx, r)
}

// writeKits makes the kits of the last build, and keeps those of the build before.
func writeKits(ctx context.Context, r *lab.Run, more ...string) error {
	if osfile.Exists(kits(r)) {
		if err := errors.Join(os.RemoveAll(oldKits(r)), os.Rename(kits(r), oldKits(r))); err != nil {
			return err
		}
	}
	_, err := r.Kubespore(ctx, append([]string{"kit", r.Adapted(), "--build", filepath.Join(r.Dir, "out"), "-o", kits(r)}, more...)...)
	return err
}

// WriteKits makes the kits of the last build, with what they bring of a locked payload.
func WriteKits(ctx context.Context, r *lab.Run, _ []string) (string, error) {
	if r.Locked() {
		return "", writeKits(ctx, r, "--payload", r.Bundle())
	}
	return "", writeKits(ctx, r)
}

// UpgradeByKits takes the topology to the other version of Kubernetes, locks the payload of
// that version, builds, and writes the kits with the programs and images.
func UpgradeByKits(ctx context.Context, r *lab.Run, _ []string) (string, error) {
	if r.Next == nil {
		return "", errors.New("the scenario does not say to which version")
	}
	time.Sleep(time.Second) // as for new certificates
	r.Set = r.Next.Set
	if err := payload.Rebuild(ctx, r, r.Next.Bundle()); err != nil {
		return "", err
	}
	return "", writeKits(ctx, r, "--payload", r.Next.Bundle())
}

// kitsInside is where an administrator has copied kits to.
const kitsInside = "/root/kits"

// copyKit puts a kit into a machine.
func copyKit(c *hardware.Container, from string) error {
	to := filepath.Join(c.Root(), kitsInside)
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return os.CopyFS(to, os.DirFS(from))
}

const applyKit = "/opt/kubespore/bin/kubespore-kit apply " + kitsInside

// ApplyKits has machines take their kits, all at the same time: whose turn it is
// they find out among themselves.
func ApplyKits(ctx context.Context, r *lab.Run, words []string) (string, error) {
	var turn sync.Mutex
	var took []string
	_, err := r.Each(ctx, words, func(m *lab.Machine) error {
		inside, err := hardware.Inside(m)
		if err != nil {
			return err
		}
		if err := copyKit(inside, filepath.Join(kits(r), m.Name)); err != nil {
			return err
		}
		if err := givePayload(r, inside); err != nil {
			return err
		}
		state, err := os.ReadFile(filepath.Join(inside.Root(), "etc/kubespore/state"))
		if err != nil {
			return err
		}
		start := time.Now()
		if _, err := inside.Do(ctx, applyKit); err != nil {
			return err
		}
		seconds := time.Since(start).Seconds()
		cost, err := costOf(filepath.Join(kits(r), m.Name), strings.TrimSpace(string(state)))
		turn.Lock()
		defer turn.Unlock()
		took = append(took, fmt.Sprintf("%s %.0f s (%s)", m.Name, seconds, cost))
		return err
	})
	if err != nil {
		return "", err
	}
	return strings.Join(took, ", "), nil
}

// givePayload puts the programs and images that kits bring next to a kit. Where there are
// many machines, whose disks are in memory, they look into the bundle that it was made of.
func givePayload(r *lab.Run, inside *hardware.Container) error {
	from, to := filepath.Join(kits(r), "_payload"), filepath.Join(inside.Root(), kitsInside, "_payload")
	switch {
	case !osfile.Exists(from):
		return nil
	case r.Next != nil && len(r.Machines) > 3:
		return os.Symlink(lab.NewBundle, to)
	}
	return os.CopyFS(to, os.DirFS(from))
}

// costOf says how large a kit is without programs and images, and how much it restarts on a
// machine of a state.
func costOf(kit, state string) (string, error) {
	var size int64
	if err := filepath.WalkDir(kit, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	}); err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(kit, "kit"))
	_, way, _ := strings.Cut(string(text), "\nfrom "+state+"\n")
	way, _, _ = strings.Cut(way, "\nfrom ")
	pods, units := 0, 0
	for line := range strings.Lines(way) {
		switch words := strings.Fields(line); words[0] {
		case "pod", "manifest":
			pods++
		case "restart", "try-restart":
			units += len(words) - 1
		}
	}
	return fmt.Sprintf("%d KiB, %d pods and %d units", size/1024, pods, units), err
}

// PlugInKits copies all kits onto one stick, which machines that are off have when they boot.
func PlugInKits(ctx context.Context, r *lab.Run, _ []string) (string, error) {
	if r.Device != "" {
		return "", errors.New("the machines have a stick already")
	}
	if err := payload.MakeStick(ctx, r, "KUBESPORE-KIT", kits(r)); err != nil {
		return "", err
	}
	return "", payload.PlugStick(ctx, r)
}

// CertificatesEnd waits until the operator's certificate has ended, and all that were made
// with it.
func CertificatesEnd(ctx context.Context, r *lab.Run, _ []string) (string, error) {
	c, err := lab.ReadKubeconfig(r.Operator(), r.Lab.Lan.Dial)
	if err != nil {
		return "", err
	}
	left := time.Until(c.Ends)
	if left > time.Hour {
		return "", fmt.Errorf("certificates end in %.0f h", left.Hours())
	}
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(left + time.Second):
		return fmt.Sprintf("at %s", c.Ends.Format(time.TimeOnly)), nil
	}
}

// CutPowerDuringKit begins to apply a kit and cuts the power at a random moment of it, at
// most eight seconds or as many as it is told after the beginning.
func CutPowerDuringKit(ctx context.Context, r *lab.Run, words []string) (string, error) {
	within := 8 * time.Second
	if len(words) > 1 {
		var err error
		if within, err = time.ParseDuration(words[1]); err != nil {
			return "", err
		}
	}
	var when time.Duration
	_, err := r.Each(ctx, words[:1], func(m *lab.Machine) error {
		inside, err := hardware.Inside(m)
		if err != nil {
			return err
		}
		if err := copyKit(inside, filepath.Join(kits(r), m.Name)); err != nil {
			return err
		}
		if _, err := inside.Do(ctx, "nohup "+applyKit+" >/dev/null 2>&1 &"); err != nil {
			return err
		}
		when = time.Duration(rand.Int64N(int64(within)))
		time.Sleep(when)
		return m.Cut()
	})
	return fmt.Sprintf("after %.1f s", when.Seconds()), err
}

// RefuseKits gives a machine kits that it must not take: with a byte turned over,
// another machine's, an older one, another cluster's.
func RefuseKits(ctx context.Context, r *lab.Run, words []string) (string, error) {
	foreign, err := foreignKits(ctx, r)
	if err != nil {
		return "", err
	}
	return r.Each(ctx, words, func(m *lab.Machine) error {
		inside, err := hardware.Inside(m)
		if err != nil {
			return err
		}
		own := filepath.Join(kits(r), m.Name)
		other := own
		for _, h := range r.Hosts {
			if h.Name != m.Name {
				other = filepath.Join(kits(r), h.Name)
			}
		}
		for _, c := range []struct {
			what, From, says string
			spoil            bool
		}{
			{"a byte turned over", own, "was changed since", true},
			{"another machine's", other, "and this machine is " + m.Name, false},
			{"another cluster's", filepath.Join(foreign, m.Name), "the key of the cluster has not signed it", false},
			{"an older one", filepath.Join(oldKits(r), m.Name), "older than what this machine has", false},
		} {
			if c.From == other && other == own {
				continue // the only machine
			}
			if err := copyKit(inside, c.From); err != nil {
				return err
			}
			if c.spoil {
				if err := turnOver(filepath.Join(inside.Root(), kitsInside, "kit")); err != nil {
					return err
				}
			}
			out, err := inside.Do(ctx, applyKit+" 2>&1 || echo status $?")
			if err != nil || !strings.Contains(out, "status 1") || !strings.Contains(out, c.says) {
				return errors.Join(fmt.Errorf("%s: %s", c.what, out), err)
			}
		}
		return nil
	})
}

func turnOver(file string) error {
	raw, err := os.ReadFile(file)
	if err == nil {
		raw[len(raw)/2] ^= 1
		err = os.WriteFile(file, raw, 0o600)
	}
	return err
}

// foreignKits writes the kits of a cluster with the same name and machines, and
// other keys.
func foreignKits(ctx context.Context, r *lab.Run) (string, error) {
	dir := filepath.Join(r.Dir, "foreign")
	kits := filepath.Join(dir, "kits")
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	run := func(args ...string) error {
		_, err := process.Run(ctx, r.Lab.Tools["kubespore"], append(args, "--quiet", "--pki", filepath.Join(dir, "pki"))...)
		return err
	}
	out := filepath.Join(dir, "out")
	err := run("build", r.Adapted(), "-o", out)
	for _, step := range [][]string{{"pki", "renew", r.Adapted()}, {"build", r.Adapted(), "-o", out}, {"kit", r.Adapted(), "--build", out, "-o", kits}} {
		if err == nil {
			err = run(step...)
		}
	}
	return kits, err
}

// changedLater are files that do not stay as a kit, or a first boot, wrote them: what applies
// objects removes its own credential, and the lab's overlay edits settings of runtimes.
func changedLater(path string) bool {
	return slices.Contains([]string{"/etc/kubernetes/super-admin.conf", "/etc/containerd/config.toml", "/etc/docker/daemon.json"}, path)
}

// KitApplied holds the files of machines against the digests in their kits, all of
// them, and the state that the machine names.
func KitApplied(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return r.Each(ctx, words, func(m *lab.Machine) error {
		inside, err := hardware.Inside(m)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(filepath.Join(kits(r), m.Name, "kit"))
		if err != nil {
			return err
		}
		var sums bytes.Buffer
		for line := range strings.Lines(string(text)) {
			if words := strings.Fields(line); words[0] == "file" && !changedLater(words[5]) {
				fmt.Fprintf(&sums, "%s  %s\n", words[4], words[5])
			}
		}
		if sums.Len() == 0 {
			return errors.New("its kit has no files")
		}
		_, err = inside.Do(ctx, "sha256sum --check --quiet --strict - <<'END'\n"+sums.String()+"END")
		return err
	})
}
