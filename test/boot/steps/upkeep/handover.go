package upkeep

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/osfile"
	"github.com/kubespore/kubespore/test/boot/process"
)

// HandOver makes one machine the only one of another cluster by a kit, as docs/hand-over.md
// says, and waits until it has shut down to start again. From here on that cluster is asked.
func HandOver(ctx context.Context, r *lab.Run, words []string) (string, error) {
	machines, err := r.Named(ctx, words)
	if err != nil || len(machines) != 1 {
		return "", errors.Join(errors.New("name one machine"), err)
	}
	m := machines[0]
	inside, err := hardware.Inside(m)
	if err != nil {
		return "", err
	}
	out := filepath.Join(r.Dir, "other")
	if err := writeHandOver(ctx, r, m.Name, out); err != nil {
		return "", err
	}
	if err := copyKit(inside, filepath.Join(kits(r), m.Name)); err != nil {
		return "", err
	}
	if _, err := inside.Do(ctx, applyKit); err != nil {
		return "", err
	}
	r.Admin = filepath.Join(out, "admin.conf")
	return "", m.ShutDown(ctx) // a container that restarts has ended
}

// writeHandOver builds the other cluster next to the one that the machine leaves, and writes
// the kit.
func writeHandOver(ctx context.Context, r *lab.Run, name, out string) error {
	var t map[string]any
	if err := osfile.ReadYAML(r.Adapted(), &t); err != nil {
		return err
	}
	old, _ := t["cluster"].(map[string]any)["name"].(string)
	// Where kubespore looks for it, next to the topology.
	if err := os.CopyFS(filepath.Join(r.Dir, old+".pki"), os.DirFS(r.Store())); err != nil {
		return err
	}
	to := filepath.Join(r.Dir, "other.yaml")
	hosts, _ := t["hosts"].([]any)
	for _, entry := range hosts {
		if h, _ := entry.(map[string]any); h["name"] == name {
			h["roles"] = []string{"control-plane", "worker"}
			address, _ := h["address"].(string)
			endpoint, _, _ := strings.Cut(address, "/")
			t["hosts"], t["cluster"] = []any{h}, map[string]any{"name": "other", "endpoint": endpoint}
		}
	}
	text, err := yaml.Marshal(t)
	if err == nil {
		err = os.WriteFile(to, text, 0o644)
	}
	for _, args := range [][]string{{"build", to, "-o", out}, {"kit", "--from", r.Adapted(), to, name, "--build", out, "-o", kits(r)}} {
		if err == nil {
			_, err = process.Run(ctx, r.Lab.Tools["kubespore"], append(args, "--quiet")...)
		}
	}
	return err
}
