package topology

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse holds that no text makes Parse panic, and that every position it
// gives lies inside the text.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{badFiles, examples + "/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		topology, list := Parse("fuzz.yaml", text, testKnown)
		if topology == nil {
			t.Fatal("no topology")
		}
		lines := bytes.Split(text, []byte("\n"))
		for _, d := range list {
			if d.Code == "" || d.Message == "" || d.Message != strings.ToValidUTF8(d.Message, "") {
				t.Errorf("malformed diagnostic %+v", d)
			}
			at := d.Position
			if at.File != "fuzz.yaml" || at.Line > len(lines) {
				t.Errorf("%s is not in the file: %s", at, d.Message)
			} else if at.Line > 0 && at.Column > utf8.RuneCount(lines[at.Line-1])+1 {
				t.Errorf("%s is behind the end of the line: %s", at, d.Message)
			}
		}
	})
}
