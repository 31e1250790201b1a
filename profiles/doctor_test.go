package profiles_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/doctor"
	"github.com/kubespore/kubespore/profiles"
)

// TestMachineDoctor: the program of the machines says of every state what kubespore
// doctor says.
func TestMachineDoctor(t *testing.T) { eachMachine(t, testMachineDoctor) }

func testMachineDoctor(t *testing.T, m machine) {
	table, err := profiles.FS.ReadFile("doctor/files/doctor-states")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writeFile(t, dir, "doctor-states", regexp.MustCompile(`\{\{.*\}\}\n`).ReplaceAllString(string(table), ""))
	var report strings.Builder
	report.WriteString("kubespore: cluster prod, machine w1\n  done:     clock\n")
	for _, s := range doctor.States() {
		report.WriteString("  note: " + regexp.MustCompile(`<[^<>]+>`).ReplaceAllString(s.Says, `a [*] \ b`) + " \t\n")
	}
	report.WriteString("  the last line ends with the file: missing: a")
	writeFile(t, dir, "etc/issue.d/kubespore.issue", report.String())
	found, err := doctor.Read(strings.NewReader(report.String()))
	if err != nil || len(found) != len(doctor.States()) {
		t.Fatalf("%d of %d states, %v", len(found), len(doctor.States()), err)
	}
	if got, want := m.runScript(t, dir, "doctor/files/kubespore-doctor", nil), findings(found); got != want {
		t.Errorf("it says\n%swant\n%s", got, want)
	}
	for _, s := range doctor.States() {
		out, err := m.bash(filepath.Join(dir, "script"), s.Code).CombinedOutput()
		want := doctor.Finding{State: s, Text: regexp.MustCompile(`<[^<>]+>`).ReplaceAllString(s.Says, "<...>")}.String()
		if err != nil || string(out) != want {
			t.Errorf("%s: %v\n%swant\n%s", s.Code, err, out, want)
		}
	}
	for _, c := range []struct{ argument, text, want string }{
		{"-", "all is well\n", "nothing in it is a state that kubespore knows\n"},
		{filepath.Join(dir, "other"), "x: missing: etcd", "D001: x: missing: etcd\n"},
		{"D999", "", "kubespore-doctor: no profile of this machine has the state D999\n"},
		{"--help", "", "usage: kubespore-doctor [CODE|FILE|-]\n"},
	} {
		writeFile(t, dir, "other", c.text)
		command := m.bash(filepath.Join(dir, "script"), c.argument)
		command.Stdin = strings.NewReader(c.text)
		if out, _ := command.CombinedOutput(); !strings.HasPrefix(string(out), c.want) {
			t.Errorf("%s: %s", c.argument, out)
		}
	}
}

// findings is what both programs print of them.
func findings(found []doctor.Finding) string {
	var out []string
	for _, f := range found {
		out = append(out, f.String())
	}
	return strings.Join(out, "\n")
}

// A machine has the states of its own profiles.
func TestMachineDoctorHasItsProfiles(t *testing.T) {
	const file = "../examples/ha.yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("\nprofiles:\n"), []byte("\nprofiles:\n  doctor: {}\n"), 1)
	for host, want := range map[string]struct{ has, lacks []string }{
		"w1":  {[]string{"D001", "D208", "D415"}, []string{"D201", "D410", "D406"}},
		"cp1": {[]string{"D001", "D201", "D415"}, []string{"D406"}},
	} {
		entries, err := compiled(t, file, text, host, now).Entries()
		if err != nil {
			t.Fatal(err)
		}
		table := ""
		for _, e := range entries {
			if e.Path == "/opt/kubespore/lib/doctor-states" {
				table = string(e.Content)
			}
		}
		var codes []string
		for line := range strings.Lines(table) {
			fields := strings.Split(line, "\t")
			if len(fields) != 4 {
				t.Errorf("%s: not a line of the table: %q", host, line)
			}
			codes = append(codes, fields[0])
		}
		for _, code := range want.has {
			if !slices.Contains(codes, code) {
				t.Errorf("%s lacks %s", host, code)
			}
		}
		for _, code := range want.lacks {
			if slices.Contains(codes, code) {
				t.Errorf("%s has %s", host, code)
			}
		}
	}
}
