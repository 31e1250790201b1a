package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/plan"
)

// network is a profile whose parameters are read from a manifest of the user.
var network = map[string]string{"network": `
when: {roles: [control-plane, worker]}
params:
  manifest: {type: file, required: true, doc: x}
  ipam: {type: enum, enum: [own, shared], required: true, from: &config {param: manifest, object: ConfigMap/network, field: [data, ipam]}, doc: x}
  port: {type: port, default: 4789, from: {<<: *config, field: [data, port]}, doc: x}
  fast: {type: boolean, default: true, from: {<<: *config, field: [data, fast]}, doc: x}
  pools: {type: list, items: cidr, from: {<<: *config, field: [data, pools]}, doc: x}
  keys: {type: string, from: {param: manifest, object: Secret/keys, field: [metadata, name]}, doc: x}
vars:
  workloads: '{{ range .Workloads .Param.manifest }}{{ .APIVersion }} {{ .Kind }} {{ .Namespace }}/{{ .Name }} {{ .HostNetwork }} {{ .InitContainers }} {{ .Containers }};{{ end }}'
  read: '{{ .Param.ipam }} {{ .Param.port }} {{ .Param.fast }} {{ join " " .Param.pools }} {{ .Param.keys }};{{ .Var.workloads }}'
ports:
  - {port: '{{ .Param.port }}', protocol: udp, from: nodes, doc: '{{ .Var.read }}'}
refuses:
  - {when: {params: {fast: ['false'], ipam: [own]}}, because: x, hint: x}
bounds:
  - {value: '{{ .Param.port }}', atMost: '9000', at: [profiles.network.port], because: x, hint: x}
manifests: [{file: kustomization.yaml, base: manifest}]
`}

const manifest = `apiVersion: v1
kind: ConfigMap
metadata: {name: network}
data:
  ipam: own
  port: "8472"
  fast: ""
  pools: 10.1.0.0/16 10.2.0.0/16
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: kube-system}
spec: {template: {spec: {hostNetwork: true, initContainers: [{name: i}], containers: [{name: a, image: "example.org/agent:1"}, {name: b, image: "example.org/agent:1"}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: keys, namespace: kube-system}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: "example.org/keys:1"}]}}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: relay}
spec: {template: {spec: {containers: [{name: r, image: "example.org/relay:1"}]}}}
`

// planOf plans a cluster with the profile and a manifest.
func planOf(t *testing.T, given, text string) (*plan.Plan, string) {
	t.Helper()
	profiles := tree(network)
	file := *profiles["network/profile.yaml"]
	file.Data = []byte("kind: Kustomization\n")
	profiles["network/manifests/kustomization.yaml"] = &file
	topology := parse(t, cluster("10.240.0.0/12", "profiles: {network: {"+given+"}}", cp1, w1))
	p, _, list := plan.Build(plan.Inputs{Topology: topology, Catalog: load(t, profiles),
		Files: map[string]plan.UserFile{"m.yaml": {Name: "m.yaml", File: "files/m.yaml", Content: []byte(text)}}})
	return p, describe(list)
}

func TestReadFromFile(t *testing.T) {
	p, list := planOf(t, "manifest: m.yaml", manifest)
	if list != "" {
		t.Fatal(list)
	}
	worker := host(t, p, "w1")
	want := "own 8472 true 10.1.0.0/16 10.2.0.0/16 ;apps/v1 DaemonSet kube-system/agent true [i] [a b];apps/v1 Deployment /relay false [] [r];"
	if got := selected(worker, "network").Vars["read"]; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if len(worker.Ports) != 1 || worker.Ports[0].Port != "8472" {
		t.Errorf("ports %v", worker.Ports)
	}
	if got := fmt.Sprint(worker.Images); strings.Count(got, "example.org/") != 3 {
		t.Errorf("images %s", got)
	}
	var names []string
	for _, m := range p.Manifests {
		names = append(names, m.Name)
	}
	if got := strings.Join(names, " "); got != "kustomization.yaml base/manifest.yaml" {
		t.Errorf("objects %s", got)
	}
}

// TestReadFromFileFaults changes one thing of the manifest or the topology.
func TestReadFromFileFaults(t *testing.T) {
	const given = "manifest: m.yaml"
	for name, c := range map[string]struct{ given, from, to, want string }{
		"no object":    {given, "name: network", "name: other", "files/m.yaml:1: error P071: the file holds no ConfigMap/network"},
		"no field":     {given, "  ipam: own\n", "", "files/m.yaml:1:1: error P071: ConfigMap/network does not say data.ipam"},
		"no choice":    {given, "ipam: own", "ipam: mine", `files/m.yaml:5:9: error P071: data.ipam: "mine" is not one of the choices`},
		"no number":    {given, `"8472"`, "x", `files/m.yaml:6:9: error P071: data.port: "x" is not a whole number`},
		"no text":      {given, `"8472"`, "{a: b}", "files/m.yaml:6:9: error P071: data.port is not a text"},
		"no network":   {given, "10.1.0.0/16", "10.1.0.1/16", "files/m.yaml:8:10: error P071: data.pools: "},
		"refused":      {given, `fast: ""`, "fast: 'false'", "files/m.yaml:7:9: error P017: the profile network is a mistake here: x"},
		"out of bound": {given, `"8472"`, `"9472"`, "files/m.yaml:6:9: error P019: 9472 is more than 9000"},
		"said":         {given + ", port: 8472", "own", "own", "topology.yaml:8:46: error P071 profiles.network.port: port is read from the file that manifest names"},
		"no YAML":      {given, "ipam: own", "ipam: own: b", "files/m.yaml:5: error P052: "},
		"a chart":      {given, "own", "{{ .Values.ipam }}", "files/m.yaml:1:1: error P052: "},
		"twice":        {given, "name: relay", "name: agent, namespace: kube-system}\n---\napiVersion: apps/v1beta1\nkind: DaemonSet\nmetadata: {name: agent, namespace: kube-system", "files/m.yaml:24:1: error P052: the file has DaemonSet agent twice"},
		"no file":      {"manifest: n.yaml", "own", "own", "topology.yaml:8:32: error P050 profiles.network.manifest: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, list := planOf(t, c.given, strings.Replace(manifest, c.from, c.to, 1))
			if !strings.HasPrefix(list, c.want) || strings.Count(list, ": error ") != 1 {
				t.Errorf("got  %s\nwant %s", list, c.want)
			}
		})
	}
}
