package compile_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/compile/compiletest"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/emit"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/render"
	"github.com/kubespore/kubespore/profiles"
)

// TestLowering lowers the hosts of every example, and of one for each system
// with cloud-init, without a diagnostic: what is read back says what the
// document says, and every built-in profile was there.
func TestLowering(t *testing.T) {
	var seen []string
	for _, pattern := range []string{"../../examples/*.yaml", "../../examples/seeds/*.yaml", "../../test/applied/more.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			t.Run(filepath.Base(file), func(t *testing.T) { seen = append(seen, lower(t, file, "debian")...) })
		}
	}
	for _, system := range []string{"ubuntu", "rocky", "alma", "rhel", "oracle"} {
		t.Run(system, func(t *testing.T) { seen = append(seen, lower(t, "../../examples/ha.yaml", system)...) })
	}
	all, err := fs.Glob(profiles.FS, "*/profile.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		// Their systems read Ignition only.
		if name := filepath.Dir(file); !slices.Contains([]string{"os-fedora-coreos", "os-flatcar", "os-opensuse-leap-micro"}, name) && !slices.Contains(seen, name) {
			t.Errorf("no document here has the profile %s: add it to test/applied/more.yaml", name)
		}
	}
}

// lower lowers the hosts of a topology that are not alike, and gives their
// profiles.
func lower(t *testing.T, file, system string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = fmt.Appendf(regexp.MustCompile(`(?m)^(os|format): .*\n`).ReplaceAll(text, nil), "\nos: %s\nformat: cloud-init\n", system)
	project, list := compile.Load(file, text, profile.Source{Name: "profiles", FS: profiles.FS})
	if list.HasErrors() {
		t.Fatal(list)
	}
	beside := func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(filepath.Dir(file), name)) }
	project.ReadFiles(beside)
	planned, evaluator, list := project.Plan(plan.Allocations{})
	if list.HasErrors() {
		t.Fatal(list)
	}
	renderer, list := render.New(planned, evaluator, func(name string) ([]byte, fs.FS, error) {
		text, err := beside(name)
		return text, nil, err
	})
	if list.HasErrors() {
		t.Fatal(list)
	}
	renderer.SetGeneration(1)
	keys, _ := compiletest.Keys(planned, now)
	var out []string
	alike := map[string]bool{}
	for _, h := range planned.Hosts {
		for _, s := range h.Selected {
			out = append(out, s.Name)
		}
		if kind := fmt.Sprint(h.Roles, h.Arch); alike[kind] {
			continue
		} else {
			alike[kind] = true
		}
		doc, list := renderer.Host(h, keys)
		if len(list) > 0 {
			t.Fatalf("%s: %v", h.Name, list)
		}
		seed, list := emit.CloudInit(doc)
		if len(list) > 0 {
			t.Fatalf("%s: %v", h.Name, list)
		}
		back, err := emit.ReadCloudInit(h.Name, seed.UserData, []string{})
		if err != nil {
			t.Fatal(err)
		}
		want, err := doc.Entries()
		if err != nil {
			t.Fatal(err)
		}
		got, err := back.Entries()
		if err != nil {
			t.Fatal(err)
		}
		if difference := cmp.Diff(want, got, cmpopts.IgnoreFields(document.Entry{}, "Secret")); difference != "" {
			t.Errorf("%s: %.2000s", h.Name, difference)
		}
		byName := cmp.Options{
			cmpopts.SortSlices(func(a, b types.PasswdGroup) bool { return a.Name < b.Name }),
			cmpopts.SortSlices(func(a, b types.PasswdUser) bool { return a.Name < b.Name }),
			cmpopts.EquateEmpty(),
		}
		if difference := cmp.Diff(doc.Config.Passwd, back.Config.Passwd, byName) + cmp.Diff(doc.Config.Storage.Filesystems, back.Config.Storage.Filesystems, cmpopts.EquateEmpty()); difference != "" {
			t.Errorf("%s: %s", h.Name, difference)
		}
	}
	return out
}
