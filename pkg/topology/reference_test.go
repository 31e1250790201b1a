package topology

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

const docs = "../../docs/"

// golden compares a generated file with the one that is kept, or writes it.
func golden(t *testing.T, file string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("%s is out of date: run go test ./pkg/topology -update", file)
	}
}

func TestReference(t *testing.T) {
	golden(t, docs+"topology.md", reference())
}

// TestDiagnosticsPage keeps the section of this package; other packages have
// theirs in the same file.
func TestDiagnosticsPage(t *testing.T) {
	const begin, end = "<!-- begin topology -->\n", "<!-- end topology -->\n"
	page, err := os.ReadFile(docs + "diagnostics.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), begin)
	_, after, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		t.Fatalf("docs/diagnostics.md lacks the lines %q and %q", begin, end)
	}
	var b strings.Builder
	b.WriteString("\n## Topology\n\n| Code | What | Meaning |\n|---|---|---|\n")
	for _, c := range meanings() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.Code, c.Title, c.Meaning)
	}
	golden(t, docs+"diagnostics.md", []byte(before+begin+b.String()+"\n"+end+after))
}

// reference writes docs/topology.md from the schema.
func reference() []byte {
	return schema.Reference{Intro: referenceIntro, Root: documentSchema.Shape(), Alike: []string{"pools.NAME"}}.Markdown()
}

const referenceIntro = `# The topology file

<!-- Generated from pkg/topology/schema.go by: go test ./pkg/topology -update -->

One YAML file describes every machine of a cluster. ` + "`kubespore init`" + ` writes one to start from,
` + "`kubespore check`" + ` finds every mistake in it at once, and the [JSON Schema](topology.schema.json)
lets editors complete and check it. The files under [examples](../examples) are whole topologies;
what each diagnostic means stands in [diagnostics](diagnostics.md).

What hosts share stands in pools, which have the keys of a host; [fleets](fleets.md) says which
value counts where several say the same.

Unknown keys and keys given twice are errors. Anchors, aliases and merge keys (` + "`<<`" + `) may be used. A
file has at most 16 MiB and 20,000 hosts.
`
