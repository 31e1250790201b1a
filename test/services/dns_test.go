//go:build oracle

package services

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// TestDNS asks the real CoreDNS, on the Corefile that the cluster gets, for
// machines.
func TestDNS(t *testing.T) {
	w := build(t, "storage.yaml")
	corefile := ""
	for _, text := range strings.Split(w.file(t, "cp1", "/etc/kubespore/objects/coredns/coredns.yaml"), "\n---\n") {
		var m corev1.ConfigMap
		if err := yaml.Unmarshal([]byte(text), &m); err != nil {
			t.Fatal(err)
		}
		if m.Kind == "ConfigMap" {
			corefile = m.Data["Corefile"]
		}
	}
	port, web, company := freePort(t), freePort(t), freePort(t)
	corefile = strings.NewReplacer(".:53 {", fmt.Sprintf(".:%d {", port), "corp.example.org:53 {", fmt.Sprintf("corp.example.org:%d {", port), "forward . 127.0.0.2\n", fmt.Sprintf("forward . 127.0.0.1:%d\n", company),
		// There is no API here; the plugin starts without one after a while.
		"kubernetes cluster.local in-addr.arpa ip6.arpa {", "kubernetes cluster.local in-addr.arpa ip6.arpa {\n endpoint http://127.0.0.1:1",
		"/etc/coredns-pods/hosts", filepath.Join(w.dir, "pods"), "health {", fmt.Sprintf("health 127.0.0.1:%d {", web), "ready\n", fmt.Sprintf("ready 127.0.0.1:%d\n", freePort(t)),
		"prometheus :9153", fmt.Sprintf("prometheus 127.0.0.1:%d", freePort(t))).Replace(corefile)
	for _, want := range []string{"endpoint_pod_names", "192.168.200.9 nfs1"} {
		if !strings.Contains(corefile, want) {
			t.Errorf("no %s in\n%s", want, corefile)
		}
	}
	w.write(t, "Corefile", corefile)
	w.write(t, "pods", "10.244.1.2 web-0.cluster.local\n")
	w.start(t, exec.Command(tools(t, "coredns")[0], "-conf", filepath.Join(w.dir, "Corefile")))
	w.write(t, "company", fmt.Sprintf(".:%d {\n hosts {\n 10.20.0.7 wiki.corp.example.org\n }\n}\n", company))
	w.start(t, exec.Command(tools(t, "coredns")[0], "-conf", filepath.Join(w.dir, "company")))
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, fmt.Sprintf("127.0.0.1:%d", port))
	}}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		if list, err := resolver.LookupHost(ctx, "nfs1."); err == nil {
			if !slices.Equal(list, []string{"192.168.200.9"}) {
				t.Errorf("nfs1 is %v", list)
			}
			break
		}
		if ctx.Err() != nil {
			t.Fatal("CoreDNS does not answer")
		}
		time.Sleep(200 * time.Millisecond)
	}
	for address, name := range map[string]string{"192.168.200.21": "cp1.", "192.168.200.9": "nfs1.", "192.168.200.99": "printer.example.", "10.244.1.2": "web-0.cluster.local."} {
		if list, err := resolver.LookupAddr(ctx, address); err != nil || !slices.Equal(list, []string{name}) {
			t.Errorf("%s is %v (%v), want %s", address, list, err, name)
		}
	}
	// A pod comes and another goes: CoreDNS reads the file again.
	w.write(t, "pods", "10.244.2.7 db.cluster.local\n")
	for {
		list, err := resolver.LookupHost(ctx, "db.cluster.local.")
		if err == nil && slices.Equal(list, []string{"10.244.2.7"}) {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("db.cluster.local is %v (%v)", list, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	for {
		list, err := resolver.LookupHost(ctx, "wiki.corp.example.org.")
		if err == nil && slices.Equal(list, []string{"10.20.0.7"}) {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("the name of a zone with a server of its own is %v (%v)", list, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	if list, err := resolver.LookupHost(ctx, "example.org."); err == nil {
		t.Errorf("without name servers, example.org is %v", list)
	}
}
