package upkeep

import (
	"strings"
	"testing"
)

func TestWithArgument(t *testing.T) {
	got, err := withArgument("apiServer:\n  extraArgs: [{name: v, value: \"2\"}]\nclusterName: one\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"name: v\n", "name: event-ttl\n", "value: 47m\n", "clusterName: one\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if _, err := withArgument("clusterName: one\n"); err == nil {
		t.Error("a configuration without an API server is taken")
	}
}
