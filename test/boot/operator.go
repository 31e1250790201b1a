package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// operate runs a script as the operator would at a machine beside the cluster:
// kubectl is there and has the operator's credentials.
func operate(ctx context.Context, r *run, words []string) (string, error) {
	programs := filepath.Join(r.dir, "operator")
	if err := os.MkdirAll(programs, 0o755); err != nil {
		return "", err
	}
	kubectl := filepath.Join(programs, "kubectl")
	if err := errors.Join(os.RemoveAll(kubectl), os.Symlink(r.lab.tools["kubectl@"+minor], kubectl)); err != nil {
		return "", err
	}
	args := r.lab.lan.from("bash", "-euo", "pipefail", "-c", strings.Join(words, " "))
	c := program(ctx, args[0], args[1:]...)
	c.Dir = r.lab.tree
	c.Env = append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"), "KUBECONFIG="+filepath.Join(r.dir, "out/admin.conf"), "KUBECACHEDIR="+filepath.Join(r.dir, "kubectl"))
	out, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, lastLines(string(out), 20))
	}
	return shorten(lastLines(string(out), 1), 60), nil
}

// resolves asks the cluster's DNS from a machine: a name for its addresses, an
// address for its names.
func resolves(ctx context.Context, r *run, words []string) (string, error) {
	if len(words) != 3 {
		return "", errors.New("wants a machine, what to ask and the answer")
	}
	server, err := r.kubectl(ctx, "get", "service", "kube-dns", "--namespace=kube-system", "--output=jsonpath={.spec.clusterIP}")
	if err != nil {
		return "", err
	}
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return lan(r.lab.lan.of(words[0])).dial(ctx, network, net.JoinHostPort(server, "53"))
	}}
	ctx, stop := context.WithTimeout(ctx, 20*time.Second)
	defer stop()
	asked, wanted := words[1], words[2]
	var found []string
	if _, e := netip.ParseAddr(asked); e == nil {
		found, err = resolver.LookupAddr(ctx, asked)
		for i, name := range found {
			found[i] = strings.TrimSuffix(name, ".")
		}
	} else {
		found, err = resolver.LookupHost(ctx, strings.TrimSuffix(asked, ".")+".")
	}
	if err == nil && !slices.Contains(found, wanted) {
		err = fmt.Errorf("%s is %q to %s", asked, found, server)
	}
	return strings.Join(found, " "), err
}
