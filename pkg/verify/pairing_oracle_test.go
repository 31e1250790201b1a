//go:build oracle

package verify

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// TestFlagsTogether gives the real API server what goes with what we give it, and what
// does not.
func TestFlagsTogether(t *testing.T) {
	const file = "authorizationConfiguration"
	cases := []string{
		"", "authorization-mode=RBAC,Node", "authorization-mode=Node,RBAC,Node", "authorization-mode=Node,RBAC authorization-mode=RBAC",
		"authorization-mode=Node,RBAC,Webhook", "authorization-mode=Node,RBAC,Webhook authorization-webhook-config-file=x", "authorization_mode=Node,RBAC,Webhook authorization_webhook_config_file=x",
		"authorization-webhook-config-file=x", "authorization-webhook-version=v1", "authorization-policy-file=x", "authorization-mode=ABAC", "authorization-mode=ABAC authorization-policy-file=x",
		"authorization-mode=Node,RBAC authorization-policy-file=x", file, file + " authorization-mode=Node,RBAC", file + " authorization-mode=Node,RBAC,Webhook authorization-webhook-config-file=x",
		file + " authorization-webhook-config-file=x", file + " authorization-webhook-version=v1", file + " authorization-webhook-cache-authorized-ttl=5m",
		file + " authorization-webhook-cache-unauthorized-ttl=5m", file + " authorization-policy-file=x", file + " v=2",
		"disable-admission-plugins=NodeRestriction", "disable-admission-plugins=PodSecurity", "enable-admission-plugins=AlwaysPullImages", "enable-admission-plugins=AlwaysPullImages disable-admission-plugins=NodeRestriction",
		"enable-admission-plugins=NodeRestriction,AlwaysPullImages disable-admission-plugins=PodSecurity,AlwaysPullImages", "enable-admission-plugins=NodeRestriction,NodeRestriction", "disable-admission-plugins=",
	}
	configuration := filepath.Join(t.TempDir(), "authorization.yaml")
	text, err := os.ReadFile("../../testdata/bad/files/authorization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(configuration, text, 0o600); err != nil {
		t.Fatal(err)
	}
	rules, err := loadFlagRules()
	if err != nil {
		t.Fatal(err)
	}
	for _, minor := range minors() {
		folder, _ := built(t, minor)
		base := required(t, "kube-apiserver")
		var lines [][]string
		var says []string
		for _, c := range cases {
			params := map[string]any{"extra": []any{}}
			line := slices.Clone(base)
			for _, word := range strings.Fields(c) {
				if word == file {
					params[file] = "authorization.yaml"
					line = append(line, "--authorization-config="+configuration)
					continue
				}
				params["extra"] = append(params["extra"].([]any), word)
				line = append(line, "--"+word)
			}
			plain := strings.ReplaceAll(c, "_", "-")
			if params[file] == nil && !strings.Contains(plain, "authorization-mode=") {
				line = append(line, "--authorization-mode=Node,RBAC")
			}
			if !strings.Contains(plain, "enable-admission-plugins=") {
				line = append(line, "--enable-admission-plugins=NodeRestriction")
			}
			lines = append(lines, line)
			var out diag.List
			g := &givenProofs{plan: &plan.Plan{Topology: &topology.Topology{}}, rules: rules}
			g.together(&profile.Profile{Name: "p", Params: []profile.Param{{Name: "extra", Type: "flags", Program: "kube-apiserver"}}}, params, func(string) string { return "" }, &out)
			said := ""
			for _, d := range out {
				said += d.Message + ". "
			}
			says = append(says, said)
		}
		for i, said := range judged(t, folder, "kube-apiserver", "whole", lines) {
			if (said != "") != (says[i] != "") {
				t.Errorf("%s %q: check says %q, the program %q", minor, cases[i], says[i], said)
			}
		}
	}
}
