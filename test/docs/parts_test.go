package docs

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/kubespore/kubespore/test/parts"
)

// fetchInName puts the parts that cluster.yaml needs into a folder.
func fetchInName(t *testing.T, dir, folder string, env []string) {
	t.Helper()
	c := exec.Command("bash", "-c", "kubespore payload list --format json cluster.yaml")
	c.Dir, c.Env = dir, env
	bill, err := c.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, bill)
	}
	if err := parts.Write(filepath.Join(dir, folder), bill); err != nil {
		t.Fatal(err)
	}
}
