package plan_test

import (
	"errors"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/plan"
)

func TestReplaceMarks(t *testing.T) {
	resolve := func(kind, name string) ([]byte, error) {
		if name == "gone" {
			return nil, errors.New("gone")
		}
		return []byte("<" + kind + " " + name + ">"), nil
	}
	for _, c := range []struct {
		text, want string
		secret     bool
	}{
		{"plain", "plain", false},
		{"", "", false},
		{plan.MarkSecret("a-b.c"), "<secret a-b.c>", true},
		{"x " + plan.MarkAuthority("kubernetes") + " y " + plan.MarkGeneration, "x <authority kubernetes> y <generation build>", false},
		{plan.MarkSecret("a") + plan.MarkSecret("a"), "<secret a><secret a>", true},
	} {
		got, secret, err := plan.ReplaceMarks([]byte(c.text), resolve)
		if err != nil || string(got) != c.want || secret != c.secret {
			t.Errorf("%q becomes %q, %t, %v; want %q, %t", c.text, got, secret, err, c.want, c.secret)
		}
	}
	if _, _, err := plan.ReplaceMarks([]byte(plan.MarkSecret("gone")), resolve); err == nil {
		t.Error("no error for a secret that is gone")
	}
	cut := plan.MarkSecret("a")[:40]
	if _, _, err := plan.ReplaceMarks([]byte(cut), resolve); err == nil {
		t.Error("no error for a mark cut in pieces")
	}
}

// A mark is one plain word of YAML.
func TestMarkSurvivesYAML(t *testing.T) {
	for _, mark := range []string{plan.MarkSecret("a-b.c"), plan.MarkAuthority("a"), plan.MarkGeneration} {
		var got map[string][]string
		if err := yaml.Unmarshal([]byte("k: ["+mark+", '"+mark+"', \""+mark+"\"]"), &got); err != nil {
			t.Fatal(err)
		}
		for _, g := range got["k"] {
			if g != mark {
				t.Errorf("%q comes back as %q", mark, g)
			}
		}
	}
}
