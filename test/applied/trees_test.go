//go:build real

package applied

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/document"
)

// pairs are the topologies that are applied in both forms: every example and
// more.yaml on one system, and one example on each system that has both: a smaller
// one where the system is another's kin.
func pairs(t *testing.T) [][2]string {
	var out [][2]string
	for _, topology := range append(examples(t), "more.yaml") {
		out = append(out, [2]string{topology, system(t, topology)})
	}
	for system, facts := range systems(t) {
		switch {
		case facts.Like != "":
			out = append(out, [2]string{"../../examples/single.yaml", system})
		case len(facts.Formats) > 1 && system != "debian":
			out = append(out, [2]string{"../../examples/ha.yaml", system})
		}
	}
	slices.SortFunc(out, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	return out
}

// facts are what decides here of what a profile says about its operating system.
type facts struct {
	Like     string
	Formats  []string
	Programs []string
	Packages map[string]string
	Writable []string
	Links    map[string]string
}

// systems has the facts of every operating system by its name in a topology.
func systems(t *testing.T) map[string]facts {
	t.Helper()
	files, err := filepath.Glob("../../profiles/os-*/profile.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no operating systems", err)
	}
	out := map[string]facts{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var profile struct{ System facts }
		if err := yaml.Unmarshal(text, &profile); err != nil {
			t.Fatal(file, err)
		}
		out[strings.TrimPrefix(filepath.Base(filepath.Dir(file)), "os-")] = profile.System
	}
	for name, f := range out {
		if f.Like != "" {
			f.Programs, f.Packages = out[f.Like].Programs, out[f.Like].Packages
			out[name] = f
		}
	}
	return out
}

// builtProfiles has every profile that some host of a pair has.
var builtProfiles sync.Map

func note(t *testing.T, result []byte) {
	t.Helper()
	var said struct {
		Result struct{ Hosts []struct{ Profiles []string } }
	}
	if err := json.Unmarshal(result, &said); err != nil {
		t.Fatal(err)
	}
	for _, h := range said.Result.Hosts {
		for _, name := range h.Profiles {
			builtProfiles.Store(name, true)
		}
	}
}

// everyProfile proves that no profile was left out: what is not in an example
// belongs into more.yaml.
func everyProfile(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob("../../profiles/*/profile.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no profiles", err)
	}
	known := systems(t)
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		if slices.Equal(known[strings.TrimPrefix(name, "os-")].Formats, []string{"ignition"}) {
			continue // it has one form
		}
		if _, built := builtProfiles.Load(name); !built {
			t.Errorf("no document applied here has the profile %s: add it to test/applied/more.yaml", name)
		}
	}
}

// TestTwoTreesOneTruth applies both forms of every example, each by the real
// program, to copies of one image, and compares what they leave.
func TestTwoTreesOneTruth(t *testing.T) {
	needRoot(t)
	var applied atomic.Int32
	t.Cleanup(func() {
		if int(applied.Load()) < len(pairs(t)) {
			return // not all of them were asked for
		}
		everyProfile(t)
		for _, d := range differences(t) {
			if _, used := usedDifferences.Load(d.Path); !used && !t.Failed() {
				t.Errorf("formats.yaml: nothing differs at %s any more", d.Path)
			}
		}
	})
	for _, pair := range pairs(t) {
		t.Run(filepath.Base(pair[0])+"/"+pair[1], func(t *testing.T) {
			t.Parallel()
			applied.Add(1)
			ignition, cloudInit := both(t, pair[0], pair[1])
			for _, host := range kinds(t, ignition) {
				one, two := newLayer(t), newLayer(t)
				apply(t, one.root, filepath.Join(ignition, host, "config.ign"))
				preset(t, one.root)
				seed(t, two, filepath.Join(cloudInit, host))
				assemble(t, two, "cloud-init schema --config-file /var/lib/cloud/seed/nocloud/user-data")
				compare(t, host, one, two)
				nothingLeft(t, host, two)
			}
		})
	}
}

// TestTwoTreesOnDebian13 does the same with the systemd and the cloud-init of Debian 13.
func TestTwoTreesOnDebian13(t *testing.T) {
	needRoot(t)
	ignition, cloudInit := both(t, "../../examples/ha.yaml", "debian")
	for _, host := range kinds(t, ignition) {
		one, two := newLayerOf(t, "debian-13"), newLayerOf(t, "debian-13")
		apply(t, one.root, filepath.Join(ignition, host, "config.ign"))
		preset(t, one.root)
		seed(t, two, filepath.Join(cloudInit, host))
		assemble(t, two, "cloud-init schema --config-file /var/lib/cloud/seed/nocloud/user-data")
		compare(t, host, one, two)
		nothingLeft(t, host, two)
		raw, err := os.ReadFile(filepath.Join(ignition, host, "config.ign"))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := document.Decode(host, raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		standIns(t, one.root, programs(t, one.root))
		verifyUnits(t, one.root, doc)
	}
}

// kinds gives one host of each kind: documents with the same paths, modes,
// owners and units are lowered alike.
func kinds(t *testing.T, hosts string) []string {
	t.Helper()
	var out []string
	seen := map[string]bool{}
	for _, host := range representatives(t, hosts) {
		raw, err := os.ReadFile(filepath.Join(hosts, host, "config.ign"))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := document.Decode(host, raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := doc.Entries()
		if err != nil {
			t.Fatal(err)
		}
		rest, err := json.Marshal([]any{doc.Config.Passwd, doc.Config.Storage.Filesystems})
		if err != nil {
			t.Fatal(err)
		}
		kind := string(rest)
		for _, e := range entries {
			kind += fmt.Sprintf("\n%s %s %o %s %s %t %s", e.Path, e.Kind, e.Mode, e.User, e.Group, e.Masked, e.Target)
		}
		if !seen[kind] {
			seen[kind] = true
			out = append(out, host)
		}
	}
	return out
}

// difference is something in which the two trees may differ, and why.
type difference struct{ Path, Reason string }

func differences(t *testing.T) []difference {
	t.Helper()
	text, err := os.ReadFile("formats.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out []difference
	if err := yaml.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	for _, d := range out {
		if d.Reason == "" || !path.IsAbs(d.Path) {
			t.Fatalf("formats.yaml: %+v", d)
		}
	}
	return out
}

// usedDifferences notes which lines of formats.yaml were of use.
var usedDifferences sync.Map

// compare compares two layers, path by path.
func compare(t *testing.T, host string, one, two layer) {
	t.Helper()
	allowed := differences(t)
	a, b := one.written(t), two.written(t)
	var paths []string
	for p := range a {
		paths = append(paths, p)
	}
	for p := range b {
		if _, both := a[p]; !both {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	for _, p := range paths {
		if p == "/" || strings.HasPrefix(a[p]+b[p], "folder of the image") {
			continue
		}
		x, y := one.look(t, p), two.look(t, p)
		if x == y {
			continue
		}
		i := slices.IndexFunc(allowed, func(d difference) bool { return covers(d.Path, p) })
		if i < 0 {
			t.Errorf("%s: %s\nignition   %.300s\ncloud-init %.300s", host, p, x, y)
			continue
		}
		usedDifferences.Store(allowed[i].Path, true)
	}
}

// covers says whether a pattern names a path, or a folder above it when it ends
// with a slash.
func covers(pattern, name string) bool {
	if strings.HasSuffix(pattern, "/") {
		return strings.HasPrefix(name+"/", pattern)
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// written gives every path that was written to a layer.
func (l layer) written(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(l.upper, func(name string, d fs.DirEntry, err error) error {
		out["/"+strings.TrimPrefix(strings.TrimPrefix(name, l.upper), "/")] = ""
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// look describes what is at a path: type, mode, owner, bytes.
func (l layer) look(t *testing.T, name string) string {
	t.Helper()
	full := filepath.Join(l.root, name)
	info, err := os.Lstat(full)
	if err != nil {
		return "nothing"
	}
	stat := info.Sys().(*syscall.Stat_t)
	out := fmt.Sprintf("%s %d:%d", info.Mode(), stat.Uid, stat.Gid)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(full)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("link %d:%d %s", stat.Uid, stat.Gid, target)
	case info.Mode().IsRegular():
		content, err := os.ReadFile(full)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s %q", out, neutral(name, content))
	}
	return out
}

// neutral takes out of account files what does not make another account.
func neutral(name string, content []byte) []byte {
	switch {
	case name == "/etc/shadow":
		// * and ! alike are passwords that nothing matches; * is what
		// Ignition gives an account without one, ! what useradd does.
		return regexp.MustCompile(`(?m)^([^:]+):[*!]:`).ReplaceAll(content, []byte("$1:none:"))
	case strings.HasSuffix(name, "/.ssh/authorized_keys"):
		lines := strings.Fields(strings.ReplaceAll(strings.ReplaceAll(string(content), " ", "_"), "\n", " "))
		slices.Sort(lines)
		return []byte(strings.Join(lines, "\n"))
	}
	return content
}
