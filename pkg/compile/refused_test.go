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
			text, err := os.ReadFile("../../examples/" + c.example + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			topology := strings.Replace(string(text), "\nprofiles:\n", "\noverlays: [lab.bu]\nprofiles:\n  mine: {}\n", 1)
			layer := fstest.MapFS{
				"mine/profile.yaml":       {Data: []byte("name: mine\nsummary: shows what Ignition refuses\nfragments: [host.bu]\n")},
				"mine/host.bu":            {Data: []byte(c.profile)},
				"mine/files/mine.service": {Data: []byte("[Service]\nExecStart=/usr/bin/true\n")},
			}
			if !strings.Contains(c.profile, "mine.service") {
				delete(layer, "mine/files/mine.service")
			}
			project, problems := compile.Load("cluster.yaml", []byte(topology), profile.Source{Name: "profiles", FS: profiles.FS}, profile.Source{Name: "layer", FS: layer})
			if problems.HasErrors() {
				t.Fatal(problems)
			}
			_, problems = compile.Run(context.Background(), compile.Input{Project: project, Store: pki.Memory(), Now: time.Unix(1.8e9, 0),
				Overlays: func(string) ([]byte, fs.FS, error) { return []byte(c.overlay), fstest.MapFS{}, nil }})
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
