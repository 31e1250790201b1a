//go:build oracle

package oracle

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubespore/kubespore/pkg/topology"
)

// machine is a host of a topology after its first boot: the document applied by
// the real Ignition over this system's own root, the real programs where the
// payload puts them, and a network namespace with the topology's address.
type machine struct {
	host topology.Host
	root string
}

// programs are those that the tests run on machines, by the path there.
func programs(minor string) map[string]string {
	out := map[string]string{"/opt/bin/etcd": tool("etcd"), "/opt/bin/etcdctl": tool("etcdctl")}
	for _, name := range []string{"kubeadm", "kubectl", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		out["/opt/bin/"+name] = tool(name + "@" + minor)
	}
	return out
}

// machines installs hosts and plugs them in.
func (c cluster) machines(t *testing.T, names ...string) []*machine {
	t.Helper()
	gateway := c.host(t, names[0])
	unplug := fmt.Sprintf("addr flush dev %s", lan)
	plug := fmt.Sprintf("addr add %s/%d dev %s", gateway.Gateways[0], gateway.Addresses[0].Bits(), lan)
	if err := ip(unplug, plug); err != nil {
		t.Fatal(err)
	}
	var out []*machine
	for _, name := range names {
		m := &machine{host: c.host(t, name)}
		m.install(t, filepath.Join(c.hosts, name, "config.ign"), programs(c.Kubernetes.Minor))
		m.plug(t)
		out = append(out, m)
	}
	return out
}

// install writes the root: the document's tree, this system's below it for a
// shell and its tools, and the real programs.
func (m *machine) install(t *testing.T, config string, programs map[string]string) {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Join(workspace.dir, "lab"), m.host.Name+"-")
	if err != nil {
		t.Fatal(err)
	}
	upper, work := filepath.Join(dir, "upper"), filepath.Join(dir, "work")
	m.root = filepath.Join(dir, "root")
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{upper, work, m.root} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"passwd": "root:x:0:0:root:/root:/bin/bash\n", "shadow": "root:*:19000:0:99999:7:::\n",
		"group": "root:x:0:\nadm:x:4:\nsudo:x:27:\nwheel:x:10:\nsystemd-journal:x:101:\ndocker:x:998:\n", "gshadow": "root:*::\n",
	} {
		write(t, filepath.Join(upper, "etc", name), []byte(text))
	}
	ignite(t, upper, config, dir)
	m.mount(t, "overlay", "/", "overlay", 0, "lowerdir=/,upperdir="+upper+",workdir="+work)
	m.mount(t, "tmpfs", "/run", "tmpfs", 0, "")
	for _, shared := range []string{"/proc", "/dev"} {
		m.mount(t, shared, shared, "", syscall.MS_BIND|syscall.MS_REC, "")
	}
	for path, program := range programs {
		write(t, m.path(path), nil)
		m.mount(t, program, path, "", syscall.MS_BIND, "")
	}
}

// path gives the path here of a path on the machine.
func (m *machine) path(name string) string { return filepath.Join(m.root, name) }

func (m *machine) mount(t *testing.T, source, target, kind string, flags uintptr, options string) {
	t.Helper()
	target = m.path(target)
	if err := syscall.Mount(source, target, kind, flags, options); err != nil {
		t.Fatalf("mount %s: %v", target, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(target, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", target, err)
		}
	})
}

// ignite runs the stages of Ignition that write files and units.
func ignite(t *testing.T, root, config, state string) {
	t.Helper()
	for _, stage := range []string{"fetch", "files"} {
		c := exec.Command(tool("ignition"), "--root="+root, "--platform=file", "--stage="+stage, "--log-to-stdout",
			"--config-cache="+filepath.Join(state, "ignition.json"), "--state-file="+filepath.Join(state, "state"), "--neednet="+filepath.Join(state, "neednet"))
		c.Env = append(os.Environ(), "IGNITION_CONFIG_FILE="+config)
		output(t, c)
	}
}

// plug gives the machine its network.
func (m *machine) plug(t *testing.T) {
	t.Helper()
	name := m.host.Name
	if err := ip("netns add "+name, fmt.Sprintf("link add port-%s type veth peer name eth0 netns %s", name, name), fmt.Sprintf("link set port-%s master %s up", name, lan)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ip("netns del " + name); err != nil {
			t.Error(err)
		}
	})
	addresses := []string{"ip link set lo up", "ip link set eth0 up"}
	for _, a := range m.host.Addresses {
		addresses = append(addresses, fmt.Sprintf("ip addr add %s dev eth0", a))
	}
	output(t, m.command("sh", "-ec", strings.Join(addresses, "\n")))
}

// address gives the machine's primary address.
func (m *machine) address() string { return m.host.Addresses[0].Addr().String() }

// command is a program on the machine: in its root and on its network. It sees
// the environment that our units give.
func (m *machine) command(command ...string) *exec.Cmd {
	c := exec.Command("nsenter", append([]string{"--net=/run/netns/" + m.host.Name, "--root=" + m.root, "--wd=" + m.root}, command...)...)
	c.Env = []string{"PATH=/opt/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
	return c
}

// script is one of our programs with the environment file of its unit.
func (m *machine) script(t *testing.T, name, environment string) *exec.Cmd {
	t.Helper()
	c := m.command("/opt/kubespore/bin/" + name)
	c.Env = append(c.Env, m.environment(t, environment)...)
	return c
}

// environment reads an EnvironmentFile as systemd does, as far as ours go.
func (m *machine) environment(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(m.path(name))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			out = append(out, key+"="+strings.Trim(value, `"`))
		}
	}
	return out
}

// pod is a static pod's program, with exactly its arguments and environment.
func (m *machine) pod(t *testing.T, name string) *exec.Cmd {
	t.Helper()
	text, err := os.ReadFile(m.path(manifestDir + name + ".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict(text, &pod); err != nil {
		t.Fatal(err)
	}
	c := m.command(pod.Spec.Containers[0].Command...)
	for _, v := range pod.Spec.Containers[0].Env {
		c.Env = append(c.Env, v.Name+"="+v.Value)
	}
	return c
}

// process is a program that goes on running.
type process struct {
	*exec.Cmd
	log   *journal
	ended chan struct{}
}

// journal keeps what a program says while the tests look at it.
type journal struct {
	lock sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (j *journal) Write(text []byte) (int, error) {
	j.lock.Lock()
	defer j.lock.Unlock()
	j.text = append(j.text, text...)
	return len(text), nil
}

// tail gives the last lines.
func (j *journal) tail() []byte {
	j.lock.Lock()
	defer j.lock.Unlock()
	return tail(slices.Clone(j.text))
}

// start runs a program until it is stopped or the test ends.
func start(t *testing.T, c *exec.Cmd) *process {
	t.Helper()
	p := &process{Cmd: c, log: &journal{}, ended: make(chan struct{})}
	c.Stdout, c.Stderr = p.log, p.log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = c.Wait() // the tests look at what it did, or did not
		close(p.ended)
	}()
	t.Cleanup(func() {
		if !p.running() && t.Failed() {
			t.Logf("this ended by itself: %s\n%s", strings.Join(c.Args[4:], " "), p.log.tail())
		}
		p.stop()
	})
	return p
}

// stop is a power cut.
func (p *process) stop() {
	_ = p.Process.Kill() // it may have ended by itself
	<-p.ended
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

func tail(text []byte) []byte {
	lines := bytes.Split(text, []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-20):], []byte("\n"))
}

// eventually waits until something holds. What does not within the time fails
// the test with the last reason.
func eventually(t *testing.T, within time.Duration, what string, holds func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := holds()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s: %v", what, within, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
