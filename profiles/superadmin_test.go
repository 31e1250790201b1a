package profiles_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSuperAdmin: the objects are applied as super-admin until the role of its
// successor holds, and then super-admin.conf is removed; not before, and not where
// it is to be kept.
func TestSuperAdmin(t *testing.T) { eachMachine(t, testSuperAdmin) }

func testSuperAdmin(t *testing.T, m machine) {
	for name, c := range map[string]struct {
		heeded string // after how many questions the role holds
		keep   string
		first  string // who applies
		there  bool   // super-admin.conf, in the end
	}{
		"a new cluster":        {"1", "false", "super-admin.conf", false},
		"heeded late":          {"4", "false", "super-admin.conf", false},
		"another was faster":   {"0", "false", "kubespore.conf", false},
		"never heeded":         {"99", "false", "super-admin.conf", true},
		"kept, and not needed": {"0", "true", "kubespore.conf", true},
	} {
		dir := t.TempDir()
		super := filepath.Join(dir, "etc/kubernetes/super-admin.conf")
		writeFile(t, dir, "etc/kubernetes/super-admin.conf", "")
		writeFile(t, dir, "etc/kubernetes/kubespore.conf", "")
		writeFile(t, dir, "etc/kubespore/objects/kubeadm/roles.yaml", "")
		out := m.askAPI(t, dir, "objects/files/kubespore-objects.raw", `
case $* in
*"auth can-i"*)
	echo asked >>`+dir+`/asked
	(($(wc -l <`+dir+`/asked) > `+c.heeded+`)) ;;
*" apply "*) echo "$1" >>`+dir+`/applied ;;
esac
`, "", "KEEP_SUPER_ADMIN="+c.keep)
		applied, _ := os.ReadFile(filepath.Join(dir, "applied")) // nothing where it is not there
		if !strings.HasSuffix(strings.SplitN(string(applied), "\n", 2)[0], c.first) {
			t.Errorf("%s: applied with %s\n%s", name, applied, out)
		}
		if _, err := os.Stat(super); (err == nil) != c.there {
			t.Errorf("%s: super-admin.conf: %v\n%s", name, err, out)
		}
		if _, err := os.Stat(filepath.Join(dir, "lib/objects")); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
