package lab

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/test/boot/process"
)

// Kubectl asks the cluster from outside, with the operator's kubeconfig. It
// gives what kubectl prints; an error carries what it complains of.
func (r *Run) Kubectl(ctx context.Context, args ...string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	ask := slices.Concat(r.Lab.observer, r.Lab.Lan.From(r.Lab.Tools["kubectl@"+Minor],
		"--kubeconfig", r.Operator(), "--cache-dir", filepath.Join(r.Dir, "kubectl"), "--request-timeout=5s"), args)
	c := exec.CommandContext(ctx, ask[0], ask[1:]...)
	var complaint strings.Builder
	c.Stderr = &complaint
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, process.LastLines(complaint.String(), 3))
	}
	return strings.TrimSpace(string(out)), nil
}

// Operator is the kubeconfig of whom the lab asks as.
func (r *Run) Operator() string {
	if r.Admin != "" {
		return r.Admin
	}
	return filepath.Join(r.Dir, "out/admin.conf")
}

// Object is as much of any Kubernetes object as the lab looks at.
type Object struct {
	Metadata struct {
		Name, Namespace string
		Annotations     map[string]string
		DeletionStamp   string `json:"deletionTimestamp"`
	}
	Spec struct {
		NodeName  string
		PodCIDR   string
		RenewTime time.Time
	}
	Status struct {
		Phase, PodIP string
		Conditions   []struct{ Type, Status string }
	}
}

// Is says whether a condition of the object is true.
func (o Object) Is(condition string) bool {
	for _, c := range o.Status.Conditions {
		if c.Type == condition {
			return c.Status == "True"
		}
	}
	return false
}

// NodesPath is where the API lists Nodes.
const NodesPath = "/api/v1/nodes"

// List asks for the objects at a path of the API, from outside as the operator. kubectl
// keeps a processor busy for a fifth of a second to ask the same, which the machines
// miss when they are asked several times a second.
func (r *Run) List(ctx context.Context, path string) ([]Object, error) {
	c, err := ReadKubeconfig(r.Operator(), r.Lab.Lan.Dial)
	if err != nil {
		return nil, err
	}
	return c.List(ctx, path)
}

// NoAnswer is what a question says that the API did not answer.
func NoAnswer(err error) string {
	return "the API does not answer: " + process.LastLines(err.Error(), 1)
}

// NodesOn are the names of the nodes whose machines are on.
func (r *Run) NodesOn() []string {
	var names []string
	for _, h := range r.Hosts {
		if m := r.Machines[h.Name]; h.Node && m != nil && m.On() {
			names = append(names, h.Name)
		}
	}
	return names
}

// Ready says which of the nodes are not Ready. A Node is that for most of a
// minute after its machine is gone, so its kubelet must also have renewed its
// lease since the power came on.
func (r *Run) Ready(ctx context.Context, names []string) (bool, string) {
	nodes, err := r.List(ctx, NodesPath)
	if err != nil {
		return false, NoAnswer(err)
	}
	ready, alive := map[string]bool{}, map[string]bool{}
	for _, n := range nodes {
		ready[n.Metadata.Name] = n.Is("Ready") && n.Spec.PodCIDR != ""
	}
	if missing := without(names, ready); len(missing) > 0 {
		return false, "not Ready: " + strings.Join(missing, " ")
	}
	leases, err := r.List(ctx, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases")
	if err != nil {
		return false, NoAnswer(err)
	}
	for _, l := range leases {
		name := l.Metadata.Name
		alive[name] = slices.Contains(names, name) && r.Machines[name].alive(l.Spec.RenewTime)
	}
	if missing := without(names, alive); len(missing) > 0 {
		return false, "Ready before the power came on: " + strings.Join(missing, " ")
	}
	return true, fmt.Sprintf("%d nodes", len(names))
}

func without(names []string, done map[string]bool) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return done[name] })
}

// Settled says which pods of machines that are on do not run and serve.
func (r *Run) Settled(ctx context.Context) (bool, string) {
	pods, err := r.List(ctx, "/api/v1/pods")
	if err != nil {
		return false, NoAnswer(err)
	}
	var waiting []string
	count := 0
	on := r.NodesOn()
	for _, p := range pods {
		if p.Metadata.DeletionStamp != "" || (p.Spec.NodeName != "" && !slices.Contains(on, p.Spec.NodeName)) {
			continue
		}
		count++
		if p.Status.Phase != "Running" || !p.Is("Ready") {
			waiting = append(waiting, p.Metadata.Name)
		}
	}
	if len(waiting) > 0 || count == 0 {
		return false, fmt.Sprintf("%d of %d pods not running: %s", len(waiting), count, strings.Join(waiting, " "))
	}
	return true, fmt.Sprintf("%d pods", count)
}

// Tested says whether every node that is on has passed its own test.
func (r *Run) Tested(ctx context.Context) (bool, string) {
	nodes, err := r.List(ctx, NodesPath)
	if err != nil {
		return false, NoAnswer(err)
	}
	var waiting []string
	on := r.NodesOn()
	for _, n := range nodes {
		verdict := n.Metadata.Annotations["kubespore.io/selftest"]
		if slices.Contains(on, n.Metadata.Name) && !strings.HasPrefix(verdict, "passed") {
			waiting = append(waiting, strings.TrimSpace(n.Metadata.Name+" "+verdict))
		}
	}
	if len(waiting) > 0 {
		return false, "not passed: " + strings.Join(waiting, ", ")
	}
	return true, fmt.Sprintf("%d nodes", len(on))
}

// Until asks again and again until the answer is yes, the time is up or the
// run is ended.
func (r *Run) Until(ctx context.Context, limit time.Duration, ask func(context.Context) (bool, string)) (string, error) {
	return r.UntilAt(ctx, limit, time.Second, ask)
}

// UntilAt is until at another pace.
func (r *Run) UntilAt(ctx context.Context, limit, pace time.Duration, ask func(context.Context) (bool, string)) (string, error) {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	for {
		ok, now := ask(ctx)
		if ok {
			return now, nil
		}
		if ctx.Err() == nil {
			r.Lab.Screen.Now(now)
			r.last = now
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("not within %v; last: %s", limit, r.last)
		// A pause after each question, however long it took: the processors are the
		// machines', too.
		case <-time.After(pace):
		}
	}
}
