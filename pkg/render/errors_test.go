package render

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubespore/kubespore/pkg/diag"
)

// one is a profile with the given host.bu, and a file to name.
func one(hostBu string) string {
	archive := "-- alpha/profile.yaml --\nname: alpha\nsummary: a profile\n"
	if strings.Contains(hostBu, "a.conf") {
		archive += "-- alpha/files/a.conf --\nx={{ .Var.x }}\n"
	}
	return archive + "-- alpha/host.bu --\n" + hostBu
}

const beta = `-- beta/profile.yaml --
name: beta
summary: another
-- beta/host.bu --
`

// fails renders the only host and gives the diagnostics as users see them.
func fails(t *testing.T, p planned, overlays func(string) ([]byte, fs.FS, error)) string {
	t.Helper()
	r, problems := New(p.Plan, p.evaluator, overlays)
	if !problems.HasErrors() {
		var d any
		d, problems = r.Host(p.Hosts[0], fakeKeys())
		if !problems.HasErrors() {
			t.Fatalf("no error: %v", d)
		}
	}
	return printed(problems)
}

func TestProfileErrors(t *testing.T) {
	for name, c := range map[string]struct{ archive, x, want string }{
		"unknown key": {one("storage:\n  files:\n    - path: /a\n      mod: 0644\n"), "",
			"profiles/alpha/host.bu:4:7: error: storage.files[0].mod: unknown key mod [R003]\n    4 |       mod: 0644\n      |       ^^^^\n  hint: did you mean mode?\n"},
		"two mistakes": {one("storage:\n  files:\n    - {path: a, mode: 0644}\n    - {path: /b, mode: 644}\n"), "",
			"profiles/alpha/host.bu:3:14: error: storage.files[0].path: the path must start with / [R003]\n    3 |     - {path: a, mode: 0644}\n      |              ^\n" +
				"profiles/alpha/host.bu:4:24: error: storage.files[1].mode: setuid, setgid and sticky bits are not supported [R003]\n    4 |     - {path: /b, mode: 644}\n      |                        ^^^\n" +
				"profiles/alpha/host.bu:4:24: error: storage.files[1].mode: the mode is decimal: write it with a leading zero, as in 0644 [R003]\n    4 |     - {path: /b, mode: 644}\n      |                        ^^^\n"},
		"bad yaml": {one("storage:\n  files: {\n"), "",
			"profiles/alpha/host.bu:2: error: did not find expected node content [R002]\n    2 |   files: {\n"},
		"bad type": {one("storage:\n  files: text\n"), "",
			"profiles/alpha/host.bu:2: error: text stands where a list is expected [R002]\n    2 |   files: text\n"},
		"no mapping": {one("- a\n"), "",
			"profiles/alpha/host.bu:1: error: a list stands where a mapping is expected [R002]\n    1 | - a\n"},
		"below a value of two lines": {one("storage:\n  directories:\n{{ .Var.x }}\n  files:\n    - path: b\n"), "    - path: /c\n    - path: /d",
			"profiles/alpha/host.bu:5:13: error: storage.files[0].path: the path must start with / [R003]\n    5 |     - path: b\n      |             ^\n"},
		"public secret": {one("storage:\n  files:\n    - path: /a\n      mode: 0644\n      contents: {local: a.conf}\n"), `{{ .Secret "token" }}`,
			"profiles/alpha/host.bu:3:7: error: /a holds a secret and has mode 0644 [R006]\n  hint: write mode: 0600\n"},
		"public secret in the text": {one("storage:\n  files:\n    - path: /a\n      mode: 0640\n      contents: {inline: '{{ .Var.x }}'}\n"), `{{ .Secret "token" }}`,
			"profiles/alpha/host.bu:3:7: error: /a holds a secret and has mode 0640 [R006]\n  hint: write mode: 0600\n"},
		"secret in a unit": {one("systemd:\n  units:\n    - name: a.service\n      contents_local: a.conf\n"), `{{ .Secret "token" }}`,
			"profiles/alpha/host.bu:3:7: error: a.service would show a secret: everyone on the machine reads units [R006]\n  hint: put the secret into a file with mode 0600 and name that file in the unit, as in EnvironmentFile=\n"},
		"secret in a path": {one("storage:\n  files:\n    - path: /{{ .Var.x }}\n"), `{{ .Secret "token" }}`,
			"profiles/alpha/host.bu:1: error: a secret, an authority or the generation stands outside of a file's contents [R008]\n  hint: use .Secret, .Authority and .Generation only in contents, best in a file of its own under files/\n"},
		"written twice": {one("storage:\n  files:\n    - {path: /a, mode: 0644}\n") + beta + "storage:\n  links:\n    - {path: /a, target: /b}\n", "",
			"profiles/beta/host.bu:3:7: error: link /a is written by two profiles: alpha and beta [R005]\n  see: profiles/alpha/host.bu:3:7: first written here\n  hint: let one profile write it, or change it from an overlay: only overlays override\n"},
		"directories that differ": {one("storage:\n  directories:\n    - {path: /a, mode: 0700}\n") + beta + "storage:\n  directories:\n    - {path: /a, mode: 0755}\n", "",
			"profiles/beta/host.bu:3:7: error: directory /a is written by two profiles: alpha and beta [R005]\n  see: profiles/alpha/host.bu:3:7: first written here\n  hint: let one profile write it, or change it from an overlay: only overlays override\n"},
		"the same drop-in": {one("systemd:\n  units:\n    - name: a.service\n      dropins: [{name: b.conf, contents: \"[Unit]\"}]\n") + beta + "systemd:\n  units:\n    - name: a.service\n      dropins: [{name: b.conf, contents: \"[Unit]\"}]\n", "",
			"profiles/beta/host.bu:4:17: error: dropin a.service/b.conf is written by two profiles: alpha and beta [R005]\n  see: profiles/alpha/host.bu:4:17: first written here\n  hint: let one profile write it, or change it from an overlay: only overlays override\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := planOf(t, c.archive, map[string]string{"x": c.x}, "cp1")
			got := fails(t, p, noOverlays)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s\n%s", diff, got)
			}
			for _, word := range []string{"v0_5", "yaml:", "types.", "0x", "*plan"} {
				if strings.Contains(got, word) {
					t.Errorf("the user does not know the word %q", word)
				}
			}
		})
	}
}

// The same mistake on many hosts is one mistake.
func TestErrorsRepeat(t *testing.T) {
	p := planOf(t, one("storage:\n  files:\n    - path: a{{ .Host.Name }}\n"), map[string]string{"x": ""}, "cp1", "cp2", "cp3")
	r, _ := New(p.Plan, p.evaluator, noOverlays)
	var all diag.List
	for _, h := range p.Hosts {
		_, problems := r.Host(h, fakeKeys())
		all.Append(problems)
	}
	if n := len(all.Sorted()); n != 1 {
		t.Errorf("%d diagnostics:\n%s", n, printed(all))
	}
}

func TestOverlayErrors(t *testing.T) {
	const header = "variant: fcos\nversion: 1.5.0\n"
	for name, c := range map[string]struct{ overlay, want string }{
		"not there":    {"", "cluster.yaml:8:5: error: hosts[0].overlays: the overlay lab.bu cannot be read [R011]\n  hint: name a Butane file, relative to the topology file\n"},
		"no header":    {"storage: {}\n", "lab.bu:1: error: variant: \"\" is not a Butane variant that an overlay may have [R013]\n  hint: write variant: fcos with version: 1.7.0, or variant: flatcar with version: 1.1.0\n"},
		"too new":      {"variant: fcos\nversion: 1.8.0\n", "lab.bu:2:10: error: version: fcos 1.8.0 is newer than the versions known here, which end with 1.7.0 [R013]\n  hint: write version: 1.7.0\n"},
		"no version":   {"variant: flatcar\n", "lab.bu:1: error: version: \"\" is not a version of Butane's flatcar variant [R013]\n  hint: write version: 1.1.0\n"},
		"openshift":    {"variant: openshift\nversion: 4.14.0\n", "lab.bu:1:10: error: variant: \"openshift\" is not a Butane variant that an overlay may have [R013]\n  hint: write variant: fcos with version: 1.7.0, or variant: flatcar with version: 1.1.0\n"},
		"bad yaml":     {"variant: [\n", "lab.bu:1: error: did not find expected node content [R012]\n"},
		"unknown key":  {header + "storag: {}\n", "lab.bu:3:1: error: storag: unknown key storag [R012]\n  hint: did you mean storage?\n"},
		"missing file": {header + "storage:\n  files:\n    - path: /a\n      contents: {local: none}\n", "lab.bu:6:25: error: storage.files[0].contents.local: there is no file none in . [R012]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := planOf(t, one("storage:\n  files:\n    - {path: /etc/a, mode: 0644}\n"), map[string]string{"x": ""}, "cp1")
			p.Hosts[0].Overlays = []string{"lab.bu"}
			got := fails(t, p, func(string) ([]byte, fs.FS, error) {
				if c.overlay == "" {
					return nil, nil, errors.New("no such file")
				}
				return []byte(c.overlay), archived(""), nil
			})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s\n%s", diff, got)
			}
		})
	}
}
