//go:build oracle

package oracle

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const dataDir = "/var/lib/etcd"

// TestEtcdForms starts three members in every order, with the arguments of
// their static pods. Two make a quorum, and the last one joins.
func TestEtcdForms(t *testing.T) {
	needRoot(t)
	eachMinor(t, func(t *testing.T, minor string) {
		members := build(t, "ha", minor).machines(t, "cp1", "cp2", "cp3")
		for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
			ordered := []*machine{members[order[0]], members[order[1]], members[order[2]]}
			var names []string
			for _, m := range ordered {
				names = append(names, m.host.Name)
			}
			t.Run(strings.Join(names, ","), func(t *testing.T) {
				startMembers(t, ordered, func(m *machine) *exec.Cmd { return m.pod(t, "etcd") })
			})
		}
	})
}

// TestEtcdServiceForms does the same once for hosts of their own, with the
// command of their unit.
func TestEtcdServiceForms(t *testing.T) {
	needRoot(t)
	eachMinor(t, func(t *testing.T, minor string) {
		members := build(t, "external-etcd", minor).machines(t, "etcd3", "etcd1", "etcd2")
		startMembers(t, members, func(m *machine) *exec.Cmd { return m.service(t, "new") })
	})
}

// service is the command of etcd's unit, with the state that the guard found.
func (m *machine) service(t *testing.T, state string) *exec.Cmd {
	t.Helper()
	c := m.command(execStart(m.read(t, "/etc/systemd/system/etcd.service"), m.read(t, "/etc/etcd/etcd.conf"))...)
	if m.exists(etcdState) {
		for _, line := range m.environment(t, etcdState) {
			if flags, ok := strings.CutPrefix(line, "JOINS="); ok {
				c.Args = append(c.Args, flags)
			}
		}
	}
	c.Env = append(c.Env, m.environment(t, "/etc/kubespore/etcd/etcd.env")...)
	c.Env = append(c.Env, "ETCD_INITIAL_CLUSTER_STATE="+state)
	return c
}

// startMembers starts members one after the other on empty data directories and holds
// that they are one cluster.
func startMembers(t *testing.T, members []*machine, etcd func(*machine) *exec.Cmd) {
	t.Helper()
	begin := time.Now()
	for i, m := range members {
		m.wipe(t)
		p := start(t, etcd(m))
		eventually(t, 10*time.Second, m.host.Name+" listens for its peers", func() error { return p.listens(m, 2380) })
		if i == 1 {
			eventually(t, 10*time.Second, "two members have quorum", m.healthy)
		}
	}
	for _, m := range members {
		eventually(t, 10*time.Second, m.host.Name+" is healthy", m.healthy)
	}
	list := output(t, members[0].etcdctl("member", "list"))
	if strings.Count(list, ", started, ") != len(members) {
		t.Errorf("members:\n%s", list)
	}
	output(t, members[0].etcdctl("put", "key", "value"))
	if got := output(t, members[2].etcdctl("get", "key", "--print-value-only")); got != "value\n" {
		t.Errorf("written on %s, read on %s: %q", members[0].host.Name, members[2].host.Name, got)
	}
	t.Logf("%s", time.Since(begin).Round(10*time.Millisecond))
}

// wipe empties the data directory, as on a new disk.
func (m *machine) wipe(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(m.path(dataDir + "/member")); err != nil {
		t.Fatal(err)
	}
}

// listens says whether a running program accepts connections.
func (p *process) listens(m *machine, port int) error {
	if !p.running() {
		return fmt.Errorf("it has ended: %s", p.log.tail())
	}
	conn, err := net.DialTimeout("tcp", hostport(m.address(), port), time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}

// healthy asks a member whether it has quorum, as kubeadm's health check does.
func (m *machine) healthy() error {
	client, err := m.client(pkiDir+"etcd/healthcheck-client", pkiDir+"etcd/ca.crt")
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	response, err := client.Get("https://" + hostport(m.address(), 2379) + "/health")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var health struct{ Health string }
	if err := json.Unmarshal(body, &health); err != nil || health.Health != "true" {
		return fmt.Errorf("%s", body)
	}
	return nil
}

// client speaks TLS with a pair of the machine's.
func (m *machine) client(pair, authority string) (*http.Client, error) {
	certificate, err := tls.LoadX509KeyPair(m.path(pair+".crt"), m.path(pair+".key"))
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(m.path(authority))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}}}}, nil
}

// etcdctl is the real one, on the machine, with the pair for health checks.
func (m *machine) etcdctl(args ...string) *exec.Cmd {
	dir := filepath.Join(pkiDir, "etcd")
	return m.command(append([]string{"etcdctl", "--endpoints=https://127.0.0.1:2379", "--cacert=" + dir + "/ca.crt",
		"--cert=" + dir + "/healthcheck-client.crt", "--key=" + dir + "/healthcheck-client.key"}, args...)...)
}
