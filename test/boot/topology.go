package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// host is what the lab must know of a machine: read off its document.
type host struct {
	Name         string
	Addresses    []string // with prefix lengths
	Node         bool
	ControlPlane bool
}

// document is where the build puts a machine's document.
func (r *run) document(host string) string {
	return filepath.Join(r.dir, "out/hosts", host, "config.ign")
}

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
	r.hosts, err = r.readHosts()
	return err
}

// kubespore runs the product, with the scenario's store of keys.
func (r *run) kubespore(ctx context.Context, args ...string) (string, error) {
	return command(ctx, r.lab.tools["kubespore"], append(args, "--quiet", "--pki", filepath.Join(r.dir, "pki"))...)
}

// adapted is the topology that the lane boots.
func (r *run) adapted() string { return filepath.Join(r.dir, "topology.yaml") }

// adapt writes the topology as the lane boots it: Debian with Ignition, with
// the lane's overlay; one port and no extra disk a machine; one machine of each
// range, which says as much as all of them.
func (r *run) adapt(without []string) error {
	var t map[string]any
	if err := readYAML(r.path(), &t); err != nil {
		return err
	}
	lane := map[string]any{}
	if err := readYAML(filepath.Join(r.lab.tree, "test/boot/overlay/container.yaml"), &lane); err != nil {
		return err
	}
	mergeInto(t, lane)
	delete(t, "overlays")
	if cgroup1() {
		overlay := filepath.Join(r.dir, "cgroup1.bu")
		if err := copyFile(filepath.Join(r.lab.tree, "test/boot/overlay/cgroup1.bu"), overlay); err != nil {
			return err
		}
		t["overlays"] = []string{filepath.Base(overlay)}
	}
	mergeInto(t, r.Set)
	hosts, _ := t["hosts"].([]any)
	t["hosts"] = slices.DeleteFunc(hosts, func(entry any) bool {
		h, _ := entry.(map[string]any)
		for _, key := range []string{"mac", "disks", "os", "format", "overlays"} {
			delete(h, key)
		}
		if names, ok := h["names"].(string); ok {
			h["names"] = wholeRange.ReplaceAllString(names, "[$1-$1]")
		}
		name, _ := h["name"].(string)
		return slices.Contains(without, name)
	})
	adapted, err := yaml.Marshal(t)
	if err != nil {
		return err
	}
	return os.WriteFile(r.adapted(), adapted, 0o644)
}

var wholeRange = regexp.MustCompile(`\[(\d+)-\d+\]`)

// mergeInto lays one tree of values over another. A profile that the topology
// switches off stays off.
func mergeInto(to, from map[string]any) {
	for key, value := range from {
		if to[key] == false {
			continue
		}
		below, ok := to[key].(map[string]any)
		if more, isMap := value.(map[string]any); ok && isMap {
			mergeInto(below, more)
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

// readHosts finds what the lab must know in the documents themselves.
func (r *run) readHosts() ([]host, error) {
	dirs, err := os.ReadDir(filepath.Join(r.dir, "out/hosts"))
	if err != nil {
		return nil, err
	}
	var hosts []host
	for _, d := range dirs {
		files, err := filesOf(r.document(d.Name()))
		if err != nil {
			return nil, err
		}
		h := host{Name: d.Name()}
		_, h.Node = files["/var/lib/kubelet/config.yaml"]
		_, h.ControlPlane = files["/etc/kubernetes/super-admin.conf"]
		for _, path := range slices.Sorted(maps.Keys(files)) {
			if strings.HasPrefix(path, "/etc/systemd/network/") && len(h.Addresses) == 0 {
				h.Addresses = addressesIn(files[path])
			}
		}
		hosts = append(hosts, h)
	}
	return hosts, nil
}

// filesOf gives the files of a document by path.
func filesOf(document string) (map[string]string, error) {
	raw, err := os.ReadFile(document)
	if err != nil {
		return nil, err
	}
	var config struct {
		Storage struct {
			Files []struct {
				Path     string
				Contents struct{ Source string }
			}
		}
	}
	if err := json.Unmarshal(raw, &config); err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, f := range config.Storage.Files {
		if files[f.Path], err = decode(f.Contents.Source); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", document, f.Path, err)
		}
	}
	return files, nil
}

// decode gives the text of a data URL.
func decode(source string) (string, error) {
	header, data, _ := strings.Cut(source, ",")
	if strings.HasSuffix(header, ";base64") {
		text, err := base64.StdEncoding.DecodeString(data)
		return string(text), err
	}
	return url.PathUnescape(data)
}
