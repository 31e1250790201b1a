//go:build oracle

package services

import (
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCNI has libcni load each form of the CNI configurations of the examples,
// by its own program, and the real plugins connect a pod as they say.
func TestCNI(t *testing.T) {
	configurations := cniForms(t)
	all := strings.Join(slices.Collect(maps.Values(configurations)), "\n")
	for _, part := range []string{`"plugins"`, `"docker0"`, `"cni0"`, `"rangeEnd"`, `"subnet": "10.`, `"subnet": "fd`} {
		if !strings.Contains(all, part) {
			t.Errorf("no configuration says %s", part)
		}
	}
	programs := tools(t, "cnitool", "bridge", "host-local", "portmap")
	for _, name := range slices.Sorted(maps.Keys(configurations)) {
		t.Run(name, func(t *testing.T) { connects(t, programs, configurations[name]) })
	}
	good := configurations["single-10-kubespore.conflist"]
	for right, wrong := range map[string]string{
		`"plugins"`: `"plugin"`, `"type": "bridge"`: `"type": "bridg"`, `"1.0.0"`: `"9.0.0"`, `"subnet": "`: `"subnet": "9`, `"name": "kubespore"`: `"name": "kube spore"`, "}": "",
	} {
		t.Run("without "+right, func(t *testing.T) {
			if !strings.Contains(good, right) {
				t.Fatalf("not in\n%s", good)
			}
			if out, err := connect(t, programs, strings.Replace(good, right, wrong, 1)); err == nil {
				t.Errorf("%s was taken:\n%s", wrong, out)
			}
		})
	}
}

// cniForms gives one file of each form, by the example where it was seen first:
// configurations differ by more than a node's addresses.
func cniForms(t *testing.T) map[string]string {
	t.Helper()
	found, seen := map[string]string{}, map[string]bool{}
	addresses := regexp.MustCompile(`"(subnet|rangeEnd)": "[^"]*"`)
	for _, pattern := range []string{"../../examples/single.yaml", "../../examples/*.yaml", "../../examples/seeds/*.yaml", "testdata/docker.yaml"} {
		examples, err := filepath.Glob(pattern)
		if err != nil || examples == nil {
			t.Fatal(pattern, err)
		}
		for _, example := range examples {
			w := buildFile(t, example)
			for _, files := range w.files {
				for path, e := range files {
					if filepath.Dir(path) != "/etc/cni/net.d" && path != "/etc/kubespore/selftest/cni.json" {
						continue
					}
					name, text := filepath.Base(path), string(e.Content)
					configuration := name + addresses.ReplaceAllString(text, "")
					if !seen[configuration] {
						seen[configuration] = true
						found[strings.TrimSuffix(filepath.Base(example), ".yaml")+"-"+name] = text
					}
				}
			}
		}
	}
	return found
}

// connects sees that a pod gets an address of the node's networks and the MTU
// that the configuration says, and can be taken away.
func connects(t *testing.T, programs []string, text string) {
	t.Helper()
	out, err := connect(t, programs, text)
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, text)
	}
	got, ok := strings.CutSuffix(strings.TrimSpace(out), "nothing is left")
	if !ok {
		t.Errorf("the pod is still connected:\n%s", out)
	}
	mtu := regexp.MustCompile(`"mtu": ([0-9]+)`).FindStringSubmatch(text)
	if mtu == nil || !strings.Contains(got, " mtu "+mtu[1]+" ") {
		t.Errorf("the MTU is not %v:\n%s", mtu, got)
	}
	addresses := regexp.MustCompile(`inet6? ([0-9a-f.:]+/[0-9]+) .*scope global`).FindAllStringSubmatch(got, -1)
	subnets := regexp.MustCompile(`"subnet": "([^"]+)"`).FindAllStringSubmatch(text, -1)
	for _, s := range subnets {
		subnet := netip.MustParsePrefix(s[1])
		if !slices.ContainsFunc(addresses, func(a []string) bool {
			address := netip.MustParsePrefix(a[1])
			return subnet.Contains(address.Addr()) && address.Bits() == subnet.Bits()
		}) {
			t.Errorf("no address of %s:\n%s", subnet, got)
		}
		if gateway := "default via " + subnet.Masked().Addr().Next().String() + " "; !strings.Contains(got, gateway) {
			t.Errorf("no %s:\n%s", gateway, got)
		}
	}
	if len(subnets) == 0 || len(addresses) != len(subnets) {
		t.Errorf("%d addresses of %d networks:\n%s", len(addresses), len(subnets), got)
	}
}

// connect lets cnitool, the first of the programs, add a pod by the plugins, check
// and delete it, on a node that is a network of its own, and gives what is seen in
// the pod between. The plugins' records are kept in no folder of the machine that
// runs the test.
func connect(t *testing.T, programs []string, text string) (string, error) {
	t.Helper()
	w := &world{dir: t.TempDir()}
	name := "cni.json"
	if strings.Contains(text, `"plugin`) {
		name = "10-kubespore.conflist"
	}
	w.write(t, "net.d/"+name, text)
	w.network(t, "cni", "")
	pod := w.space + "-pod"
	_ = exec.Command("ip", "netns", "delete", pod).Run() // of a test that was killed
	run(t, "ip", "netns", "add", pod)
	t.Cleanup(func() { run(t, "ip", "netns", "delete", pod) })

	var folders []string
	for _, plugin := range programs[1:] {
		folders = append(folders, filepath.Dir(plugin))
	}
	c := w.inside("sh", "-euc", `
		mount -t tmpfs none /var/lib
		"$0" add kubespore "/run/netns/$1" >/dev/null
		ip -n "$1" address show dev eth0
		ip -n "$1" route
		ip -n "$1" -6 route
		"$0" check kubespore "/run/netns/$1"
		"$0" del kubespore "/run/netns/$1"
		ip -n "$1" address show dev eth0 2>/dev/null || echo nothing is left`, programs[0], pod)
	c.Env = append(os.Environ(), "NETCONFPATH="+filepath.Join(w.dir, "net.d"), "CNI_PATH="+strings.Join(folders, ":"))
	out, err := c.CombinedOutput()
	return string(out), err
}
