package profiles_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/kit"
)

// otherCluster is a cluster like that of examples/ha.yaml, to which machines go.
func otherCluster(topology map[string]any) {
	topology["cluster"].(map[string]any)["name"] = "other"
	flagAndHost(topology)
}

// handedOver gives a machine of examples/ha.yaml with what a cluster leaves on it and the
// kit that hands it to another cluster, and what a first boot there makes.
func handedOver(t *testing.T, from, to string) (m *chroot, want map[string]string) {
	t.Helper()
	const file = "../examples/ha.yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, later := newSigner(t), now.AddDate(0, 3, 0)
	old, new := compiled(t, file, text, from, now), compiled(t, file, changed(t, file, otherCluster), to, later)
	m = booted(t, s, old)
	if m.exists("/etc/kubernetes/pki/etcd/peer.crt") {
		m.put(t, "/var/lib/etcd/member/snap/db", "of the old cluster\n", 0o600)
	}
	for _, name := range []string{"/var/lib/kubelet/pods/1/volumes/x", "/var/lib/cni/networks/kubespore/10.0.0.2", "/var/lib/kubespore/cleaned", "/var/lib/kubespore/selftest"} {
		m.put(t, name, "of the old cluster\n", 0o600)
	}
	other := booted(t, s, new)
	other.put(t, signingKey, contentOf(t, new, signingKey), 0o644)
	state, err := old.State()
	if err != nil {
		t.Fatal(err)
	}
	k := m.putKit(t, s, kit.Input{Host: from, Made: later, Document: new, Earlier: []document.State{state}, Leaves: true})
	if len(k.From) != 1 || len(k.Not) > 0 {
		t.Fatalf("%d ways; not: %+v", len(k.From), k.Not)
	}
	if len(k.Payload()) > 0 {
		t.Error("the kit brings programs, which the machine takes when it starts")
	}
	return m, other.tree(t)
}

func contentOf(t *testing.T, doc *document.Document, path string) string {
	t.Helper()
	entries, err := doc.Entries()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Path == path {
			return string(e.Content)
		}
	}
	t.Fatalf("no %s", path)
	return ""
}

// TestHandOver: a machine that another cluster takes over is byte for byte what a first
// boot there makes, whatever its part was and will be.
func TestHandOver(t *testing.T) {
	for from, to := range map[string]string{"w1": "w1", "w2": "cp1", "cp1": "w1", "cp2": "cp2"} {
		t.Run(from+"-"+to, func(t *testing.T) {
			t.Parallel()
			m, want := handedOver(t, from, to)
			out := m.run(t, kitProgram, "apply", "/media")
			if diff := unequal(m.tree(t), want); len(diff) > 0 {
				t.Errorf("it is not what a first boot makes:\n%s", strings.Join(diff, "\n"))
			}
			if !strings.Contains(out, "of another cluster now") {
				t.Error(out)
			}
			if out, err := m.try(t, kitProgram, "back"); err == nil || !strings.Contains(out, "nothing to put back") {
				t.Errorf("back: %v: %s", err, out)
			}
		})
	}
}

// TestHandOverStartsAgain: a machine that runs starts again when it is of the other cluster,
// and nothing of that cluster is started before.
func TestHandOverStartsAgain(t *testing.T) {
	t.Parallel()
	m, _ := handedOver(t, "w1", "w1")
	m.folder(t, "/run/systemd/system")
	m.put(t, "/opt/bin/systemctl", "#!/bin/sh\necho \"$*\" >>/run/asked\n", 0o755)
	m.run(t, kitProgram, "apply", "/media")
	text, err := os.ReadFile(m.path("/run/asked"))
	if err != nil {
		t.Fatal(err)
	}
	asked := strings.Split(strings.TrimSpace(string(text)), "\n")
	if last := asked[len(asked)-1]; last != "--no-block reboot" {
		t.Errorf("the last that systemd is asked is %q", last)
	}
	for _, what := range asked {
		if strings.HasPrefix(what, "start ") || strings.HasPrefix(what, "restart ") || strings.HasPrefix(what, "--no-block start") {
			t.Errorf("systemd is asked for %s", what)
		}
	}
}

// TestHandOverCutOff: power fails before every single renaming, and the next boot ends in
// the old cluster or in the new one.
func TestHandOverCutOff(t *testing.T) {
	t.Parallel()
	m, want := handedOver(t, "w1", "w1")
	old := m.tree(t)
	m.put(t, "/opt/bin/mv", cutter, 0o755)
	for n, step := 1, 1; ; n += step {
		m.put(t, "/run/cut", strconv.Itoa(n)+"\n", 0o644)
		if _, err := m.try(t, kitProgram, "apply", "/media"); err == nil {
			if n < 40 {
				t.Errorf("only %d renamings", n-1)
			}
			return
		}
		begun := m.exists("/var/lib/kubespore/kit/current")
		if isOld := len(unequal(m.tree(t), old)) == 0; !begun && !isOld {
			t.Fatalf("cut %d: something has changed before the kit was complete", n)
		}
		m.put(t, "/run/cut", "1000\n", 0o644)
		m.run(t, kitProgram, "boot")
		if begun {
			if diff := unequal(m.tree(t), want); len(diff) > 0 {
				t.Fatalf("cut %d does not end in the new cluster:\n%s", n, strings.Join(diff, "\n"))
			}
			m, _ = handedOver(t, "w1", "w1")
			m.put(t, "/opt/bin/mv", cutter, 0o755)
			step = 23 // renamings of files are like one another
		}
	}
}

// TestHandOverRefused: what cannot leave its cluster stays as it is.
func TestHandOverRefused(t *testing.T) {
	const isMember = "it is a member"
	for name, c := range map[string]struct {
		prepare func(m *chroot)
		says    string
	}{
		isMember: {func(m *chroot) {
			m.folder(t, "/run/systemd/system")
			m.put(t, "/opt/bin/etcdctl", "#!/bin/sh\n", 0o755)
		}, "take it out of the cluster first"},
		"nothing to leave by": {func(m *chroot) {
			if err := os.Remove(m.path(resetProgram)); err != nil {
				t.Fatal(err)
			}
		}, "the profile reset is off"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, want := handedOver(t, "cp1", "w1")
			c.prepare(m)
			before := m.tree(t)
			out, err := m.try(t, kitProgram, "apply", "/media")
			if err == nil || !strings.Contains(out, c.says) {
				t.Errorf("%v: %s", err, out)
			}
			if diff := unequal(m.tree(t), before); len(diff) > 0 {
				t.Errorf("something has changed:\n%s", strings.Join(diff, "\n"))
			}
			if name != isMember {
				return
			}
			// An administrator who takes the whole cluster apart says so.
			if err := os.RemoveAll(m.path("/run/systemd")); err != nil {
				t.Fatal(err)
			}
			m.run(t, kitProgram, "apply", "--now", "/media")
			if err := os.Remove(m.path("/opt/bin/etcdctl")); err != nil {
				t.Fatal(err)
			}
			if diff := unequal(m.tree(t), want); len(diff) > 0 {
				t.Errorf("with --now it is not what a first boot makes:\n%s", strings.Join(diff, "\n"))
			}
		})
	}
}

// TestHandOverOlder: a kit that was made before what the machine has is refused, also after
// the machine has gone to another cluster.
func TestHandOverOlder(t *testing.T) {
	t.Parallel()
	m, _ := handedOver(t, "w1", "w1")
	m.run(t, kitProgram, "apply", "/media")
	text, err := os.ReadFile(m.path("/var/lib/kubespore/kit/made"))
	if err != nil || strings.TrimSpace(string(text)) != strconv.FormatInt(now.AddDate(0, 3, 0).Unix(), 10) {
		t.Errorf("%v: %s, not %s", err, text, now.AddDate(0, 3, 0).Format(time.RFC3339))
	}
}

// TestHandOverGoesOn: where something of the old cluster cannot be removed, no file of the
// new one is put in place, and the next boot tries it again.
func TestHandOverGoesOn(t *testing.T) {
	t.Parallel()
	m, want := handedOver(t, "w1", "w1")
	reset, err := os.ReadFile(m.path(resetProgram))
	if err != nil {
		t.Fatal(err)
	}
	m.put(t, resetProgram, "#!/bin/sh\nexit 1\n", 0o755)
	state, err := os.ReadFile(m.path(document.StatePath))
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.try(t, kitProgram, "apply", "/media")
	if err == nil || !strings.Contains(out, "something of the cluster is left") {
		t.Errorf("%v: %s", err, out)
	}
	if after, err := os.ReadFile(m.path(document.StatePath)); err != nil || string(after) != string(state) {
		t.Errorf("the machine says that it is another one: %v", err)
	}
	m.put(t, resetProgram, string(reset), 0o755)
	m.run(t, kitProgram, "boot")
	if diff := unequal(m.tree(t), want); len(diff) > 0 {
		t.Errorf("after the next boot it is not what a first boot makes:\n%s", strings.Join(diff, "\n"))
	}
}
