package topology

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// TestListsOfARange: each host of a range has its own MAC addresses and serial number, and
// rows of an inventory speak of the ports of their pool.
func TestListsOfARange(t *testing.T) {
	const file = "../../testdata/good/range-lists.yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	known := testKnown
	known.Read = func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(filepath.Dir(file), name)) }
	got, list := Parse(file, text, known)
	if len(list) > 0 {
		t.Fatal(list)
	}
	var have [][]string
	for _, h := range got.Hosts[1:] {
		of := []string{h.Name, h.Serial, h.MAC}
		for _, nic := range h.Interfaces {
			of = append(of, nic.Name+" "+nic.MAC)
		}
		have = append(have, of)
	}
	want := [][]string{
		{"w1", "A1", "52:54:00:00:00:31", " 52:54:00:00:00:31"}, {"w2", "A2", "52:54:00:00:00:32", " 52:54:00:00:00:32"},
		{"x1", "", "52:54:00:00:01:41", "eno1 52:54:00:00:00:41", "lan 52:54:00:00:01:41"}, {"x2", "", "52:54:00:00:01:42", "eno1 52:54:00:00:00:42", "lan 52:54:00:00:01:42"},
		{"y1", "", "", "eno1 ", "eno2 52:54:00:00:00:51", "bond0 "}, {"z1", "", "52:54:00:00:00:61", "eno1 52:54:00:00:00:61", "eno2 ", "bond0 "},
	}
	if !reflect.DeepEqual(have, want) {
		t.Errorf("%q, want %q", have, want)
	}
}
