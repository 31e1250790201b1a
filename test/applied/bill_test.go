//go:build real

package applied

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// bill gives the paths of each host's programs, by the bill of materials.
func (b built) bill(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command(workspace.kubespore, "payload", "list", b.topology, "--pki", b.pki, "--format=json").Output()
	if err != nil {
		t.Fatalf("payload list: %v\n%s", err, out)
	}
	var said struct {
		Result struct {
			Binaries []struct{ Paths, Hosts []string }
		}
	}
	if err := json.Unmarshal(out, &said); err != nil || len(said.Result.Binaries) == 0 {
		t.Fatalf("payload list: %v\n%s", err, out)
	}
	bill := map[string][]string{}
	for _, x := range said.Result.Binaries {
		for _, host := range x.Hosts {
			bill[host] = append(bill[host], x.Paths...)
		}
	}
	return bill
}

// programs gives the paths of the bill of materials, as the host itself knows
// them: none where the system's own packages do all, as on an NFS server.
func programs(t *testing.T, root string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "etc/kubespore/binaries"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 0 && strings.HasPrefix(f[0], "/") {
			out = append(out, f[0])
		}
	}
	slices.Sort(out)
	return out
}

// asBilled holds the programs that a host knows of against those that the bill
// of materials has for it. What runs a kubelet has at least that one.
func asBilled(t *testing.T, root string, listed, billed []string) {
	t.Helper()
	billed = slices.Sorted(slices.Values(billed))
	if !slices.Equal(listed, billed) {
		t.Errorf("/etc/kubespore/binaries names %v, and the bill of materials %v", listed, billed)
	}
	_, err := os.Stat(filepath.Join(root, "etc/systemd/system/kubelet.service"))
	if err == nil && !slices.Contains(listed, "/opt/bin/kubelet") {
		t.Errorf("/etc/kubespore/binaries names no kubelet, and there is a unit of it: %v", listed)
	}
}
