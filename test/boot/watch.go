package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// kubectl asks the cluster from outside, with the operator's kubeconfig.
func (l *lab) kubectl(ctx context.Context, args ...string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	c := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", switchNamespace, l.tools["kubectl@1.36"], "--kubeconfig", filepath.Join(l.out, "admin.conf"), "--request-timeout=5s"}, args...)...)
	out, err := c.Output()
	return strings.TrimSpace(string(out)), err
}

// powerOn starts the machines in the order asked for and waits until every
// node that is on is Ready.
func (l *lab) powerOn(ctx context.Context) error {
	order := slices.Clone(l.order)
	for _, h := range l.hosts {
		if !slices.Contains(order, h.Name) {
			order = append(order, h.Name)
		}
	}
	var nodes []string
	for i, name := range order {
		m := l.running[name]
		if m == nil {
			return fmt.Errorf("no host is called %s", name)
		}
		if slices.Contains(l.off, name) {
			continue
		}
		if l.late > 0 && i == len(l.order)-1 {
			fmt.Printf("   %s waits %v\n", name, l.late)
			select {
			case <-time.After(l.late):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err := m.powerOn(l); err != nil {
			return err
		}
		if m.Node {
			nodes = append(nodes, name)
		}
	}
	slices.Sort(nodes)
	start := time.Now()
	return until(ctx, l.timeout, func() (bool, string) {
		out, err := l.kubectl(ctx, "get", "nodes", "-o", `jsonpath={range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {end}`)
		if err != nil {
			return false, "the API does not answer yet"
		}
		ready := 0
		for _, n := range nodes {
			if slices.Contains(strings.Fields(out), n+"=True") {
				ready++
			}
		}
		return ready == len(nodes), fmt.Sprintf("%4.0f s: %d of %d nodes Ready", time.Since(start).Seconds(), ready, len(nodes))
	})
}

// selftest waits for the result that each node writes of itself.
func (l *lab) selftest(ctx context.Context) error {
	return until(ctx, l.timeout, func() (bool, string) {
		pods, err := l.kubectl(ctx, "get", "pods", "-A", "-o", `jsonpath={range .items[*]}{.metadata.name}={.status.phase} {end}`)
		if err != nil {
			return false, "the API does not answer"
		}
		var waiting []string
		for _, p := range strings.Fields(pods) {
			if !strings.HasSuffix(p, "=Running") && !strings.HasSuffix(p, "=Succeeded") {
				waiting = append(waiting, p)
			}
		}
		results, err := l.kubectl(ctx, "get", "nodes", "-o", `jsonpath={range .items[*]}{.metadata.name}={.metadata.annotations.kubespore\.io/selftest} {end}`)
		if err != nil {
			return false, "the API does not answer"
		}
		tested := 0
		for _, r := range strings.Fields(results) {
			if _, result, _ := strings.Cut(r, "="); result != "" {
				tested++
			}
		}
		return len(waiting) == 0 && pods != "", fmt.Sprintf("pods not running: %v; nodes that tested themselves: %d (%s)", waiting, tested, results)
	})
}

// logs keeps what a failure leaves: consoles and journals.
func (l *lab) logs() {
	dir := filepath.Join(l.dir, "logs", time.Now().Format("150405"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return
	}
	for name, m := range l.running {
		if text, err := os.ReadFile(m.console); err == nil {
			_ = os.WriteFile(filepath.Join(dir, name+".console"), text, 0o644)
		}
		journal, err := exec.Command("journalctl", "--no-pager", "--directory="+filepath.Join(m.dir, "root/var/log/journal"), "-o", "short-monotonic").Output()
		if err == nil {
			_ = os.WriteFile(filepath.Join(dir, name+".journal"), journal, 0o644)
		}
		pods, _ := filepath.Glob(filepath.Join(m.dir, "root/var/log/pods/*/*/*.log"))
		for _, p := range pods {
			if text, err := os.ReadFile(p); err == nil {
				_ = os.WriteFile(filepath.Join(dir, name+"."+filepath.Base(filepath.Dir(p))+"."+filepath.Base(p)), text, 0o644)
			}
		}
	}
	fmt.Println("logs:", dir)
}
