package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fewestKnown is how many words of other tools the page translates at least.
const fewestKnown = 80

var knownRow = regexp.MustCompile("(?m)^\\| ([^|]+) \\| [^|]+ \\| `([^`|]+)` \\|$")

// TestKnownAs compiles the right column of docs/known-as.md: each line laid over
// examples/ha.yaml, as a part of the topology or of its worker w1.
func TestKnownAs(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles more than a hundred topologies")
	}
	page, err := os.ReadFile("../../docs/known-as.md")
	if err != nil {
		t.Fatal(err)
	}
	topology, host, found := strings.Cut(string(page), "\n## In a host")
	if !found {
		t.Fatal("the page has no table of hosts")
	}
	bin, folder := program(t), t.TempDir()
	known := knownRow.FindAllStringSubmatch(topology, -1)
	ofHosts := knownRow.FindAllStringSubmatch(host, -1)
	args := []string{"check"}
	add := func(row string, text []byte) {
		file := filepath.Join(folder, fmt.Sprintf("%03d.yaml", len(args)))
		write(t, file, "# "+row+"\n"+string(text))
		args = append(args, file)
	}
	// What rows name stands next to them.
	if err := os.CopyFS(filepath.Join(folder, "files"), os.DirFS("../../testdata/good/files")); err != nil {
		t.Fatal(err)
	}
	for _, row := range known {
		add(row[0], lay(t, row[0], row[2]))
	}
	for _, row := range ofHosts {
		add(row[0], layHost(t, row[0], row[2]))
	}
	if out, err := exec.Command(bin, args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	// Two lines of each table are its head.
	lines := strings.Count(string(page), "\n|") - 4
	if rows := len(known) + len(ofHosts); rows < fewestKnown || rows != lines {
		t.Errorf("%d rows were compiled, of %d; at least %d are wanted", rows, lines, fewestKnown)
	}
}

// layHost merges a part over the worker w1 of examples/ha.yaml.
func layHost(t *testing.T, where, part string) []byte {
	t.Helper()
	topology := starter(t)
	hosts := topology["hosts"].([]any)
	at := slices.IndexFunc(hosts, func(h any) bool { return h.(map[string]any)["name"] == "w1" })
	hosts[at] = merge(hosts[at].(map[string]any), mapping(t, where, part))
	return marshal(t, topology)
}
