package docs

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// fetchInName puts the parts that cluster.yaml needs into a folder, under the
// names that the download script gives them: scripts that do nothing for
// programs, and images without a file in them.
func fetchInName(t *testing.T, dir, folder string, env []string) {
	t.Helper()
	c := exec.Command("bash", "-c", "kubespore payload list --format json cluster.yaml")
	c.Dir, c.Env = dir, env
	text, err := c.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var bill struct {
		Result struct {
			Binaries []struct{ Name, File string }
			Images   []struct{ Ref, Arch, File string }
		}
	}
	if err := json.Unmarshal(text, &bill); err != nil {
		t.Fatal(err)
	}
	if len(bill.Result.Binaries) == 0 || len(bill.Result.Images) == 0 {
		t.Fatal("cluster.yaml needs nothing")
	}
	for _, b := range bill.Result.Binaries {
		write(t, filepath.Join(dir, folder, b.File), "#!/bin/sh\n# "+b.Name+"\n")
	}
	for _, i := range bill.Result.Images {
		writeImage(t, filepath.Join(dir, folder, i.File), i.Ref, i.Arch)
	}
}

func writeImage(t *testing.T, file, ref, arch string) {
	t.Helper()
	config, err := empty.Image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Author = "linux", arch, ref
	image, err := mutate.ConfigFile(empty.Image, config)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(file, tag, image); err != nil {
		t.Fatal(err)
	}
}
