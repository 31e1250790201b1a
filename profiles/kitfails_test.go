package profiles_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/kit"
)

// TestKitRefused: a kit that is not for this machine, not of this cluster, older,
// or other than what was signed changes nothing.
func TestKitRefused(t *testing.T) {
	t.Parallel()
	const file = "../examples/ha.yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := newSigner(t)
	from, later := compiled(t, file, text, "w1", now), now.AddDate(0, 3, 0)
	to, other := compiled(t, file, text, "w1", later), compiled(t, file, text, "w2", later)
	state, _ := from.State()
	stateOfOther, _ := compiled(t, file, text, "w2", now).State()
	turned := func(m *chroot, t *testing.T, pattern string) {
		found, err := filepath.Glob(m.path(pattern))
		if err != nil || len(found) == 0 {
			t.Fatal(pattern, err)
		}
		raw, err := os.ReadFile(found[0])
		if err != nil {
			t.Fatal(err)
		}
		raw[len(raw)/2] ^= 1
		if err := os.WriteFile(found[0], raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, want string
		prepare    func(t *testing.T, m *chroot)
	}{
		{"a byte of the kit", "was changed since", func(t *testing.T, m *chroot) { m.kitFor(t, s, to, later, state); turned(m, t, "/media/kit") }},
		{"a byte of the signature", "was changed since", func(t *testing.T, m *chroot) { m.kitFor(t, s, to, later, state); turned(m, t, "/media/kit.sig") }},
		{"a byte of a file", "was changed: ", func(t *testing.T, m *chroot) { m.kitFor(t, s, to, later, state); turned(m, t, "/media/files/*") }},
		{"a byte of the program", "its program was changed", func(t *testing.T, m *chroot) { m.kitFor(t, s, to, later, state); turned(m, t, "/media/program") }},
		{"a file missing", "is missing", func(t *testing.T, m *chroot) {
			m.kitFor(t, s, to, later, state)
			found, _ := filepath.Glob(m.path("/media/files/*"))
			os.Remove(found[0])
		}},
		{"another host's", "it is for w2", func(t *testing.T, m *chroot) { m.kitFor(t, s, other, later, stateOfOther) }},
		{"another cluster's", "has not signed it", func(t *testing.T, m *chroot) { m.kitFor(t, newSigner(t), to, later, state) }},
		{"an older one", "older than what this machine has", func(t *testing.T, m *chroot) { m.kitFor(t, s, to, now.AddDate(0, 0, -1), state) }},
		{"from another state", "does not lead from what this machine is", func(t *testing.T, m *chroot) { m.kitFor(t, s, to, later, stateOfOther) }},
		{"no kit", "there is no kit in", func(t *testing.T, m *chroot) { m.folder(t, "/media") }},
		{"another cluster's of the same key", "it is for the cluster ha, and this machine is of other", func(t *testing.T, m *chroot) {
			m.kitFor(t, s, to, later, state)
			m.put(t, "/etc/kubespore/kit", "cluster=other\n", 0o644)
		}},
		{"a key that is none", "the key of the cluster in /etc/kubespore/signing.pub cannot be read", func(t *testing.T, m *chroot) {
			m.kitFor(t, s, to, later, state)
			m.put(t, signingKey, "none\n", 0o644)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := booted(t, s, from)
			c.prepare(t, m)
			before := m.tree(t)
			out, err := m.try(t, kitProgram, "apply", "/media")
			if err == nil || !strings.Contains(out, c.want) {
				t.Errorf("%v: %s", err, out)
			}
			if diff := unequal(m.tree(t), before); len(diff) > 0 {
				t.Errorf("it changed the machine:\n%s", strings.Join(diff, "\n"))
			}
			if !m.exists("/run/kubespore/notice/kit") || m.exists("/var/lib/kubespore/kit/staged") {
				t.Error("the console hears nothing of it, or something is left")
			}
		})
	}
}

// TestKitBackRefused: where there is nothing to put back, or what runs has taken over the
// data of the cluster, nothing changes.
func TestKitBackRefused(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	from, _, _ := twoBuilds(t)
	const last = "/var/lib/kubespore/kit/last/"
	for want, prepare := range map[string]func(m *chroot){
		"there is nothing to put back": func(*chroot) {},
		"etcd 3.7.1 has taken over the data of the cluster": func(m *chroot) {
			m.folder(t, last+"undo")
			m.put(t, last+"program", kit.Program(), 0o600)
			m.put(t, last+"steps", "forward etcd 3.7.1\n", 0o600)
		},
	} {
		m := booted(t, s, from)
		prepare(m)
		before := m.tree(t)
		if out, err := m.try(t, kitProgram, "back"); err == nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v: %s", want, err, out)
		}
		if diff := unequal(m.tree(t), before); len(diff) > 0 {
			t.Errorf("%s: it changed the machine:\n%s", want, strings.Join(diff, "\n"))
		}
	}
}

// twoBuilds gives the documents of a worker from one build and from a later one, with another
// setting and a host more, and when that was made.
func twoBuilds(t *testing.T) (from, to *document.Document, later time.Time) {
	t.Helper()
	const file = "../examples/ha.yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	later = now.AddDate(0, 3, 0)
	return compiled(t, file, text, "w1", now), compiled(t, file, changed(t, file, flagAndHost), "w1", later), later
}

// cutter stands for mv and ends the machine at the call that a file counts down to.
const cutter = `#!/bin/sh
read -r n </run/cut
echo $((n - 1)) >/run/cut
if [ "$n" -le 1 ]; then kill -KILL $PPID; exit 1; fi
exec /usr/bin/mv "$@"
`

// TestKitCutOff: power fails before every single renaming, and the next boot ends
// in the old state or in the new one.
func TestKitCutOff(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	from, to, later := twoBuilds(t)
	state, _ := from.State()
	m, new := booted(t, s, from), booted(t, s, to).tree(t)
	old := m.tree(t)
	m.kitFor(t, s, to, later, state)
	m.put(t, "/opt/bin/mv", cutter, 0o755)
	kept := map[bool]int{}
	for n := 1; ; n++ {
		m.put(t, "/run/cut", strconv.Itoa(n)+"\n", 0o644)
		_, err := m.try(t, kitProgram, "apply", "/media")
		if err == nil {
			if n < 8 {
				t.Errorf("only %d renamings", n-1)
			}
			break
		}
		if m.exists("/var/lib/kubespore/kit/current") == (len(unequal(m.tree(t), old)) == 0) && n > 2 {
			t.Errorf("cut %d: without a journal something has changed", n)
		}
		m.put(t, "/run/cut", "1000\n", 0o644)
		m.run(t, kitProgram, "boot")
		isOld, isNew := unequal(m.tree(t), old), unequal(m.tree(t), new)
		if len(isOld) > 0 && len(isNew) > 0 {
			t.Fatalf("cut %d ends in neither state:\nold: %v\nnew: %v", n, isOld, isNew)
		}
		kept[len(isOld) == 0]++
		if len(isOld) > 0 {
			m.run(t, kitProgram, "back")
			if err := os.RemoveAll(m.path("/var/lib/kubespore/kit")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if kept[true] == 0 || kept[false] == 0 {
		t.Errorf("old after %d cuts, new after %d", kept[true], kept[false])
	}
}

// restarting stands for systemctl on a machine where what a kit restarts fails, and starts
// again by itself as often as a file says.
const restarting = `#!/bin/sh
case $* in
"restart "*) exit 1 ;;
"is-active kubelet.service")
  read -r n </run/starts
  [ "$n" -gt 0 ] || { echo %[1]s; exit; }
  echo $((n - 1)) >/run/starts
  echo activating
  ;;
is-active*) echo active ;;
*is-failed*) [ %[1]s = failed ] ;;
esac
`

// TestKitStartsAgain: a unit that failed when the kit restarted it, and that systemd starts
// again, is waited for. What stays failed is said.
func TestKitStartsAgain(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	from, to, later := twoBuilds(t)
	state, _ := from.State()
	for ends, want := range map[string]string{"active": "this machine is now what the build says", "failed": "this machine is not well"} {
		t.Run(ends, func(t *testing.T) {
			t.Parallel()
			m := booted(t, s, from)
			m.kitFor(t, s, to, later, state)
			m.folder(t, "/run/systemd/system")
			m.put(t, "/run/starts", "1\n", 0o644)
			m.put(t, "/opt/bin/systemctl", fmt.Sprintf(restarting, ends), 0o755)
			out, err := m.try(t, kitProgram, "apply", "/media")
			if (err == nil) != (ends == "active") || !strings.Contains(out, want) || !strings.Contains(out, "waits: kubelet.service starts again") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
