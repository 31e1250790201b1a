package gpt

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, d Disk) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "disk")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := d.Write(f); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestWrite(t *testing.T) {
	var disks [3][]byte
	for i, seed := range []string{"a", "a", "b"} {
		var err error
		if disks[i], err = os.ReadFile(write(t, Disk{Name: "KUBESPORE", Size: 5 << 20, Seed: []byte(seed)})); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(disks[0], disks[1]) || bytes.Equal(disks[0], disks[2]) {
		t.Error("identities do not follow the seed")
	}
	if len(disks[0]) != 7<<20 {
		t.Errorf("%d bytes", len(disks[0]))
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, name := range []string{"", strings.Repeat("n", nameLength+1)} {
		if err := (Disk{Name: name, Size: 1}).Write(nil); err == nil {
			t.Errorf("%q is accepted", name)
		}
	}
}
