package cluster

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

	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/network"
	"github.com/kubespore/kubespore/test/boot/process"
	"github.com/kubespore/kubespore/test/boot/screen"
)

// RunOutside runs a script as the operator would at a machine outside the cluster:
// kubectl is there and has the operator's credentials.
func RunOutside(ctx context.Context, r *lab.Run, words []string) (string, error) {
	programs := filepath.Join(r.Dir, "operator")
	if err := os.MkdirAll(programs, 0o755); err != nil {
		return "", err
	}
	kubectl := filepath.Join(programs, "kubectl")
	if err := errors.Join(os.RemoveAll(kubectl), os.Symlink(r.Lab.Tools["kubectl@"+lab.Minor], kubectl)); err != nil {
		return "", err
	}
	args := r.Lab.Lan.From("bash", "-euo", "pipefail", "-c", strings.Join(words, " "))
	c := process.Command(ctx, args[0], args[1:]...)
	c.Dir = r.Lab.Tree
	c.Env = append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"), "KUBECONFIG="+r.Operator(), "KUBECACHEDIR="+filepath.Join(r.Dir, "kubectl"))
	out, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, process.LastLines(string(out), 20))
	}
	return screen.Shorten(process.LastLines(string(out), 1), 60), nil
}

// DNSResolves asks the cluster's DNS from a machine: a name for its addresses, an
// address for its names.
func DNSResolves(ctx context.Context, r *lab.Run, words []string) (string, error) {
	if len(words) != 3 {
		return "", errors.New("wants a machine, what to ask and the answer")
	}
	server, err := r.Kubectl(ctx, "get", "service", "kube-dns", "--namespace=kube-system", "--output=jsonpath={.spec.clusterIP}")
	if err != nil {
		return "", err
	}
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, protocol, _ string) (net.Conn, error) {
		return network.Lan(r.Lab.Lan.Of(words[0])).Dial(ctx, protocol, net.JoinHostPort(server, "53"))
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
