package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/issuer"
	"github.com/kubespore/kubespore/test/boot/osfile"
	"github.com/kubespore/kubespore/test/boot/process"
)

// Build compiles the scenario's topology for the machines of this lane, and
// reads off which hosts there are. The store of keys stays from one build of
// a scenario to the next.
func (r *Run) Build(ctx context.Context, without []string) error {
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		return err
	}
	if err := r.Adapt(without); err != nil {
		return err
	}
	if _, err := r.Kubespore(ctx, "build", r.Adapted(), "-o", filepath.Join(r.Dir, "out")); err != nil {
		return err
	}
	var err error
	r.Hosts, err = documents.ReadHosts(filepath.Join(r.Dir, "out"), documents.FileNames[r.Format])
	return err
}

// leafLife is for how long certificates are valid where the topology does not say.
const leafLife = 365 * 24 * time.Hour

// Kubespore runs the product, with the scenario's store of keys and its own profiles, and
// with a clock that is behind where certificates are not to live for long.
func (r *Run) Kubespore(ctx context.Context, args ...string) (string, error) {
	if r.Profiles != "" {
		args = append(args, "--profiles", filepath.Join(r.Lab.Tree, r.Profiles))
	}
	args = append(args, "--quiet", "--pki", r.Store())
	if r.Valid > 0 {
		made := time.Now().Add(r.Valid - leafLife)
		return process.Run(ctx, "env", append([]string{fmt.Sprintf("SOURCE_DATE_EPOCH=%d", made.Unix()), r.Lab.Tools["kubespore"]}, args...)...)
	}
	return process.Run(ctx, r.Lab.Tools["kubespore"], args...)
}

// Store is where the scenario's keys are kept.
func (r *Run) Store() string { return filepath.Join(r.Dir, "pki") }

// Minor is the minor of Kubernetes that the scenario's topology names.
func (r *Run) Minor() (string, error) {
	var t map[string]any
	if err := osfile.ReadYAML(r.Path(), &t); err != nil {
		return "", err
	}
	osfile.Merge(t, r.Set, false)
	kubernetes, _ := t["kubernetes"].(map[string]any)
	version, _ := kubernetes["version"].(string)
	return MinorOf(version)
}

// Adapted is the topology that the lane boots.
func (r *Run) Adapted() string { return filepath.Join(r.Dir, "cluster.yaml") }

// Adapt writes the topology as the lane boots it: on Debian, with the lane's
// overlay; one machine of each range, which says as much as all of them.
// Containers have one port, no hardware address and no extra disk.
func (r *Run) Adapt(without []string) error {
	var t map[string]any
	if err := osfile.ReadYAML(r.Path(), &t); err != nil {
		return err
	}
	lane, foreign := map[string]any{"os": "debian", "format": r.Format}, []string{"os", "format", "overlays"}
	if r.Lane != MachineLane {
		foreign = append(foreign, "mac", "disks")
		if err := osfile.ReadYAML(filepath.Join(r.Lab.Tree, "test/boot/overlay/container.yaml"), &lane); err != nil {
			return err
		}
	}
	osfile.Merge(t, lane, true)
	delete(t, "overlays")
	if r.Lane != MachineLane && process.Cgroup1() {
		overlay := filepath.Join(r.Dir, "cgroup1.bu")
		if err := osfile.Copy(filepath.Join(r.Lab.Tree, "test/boot/overlay/cgroup1.bu"), overlay); err != nil {
			return err
		}
		t["overlays"] = []string{filepath.Base(overlay)}
	}
	osfile.Merge(t, r.Set, false)
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
	if err := r.trustIssuer(t); err != nil {
		return err
	}
	adapted, err := yaml.Marshal(t)
	if err != nil {
		return err
	}
	return os.WriteFile(r.Adapted(), adapted, 0o644)
}

// copyManifests puts the user's own manifests and logins next to the adapted topology,
// as they are next to the original one, or next to scenarios.yaml.
func (r *Run) copyManifests(t map[string]any) error {
	profiles, _ := t["profiles"].(map[string]any)
	manifests, _ := profiles["manifests"].(map[string]any)
	files, _ := manifests["files"].([]any)
	registry, _ := profiles["registry"].(map[string]any)
	if logins, ok := registry["htpasswd"]; ok {
		files = append(slices.Clone(files), logins)
	}
	for _, f := range files {
		from, to := filepath.Join(filepath.Dir(r.Path()), fmt.Sprint(f)), filepath.Join(r.Dir, fmt.Sprint(f))
		if !osfile.Exists(from) {
			from = filepath.Join(r.Lab.Tree, "test/boot", fmt.Sprint(f))
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := osfile.Copy(from, to); err != nil {
			return err
		}
	}
	return nil
}

// trustIssuer has the API servers take the tokens of the scenario's issuer. The issuer
// stays the same from one build of a scenario to the next.
func (r *Run) trustIssuer(t map[string]any) (err error) {
	if r.Issuer == "" {
		return nil
	}
	if r.Tokens == nil {
		if r.Tokens, err = issuer.New(r.Issuer); err != nil {
			return err
		}
	}
	trusted := map[string]any{"issuer": r.Issuer, "audiences": []any{issuer.Audience}, "groupsClaim": "groups", "ca": string(r.Tokens.Certificate)}
	osfile.Merge(t, map[string]any{"profiles": map[string]any{"control-plane": map[string]any{"oidc": []any{trusted}}}}, false)
	return nil
}

var wholeRange = regexp.MustCompile(`\[(\d+)-\d+\]`)
