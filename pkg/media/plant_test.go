package media

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// carriesSeed holds an archive to the seed of a host, and to what puts it where
// cloud-init looks.
func carriesSeed(t *testing.T, archive string, h Host) {
	t.Helper()
	got := maps.Clone(unpack(t, archive))
	if _, made := got["usr/lib/dracut/"]; made {
		t.Error("a folder takes the place of dracut's link")
	}
	maps.DeleteFunc(got, func(name, _ string) bool { return strings.HasSuffix(name, "/") })
	want := map[string]string{
		"conf/conf.d/kubespore":                          "echo '/bin/sh /usr/lib/kubespore/plant \"$rootmnt\"' >>/scripts/init-bottom/ORDER\n",
		"usr/lib/dracut/hooks/pre-pivot/50-kubespore.sh": "/bin/sh /usr/lib/kubespore/plant \"$NEWROOT\"\n",
		"var/lib/dracut/hooks/pre-pivot/50-kubespore.sh": "/bin/sh /usr/lib/kubespore/plant \"$NEWROOT\"\n",
		"usr/lib/kubespore/plant":                        plantScript,
	}
	for _, name := range seedNames() {
		content, err := h.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		want["usr/lib/kubespore/seed/"+name] = string(content)
	}
	if !maps.Equal(got, want) {
		t.Errorf("%s: %v", h.Name, got)
	}
}

func TestInitrdWithSeed(t *testing.T) {
	dir := t.TempDir()
	h := seedHost("a", "1")
	h.runs("debian")
	write(t, dir, Initrd(""), h)
	carriesSeed(t, tree(t, dir)["a.initrd"], h)
	if d := fails(t, Initrd("/dev/sda"), h); d.Code != "M008" {
		t.Error(d)
	}
}

// TestPlant runs the script of that archive on roots: an empty one, one that has
// another seed, and one of a machine at work.
func TestPlant(t *testing.T) {
	seed, root := t.TempDir(), t.TempDir()
	script := strings.Replace(plantScript, "from=/usr/lib/kubespore/seed\n", "from="+seed+"\n", 1)
	if script == plantScript {
		t.Fatal("the script looks elsewhere")
	}
	plant := func(content string) error {
		t.Helper()
		for _, name := range seedNames() {
			if err := os.WriteFile(filepath.Join(seed, name), []byte(content+" "+name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return exec.Command("sh", "-c", script, "plant", root).Run()
	}
	looks := func(content string) {
		t.Helper()
		for _, name := range seedNames() {
			file := filepath.Join(root, "var/lib/cloud/seed/nocloud", name)
			info, err := os.Stat(file)
			if err != nil || info.Mode() != 0o600 {
				t.Fatal(info, err)
			}
			if got, err := os.ReadFile(file); err != nil || string(got) != content+" "+name {
				t.Errorf("%s, %v", got, err)
			}
		}
	}
	for _, content := range []string{"a long first", "second"} {
		if err := plant(content); err != nil {
			t.Fatal(err)
		}
		looks(content)
	}
	for folder, mode := range map[string]os.FileMode{"var/lib/cloud/seed": 0o755, "var/lib/cloud/seed/nocloud": 0o700} {
		if info, err := os.Stat(filepath.Join(root, folder)); err != nil || info.Mode().Perm() != mode {
			t.Error(folder, info, err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "etc/cloud"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "etc/cloud/cloud-init.disabled"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := plant("third"); err != nil {
		t.Fatal(err)
	}
	looks("second")
	if err := os.Remove(filepath.Join(seed, "user-data")); err != nil {
		t.Fatal(err)
	}
	root = t.TempDir()
	if exec.Command("sh", "-c", script, "plant", root).Run() == nil {
		t.Error("half a seed is not a mistake")
	}
}
