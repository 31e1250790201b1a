package profiles_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGuard: what a machine with an empty data directory does about its membership, by
// what another member lists and has recorded of it.
func TestGuard(t *testing.T) { eachMachine(t, testGuard) }

func testGuard(t *testing.T, m machine) {
	const (
		other    = "1, started, a, https://192.0.2.1:2380, https://192.0.2.1:2379, false\n"
		own      = "2, started, b, https://192.0.2.2:2380, https://192.0.2.2:2379, false\n"
		learner  = "9, unstarted, , https://192.0.2.2:2380, , true\n"
		unseen   = "2, started, b, https://192.0.2.2:2380, , false\n"
		existing = "ETCD_INITIAL_CLUSTER_STATE=existing\nJOINS=--initial-cluster=a=https://192.0.2.1:2380,b=https://192.0.2.2:2380\n"
		anew     = "ETCD_INITIAL_CLUSTER_STATE=new\n"
	)
	for name, c := range map[string]struct {
		list, record string // what the other member has
		formed       string
		state, says  string
		after        string // the list when the guard is done
		restored     bool   // while the guard waits, an operator restores a snapshot
	}{
		"first day":                 {other + unseen, "", "false", anew, "", other + unseen, false},
		"lost its data":             {other + own, "2", "false", existing, "its data is gone: it replaces itself as a member", other + learner, false},
		"lost it before the record": {other + own, "", "true", existing, "its data is gone", other + learner, false},
		"cut off between":           {other, "replaced", "false", existing, "it adds itself", other + learner, false},
		"cut off after":             {other + learner, "replaced", "false", existing, "", other + learner, false},
		"a machine more":            {other, "", "true", existing, "the cluster does not list it: it adds itself", other + learner, false},
		"an operator removed it":    {other, "2", "false", "", "it was removed from the cluster. To have it back, on another member: etcdctl member add b --peer-urls=https://192.0.2.2:2380", other, false},
		"no majority":               {"", "2", "false", "", "its data is gone, and the others are no majority without it", "", false},
		"a snapshot restored":       {"", "", "true", "ETCD_INITIAL_CLUSTER_STATE=existing\n", "the cluster has formed", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			list, record := filepath.Join(dir, "list"), filepath.Join(dir, "record")
			for file, text := range map[string]string{list: c.list, record: c.record} {
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			sleep := "kill $PPID\n"
			if c.restored {
				// The second time the guard did not see it: the test fails instead of waiting.
				sleep = "wal=" + dir + "/data/member/wal\n[[ ! -e $wal ]] || kill $PPID\nmkdir -p $wal && touch $wal/0.wal\n"
			}
			out := m.runScript(t, dir, "etcd/files/kubespore-etcd-guard.raw", map[string]string{
				"etcdctl": "list=" + list + " record=" + record + `
case $* in
*"member list"*) [[ -s $list ]] && cat "$list" ;;
*" get "*) cat "$record" ;;
*" put "*) echo "${*: -1}" >"$record" ;;
*"member remove"*) sed -i "/^${*: -1},/d" "$list" ;;
*"member add b --learner"*) echo "9, unstarted, , https://192.0.2.2:2380, , true" >>"$list" ;;
*) exit 1 ;;
esac
`,
				"systemd-notify": "",
				"sleep":          sleep,
			}, "MEMBER=b", "PEER_URL=https://192.0.2.2:2380", "DATA_DIR="+dir+"/data", "FORMED="+c.formed, "STATIC_POD=false", "OTHER_MEMBERS=https://"+newPorts(t, "127.0.0.1:0").server)
			state, _ := os.ReadFile(filepath.Join(dir, "run/etcd-state.env"))
			after, err := os.ReadFile(list)
			if string(state) != c.state || !strings.Contains(out, c.says) || string(after) != c.after {
				t.Errorf("state %q, not %q; the list is %q, not %q (%v); it says\n%s", state, c.state, after, c.after, err, out)
			}
		})
	}
}

// TestMember: a learner gets its vote from another member before it leaves its record.
func TestMember(t *testing.T) { eachMachine(t, testMember) }

func testMember(t *testing.T, m machine) {
	dir := t.TempDir()
	m.runScript(t, dir, "etcd/files/kubespore-etcd-member.raw", map[string]string{
		"etcdctl": "promoted=" + dir + `/promoted
case $* in
*127.0.0.1:2379*"member list") [[ -e $promoted ]] || { echo "Error: etcdserver: rpc not supported for learner" >&2; exit 1; } ;;&
*"member list") echo "9, started, b, https://192.0.2.2:2380, https://192.0.2.2:2379, true" ;;
*other*"member promote 9") : >"$promoted" ;;
*" put "*) echo "${*: -2}" >` + dir + `/put ;;
esac
`,
		"sleep": "",
	}, "MEMBER=b", "PEER_URL=https://192.0.2.2:2380", "OTHER_MEMBERS=https://other:2379")
	if put, err := os.ReadFile(filepath.Join(dir, "put")); err != nil || string(put) != "/kubespore/members/b 9\n" {
		t.Errorf("it records %q (%v)", put, err)
	}
}
