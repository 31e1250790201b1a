//go:build oracle

package services

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// TestRegistry starts a registry and a proxy on the files of reg1 and lets a
// containerd with the files of cp1 push and pull by name, over TLS.
func TestRegistry(t *testing.T) {
	w := build(t, "registry.yaml")
	w.network(t, "registry", "127.0.0.1 localhost\n192.168.200.9 reg1\n", "192.168.200.9/24")
	prefixes := []string{"/etc/kubespore/", "/etc/containerd/certs.d", "/var/lib/registry"}
	w.put(t, "reg1", prefixes...)
	w.put(t, "cp1", prefixes...)
	program := tools(t, "registry", "containerd", "ctr")
	const configs = "/etc/kubespore/registry/"
	ca := w.dir + "/etc/kubespore/services-ca.crt"
	for i, config := range []string{"config.yml", "proxy-5001.yml"} {
		port := strconv.Itoa(5000 + i)
		daemon := w.inside(program[0], "serve", filepath.Join(w.dir, configs, config))
		// What its unit says: no telemetry, the login of proxies. The proxy's
		// upstream is our own, which no system trusts.
		daemon.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none", "SSL_CERT_FILE="+w.dir+"/etc/kubespore/services-ca.crt")
		if unit := w.file(t, "reg1", "/etc/systemd/system/registry-proxy-5001.service"); strings.HasPrefix(config, "proxy") && strings.Contains(unit, "EnvironmentFile="+configs+"proxy-login\n") {
			daemon.Env = append(daemon.Env, strings.Fields(w.file(t, "reg1", configs+"proxy-login"))...)
		}
		w.start(t, daemon)
		// One after the other: a proxy ends where its upstream does not answer,
		// and its unit starts it again.
		w.until(t, config, "curl", "--silent", "--show-error", "--fail", "--cacert", ca, "--user", "me:secret", "https://reg1:"+port+"/v2/")
	}
	if out, err := w.inside("curl", "--silent", "--fail", "--cacert", ca, "https://reg1:5000/v2/").CombinedOutput(); err == nil {
		t.Errorf("the registry lets everybody in: %s", out)
	}

	ctr := w.containerd(t, program[1], program[2])
	image, err := random.Image(20_000, 1)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag("reg1:5000/team/web:1")
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(w.dir, "web.tar")
	if err := tarball.WriteToFile(archive, tag, image); err != nil {
		t.Fatal(err)
	}
	hosts := []string{"--hosts-dir", w.dir + "/etc/containerd/certs.d", "--user", "me:secret"}
	ctr("images", "import", "--all-platforms", "--no-unpack", archive)
	ctr(append(append([]string{"images", "push"}, hosts...), tag.String())...)
	pull := append(append([]string{"content", "fetch", "--all-platforms"}, hosts...), "")
	for _, ref := range []string{tag.String(), "registry.k8s.io/team/web:1", "quay.io/team/web:1"} {
		pull[len(pull)-1] = ref
		ctr(pull...)
	}
	if _, err := os.Stat(w.dir + "/var/lib/registry-proxy/5001/docker/registry/v2/repositories/team/web"); err != nil {
		t.Errorf("the proxy keeps nothing: %v", err)
	}
}

// containerd starts one that only moves images, and gives its client.
func (w *world) containerd(t *testing.T, daemon, client string) func(args ...string) string {
	t.Helper()
	socket := filepath.Join(w.dir, "containerd.sock")
	w.write(t, "containerd.toml", `version = 3
root = "`+w.dir+`/containerd"
state = "`+w.dir+`/containerd-state"
disabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri"]
[grpc]
  address = "`+socket+`"
`)
	w.start(t, w.inside(daemon, "--config", filepath.Join(w.dir, "containerd.toml"), "--log-level", "error"))
	w.until(t, "containerd", client, "--address", socket, "version")
	return func(args ...string) string {
		t.Helper()
		out, err := w.inside(client, append([]string{"--address", socket}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("ctr %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
}

// TestRegistryAsItComes: without a login everyone pulls and no one pushes; those of
// htpasswd push to a port of their own, and what they pushed is pulled by every name
// under which the registry is known, over TLS and from the hosts file of a node.
func TestRegistryAsItComes(t *testing.T) {
	text, err := os.ReadFile("testdata/registry.yaml")
	if err != nil {
		t.Fatal(err)
	}
	logins, err := os.ReadFile("testdata/reg.htpasswd")
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(text), "    standsFor:")
	_, hosts, _ := strings.Cut(rest, "hosts:\n")
	w := buildText(t, head+"    names: ['registry:5000', '192.168.200.9:5000']\n    htpasswd: reg.htpasswd\nhosts:\n"+hosts, map[string]string{"reg.htpasswd": string(logins)})
	w.network(t, "registry-open", w.file(t, "cp1", "/etc/hosts"), "192.168.200.9/24")
	prefixes := []string{"/etc/kubespore/", "/etc/containerd/certs.d", "/var/lib/registry"}
	w.put(t, "reg1", prefixes...)
	w.put(t, "cp1", prefixes...)
	program := tools(t, "registry", "containerd", "ctr")
	ca := w.dir + "/etc/kubespore/services-ca.crt"
	for config, port := range map[string]string{"config.yml": "5000", "push.yml": "5443"} {
		daemon := w.inside(program[0], "serve", filepath.Join(w.dir, "/etc/kubespore/registry", config))
		daemon.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
		w.start(t, daemon)
		w.until(t, config, "curl", "--silent", "--show-error", "--fail", "--cacert", ca, "--user", "me:secret", "https://reg1:"+port+"/v2/")
	}
	const start = "/v2/team/web/blobs/uploads/"
	for _, c := range []struct{ code, method, user, url string }{
		{"200", "GET", "", "https://reg1:5000/v2/"},
		{"200", "GET", "", "https://registry:5000/v2/"},
		{"200", "GET", "", "https://192.168.200.9:5000/v2/"},
		{"405", "POST", "", "https://reg1:5000" + start},
		{"405", "POST", "me:secret", "https://reg1:5000" + start},
		{"401", "POST", "", "https://reg1:5443" + start},
		{"401", "POST", "me:wrong", "https://reg1:5443" + start},
		{"202", "POST", "me:secret", "https://reg1:5443" + start},
	} {
		args := []string{"--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--cacert", ca, "--request", c.method}
		if c.user != "" {
			args = append(args, "--user", c.user)
		}
		out, err := w.inside("curl", append(args, c.url)...).Output()
		if err != nil || string(out) != c.code {
			t.Errorf("%s %s as %q: %s, want %s: %v", c.method, c.url, c.user, out, c.code, err)
		}
	}

	ctr := w.containerd(t, program[1], program[2])
	image, err := random.Image(20_000, 1)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag("reg1:5443/team/web:1")
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(w.dir, "web.tar")
	if err := tarball.WriteToFile(archive, tag, image); err != nil {
		t.Fatal(err)
	}
	ctr("images", "import", "--all-platforms", "--no-unpack", archive)
	ctr("images", "push", "--hosts-dir", w.dir+"/etc/containerd/certs.d", "--user", "me:secret", tag.String())
	for _, ref := range []string{"reg1:5000/team/web:1", "registry:5000/team/web:1", "192.168.200.9:5000/team/web:1"} {
		ctr("content", "fetch", "--all-platforms", "--hosts-dir", w.dir+"/etc/containerd/certs.d", ref)
	}
}
