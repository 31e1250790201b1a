package topology

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSettings shows what counts for a host, and where it stands.
func TestSettings(t *testing.T) {
	const file = "../../testdata/good/pools.yaml"
	var got strings.Builder
	text, _ := readAll(t, file)
	top, _ := Parse(file, text, testKnown)
	for _, s := range Settings(file, text, testKnown, top.Hosts[3]) {
		fmt.Fprintf(&got, "%s %s %s%s %d:%d\n", s.Key, s.Value, s.From, s.Pool, s.At.Line, s.At.Column)
	}
	if want := `address 192.168.200.33/24 host 15:5
labels.example.org/disk ssd poolstorage 24:23
labels.zone b host 17:14
name w3 host 13:5
os ubuntu host 16:5
pool storage host 14:5
profiles.flannel {} topology 9:12
profiles.kernel.sysctls.net.core.rmem_max 500000 host 19:95
profiles.kernel.sysctls.net.core.somaxconn 4096 topology 9:69
profiles.kubelet.config.imageMaximumGCAge 240h host 19:49
profiles.kubelet.config.podsPerCore 4 poolstorage 26:48
profiles.kubelet.maxPods 200 host 19:26
roles [worker] poolstorage 22:5
taints example.org/storage=yes:NoSchedule poolstorage 25:14
taints example.org/slow=yes:PreferNoSchedule host 18:14
`; got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
}

// TestSettingsReplaced: a parameter of a host takes the place of the topology's as a whole, but
// for one that is laid over it, which is told key by key. A text that looks like a mapping is none.
func TestSettingsReplaced(t *testing.T) {
	text := []byte(`apiVersion: kubespore/v1alpha1
kind: Topology
cluster: {name: t, endpoint: "10.0.0.1:6443"}
kubernetes: {version: v1.36.3}
network: {pods: [10.240.0.0/16], services: [10.96.0.0/16]}
os: debian
profiles: {kubelet: {config: {a: 1}}, own: {map: {a: 1}, text: "{a}"}}
hosts: [{name: c, roles: [control-plane], address: 10.0.0.1/24, profiles: {kubelet: {config: {b: 2}}, own: {map: {b: 2}, text: "{b}"}}}]
`)
	top, list := Parse("t.yaml", text, testKnown)
	if list.HasErrors() {
		t.Fatal(list)
	}
	var got []string
	for _, s := range Settings("t.yaml", text, testKnown, top.Hosts[0]) {
		if strings.HasPrefix(s.Key, "profiles.") {
			got = append(got, s.Key+" "+s.From)
		}
	}
	if want := "profiles.kubelet.config.a topology, profiles.kubelet.config.b host, profiles.own.map host, profiles.own.text host"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", strings.Join(got, ", "), want)
	}
}

func readAll(t *testing.T, file string) ([]byte, Known) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text, Known{Read: func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(filepath.Dir(file), name)) }}
}

// TestSettingsAreWhatIsRead: of every parameter of a profile that a host or the top says, the
// value that Parse has read is the one that is told, from where it was read.
func TestSettingsAreWhatIsRead(t *testing.T) {
	seen := 0
	for _, pattern := range []string{"../../testdata/good/*.yaml", "../../examples/*.yaml", "../../examples/seeds/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, known := readAll(t, file)
			top, list := Parse(file, text, known)
			if list.HasErrors() {
				continue
			}
			for _, h := range top.Hosts[:min(len(top.Hosts), 20)] {
				told := map[string]Setting{}
				for _, s := range Settings(file, text, known, h) {
					told[s.Key] = s
				}
				for name, selection := range top.Profiles {
					if _, own := h.Profiles[name]; own {
						continue
					}
					for param, value := range selection.Params {
						seen += tells(t, file, h.Name, told, "profiles."+name+"."+param, value, "topology")
					}
				}
				for name, selection := range h.Profiles {
					for param, value := range selection.Params {
						seen += tells(t, file, h.Name, told, "profiles."+name+"."+param, value, "host", "pool")
					}
				}
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d parameters were compared", seen)
	}
}

// tells compares a parameter with what is told of it, and counts it.
func tells(t *testing.T, file, host string, told map[string]Setting, key string, value any, from ...string) int {
	t.Helper()
	s, ok := told[key]
	scalar := !strings.HasPrefix(fmt.Sprint(value), "map[") && !strings.HasPrefix(fmt.Sprint(value), "[")
	if !ok || !strings.Contains(strings.Join(from, " "), s.From) || scalar && s.Value != strings.Join(strings.Fields(fmt.Sprint(value)), " ") {
		t.Errorf("%s: %s: %s is %v from %v, and %q from %s is told", file, host, key, value, from, s.Value, s.From)
	}
	return 1
}
