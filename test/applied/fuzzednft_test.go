//go:build real

package applied

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/compile/compiletest"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// fuzzedTopologies is how many TestFuzzedNft makes.
const fuzzedTopologies = 250

// What the parameters of the firewall are filled with: what is right in every form
// that people write, and what would be a rule of its own.
var (
	rightSources = []string{"anywhere", "nodes", "control-planes", "etcd", "pods", "10.1.0.0/16", "10.1.2.3", "10.1.2.3/32", "0.0.0.0/0", "192.168.200.0/24", "192.168.200.21",
		"fd00:1::/64", "fd00:1::1", "::/0", "2001:DB8::1/128", "::ffff:10.1.2.3"}
	wrongSources = []string{"node", "10.1.2.3/33", "10.1.2.3/16", "010.1.2.3", "fe80::1%eth0", "10.1.2.3-10.1.2.9", "", " ", "@nodes4", "nodes;accept", "nodes } accept", "10.1.2.3 accept\naccept", "$(id)", "*", "any", "ANYWHERE", "{ 10.1.2.3 }"}
	rightPorts   = []any{80, "443", "9000-9010", "30000-32767", 65535, 1}
	wrongPorts   = []any{0, 65536, -1, "9010-9000", "80,443", "http", "80 accept", "80; accept", "{ 80 }", "1-", ""}
	protocols    = []string{"tcp", "udp", "sctp", "icmp", "tcp accept", ""}
	interfaces   = []string{"cni*", "cali*", "kube-*", "eth0", "lo", "br-lan", `x" accept #`, "*", "a b", "cni0;", "averylongname123"}
	networks     = []string{`{flannel: {}}`, `{flannel: {backend: wireguard}}`, `{calico: {}}`, `{calico: {encapsulation: none}}`, `{bridge: {}, static-routes: {}}`, `{bridge: {}, static-routes: {masquerade: false}}`, `{bridge: {}, kube-proxy: false, kube-router: {podNetwork: true}}`}
)

// fuzzer makes topologies; in every second one all is right.
type fuzzer struct {
	*rand.Rand
	right bool
}

func pick[T any](f *fuzzer, right, wrong []T) T {
	if !f.right && f.IntN(6) == 0 {
		return wrong[f.IntN(len(wrong))]
	}
	return right[f.IntN(len(right))]
}

func several[T any](f *fuzzer, most int, right, wrong []T) []T {
	out := make([]T, f.IntN(most+1))
	for i := range out {
		out[i] = pick(f, right, wrong)
	}
	return out
}

// topology gives one as JSON, which is YAML.
func (f *fuzzer) topology(t *testing.T) string {
	t.Helper()
	sources := func() []string { return several(f, 4, rightSources, wrongSources) }
	ports := []map[string]any{}
	for range f.IntN(5) {
		p := map[string]any{"port": pick(f, rightPorts, wrongPorts), "protocol": pick(f, protocols[:3], protocols[3:])}
		if from := sources(); len(from) > 0 {
			p["from"] = from
		}
		ports = append(ports, p)
	}
	firewall := map[string]any{"ssh": sources(), "ports": ports, "nodePorts": sources(), "podSources": sources(), "podInterfaces": several(f, 3, interfaces[:6], interfaces[6:])}
	if f.IntN(4) == 0 {
		firewall["nodePortRange"] = pick(f, []any{"30000-32767", "20000-20100"}, wrongPorts)
	}
	if f.IntN(4) == 0 {
		firewall["nodes"] = append([]string{"192.168.200.21", "192.168.200.31", "192.168.200.41", "fd00:1::21", "fd00:1::31", "fd00:1::41"}, several(f, 2, []string{"192.168.200.40", "fd00:1::40"}, wrongSources)...)
	}
	four, six := []string{"192.168.200.%d/24", "10.240.0.0/16", "10.96.0.0/16", "192.168.200.21"}, []string{"fd00:1::%d/64", "fd00:10::/56", "fd00:20::/112", "fd00:1::21"}
	families := [][][]string{{four}, {six}, {four, six}, {six, four}}[f.IntN(4)]
	possible := networks
	if len(families) > 1 || strings.Contains(families[0][0], ":") {
		possible = slices.DeleteFunc(slices.Clone(networks), func(n string) bool { return strings.Contains(n, "calico") }) // which has IPv4 alone
	}
	var chosen map[string]any
	if err := json.Unmarshal([]byte(expandJSON(possible[f.IntN(len(possible))])), &chosen); err != nil {
		t.Fatal(err)
	}
	chosen["firewall"] = firewall
	column := func(n int) []string {
		var out []string
		for _, family := range families {
			out = append(out, family[n])
		}
		return out
	}
	host := func(name, role string, last int) map[string]any {
		addresses := column(0)
		for i := range addresses {
			addresses[i] = fmt.Sprintf(addresses[i], last)
		}
		return map[string]any{"name": name, "roles": []string{role}, "address": addresses}
	}
	hosts := []map[string]any{host("cp1", "control-plane", 21), host("w1", "worker", 31)}
	if f.IntN(3) == 0 {
		hosts = append(hosts, host("e1", "etcd", 41))
	}
	endpoint := families[0][3]
	if strings.Contains(endpoint, ":") {
		endpoint = "[" + endpoint + "]"
	}
	text, err := json.MarshalIndent(map[string]any{
		"apiVersion": "kubespore/v1alpha1", "kind": "Topology", "cluster": map[string]any{"name": "fuzzed", "endpoint": endpoint + ":6443"}, "kubernetes": map[string]any{"version": "v1.37.2"},
		"os": "debian", "network": map[string]any{"pods": column(1), "services": column(2)}, "access": map[string]any{"users": []any{map[string]any{"name": "core", "sshAuthorizedKeys": []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICnRVHZevH/i0iE0Xbth8WDFpjSgxI3ze+k2jiXkLuPk x"}}}},
		"profiles": chosen, "hosts": hosts,
	}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// expandJSON makes JSON of the short forms above.
func expandJSON(text string) string {
	var b strings.Builder
	for _, part := range strings.FieldsFunc(strings.NewReplacer("{", " { ", "}", " } ", ":", " : ", ",", " , ").Replace(text), func(r rune) bool { return r == ' ' }) {
		if strings.Contains("{}:,", part) || part == "true" || part == "false" {
			b.WriteString(part)
		} else {
			fmt.Fprintf(&b, "%q", part)
		}
	}
	return b.String()
}

// TestFuzzedNft: everything that a topology says about the firewall is refused at its line, or
// nft takes every table of the document. The same topologies are made each time.
func TestFuzzedNft(t *testing.T) {
	needRoot(t)
	t.Parallel()
	ours := profile.Source{Name: "profiles", FS: profiles.FS}
	var refused, kept, tables int
	for seed := range uint64(fuzzedTopologies) {
		f := &fuzzer{rand.New(rand.NewPCG(seed, 16)), seed%2 == 0}
		text := f.topology(t)
		for _, host := range []string{"cp1", "w1"} {
			doc, list := compiletest.Document("fuzzed.json", []byte(text), host, func(string) ([]byte, error) { return nil, fs.ErrNotExist }, time.Unix(1785500000, 0), ours)
			if list.HasErrors() {
				refused++
				for _, d := range list {
					if d.Position.Line == 0 {
						t.Errorf("seed %d: it is not said where: %s", seed, d.Message)
					}
				}
				if f.right {
					t.Errorf("seed %d: what is right is refused: %s\n%s", seed, list, text)
				}
				break
			}
			kept++
			entries, err := doc.Entries()
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if path.Ext(e.Path) != ".nft" {
					continue
				}
				tables++
				c := exec.Command("nft", "--check", "--file", "-")
				c.Stdin = strings.NewReader(string(e.Content))
				if out, err := c.CombinedOutput(); err != nil {
					t.Errorf("seed %d: nft refuses %s of %s: %v\n%s%s", seed, e.Path, host, err, out, text)
				}
			}
		}
	}
	t.Logf("%d topologies refused, %d documents with %d tables that nft takes", refused, kept, tables)
	if refused < fuzzedTopologies/5 || kept < fuzzedTopologies {
		t.Errorf("too few of a kind: %d refused, %d documents", refused, kept)
	}
}
