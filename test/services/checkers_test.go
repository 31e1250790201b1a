//go:build oracle

package services

import (
	"os"
	"os/exec"
	"path/filepath"
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
	// accepts runs a checker on a file, and on one with a mistake in it.
	accepts := func(t *testing.T, path, text, mistake string, command ...string) {
		t.Helper()
		for _, wrong := range []bool{false, true} {
			w.write(t, path, text)
			if wrong {
				w.write(t, path, text+mistake)
			}
			c := exec.Command(command[0], append(command[1:], filepath.Join(w.dir, path))...)
			c.Env = append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
			if out, err := c.CombinedOutput(); (err != nil) != wrong {
				t.Errorf("%v, with a mistake: %v: %v\n%s", command, wrong, err, out)
			}
		}
	}

	t.Run("visudo", func(t *testing.T) {
		accepts(t, "sudoers", w.file(t, "cp1", "/etc/sudoers.d/kubespore"), "core ALL=(ALL\n", deb(t, "sudo", "usr/sbin/visudo"), "-c", "-f")
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
		// kubectl, which the check asks with, is the payload's.
		text := strings.NewReplacer("@INTERFACE@", "lan0", "/opt/bin/kubectl", "/bin/true").Replace(w.file(t, "cp1", "/etc/kubespore/keepalived/keepalived.conf.in"))
		accepts(t, "keepalived.conf", text, "vrrp_instance x {\n  state MASTERR\n}\n", "ip", "netns", "exec", w.space, deb(t, "keepalived", "usr/sbin/keepalived"), "--config-test", "--log-console", "--use-file")
	})
}
