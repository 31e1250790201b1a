package topology

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

const examples = "../../examples"

func TestTemplatesAreTheExamples(t *testing.T) {
	for _, name := range Templates() {
		starter, ok := Template(name)
		if !ok {
			t.Fatalf("there is no template %s", name)
		}
		file := filepath.Join(examples, name+".yaml")
		if *update {
			if err := os.WriteFile(file, starter, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		example, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(starter, example) {
			t.Errorf("%s differs from starters/%s.yaml: run go test ./pkg/topology -update", file, name)
		}
	}
	files, err := filepath.Glob(filepath.Join(examples, "*.yaml"))
	if err != nil || len(files) != len(Templates()) {
		t.Errorf("%d examples and %d templates (%v)", len(files), len(Templates()), err)
	}
	if _, ok := Template("nonesuch"); ok {
		t.Error("a template that does not exist")
	}
	if first := Templates()[0]; first != "ha" {
		t.Errorf("the first template is %s, want ha", first)
	}
}

func TestTemplatesAreRight(t *testing.T) {
	hosts := map[string]int{"ha": 5, "ha-debian": 5, "single": 1, "external-etcd": 9, "dual-stack": 6, "ipv6": 5, "ipv6-first": 5, "edge": 3, "fleet": 304, "pair": 2}
	warnings := map[string]int{}
	for _, name := range Templates() {
		text, _ := Template(name)
		topology, list := Parse(name+".yaml", text, testKnown)
		if errors, warned := list.Counts(); errors != 0 || warned != warnings[name] {
			t.Errorf("%s: %v", name, list)
		}
		if len(topology.Hosts) != hosts[name] {
			t.Errorf("%s has %d hosts, want %d", name, len(topology.Hosts), hosts[name])
		}
	}
}
