package upkeep

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/osfile"
)

// ChangeTopology lays values over the topology that the scenario boots, and builds.
func ChangeTopology(ctx context.Context, r *lab.Run, words []string) (string, error) {
	changes, all := map[string]any{}, map[string]any{}
	if err := yaml.Unmarshal([]byte(strings.Join(words, " ")), &changes); err != nil {
		return "", err
	}
	osfile.Merge(all, r.Set, false)
	osfile.Merge(all, changes, false)
	r.Set = all
	return "", r.Build(ctx, r.Without)
}

// TakeFile keeps a file of a machine outside, where a new disk does not lose it.
func TakeFile(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return copyFile(ctx, r, words, osfile.Copy)
}

// GiveFile puts into a machine what TakeFile has kept, of whichever machine it was.
func GiveFile(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return copyFile(ctx, r, words, func(inside, outside string) error { return osfile.Copy(outside, inside) })
}

func copyFile(ctx context.Context, r *lab.Run, words []string, copy func(inside, outside string) error) (string, error) {
	if len(words) != 2 {
		return "", fmt.Errorf("wants a machine and a path")
	}
	outside := filepath.Join(r.Dir, "kept", filepath.Base(words[1]))
	if err := os.MkdirAll(filepath.Dir(outside), 0o700); err != nil {
		return "", err
	}
	return r.Each(ctx, words[:1], func(m *lab.Machine) error {
		c, err := hardware.Inside(m)
		if err != nil {
			return err
		}
		return copy(filepath.Join(c.Root(), words[1]), outside)
	})
}
