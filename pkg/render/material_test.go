package render

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/plan"
)

// objectsArchive is a profile that applies objects, and one that has some.
const objectsArchive = `
-- objects/profile.yaml --
name: objects
summary: applies objects
-- rbac/profile.yaml --
name: rbac
summary: some objects
authorities: [{name: kubernetes, commonName: kubernetes, doc: the CA}]
-- rbac/manifests/roles.yaml --
cluster: {{ .Cluster.Name }}
generation: {{ .Generation }}
ca: {{ .Authority "kubernetes" }}
`

func objectsPlan(t *testing.T) planned {
	return planOf(t, objectsArchive, nil, "cp1")
}

func TestDeposits(t *testing.T) {
	p := planOf(t, one("{}\n"), nil, "cp1")
	p.Certs = []plan.CertSpec{{ID: "hosts/cp1/kubelet-client", Name: "kubelet-client", Authority: "kubernetes", CommonName: "system:node:cp1"}}
	at := diag.Position{File: "profiles/kubelet/profile.yaml", Line: 9, Column: 5}
	deposit := func(kind, id, form, path string) plan.Deposit {
		return plan.Deposit{Kind: kind, ID: id, Form: form, Path: path, Profile: "kubelet", Position: at, Server: "https://192.0.2.1:6443"}
	}
	bundle := deposit("cert", "hosts/cp1/kubelet-client", "bundle", "/var/lib/kubelet/pki/kubelet-client-{date}.pem")
	bundle.Link = "/var/lib/kubelet/pki/kubelet-client-current.pem"
	owned := deposit("secret", "cluster/token", "value", "/etc/token")
	owned.Mode, owned.Group = 0o640, "keepalived"
	p.Hosts[0].Deposits = []plan.Deposit{
		deposit("authority", "kubernetes", "certificate", "/etc/kubernetes/pki/ca.crt"),
		deposit("authority", "kubernetes", "key", "/etc/kubernetes/pki/ca.key"),
		bundle,
		deposit("cert", "hosts/cp1/kubelet-client", "kubeconfig-file", "/etc/kubernetes/kubelet.conf"),
		deposit("cert", "hosts/cp1/kubelet-client", "kubeconfig", "/etc/kubernetes/whole.conf"),
		owned,
	}
	want := strings.TrimPrefix(`
file /etc/kubernetes/kubelet.conf 0600 root:root <- kubelet profiles/kubelet/profile.yaml:9:5
    apiVersion: v1
    clusters:
    - cluster:
        certificate-authority-data: PDxrdWJlcm5ldGVzLmNydD4+Cg==
        server: https://192.0.2.1:6443
      name: prod
    contexts:
    - context:
        cluster: prod
        user: system:node:cp1
      name: system:node:cp1@prod
    current-context: system:node:cp1@prod
    kind: Config
    preferences: {}
    users:
    - name: system:node:cp1
      user:
        client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem
        client-key: /var/lib/kubelet/pki/kubelet-client-current.pem
file /etc/kubernetes/pki/ca.crt 0644 root:root <- kubelet profiles/kubelet/profile.yaml:9:5
    <<kubernetes.crt>>
file /etc/kubernetes/pki/ca.key 0600 root:root <- kubelet profiles/kubelet/profile.yaml:9:5 secret
    <<kubernetes.key>>
file /etc/kubernetes/whole.conf 0600 root:root <- kubelet profiles/kubelet/profile.yaml:9:5 secret
    apiVersion: v1
    clusters:
    - cluster:
        certificate-authority-data: PDxrdWJlcm5ldGVzLmNydD4+Cg==
        server: https://192.0.2.1:6443
      name: prod
    contexts:
    - context:
        cluster: prod
        user: system:node:cp1
      name: system:node:cp1@prod
    current-context: system:node:cp1@prod
    kind: Config
    preferences: {}
    users:
    - name: system:node:cp1
      user:
        client-certificate-data: PDxrdWJlbGV0LWNsaWVudC5jcnQgY3AxPj4K
        client-key-data: PDxrdWJlbGV0LWNsaWVudC5rZXkgY3AxPj4K
file /etc/token 0640 root:keepalived <- kubelet profiles/kubelet/profile.yaml:9:5 secret
    <<token>>
file /var/lib/kubelet/pki/kubelet-client-2026-11-20-08-30-00.pem 0600 root:root <- kubelet profiles/kubelet/profile.yaml:9:5 secret
    <<kubelet-client.crt cp1>>
    <<kubelet-client.key cp1>>
link /var/lib/kubelet/pki/kubelet-client-current.pem 0000 root:root <- kubelet profiles/kubelet/profile.yaml:9:5 -> /var/lib/kubelet/pki/kubelet-client-2026-11-20-08-30-00.pem
`, "\n")
	if diff := cmp.Diff(want, listing(t, host(t, p))); diff != "" {
		t.Error(diff)
	}
}

func TestDepositErrors(t *testing.T) {
	at := diag.Position{File: "profiles/x/profile.yaml", Line: 3, Column: 7}
	for name, c := range map[string]struct {
		deposit plan.Deposit
		want    string
	}{
		"no material": {plan.Deposit{Kind: "secret", ID: "cluster/none", Form: "value", Path: "/a"},
			"profiles/x/profile.yaml:3:7: error: /a cannot be written: the store has no key material for it [R010]\n"},
		"key kept elsewhere": {plan.Deposit{Kind: "secret", ID: "cluster/token", Form: "public", Path: "/a"},
			"profiles/x/profile.yaml:3:7: error: /a cannot be written: secret cluster/token has no public [R010]\n"},
		"nothing to name": {plan.Deposit{Kind: "cert", ID: "hosts/cp1/kubelet-client", Form: "kubeconfig-file", Path: "/a"},
			"profiles/x/profile.yaml:3:7: error: /a cannot be written: no other deposit of kubelet-client puts its certificate and key on the host [R010]\n"},
		"everybody reads": {plan.Deposit{Kind: "secret", ID: "cluster/token", Form: "value", Path: "/a", Mode: 0o644},
			"profiles/x/profile.yaml:3:7: error: /a holds a key and has mode 0644 [R006]\n  hint: write mode: 0600, or 0640 with a group of its own\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := planOf(t, one("{}\n"), nil, "cp1")
			p.Certs = []plan.CertSpec{{ID: "hosts/cp1/kubelet-client", Name: "kubelet-client", Authority: "kubernetes"}}
			c.deposit.Position = at
			p.Hosts[0].Deposits = []plan.Deposit{c.deposit}
			r, _ := New(p.Plan, p.evaluator, noOverlays)
			d, problems := r.Host(p.Hosts[0], fakeKeys())
			if diff := cmp.Diff(c.want, printed(problems)); diff != "" || d != nil {
				t.Error(d, diff)
			}
		})
	}
}

func TestObjects(t *testing.T) {
	p := objectsPlan(t)
	want := strings.TrimPrefix(`
file /etc/kubespore/objects/rbac/roles.yaml 0600 root:root <- rbac profiles/rbac/manifests/roles.yaml:1 profiles/rbac/manifests/roles.yaml
    cluster: prod
    generation: 7
    ca: PDxrdWJlcm5ldGVzLmNydD4+Cg==
`, "\n")
	if diff := cmp.Diff(want, listing(t, host(t, p))); diff != "" {
		t.Error(diff)
	}
}

// The generation follows from the digest, so it must not be part of it;
// everything else must.
func TestObjectsDigest(t *testing.T) {
	digest := func(p planned, generation int) string {
		r, problems := New(p.Plan, p.evaluator, noOverlays)
		if len(problems) > 0 {
			t.Fatal(printed(problems))
		}
		r.SetGeneration(generation)
		return r.ObjectsDigest()
	}
	p, other := objectsPlan(t), objectsPlan(t)
	other.Cluster.Name = "test"
	if digest(p, 1) != digest(p, 2) {
		t.Error("the digest depends on the generation")
	}
	if digest(p, 1) == digest(other, 1) {
		t.Error("the digest does not depend on the objects")
	}
}

// The key of an encrypted disk is a resource of its own in Ignition, not the
// content of a file.
func TestDiskKey(t *testing.T) {
	p := planOf(t, one("storage:\n  luks:\n    - {name: data, device: /dev/vdb, key_file: {inline: '{{ .Secret \"token\" }}'}}\n"), map[string]string{"unused": ""}, "cp1")
	doc := host(t, p)
	key, err := document.Content(doc.Config.Storage.Luks[0].KeyFile)
	if err != nil || string(key) != string(fakeKeys().Secrets["cluster/token"].Value) {
		t.Errorf("the key is %q (%v)", key, err)
	}
	if !doc.Secret["luks:data"] {
		t.Error("the key of the disk is not said to be secret")
	}
}
