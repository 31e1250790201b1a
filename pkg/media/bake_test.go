package media

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The script takes the images of systems that read cloud-init, and names why it takes
// no others.
func TestBakeKnowsSystems(t *testing.T) {
	for id, want := range map[string]string{
		"rhel": "a stock image", "almalinux": "a stock image", "debian": "a stock image",
		"fedora": "untouched image only", "opensuse-leap-micro": "untouched image only", "haiku": "not a system that kubespore knows",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "os-release"), []byte("ID="+id+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		// It ends before it changes anything: this machine is one of a cluster to it.
		script := strings.NewReplacer("/etc/os-release", dir+"/os-release", "/etc/kubespore", dir, `[ "$(id -u)" = 0 ]`, "true").Replace(Bake(catalog().Systems()))
		c := exec.Command("sh", "-s")
		c.Stdin = strings.NewReader(script)
		out, err := c.CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v, %s", id, err, out)
		}
	}
}
