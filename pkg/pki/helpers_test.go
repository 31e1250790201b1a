package pki

import (
	"crypto/x509"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable/durabletest"
	"github.com/kubespore/kubespore/pkg/plan"
)

const year = 365 * 24 * time.Hour

// noon is the clock of the tests.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func authoritySpec(name, commonName string) plan.AuthoritySpec {
	return plan.AuthoritySpec{Name: name, CommonName: commonName, Algorithm: "ECDSA-P256", Life: 10 * year}
}

func etcdServer(host, address string) plan.CertSpec {
	return plan.CertSpec{ID: "hosts/" + host + "/etcd-server", Host: host, Name: "etcd-server", Authority: "etcd", CommonName: host,
		DNSNames: []string{host, "localhost"}, Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr(address), netip.MustParseAddr("::1")},
		Usages: []string{"client", "server"}, Algorithm: "ECDSA-P256", Life: year}
}

func kubeletClient(host string) plan.CertSpec {
	return plan.CertSpec{ID: "hosts/" + host + "/kubelet-client", Host: host, Name: "kubelet-client", Authority: "kubernetes",
		CommonName: "system:node:" + host, Organizations: []string{"system:nodes"}, Usages: []string{"client"}, Algorithm: "ECDSA-P256", Life: year}
}

func adminClient() plan.CertSpec {
	return plan.CertSpec{ID: "cluster/admin", Name: "admin", Authority: "kubernetes", CommonName: "kubernetes-admin",
		Organizations: []string{"kubeadm:cluster-admins"}, Usages: []string{"client"}, Algorithm: "ECDSA-P256", Life: year}
}

// smallPlan is a cluster of one control plane and one worker.
func smallPlan() *plan.Plan {
	return &plan.Plan{
		Authorities: []plan.AuthoritySpec{authoritySpec("etcd", "etcd-ca"), authoritySpec("kubernetes", "kubernetes")},
		Certs:       []plan.CertSpec{adminClient(), etcdServer("cp1", "192.168.200.21"), kubeletClient("cp1"), kubeletClient("w1")},
		Secrets: []plan.SecretSpec{
			{ID: "cluster/encryption-key", Name: "encryption-key", Kind: "random", Size: 32},
			{ID: "cluster/service-account", Name: "service-account", Kind: "keypair", Algorithm: "ECDSA-P256"},
			{ID: "cluster/vrrp", Name: "vrrp", Kind: "password", Size: 8},
		},
		Hosts: []*plan.Host{
			{HostFacts: &plan.HostFacts{Name: "cp1"}},
			{HostFacts: &plan.HostFacts{Name: "w1"}, Deposits: []plan.Deposit{
				{Kind: "authority", ID: "kubernetes"}, {Kind: "cert", ID: "hosts/w1/kubelet-client"}}},
		},
	}
}

func mustIssue(t testing.TB, s *Store, p *plan.Plan, now time.Time) *plan.Keys {
	t.Helper()
	keys, list := s.Issue(p, now, nil)
	if list.HasErrors() {
		t.Fatalf("issue: %v", list)
	}
	return keys
}

// built gives a store folder in which a first build has been committed.
func built(t testing.TB, p *plan.Plan) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "prod.pki")
	s := mustOpen(t, dir)
	mustIssue(t, s, p, noon)
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func mustOpen(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{Cluster: "prod", FS: &durabletest.FS{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func certificateOf(t testing.TB, p plan.Pair) *x509.Certificate {
	t.Helper()
	c, err := parseCertificate(p.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func codes(list diag.List) []string {
	var out []string
	for _, d := range list {
		out = append(out, d.Code)
	}
	return out
}

func codeOf(err error) string {
	var list diag.List
	list.AddError("none", err)
	if len(list) == 0 {
		return ""
	}
	return list[0].Code
}
