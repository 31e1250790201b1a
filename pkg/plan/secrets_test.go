package plan_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/topology"
)

// Neither messages nor excerpts repeat a parameter that is secret, whatever is
// wrong in its line.
func TestSecretParametersAreNotShown(t *testing.T) {
	for _, c := range []struct{ line, code string }{
		{"keepalived: {password: hunter2hunter2}", "P013"},
		{"keepalived: {password: [hunter2]}", "P013"},
		{"keepalived: {pasword: hunter2}", "P015"},
		{"keepalived: {password: hunter2, checkInterval: 0}", "P013"},
		{"{keepalived: {password: hunter2}, flanel: {}}", "P002"},
	} {
		text, err := os.ReadFile("../../examples/ha.yaml")
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(text, []byte("profiles:"))
		hosts := bytes.Index(text, []byte("hosts:\n"))
		text = []byte(string(text[:at]) + "profiles:\n  " + c.line + "\n" + string(text[hosts:]))
		parsed, list := topology.Parse("t.yaml", text, topology.Known{})
		expectNone(t, list)
		_, _, list = plan.Build(plan.Inputs{Topology: parsed, Catalog: builtin(t)})
		var out bytes.Buffer
		diag.Printer{ReadFile: func(string) ([]byte, error) { return text, nil }}.Print(&out, list)
		if len(list) == 0 || list[0].Code != c.code || strings.Contains(out.String(), "hunter2") || !strings.Contains(out.String(), "(not shown)") {
			t.Errorf("%s:\n%s", c.line, out.String())
		}
	}
}
