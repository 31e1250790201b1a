// Package docs follows the documentation: every page is a story. Blocks with
// file=NAME are written, sh blocks are run in the page's own folder with
// kubespore in the PATH, yaml blocks without a name are whole topologies, and
// `yaml part` blocks are parts of one, laid over the starter. Before a block with
// parts=FOLDER what the download script would fetch lies there, in name. What a
// make target of its own runs, such as the boot lab, says norun.
package docs

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/topology"
)

// block is one fenced block of a page.
type block struct {
	line       int
	attributes []string // what follows the fence: language, then attributes
	text       string
}

func (b block) hasAttribute(name string) bool { return slices.Contains(b.attributes, name) }

// attribute gives VALUE of NAME=VALUE.
func (b block) attribute(name string) string {
	for _, w := range b.attributes {
		if value, ok := strings.CutPrefix(w, name+"="); ok {
			return value
		}
	}
	return ""
}

var fence = regexp.MustCompile("^(\\s*)```(.*)$")

func blocks(page []byte) []block {
	var out []block
	open := false
	for i, line := range strings.Split(string(page), "\n") {
		if m := fence.FindStringSubmatch(line); m != nil {
			if open = !open; open {
				out = append(out, block{line: i + 1, attributes: strings.Fields(m[2])})
			}
			continue
		}
		if open {
			out[len(out)-1].text += line + "\n"
		}
	}
	return out
}

// notRun are languages that are only to be read.
var notRun = []string{"", "text", "console", "mermaid", "go", "json", "ini", "toml", "diff", "bu", "nft"}

func pages(t *testing.T) []string {
	t.Helper()
	out := []string{"../../README.md"}
	err := filepath.WalkDir("../../docs", func(path string, d os.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// program builds kubespore.
func program(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "kubespore")
	if out, err := exec.Command("go", "build", "-o", bin, "../../cmd/kubespore").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

func TestPages(t *testing.T) {
	bin := program(t)
	helpIsPlain(t, bin)
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimPrefix(page, "../../"), func(t *testing.T) {
			t.Parallel()
			follow(t, page, blocks(text), bin)
			links(t, page, text)
		})
	}
}

func follow(t *testing.T, page string, list []block, bin string) {
	dir := t.TempDir()
	env := append(os.Environ(), "PATH="+filepath.Dir(bin)+":"+os.Getenv("PATH"), "NO_COLOR=1", "HOME="+home(t))
	if err := os.CopyFS(filepath.Join(dir, "examples"), os.DirFS("../../examples")); err != nil {
		t.Fatal(err)
	}
	for _, b := range list {
		where := fmt.Sprintf("%s:%d", page, b.line)
		language := ""
		if len(b.attributes) > 0 {
			language = b.attributes[0]
		}
		switch name := b.attribute("file"); {
		case name != "":
			write(t, filepath.Join(dir, name), b.text)
		case b.hasAttribute("norun"):
		case language == "sh":
			want := b.attribute("exit")
			if want == "" {
				want = "0"
			}
			if folder := b.attribute("parts"); folder != "" {
				fetchInName(t, dir, folder, env)
			}
			// The README's two commands are run by the tests themselves.
			text := strings.NewReplacer("go run ./cmd/kubespore", "kubespore", "make test", "true").Replace(b.text)
			c := exec.Command("bash", "-eu", "-o", "pipefail", "-c", text)
			c.Dir, c.Env = dir, env
			out, _ := c.CombinedOutput()
			if got := fmt.Sprint(c.ProcessState.ExitCode()); got != want {
				t.Errorf("%s: exit status %s, want %s\n%s%s", where, got, want, b.text, out)
			}
		case language == "yaml":
			check(t, where, filepath.Join(dir, "examples"), b, bin, env)
		case !slices.Contains(notRun, language):
			t.Errorf("%s: no test knows what to do with a %q block", where, language)
		}
	}
}

// home is the home of a reader, who has an SSH key.
func home(t *testing.T) string {
	dir := t.TempDir()
	write(t, filepath.Join(dir, ".ssh", "id_ed25519.pub"), topology.ExampleKey+"\n")
	return dir
}

// check runs `kubespore check` on a topology, or on a part laid over the
// starter, that stands where the examples' own files do.
func check(t *testing.T, where, folder string, b block, bin string, env []string) {
	text := []byte(b.text)
	if b.hasAttribute("part") {
		text = lay(t, where, b.text)
	}
	file := filepath.Join(folder, "page.yaml")
	write(t, file, string(text))
	c := exec.Command(bin, "check", file)
	c.Env = env
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", where, err, out)
	}
}

// lay merges a part over examples/ha.yaml: maps by key, all else replaced.
func lay(t *testing.T, where, part string) []byte {
	t.Helper()
	return marshal(t, merge(starter(t), mapping(t, where, part)))
}

// starter gives the topology that parts are laid over.
func starter(t *testing.T) map[string]any {
	t.Helper()
	const name = "../../examples/ha.yaml"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return mapping(t, name, string(text))
}

func mapping(t *testing.T, where, text string) (out map[string]any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	return out
}

func marshal(t *testing.T, value any) []byte {
	t.Helper()
	out, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func merge(under, over map[string]any) map[string]any {
	out := maps.Clone(under)
	for k, v := range over {
		a, okA := out[k].(map[string]any)
		b, okB := v.(map[string]any)
		if okA && okB {
			v = merge(a, b)
		}
		out[k] = v
	}
	return out
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

var link = regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)

// links proves that what a page points at is there.
func links(t *testing.T, page string, text []byte) {
	for i, line := range bytes.Split(text, []byte("\n")) {
		for _, m := range link.FindAllSubmatch(line, -1) {
			target := string(m[1])
			if strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), target)); err != nil {
				t.Errorf("%s:%d: %s is not there", page, i+1, target)
			}
		}
	}
}
