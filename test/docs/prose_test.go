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
	{regexp.MustCompile(`(?i)\b(whoever|whosoever)\b`), "anyone who, the program that"},
	{regexp.MustCompile(`(?i)\b(nobody|somebody|anybody|everybody)(|'s)\b`), "no one, someone, anyone, everyone; or name the program that does it"},
	{regexp.MustCompile(`(?i)\bone's own\b|\b(of|with|by) one's\b`), "your own, its own"},
	{regexp.MustCompile(`(?i)\bfor ever\b`), "permanently, without end"},
	{regexp.MustCompile(`(?i)\bshall\b`), "must, will, is to"},
	{regexp.MustCompile(`(?i)\bheld against\b|\b(hold|holds) (\w+ ){1,3}against\b`), "compare with, check with"},
	{regexp.MustCompile(`(?i)\b(topology|template|condition|deposit|line|profile|host|hosts|check|benchmark|console|starter|change|pods?|bill|lane|option|options|runs) asks? for\b`), "names, needs, demands, causes"},
	{regexp.MustCompile(`(?i)\b(that|which|it|this|what|name|value|one|%[sqv]) (is|are|was|were) no (a|an|address|answer|archive|authority|certificate|copy|document|error|failure|file|folder|host|image|key|kind|machine|name|number|object|path|port|profile|program|proof|reason|secret|text|version|word|zombie)s?\b`), "is not a"},
	{regexp.MustCompile(`(?i)\bof which\b`), "whose, with its; or two sentences"},
	{regexp.MustCompile(`(?i)\b(hence|thence|whence|lest|thereof|whereof|therein|wherein|hereby|thereby|naught|aught|unto|ere)\b`), "so, from there, in it"},
	{regexp.MustCompile(`(?i)\bto be had\b`), "available"},
	{regexp.MustCompile(`(?i)\bknows? no \w+`), "does not know, does not support"},
	{regexp.MustCompile(`(?i)\bwhose\b[^.;:|]*\bwhose\b`), "one whose in a sentence at most"},
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

// TestPlainComments reads the comments of all sources, those of tests as well.
func TestPlainComments(t *testing.T) {
	read := 0
	walk(t, []string{"../../cmd", "../../pkg", "../../test", "../../profiles", "../../release"}, func(name string) {
		if filepath.Ext(name) != ".go" || filepath.Base(name) == "prose_test.go" {
			return
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range file.Comments {
			read++
			at := files.Position(group.Pos())
			for i, line := range strings.Split(group.Text(), "\n") {
				plain(t, at.Filename+":"+strconv.Itoa(at.Line+i), line)
			}
		}
	})
	if read < 5000 {
		t.Errorf("only %d comments were found", read)
	}
}

// TestPlainFiles reads what else has sentences: the built-in profiles with their
// scripts and settings, the steps of the boot lab, starters, and the help of make.
func TestPlainFiles(t *testing.T) {
	read := 0
	walk(t, []string{"../../profiles", "../../pkg/topology/starters", "../../examples", "../../test/scripts", "../../test/boot/scenarios.yaml", "../../test/boot/overlay", "../../Makefile"}, func(name string) {
		if filepath.Ext(name) == ".go" || strings.HasSuffix(name, ".md") {
			return
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		read++
		for i, line := range strings.Split(string(text), "\n") {
			plain(t, name+":"+strconv.Itoa(i+1), line)
		}
	})
	if read < 200 {
		t.Errorf("only %d files were found", read)
	}
}

// walk calls a function for each file below folders, but for test data and goldens.
func walk(t *testing.T, folders []string, do func(name string)) {
	t.Helper()
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() == "testdata" {
				return fs.SkipDir
			}
			if err == nil && d.Type().IsRegular() {
				do(name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
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
