package profile

import (
	"strings"
	"testing"
)

// TestBounds runs templates that would eat the machine: each ends soon, with an
// error that says why.
func TestBounds(t *testing.T) {
	double := strings.Repeat(`{{ $x = print $x $x }}`, 40)
	for _, c := range []struct{ text, want string }{
		{`{{ printf "%1000000000d" 1 }}`, "the width 1000000000"},
		{`{{ printf "%.1000000000f" 1.0 }}`, "the width 1000000000"},
		{`{{ printf "%[2]*[1]d" 1 1000000000 }}`, "the width *"},
		{`{{ printf "%*d" 1000000000 1 }}`, "the width *"},
		{`{{ printf "%99999999999999999999d" 1 }}`, "the width"},
		{strings.Repeat(`{{ printf "`+strings.Repeat("%4096[1]d", 100)+`" 1 }}`, 50), "16 MiB"},
		{`{{ range 1000000000000 }}{{ end }}`, "5000000 steps"},
		{`{{ range 1000000000000 }}{{ if false }}x{{ end }}{{ end }}`, "5000000 steps"},
		{`{{ range 100000 }}{{ range 100000 }}{{ range 100000 }}{{ end }}{{ end }}{{ end }}`, "5000000 steps"},
		{`{{ range 1000000000000 }}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{{ end }}`, "16 MiB"},
		{`{{ define "a" }}{{ template "b" }}{{ template "b" }}{{ end }}{{ define "b" }}{{ template "c" }}{{ template "c" }}{{ end }}` +
			`{{ define "c" }}{{ range 10000 }}{{ template "d" }}{{ end }}{{ end }}{{ define "d" }}{{ range 10000 }}{{ end }}{{ end }}{{ template "a" }}`, "5000000 steps"},
		{`{{ define "a" }}{{ template "a" }}{{ template "a" }}{{ end }}{{ template "a" }}`, "exceeded maximum template depth"},
		{`{{ $x := "xxxxxxxxxxxxxxxx" }}` + double, "16 MiB"},
		{`{{ $x := "<<<<<<<<<<<<<<<<" }}` + strings.Repeat(`{{ $x = html $x $x | urlquery | js }}`, 30), "16 MiB"},
		{`{{ $x := list 1 2 3 4 }}` + strings.Repeat(`{{ $x = concat $x $x }}`, 40), "16 MiB"},
		{`{{ $x := list 1 2 3 4 }}` + strings.Repeat(`{{ $x = list $x $x $x $x }}`, 40) + `{{ $x }}`, "16 MiB"},
		{`{{ $x := dict "a" "b" }}` + strings.Repeat(`{{ $x = dict "a" $x "b" $x }}`, 40) + `{{ toJSON $x }}`, "16 MiB"},
		{`{{ $x := printf "%4096d" 1 }}` + strings.Repeat(`{{ $x = replace $x " " $x }}`, 3), "16 MiB"},
		{`{{ $x := printf "%4096d" 1 }}{{ $l := split $x "" }}{{ $l = concat $l $l $l $l $l $l }}{{ join $l $x }}`, "16 MiB"},
		{`{{ $x := "a" }}` + strings.Repeat(`{{ $x = quote $x }}`, 40), "16 MiB"},
	} {
		parsed, wrong := parseAt("x", c.text, wholeFile("elsewhere"))
		if wrong != nil {
			t.Errorf("%.80s: %v", c.text, wrong)
			continue
		}
		text, err := parsed.Execute(nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80s: %d bytes, %v, want %q", c.text, len(text), err, c.want)
		}
	}
}

// TestBoundedFunctions calls the functions as templates do: what they give is
// what they gave.
func TestBoundedFunctions(t *testing.T) {
	for text, want := range map[string]string{
		`{{ printf "%s-%03d-%-5s|%5.2f%%" "a" 7 "b" 1.5 }}`:                                      "a-007-b    | 1.50%",
		`{{ print 1 2 "x" }}{{ html "<a>" }}{{ js "'" }}{{ urlquery "a b" }}`:                    `1 2x&lt;a&gt;\'a+b`,
		`{{ replace "a.b.c" "." "--" }} {{ join (list 1 2) "," }} {{ list 1 2 | join "," }}`:     "a--b--c 1,2 1,2",
		`{{ range $i := 3 }}{{ $i }}{{ else }}none{{ end }}{{ with "" }}{{ else }}else{{ end }}`: "012else",
	} {
		parsed, wrong := parseAt("x", text, wholeFile("elsewhere"))
		if wrong != nil {
			t.Fatal(wrong)
		}
		if got, err := parsed.Execute(nil); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
}
