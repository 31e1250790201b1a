// Package cluster has the steps that ask a cluster whether it works, and that do
// what its users do.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/osfile"
	"github.com/kubespore/kubespore/test/boot/payload"
	"github.com/kubespore/kubespore/test/boot/process"
	"github.com/kubespore/kubespore/test/boot/screen"
)

// limit is the duration that a step gives, or the usual patience.
func limit(words []string) (time.Duration, error) {
	if len(words) == 0 {
		return lab.Patience, nil
	}
	return time.ParseDuration(words[0])
}

// waitFor makes a step of a question.
func waitFor(ctx context.Context, r *lab.Run, words []string, ask func(context.Context) (bool, string)) (string, error) {
	d, err := limit(words)
	if err != nil {
		return "", err
	}
	return r.Until(ctx, d, ask)
}

// NodesReady waits until every Node that is on is Ready.
func NodesReady(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return waitFor(ctx, r, words, func(ctx context.Context) (bool, string) { return r.Ready(ctx, r.NodesOn()) })
}

// PodsReady waits until every pod serves.
func PodsReady(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return waitFor(ctx, r, words, r.Settled)
}

// SelfTestsPass waits for the result of every node's self-test.
func SelfTestsPass(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return waitFor(ctx, r, words, r.Tested)
}

// APIAnswers waits until the API server answers at the cluster's endpoint.
func APIAnswers(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return waitFor(ctx, r, words, func(ctx context.Context) (bool, string) {
		_, err := r.Kubectl(ctx, "get", "--raw=/readyz")
		if err != nil {
			return false, err.Error()
		}
		return true, ""
	})
}

// RepeatSelfTests takes the results of the self-tests away and runs them again.
func RepeatSelfTests(ctx context.Context, r *lab.Run, _ []string) (string, error) {
	for _, name := range r.NodesOn() {
		if _, err := r.Kubectl(ctx, "annotate", "node", name, "kubespore.io/selftest-"); err != nil {
			return "", err
		}
		m, err := hardware.Inside(r.Machines[name])
		if err != nil {
			return "", err
		}
		if _, err := m.Do(ctx, "rm -f /var/lib/kubespore/selftest; systemctl restart --no-block kubespore-selftest"); err != nil {
			return "", err
		}
	}
	return r.Until(ctx, lab.Patience, r.Tested)
}

// PodsReachable reads a log and runs a program in a pod of every node, which goes
// through the API server to that node's kubelet, with its certificate verified.
func PodsReachable(ctx context.Context, r *lab.Run, _ []string) (string, error) {
	pods, err := r.List(ctx, "/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-proxy")
	if err != nil {
		return "", err
	}
	reached := 0
	on := r.NodesOn()
	for _, p := range pods {
		if !slices.Contains(on, p.Spec.NodeName) {
			continue
		}
		log, err := r.Kubectl(ctx, "logs", "--namespace=kube-system", p.Metadata.Name, "--tail=1")
		if err != nil || log == "" {
			return "", errors.Join(fmt.Errorf("logs on %s", p.Spec.NodeName), err)
		}
		out, err := r.Kubectl(ctx, "exec", "--namespace=kube-system", p.Metadata.Name, "--", "cat", "/proc/sys/kernel/hostname")
		if err != nil || out != p.Spec.NodeName {
			return "", errors.Join(fmt.Errorf("exec on %s gives %q", p.Spec.NodeName, out), err)
		}
		reached++
	}
	if reached != len(on) {
		return "", fmt.Errorf("only %d of %d nodes have a pod of kube-proxy", reached, len(on))
	}
	return fmt.Sprintf("%d nodes", reached), nil
}

// NodePortAnswers asks the Service that the self-test uses, as a client of the
// machines' network would.
func NodePortAnswers(ctx context.Context, r *lab.Run, _ []string) (string, error) {
	port, err := r.Kubectl(ctx, "get", "service", "kubespore-selftest", "--namespace=kube-system", "--output=jsonpath={.spec.ports[0].nodePort}")
	if err != nil {
		return "", err
	}
	for _, name := range r.NodesOn() {
		address, _, _ := strings.Cut(r.Machines[name].Addresses[0], "/")
		url := "http://" + net.JoinHostPort(address, port) + "/health"
		ask := r.Lab.Lan.From("curl", "--silent", "--show-error", "--fail", "--max-time", "10", url)
		if _, err := process.Run(ctx, ask[0], ask[1:]...); err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
	return "port " + port, nil
}

// WriteSecret writes a Secret into the cluster.
func WriteSecret(ctx context.Context, r *lab.Run, _ []string) (string, error) {
	r.Secret = time.Now().Format(time.RFC3339Nano)
	_, err := r.Kubectl(ctx, "create", "secret", "generic", "lab", "--from-literal=word="+r.Secret)
	return "", err
}

// ReadSecret reads what was written. After a machine was lost, the first requests
// may find no leader of etcd yet; what is read must be right at once.
func ReadSecret(ctx context.Context, r *lab.Run, _ []string) (string, error) {
	var out string
	_, err := r.Until(ctx, 2*time.Minute, func(ctx context.Context) (bool, string) {
		var err error
		if out, err = r.Kubectl(ctx, "get", "secret", "lab", "--output=go-template={{.data.word | base64decode}}"); err != nil {
			return false, err.Error()
		}
		return true, ""
	})
	if err == nil && out != r.Secret {
		err = fmt.Errorf("the Secret holds %q, not %q", out, r.Secret)
	}
	return "", err
}

// corefileMark is what the administrator adds.
const corefileMark = "# changed by an administrator"

// ChangeCoreDNS changes a ConfigMap and a Deployment of CoreDNS.
func ChangeCoreDNS(ctx context.Context, r *lab.Run, _ []string) (string, error) {
	corefile, err := r.Kubectl(ctx, "get", "configmap", "coredns", "--namespace=kube-system", "--output=jsonpath={.data.Corefile}")
	if err != nil {
		return "", err
	}
	patch := fmt.Sprintf(`{"data":{"Corefile":%q}}`, corefileMark+"\n"+corefile+"\n")
	if _, err = r.Kubectl(ctx, "patch", "configmap", "coredns", "--namespace=kube-system", "--patch="+patch); err != nil {
		return "", err
	}
	_, err = r.Kubectl(ctx, "scale", "deployment", "coredns", "--namespace=kube-system", "--replicas=3")
	return "", err
}

// CoreDNSKept looks for both changes.
func CoreDNSKept(ctx context.Context, r *lab.Run, _ []string) (string, error) {
	corefile, err := r.Kubectl(ctx, "get", "configmap", "coredns", "--namespace=kube-system", "--output=jsonpath={.data.Corefile}")
	if err != nil {
		return "", err
	}
	replicas, err := r.Kubectl(ctx, "get", "deployment", "coredns", "--namespace=kube-system", "--output=jsonpath={.spec.replicas}")
	if err == nil && (!strings.HasPrefix(corefile, corefileMark) || replicas != "3") {
		err = fmt.Errorf("the change is gone: %s replicas; %s", replicas, corefile)
	}
	return "", err
}

// AddHost builds again with a host that was left out, and makes its machine.
func AddHost(ctx context.Context, r *lab.Run, words []string) (string, error) {
	before := map[string]string{}
	for _, h := range r.Hosts {
		text, err := os.ReadFile(r.Document(h.Name))
		if err != nil {
			return "", err
		}
		before[h.Name] = string(text)
	}
	r.Without = slices.DeleteFunc(slices.Clone(r.Without), func(name string) bool { return slices.Contains(words, name) })
	var err error
	if r.Locked() {
		err = payload.Rebuild(ctx, r, r.Bundle())
	} else {
		err = r.Build(ctx, r.Without)
	}
	if err != nil {
		return "", err
	}
	// Other machines have lists of control planes, and none of workers.
	grows := slices.ContainsFunc(r.Hosts, func(h documents.Host) bool { return before[h.Name] == "" && h.ControlPlane })
	for _, h := range r.Hosts {
		old, known := before[h.Name]
		if !known {
			if err := hardware.NewMachine(ctx, r, h); err != nil {
				return "", err
			}
			continue
		}
		text, err := os.ReadFile(r.Document(h.Name))
		if err != nil {
			return "", err
		}
		if string(text) != old && !h.ControlPlane && !grows {
			return "", fmt.Errorf("the document of %s changed", h.Name)
		}
	}
	return "", nil
}

// LoseFolder empties a folder of a machine that is off.
func LoseFolder(_ context.Context, r *lab.Run, words []string) (string, error) {
	m := r.Machines[words[0]]
	if m == nil || m.On() || len(words) != 2 {
		return "", fmt.Errorf("wants a machine that is off, and a folder")
	}
	inside, err := hardware.Inside(m)
	if err != nil {
		return "", err
	}
	entries, err := filepath.Glob(filepath.Join(inside.Root(), words[1], "*"))
	if err != nil || len(entries) == 0 {
		return "", errors.Join(fmt.Errorf("%s is empty already", words[1]), err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(e); err != nil {
			return "", err
		}
	}
	return "", nil
}

// ConsoleShows waits until the console of a machine shows a text.
func ConsoleShows(ctx context.Context, r *lab.Run, words []string) (string, error) {
	machines, err := r.Named(ctx, words[:1])
	if err != nil {
		return "", err
	}
	wanted := strings.Join(words[1:], " ")
	return r.Until(ctx, lab.Patience, func(context.Context) (bool, string) {
		text := machines[0].Said()
		if strings.Contains(text, wanted) {
			return true, ""
		}
		return false, screen.Shorten(process.LastLines(text, 2), 80)
	})
}

// failedUnit finds what systemd says of a unit that could not be started.
var failedUnit = regexp.MustCompile(`FAILED\S* (Failed to .*)`)

// NoFailedUnits looks for messages of failed units on the console.
func NoFailedUnits(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return r.Each(ctx, words, func(m *lab.Machine) error {
		if found := failedUnit.FindStringSubmatch(m.Said()); found != nil {
			return errors.New(found[1])
		}
		return nil
	})
}

// asked finds the commands in what the guard of etcd says.
var asked = regexp.MustCompile(`on another member: (.*)`)

// FollowConsole types the commands that a console shows, letter by letter, on another member.
func FollowConsole(ctx context.Context, r *lab.Run, words []string) (string, error) {
	machines, err := r.Named(ctx, words[:1])
	if err != nil {
		return "", err
	}
	found := asked.FindAllStringSubmatch(machines[0].Said(), -1)
	if len(found) == 0 {
		return "", fmt.Errorf("the console of %s asks for nothing", words[0])
	}
	typed := strings.TrimSpace(found[len(found)-1][1])
	for _, h := range r.Hosts {
		m := r.Machines[h.Name]
		if m == machines[0] || !m.On() {
			continue
		}
		inside, err := hardware.Inside(m)
		if err != nil {
			return "", err
		}
		if osfile.Exists(filepath.Join(inside.Root(), "var/lib/etcd/member")) {
			_, err := inside.Do(ctx, typed)
			return typed, err
		}
	}
	return "", errors.New("no other member is on")
}
