package profiles_test

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/document"
)

// locked is a document whose programs and images are pinned, each to a stand-in that names
// its build. It gives those by their names as well.
func locked(t *testing.T, doc *document.Document, build string) (*document.Document, map[string]string) {
	t.Helper()
	parts := map[string]string{}
	entries, err := doc.Entries()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		var text strings.Builder
		for line := range strings.Lines(string(e.Content)) {
			words := strings.Fields(line)
			if len(words) == 0 {
				continue
			}
			content := build + " " + words[0] + "\n"
			sum, file := document.Digest([]byte(content)), strings.ReplaceAll(words[0], "/", "_")
			if e.Path == document.ImagesPath {
				fmt.Fprintf(&text, "%s sha256:%s %s images/amd64/%s.tar\n", words[0], sum, sum, file)
			} else {
				fmt.Fprintf(&text, "%s v1 %s binaries/amd64/%s-v1\n", words[0], sum, file)
			}
			if e.Path == document.ImagesPath || e.Path == document.ProgramsPath {
				parts[words[0]] = content
			}
		}
		if e.Path == document.ImagesPath || e.Path == document.ProgramsPath {
			setContent(doc, e.Path, text.String())
		}
	}
	if doc.NamesState() {
		state, err := doc.State()
		if err != nil {
			t.Fatal(err)
		}
		setContent(doc, document.StatePath, state.Digest()+"\n")
	}
	return doc, parts
}

// setContent gives a file of a document another content.
func setContent(doc *document.Document, path, text string) {
	for i := range doc.Config.Storage.Files {
		if f := &doc.Config.Storage.Files[i]; f.Path == path {
			source := "data:;base64," + base64.StdEncoding.EncodeToString([]byte(text))
			f.Contents.Source, f.Contents.Compression = &source, nil
		}
	}
}

// install puts programs where a first boot does, which notes that it is done.
func (m *chroot) install(t *testing.T, parts map[string]string) {
	t.Helper()
	for name, content := range parts {
		if !strings.HasPrefix(name, "/") {
			continue // an image, which is in no file
		}
		mode := fs.FileMode(0o755)
		if filepath.Ext(name) == ".yaml" {
			mode = 0o644
		}
		m.put(t, name, content, mode)
	}
	list, err := os.ReadFile(m.path(document.ProgramsPath))
	if err != nil {
		return
	}
	m.put(t, "/var/lib/kubespore/installed", document.Digest(list)+"\n", 0o600)
}
