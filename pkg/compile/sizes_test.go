package compile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/emit"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

const (
	sizesPage  = "../../docs/delivery.md"
	sizesBegin = "<!-- begin sizes -->\n"
	sizesEnd   = "<!-- end sizes -->"
)

// sizeSlack is by how many KiB a figure of the page may be wrong before someone must
// write it anew: keys differ from build to build, and every profile adds a line.
const sizeSlack = 2

// TestGoldenSizes holds the table of docs/delivery.md to the documents: how large the
// largest of each kind of host is, in every form that a delivery counts, and where it
// fits. With -update it writes the table.
func TestGoldenSizes(t *testing.T) {
	want := sizesTable(t)
	text, err := os.ReadFile(sizesPage)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(text), sizesBegin)
	got, tail, ended := strings.Cut(rest, sizesEnd)
	if !found || !ended {
		t.Fatalf("%s has no place for the table", sizesPage)
	}
	if alikeBut(got, want, sizeSlack) {
		return
	}
	if !*update {
		t.Fatalf("%s is out of date: go test ./pkg/compile -run TestGoldenSizes -update\n%s", sizesPage, want)
	}
	if err := os.WriteFile(sizesPage, []byte(head+sizesBegin+want+sizesEnd+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

var figure = regexp.MustCompile(`\d+`)

// alikeBut says whether two texts are the same but for figures that differ by little.
func alikeBut(a, b string, slack int) bool {
	if figure.ReplaceAllString(a, "#") != figure.ReplaceAllString(b, "#") {
		return false
	}
	x, y := figure.FindAllString(a, -1), figure.FindAllString(b, -1)
	for i := range x {
		m, _ := strconv.Atoi(x[i])
		n, _ := strconv.Atoi(y[i])
		if m-n > slack || n-m > slack {
			return false
		}
	}
	return true
}

// sizesTable has a row for each example and kind of host: the largest document.
func sizesTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("\n| example | host | format | document |")
	var rules string
	for _, d := range compile.Deliveries() {
		if d.Limit > 0 {
			fmt.Fprintf(&b, " `%s` |", d.Name)
			rules += "---|"
		}
	}
	b.WriteString("\n|---|---|---|---|" + rules + "\n")
	for _, example := range append([]string{"pair", "fleet"}, goldenExamples...) {
		for _, row := range largest(t, example) {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %d KiB |", example, row.kind, row.format, kib(len(row.raw)))
			for _, d := range compile.Deliveries() {
				if d.Limit == 0 {
					continue
				}
				raw := row.raw
				if d.Packed {
					raw = row.packed
				}
				if size := d.Size(raw); size > d.Limit {
					fmt.Fprintf(&b, " **%d KiB: no** |", kib(size))
				} else {
					fmt.Fprintf(&b, " %d KiB |", kib(size))
				}
			}
			b.WriteString("\n")
		}
	}
	return b.String() + "\n"
}

func kib(bytes int) int { return (bytes + 1<<10 - 1) >> 10 }

type sized struct {
	kind, format string
	raw, packed  []byte // as it is, and for a delivery that compresses it
}

// largest gives the largest document of each kind of host.
func largest(t *testing.T, example string) []sized {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../examples", example+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	project, list := compile.Load(example+".yaml", text, profile.Source{Name: "profiles", FS: profiles.FS})
	if list.HasErrors() {
		t.Fatal(list)
	}
	// Real keys: the stand-ins of goldens are alike, and compress well.
	docs := exampleDocuments(t, example, goldenMinors[0], func(p *plan.Plan) *plan.Keys {
		keys, list := pki.Memory().Issue(p, now, nil)
		if list.HasErrors() {
			t.Fatal(list)
		}
		return keys
	})
	var out []sized
	for _, doc := range docs {
		var s sized
		for i := range project.Topology.Hosts {
			if h := &project.Topology.Hosts[i]; h.Name == doc.Host {
				s.kind, s.format = strings.Join(h.Roles, " and "), h.Format
			}
		}
		if s.kind == "" {
			s.kind = "no role"
		}
		if s.format == "cloud-init" {
			seed, list := emit.CloudInit(doc)
			if list.HasErrors() {
				t.Fatal(list)
			}
			s.raw = seed.UserData
			s.packed = s.raw
		} else if s.raw, err = emit.Ignition(doc); err != nil {
			t.Fatal(err)
		} else {
			plain, err := emit.Plain(doc)
			if err != nil {
				t.Fatal(err)
			}
			if s.packed, err = emit.Ignition(plain); err != nil {
				t.Fatal(err)
			}
		}
		known := false
		for i := range out {
			if out[i].kind == s.kind && out[i].format == s.format {
				if known = true; len(s.raw) > len(out[i].raw) {
					out[i] = s
				}
			}
		}
		if !known {
			out = append(out, s)
		}
	}
	return out
}
