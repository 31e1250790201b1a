package adopt

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// heading is what stands above the topology: all that could not be known.
func (a *adoption) heading() string {
	var b strings.Builder
	b.WriteString("# Adopted from a cluster that kubeadm made: docs/adopt.md says what to do next.\n")
	if len(a.notes) > 0 {
		b.WriteString("# Each line with a question mark is something that could not be known, or has no place\n# here. Look at it, then remove the line.\n")
	}
	for _, note := range a.notes {
		fmt.Fprintf(&b, "# ? %s\n", strings.NewReplacer("\n", " ", "\r", " ").Replace(note))
	}
	return b.String()
}

// text writes the topology.
func (a *adoption) text() []byte {
	var b strings.Builder
	version := str(a.take("kubernetesVersion"))
	fmt.Fprintf(&b, "apiVersion: kubespore/v1alpha1\nkind: Topology\ncluster:\n  name: %s\n", flow(a.out.Name))
	if a.domain != "cluster.local" {
		fmt.Fprintf(&b, "  domain: %s\n", flow(a.domain))
	}
	fmt.Fprintf(&b, "  endpoint: %s\n  formed: true # a new member of etcd joins the others, and never begins a cluster\n", flow(a.api))
	fmt.Fprintf(&b, "kubernetes:\n  version: %s\n", flow("v"+strings.TrimPrefix(version, "v")))
	if repository := str(a.take("imageRepository")); repository != "" && repository != "registry.k8s.io" {
		fmt.Fprintf(&b, "  imageRepository: %s\n", flow(repository))
	}
	writeNetwork(&b, a)
	writePKI(&b, a)
	writeOwn(&b, a)
	writeProfiles(&b, a)
	writeHosts(&b, a)
	if dir := str(a.take("certificatesDir")); dir != "" && dir != "/etc/kubernetes/pki" {
		a.unknown("ClusterConfiguration.certificatesDir", "machines of kubespore have their certificates in /etc/kubernetes/pki")
	}
	return []byte(b.String())
}

func writeNetwork(b *strings.Builder, a *adoption) {
	pods := cmp.Or(str(a.take("networking", "podSubnet")), "")
	services := cmp.Or(str(a.take("networking", "serviceSubnet")), "10.96.0.0/12")
	if pods == "" {
		a.unknown("network.pods", "kubeadm was not told the pod network: write the one of the network plugin")
	}
	fmt.Fprintf(b, "network:\n  pods: %s\n  services: %s\n", flow(cidrs(pods)), flow(cidrs(services)))
	if len(a.bits) > 0 {
		fmt.Fprintf(b, "  nodePodBits: %s\n", flow(a.bits))
	}
	a.unknown("network.nameservers", "no object names the name servers of the machines: write them, since the CoreDNS of kubeadm ends on a machine that has none")
}

func cidrs(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

func writePKI(b *strings.Builder, a *adoption) {
	leaf, ca := str(a.take("certificateValidityPeriod")), str(a.take("caCertificateValidityPeriod"))
	validity := map[string]any{}
	for key, text := range map[string]string{"leaf": leaf, "ca": ca} {
		if hours, found := strings.CutSuffix(text, "h0m0s"); found && text != "8760h0m0s" && text != "87600h0m0s" {
			validity[key] = hours + "h"
		}
	}
	algorithm := str(a.take("encryptionAlgorithm"))
	if algorithm == "" && len(validity) == 0 {
		return
	}
	b.WriteString("pki:\n")
	if algorithm != "" {
		fmt.Fprintf(b, "  keyAlgorithm: %s\n", flow(algorithm))
	}
	if len(validity) > 0 {
		fmt.Fprintf(b, "  validity: %s\n", flow(validity))
	}
}

// writeOwn says which parts of the cluster are there already.
func writeOwn(b *strings.Builder, a *adoption) {
	own := []string{"cluster-dns", "cni", "service-proxy"}
	name := a.api[:max(0, strings.LastIndex(a.api, ":"))]
	address, err := netip.ParseAddr(strings.Trim(name, "[]"))
	if err != nil || !slices.ContainsFunc(a.hosts, func(h host) bool { return slices.Contains(h.addresses, address) }) {
		own = append(own, "virtual-address")
	}
	fmt.Fprintf(b, "own: [%s] # they run in the cluster, or stand before it\n", strings.Join(own, ", "))
}

func writeProfiles(b *strings.Builder, a *adoption) {
	b.WriteString("profiles:\n  coredns: false # kubeadm's runs\n  kube-proxy: false # kubeadm's DaemonSet comes to new nodes by itself\n")
	for _, name := range sortedKeys(a.profiles) {
		if a.profiles[name] == nil {
			fmt.Fprintf(b, "  %s: false # it dials 127.0.0.1, for which API servers of kubeadm have no certificate\n", name)
			continue
		}
		fmt.Fprintf(b, "  %s:\n", name)
		for _, param := range sortedKeys(a.profiles[name]) {
			fmt.Fprintf(b, "    %s: %s\n", param, flow(a.profiles[name][param]))
		}
	}
}

func writeHosts(b *strings.Builder, a *adoption) {
	var widths []string
	for _, h := range a.hosts {
		for _, address := range h.addresses {
			widths = append(widths, width(address))
		}
	}
	slices.Sort(widths)
	a.unknown("hosts", "no object has the prefix length of the machines' network: the addresses say %s", strings.Join(slices.Compact(widths), " and "))
	a.unknown("hosts", "no object has the gateways of the machines: write gateway where there is one")
	a.unknown("access", "no object says who may log in: write access with your public SSH key for the new machines")
	b.WriteString("# The machines that run go on as they are: their documents are for the day on which you\n# replace them. Add new machines below.\nhosts:\n")
	for _, h := range a.hosts {
		var addresses []string
		for _, address := range h.addresses {
			addresses = append(addresses, address.String()+width(address))
		}
		fmt.Fprintf(b, "  - {name: %s, roles: [%s], os: %s, address: %s", flow(h.name), strings.Join(h.roles, ", "), h.os, flow(addresses))
		if h.arch != "" && h.arch != "amd64" {
			fmt.Fprintf(b, ", arch: %s", flow(h.arch))
		}
		if len(h.labels) > 0 {
			fmt.Fprintf(b, ", labels: %s", flow(h.labels))
		}
		if len(h.taints) > 0 {
			fmt.Fprintf(b, ", taints: %s", flow(h.taints))
		}
		b.WriteString("}\n")
	}
}
