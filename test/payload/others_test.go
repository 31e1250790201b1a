//go:build oracle

package payload

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/document"
)

// The login of another registry, and what its htpasswd says of it.
const othersUser, othersPassword = "me", "secret"

// othersRegistry is the real registry with a certificate of a private authority, where
// no one pulls without a login. It has one image.
func othersRegistry(t *testing.T) (address string, authority []byte) {
	t.Helper()
	shell(t, "ip address add "+elsewhere+"/32 dev lo")
	t.Cleanup(func() { shell(t, "ip address delete "+elsewhere+"/32 dev lo") })
	l, err := net.Listen("tcp", elsewhere+":0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	_ = l.Close()
	dir := t.TempDir()
	root, rootText := issue(t, "private", nil)
	_, pair := issue(t, "harbor", &root)
	block, _ := pem.Decode(rootText)
	authority = pem.EncodeToMemory(block)
	logins, err := os.ReadFile("../services/testdata/reg.htpasswd")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "pair.pem"), pair)
	write(t, filepath.Join(dir, "htpasswd"), logins)
	write(t, filepath.Join(dir, "trust/ca.crt"), authority)
	write(t, filepath.Join(dir, "config.yml"), fmt.Appendf(nil, `version: 0.1
storage: {filesystem: {rootdirectory: %[1]s/storage}}
http: {addr: %[2]q, secret: no, tls: {certificate: %[1]s/pair.pem, key: %[1]s/pair.pem}}
auth: {htpasswd: {realm: others, path: %[1]s/htpasswd}}
`, dir, address))
	out, err := exec.Command("../tools/tool", "registry").Output()
	if err != nil {
		t.Fatal(err)
	}
	serveRegistry(t, out, filepath.Join(dir, "config.yml"), func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	archive := filepath.Join(dir, "app.tar")
	saveImage(t, archive, "team/app:1", "amd64")
	shell(t, fmt.Sprintf("skopeo copy --quiet --dest-creds %s:%s --dest-cert-dir %s/trust docker-archive:%s docker://%s/team/app:1", othersUser, othersPassword, dir, archive, address))
	return address, authority
}

// othersWorld is a machine whose document says how it knows that registry, by files
// in the folder of the topology.
func othersWorld(t *testing.T, profiles string, authority []byte, address string) (*world, *machine) {
	t.Helper()
	auth := base64.StdEncoding.EncodeToString([]byte(othersUser + ":" + othersPassword))
	w := newWorldFromWith(t, topology(t, "  flannel: {}\n  kubelet: {registryLogins: config.json}\n"+profiles), func(w *world) {
		write(t, filepath.Join(w.dir, "ca.crt"), authority)
		write(t, filepath.Join(w.dir, "config.json"), fmt.Appendf(nil, `{"auths": {%q: {"auth": %q}}}`, address, auth))
	})
	m := w.machine(t)
	entries, err := w.document(t).Entries()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		path := filepath.Join(m.root, e.Path)
		switch {
		case e.Path == "/var/lib/kubelet/config.json" && e.Mode != 0o600:
			t.Errorf("%s is %o", e.Path, e.Mode)
		case bytes.Contains(e.Content, []byte(auth)) && e.Path != "/var/lib/kubelet/config.json":
			t.Errorf("the login stands in %s", e.Path)
		}
		if !strings.HasPrefix(e.Path, "/etc/containerd/") && !strings.HasPrefix(e.Path, "/etc/docker/") && e.Path != "/var/lib/kubelet/config.json" {
			continue
		}
		switch e.Kind {
		case document.KindFile:
			write(t, path, e.Content)
		case document.KindLink:
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(e.Target, path); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, folder := range []string{"var/lib/containerd", "var/lib/docker"} {
		disk := filepath.Join(w.dir, filepath.Base(folder))
		shell(t, fmt.Sprintf("truncate -s 128M %[1]s && mkfs.ext4 -q %[1]s && mkdir -p %[2]s/%[3]s && mount -o loop %[1]s %[2]s/%[3]s", disk, m.root, folder))
		t.Cleanup(func() { shell(t, "umount --lazy "+filepath.Join(m.root, folder)) })
	}
	return w, m
}

// kubeletLogin is what the kubelet tells the runtime of a registry: what stands in the
// file that it looks into.
func (m *machine) kubeletLogin(t *testing.T, address string) (user, password string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(m.root, "var/lib/kubelet/config.json"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Auths map[string]struct{ Auth []byte }
	}
	if err := json.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	user, password, _ = strings.Cut(string(config.Auths[address].Auth), ":")
	return user, password
}

// TestRegistryOfOthers: containerd pulls from a registry that a private authority vouches
// for and that wants a login, as the kubelet has it pull; not without one of them.
func TestRegistryOfOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("an address of its own needs root")
	}
	address, authority := othersRegistry(t)
	_, m := othersWorld(t, "  containerd: {registryAuthority: ca.crt, mirrors: [{registry: '"+address+"', endpoints: ['https://"+address+"']}]}\n", authority, address)
	kill := m.containerd(t, documented)
	user, password := m.kubeletLogin(t, address)
	image := field(1, field(1, []byte(address+"/team/app:1")))
	login := field(2, append(field(1, []byte(user)), field(2, []byte(password))...))
	if said, _ := m.cri(t, "PullImage", image); strings.Contains(said, "grpc-status: 0") || !strings.Contains(said, "no basic auth") {
		t.Errorf("it pulls without a login\n%s", said)
	}
	if said, _ := m.cri(t, "PullImage", append(image, login...)); !strings.Contains(said, "grpc-status: 0") {
		t.Errorf("it does not pull\n%s", said)
	}
	if !m.imageStatus(t, address+"/team/app:1") {
		t.Error("what was pulled is not there")
	}
	kill()
	write(t, filepath.Join(m.root, "etc/containerd/registries.crt"), nil)
	if err := os.RemoveAll(filepath.Join(m.root, "etc/containerd/certs.d")); err != nil {
		t.Fatal(err)
	}
	m.containerd(t, documented)
	if said, _ := m.cri(t, "PullImage", append(image, login...)); strings.Contains(said, "grpc-status: 0") || !strings.Contains(said, "certificate") {
		t.Errorf("it pulls from whoever answers\n%s", said)
	}
}

// TestRegistryOfOthersByDocker: Docker does, too.
func TestRegistryOfOthersByDocker(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("an address of its own needs root")
	}
	address, authority := othersRegistry(t)
	w, m := othersWorld(t, "  docker: {registryAuthority: ca.crt, trusts: ['"+address+"']}\n", authority, address)
	m.containerd(t, storeOnly)
	m.dockerd(t, w)
	pull := " pull " + address + "/team/app:1 2>&1"
	const login = "--config=/var/lib/kubelet" // where the kubelet reads it
	if is, said := m.docker(t, pull); is || !strings.Contains(said, "no basic auth") {
		t.Errorf("it pulls without a login\n%s", said)
	}
	if is, said := m.docker(t, login+pull); !is {
		t.Errorf("it does not pull\n%s", said)
	}
	if is, said := m.docker(t, "image inspect --format={{.Id}} "+address+"/team/app:1"); !is {
		t.Error(said)
	}
	if err := os.RemoveAll(filepath.Join(m.root, "etc/docker/certs.d")); err != nil {
		t.Fatal(err)
	}
	if is, said := m.docker(t, login+pull); is || !strings.Contains(said, "certificate") {
		t.Errorf("it pulls from whoever answers\n%s", said)
	}
}
