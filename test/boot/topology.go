package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// build compiles the scenario's topology for the machines of this lane, and
// reads off which hosts there are. The store of keys stays from one build of
// a scenario to the next.
func (r *run) build(ctx context.Context, without []string) error {
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return err
	}
	if err := r.adapt(without); err != nil {
		return err
	}
	if _, err := r.kubespore(ctx, "build", r.adapted(), "-o", filepath.Join(r.dir, "out")); err != nil {
		return err
	}
	var err error
	r.hosts, err = readHosts(filepath.Join(r.dir, "out"), documentNames[r.Format])
	return err
}

// kubespore runs the product, with the scenario's store of keys.
func (r *run) kubespore(ctx context.Context, args ...string) (string, error) {
	return command(ctx, r.lab.tools["kubespore"], append(args, "--quiet", "--pki", r.store())...)
}

// store is where the scenario's keys are kept.
func (r *run) store() string { return filepath.Join(r.dir, "pki") }

// minor is the minor of Kubernetes that the scenario's topology asks for.
func (r *run) minor() (string, error) {
	var t map[string]any
	if err := readYAML(r.path(), &t); err != nil {
		return "", err
	}
	mergeInto(t, r.Set, false)
	kubernetes, _ := t["kubernetes"].(map[string]any)
	version, _ := kubernetes["version"].(string)
	return minorOf(version)
}

// adapted is the topology that the lane boots.
func (r *run) adapted() string { return filepath.Join(r.dir, "cluster.yaml") }

// adapt writes the topology as the lane boots it: on Debian, with the lane's
// overlay; one machine of each range, which says as much as all of them.
// Containers have one port, no hardware address and no extra disk.
func (r *run) adapt(without []string) error {
	var t map[string]any
	if err := readYAML(r.path(), &t); err != nil {
		return err
	}
	lane, foreign := map[string]any{"os": "debian", "format": r.Format}, []string{"os", "format", "overlays"}
	if r.Lane != machineLane {
		foreign = append(foreign, "mac", "disks")
		if err := readYAML(filepath.Join(r.lab.tree, "test/boot/overlay/container.yaml"), &lane); err != nil {
			return err
		}
	}
	mergeInto(t, lane, true)
	delete(t, "overlays")
	if r.Lane != machineLane && cgroup1() {
		overlay := filepath.Join(r.dir, "cgroup1.bu")
		if err := copyFile(filepath.Join(r.lab.tree, "test/boot/overlay/cgroup1.bu"), overlay); err != nil {
			return err
		}
		t["overlays"] = []string{filepath.Base(overlay)}
	}
	mergeInto(t, r.Set, false)
	hosts, _ := t["hosts"].([]any)
	t["hosts"] = slices.DeleteFunc(hosts, func(entry any) bool {
		h, _ := entry.(map[string]any)
		for _, key := range foreign {
			delete(h, key)
		}
		if names, ok := h["names"].(string); ok {
			h["names"] = wholeRange.ReplaceAllString(names, "[$1-$1]")
		}
		name, _ := h["name"].(string)
		return slices.Contains(without, name)
	})
	if err := r.copyManifests(t); err != nil {
		return err
	}
	adapted, err := yaml.Marshal(t)
	if err != nil {
		return err
	}
	return os.WriteFile(r.adapted(), adapted, 0o644)
}

// copyManifests puts the user's own manifests and logins beside the adapted topology,
// where they were beside the original one, or are beside scenarios.yaml.
func (r *run) copyManifests(t map[string]any) error {
	profiles, _ := t["profiles"].(map[string]any)
	manifests, _ := profiles["manifests"].(map[string]any)
	files, _ := manifests["files"].([]any)
	registry, _ := profiles["registry"].(map[string]any)
	if logins, ok := registry["htpasswd"]; ok {
		files = append(slices.Clone(files), logins)
	}
	for _, f := range files {
		from, to := filepath.Join(filepath.Dir(r.path()), fmt.Sprint(f)), filepath.Join(r.dir, fmt.Sprint(f))
		if !exists(from) {
			from = filepath.Join(r.lab.tree, "test/boot", fmt.Sprint(f))
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := copyFile(from, to); err != nil {
			return err
		}
	}
	return nil
}

var wholeRange = regexp.MustCompile(`\[(\d+)-\d+\]`)

// mergeInto lays one tree of values over another. With keepOff, a profile that
// the topology switches off stays off.
func mergeInto(to, from map[string]any, keepOff bool) {
	for key, value := range from {
		if keepOff && to[key] == false {
			continue
		}
		below, ok := to[key].(map[string]any)
		if more, isMap := value.(map[string]any); ok && isMap {
			mergeInto(below, more, keepOff)
		} else {
			to[key] = value
		}
	}
}

func readYAML(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}
