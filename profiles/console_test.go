package profiles_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/doctor"
)

// TestConsole shows the console's program what systemd would say, look by look,
// and reads what it writes above the login prompt.
func TestConsole(t *testing.T) { eachMachine(t, testConsole) }

func testConsole(t *testing.T, m machine) {
	const (
		waits    = "ActiveState=activating SubState=start"
		lives    = "ActiveState=active SubState=running"
		again    = "ActiveState=active SubState=running NRestarts=1"
		restarts = "ActiveState=activating SubState=auto-restart NRestarts=1"
		failed   = "ActiveState=failed SubState=failed Result=exit-code"
		done     = "ActiveState=inactive SubState=dead Result=success InactiveEnterTimestampMonotonic=5"
	)
	looks := []struct {
		kubelet, cleanup, want string
		rest                   string // seconds until the next look
	}{
		{"", "", "to do:    clock, kubelet, clean-up\n", "3"}, // systemd does not answer
		{waits, waits, "done:     clock\n  to do:    kubelet, clean-up\n", "3"},
		{lives, waits, "done:     clock, kubelet\n  to do:    clean-up\n", "3"},
		{lives, failed, "to do:    clean-up (failed: journalctl -u kubespore-cleanup.service)\n", "3"},
		{lives, done, "  ready\n", "60"},
		{restarts, done, "to do:    kubelet (fails and is started again: journalctl -u kubelet.service)\n", "60"},
		{again, done, "  ready\n", "60"},
		{failed, done, "to do:    kubelet (failed: journalctl -u kubelet.service)\n", "60"},
		{"", "", "to do:    kubelet (failed: journalctl -u kubelet.service)\n", "60"}, // what was known stays
	}
	dir := t.TempDir()
	for i, l := range looks {
		var units []string
		for _, u := range [][2]string{{"kubespore-clock.service", lives}, {"kubelet.service", l.kubelet}, {"kubespore-cleanup.service", l.cleanup}} {
			if l.kubelet != "" {
				units = append(units, "Id="+u[0]+"\nLoadState=loaded\nConditionResult=yes\n"+strings.ReplaceAll(u[1], " ", "\n")+"\n")
			}
		}
		writeFile(t, dir, fmt.Sprintf("systemd.%d", i), strings.Join(units, "\n"))
	}
	writeFile(t, dir, "etc/kubespore/console", "cluster c, machine m\n")
	writeFile(t, dir, "etc/kubespore/console-steps", "kubespore-clock.service clock\nkubelet.service kubelet\nkubespore-cleanup.service clean-up\n")
	writeFile(t, dir, "look", "0")
	out := m.runScript(t, dir, "console/files/kubespore-console", map[string]string{
		"systemctl": "cat " + dir + "/systemd.$(<" + dir + "/look)\n[[ -s " + dir + "/systemd.$(<" + dir + "/look) ]]\n",
		"agetty":    "",
		"sleep":     fmt.Sprintf("cd %s\n[[ -e etc/issue.d/kubespore.issue ]] || exit 0 # before the first look\nn=$(<look)\necho \"$1\" >rest.$n\ncp etc/issue.d/kubespore.issue said.$n\necho $((n + 1)) >look\n((n + 1 < %d)) || kill $PPID\n", dir, len(looks)),
	})
	for i, l := range looks {
		said, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("said.%d", i)))
		if err != nil {
			t.Fatalf("look %d: %v\n%s", i, err, out)
		}
		if !strings.Contains(string(said), l.want) {
			t.Errorf("look %d says\n%swant\n%s", i, said, l.want)
		}
		if rest, _ := os.ReadFile(filepath.Join(dir, fmt.Sprintf("rest.%d", i))); strings.TrimSpace(string(rest)) != l.rest {
			t.Errorf("look %d: the next is in %s seconds, want %s", i, rest, l.rest)
		}
	}
}

// TestFailedUnits: each unit whose failure is a state of kubespore doctor is said so that
// kubespore doctor finds that state.
func TestFailedUnits(t *testing.T) { eachMachine(t, testFailedUnits) }

func testFailedUnits(t *testing.T, m machine) {
	dir := t.TempDir()
	var steps, shown strings.Builder
	units := map[string]string{} // by code
	for _, s := range doctor.States() {
		if unit, ok := strings.CutPrefix(strings.TrimSuffix(s.Says, ")"), "journalctl -u "); ok {
			units[s.Code] = unit
			fmt.Fprintf(&steps, "%s step %s\n", unit, s.Code)
			fmt.Fprintf(&shown, "Id=%s\nLoadState=loaded\nActiveState=failed\nSubState=failed\n\n", unit)
		}
	}
	if len(units) < 20 {
		t.Fatalf("only %d units: %v", len(units), units)
	}
	writeFile(t, dir, "etc/kubespore/console", "cluster c, machine m\n")
	writeFile(t, dir, "etc/kubespore/console-steps", steps.String())
	writeFile(t, dir, "shown", strings.TrimSuffix(shown.String(), "\n"))
	out := m.runScript(t, dir, "console/files/kubespore-console", map[string]string{
		"systemctl": "cat " + dir + "/shown\n",
		"agetty":    "",
		"sleep":     "[[ ! -e " + dir + "/etc/issue.d/kubespore.issue ]] || kill $PPID\n",
	})
	said, err := os.Open(filepath.Join(dir, "etc/issue.d/kubespore.issue"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	defer said.Close()
	found, err := doctor.Read(said)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		delete(units, f.Code)
	}
	if len(units) > 0 {
		t.Errorf("kubespore doctor does not find %v\n%s", units, out)
	}
}

// TestExpiring shows the console certificates with little, with much and with
// nothing of their lives left, in the forms in which machines have them.
func TestExpiring(t *testing.T) { eachMachine(t, testExpiring) }

func testExpiring(t *testing.T, m machine) {
	const day = 24 * time.Hour
	now := time.Now().UTC().Truncate(time.Second)
	for name, c := range map[string]struct {
		files map[string][2]time.Duration // when the certificate begins and ends, from now
		want  string
	}{
		"long":   {map[string][2]time.Duration{"kubernetes/pki/apiserver.crt": {-300 * day, 65 * day}, "kubernetes/pki/ca.crt": {-day, 9000 * day}}, ""},
		"clock":  {map[string][2]time.Duration{"kubernetes/pki/apiserver.crt": {day, 2 * day}}, ""},
		"soon":   {map[string][2]time.Duration{"kubernetes/pki/apiserver.crt": {-340 * day, 25 * day}, "kubernetes/pki/ca.crt": {-day, 9000 * day}}, "1, the first on " + now.Add(25*day).Format(time.DateOnly) + ": ETC/kubernetes/pki/apiserver.crt"},
		"ended":  {map[string][2]time.Duration{"kubernetes/pki/etcd/peer.crt": {-40 * day, -day}, "kubernetes/pki/apiserver.crt": {-40 * day, -3 * day}, "kubespore/registry/tls.crt": {-day, day / 100}}, "3, the first on " + now.Add(-3*day).Format(time.DateOnly) + ": ETC/kubernetes/pki/apiserver.crt"},
		"broken": {map[string][2]time.Duration{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, dir, "etc/kubernetes/pki/broken.crt", "-----BEGIN CERTIFICATE-----\n")
			for file, life := range c.files {
				writeFile(t, dir, "etc/"+file, certificateText(t, now.Add(life[0]), now.Add(life[1])))
			}
			writeFile(t, dir, "etc/kubespore/console", "cluster c, machine m\n")
			writeFile(t, dir, "etc/kubespore/console-steps", "kubelet.service kubelet\n")
			out := m.runScript(t, dir, "console/files/kubespore-console", map[string]string{
				"systemctl": "printf '%s\\n' Id=kubelet.service LoadState=loaded ActiveState=active SubState=running\n",
				"agetty":    "",
				"sleep":     "[[ ! -e " + dir + "/etc/issue.d/kubespore.issue ]] || kill $PPID\n",
			})
			said, err := os.ReadFile(filepath.Join(dir, "etc/issue.d/kubespore.issue"))
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			want := "  ready\n"
			if c.want != "" {
				want += "  note: certificates that end soon or have ended: " + strings.ReplaceAll(c.want, "ETC", dir+"/etc") + "\n"
			}
			if got := string(said); !strings.HasSuffix(strings.TrimRight(got, "\n")+"\n", "machine m\n"+want) {
				t.Errorf("it says\n%swant\n%s\n%s", got, want, out)
			}
		})
	}
}

// certificateText is a certificate with this life, as machines have them.
func certificateText(t *testing.T, begin, end time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: begin, NotAfter: end, DNSNames: []string{"990101000000Z"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
