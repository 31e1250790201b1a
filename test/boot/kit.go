package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// kits is where a scenario's kits are written, and those of the build before.
func (r *run) kits() string    { return filepath.Join(r.dir, "kits") }
func (r *run) oldKits() string { return filepath.Join(r.dir, "kits.old") }

// renew makes certificates anew, builds, and writes the kits that bring them to
// machines. Without names it is all certificates.
func renew(ctx context.Context, r *run, words []string) (string, error) {
	// What machines take must have been made later than what they have.
	time.Sleep(time.Second)
	if _, err := r.kubespore(ctx, append([]string{"pki", "renew", r.adapted()}, words...)...); err != nil {
		return "", err
	}
	out := filepath.Join(r.dir, "out")
	if _, err := r.kubespore(ctx, "build", r.adapted(), "-o", out); err != nil {
		return "", err
	}
	if exists(r.kits()) {
		if err := errors.Join(os.RemoveAll(r.oldKits()), os.Rename(r.kits(), r.oldKits())); err != nil {
			return "", err
		}
	}
	_, err := r.kubespore(ctx, "kit", r.adapted(), "--build", out, "-o", r.kits())
	return "", err
}

// kitsInside is where an administrator has copied kits to.
const kitsInside = "/root/kits"

// copyKit puts a kit into a machine.
func (c *container) copyKit(from string) error {
	to := filepath.Join(c.root(), kitsInside)
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return os.CopyFS(to, os.DirFS(from))
}

const applyKit = "/opt/kubespore/bin/kubespore-kit apply " + kitsInside

// takeKits has machines take their kits, all at the same time: whose turn it is
// they find out among themselves.
func takeKits(ctx context.Context, r *run, words []string) (string, error) {
	var turn sync.Mutex
	var took []string
	_, err := r.each(ctx, words, func(m *machine) error {
		inside, err := m.inside()
		if err != nil {
			return err
		}
		if err := inside.copyKit(filepath.Join(r.kits(), m.Name)); err != nil {
			return err
		}
		start := time.Now()
		if _, err := inside.do(ctx, applyKit); err != nil {
			return err
		}
		turn.Lock()
		defer turn.Unlock()
		took = append(took, fmt.Sprintf("%s %.0f s", m.Name, time.Since(start).Seconds()))
		return nil
	})
	if err != nil {
		return "", err
	}
	return strings.Join(took, ", "), nil
}

// cutKit begins to apply a kit and cuts the power at a random moment of it.
func cutKit(ctx context.Context, r *run, words []string) (string, error) {
	var when time.Duration
	_, err := r.each(ctx, words[:1], func(m *machine) error {
		inside, err := m.inside()
		if err != nil {
			return err
		}
		if err := inside.copyKit(filepath.Join(r.kits(), m.Name)); err != nil {
			return err
		}
		if _, err := inside.do(ctx, "nohup "+applyKit+" >/dev/null 2>&1 &"); err != nil {
			return err
		}
		when = time.Duration(rand.Int64N(int64(8 * time.Second)))
		time.Sleep(when)
		return m.cut()
	})
	return fmt.Sprintf("after %.1f s", when.Seconds()), err
}

// refuseKits gives a machine kits that it must not take: with a byte turned over,
// another machine's, an older one, another cluster's.
func refuseKits(ctx context.Context, r *run, words []string) (string, error) {
	foreign, err := r.foreignKits(ctx)
	if err != nil {
		return "", err
	}
	return r.each(ctx, words, func(m *machine) error {
		inside, err := m.inside()
		if err != nil {
			return err
		}
		own := filepath.Join(r.kits(), m.Name)
		other := own
		for _, h := range r.hosts {
			if h.Name != m.Name {
				other = filepath.Join(r.kits(), h.Name)
			}
		}
		for _, c := range []struct {
			what, from, says string
			spoil            bool
		}{
			{"a byte turned over", own, "was changed since", true},
			{"another machine's", other, "and this machine is " + m.Name, false},
			{"another cluster's", filepath.Join(foreign, m.Name), "the key of the cluster has not signed it", false},
			{"an older one", filepath.Join(r.oldKits(), m.Name), "older than what this machine has", false},
		} {
			if c.from == other && other == own {
				continue // the only machine
			}
			if err := inside.copyKit(c.from); err != nil {
				return err
			}
			if c.spoil {
				if err := turnOver(filepath.Join(inside.root(), kitsInside, "kit")); err != nil {
					return err
				}
			}
			out, err := inside.do(ctx, applyKit+" 2>&1 || echo status $?")
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
func (r *run) foreignKits(ctx context.Context) (string, error) {
	dir := filepath.Join(r.dir, "foreign")
	kits := filepath.Join(dir, "kits")
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	run := func(args ...string) error {
		_, err := command(ctx, r.lab.tools["kubespore"], append(args, "--quiet", "--pki", filepath.Join(dir, "pki"))...)
		return err
	}
	out := filepath.Join(dir, "out")
	err := run("build", r.adapted(), "-o", out)
	for _, step := range [][]string{{"pki", "renew", r.adapted()}, {"build", r.adapted(), "-o", out}, {"kit", r.adapted(), "--build", out, "-o", kits}} {
		if err == nil {
			err = run(step...)
		}
	}
	return kits, err
}

// removedByObjects is the one file that a machine removes itself when it no longer
// needs it, after a first boot as after a kit.
const removedByObjects = "/etc/kubernetes/super-admin.conf"

// asBuilt holds the files of machines against the digests in their kits, all of
// them, and the state that the machine names.
func asBuilt(ctx context.Context, r *run, words []string) (string, error) {
	return r.each(ctx, words, func(m *machine) error {
		inside, err := m.inside()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(filepath.Join(r.kits(), m.Name, "kit"))
		if err != nil {
			return err
		}
		var sums bytes.Buffer
		for line := range strings.Lines(string(text)) {
			if words := strings.Fields(line); words[0] == "file" && words[5] != removedByObjects {
				fmt.Fprintf(&sums, "%s  %s\n", words[4], words[5])
			}
		}
		if sums.Len() == 0 {
			return errors.New("its kit has no files")
		}
		_, err = inside.do(ctx, "sha256sum --check --quiet --strict - <<'END'\n"+sums.String()+"END")
		return err
	})
}

// writer creates objects at the cluster's endpoint, five a second.
type writer struct {
	stop         func()
	done         chan struct{}
	acknowledged map[string]bool
	silence      time.Duration // the longest between two answers
}

const writesPath = "/api/v1/namespaces/default/configmaps"

func beginWrites(_ context.Context, r *run, _ []string) (string, error) {
	c, err := readKubeconfig(r.operator(), r.lab.lan.dial)
	if err != nil {
		return "", err
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &writer{stop: stop, done: make(chan struct{}), acknowledged: map[string]bool{}}
	r.writer = w
	go func() {
		defer close(w.done)
		last := time.Now()
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			name := fmt.Sprintf("write-%d", n)
			if c.create(ctx, writesPath, fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q,"labels":{"lab":"writes"}}}`, name)) != nil {
				continue
			}
			w.acknowledged[name] = true
			w.silence = max(w.silence, time.Since(last))
			last = time.Now()
		}
	}()
	return "", nil
}

// endWrites sees that everything that was acknowledged is there.
func endWrites(ctx context.Context, r *run, _ []string) (string, error) {
	w := r.writer
	if w == nil {
		return "", errors.New("nothing writes")
	}
	w.stop()
	<-w.done
	if len(w.acknowledged) == 0 {
		return "", errors.New("no write was acknowledged")
	}
	out, err := r.kubectl(ctx, "get", "configmaps", "--selector=lab=writes", "--output=name")
	if err != nil {
		return "", err
	}
	there := map[string]bool{}
	for _, name := range strings.Fields(out) {
		there[strings.TrimPrefix(name, "configmap/")] = true
	}
	lost := 0
	for name := range w.acknowledged {
		if !there[name] {
			lost++
		}
	}
	if lost > 0 {
		return "", fmt.Errorf("%d of %d acknowledged writes are lost", lost, len(w.acknowledged))
	}
	return fmt.Sprintf("%d writes, none lost; none was acknowledged for %.1f s at most", len(w.acknowledged), w.silence.Seconds()), nil
}

// create posts an object.
func (c *client) create(ctx context.Context, path, object string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.server+path, strings.NewReader(object))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return errors.New(response.Status)
	}
	return nil
}
