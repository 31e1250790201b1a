package compile_test

import (
	"path"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/document"
)

// TestLines: a file that a machine's script reads line by line has no empty line, which the
// script would take for an element, such as a kernel argument that does not arrive, and its
// last line ends, without which bash does not read it.
func TestLines(t *testing.T) {
	lists := 0
	for _, example := range append([]string{"../testdata/good/kernel"}, goldenExamples...) {
		docs, _ := goldenDocuments(t, example, goldenMinors[0])
		for _, doc := range docs {
			entries, err := doc.Entries()
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if e.Kind != document.KindFile || path.Ext(e.Path) != "" || path.Dir(e.Path) != "/etc/kubespore" {
					continue
				}
				lists++
				text := string(e.Content)
				if strings.HasPrefix(text, "\n") || strings.Contains(text, "\n\n") {
					t.Errorf("%s %s: %s has an empty line: %q", example, doc.Host, e.Path, text)
				}
				if text != "" && !strings.HasSuffix(text, "\n") {
					t.Errorf("%s %s: the last line of %s does not end: %q", example, doc.Host, e.Path, text)
				}
			}
		}
	}
	if lists < 50 {
		t.Errorf("%d lists looked at", lists)
	}
}
