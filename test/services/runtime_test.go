//go:build oracle

package services

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runtimeTopology is a cluster whose profiles and overlays a test fills in.
const runtimeTopology = `apiVersion: kubespore/v1alpha1
kind: Topology
cluster: {name: t, endpoint: "10.9.0.11:6443"}
kubernetes: {version: v1.36.3}
network: {pods: [10.240.0.0/16], services: [10.96.0.0/16], nameservers: [10.9.0.1]}
os: flatcar
access: {users: [{name: core, sshAuthorizedKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICnRVHZevH/i0iE0Xbth8WDFpjSgxI3ze+k2jiXkLuPk you@example.org]}]}
%s
hosts:
  - {name: c1, roles: [control-plane], address: 10.9.0.11/24, gateway: 10.9.0.1}
`

// buildText builds a topology that stands in a folder with the files that it names.
func buildText(t *testing.T, text string, beside map[string]string) *world {
	t.Helper()
	dir := t.TempDir()
	for name, content := range beside {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "t.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return buildFile(t, file)
}

// dump lets containerd itself read what a host has below /etc/containerd, and
// gives what it made of it.
func (w *world) dump(t *testing.T, program, host string) string {
	t.Helper()
	_ = os.RemoveAll(filepath.Join(w.dir, "etc/containerd"))
	w.put(t, host, "/etc/containerd/")
	out, err := exec.Command(program, "--config", filepath.Join(w.dir, "etc/containerd/config.toml"), "config", "dump").CombinedOutput()
	if err != nil {
		t.Errorf("%s: containerd refuses its configuration: %v\n%s", host, err, out)
	}
	return string(out)
}

// asked is what containerd's own code makes of certs.d: see test/tools/containerd/hosts.
type asked struct {
	Registry, Folder string
	URLs             []string
	Push             bool
}

func (w *world) asks(t *testing.T, program string, registries ...string) map[string]asked {
	t.Helper()
	out, err := exec.Command(program, append([]string{filepath.Join(w.dir, "etc/containerd/certs.d")}, registries...)...).Output()
	if err != nil {
		t.Fatalf("containerd cannot resolve %v: %v", registries, err)
	}
	found := map[string]asked{}
	for line := range strings.Lines(string(out)) {
		var one asked
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		found[one.Registry] = one
	}
	return found
}

// TestContainerdConfigurations gives the containerd configuration of every host
// of every example to containerd itself.
func TestContainerdConfigurations(t *testing.T) {
	program := tools(t, "containerd")[0]
	files, err := filepath.Glob("../../examples/*.yaml")
	seeds, err2 := filepath.Glob("../../examples/seeds/*.yaml")
	if err != nil || err2 != nil || len(files)+len(seeds) < 15 {
		t.Fatal(err, err2, files, seeds)
	}
	judged := 0
	for _, file := range append(files, seeds...) {
		if strings.HasSuffix(file, "fleet.yaml") {
			continue // hundreds of hosts with one configuration
		}
		w := buildFile(t, file)
		for host, files := range w.files {
			if _, ok := files["/etc/containerd/config.toml"]; ok {
				w.dump(t, program, host)
				judged++
			}
		}
	}
	t.Logf("%d configurations of examples judged by containerd", judged)
	if judged < 20 {
		t.Errorf("only %d configurations", judged)
	}
}

// TestContainerdRuntimes: containerd itself takes further runtimes, the default one
// and the snapshotter as the topology says them.
func TestContainerdRuntimes(t *testing.T) {
	program := tools(t, "containerd")[0]
	w := buildText(t, fmt.Sprintf(runtimeTopology, `profiles:
  flannel: {}
  containerd:
    snapshotter: native
    runtimes: [{name: nvidia, program: /usr/bin/nvidia-container-runtime, default: true}, {name: kata, type: io.containerd.kata.v2}]
`), nil)
	got := w.dump(t, program, "c1")
	for _, want := range []string{"default_runtime_name = 'nvidia'", "snapshotter = 'native'", "BinaryName = '/usr/bin/nvidia-container-runtime'", "runtime_type = 'io.containerd.kata.v2'", "BinaryName = '/opt/bin/runc'"} {
		if !strings.Contains(got, want) {
			t.Errorf("containerd does not have %s\n%s", want, got)
		}
	}
}

// TestContainerdProxySnapshotter: containerd takes a snapshotter that is a program of
// its own, and unpacks for it what it pulls.
func TestContainerdProxySnapshotter(t *testing.T) {
	w := buildFile(t, "../../testdata/good/runtime-classes.yaml")
	got := strings.Join(strings.Fields(w.dump(t, tools(t, "containerd")[0], "w1")), " ")
	for _, want := range []string{
		"[proxy_plugins.stargz] type = 'snapshot' address = '/run/containerd-stargz-grpc/containerd-stargz-grpc.sock'",
		"enable_remote_snapshot_annotations = 'true'",
		"[plugins.'io.containerd.cri.v1.images'] snapshotter = 'stargz'",
		"unpack_config]] platform = 'linux/amd64' snapshotter = 'stargz'",
		"unpack_config]] platform = 'linux/amd64' snapshotter = 'overlayfs'",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("containerd does not have %s\n%s", want, got)
		}
	}
}

// TestContainerdDropins shows that what an overlay writes below conf.d counts,
// and that an image which user and profile both name stands there once.
func TestContainerdDropins(t *testing.T) {
	beside := map[string]string{
		"nvidia.bu": `variant: flatcar
version: 1.1.0
storage:
  files:
    - path: /etc/containerd/conf.d/50-nvidia.toml
      mode: 0644
      contents:
        inline: |
          version = 3
          [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.nvidia]
            runtime_type = "io.containerd.runc.v2"
          [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.nvidia.options]
            BinaryName = "/usr/bin/nvidia-container-runtime"
            SystemdCgroup = true
`,
		"app.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: default}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      containers:
        - {name: a, image: "registry.k8s.io/pause:3.10.2"}
        - {name: b, image: "registry.k8s.io/coredns/coredns:v1.14.2"}
        - {name: c, image: "registry.k8s.io/kube-apiserver:v1.36.3"}
`,
	}
	w := buildText(t, fmt.Sprintf(runtimeTopology, "overlays: [nvidia.bu]\nprofiles: {flannel: {}, manifests: {files: [app.yaml]}}"), beside)
	text := w.file(t, "c1", "/etc/containerd/config.toml")
	if strings.Count(text, `"registry.k8s.io/kube-apiserver:v1.36.3" =`) != 1 {
		t.Errorf("an image that two profiles name is not there once:\n%s", text)
	}
	out := w.dump(t, tools(t, "containerd")[0], "c1")
	for _, want := range []string{"nvidia-container-runtime", "runtimes.runc]", "registry.k8s.io/kube-apiserver:v1.36.3"} {
		if !strings.Contains(out, want) {
			t.Errorf("containerd's configuration has no %s:\n%s", want, out)
		}
	}
}

// TestContainerdHosts shows where containerd looks for images: as the mirrors of
// the topology say.
func TestContainerdHosts(t *testing.T) {
	programs := tools(t, "containerd", "containerd-hosts")
	// Where an endpoint's API begins, which is what is asked below.
	roots := map[string]string{
		"https://reg.example.org":                     "https://reg.example.org/v2",
		"http://192.168.200.9:5000":                   "http://192.168.200.9:5000/v2",
		"http://[fd00::9]:5000":                       "http://[fd00::9]:5000/v2",
		"https://reg.example.org/v2":                  "https://reg.example.org/v2",
		"https://harbor.example.org/v2/hub-proxy":     "https://harbor.example.org/v2/hub-proxy",
		"https://nexus.example.org/repository/docker": "https://nexus.example.org/repository/docker/v2",
		"https://art.example.org/api/docker/hub/v2":   "https://art.example.org/api/docker/hub/v2",
		"https://x.example.org/a/v2/b/c":              "https://x.example.org/a/v2/b/c",
	}
	upstream := map[string]string{"docker.io": "https://registry-1.docker.io/v2", "ghcr.io": "https://ghcr.io/v2", "reg1:5000": "https://reg1:5000/v2",
		"quay.io": "https://quay.io/v2", "[fd00::5]:5000": "https://[fd00::5]:5000/v2"}
	random := rand.New(rand.NewPCG(1, 2))
	var endpoints, registries []string
	for endpoint := range roots {
		endpoints = append(endpoints, endpoint)
	}
	for registry := range upstream {
		registries = append(registries, registry)
	}
	judged := 0
	for range 25 {
		var mirrors []string
		want := map[string][]string{}
		for _, registry := range registries {
			count, fallback := random.IntN(4), random.IntN(2) == 0
			if count == 0 {
				want[registry] = []string{upstream[registry]}
				continue
			}
			var list []string
			for range count {
				list = append(list, endpoints[random.IntN(len(endpoints))])
			}
			seen := map[string]bool{}
			for _, endpoint := range list {
				if !seen[endpoint] {
					seen[endpoint] = true
					want[registry] = append(want[registry], roots[endpoint])
				}
			}
			last := want[registry][0]
			if fallback {
				last = upstream[registry]
			}
			want[registry] = append(want[registry], last)
			text, _ := json.Marshal(list)
			mirrors = append(mirrors, fmt.Sprintf(`{registry: %q, endpoints: %s, fallback: %v}`, registry, text, fallback))
		}
		w := buildText(t, fmt.Sprintf(runtimeTopology, "profiles: {flannel: {}, containerd: {mirrors: ["+strings.Join(mirrors, ", ")+"]}}"), nil)
		w.dump(t, programs[0], "c1")
		for registry, got := range w.asks(t, programs[1], registries...) {
			judged++
			if strings.Join(got.URLs, " ") != strings.Join(want[registry], " ") || len(mirrors) > 0 && got.Push && len(want[registry]) < 2 && got.Folder != "" {
				t.Errorf("%s: containerd asks %v, want %v\n%s", registry, got.URLs, want[registry], mirrors)
			}
		}
	}
	t.Logf("%d registries resolved by containerd's own code", judged)
}

// TestDefaultMirror shows that _default stands for every registry.
func TestDefaultMirror(t *testing.T) {
	programs := tools(t, "containerd", "containerd-hosts")
	w := buildText(t, fmt.Sprintf(runtimeTopology, `profiles: {flannel: {}, containerd: {mirrors: [{registry: _default, endpoints: ["https://reg.example.org"], fallback: true}]}}`), nil)
	w.dump(t, programs[0], "c1")
	for registry, last := range map[string]string{"quay.io": "https://quay.io/v2", "docker.io": "https://registry-1.docker.io/v2"} {
		if got := w.asks(t, programs[1], registry)[registry].URLs; strings.Join(got, " ") != "https://reg.example.org/v2 "+last {
			t.Errorf("%s: containerd asks %v", registry, got)
		}
	}
}
