package plan_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// web is a profile that uses most of what a profile may say.
var web = map[string]string{
	"web": `
default: true
when: {roles: [control-plane, worker]}
params:
  port: {type: port, default: 80, doc: x}
  weight: {type: integer, default: 1, perHost: true, doc: x}
  url: {type: string, default: 'https://{{ .Cluster.Name }}:{{ .Param.port }}', doc: x}
vars:
  shared: 'p{{ .Param.port }}'
  own: '{{ .Host.Name }}-{{ .Var.shared }}'
  peer: '{{ if .Has "db" }}{{ .VarOf "db" "name" }}{{ else }}none{{ end }}'
  outside: '{{ .VarOf "db" "name" }}'
  sysctls: '{{ range .Sysctls }}{{ .Key }}={{ .Value }};{{ end }}'
  ports: '{{ range .Ports }}{{ .Port }}/{{ .Protocol }} {{ .From }} {{ join .Sources "," }};{{ end }}'
  modules: '{{ join .Modules " " }}'
authorities:
  - {name: web, commonName: web-ca, deposits: [{path: /etc/web/ca.crt, form: certificate}, {path: /etc/web/ca.key, form: key, when: {roles: [control-plane]}}]}
secrets:
  - {name: token, kind: random, size: 16, deposits: [{path: /etc/web/token}]}
  - {name: disk, kind: random, size: 64, perHost: true, when: {lists: [encryptedDisks, vlans]}}
  - {name: pair, kind: keypair, algorithm: RSA-2048, deposits: [{path: /etc/web/sa.pub, form: public}]}
certs:
  - name: server
    authority: web
    commonName: '{{ .Host.Name }}'
    organizations: [b, a]
    usages: [server, client, server]
    sans: ['{{ .Host.Name }} {{ .Host.Name }}', '{{ join .Host.Addresses " " }}', '::1 127.0.0.1', '*.web']
    deposits:
      - {path: '/etc/web/{date}.pem', form: bundle, link: /etc/web/current.pem, group: web, mode: 0640}
  - name: admin
    scope: cluster
    authority: web
    commonName: admin
    usages: [client]
    output: {path: admin.conf, form: kubeconfig, server: '{{ .Cluster.Endpoint.URL }}'}
images:
  web: 'registry.k8s.io/web:{{ .Version.web }}'
  dns: {ref: 'registry.k8s.io/coredns/coredns:v1', when: {roles: [worker]}}
  other: 'docker.example/other:1'
binaries: [{name: web, path: /opt/bin/web, version: '{{ .Version.web }}'}]
ports:
  - {port: '{{ .Param.port }}', from: [control-planes, 192.0.2.0/24], doc: x}
  - {protocol: vrrp, from: nodes, doc: x}
modules: [b, {name: c, when: {roles: [worker]}}]
sysctls: {vm.x: 1}
`,
	"db": `
when: {hosts: servers}
params: {servers: {type: hosts, required: true, doc: x}}
vars: {name: 'db-{{ .Host.Name }}-{{ len .Param.servers }}'}
modules: [a, b]
sysctls: {vm.x: 1, vm.a: {value: '{{ .Cluster.Name }}', when: {roles: [control-plane]}}}
`,
}

func TestResolve(t *testing.T) {
	text := strings.Replace(cluster("10.240.0.0/12", "profiles: {db: {servers: [cp1, nfs]}}", cp1,
		"{name: w1, roles: [worker], address: 10.1.0.21/16, disks: [{device: /dev/disk/by-id/x, mount: /data, luks: true}], profiles: {web: {weight: 7}}}", w2, nfs),
		"version: v1.36.3", "version: v1.36.3, imageRepository: mirror.example/k8s", 1)
	p := build(t, text, web, plan.Allocations{})
	cp, worker, service := host(t, p, "cp1"), host(t, p, "w1"), host(t, p, "nfs")
	if selected(service, "web") != nil || selected(service, "db") == nil || selected(worker, "db") != nil {
		t.Error("profiles are not selected as their conditions say")
	}
	for name, want := range map[string]string{
		"shared": "p80", "own": "cp1-p80", "peer": "db-cp1-2", "outside": "db-cp1-2", "sysctls": "vm.a=t;vm.x=1;", "modules": "a b",
		"ports": "80/tcp 192.0.2.0/24 192.0.2.0/24;80/tcp control-planes 10.1.0.11;/vrrp nodes 10.1.0.0/16;",
	} {
		if got := selected(cp, "web").Vars[name]; got != want {
			t.Errorf("%s on cp1 is %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"peer": "none", "outside": "db-w1-2", "sysctls": "vm.x=1;", "modules": "b c"} {
		if got := selected(worker, "web").Vars[name]; got != want {
			t.Errorf("%s on w1 is %q, want %q", name, got, want)
		}
	}
	if params := selected(worker, "web").Params; params["weight"] != 7 || params["url"] != "https://t:80" {
		t.Errorf("parameters on w1: %v", params)
	}
	if got := fmt.Sprint(cp.Images); got != "[{other docker.example/other:1 web [] <nil>} {web mirror.example/k8s/web:1.0 web [] <nil>}]" {
		t.Errorf("images on cp1: %s", got)
	}
	if got := worker.Images[1].Ref; got != "mirror.example/k8s/coredns:v1" {
		t.Errorf("the image of CoreDNS is %s", got)
	}
	if got := fmt.Sprint(worker.Binaries); got != "[{web /opt/bin/web 1.0 web   amd64 <nil>}]" {
		t.Errorf("binaries on w1: %s", got)
	}
	if got := fmt.Sprint(p.Cluster.Profiles); got != "[db web]" {
		t.Errorf("profiles of the cluster: %s", got)
	}
	checkMaterial(t, p, cp, worker)
}

func checkMaterial(t *testing.T, p *plan.Plan, cp, worker *plan.Host) {
	t.Helper()
	describe := func(list []plan.Deposit) (out []string) {
		for _, d := range list {
			out = append(out, fmt.Sprintf("%s %s %s %s %o %s:%s %s", d.Path, d.Kind, d.ID, d.Form, d.Mode, d.User, d.Group, d.Link))
		}
		return out
	}
	common := []string{
		"/etc/web/ca.crt authority web certificate 644 root:root ",
		"/etc/web/sa.pub secret cluster/pair public 644 root:root ",
		"/etc/web/token secret cluster/token value 600 root:root ",
	}
	wantWorker := append([]string{common[0]}, common[1:]...)
	wantWorker = append(wantWorker, "/etc/web/{date}.pem cert hosts/w1/server bundle 640 root:web /etc/web/current.pem")
	if got := describe(worker.Deposits); !reflect.DeepEqual(got, wantWorker) {
		t.Errorf("deposits on w1: %q", got)
	}
	if got := describe(cp.Deposits); len(got) != 5 || got[1] != "/etc/web/ca.key authority web key 600 root:root " {
		t.Errorf("deposits on cp1: %q", got)
	}
	var ids []string
	for _, c := range p.Certs {
		ids = append(ids, c.ID)
	}
	if got := strings.Join(ids, " "); got != "cluster/admin hosts/cp1/server hosts/w1/server hosts/w2/server" {
		t.Errorf("certificates: %s", got)
	}
	c := p.Certs[1]
	if got := fmt.Sprint(c.CommonName, c.Organizations, c.Usages, c.DNSNames, c.Addresses); got != "cp1[a b] [client server] [*.web cp1] [10.1.0.11 127.0.0.1 ::1]" {
		t.Errorf("the certificate of cp1: %s", got)
	}
	if o := p.Certs[0].Output; o == nil || o.Server != "https://10.1.0.9:6443" || p.Certs[0].Host != "" {
		t.Errorf("the certificate of the cluster: %+v", p.Certs[0])
	}
	ids = nil
	for _, s := range p.Secrets {
		ids = append(ids, s.ID+"="+s.Algorithm)
	}
	if got := strings.Join(ids, " "); got != "cluster/pair=RSA-2048 cluster/token= hosts/w1/disk=" {
		t.Errorf("secrets: %s", got)
	}
}

// Documents are rendered at the same time for many hosts.
func TestDataIsSafeForManyAtOnce(t *testing.T) {
	text := cluster("10.240.0.0/12", "profiles: {db: {servers: [cp1, nfs]}}", cp1, w1, w2, nfs)
	p, evaluator, list := plan.Build(plan.Inputs{Topology: parse(t, text), Catalog: load(t, tree(web))})
	if list.HasErrors() {
		t.Fatal(list)
	}
	var group sync.WaitGroup
	for range 8 {
		for _, h := range p.Hosts {
			for _, s := range h.Selected {
				group.Go(func() {
					d := evaluator.Host(h.Name, s.Name)
					name, err := d.VarOf("db", "name")
					image, wrong := d.Image("web/web")
					if err != nil || wrong != nil || name != "db-"+h.Name+"-2" || image != "registry.k8s.io/web:1.0" || len(d.Modules()) == 0 || d.Manifests() != nil {
						t.Errorf("%s on %s sees %q and %q, %v, %v", s.Name, h.Name, name, image, err, wrong)
					}
				})
			}
		}
	}
	group.Wait()
}

// Hosts that are alike share what is not their own.
func TestSharing(t *testing.T) {
	p := build(t, cluster("10.240.0.0/12", "", cp1, w1, w2), map[string]string{"a": "default: true\nvars: {x: y}\n"}, plan.Allocations{})
	if selected(host(t, p, "w1"), "a") != selected(host(t, p, "w2"), "a") {
		t.Error("two like hosts have two copies of a profile")
	}
}

// The words of conditions are those of topologies.
func TestWordsAgree(t *testing.T) {
	text, err := profile.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var page struct {
		Defs struct {
			Condition struct {
				AnyOf []struct {
					Properties map[string]struct{ AnyOf []struct{ Enum []string } }
				}
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal(text, &page); err != nil {
		t.Fatal(err)
	}
	forms := page.Defs.Condition.AnyOf
	keys := forms[len(forms)-1].Properties
	for name, want := range map[string][]string{
		"format": topology.Formats, "arch": topology.Arches, "roles": append(slices.Clone(topology.Roles), "none"),
	} {
		if len(keys[name].AnyOf) == 0 {
			t.Fatalf("the schema does not say which words %s takes", name)
		}
		have := slices.Sorted(slices.Values(keys[name].AnyOf[0].Enum))
		if !slices.Equal(have, slices.Sorted(slices.Values(want))) {
			t.Errorf("%s: conditions know %v, topologies %v", name, have, want)
		}
	}
}
