package compile_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// TestHostFiles builds right topologies and looks at what their hosts get.
func TestHostFiles(t *testing.T) {
	for _, c := range []struct {
		topology, host, path string
		has, lacks           []string
	}{
		{"second-port-dhcp", "c1", "/etc/systemd/network/05-kubespore-eth1.network", []string{
			"[DHCPv4]\nUseDNS=no\nUseDomains=no\nUseHostname=no\nUseNTP=no\nUseGateway=no\nUseRoutes=no\n", "[IPv6AcceptRA]\nUseDNS=no\nUseDomains=no\nUseGateway=no\n"}, nil},
		{"second-port-dhcp", "c1", "/etc/systemd/network/05-kubespore-eth0.network", []string{"Gateway=10.9.0.1"}, []string{"[DHCPv4]"}},
		{"gateway-on-link", "c1", "/etc/systemd/network/05-kubespore-lan.network", []string{"Address=10.64.0.2/32", "[Route]\nGateway=172.31.1.1\nGatewayOnLink=yes\n"}, nil},
		{"gateway-on-link-said", "c1", "/etc/systemd/network/05-kubespore-eth0.network", []string{
			"[Route]\nGateway=172.31.1.1\nGatewayOnLink=yes\n", "Destination=10.3.0.0/16\nGateway=172.31.1.2\nGatewayOnLink=yes\n"}, nil},
		{"gateway-on-link-said", "w1", "/etc/NetworkManager/system-connections/kubespore-eth0.nmconnection", []string{
			"gateway=172.31.1.1", "route2=10.3.0.0/16,172.31.1.2\nroute2_options=onlink=true\n"}, nil},
		{"dhcp-primary", "cp1", "/etc/systemd/network/05-kubespore-eth0.network", []string{"\nDHCP=ipv4\n", "[DHCPv4]\nClientIdentifier=mac\nUseDNS=yes\n"}, []string{"Address=", "UseGateway", "ConfigureWithoutCarrier"}},
		{"dhcp-primary", "cp1", "/etc/kubespore/leases", []string{"192.168.200.21/22\n"}, nil},
		{"dhcp-primary", "gw1", "/etc/systemd/network/05-kubespore-lan.network", []string{"\nGateway=192.168.200.1\n", "ClientIdentifier=mac\nUseGateway=no\n"}, []string{"Address="}},
		{"dhcp-primary", "w1", "/etc/NetworkManager/system-connections/kubespore-eth0.nmconnection", []string{"method=auto\n", "dhcp-client-id=mac\n"}, []string{"address1", "gateway=", "ignore-auto"}},
		{"dhcp-primary", "gw2", "/etc/NetworkManager/system-connections/kubespore-lan.nmconnection", []string{"=0.0.0.0/0,192.168.200.1,40\n"}, []string{"address1", "gateway="}},
		{"bond-options", "cp1", "/etc/systemd/network/05-kubespore-bond0.netdev", []string{
			"Mode=802.3ad\nMIIMonitorSec=50ms\nLACPTransmitRate=slow\nTransmitHashPolicy=layer2+3\nMinLinks=1\nUpDelaySec=200ms\nDownDelaySec=100ms\n"}, nil},
		{"bond-options", "w1", "/etc/NetworkManager/system-connections/kubespore-bond0.nmconnection", []string{
			"mode=802.3ad\nmiimon=50\nlacp_rate=slow\nxmit_hash_policy=layer2+3\nmin_links=1\nupdelay=200\ndowndelay=100\n"}, nil},
		{"bond-options", "w2", "/etc/systemd/network/05-kubespore-bond0.netdev", []string{"Mode=balance-xor\nMIIMonitorSec=100ms\nTransmitHashPolicy=encap3+4\n"}, []string{"LACP"}},
		{"dummy", "c1", "/etc/systemd/network/05-kubespore-anycast.netdev", []string{"Name=anycast\nKind=dummy\n"}, nil},
		{"dummy", "c1", "/etc/systemd/network/05-kubespore-anycast.network", []string{"Name=anycast\n", "Address=192.0.2.53/32\nAddress=2001:db8::53/128\n", "RequiredForOnline=no\n"}, nil},
		{"dummy", "w1", "/etc/NetworkManager/system-connections/kubespore-anycast.nmconnection", []string{"type=dummy\ninterface-name=anycast\n", "address1=192.0.2.54/32\n", "method=manual\n"}, nil},
		{"wireguard", "c1", "/etc/systemd/network/05-kubespore-wg0.netdev", []string{
			"Kind=wireguard\n", "PrivateKeyFile=/etc/systemd/network/kubespore-wireguard.key\nListenPort=51820\n", "\nEndpoint=192.168.200.32:51900\nAllowedIPs=10.99.0.32/32\nAllowedIPs=10.240.2.0/24\n", "=\nAllowedIPs=10.99.0.41/32\n"}, []string{"Keepalive"}},
		{"wireguard", "c1", "/etc/systemd/network/05-kubespore-wg0.network", []string{"Name=wg0\n", "RequiredForOnline=no\nMTUBytes=8920\n", "LinkLocalAddressing=no\n", "Address=10.99.0.11/24\n", "Destination=10.96.0.0/16\nScope=link\n"}, []string{"DNS=", "Gateway="}},
		{"wireguard", "c1", "/etc/systemd/network/05-kubespore-eth0.network", []string{"RequiredForOnline=yes\n", "DNS=192.168.200.1\n", "Gateway=192.168.200.1\n"}, []string{"10.99", "10.96"}},
		{"wireguard", "c1", "/etc/kubespore/firewall.nft", []string{
			"\t\tudp dport 51820 accept", "iifname != \"lo\" iifname != \"wg0\" ip saddr 10.99.0.0/24 counter drop\n", "iifname != \"wg1\" ip6 saddr fd00:98::/64 counter drop\n"}, []string{"saddr 192.168.200.31 udp"}},
		{"wireguard", "w3", "/etc/kubespore/firewall.nft", []string{"ip saddr 203.0.113.7 udp dport 51820 accept", "ip saddr 192.168.200.31 udp dport 51820 accept", "elements = { 10.99.0.0/24 }"}, []string{"\t\tudp dport 51820 accept"}},
		{"wireguard", "w1", "/etc/systemd/network/05-kubespore-wg0.netdev", []string{"ListenPort=51900\n", "\nEndpoint=203.0.113.7:51820\n"}, []string{"Endpoint=192.168.200.21"}},
		{"wireguard", "w1", "/etc/kubernetes/kubelet.conf", []string{"server: https://10.99.0.11:6443\n"}, nil},
		{"wireguard", "w3", "/etc/NetworkManager/system-connections/kubespore-wg0.nmconnection", []string{
			"type=wireguard\ninterface-name=wg0\n", "listen-port=51820\nmtu=1420\n", "\nendpoint=203.0.113.7:51820\nallowed-ips=10.99.0.11/32;10.240.0.0/24;\npersistent-keepalive=25\n", "address1=10.99.0.41/24\n", "route1=10.96.0.0/16,0.0.0.0,4096\nmethod=manual\n"}, []string{"dns=", "gateway="}},
		{"wireguard", "w3", "/etc/NetworkManager/system-connections/kubespore-eth0.nmconnection", []string{"dns=192.168.200.1;\nmethod=auto\n", "dhcp-client-id=mac\n"}, []string{"never-default", "ignore-auto-routes"}},
		{"external-addresses", "w1", "/etc/kubernetes/kubelet.conf", []string{"server: https://10.9.0.11:6443\n"}, []string{"203.0.113.7"}},
		{"external-addresses", "c1", "/etc/kubespore/objects/kubeadm/kubeadm-config.yaml", []string{`, "203.0.113.7", "2001:db8::7"`, `controlPlaneEndpoint: "203.0.113.7:6443"`}, nil},
		{"provider-id", "cp1", "/var/lib/kubelet/config.yaml", []string{"\nproviderID: \"metal3://rack1/cp1\"\n"}, nil},
		{"provider-id", "w1", "/var/lib/kubelet/instance-config.yaml", []string{"\nproviderID: \"metal3://w1\"\n"}, nil},
		{"api-server-flags", "c1", "/etc/kubernetes/manifests/kube-apiserver.yaml", []string{"authorization-mode=RBAC,Node\"", "plugins=NodeRestriction,AlwaysPullImages\""}, []string{"--authorization-mode=Node,RBAC\n", "--enable-admission-plugins=NodeRestriction\n"}},
		{"taint-of-control-plane", "c1", "/var/lib/kubelet/config.yaml", []string{"node-role.kubernetes.io/control-plane"}, []string{"control-plane, effect: NoSchedule}, {"}},
	} {
		text := hostFile(t, filepath.Join("../../testdata/good", c.topology+".yaml"), c.host, c.path)
		for _, want := range c.has {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %s on %s lacks %q:\n%s", c.topology, c.path, c.host, want, text)
			}
		}
		for _, not := range c.lacks {
			if strings.Contains(text, not) {
				t.Errorf("%s: %s on %s has %q:\n%s", c.topology, c.path, c.host, not, text)
			}
		}
		if c.topology == "taint-of-control-plane" && strings.Count(text, "node-role.kubernetes.io/control-plane") != 1 {
			t.Errorf("the taint is not there once:\n%s", text)
		}
	}
}

// hostFile gives what a host of a topology has at a path.
func hostFile(t *testing.T, file, host, path string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	project, list := compile.Load(file, text, profile.Source{Name: "profiles", FS: profiles.FS})
	if list.HasErrors() {
		t.Fatal(list)
	}
	content, found := "", false
	_, list = compile.Render(context.Background(), compile.Input{Project: project, Store: pki.Memory(), Now: now, Each: func(h *plan.Host, d *document.Document) {
		entries, err := d.Entries()
		if err != nil {
			t.Error(err)
		}
		for _, e := range entries {
			if h.Name == host && e.Path == path {
				content, found = string(e.Content), true
			}
		}
	}})
	if list.HasErrors() || !found {
		t.Fatalf("%s: no %s on %s: %v", file, path, host, list)
	}
	return content
}

// TestExternalAddresses: an API server shows a certificate for the addresses that others
// translate to its machine, and for those of the other control planes.
func TestExternalAddresses(t *testing.T) {
	text := hostFile(t, "../../testdata/good/external-addresses.yaml", "c1", "/etc/kubernetes/pki/apiserver.crt")
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("no certificate: %s", text)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"203.0.113.7", "2001:db8::7", "10.9.0.11"} {
		if err := cert.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if err := cert.VerifyHostname("203.0.113.10"); err == nil {
		t.Error("the certificate is for the external address of a worker, too")
	}
}
