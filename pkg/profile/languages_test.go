package profile

import (
	"strings"
	"testing"
)

// TestLanguages holds what becomes of a value in each language: what stands
// alone is quoted, what is a part of more must be a plain word, and what another
// reader would take for something else is refused.
func TestLanguages(t *testing.T) {
	for _, c := range []struct{ file, text, value, want string }{
		{"x.toml", "a = {{ .Param.x }}", `b"c`, `a = "b\"c"`},
		{"x.toml", `a = "https://{{ .Param.x }}"`, `b"c`, `a = "https://b\"c"`},
		{"x.toml", "# {{ .Param.x }}", "b", "# b"},
		{"x.toml", "# {{ .Param.x }}", "b c", ""},
		{"x.env", `A="{{ .Param.x }}"`, "a`b$c\"\\", "A=\"a\\`b\\$c\\\"\\\\\""},
		{"x.env", `A={{ .Param.x }}`, "a b", ""},
		{"x.env", `A="{{ join .Param.list " " }}"`, "a b", ""},
		{"x.service", "ExecStart=/bin/x {{ .Param.x }}", "--a=b,c", "ExecStart=/bin/x --a=b,c"},
		{"x.service", "ExecStart=/bin/x {{ .Param.x }}", "%i", ""},
		{"x.service", "ExecStart=/bin/x --{{ .Param.x }}={{ .Param.x }}", "a;b", ""},
		{"x.service", "ExecStart=/bin/x {{ unitArgument .Param.x }}", `%i $A "b\`, `ExecStart=/bin/x "%%i $$A \"b\\"`},
		{"x.service", "ExecStart=/bin/x {{ unitArgument .Param.x }}", "", `ExecStart=/bin/x ""`},
		{"x.env", `A="{{ envArgument .Param.x }}"`, `$A b`, `A="\"\$A b\""`},
		{"exports", "{{ range .Param.list }}{{ . }} *(rw){{ end }}", "/srv/a b", ""},
		{"exports", "{{ range $i, $e := .Param.list }}{{ $e }}{{ end }}", "a b", ""},
		{"exports", "{{ $e := first .Param.list }}{{ $e }}", "a b", ""},
		{"exports", "{{ $e := printf \"%s %s\" .Param.x .Param.x }}{{ $e }}", "a", "a a"},
		{"exports", "{{ $e := printf \"%s %s\" .Param.x .Param.x }}{{ $e }}", "a b", ""},
		{"exports", "{{ with .Param.x }}{{ . }}{{ end }}", "a\nb", ""},
		{"exports", "{{ if eq .Param.x \"a b\" }}yes{{ end }}", "a b", "yes"},
		{"x.nft", `{{ define "rule" }}{{ .match }} accept{{ end }}{{ template "rule" (dict "match" (print "dport " .Param.x)) }}`, "22", "dport 22 accept"},
		{"x.nft", `{{ define "rule" }}{{ .match }} accept{{ end }}{{ template "rule" (dict "match" (print "dport " .Param.x)) }}`, "22; }", ""},
		{"Corefile", "{{ words .Param.x }}", "10.0.0.1 a b", "10.0.0.1 a b"},
		{"Corefile", "{{ words .Param.x }}", "10.0.0.1 a {", ""},
		{"Corefile", "{{ .Var.x }}", "made { by the profile }", "made { by the profile }"},
		{"x.yaml", "a: {{ print \"x\" .Param.x }}", ": [", `a: "x: ["`},
		{"x.yaml", "a: {{ quote .Param.x }}", "a\u0085b\u2028c\ufeff", `a: "a\u0085b\u2028c\ufeff"`},
	} {
		tmpl, failed := parseAt("p/files/"+c.file, c.text, wholeFile("p/files/"+c.file))
		if failed != nil {
			t.Fatal(failed)
		}
		out, err := tmpl.Execute(map[string]any{"Param": map[string]any{"x": c.value, "list": []any{c.value}}, "Var": map[string]string{"x": c.value}})
		switch {
		case c.want == "" && err == nil:
			t.Errorf("%s: %s with %q is %q, and must be refused", c.file, c.text, c.value, out)
		case c.want == "":
			if own, ok := err.(*Error); !ok || own.Value == "" || !strings.Contains(c.value, own.Value) && !strings.Contains(own.Value, c.value) { //nolint:errorlint // nothing wraps it
				t.Errorf("%s: %s with %q: %v does not name the value", c.file, c.text, c.value, err)
			}
		case err != nil || out != c.want:
			t.Errorf("%s: %s with %q is %q, %v, want %q", c.file, c.text, c.value, out, err, c.want)
		}
	}
}
