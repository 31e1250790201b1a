package main

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
)

// limit is the duration that a step gives, or the usual patience.
func limit(words []string) (time.Duration, error) {
	if len(words) == 0 {
		return patience, nil
	}
	return time.ParseDuration(words[0])
}

// waitFor makes a step of a question.
func waitFor(ctx context.Context, r *run, words []string, ask func(context.Context) (bool, string)) (string, error) {
	d, err := limit(words)
	if err != nil {
		return "", err
	}
	return r.until(ctx, d, ask)
}

func waitReady(ctx context.Context, r *run, words []string) (string, error) {
	return waitFor(ctx, r, words, func(ctx context.Context) (bool, string) { return r.ready(ctx, r.nodesOn()) })
}

func waitSettled(ctx context.Context, r *run, words []string) (string, error) {
	return waitFor(ctx, r, words, r.settled)
}

func waitTested(ctx context.Context, r *run, words []string) (string, error) {
	return waitFor(ctx, r, words, r.tested)
}

func waitAnswer(ctx context.Context, r *run, words []string) (string, error) {
	return waitFor(ctx, r, words, func(ctx context.Context) (bool, string) {
		_, err := r.kubectl(ctx, "get", "--raw=/readyz")
		if err != nil {
			return false, err.Error()
		}
		return true, ""
	})
}

// retest takes the results of the self-tests away and runs them again.
func retest(ctx context.Context, r *run, _ []string) (string, error) {
	for _, name := range r.nodesOn() {
		if _, err := r.kubectl(ctx, "annotate", "node", name, "kubespore.io/selftest-"); err != nil {
			return "", err
		}
		m, err := r.machines[name].inside()
		if err != nil {
			return "", err
		}
		if _, err := m.do(ctx, "rm -f /var/lib/kubespore/selftest; systemctl restart --no-block kubespore-selftest"); err != nil {
			return "", err
		}
	}
	return r.until(ctx, patience, r.tested)
}

// holder is the machine with the cluster's virtual address.
func (r *run) holder(ctx context.Context) (string, error) {
	server, err := r.kubectl(ctx, "config", "view", "--output=jsonpath={.clusters[0].cluster.server}")
	if err != nil {
		return "", err
	}
	address := strings.Trim(strings.TrimPrefix(server[:strings.LastIndex(server, ":")], "https://"), "[]")
	for _, h := range r.hosts {
		out, err := command(ctx, "ip", "-n", r.lab.lan.of(h.Name), "-oneline", "address", "show", "to", address)
		if err == nil && out != "" && r.machines[h.Name].on() {
			return h.Name, nil
		}
	}
	return "", fmt.Errorf("no machine holds %s", address)
}

// reachPods reads a log and runs a program in a pod of every node, which goes
// through the API server to that node's kubelet, with its certificate verified.
func reachPods(ctx context.Context, r *run, _ []string) (string, error) {
	pods, err := r.list(ctx, "/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-proxy")
	if err != nil {
		return "", err
	}
	reached := 0
	on := r.nodesOn()
	for _, p := range pods {
		if !slices.Contains(on, p.Spec.NodeName) {
			continue
		}
		log, err := r.kubectl(ctx, "logs", "--namespace=kube-system", p.Metadata.Name, "--tail=1")
		if err != nil || log == "" {
			return "", errors.Join(fmt.Errorf("logs on %s", p.Spec.NodeName), err)
		}
		out, err := r.kubectl(ctx, "exec", "--namespace=kube-system", p.Metadata.Name, "--", "cat", "/proc/sys/kernel/hostname")
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

// askNodePort asks the Service that the self-test uses, as a client of the
// machines' network would.
func askNodePort(ctx context.Context, r *run, _ []string) (string, error) {
	port, err := r.kubectl(ctx, "get", "service", "kubespore-selftest", "--namespace=kube-system", "--output=jsonpath={.spec.ports[0].nodePort}")
	if err != nil {
		return "", err
	}
	for _, name := range r.nodesOn() {
		address, _, _ := strings.Cut(r.machines[name].Addresses[0], "/")
		url := "http://" + net.JoinHostPort(address, port) + "/health"
		ask := r.lab.lan.from("curl", "--silent", "--show-error", "--fail", "--max-time", "10", url)
		if _, err := command(ctx, ask[0], ask[1:]...); err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
	return "port " + port, nil
}

func writeSecret(ctx context.Context, r *run, _ []string) (string, error) {
	r.secret = time.Now().Format(time.RFC3339Nano)
	_, err := r.kubectl(ctx, "create", "secret", "generic", "lab", "--from-literal=word="+r.secret)
	return "", err
}

// readSecret reads what was written. After a machine was lost, the first requests
// may find no leader of etcd yet; what is read must be right at once.
func readSecret(ctx context.Context, r *run, _ []string) (string, error) {
	var out string
	_, err := r.until(ctx, 2*time.Minute, func(ctx context.Context) (bool, string) {
		var err error
		if out, err = r.kubectl(ctx, "get", "secret", "lab", "--output=go-template={{.data.word | base64decode}}"); err != nil {
			return false, err.Error()
		}
		return true, ""
	})
	if err == nil && out != r.secret {
		err = fmt.Errorf("the Secret holds %q, not %q", out, r.secret)
	}
	return "", err
}

// corefileMark is what the administrator adds.
const corefileMark = "# changed by an administrator"

func changeDNS(ctx context.Context, r *run, _ []string) (string, error) {
	corefile, err := r.kubectl(ctx, "get", "configmap", "coredns", "--namespace=kube-system", "--output=jsonpath={.data.Corefile}")
	if err != nil {
		return "", err
	}
	patch := fmt.Sprintf(`{"data":{"Corefile":%q}}`, corefileMark+"\n"+corefile+"\n")
	if _, err = r.kubectl(ctx, "patch", "configmap", "coredns", "--namespace=kube-system", "--patch="+patch); err != nil {
		return "", err
	}
	_, err = r.kubectl(ctx, "scale", "deployment", "coredns", "--namespace=kube-system", "--replicas=3")
	return "", err
}

func keptDNS(ctx context.Context, r *run, _ []string) (string, error) {
	corefile, err := r.kubectl(ctx, "get", "configmap", "coredns", "--namespace=kube-system", "--output=jsonpath={.data.Corefile}")
	if err != nil {
		return "", err
	}
	replicas, err := r.kubectl(ctx, "get", "deployment", "coredns", "--namespace=kube-system", "--output=jsonpath={.spec.replicas}")
	if err == nil && (!strings.HasPrefix(corefile, corefileMark) || replicas != "3") {
		err = fmt.Errorf("the change is gone: %s replicas; %s", replicas, corefile)
	}
	return "", err
}

// addHost builds again with a host that was left out, and makes its machine.
func addHost(ctx context.Context, r *run, words []string) (string, error) {
	before := map[string]string{}
	for _, h := range r.hosts {
		text, err := os.ReadFile(r.document(h.Name))
		if err != nil {
			return "", err
		}
		before[h.Name] = string(text)
	}
	r.Without = slices.DeleteFunc(slices.Clone(r.Without), func(name string) bool { return slices.Contains(words, name) })
	if err := r.build(ctx, r.Without); err != nil {
		return "", err
	}
	for _, h := range r.hosts {
		old, known := before[h.Name]
		if !known {
			if err := r.newMachine(ctx, h); err != nil {
				return "", err
			}
			continue
		}
		text, err := os.ReadFile(r.document(h.Name))
		if err != nil {
			return "", err
		}
		if string(text) != old && !h.ControlPlane {
			return "", fmt.Errorf("the document of %s changed", h.Name)
		}
	}
	return "", nil
}

func loseFolder(_ context.Context, r *run, words []string) (string, error) {
	m := r.machines[words[0]]
	if m == nil || m.on() || len(words) != 2 {
		return "", fmt.Errorf("wants a machine that is off, and a folder")
	}
	inside, err := m.inside()
	if err != nil {
		return "", err
	}
	entries, err := filepath.Glob(filepath.Join(inside.root(), words[1], "*"))
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

func waitConsole(ctx context.Context, r *run, words []string) (string, error) {
	machines, err := r.named(ctx, words[:1])
	if err != nil {
		return "", err
	}
	wanted := strings.Join(words[1:], " ")
	return r.until(ctx, patience, func(context.Context) (bool, string) {
		text := machines[0].said()
		if strings.Contains(text, wanted) {
			return true, ""
		}
		return false, shorten(lastLines(text, 2), 80)
	})
}

// failedUnit finds what systemd says of a unit that could not be started.
var failedUnit = regexp.MustCompile(`FAILED\S* (Failed to .*)`)

func flawless(ctx context.Context, r *run, words []string) (string, error) {
	return r.each(ctx, words, func(m *machine) error {
		if found := failedUnit.FindStringSubmatch(m.said()); found != nil {
			return errors.New(found[1])
		}
		return nil
	})
}

// asked finds the commands in what the guard of etcd says.
var asked = regexp.MustCompile(`On another member: (.*)`)

// obey types what a console asks for, letter by letter, on another member.
func obey(ctx context.Context, r *run, words []string) (string, error) {
	machines, err := r.named(ctx, words[:1])
	if err != nil {
		return "", err
	}
	found := asked.FindAllStringSubmatch(machines[0].said(), -1)
	if len(found) == 0 {
		return "", fmt.Errorf("the console of %s asks for nothing", words[0])
	}
	typed := strings.TrimSpace(found[len(found)-1][1])
	for _, h := range r.hosts {
		m := r.machines[h.Name]
		if m == machines[0] || !m.on() {
			continue
		}
		inside, err := m.inside()
		if err != nil {
			return "", err
		}
		if exists(filepath.Join(inside.root(), "var/lib/etcd/member")) {
			_, err := inside.do(ctx, typed)
			return typed, err
		}
	}
	return "", errors.New("no other member is on")
}
