package profiles_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestProxy asks net/http, by which containerd, the kubelet and the registry find their
// proxy: what belongs to the cluster is asked directly.
func TestProxy(t *testing.T) {
	const file = "../testdata/good/proxy.yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc := compiled(t, file, text, "w1", time.Unix(1785500000, 0))
	entries, err := doc.Entries()
	if err != nil {
		t.Fatal(err)
	}
	units := 0
	for _, e := range entries {
		if strings.Contains(string(e.Content), "\nEnvironmentFile=/etc/kubespore/proxy.env\n") {
			units++
		}
		if e.Path != "/etc/kubespore/proxy.env" {
			continue
		}
		for line := range strings.Lines(string(e.Content)) {
			if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found {
				t.Setenv(name, value)
			}
		}
	}
	if units != 4 {
		t.Errorf("%d units have the proxy, want the runtime, the kubelet, programs and images", units)
	}
	for url, proxied := range map[string]bool{
		"https://registry-1.docker.io/v2/": true, "http://quay.io": true, "https://172.20.0.1": true, "https://example.com": true,
		"https://10.96.0.1": false, "https://[fd00:20::1]": false, "https://10.240.3.4:8443": false, "https://192.168.203.9:5000": false, "https://[fd00::21]:6443": false,
		"https://api.example.org:6443": false, "https://harbor.example.org": false, "https://cp1:2379": false, "https://web.default.svc": false, "https://web.default.svc.cluster.local": false,
	} {
		request, err := http.NewRequest(http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		by, err := http.ProxyFromEnvironment(request)
		if err != nil || (by != nil) != proxied {
			t.Errorf("%s is asked by way of %v, %v; want a proxy: %v", url, by, err, proxied)
		}
	}
}
