package render

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/butane/config/common"
	fcos7 "github.com/coreos/ignition/v2/butane/config/fcos/v1_7"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kubespore/kubespore/pkg/diag"
)

// newerOverlay uses all that Butane 1.7 has more than 1.5 and Ignition 3.4 can do.
const newerOverlay = `variant: fcos
version: 1.7.0
storage:
  files:
    - {path: /srv/site/open, mode: 0644, user: {name: root}}
  trees:
    - local: site
      path: /srv/site
      user: {name: web}
      group: {id: 1000}
      file_mode: 0640
      dir_mode: 0750
    - local: plain
      path: /srv/plain
`

// TestLowering reads an overlay as Butane of its own version does, with a
// document of Ignition 3.4 as the result.
func TestLowering(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"site/a", "site/b/c", "site/open", "plain/d/e"} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, problems, err := fcos7.ToIgn3_6Bytes([]byte(newerOverlay), common.TranslateBytesOptions{TranslateOptions: common.TranslateOptions{FilesDir: dir}})
	if err != nil || len(problems.Entries) > 0 {
		t.Fatal(err, problems)
	}
	var want types.Config
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	want.Ignition.Version = "3.4.0"

	var list diag.List
	variant := overlayDialect("site.bu", []byte(newerOverlay), &list)
	if len(list) > 0 {
		t.Fatal(printed(list))
	}
	got, findings := translate([]byte(newerOverlay), *variant, folder{name: ".", fsys: os.DirFS(dir)})
	if len(findings) > 0 {
		t.Fatalf("%+v", findings)
	}
	byPath := cmp.Options{
		cmpopts.SortSlices(func(a, b types.File) bool { return a.Path < b.Path }),
		cmpopts.SortSlices(func(a, b types.Directory) bool { return a.Path < b.Path }),
		cmpopts.EquateEmpty(),
		// Empty files, which Butane compresses or not.
		cmpopts.IgnoreFields(types.Resource{}, "Compression"),
	}
	if difference := cmp.Diff(want, got.config, byPath); difference != "" {
		t.Error(difference)
	}
	for _, i := range got.items {
		if strings.HasPrefix(i.name, "directory:") && i.line != 7 {
			t.Errorf("%s is said to stand in line %d", i.name, i.line)
		}
	}
}

// TestNotLowered refuses what Ignition 3.4 cannot do at the user's own line.
func TestNotLowered(t *testing.T) {
	const old = "this needs a newer Ignition than the documents have, which is 3.4 [R012]\n  hint: leave it out: not every system's image reads a newer one\n"
	for name, c := range map[string]struct{ version, text, want string }{
		"disk with a crypto card": {"1.6.0", "storage:\n  luks:\n    - name: data\n      device: /dev/vdb\n      cex: {enabled: true}\n",
			"lab.bu:7:7: error: storage.luks[0].cex: " + old},
		"root on IBM Z": {"1.7.0", "boot_device:\n  layout: s390x-eckd\n  luks:\n    device: /dev/dasda\n    tpm2: true\n",
			"lab.bu:6:5: error: boot_device.luks.device: " + old},
		"what its version does not know": {"1.6.0", "storage:\n  trees:\n    - {local: site, user: {name: web}}\n",
			"lab.bu:5:21: error: storage.trees[0].user: unknown key user [R012]\n"},
		"what its version judges": {"1.6.0", "storage:\n  filesystems:\n    - {path: /srv, device: /dev/vdb, format: ext4, with_mount_unit: true}\n",
			"lab.bu:5:14: error: storage.filesystems[0].path: "},
		"bits of a file's mode": {"1.7.0", "storage:\n  trees:\n    - local: site\n      file_mode: 04755\n",
			"lab.bu:6:18: error: storage.trees[0].file_mode: setuid, setgid and sticky bits are not supported [R012]\n"},
		"a mode in decimal": {"1.7.0", "storage:\n  trees:\n    - local: site\n      dir_mode: 500\n",
			"lab.bu:6:17: error: storage.trees[0].dir_mode: the mode is decimal: write it with a leading zero, as in 0644 [R012]\n"},
		"twice": {"1.7.0", "storage:\n  directories: [{path: /srv/site}]\n  trees:\n    - {local: site, path: /srv/site, dir_mode: 0700}\n",
			"lab.bu:6:7: error: storage.trees[0]: /srv/site stands under directories, too [R012]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := planOf(t, one("storage: {}\n"), map[string]string{"x": ""}, "cp1")
			p.Hosts[0].Overlays = []string{"lab.bu"}
			got := fails(t, p, func(string) ([]byte, fs.FS, error) {
				return []byte("variant: fcos\nversion: " + c.version + "\n" + c.text), archived("-- site/a --\n"), nil
			})
			if !strings.HasPrefix(got, c.want) || strings.Count(got, "error:") != 1 {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
