package profiles_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRefused: an object that the API server refuses does not hold up the others, is
// named on the console, and is tried ever more rarely; what was applied is not forced
// again.
func TestRefused(t *testing.T) { eachMachine(t, testRefused) }

func testRefused(t *testing.T, m machine) {
	dir := t.TempDir()
	for _, name := range []string{"kubeadm/10-roles.yaml", "manifests/00-good.yaml", "manifests/01-bad.yaml"} {
		writeFile(t, dir, "etc/kubespore/objects/"+name, "x\n")
	}
	kubectl := `
case $* in
*"get configmap"*) exit 0 ;;
*" apply "*) echo "$*" >>` + dir + `/applied ;;
esac
case $* in
*01-bad.yaml*)
	if [ ! -e ` + dir + `/mended ]; then echo 'The Deployment "bad" is invalid: spec.selector: Required value' >&2; exit 1; fi ;;
esac
`
	attempt := func() (applied, rests, console, said string) {
		for _, name := range []string{"applied", "rests"} {
			_ = os.Remove(filepath.Join(dir, name)) // it may not be there
		}
		said = m.askAPI(t, dir, "objects/files/kubespore-objects.raw", kubectl, "echo $1 >>"+dir+"/rests\n")
		read := func(name string) string {
			text, _ := os.ReadFile(filepath.Join(dir, name)) // nothing where it is not there
			return string(text)
		}
		return read("applied"), read("rests"), read("run/waiting/kubespore-objects.service"), said
	}
	for i, want := range []struct{ rests string }{{""}, {""}, {"5\n"}, {"10\n"}, {"20\n"}} {
		applied, rests, console, said := attempt()
		if rests != want.rests {
			t.Errorf("attempt %d rests %q, not %q\n%s", i, rests, want.rests, said)
		}
		if !strings.Contains(console, "refuses manifests/01-bad.yaml: journalctl") {
			t.Errorf("attempt %d: the console says %q\n%s", i, console, said)
		}
		if got, want := strings.Contains(applied, "00-good.yaml"), i == 0; got != want {
			t.Errorf("attempt %d applies what is right: %v\n%s", i, got, applied)
		}
		if strings.Contains(applied, "--filename=-") {
			t.Errorf("attempt %d: the generation is there\n%s", i, applied)
		}
	}
	writeFile(t, dir, "mended", "")
	applied, _, console, said := attempt()
	if console != "" || !strings.Contains(applied, "--filename=-") || !strings.Contains(applied, "01-bad.yaml") {
		t.Errorf("once it is right: console %q, applied %s\n%s", console, applied, said)
	}
}

// TestDeclaredNodes: a Node that no kubelet registers is created from its line where the
// cluster does not know its name, and others are not touched.
func TestDeclaredNodes(t *testing.T) { eachMachine(t, testDeclaredNodes) }

func testDeclaredNodes(t *testing.T, m machine) {
	dir := t.TempDir()
	const missing = `{"kind":"Node","metadata":{"labels":{"name":"n1"},"name":"n10"},"spec":{"taints":[{"key":"a b","value":"\\"}]}}`
	writeFile(t, dir, "etc/kubespore/nodes", "n1 {\"metadata\":{\"name\":\"n1\"}}\nn10 "+missing+"\n\n")
	out := m.askAPI(t, dir, "objects/files/kubespore-objects.raw", `
case $* in
*"get nodes"*) echo node/n1 ;;
*" create "*) cat >>`+dir+`/created ;;
esac
`, ":\n")
	created, err := os.ReadFile(filepath.Join(dir, "created"))
	if err != nil || string(created) != missing+"\n" {
		t.Errorf("created %s, %v\n%s", created, err, out)
	}
}
