package advisories

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/semver"
)

var database = flag.String("vulndb", "", "a clone of github.com/golang/vulndb: write the list anew")

const (
	listName = "advisories.txt"
	unused   = "unused" // in place of the version that mends it: no package that it is about is in the program
)

// row is a module at a version, and an advisory that this version has, if any.
type row struct{ module, version, advisory, written, fixed string }

func (r row) String() string {
	return strings.Join([]string{r.module, r.version, r.advisory, r.written, r.fixed}, " ")
}

// TestAdvisories: the list is about the modules and versions that the program has
// today, and no version has an advisory about a package that is in the program.
func TestAdvisories(t *testing.T) {
	if *database != "" {
		remake(t)
	}
	text, err := os.ReadFile(listName)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if strings.HasPrefix(line, "#") || len(words) == 0 {
			continue
		}
		if len(words) != 5 {
			t.Fatalf("%q is not a row", line)
		}
		r := row{words[0], words[1], words[2], words[3], words[4]}
		listed[r.module] = r.version
		if r.advisory != "-" && r.fixed != unused {
			t.Errorf("%s %s has %s of %s, mended by %s", r.module, r.version, r.advisory, r.written, r.fixed)
		}
	}
	modules, _ := compiled(t)
	for module, version := range modules {
		switch listed := listed[module]; {
		case module == "stdlib" && semver.Compare(version, listed) >= 0 && listed != "":
		case listed != version:
			t.Errorf("%s is %s, and the list is about %q: go test ./test/advisories -vulndb CLONE", module, version, listed)
		}
	}
}

// compiled gives the modules of the program, with their versions, and its packages.
func compiled(t *testing.T) (modules map[string]string, packages map[string]bool) {
	t.Helper()
	c := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}}{{with .Module}}{{if .Version}} {{.Path}} {{.Version}}{{end}}{{end}}", "../../cmd/kubespore")
	c.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64")
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	modules = map[string]string{"stdlib": "v" + strings.TrimPrefix(strings.Fields(runtime.Version())[0], "go")}
	packages = map[string]bool{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		packages[words[0]] = true
		if len(words) == 3 {
			modules[words[1]] = words[2]
		}
	}
	if len(modules) < 30 {
		t.Fatalf("the program has %d modules only", len(modules))
	}
	return modules, packages
}

// osv is what we read of an entry of the database.
type osv struct {
	ID        string `json:"id"`
	Withdrawn string `json:"withdrawn"`
	Affected  []struct {
		Package struct{ Name string }
		Ranges  []struct {
			Events []struct{ Introduced, Fixed string }
		}
		Specific struct {
			Imports []struct{ Path string }
		} `json:"ecosystem_specific"`
	}
}

// atLeast is a version of the database for semver, which wants three numbers.
func atLeast(version string) string {
	if version == "0" {
		return "v0.0.0-0"
	}
	return "v" + version
}

// mendedBy gives the version that mends an advisory for a version which has it.
func mendedBy(events []struct{ Introduced, Fixed string }, version string) (fixed string, found bool) {
	open := false
	for _, e := range events {
		switch {
		case e.Introduced != "":
			open = semver.Compare(version, atLeast(e.Introduced)) >= 0
		case open && semver.Compare(version, "v"+e.Fixed) < 0:
			return "v" + e.Fixed, true
		default:
			open = false
		}
	}
	return "-", open
}

// remake writes the list from a clone of the database.
func remake(t *testing.T) {
	t.Helper()
	git := func(args ...string) string {
		out, err := exec.Command("git", append([]string{"-C", *database}, args...)...).Output()
		if err != nil {
			t.Fatalf("git %s: %v", strings.Join(args, " "), err)
		}
		return string(out)
	}
	modules, packages := compiled(t)
	var rows []row
	for module, version := range modules {
		rows = append(rows, row{module, version, "-", "-", "-"})
	}
	written := func(id string) string {
		created := regexp.MustCompile(`(?m)^    created: (\S{10})`).FindStringSubmatch(git("show", "HEAD:data/reports/"+id+".yaml"))
		if created == nil {
			return "-"
		}
		return created[1]
	}
	count := 0
	for archive := tar.NewReader(strings.NewReader(git("archive", "HEAD", "data/osv"))); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(header.Name) != ".json" {
			continue
		}
		var entry osv
		if err := json.NewDecoder(archive).Decode(&entry); err != nil {
			t.Fatalf("%s: %v", header.Name, err)
		}
		count++
		for _, a := range entry.Affected {
			version, ours := modules[a.Package.Name]
			if !ours || entry.Withdrawn != "" {
				continue
			}
			for _, r := range a.Ranges {
				fixed, found := mendedBy(r.Events, version)
				if !found {
					continue
				}
				if about := a.Specific.Imports; len(about) > 0 && !slices.ContainsFunc(about, func(i struct{ Path string }) bool { return packages[i.Path] }) {
					fixed = unused
				}
				rows = append(rows, row{a.Package.Name, version, entry.ID, written(entry.ID), fixed})
			}
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.String(), b.String()) })
	var out strings.Builder
	fmt.Fprintf(&out, `# What the Go vulnerability database says of the modules in the program: github.com/golang/vulndb,
# data/osv at commit %s (%s), %d advisories.
# Made by: go test ./test/advisories -vulndb CLONE
# module, version, advisory that this version has, since when, version that mends it (- is none; unused: it is
# about packages that the program does not have)
`, strings.TrimSpace(git("rev-parse", "--short=9", "HEAD")), strings.TrimSpace(git("log", "-1", "--format=%as")), count)
	for _, r := range rows {
		fmt.Fprintln(&out, r)
	}
	if err := os.WriteFile(listName, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestMendedBy compares versions as the database means its events: semver with v0 for
// the first version of all.
func TestMendedBy(t *testing.T) {
	type event = struct{ Introduced, Fixed string }
	lines := []event{{"0", ""}, {"", "1.24.11"}, {"1.25.0", ""}, {"", "1.25.5"}}
	for version, want := range map[string]string{"v1.24.10": "v1.24.11", "v1.24.11": "", "v1.25.0": "v1.25.5", "v1.25.4": "v1.25.5", "v1.25.5": "", "v1.26.8": ""} {
		if fixed, found := mendedBy(lines, version); found != (want != "") || found && fixed != want {
			t.Errorf("%s: %s %v", version, fixed, found)
		}
	}
	if fixed, found := mendedBy([]event{{"0", ""}}, "v9.0.0"); !found || fixed != "-" {
		t.Errorf("without a version that mends it: %s %v", fixed, found)
	}
}
