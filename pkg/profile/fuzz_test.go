package profile_test

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/kubespore/kubespore/pkg/profile"
)

// Whatever a folder holds, loading it gives diagnostics and never panics.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{"unknown-keys", "words", "templates", "files", "defaults"} {
		archive, err := txtar.ParseFile("testdata/bad/" + name + ".txtar")
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			f.Add(file.Data, []byte("contents: {local: a}"))
		}
	}
	versions, err := os.ReadFile("../../profiles/versions.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(versions, []byte("{{ .Param.x }}"))
	f.Fuzz(func(t *testing.T, text, butane []byte) {
		tree := fstest.MapFS{"p/profile.yaml": {Data: text}, "p/host.bu": {Data: butane}, "versions.yaml": {Data: text}}
		c, list := profile.Load(profile.Source{Name: "P", FS: tree})
		for _, d := range list {
			if d.Code == "" || d.Message == "" || d.Position.File == "" {
				t.Errorf("a diagnostic without code, message or file: %+v", d)
			}
		}
		if len(c.Profiles) > 1 {
			t.Errorf("%d profiles out of one folder", len(c.Profiles))
		}
		c.ParamSchemas()
	})
}
