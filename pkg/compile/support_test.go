package compile_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/outdir"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
	"github.com/kubespore/kubespore/profiles"
)

const supportTopology = `apiVersion: kubespore/v1alpha1
kind: Topology
cluster: {name: prod, endpoint: 192.168.200.240:6443}
kubernetes: {version: VERSION}
network: {pods: [10.240.0.0/12], services: [10.96.0.0/16]}
os: flatcar
access: {users: [{name: core, passwordHash: $y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7}]}
profiles: {kube-proxy: {mode: MODE}}
hosts: [{name: cp1, roles: [control-plane], interfaces: [{name: eth0, addresses: [192.168.200.240/24]}]}]
`

// TestSupport holds what is said of versions and settings that work and are
// not wise, at the user's line.
func TestSupport(t *testing.T) {
	before, after := day(t, "2026-10-27"), day(t, "2026-10-28")
	row := fstest.MapFS{"versions.yaml": {Data: []byte(`"1.36": {newest: v1.36.99}` + "\n")}}
	for name, c := range map[string]struct {
		version, mode string
		now           time.Time
		more          []profile.Source
		code, hint    string
	}{
		"current":        {version: "v1.36.3", mode: "nftables", now: after},
		"last day":       {version: "v1.34.4", mode: "ipvs", now: before},
		"ended":          {version: "v1.34.4", mode: "iptables", now: after, code: "P062", hint: "write v1."},
		"unknown patch":  {version: "v1.36.99", mode: "nftables", now: after, code: "P063", hint: "write v1.36."},
		"row says so":    {version: "v1.36.99", mode: "nftables", now: after, more: []profile.Source{{Name: "mine", FS: row}}},
		"deprecated":     {version: "v1.36.3", mode: "ipvs", now: after, code: "P061", hint: "write mode: nftables"},
		"deprecated too": {version: "v1.35.4", mode: "ipvs", now: after, code: "P061", hint: "write mode: nftables"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.NewReplacer("VERSION", c.version, "MODE", c.mode).Replace(supportTopology)
			project, list := compile.Load("t.yaml", []byte(text), append([]profile.Source{{Name: "profiles", FS: profiles.FS}}, c.more...)...)
			if list.HasErrors() {
				t.Fatal(list)
			}
			store := pki.Memory()
			defer store.Close()
			_, more := compile.Render(t.Context(), compile.Input{Project: project, Store: store, Now: c.now, Each: func(*plan.Host, *document.Document) {}})
			list = append(list, more...)
			if c.code == "" {
				if len(list) > 0 {
					t.Fatal(list)
				}
				return
			}
			line := 4
			if c.code == "P061" {
				line = 8
			}
			if len(list) != 1 || list[0].Code != c.code || list[0].Severity != diag.Warning || list[0].Position.Line != line || !strings.HasPrefix(list[0].Hint, c.hint) {
				t.Fatalf("%+v", list)
			}
		})
	}
}

// TestVersionStep holds the warnings about ways that a running cluster cannot go.
func TestVersionStep(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"", "v1.36.3", ""},
		{"v1.36.3", "v1.36.3", ""},
		{"v1.36.3", "v1.36.10", ""},
		{"v1.36.3", "v1.37.2", ""},
		{"v1.36.10", "v1.36.3", "cannot go back to v1.36.3"},
		{"v1.37.2", "v1.36.3", "cannot go back to v1.36.3"},
		{"v1.35.4", "v1.37.2", "cannot skip a minor"},
	} {
		top, _ := topology.Parse("t.yaml", []byte(strings.NewReplacer("VERSION", c.to, "MODE", "nftables").Replace(supportTopology)), topology.Known{})
		list := compile.VersionStep(&outdir.Manifest{About: outdir.About{Kubernetes: c.from}}, top)
		switch {
		case c.want == "" && len(list) > 0, c.want != "" && (len(list) != 1 || list[0].Code != "P064" || list[0].Position.Line != 4 || !strings.Contains(list[0].Message, c.want)):
			t.Errorf("%s to %s: %v", c.from, c.to, list)
		}
	}
	if list := compile.VersionStep(nil, nil); len(list) > 0 {
		t.Error(list)
	}
}

func day(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t.Fatal(err)
	}
	return at.Add(12 * time.Hour)
}
