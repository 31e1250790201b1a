package doctor

import (
	"bufio"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/kit"
)

// A line of a script that says something to the operator, in one of its ways.
var says = regexp.MustCompile(`(?:say|refuse|fail|must\+=\(|may\+=\(|refused\+=\(|reasons\+=\(|text=|text\+=|expiring=|echo)\s*"([^"]*)"`)

// toConsole is what a line has that reaches the console or the journal.
var toConsole = regexp.MustCompile(`"\$(waiting|notice)"|^\s*(\|\| )?(say|refuse|fail) |&& (say|refuse) |\|\| (refuse|fail) |refused\+=|>&2`)

var variable = regexp.MustCompile(`\$\((?:[^()]|\([^()]*\))*\)|\$\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|\$[A-Za-z_]\w*|\$[\d*]`)

// notStates are lines of that form that tell what a program does or how it is
// called, in which nothing is wrong and for nothing is waited.
var notStates = []string{
	"usage: ", "stops X", "removes ", "done. ", "X", "",
	"goes on with a kit", "leaves the cluster", "restarts ", "imports ", "changes the static pod ", "waits: X", "waited in vain: X", "this machine is now what", "the next machine may", "this machine is what the kit says",
	"a step that this machine does not know", "refused: X", "kubespore-kit: refused", "the kit was refused", "kubespore-kit: X",
}

// messages gives what the programs of all profiles say, with X for what differs.
func messages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	take := func(file, text string) {
		lines := bufio.NewScanner(strings.NewReader(text))
		for lines.Scan() {
			line := lines.Text()
			found := says.FindAllStringSubmatch(line, -1)
			if strings.HasPrefix(strings.TrimSpace(line), "#") || len(found) == 0 || !toConsole.MatchString(line) {
				continue
			}
			for _, m := range found {
				message := variable.ReplaceAllString(m[1], "X")
				if !slices.ContainsFunc(notStates, func(n string) bool { return message == n || len(n) > 1 && strings.HasPrefix(message, n) }) {
					out[message] = file
				}
			}
		}
	}
	profiles := os.DirFS("../../profiles")
	err := fs.WalkDir(profiles, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Base(path.Dir(name)) != "files" {
			return err
		}
		text, err := fs.ReadFile(profiles, name)
		if strings.HasPrefix(string(text), "#!") || strings.HasPrefix(string(text), "# shellcheck shell") {
			take(name, string(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	take("kit/program", kit.Program())
	take("cloudinit/disks", assembly(t, "disks"))
	return out
}

// assembly gives a script of documents for cloud-init.
func assembly(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../emit/cloudinit/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What the programs of machines say has a state, and what a state says is there.
func TestStatesAreTheScripts(t *testing.T) {
	said := messages(t)
	if len(said) < 40 {
		t.Fatalf("only %d messages were found: %v", len(said), said)
	}
	for message, file := range said {
		if !slices.ContainsFunc(States(), func(s State) bool { return s.Pattern().MatchString(message) }) {
			t.Errorf("%s says %q, which has no state", file, message)
		}
	}
	all := everything(t)
	for _, s := range States() {
		for _, literal := range varying.Split(s.Says, -1) {
			literal = strings.TrimPrefix(strings.TrimSuffix(literal, ")"), "journalctl -u ")
			if !strings.Contains(all[s.Profile], literal) {
				t.Errorf("%s: no program of the profile %s says %q", s.Code, s.Profile, literal)
			}
		}
	}
}

// everything is the text of each profile's files, and for the console's steps that of
// its list.
func everything(t *testing.T) map[string]string {
	t.Helper()
	folders, err := os.ReadDir("../../profiles")
	if err != nil {
		t.Fatal(err)
	}
	steps, err := os.ReadFile("../../profiles/console/files/console-steps")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, folder := range folders {
		var text strings.Builder
		err := fs.WalkDir(os.DirFS("../../profiles"), folder.Name(), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile("../../profiles/" + name)
			text.Write(raw)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		out[folder.Name()] = text.String() + string(steps)
	}
	out["kit"] += kit.Program()
	out["disks"] += assembly(t, "disks") + assembly(t, "finish")
	return out
}

// Every step of the console has a state for when its unit fails.
func TestUnits(t *testing.T) {
	var text strings.Builder
	for _, profile := range []string{"console/files/console-steps", "containerd/profile.yaml", "docker/profile.yaml"} {
		raw, err := os.ReadFile("../../profiles/" + profile)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(raw)
	}
	step := regexp.MustCompile(`(?m)^(?:\s*steps: |\s*)([a-z-]+\.service) [a-zA-Z]`)
	found := step.FindAllStringSubmatch(text.String(), -1)
	if len(found) < 20 {
		t.Fatalf("only %d steps", len(found))
	}
	for _, m := range found {
		line := "to do: x (failed: journalctl -u " + m[1] + ")"
		if f, err := Read(strings.NewReader(line)); err != nil || len(f) != 1 {
			t.Errorf("%s: %d states, %v", m[1], len(f), err)
		}
	}
}

func TestCodes(t *testing.T) {
	pattern := regexp.MustCompile(`^D\d{3}$`)
	last := ""
	for _, s := range States() {
		if !pattern.MatchString(s.Code) || s.Code <= last {
			t.Errorf("%s comes after %s", s.Code, last)
		}
		if last = s.Code; s.Cause == "" || s.Remedy == "" || s.Says == "" {
			t.Errorf("%s says too little", s.Code)
		}
		if found, ok := Lookup(s.Code); !ok || found != s {
			t.Errorf("%s is not found", s.Code)
		}
	}
	if len(States()) < 40 {
		t.Errorf("%d states", len(States()))
	}
	if _, ok := Lookup("D999"); ok {
		t.Error("there is a D999")
	}
}

func TestRead(t *testing.T) {
	found, err := Read(strings.NewReader("kubespore: cluster prod\n  to do:    kubelet (fails and is started again: journalctl -u kubelet.service)\n  programs: missing: etcd-v3.6; looking for a volume labelled KUBESPORE\n  programs: missing: etcd-v3.6\n"))
	var got []string
	for _, f := range found {
		got = append(got, f.Code)
	}
	if err != nil || !slices.Equal(got, []string{"D415", "D001"}) || found[1].Line != 3 {
		t.Errorf("%v, %v", got, err)
	}
	if found, err := Read(strings.NewReader("all is well\n")); err != nil || len(found) != 0 {
		t.Error(found, err)
	}
	if _, err := Read(strings.NewReader(strings.Repeat("x", longest+1))); err == nil {
		t.Error("a line without end is read")
	}
}
