package compile_test

import (
	"regexp"
	"strings"
	"testing"
)

// cannotBeWritten are the mistakes of the walkthroughs that no topology can
// make: what stands in a document follows from the topology, and always does.
// The paths are of the seeds; has and lacks are regular expressions over lines.
var cannotBeWritten = []struct {
	seed, host, path string
	has, lacks       []string
}{
	// 000: two cluster domains; etcd for everyone, without TLS; two prefixes of
	// flannel; Docker masquerading; an engine that starts before its bridge.
	{"000", "node1", "/var/lib/kubelet/config.yaml", []string{`^clusterDomain: test\.com$`, `^- 10\.1\.201\.10$`}, nil},
	{"000", "master", "/etc/kubespore/objects/coredns/coredns.yaml", []string{`kubernetes test\.com `, `clusterIP: "?10\.1\.201\.10`}, []string{`fxsoft`}},
	{"000", "master", "/etc/etcd/etcd.conf", []string{`--client-cert-auth=true`}, []string{`0\.0\.0\.0`, `-urls=.*http://(?:[^1]|1[^2])`}},
	{"000", "master", "/etc/kubespore/flannel/config.env", []string{`^KEY=/coreos\.com/network/config$`}, nil},
	{"000", "master", "/etc/kubespore/flannel/network.json", []string{`"SubnetLen": 24, "SubnetMin": "10\.0\.1\.0", "SubnetMax": "10\.0\.200\.0"`}, nil},
	{"000", "node1", "/etc/systemd/system/flanneld.service", []string{`^After=.* kubespore-flannel-config\.service`}, nil},
	{"000", "node1", "/etc/kubespore/flannel/flanneld.env", []string{`--etcd-prefix=/coreos\.com/network `}, []string{`http://`}},
	{"000", "node1", "/etc/docker/daemon.json", []string{`"ip-masq": false`, `"insecure-registries": \[\]`}, nil},
	{"000", "node1", "/etc/systemd/system/docker.service", []string{`^After=.* flanneld\.service`}, nil},
	// 001: passwords and TLS that is not checked; iptables of Docker's own; an
	// MTU without room for the overlay; a log that fills the disk.
	{"001-flannel", "node2", "/etc/kubernetes/kubelet.conf", []string{`certificate-authority`, `client-certificate`}, []string{`password`, `insecure-skip-tls-verify`, `token`}},
	{"001-flannel", "node2", "/etc/cni/net.d/10-kubespore.conflist", []string{`"mtu": 1420`}, nil},
	{"001-flannel", "node2", "/etc/systemd/journald.conf.d/50-kubespore.conf", []string{`^SystemMaxUse=500M$`}, nil},
	{"001-flannel", "node2", "/var/lib/kubelet/config.yaml", []string{`^containerLogMaxSize: 10Mi$`, `^containerLogMaxFiles: 5$`}, nil},
	// 002: nopreempt together with MASTER; a check that asks the virtual address and takes
	// the holder out; the holder's address to multicast; etcd on plain HTTP; the
	// driver of cgroups; two advertised addresses that are the virtual one.
	{"002", "master1", "/etc/kubespore/keepalived/keepalived.conf.in", []string{`state BACKUP`, `--server=https://192\.168\.200\.22:6443`, `weight -100`, `unicast_src_ip 192\.168\.200\.22`, `^  nopreempt$`, `failover weight 1`}, []string{`MASTER`, `mcast_src_ip`}},
	{"002", "master1", "/etc/etcd/etcd.conf", []string{`--listen-client-urls=https://127\.0\.0\.1:2379,https://192\.168\.200\.22:2379`}, nil},
	{"002", "master1", "/var/lib/kubelet/config.yaml", []string{`^cgroupDriver: systemd$`}, nil},
	{"002", "master1", "/etc/containerd/config.toml", []string{`SystemdCgroup = true`}, nil},
	{"002", "master1", "/etc/kubernetes/manifests/kube-apiserver.yaml", []string{`--advertise-address=192\.168\.200\.22$`}, nil},
	{"002", "node3", "/etc/modules-load.d/kubespore.conf", []string{`^br_netfilter$`, `^ip_vs$`}, nil},
	// 003: kubelets that ask another address than cluster DNS has; options in
	// resolv.conf; keys of service accounts that are not a pair; HTTP.
	{"003", "minion1", "/var/lib/kubelet/config.yaml", []string{`^- 10\.254\.0\.10$`, `^clusterDomain: cluster\.local$`, `^resolvConf: /etc/kubespore/resolv\.conf$`}, nil},
	{"003", "master", "/etc/kubespore/objects/coredns/coredns.yaml", []string{`clusterIP: "?10\.254\.0\.10`}, nil},
	{"003", "minion1", "/etc/kubespore/resolv.conf", nil, []string{`^options`}},
	{"003", "master", "/etc/kubernetes/manifests/kube-apiserver.yaml", []string{`--service-account-key-file=/etc/kubernetes/pki/sa\.pub`, `--service-account-signing-key-file=/etc/kubernetes/pki/sa\.key`}, []string{`insecure`}},
	{"003", "master", "/etc/kubernetes/manifests/kube-controller-manager.yaml", []string{`--service-account-private-key-file=/etc/kubernetes/pki/sa\.key`}, []string{`http://`}},
	{"003", "master", "/etc/kubernetes/pki/sa.key", []string{`service-account`}, nil},
	{"003", "nfsserver", "/etc/exports.d/kubespore.exports", []string{`^/mysql 172\.16\.10\.0/24\(rw,`}, []string{`\*`, `no_root_squash`, `insecure`, ` \(`}},
	// 004: ServiceAccount left out of the admission; the API on 8080; names of
	// nodes that are not those of machines.
	{"004", "k8s-master", "/etc/kubernetes/apiserver", []string{`--enable-admission-plugins=NodeRestriction`}, []string{`disable-admission-plugins`, `8080`, `insecure`}},
	{"004", "node1", "/var/lib/kubelet/kubeadm-flags.env", []string{`--hostname-override=node1 `}, nil},
}

// TestCannotBeWritten holds docs/from-the-walkthroughs.md to the documents of
// the seeds.
func TestCannotBeWritten(t *testing.T) {
	trees := map[string]string{}
	for _, c := range cannotBeWritten {
		if trees[c.seed] == "" {
			for _, h := range goldenHosts(t, "seeds/"+c.seed, goldenMinors[0]) {
				trees[c.seed] += "\n" + h.name + ":" + strings.Join(h.blocks, "\n"+h.name+":")
			}
		}
		_, content, found := strings.Cut(trees[c.seed], "\n"+c.host+":"+c.path+" ")
		if !found {
			t.Errorf("%s: %s has no %s", c.seed, c.host, c.path)
			continue
		}
		head, rest, _ := strings.Cut(content, "\n")
		content = ""
		for _, line := range strings.Split(rest, "\n") {
			if !strings.HasPrefix(line, "    ") && line != "" {
				break
			}
			content += strings.TrimPrefix(line, "    ") + "\n"
		}
		if content == "" {
			t.Errorf("%s: %s on %s is empty: %s", c.seed, c.path, c.host, head)
		}
		for _, want := range c.has {
			if !regexp.MustCompile(`(?m)` + want).MatchString(content) {
				t.Errorf("%s: %s on %s does not have %s:\n%s", c.seed, c.path, c.host, want, content)
			}
		}
		for _, mistake := range c.lacks {
			if regexp.MustCompile(`(?m)` + mistake).MatchString(content) {
				t.Errorf("%s: %s on %s has %s:\n%s", c.seed, c.path, c.host, mistake, content)
			}
		}
	}
}
