//go:build oracle

package services

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCheckers gives the files that we write for other programs to the checkers
// that these bring.
func TestCheckers(t *testing.T) {
	w := buildFile(t, "../../examples/ha.yaml")
	libraries := []string{filepath.Dir(deb(t, "sudo", "usr/libexec/sudo/libsudo_util.so.0"))}
	for name, file := range map[string]string{
		"liblua5.3-0": "usr/lib/x86_64-linux-gnu/liblua5.3.so.0", "libopentracing-c-wrapper0": "usr/lib/x86_64-linux-gnu/libopentracing-c-wrapper.so.0",
		"libopentracing1": "usr/lib/x86_64-linux-gnu/libopentracing.so.1", "libnl-3-200": "lib/x86_64-linux-gnu/libnl-3.so.200",
		"libnl-genl-3-200": "lib/x86_64-linux-gnu/libnl-genl-3.so.200", "libsnmp40": "usr/lib/x86_64-linux-gnu/libnetsnmp.so.40",
		"libsensors5": "usr/lib/x86_64-linux-gnu/libsensors.so.5", "libpci3": "usr/lib/x86_64-linux-gnu/libpci.so.3", "libwrap0": "usr/lib/x86_64-linux-gnu/libwrap.so.0",
	} {
		libraries = append(libraries, filepath.Dir(deb(t, name, file)))
	}
	// judges runs a checker on a text in the world's folder, which is its last
	// argument.
	judges := func(t *testing.T, good bool, path, text string, command ...string) {
		t.Helper()
		w.write(t, path, text)
		c := exec.Command(command[0], append(command[1:], filepath.Join(w.dir, path))...)
		c.Env = append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
		if out, err := c.CombinedOutput(); (err == nil) != good {
			t.Errorf("%v, good: %v: %v\n%s\n%s", command, good, err, out, text)
		}
	}
	// accepts runs a checker on a file, and on one with a mistake in it.
	accepts := func(t *testing.T, path, text, mistake string, command ...string) {
		t.Helper()
		judges(t, true, path, text, command...)
		judges(t, false, path, text+mistake, command...)
	}

	t.Run("visudo", func(t *testing.T) {
		accepts(t, "sudoers", w.file(t, "cp1", "/etc/sudoers.d/zz-kubespore"), "core ALL=(ALL\n", deb(t, "sudo", "usr/sbin/visudo"), "-c", "-f")
	})
	t.Run("containerd", func(t *testing.T) {
		accepts(t, "containerd.toml", w.file(t, "w1", "/etc/containerd/config.toml"), "[plugins\n",
			"sh", "-c", `exec "$0" --config "$1" config dump`, tools(t, "containerd")[0])
	})
	t.Run("haproxy", func(t *testing.T) {
		w.write(t, "ca.crt", w.file(t, "w1", "/etc/kubernetes/pki/ca.crt"))
		text := strings.ReplaceAll(w.file(t, "w1", "/etc/kubespore/api-balancer/haproxy.cfg"), "/etc/kubernetes/pki/ca.crt", filepath.Join(w.dir, "ca.crt"))
		accepts(t, "haproxy.cfg", text, "  sever x 1.2.3.4:5\n", deb(t, "haproxy", "usr/sbin/haproxy"), "-c", "-f")
	})
	t.Run("keepalived", func(t *testing.T) {
		w.network(t, "vrrp", "")
		run(t, "ip", "-n", w.space, "link", "add", "lan0", "type", "bridge") // not lo, which VRRP does not take
		run(t, "ip", "-n", w.space, "address", "add", "192.168.200.21/22", "dev", "lan0")
		run(t, "ip", "-n", w.space, "link", "set", "lan0", "up")
		run(t, "ip", "-n", w.space, "address", "add", "fd00:200::21/64", "dev", "lan0")
		// kubectl, which the check asks with, is the payload's.
		for _, from := range []*world{w, buildFile(t, "../../testdata/good/virtual-addresses.yaml")} {
			text := strings.NewReplacer("@INTERFACE@", "lan0", "/opt/bin/kubectl", "/bin/true").Replace(from.file(t, "cp1", "/etc/kubespore/keepalived/keepalived.conf.in"))
			accepts(t, "keepalived.conf", text, "vrrp_instance x {\n  state MASTERR\n}\n", "ip", "netns", "exec", w.space, deb(t, "keepalived", "usr/sbin/keepalived"), "--config-test", "--log-console", "--use-file")
		}
	})
	t.Run("dockerd", func(t *testing.T) {
		dockerd := tools(t, "dockerd")[0]
		// It looks for its proxy, which is the payload's.
		w.write(t, "bin/docker-proxy", "")
		if err := os.Chmod(filepath.Join(w.dir, "bin/docker-proxy"), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", filepath.Join(w.dir, "bin")+":"+os.Getenv("PATH"))
		for _, c := range []struct{ file, host string }{{"../../examples/seeds/000.yaml", "node1"}, {"testdata/docker.yaml", "node1"}} {
			from := buildFile(t, c.file)
			text := from.file(t, c.host, "/etc/docker/daemon.json")
			// With the flags of the unit, which must not repeat what the file says.
			unit := regexp.MustCompile(`(?m)^ExecStart=/opt/bin/dockerd --config-file=/etc/docker/daemon.json (.*)$`).FindStringSubmatch(from.file(t, c.host, "/etc/systemd/system/docker.service"))
			if unit == nil {
				t.Fatalf("%s: the unit starts no dockerd", c.file)
			}
			flags := strings.NewReplacer("${FLANNEL_SUBNET}", "10.0.3.1/24", "${FLANNEL_MTU}", "1450").Replace(unit[1])
			command := append([]string{dockerd, "--validate"}, append(strings.Fields(flags), "--config-file")...)
			judges(t, true, "daemon.json", text, command...)
			for right, wrong := range map[string]string{`"live-restore"`: `"live-restor"`, `"log-opts": {`: `"log-opts": [{`, `"json-file"`: `"json-file", "hosts": ["tcp://0.0.0.0:2375"]`} {
				if !strings.Contains(text, right) {
					t.Errorf("%s: the file says nothing of %s", c.file, right)
				}
				judges(t, false, "daemon.json", strings.Replace(text, right, wrong, 1), command...)
			}
		}
	})
}
