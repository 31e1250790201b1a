package compile_test

import (
	"context"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// TestRefusedByIgnition: parts that are valid and do not fit together are reported once,
// at the line of the part, in a document of either format.
func TestRefusedByIgnition(t *testing.T) {
	const header = "variant: fcos\nversion: 1.5.0\n"
	const throughLink = "file /srv/a/b: the path goes through a link that the configuration makes"
	for name, c := range map[string]struct{ example, profile, overlay, at, says string }{
		"overlay": {"single", "storage:\n  files:\n    - {path: /srv/a/b, mode: 0644, contents: {inline: x}}\n", header + "storage:\n  links:\n    - {path: /srv/a, target: /opt}\n",
			"layer/mine/host.bu:3:7", throughLink},
		"overlay of cloud-init": {"ha-debian", "storage:\n  files:\n    - {path: /srv/a/b, mode: 0644, contents: {inline: x}}\n", header + "storage:\n  links:\n    - {path: /srv/a, target: /opt}\n",
			"layer/mine/host.bu:3:7", throughLink},
		"unit from a file": {"single", "systemd:\n  units:\n    - name: mine.service\n      enabled: true\n      contents_local: mine.service\n", header,
			"layer/mine/host.bu:3:7", `unit mine.service: unit "mine.service" is enabled, but has no install section so enable does nothing`},
		"merged by an overlay": {"single", "systemd:\n  units:\n    - {name: mine.service, contents_local: mine.service}\n", header + "systemd:\n  units:\n    - {name: mine.service, enabled: true}\n",
			"lab.bu:5:7", `unit mine.service: unit "mine.service" is enabled, but has no install section so enable does nothing`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := withProfile(t, c.example, c.profile, "[Service]\nExecStart=/usr/bin/true\n", c.overlay)
			var said []string
			for _, d := range problems.Sorted() {
				if d.Code == "V001" || d.Code == "R014" {
					said = append(said, d.Position.String()+" "+d.Message)
				}
			}
			if len(said) != 1 || !strings.HasPrefix(said[0], c.at+" "+c.says) {
				t.Errorf("%q, want one at %s: %s\n%v", said, c.at, c.says, problems)
			}
		})
	}
}

// TestUnitsOfTheSystem: a unit that only another system's image has may order a unit, and
// nothing may require it.
func TestUnitsOfTheSystem(t *testing.T) {
	const fragment = "systemd:\n  units:\n    - {name: mine.service, enabled: true, contents_local: mine.service}\n"
	for _, c := range []struct{ example, option, says string }{
		{"ha-debian", "Requires", "Requires=zincati.service names a unit that this host does not have"},
		{"ha-debian", "After", ""},
		{"single", "Requires", ""}, // Fedora CoreOS
	} {
		t.Run(c.example+" "+c.option, func(t *testing.T) {
			t.Parallel()
			var said []string
			for _, d := range withProfile(t, c.example, fragment, "[Unit]\n"+c.option+"=zincati.service\n[Service]\nExecStart=/usr/bin/true\n[Install]\nWantedBy=multi-user.target\n", "").Sorted() {
				if d.Code == "V031" {
					said = append(said, d.Position.String()+" "+d.Message)
				}
			}
			if c.says == "" && len(said) > 0 || c.says != "" && (len(said) != 1 || !strings.HasPrefix(said[0], "layer/mine/host.bu:3:7 "+c.says)) {
				t.Errorf("%q, want %q", said, c.says)
			}
		})
	}
}

// withProfile builds an example with one more profile, and an overlay unless that is
// empty, and gives what is wrong.
func withProfile(t *testing.T, example, fragment, unit, overlay string) diag.List {
	t.Helper()
	text, err := os.ReadFile("../../examples/" + example + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	more := "\nprofiles:\n  mine: {}\n"
	if overlay != "" {
		more = "\noverlays: [lab.bu]" + more
	}
	layer := fstest.MapFS{
		"mine/profile.yaml": {Data: []byte("name: mine\nsummary: shows what is refused\nfragments: [host.bu]\n")},
		"mine/host.bu":      {Data: []byte(fragment)},
	}
	if strings.Contains(fragment, "mine.service") {
		layer["mine/files/mine.service"] = &fstest.MapFile{Data: []byte(unit)}
	}
	project, problems := compile.Load("cluster.yaml", []byte(strings.Replace(string(text), "\nprofiles:\n", more, 1)),
		profile.Source{Name: "profiles", FS: profiles.FS}, profile.Source{Name: "layer", FS: layer})
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	_, problems = compile.Run(context.Background(), compile.Input{Project: project, Store: pki.Memory(), Now: time.Unix(1.8e9, 0),
		Overlays: func(string) ([]byte, fs.FS, error) { return []byte(overlay), fstest.MapFS{}, nil }})
	return problems
}
