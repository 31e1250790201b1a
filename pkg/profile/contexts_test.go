package profile

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// awkward are texts that one reader of YAML or another takes for something else.
var awkward = []string{"7e10", "on", "No", "123", "0x1f", "1_000", "null", "~", "true", ".5", "+1", "[fd00::1]:6443", "fd00::1", "::1", "{a: b}", "a, b", "a: b", "a #b",
	"*x", "&x", "!x", "%x", "@x", "`x", "| x", "> x", "- x", "? x", `"x"`, "'x'", `back\slash`, "2026-11-28", "12:30:45", " x ", "é", "plain", "a/b", "10.0.0.1", "10.0.0.0/8", "15s", "250m", "10Gi", "1e3", "nan"}

// TestContexts writes each text into every place of a YAML file, and reads it back
// as the same text.
func TestContexts(t *testing.T) {
	refused := 0
	for _, place := range []string{"{{ .Param.x }}", "\"{{ .Param.x }}\"", "'{{ .Param.x }}'", "[{{ .Param.x }}]", "{key: {{ .Param.x }}, other: 1}", "--name={{ .Param.x }}"} {
		for _, text := range awkward {
			tmpl, failed := parseAt("p/files/x.yaml", "value: "+place+"\n", wholeFile("p/files/x.yaml"))
			if failed != nil {
				t.Fatal(failed)
			}
			out, err := tmpl.Execute(map[string]any{"Param": map[string]any{"x": text}})
			if err != nil && strings.HasPrefix(place, "--") {
				refused++ // it would break the text around it
				continue
			}
			if err != nil {
				t.Fatalf("%s %q: %v", place, text, err)
			}
			var got struct{ Value yaml.Node }
			if err := yaml.Unmarshal([]byte(out), &got); err != nil {
				t.Errorf("%q in %s: %v", text, place, err)
				continue
			}
			node := &got.Value
			switch node.Kind {
			case yaml.SequenceNode:
				node = node.Content[0]
			case yaml.MappingNode:
				node = node.Content[1] // the value of the first key
			}
			want := strings.TrimSuffix(strings.Replace(place, "{{ .Param.x }}", text, 1), "\n")
			if !strings.HasPrefix(place, "--") {
				want = text
			}
			if node.Tag != "!!str" || node.Value != want {
				t.Errorf("%q in %s is read as %s %q", text, place, node.Tag, node.Value)
			}
		}
	}
	if refused == 0 || refused > 10 {
		t.Errorf("%d texts were refused inside of another one", refused)
	}
	// Pieces of the language stay as they are.
	tmpl, _ := parseAt("p/files/x.yaml", "value: {{ .Var.x }}\nnumber: {{ .Param.n }}\n{{ with .Var.x }}again: {{ . }}{{ end }}\n", wholeFile("p/files/x.yaml"))
	out, err := tmpl.Execute(map[string]any{"Var": map[string]any{"x": "[a, b]"}, "Param": map[string]any{"n": 7}})
	if err != nil || out != "value: [a, b]\nnumber: 7\nagain: [a, b]\n" {
		t.Errorf("%q %v", out, err)
	}
}
