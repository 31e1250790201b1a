//go:build oracle

package oracle

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestCheckExpiration lets kubeadm look at the certificates of control planes that Ignition
// has written, with authorities of every custody. It misses only what custody keeps from the
// machine, and of all others it says what their certificates say.
func TestCheckExpiration(t *testing.T) {
	needRoot(t)
	eachMinor(t, func(t *testing.T, minor string) {
		for name, built := range map[string]cluster{
			"made here": build(t, "ha", minor), "offline, external etcd": build(t, "external-etcd", minor),
			"own root": ofOwn(t, minor, "own-root", "root", ""), "intermediate": ofOwn(t, minor, "own-intermediate", "middle", ""),
			"intermediate, offline": ofOwn(t, minor, "own-intermediate-offline", "middle", "\npki: {custody: offline}\n"),
		} {
			t.Run(name, func(t *testing.T) {
				m := built.machines(t, "cp1")[0]
				files := built.files(t, "cp1")
				write(t, m.path("/root/kubeadm.yaml"), clusterConfiguration(t, files))
				table := output(t, m.command("kubeadm", "certs", "check-expiration", "--config=/root/kubeadm.yaml"))
				if got := missing(table); !slices.Equal(got, []string{"admin.conf"}) {
					t.Errorf("kubeadm misses %q, want admin.conf alone:\n%s", got, table)
				}
				seen := 0
				for line := range strings.Lines(table) {
					words := strings.Fields(line)
					if len(words) == 0 || files[pkiDir+certificateFile(words[0])] == nil {
						continue
					}
					c, err := parse(files[pkiDir+certificateFile(words[0])])
					if err != nil {
						t.Fatal(err)
					}
					seen++
					if ends := c.NotAfter.UTC().Format("Jan 02, 2006 15:04 MST"); !strings.Contains(line, ends) {
						t.Errorf("%s ends on %s, and kubeadm says: %s", words[0], ends, line)
					}
				}
				if seen < 5 {
					t.Errorf("kubeadm speaks of %d certificates:\n%s", seen, table)
				}
			})
		}
	})
}

// certificateFile is the file of a certificate or an authority by the name that kubeadm's
// table gives it.
func certificateFile(name string) string {
	switch name {
	case "apiserver", "apiserver-etcd-client", "apiserver-kubelet-client", "front-proxy-client", "ca", "front-proxy-ca":
		return name + ".crt"
	case "etcd-healthcheck-client", "etcd-peer", "etcd-server", "etcd-ca":
		return "etcd/" + strings.TrimPrefix(name, "etcd-") + ".crt"
	}
	return ""
}

// ofOwn builds the example ha with an authority of the user's own for the cluster: a root, or
// an intermediate below it. The topology says more than the example.
func ofOwn(t *testing.T, minor, name, authority, more string) cluster {
	t.Helper()
	text := append(contents(t, "../../examples/ha.yaml"), more...)
	dir := filepath.Join(workspace.dir, minor, name)
	write(t, filepath.Join(dir, "topology.yaml"), text)
	for _, command := range []string{
		"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=root -addext keyUsage=critical,keyCertSign -days 3650 -keyout root.key -out root.crt",
		"openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=middle -keyout middle.key -out middle.csr",
		"printf 'basicConstraints=critical,CA:TRUE\\nkeyUsage=critical,keyCertSign,digitalSignature\\nsubjectKeyIdentifier=hash\\nauthorityKeyIdentifier=keyid\\n' >extensions",
		"openssl x509 -req -in middle.csr -CA root.crt -CAkey root.key -CAcreateserial -days 3000 -extfile extensions -out middle.crt",
		workspace.kubespore + " pki import --quiet --authority kubernetes --pki pki topology.yaml " + authority + ".crt " + authority + ".key root.crt",
	} {
		c := exec.Command("sh", "-ec", command)
		c.Dir = dir
		output(t, c)
	}
	return buildText(t, name, minor, text, nil)
}

// clusterConfiguration gives what the cluster will tell kubeadm about itself.
func clusterConfiguration(t *testing.T, files tree) []byte {
	t.Helper()
	var object struct {
		Data struct{ ClusterConfiguration string }
	}
	if err := yaml.Unmarshal(files["/etc/kubespore/objects/kubeadm/kubeadm-config.yaml"], &object); err != nil {
		t.Fatal(err)
	}
	return []byte(object.Data.ClusterConfiguration)
}

// missing gives the certificates that kubeadm looks for in vain.
func missing(table string) []string {
	var out []string
	for line := range strings.Lines(table) {
		if rest, ok := strings.CutPrefix(line, "!MISSING! "); ok {
			out = append(out, strings.TrimSpace(rest))
		}
	}
	return out
}
