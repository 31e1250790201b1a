package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	clientcmd "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubespore/kubespore/pkg/await"
	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/rehearse"
	"github.com/kubespore/kubespore/pkg/topology"
)

// apiPort is where API servers listen on their machines.
const apiPort = 6443

// watchCluster gives the first control plane of a rehearsal a door, and says how far the
// cluster is until its Nodes are ready; then, by which kubeconfig it is reached. The
// channel is closed when it is through or the context ends.
func watchCluster(c *call, ctx context.Context, built *compile.Built, machines []rehearse.Machine, dir string) <-chan struct{} {
	done := make(chan struct{})
	cluster, file, err := throughDoor(built, machines, dir)
	if cluster == nil {
		if err != nil {
			c.answer.remark("the cluster cannot be asked from here: %v", err)
		}
		close(done)
		return done
	}
	var booted []string
	for _, m := range machines {
		booted = append(booted, m.Name)
	}
	names := kubelets(built.Project.Topology, booted)
	go func() {
		defer close(done)
		if _, err := cluster.Until(ctx, names, waitInterval, func(s await.State) { c.answer.remark("%s", stillMissing(s, names)) }); err == nil {
			c.answer.remark("the cluster answers, and %s ready:\n  kubectl --kubeconfig %s get nodes\nctrl-C ends the machines", areReady(len(names)), file)
		}
	}()
	return done
}

func areReady(n int) string {
	if n == 1 {
		return "its Node is"
	}
	return fmt.Sprintf("all %d Nodes are", n)
}

// throughDoor opens a door to the API server of the first control plane and writes
// the kubeconfig for it. There is nothing to ask without a control plane.
func throughDoor(built *compile.Built, machines []rehearse.Machine, dir string) (*await.Cluster, string, error) {
	t := built.Project.Topology
	for i := range machines {
		at := slices.IndexFunc(t.Hosts, func(h topology.Host) bool { return h.Name == machines[i].Name && h.HasRole("control-plane") })
		if at < 0 {
			continue
		}
		known := knownAddresses(t)
		door, err := rehearse.OpenDoor(t.Hosts[at].Addresses[0], apiPort, func(a netip.Addr) bool { return slices.Contains(known, a) })
		if err != nil {
			return nil, "", err
		}
		machines[i].Door = door
		file := filepath.Join(dir, "admin.conf")
		cluster, err := kubeconfigFor(filepath.Join(built.Out, "admin.conf"), file, door.Listen, t.Cluster.Endpoint.Host)
		return cluster, file, err
	}
	return nil, "", nil
}

// kubeconfigFor writes the kubeconfig of a build for an API server that is dialled
// somewhere else and still has the certificate of its endpoint.
func kubeconfigFor(source, file, address, endpoint string) (*await.Cluster, error) {
	text, err := input.ReadFile(source)
	if err != nil {
		return nil, err
	}
	var config clientcmd.Config
	if err := yaml.Unmarshal(text, &config); err != nil {
		return nil, err
	}
	for i := range config.Clusters {
		config.Clusters[i].Cluster.Server, config.Clusters[i].Cluster.TLSServerName = "https://"+address, endpoint
	}
	if text, err = yaml.Marshal(config); err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	return await.Open(text)
}

// knownAddresses gives those that a topology names for something in its networks.
func knownAddresses(t *topology.Topology) []netip.Addr {
	out := slices.Clone(t.Network.Nameservers)
	for _, name := range append(slices.Clone(t.Network.NTP), t.Cluster.Endpoint.Host) {
		if a, err := netip.ParseAddr(name); err == nil {
			out = append(out, a)
		}
	}
	for _, h := range t.Hosts {
		out = append(out, h.Gateways...)
		for _, p := range h.Addresses {
			out = append(out, p.Addr())
		}
		for _, i := range h.Interfaces {
			out = append(out, i.Gateways...)
			for _, p := range i.Addresses {
				out = append(out, p.Addr())
			}
			for _, r := range i.Routes {
				out = append(out, r.Via)
			}
		}
	}
	return out
}
