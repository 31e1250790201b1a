package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// unplain are ways of saying things that readers of technical English stumble
// over, with what to write.
var unplain = []struct {
	pattern *regexp.Regexp
	write   string
}{
	{regexp.MustCompile(`(?i)\bbeside\b`), "next to, together with, in addition to"},
	{regexp.MustCompile(`(?i)\bwhoever\b`), "anyone who"},
	{regexp.MustCompile(`(?i)\b(nobody|somebody|anybody)\b`), "no one, someone, anyone; or name the program that does it"},
	{regexp.MustCompile(`(?i)\bone's own\b`), "your own, its own"},
	{regexp.MustCompile(`(?i)\bfor ever\b`), "permanently, without end"},
	{regexp.MustCompile(`(?i)\bshall\b`), "must, will"},
	{regexp.MustCompile(`(?i)\bheld against\b|\bholds? \w+ against\b`), "compare with, check with"},
	{regexp.MustCompile(`(?i)\b(topology|template|condition|deposit|line|profile|host|hosts|check|benchmark|console|starter|change|pods?) asks? for\b`), "names, needs, demands, causes"},
	{regexp.MustCompile(`(?i)\b(that|which|it|this) is no (secret|path|name|number|address|file|folder|program|image|key|host)\b`), "is not a"},
	{regexp.MustCompile(`(?i)\b(name|value|one|%[sqv]) is no (secret|path|name|number|address|file|folder|program)\b`), "is not a"},
}

// unread is what is not prose on a page: code, and where links lead.
var unread = regexp.MustCompile("`[^`]*`|\\]\\([^)]*\\)")

// plain reports what a line of prose could say more plainly.
func plain(t *testing.T, where, line string) {
	t.Helper()
	line = unread.ReplaceAllString(line, "")
	for _, u := range unplain {
		if found := u.pattern.FindString(line); found != "" {
			t.Errorf("%s: %q: write %s", where, found, u.write)
		}
	}
}

// TestPlainEnglish reads the prose of every page.
func TestPlainEnglish(t *testing.T) {
	for _, page := range prosePages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		inBlock := false
		for i, line := range strings.Split(string(text), "\n") {
			if fence.MatchString(line) {
				inBlock = !inBlock
			} else if !inBlock && !strings.HasPrefix(line, "    ") {
				plain(t, page+":"+strconv.Itoa(i+1), line)
			}
		}
	}
}

// TestPlainMessages reads what the program says: every text in its sources that has
// a space, which are messages, hints, help and what is printed.
func TestPlainMessages(t *testing.T) {
	read := 0
	for _, folder := range []string{"../../cmd", "../../pkg"} {
		err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				return err
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, name, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				literal, ok := n.(*ast.BasicLit)
				if !ok || literal.Kind != token.STRING {
					return true
				}
				if text, err := strconv.Unquote(literal.Value); err == nil && strings.Contains(text, " ") {
					read++
					plain(t, files.Position(literal.Pos()).String(), strings.ReplaceAll(text, "\n", " "))
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if read < 500 {
		t.Errorf("only %d texts were found", read)
	}
}

// helpIsPlain reads the manual pages that the program writes, which are its help.
func helpIsPlain(t *testing.T, bin string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "man")
	if out, err := exec.Command(bin, "man", dir).CombinedOutput(); err != nil {
		t.Fatalf("kubespore man: %v\n%s", err, out)
	}
	manuals, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(manuals) < 20 {
		t.Fatal(manuals, err)
	}
	for _, name := range manuals {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			plain(t, filepath.Base(name)+":"+strconv.Itoa(i+1), line)
		}
	}
}
