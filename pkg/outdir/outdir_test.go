package outdir

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable"
	"github.com/kubespore/kubespore/pkg/durable/durabletest"
)

// fast spares the tests the flushing of the machine's disk.
func fast() *durabletest.FS { return &durabletest.FS{} }

func about(inputs string) About {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return About{Kubespore: "v1", Cluster: "prod", Topology: "t", Inputs: inputs, Generation: 1, Issued: noon, BootBy: noon, RenewBy: noon}
}

func files(version string) []File {
	return []File{
		{Path: "admin.conf", Secret: true, Data: []byte("admin")},
		{Path: "hosts/cp1/config.ign", Host: "cp1", Secret: true, Data: []byte("cp1 " + version)},
		{Path: "hosts/w1/config.ign", Host: "w1", Secret: true, Data: []byte("w1")},
	}
}

// build does a whole build.
func build(dir, version string, fsys durable.FS) error {
	d, err := Open(dir, Options{Cluster: "prod", FS: fsys})
	if err != nil {
		return err
	}
	defer d.Close()
	s, list := d.Stage()
	if list.HasErrors() {
		return &diag.Failure{Diagnostic: list[0]}
	}
	for _, f := range files(version) {
		if err := s.Write(f); err != nil {
			return err
		}
	}
	return s.Commit(about(version))
}

func mustBuild(t *testing.T, dir, version string) {
	t.Helper()
	if err := build(dir, version, fast()); err != nil {
		t.Fatal(err)
	}
}

// tree gives every file below a folder with its content, without the
// manifest; it fails unless the manifest describes it exactly.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	m, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if m == nil {
		return nil
	}
	out := map[string]string{}
	for _, f := range m.Files {
		data, err := os.ReadFile(filepath.Join(dir, f.Path))
		if err != nil {
			t.Fatal(err)
		}
		if digest(data) != f.SHA256 || int64(len(data)) != f.Size {
			t.Fatalf("%s is not what the manifest says", f.Path)
		}
		out[f.Path] = string(data)
	}
	names, err := durable.Files(dir)
	if err != nil || len(names) != len(out)+1 {
		t.Fatalf("the folder holds %v, the manifest %v (%v)", names, slices.Sorted(maps.Keys(out)), err)
	}
	return out
}

func codeOf(err error) string {
	var f *diag.Failure
	if errors.As(err, &f) {
		return f.Code
	}
	return fmt.Sprint(err)
}

func TestBuild(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "out")
	mustBuild(t, dir, "1")
	got := tree(t, dir)
	want := map[string]string{"admin.conf": "admin", "hosts/cp1/config.ign": "cp1 1", "hosts/w1/config.ign": "w1"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for name, mode := range map[string]os.FileMode{".": 0o700, "hosts": 0o700, "hosts/cp1": 0o700, "admin.conf": 0o600, ManifestName: 0o600, "hosts/w1/config.ign": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: mode %v, want %v", name, info.Mode().Perm(), mode)
		}
	}
	if left, _ := os.ReadDir(filepath.Dir(dir)); len(left) != 1 {
		t.Errorf("beside out/ there is %v", left)
	}
}

func TestSameInputSameManifest(t *testing.T) {
	one, two := filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "out")
	mustBuild(t, one, "1")
	mustBuild(t, two, "1")
	mustBuild(t, two, "1")
	a, _ := os.ReadFile(filepath.Join(one, ManifestName))
	b, _ := os.ReadFile(filepath.Join(two, ManifestName))
	if len(a) == 0 || string(a) != string(b) {
		t.Errorf("%s\n%s", a, b)
	}
}

func TestUnchangedFilesAreLinked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	mustBuild(t, dir, "1")
	before := map[string]os.FileInfo{}
	for _, f := range files("1") {
		before[f.Path], _ = os.Stat(filepath.Join(dir, f.Path))
	}
	mustBuild(t, dir, "2")
	for path, linked := range map[string]bool{"admin.conf": true, "hosts/w1/config.ign": true, "hosts/cp1/config.ign": false} {
		now, err := os.Stat(filepath.Join(dir, path))
		if err != nil || os.SameFile(before[path], now) != linked {
			t.Errorf("%s linked: want %t (%v)", path, linked, err)
		}
	}
}

// A file whose mode was opened is written anew rather than linked.
func TestExposedFileIsClosed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	mustBuild(t, dir, "1")
	name := filepath.Join(dir, "admin.conf")
	if err := os.Chmod(name, 0o644); err != nil {
		t.Fatal(err)
	}
	mustBuild(t, dir, "1")
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestCarry(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	mustBuild(t, dir, "1")
	d, err := Open(dir, Options{Cluster: "prod", FS: fast()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, list := d.Stage()
	if list.HasErrors() {
		t.Fatal(list)
	}
	if found, err := s.Carry("w1"); !found || err != nil {
		t.Errorf("w1: %t, %v", found, err)
	}
	if found, err := s.Carry("w2"); found || err != nil {
		t.Errorf("w2: %t, %v", found, err)
	}
	if err := s.Write(File{Path: "hosts/cp1/config.ign", Host: "cp1", Data: []byte("new")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(about("2")); err != nil {
		t.Fatal(err)
	}
	if got, want := tree(t, dir), map[string]string{"hosts/cp1/config.ign": "new", "hosts/w1/config.ign": "w1"}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestUpToDate(t *testing.T) {
	for name, test := range map[string]struct {
		inputs string
		change func(dir string) error
		want   bool
	}{
		"nothing changed": {"1", func(string) error { return nil }, true},
		"other inputs":    {"2", func(string) error { return nil }, false},
		"a file is gone":  {"1", func(d string) error { return os.Remove(filepath.Join(d, "admin.conf")) }, false},
		"a file was edited": {"1", func(d string) error {
			return os.WriteFile(filepath.Join(d, "admin.conf"), []byte("ADMIN"), 0o600)
		}, false},
		"a file was opened": {"1", func(d string) error { return os.Chmod(filepath.Join(d, "admin.conf"), 0o640) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			mustBuild(t, dir, "1")
			if err := test.change(dir); err != nil {
				t.Fatal(err)
			}
			d, err := Open(dir, Options{FS: fast()})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if got := d.UpToDate(test.inputs); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

// What no build wrote is never deleted.
func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		change func(dir string) error
		code   string
	}{
		"foreign file":     {func(d string) error { return os.WriteFile(filepath.Join(d, "hosts/notes.txt"), nil, 0o600) }, "O005"},
		"foreign link":     {func(d string) error { return os.Symlink("/etc", filepath.Join(d, "etc")) }, "O005"},
		"edited file":      {func(d string) error { return os.WriteFile(filepath.Join(d, "admin.conf"), []byte("ADMIN"), 0o600) }, "O006"},
		"edited to a link": {func(d string) error { return errors.Join(os.Remove(d+"/admin.conf"), os.Symlink("x", d+"/admin.conf")) }, "O006"},
		"no manifest":      {func(d string) error { return os.Remove(filepath.Join(d, ManifestName)) }, "O003"},
		"damaged manifest": {func(d string) error { return os.WriteFile(filepath.Join(d, ManifestName), []byte("{"), 0o600) }, "O004"},
		"newer manifest": {func(d string) error {
			return os.WriteFile(filepath.Join(d, ManifestName), []byte(`{"version":9}`), 0o600)
		}, "O004"},
		"a path that escapes": {func(d string) error {
			return os.WriteFile(filepath.Join(d, ManifestName), []byte(`{"version":1,"files":[{"path":"../x"}]}`), 0o600)
		}, "O004"},
		"another cluster": {func(d string) error {
			return os.WriteFile(filepath.Join(d, ManifestName), []byte(`{"version":1,"cluster":"test"}`), 0o600)
		}, "O008"},
		"a file": {func(d string) error { return errors.Join(os.RemoveAll(d), os.WriteFile(d, nil, 0o600)) }, "O007"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			mustBuild(t, dir, "1")
			if err := test.change(dir); err != nil {
				t.Fatal(err)
			}
			before, _ := durable.Files(dir)
			if code := codeOf(build(dir, "2", fast())); code != test.code {
				t.Errorf("code %s, want %s", code, test.code)
			}
			if after, _ := durable.Files(dir); !slices.Equal(before, after) {
				t.Errorf("the folder held %v and now %v", before, after)
			}
			if left, _ := os.ReadDir(filepath.Dir(dir)); len(left) != 1 {
				t.Errorf("beside out/ there is %v", left)
			}
		})
	}
}

func TestWriteRefusesPaths(t *testing.T) {
	d, err := Open(filepath.Join(t.TempDir(), "out"), Options{FS: fast()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, list := d.Stage()
	if list.HasErrors() {
		t.Fatal(list)
	}
	if err := s.Write(File{Path: "a"}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"../x", "/x", ManifestName, "", "a"} {
		if code := codeOf(s.Write(File{Path: path})); code != "O009" {
			t.Errorf("%q: %s", path, code)
		}
	}
}

func TestConcurrentWrites(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	d, err := Open(dir, Options{FS: fast()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, list := d.Stage()
	if list.HasErrors() {
		t.Fatal(list)
	}
	var workers sync.WaitGroup
	for i := range 200 {
		workers.Go(func() {
			if err := s.Write(File{Path: fmt.Sprintf("hosts/h%d/config.ign", i), Data: []byte{byte(i)}}); err != nil {
				t.Error(err)
			}
		})
	}
	workers.Wait()
	if err := s.Commit(about("1")); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dir); len(got) != 200 {
		t.Errorf("%d files", len(got))
	}
}

func TestThroughALink(t *testing.T) {
	base := t.TempDir()
	dir, link := filepath.Join(base, "real"), filepath.Join(base, "out")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.Symlink("real", link)); err != nil {
		t.Fatal(err)
	}
	mustBuild(t, link, "1")
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link is gone")
	}
	if len(tree(t, dir)) != 3 {
		t.Error("the folder behind the link holds no build")
	}
}
