//go:build oracle

package services

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/document"
)

// TestNodeLocalDNS: the real CoreDNS, on the Corefile of a node and with the address that
// its script makes, answers with what the cluster's DNS says, and keeps it. While it is
// away the C library asks the cluster's DNS, at once.
func TestNodeLocalDNS(t *testing.T) {
	for _, c := range []struct{ name, topology, cache, cluster, service string }{
		{"ipv4", "node-local-dns", "169.254.20.10", "10.96.0.10", "10.96.1.2"},
		{"ipv6", "node-local-dns-ipv6", "fd6b:7370:6f72::53", "fd00:10:96::a", "fd00:10:96::12"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := buildFile(t, "../../testdata/good/"+c.topology+".yaml")
			w.network(t, "nodedns-"+c.name, "", c.cluster)
			kubelet := w.file(t, "w1", "/var/lib/kubelet/config.yaml")
			_, after, _ := strings.Cut(kubelet, "clusterDNS:\n")
			servers := strings.NewReplacer("- ", "", `"`, "").Replace(after[:strings.Index(after, "clusterDomain")])
			if want := c.cache + "\n" + c.cluster + "\n"; servers != want {
				t.Fatalf("pods ask %q, want %q", servers, want)
			}
			resolv := "nameserver " + strings.Join(strings.Fields(servers), "\nnameserver ") + "\n"
			if err := os.WriteFile("/etc/netns/"+w.space+"/resolv.conf", []byte(resolv), 0o644); err != nil {
				t.Fatal(err)
			}
			for path, e := range w.files["w1"] {
				if e.Kind == document.KindFile && (strings.HasPrefix(path, "/etc/kubespore/node-local-dns/") || strings.HasSuffix(path, "/kubespore-node-dns")) {
					w.write(t, path, string(e.Content))
				}
			}
			_, unit, _ := strings.Cut(w.file(t, "w1", "/etc/systemd/system/kubespore-node-dns.service"), "ExecStart=")
			arguments := strings.Fields(unit[:strings.Index(unit, "\n")])
			for range 2 { // again after a crash
				if out, err := w.inside("bash", filepath.Join(w.dir, arguments[0]), arguments[1]).CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			coredns := tools(t, "coredns")[0]
			w.write(t, "cluster", fmt.Sprintf(". {\n bind %s\n hosts %s/names {\n ttl 30\n reload 100ms\n }\n log\n}\n", c.cluster, w.dir))
			w.write(t, "names", c.service+" web.default.svc.cluster.local\n")
			upstream := w.inside(coredns, "-conf", filepath.Join(w.dir, "cluster"))
			asked := w.start(t, upstream)
			cache := w.inside(coredns, "-conf", filepath.Join(w.dir, "/etc/kubespore/node-local-dns/Corefile"))
			w.start(t, cache)
			lookUp := []string{"getent", "-s", "hosts:dns", "ahosts" + strings.Replace(c.name, "ip", "", 1), "web.default.svc.cluster.local."}
			w.until(t, "the DNS of the cluster", "bash", "-c", `exec 3<>"/dev/tcp/$0/53"`, c.cluster)
			w.until(t, "the cache", "bash", "-c", `exec 3<>"/dev/tcp/$0/53"`, c.cache)
			time.Sleep(time.Second) // it looks for loops as it starts
			for range 5 {
				if out := w.until(t, "the cache", lookUp...); !strings.Contains(out, c.service) {
					t.Fatalf("the name is %s", out)
				}
			}
			if n := strings.Count(asked.String(), "web.default.svc.cluster.local. tcp"); n != 1 {
				t.Errorf("the cluster was asked %d times by TCP, want 1:\n%s", n, asked)
			}
			_ = cache.Process.Kill()
			_ = cache.Wait()
			began := time.Now()
			if out := w.until(t, "without the cache", lookUp...); !strings.Contains(out, c.service) {
				t.Fatalf("without the cache the name is %s", out)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("without the cache it took %s", took)
			}
		})
	}
}
