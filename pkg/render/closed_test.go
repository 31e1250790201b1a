package render

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/diag"
)

// TestOverlayClosed: what an overlay puts into files that not everyone may read is a
// secret, whether the mode is its own, that of the file below it or another overlay's.
func TestOverlayClosed(t *testing.T) {
	text := map[string]string{
		"one.bu": `variant: fcos
version: 1.5.0
storage:
  files:
    - {path: /etc/owner, mode: 0600, contents: {inline: a}}
    - {path: /etc/group, mode: 0640, contents: {inline: a}}
    - {path: /etc/append, mode: 0600, append: [{inline: a}]}
    - {path: /etc/everyone, mode: 0644, contents: {inline: a}}
    - {path: /etc/plain, contents: {inline: a}}
    - {path: /etc/below, overwrite: true, contents: {inline: a}}
    - {path: /etc/later, contents: {inline: a}}
`,
		"two.bu": "variant: fcos\nversion: 1.5.0\nstorage: {files: [{path: /etc/later, mode: 0600}]}\n",
	}
	p := planOf(t, one("storage: {files: [{path: /etc/below, mode: 0600, contents: {inline: b}}, {path: /etc/ours, mode: 0600, contents: {inline: b}}]}\n"), nil, "cp1")
	p.Hosts[0].Overlays = []string{"one.bu", "two.bu"}
	r, problems := New(p.Plan, p.evaluator, func(name string) ([]byte, fs.FS, error) { return []byte(text[name]), archived(""), nil })
	if len(problems) > 0 {
		t.Fatal(printed(problems))
	}
	d, problems := r.Host(p.Hosts[0], fakeKeys())
	if len(problems) > 0 {
		t.Fatal(printed(problems))
	}
	var secret []string
	for item := range d.Secret {
		secret = append(secret, strings.TrimPrefix(item, "file:/etc/"))
	}
	slices.Sort(secret)
	if got := strings.Join(secret, " "); got != "append below group later owner" {
		t.Errorf("secret are %s", got)
	}
}

// TestOverlayExcerpts: an error in an overlay shows nothing of what the file next to it
// holds.
func TestOverlayExcerpts(t *testing.T) {
	const files = "variant: fcos\nversion: 1.5.0\nstorage:\n  files:\n"
	for _, wrong := range []string{
		`    - {path: /etc/a, mode: 0600, contents: {inline: "OPEN SESAME"}, owner: x}`,
		`    - {path: a, mode: 0600, contents: {inline: OPEN SESAME}}`,
		`    - {path: a, mode: 0600, append: [{inline: 'OPEN SESAME'}]}`,
		`    - {path: a, mode: 0600, contents: {source: "data:,SESAME"}}`,
		`    - {path: /etc/a, mode: 0600, contents: SESAME}`,
		"    - path: /etc/a\n      mode: 0600\n      contents:\n        inline: |\n          OPEN\n        SESAME",
		"    - path: /etc/a\n      mode: 0600\n      contents: {inline: SESAME, foo: bar}",
	} {
		text := []byte(files + wrong + "\n")
		p := planOf(t, one("storage: {}\n"), nil, "cp1")
		p.Hosts[0].Overlays = []string{"lab.bu"}
		_, problems := New(p.Plan, p.evaluator, func(string) ([]byte, fs.FS, error) { return text, archived(""), nil })
		var out strings.Builder
		diag.Printer{ReadFile: func(string) ([]byte, error) { return text, nil }}.Print(&out, problems)
		said := out.String()
		if strings.Contains(said, "SESAME") || !strings.Contains(said, "error: ") {
			t.Errorf("%s\nit is said that\n%s", wrong, said)
		}
	}
}
