package profiles_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEtcdSnapshots: a snapshot is taken, the oldest ones of this member alone go, and
// a second place gets the same bytes, or the run says what it lacks.
func TestEtcdSnapshots(t *testing.T) { eachMachine(t, testEtcdSnapshots) }

func testEtcdSnapshots(t *testing.T, m machine) {
	const before, after = "cp1-1.db cp1-19.db cp2-1.db", "cp1-19.db cp1-20.db cp2-1.db"
	otherDisk := map[string]string{"stat": `echo "${@: -1}"`} // each folder is on a device of its own
	for name, c := range map[string]struct {
		programs      map[string]string
		env           string
		says          string // a part of what the run prints; nothing when empty
		first, second string // what is there then, on the machine and at the second place
	}{
		"one place":               {first: after, second: before},
		"etcd does not answer":    {programs: map[string]string{"etcdctl": "echo no answer; exit 1"}, says: "no answer", first: before, second: before},
		"a second disk":           {programs: otherDisk, env: "SECOND=DIR/2nd", first: after, second: after},
		"the disk is not mounted": {env: "SECOND=DIR/2nd", says: "is on the same file system", first: after, second: before},
		"no such folder":          {env: "SECOND=DIR/3rd", says: "there is no folder", first: after, second: before},
		"another copy":            {programs: map[string]string{"stat": otherDisk["stat"], "cp": `echo other >"${@: -1}"`}, env: "SECOND=DIR/2nd", says: "was not copied", first: after, second: before},
		"no server":               {programs: map[string]string{"mount": "exit 32"}, env: "NFS=192.168.200.9:/srv", says: "192.168.200.9:/srv was not mounted", first: after, second: before},
	} {
		dir := t.TempDir()
		for _, old := range strings.Fields(before) {
			writeFile(t, dir, "1st/"+old, old)
			writeFile(t, dir, "2nd/"+old, old)
		}
		writeFile(t, dir, "1st/cp1-18.db.part", "cut off")
		programs := map[string]string{
			"date":    "echo 20",
			"etcdctl": `[[ $* == "--endpoints=https://127.0.0.1:2379 "*" snapshot save "* ]] && echo snapshot >"${@: -1}"`,
		}
		maps.Copy(programs, c.programs)
		out := m.runScript(t, dir, "etcd-snapshots/files/kubespore-etcd-snapshot.raw", programs,
			"MEMBER=cp1", "KEEP=2", "DIR="+dir+"/1st", strings.ReplaceAll(c.env, "DIR", dir))
		if !strings.Contains(out, c.says) || c.says == "" && out != "" {
			t.Errorf("%s: it says %q, and not %q", name, out, c.says)
		}
		for place, want := range map[string]string{"1st": c.first, "2nd": c.second} {
			if got := snapshotsIn(t, filepath.Join(dir, place)); got != want {
				t.Errorf("%s: %s holds %s, and not %s\n%s", name, place, got, want, out)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, "1st/cp1-18.db.part")); (err == nil) != (c.first == before) {
			t.Errorf("%s: what was cut off: %v", name, err)
		}
	}
}

// snapshotsIn lists the whole snapshots of a folder.
func snapshotsIn(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range paths {
		paths[i] = filepath.Base(path)
	}
	return strings.Join(paths, " ")
}
