//go:build real

package applied

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/document"
)

// TestSELinuxPolicy asks Debian's policy, compiled with its modules for containers and
// Kubernetes, for the label of every path of a document: none is one that programs of a
// system may not read or start.
func TestSELinuxPolicy(t *testing.T) {
	needRoot(t)
	root, err := image("selinux")
	if err != nil {
		t.Fatal(err)
	}
	b := buildFor(t, "../../examples/ha.yaml", "debian")
	kinds := map[string][]string{"file": {"/opt/bin/kubelet", "/opt/bin/containerd", "/opt/cni/bin/bridge"}}
	starts := slices.Clone(kinds["file"])
	for _, host := range []string{"cp1", "w1"} {
		entries, err := decoded(t, b, host).Entries()
		if err != nil || len(entries) == 0 {
			t.Fatal("no entries", err)
		}
		for _, e := range entries {
			switch {
			case e.Kind == document.KindDirectory:
				kinds["dir"] = append(kinds["dir"], e.Path)
			case e.Kind == document.KindFile || e.Kind == document.KindUnit && len(e.Content) > 0:
				kinds["file"] = append(kinds["file"], e.Path)
			}
			if e.Kind == document.KindFile && e.Mode&0o111 != 0 {
				starts = append(starts, e.Path)
			}
		}
	}
	labels := map[string]string{}
	label := regexp.MustCompile(`^(\S+)\t\w+:\w+:(\w+):s0$`)
	for kind, paths := range kinds {
		slices.Sort(paths)
		ask := []string{root, "matchpathcon", "-m", kind, "-f", "/etc/selinux/default/contexts/files/file_contexts"}
		for line := range strings.Lines(run(t, "chroot", append(ask, slices.Compact(paths)...)...)) {
			found := label.FindStringSubmatch(strings.TrimSpace(line))
			if found == nil {
				t.Fatalf("matchpathcon: %s", line)
			}
			labels[found[1]] = found[2]
		}
	}
	for path, is := range labels {
		unit := strings.HasPrefix(path, "/etc/systemd/system/") && regexp.MustCompile(`\.(service|timer|socket|mount|target)$`).MatchString(path)
		switch {
		case slices.Contains([]string{"default_t", "unlabeled_t", "var_t", "usr_t", "user_home_t", "tmp_t"}, is):
			t.Errorf("%s is %s, which belongs to no program", path, is)
		case slices.Contains(starts, path) && is != "bin_t" && is != "container_plugin_t":
			t.Errorf("%s is to be started, and is %s", path, is)
		case unit && !strings.HasSuffix(is, "_unit_t"):
			t.Errorf("%s is a unit, and is %s", path, is)
		case filepath.Dir(path) == "/etc/kubernetes" && is != "kubernetes_config_t":
			t.Errorf("%s is %s", path, is)
		}
	}
	if len(labels) < 100 {
		t.Errorf("only %d paths have labels", len(labels))
	}
}
