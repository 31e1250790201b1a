package profile_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// TestGoldenSystemPages writes what the facts say into the page of each system.
func TestGoldenSystemPages(t *testing.T) {
	c, list := profile.Load(profile.Source{Name: "profiles", FS: profiles.FS})
	if list.HasErrors() {
		t.Fatal(list)
	}
	for _, s := range c.Systems() {
		section(t, "../../docs/profiles/"+profile.SystemPrefix+s.Name+".md", "facts", page(c, s))
	}
}

// section holds a part of a page between two comments to what is written from the
// code.
func section(t *testing.T, file, name, want string) {
	t.Helper()
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->\n"
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("write the page, with the lines %q and %q: %v", begin, end, err)
	}
	before, rest, found := strings.Cut(string(have), begin)
	_, after, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		t.Fatalf("%s lacks the lines %q and %q", file, begin, end)
	}
	text := before + begin + want + "\n" + end + after
	switch {
	case text == string(have):
	case *update:
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is out of date: go test ./pkg/profile -update", file)
	}
}

// page writes the facts of a system for the person who chooses and prepares its
// image.
func page(c *profile.Catalog, s *profile.System) string {
	var b strings.Builder
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", name, value)
		}
	}
	b.WriteString("\n## What its facts say\n\n| | |\n|---|---|\n")
	row("releases", strings.Join(s.Releases, ", "))
	row("image", s.Image)
	row("documents", strings.Join(s.Formats, ", "))
	row("too old below", strings.Join(s.Versions, ", "))
	row("processor", s.Boot.Processor)
	row("can be written", quoted(s.Writable)+map[bool]string{true: " and below these"}[len(s.Writable) > 0])
	row("cannot be written", quoted(s.ReadOnly))
	row("links", pairs(s.Links, "`%s` to `%s`"))
	row("not for mounts", pairs(s.Unmountable, "`%s`, which %s"))
	b.WriteString("\nWhat profiles ask of the system, and its stock images lack or may lack:\n\n| what | for | package |\n|---|---|---|\n")
	lacks := lacking(c, s)
	for _, name := range slices.Sorted(maps.Keys(lacks)) {
		b.WriteString(lacks[name])
	}
	if len(lacks) == 0 {
		b.WriteString("| nothing | | |\n")
	}
	return b.String()
}

// lacking gives a row for each program or module that some profile needs and the
// stock images do not have.
func lacking(c *profile.Catalog, s *profile.System) map[string]string {
	out := map[string]string{}
	for _, p := range c.Profiles {
		for _, x := range p.Programs {
			if s.Has(x.Name) {
				continue
			}
			from := "none: `check` refuses it"
			if s.Packages[x.Name] != "" {
				from = "`" + s.Packages[x.Name] + "`"
			}
			doc := x.Doc
			if x.Unit != "" {
				doc += "; nothing starts without it"
			}
			out[x.Name+p.Name+x.Doc] = fmt.Sprintf("| `%s` | %s | %s |\n", x.Name, doc, from)
		}
		for _, x := range p.Modules {
			if s.Modules[x.Name] != "" {
				out["~"+x.Name] = fmt.Sprintf("| kernel module `%s` | [%s](%s.md) | `%s` |\n", x.Name, p.Name, p.Name, s.Modules[x.Name])
			}
		}
	}
	return out
}

func quoted(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "`" + strings.Join(names, "`, `") + "`"
}

func pairs(m map[string]string, format string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf(format, k, m[k]))
	}
	return strings.Join(out, "; ")
}
