//go:build real

package applied

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// checkSchemas is the command `cloud-init schema` for many files in one process: what
// Python reads when it starts takes longer than the check.
const checkSchemas = `
import sys
from cloudinit.cmd.main import main

status = 0
for file in sys.argv[1:]:
    kind = "network-config" if file.endswith("network-config") else "cloud-config"
    try:
        status |= main(["cloud-init", "schema", "--schema-type", kind, "--config-file", file]) or 0
    except SystemExit as end:
        print(end.code)
        status = 1
sys.exit(status)
`

// TestNewerSchema checks seeds with the schemas of Debian 13's cloud-init: that
// of Debian 12 has none for network configurations, and is checked with its own
// in TestTwoTreesOneTruth.
func TestNewerSchema(t *testing.T) {
	needRoot(t)
	program, err := exec.Command("../tools/deb", "cloud-init@trixie", "usr/bin/cloud-init").Output()
	if err != nil {
		t.Fatal(err)
	}
	l := newLayer(t)
	if err := os.CopyFS(filepath.Join(l.root, "newer"), os.DirFS(filepath.Join(filepath.Dir(strings.TrimSpace(string(program))), "../lib/python3/dist-packages"))); err != nil {
		t.Fatal(err)
	}
	put := func(folder, file string, text []byte) {
		dir := filepath.Join(l.root, "seeds", folder)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	count := 0
	for _, pair := range pairs(t) {
		ignition, seeds := both(t, pair[0], pair[1])
		for _, host := range kinds(t, ignition) {
			for _, file := range []string{"user-data", "network-config"} {
				text, err := os.ReadFile(filepath.Join(seeds, host, file))
				if err != nil {
					t.Fatal(err)
				}
				put(filepath.Base(filepath.Dir(filepath.Dir(seeds)))+"-"+host, file, text)
				count++
			}
			seed(t, l, filepath.Join(seeds, host))
		}
	}
	put("", "check.py", []byte(checkSchemas))
	check := func(folders string) ([]byte, error) {
		return l.enter(t, `PYTHONPATH=/newer python3 /seeds/check.py /seeds/`+folders+`/*`)
	}
	out, err := check("*")
	if err != nil || bytes.Count(out, []byte("Valid schema ")) != count {
		t.Errorf("of %d files: %v\n%s", count, err, tail(out))
	}
	put("wrong", "network-config", []byte("version: 2\nethernets:\n  eth0: {addresses: 10.0.0.1/24}\n"))
	put("wrong", "user-data", []byte("#cloud-config\nwrite_files: {path: /etc/x}\n"))
	if out, err := check("wrong"); err == nil || bytes.Count(out, []byte("Invalid schema")) != 2 {
		t.Errorf("mistakes: %v\n%s", err, tail(out))
	}
}
