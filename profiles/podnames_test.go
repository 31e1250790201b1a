package profiles_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/profiles"
)

// TestPodNames: the names of pods are written once for changes that come together,
// and only where they differ from what the cluster has.
func TestPodNames(t *testing.T) { eachMachine(t, testPodNames) }

func testPodNames(t *testing.T, m machine) {
	const names = "10.0.1.2 web-0.test.com\n10.0.2.3 db.test.com"
	for held, want := range map[string]string{"10.0.1.9 web-0.test.com": "1 publications\n" + names, names: "0 publications\n"} {
		t.Run(want[:1]+" to write", func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			kubectl := `case "$*" in
*--watch*) echo pod/web-0; echo pod/db ;;
*"get pods"*) printf '10.0.2.3 db\n10.0.1.2 web-0\n' ;;
*"get configmap"*) printf '` + strings.ReplaceAll(held, "\n", `\n`) + `' ;;
*"create configmap"*) printf '%s\n' "$@" | sed -n '/^--from-literal=hosts=/,/^--dry-run/p' | sed 's/^--from-literal=hosts=//; /^--dry-run/d' ;;
*apply*) cat >>` + dir + `/applied; echo >>` + dir + `/times ;;
*annotate*) ;;
*) exit 1 ;;
esac
`
			text, err := profiles.FS.ReadFile("coredns/files/kubespore-pod-names.raw")
			if err != nil {
				t.Fatal(err)
			}
			writeFile(t, dir, "kubectl", "#!/bin/bash\n"+kubectl)
			waiting, err := profiles.FS.ReadFile("base/files/waiting.bash.raw")
			if err != nil {
				t.Fatal(err)
			}
			writeFile(t, dir, "waiting", string(waiting))
			writeFile(t, dir, "script", strings.ReplaceAll(string(text), "/opt/kubespore/lib", dir))
			c := m.bash(filepath.Join(dir, "script"), "test.com")
			c.Env = append(os.Environ(), m.path(dir))
			out, err := c.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			applied, _ := os.ReadFile(filepath.Join(dir, "applied"))
			times, _ := os.ReadFile(filepath.Join(dir, "times"))
			if got := string(rune('0'+len(times))) + " publications\n" + strings.TrimSpace(string(applied)); got != want {
				t.Errorf("got %q, want %q\n%s", got, want, out)
			}
		})
	}
}
