package profiles_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// ofShell are words in the place of a command that are the shell's own.
var ofShell = strings.Fields(`if then else elif fi do done while until for in case esac function return local declare readonly export shift
	true false exit set echo printf read test eval exec trap wait cd source . break continue let unset command builtin type hash pwd time umask
	shopt mapfile readarray ulimit jobs kill getopts`)

// ofProse are words of texts over several lines, which commands cannot be told from.
var ofProse = []string{"it", "get"}

// dropped are the parts of a script that hold no command, in this order.
var dropped = []*regexp.Regexp{
	regexp.MustCompile(`(?m)(^|\s)#.*$`),
	regexp.MustCompile(`(?s)<<-?'?(?:EOF|END)'?\n.*?\n\s*(?:EOF|END)\n`),
	regexp.MustCompile(`'[^']*'`),
	regexp.MustCompile(`\\\n`),
	regexp.MustCompile(`(?s)\(\(.*?\)\)`),
	regexp.MustCompile(`(?s)\[\[.*?\]\]`),
	regexp.MustCompile(`\$\{[^{}]*\}`),
	regexp.MustCompile(`"(?:[^"$\\]|\\.|\$[^(])*"`),
	regexp.MustCompile(`(?s)=\(.*?\)`),
}

var (
	commandName = regexp.MustCompile(`(?:\n|\|\|?|&&|;;?|\$\(|<\(|\b(?:do|then|else|if|elif|while|until|exec|timeout [0-9]+) |!|\{|[a-z*"?|_-]\) )[ \t]*(?:[A-Z_]+=\S*[ \t]+)*([A-Za-z_][A-Za-z0-9_.-]*)(?:[ \t\n;|&]|$)`)
	functionOf  = regexp.MustCompile(`(?m)^\s*([a-z_]+)\(\)`)
	execLine    = regexp.MustCompile(`(?m)^Exec[A-Za-z]+=[-@+!:]*/(?:usr/)?s?bin/([a-z0-9.-]+)`)
)

// commands gives the programs that a script calls.
func commands(script string) []string {
	for _, d := range dropped {
		script = d.ReplaceAllString(script, "=_ ")
	}
	var out []string
	for rest := "\n" + script; ; {
		m := commandName.FindStringSubmatchIndex(rest)
		if m == nil {
			return out
		}
		name, end := rest[m[2]:m[3]], m[3]
		if slices.Contains(ofShell, name) {
			end = m[2] // it may stand before a command, as if and do
		} else {
			out = append(out, name)
		}
		rest = rest[end:]
	}
}

// Every program that a script or unit of ours calls is in the images of every
// system, or the profile says that the system must bring it, or the payload
// does, or the script looks whether it is there.
func TestProgramsAreDeclared(t *testing.T) {
	catalog, list := profile.Load(profile.Source{Name: "profiles", FS: profiles.FS})
	if list.HasErrors() {
		t.Fatal(list)
	}
	scripts := scriptsOf(t)
	everywhere := func(name string) bool {
		return !slices.ContainsFunc(catalog.Systems(), func(s *profile.System) bool { return !s.Has(name) })
	}
	brought, functions := map[string]bool{}, map[string]bool{}
	for _, p := range catalog.Profiles {
		for _, b := range p.Binaries {
			brought[b.Name], brought[path.Base(b.Path.Raw)] = true, true
		}
	}
	for _, text := range scripts {
		for _, f := range functionOf.FindAllStringSubmatch(text, -1) {
			functions[f[1]] = true
		}
	}
	seen := 0
	for file, text := range scripts {
		var called []string
		if !strings.HasSuffix(file, ".service") {
			called = commands(text)
		}
		for _, m := range execLine.FindAllStringSubmatch(text, -1) {
			called = append(called, m[1])
		}
		for _, name := range called {
			seen++
			switch {
			case name == "_", slices.Contains(ofProse, name), functions[name], everywhere(name), brought[name]:
			case strings.Contains(text, "command -v "+name), declares(catalog, file, name):
			case name == "restorecon" && strings.Contains(text, "command -v selinuxenabled"): // they are one package
			default:
				t.Errorf("%s calls %s, which not every system has: add it to programs: of the profile, or to the facts of the systems that have it", file, name)
			}
		}
	}
	if seen < 200 {
		t.Errorf("only %d commands found", seen)
	}
	for _, c := range []struct{ script, want string }{{"if jq -r .; then x=$(nft list); fi", "jq nft"}, {"a && B=1 ipset list | awk x", "a ipset awk"}} {
		if got := strings.Join(commands(c.script), " "); got != c.want {
			t.Errorf("the commands of %q are %q", c.script, got)
		}
	}
}

// scriptsOf gives the scripts that run on machines, and the units.
func scriptsOf(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*/files/*")
	more, err2 := filepath.Glob("../pkg/emit/cloudinit/*")
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	out := map[string]string{}
	for _, file := range append(files, more...) {
		if info, err := os.Stat(file); err != nil || info.IsDir() {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(text), "#!") || strings.HasSuffix(file, ".service") || strings.HasSuffix(file, ".bash.raw") || strings.Contains(file, "cloudinit") {
			out[file] = string(text)
		}
	}
	return out
}

// declares says whether the profile of a file says that it needs a program. What makes disks
// for cloud-init is called as the profile that asks for them.
func declares(c *profile.Catalog, file, name string) bool {
	p := c.Lookup(strings.SplitN(strings.TrimPrefix(file, "../pkg/emit/cloudinit/"), "/", 2)[0])
	return p != nil && slices.ContainsFunc(p.Programs, func(x profile.Program) bool { return x.Name == name })
}
