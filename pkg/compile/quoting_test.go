package compile_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/compile/compiletest"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/emit"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/render"
	"github.com/kubespore/kubespore/pkg/topology"
	"github.com/kubespore/kubespore/profiles"
)

// hostile are texts with the marks of every language that profiles write, and
// texts that look like something else there.
var hostile = []string{
	"a b", "a\tb", " a", "a ", "a\nb", "a\rb", "a\x00b", "a\u0085b", "a\u2028b", "a\u202eb", "a\x1b[31mb",
	"a#b", "a #b", "#a", "a;b", "a;reboot", "a|b", "a&b", "a>b", "a<b", "$(id)", "`id`", "$HOME", "${HOME}", "a$b", "$$", "!a", "a!b",
	`a"b`, `"`, `a'b`, `'`, `a\b`, `a\`, `\n`, "a%b", "%i", "%%", "100%", "%h/x",
	"{a}", "a{b}", "[a]", "[a", "a]", "{{.Host}}", "a: b", "a:", ": a", "- a", "? a", "*a", "&a", "@a", ",a", "a,b", "a, b", "|", ">", "<<",
	"7e10", "0x1f", "0o17", "1_000", "123", "1.5", "on", "No", "yes", "true", "null", "~", ".inf", "2026-11-28", "12:30:45", "=", "a=b", "a = b",
	"é", "日本", "../a", "/etc", "/a/../etc", "a/b", "-a", "--a", "a\nExecStartPost=/bin/sh", "a\nforward . 6.6.6.6", "*(rw)", "a(rw)", "10.0.0.0/8 *(rw)", "ALL=(ALL) NOPASSWD: ALL",
	strings.Repeat("a", 5000),
}

// bases are topologies in which each profile is selected by one.
var bases = map[string]string{
	"pods":         `{flannel: {}, registry: {hosts: [h1], proxies: [{registry: docker.io, port: 5001}]}, updates: {}, keepalived: {}, control-plane: {audit: metadata}}`,
	"units":        `{flannel: {}, docker: {}, control-plane: {run: units}, etcd-service: {onControlPlanes: true}, kube-proxy: {run: unit}}`,
	"flannel-etcd": `{bridge: {}, flannel-etcd: {hosts: [h1]}, kube-proxy: {run: static-pod}}`,
	"kube-router":  `{flannel: {}, kube-proxy: false, kube-router: {}}`,
	"calico":       `{calico: {}}`,
	"cilium":       `{kube-proxy: false, cilium: {manifest: cilium.yaml}}`,
	"nfs":          `{flannel: {}, nfs: {hosts: [h1], exports: [{path: /srv/share}]}}`,
	"topology":     `{flannel: {}, control-plane: {audit: metadata}}`,
}

const baseTopology = `
apiVersion: kubespore/v1alpha1
kind: Topology
cluster: {name: zzcluster, endpoint: "%s:6443"}
kubernetes: {version: v1.36.3}
network: {pods: [10.240.0.0/12], services: [10.96.0.0/16], nameservers: [10.7.7.7], searchDomains: [zzdomain.example], ntp: [zztime.example]}
os: %s
access: {users: [{name: zzuser, groups: [zzgroup], shell: /bin/zzshell, passwordHash: "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/", sshAuthorizedKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICnRVHZevH/i0iE0Xbth8WDFpjSgxI3ze+k2jiXkLuPk zz@example.org]}]}
profiles: %s
hosts:
  - {name: h1, roles: [control-plane, worker], labels: {zzkey: zzvalue}, taints: [{key: zztaint, value: zzworth, effect: NoSchedule}],
     disks: [{device: /dev/disk/by-id/zzdisk, filesystem: ext4, label: zzlabel, mount: /var/lib/zzmount, options: [zzoption]}, {device: /dev/disk/by-id/zzparts, partitions: [{name: zzpart, size: 1Gi, mount: /var/lib/zzpart}]}],
     arrays: [{name: zzarray, level: raid1, devices: [/dev/disk/by-id/zzone, /dev/disk/by-id/zztwo], mount: /var/lib/zzarray}],
     interfaces: [{name: zzlan, addresses: [192.168.200.21/24], gateway: 192.168.200.1, routes: [{to: 10.9.9.0/24, via: 192.168.200.7}]}, {name: zzbond, kind: bond, members: [zzp1, zzp2]}, {name: zzp1}, {name: zzp2}]}
`

// slot is a place for a free text in a topology.
type slot struct {
	path   string // of diagnostics about it, at least
	base   string // key of bases
	benign string // a value that fits
	set    func(tree map[string]any, text string)
}

// topologySlots are the free texts of the topology's own fields: each benign text
// of the base stands in one place.
func topologySlots(t *testing.T) []slot {
	var out []slot
	for path, benign := range map[string]string{
		"cluster.name": "zzcluster", "cluster.domain": "zz.local", "kubernetes.imageRepository": "zz.example/k8s", "network.searchDomains[0]": "zzdomain.example", "network.ntp[0]": "zztime.example",
		"access.users[0].name": "zzuser", "access.users[0].groups[0]": "zzgroup", "access.users[0].shell": "/bin/zzshell", "access.users[0].sshAuthorizedKeys[0]": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICnRVHZevH/i0iE0Xbth8WDFpjSgxI3ze+k2jiXkLuPk zz@example.org",
		"access.users[0].passwordHash": "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/",
		"hosts[0].labels.zzkey":        "zzvalue", "hosts[0].taints[0].key": "zztaint", "hosts[0].taints[0].value": "zzworth", "hosts[0].disks[0].device": "/dev/disk/by-id/zzdisk", "hosts[0].disks[0].label": "zzlabel",
		"hosts[0].disks[1].partitions[0].name": "zzpart", "hosts[0].arrays[0].name": "zzarray", "hosts[0].arrays[0].devices[0]": "/dev/disk/by-id/zzone", "hosts[0].disks[0].mount": "/var/lib/zzmount", "hosts[0].disks[0].options[0]": "zzoption", "hosts[0].interfaces[0].name": "zzlan", "hosts[0].interfaces[1].name": "zzbond", "hosts[0].serial": "zzserial", "hosts[0].name": "zzhost",
	} {
		out = append(out, slot{path, "topology", benign, func(tree map[string]any, text string) { put(t, tree, path, text) }})
	}
	slices.SortFunc(out, func(a, b slot) int { return strings.Compare(a.path, b.path) })
	return out
}

// put sets the value of a path such as hosts[0].disks[0].label.
func put(t *testing.T, tree map[string]any, path string, value any) {
	t.Helper()
	var at any = tree
	steps := strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune(".[]", r) })
	for i, s := range steps {
		last := i == len(steps)-1
		switch in := at.(type) {
		case map[string]any:
			if last {
				in[s] = value
			}
			at = in[s]
		case []any:
			n := int(s[0] - '0')
			if last {
				in[n] = value
			}
			at = in[n]
		default:
			t.Fatalf("there is no %s", path)
		}
	}
}

// paramSlots are the free texts of the parameters of every profile.
func paramSlots(t *testing.T, c *profile.Catalog) []slot {
	var out []slot
	for _, p := range c.Profiles {
		base := "pods"
		for _, name := range slices.Sorted(maps.Keys(bases)) {
			if strings.Contains(bases[name], p.Name+":") && !strings.Contains(bases[name], p.Name+": false") {
				base = name
			}
		}
		for i := range p.Params {
			q := &p.Params[i]
			if q.From != nil { // no topology says it
				continue
			}
			under := "profiles." + p.Name + "." + q.Name
			for _, v := range variants(q) {
				for _, base := range slices.Compact([]string{base, map[bool]string{true: "units", false: base}[q.Type == "flags" && p.Name != "kube-router"]}) {
					out = append(out, slot{under + v.at, base, v.benign, func(tree map[string]any, text string) {
						all := tree["profiles"].(map[string]any)
						params, _ := all[p.Name].(map[string]any)
						if params == nil {
							params = map[string]any{}
						}
						for k := range p.Params {
							if f := &p.Params[k]; f.Required && f.From == nil && params[f.Name] == nil {
								params[f.Name] = fitting(f)
							}
						}
						params[q.Name] = v.make(text)
						all[p.Name] = params
					}})
				}
			}
		}
	}
	return out
}

// variant is a way to put a text into a parameter.
type variant struct {
	at, benign string
	make       func(text string) any
}

func variants(q *profile.Param) []variant {
	switch q.Type {
	case "flags":
		return []variant{{"[0]", "qqq", func(s string) any { return []any{"zz-flag=" + s} }}, {"", "qqqname", func(s string) any { return map[string]any{s: "1"} }}}
	case "list":
		if len(q.Fields) > 0 {
			var out []variant
			for i := range q.Fields {
				for _, v := range variants(&q.Fields[i]) {
					out = append(out, variant{"[0]." + q.Fields[i].Name + v.at, v.benign, func(s string) any {
						element := map[string]any{}
						for k := range q.Fields {
							if f := &q.Fields[k]; f.Required {
								element[f.Name] = fitting(f)
							}
						}
						element[q.Fields[i].Name] = v.make(s)
						return []any{element}
					}})
				}
			}
			return out
		}
		if benign, ok := text(q, q.Items); ok {
			return []variant{{"[0]", benign, func(s string) any { return []any{s} }}}
		}
	case "map":
		if benign, ok := text(q, q.Items); ok {
			name := "qqqname"
			if q.Keys != "" {
				name, _ = text(&profile.Param{Pattern: q.Keys}, "string")
			}
			return []variant{{"", benign, func(s string) any { return map[string]any{strings.ReplaceAll(name, "q", "z"): s} }}, {"", name, func(s string) any { return map[string]any{s: benign} }}}
		}
	default:
		if benign, ok := text(q, q.Type); ok {
			return []variant{{"", benign, func(s string) any { return s }}}
		}
	}
	return nil
}

// fitting gives a value that a parameter takes.
func fitting(q *profile.Param) any {
	if q.Type == "port" {
		return 7077
	}
	for _, v := range variants(q) {
		return v.make(strings.ReplaceAll(v.benign, "qqq", "zzz"))
	}
	return nil
}

// text gives a text that fits a type; types without texts have none.
func text(q *profile.Param, kind string) (string, bool) {
	if len(q.Enum) > 0 {
		return q.Enum[0], true
	}
	if q.Pattern != "" && kind == "string" {
		re, err := syntax.Parse(strings.Trim(q.Pattern, "^$"), syntax.Perl)
		if err != nil {
			panic(err)
		}
		return matching(re), true
	}
	s, ok := map[string]string{"": "qqq", "string": "qqq", "path": "/var/lib/qqq", "cidr": "10.77.0.0/16", "address": "10.77.7.7", "ports": "7077", "source": "10.77.0.0/16",
		"duration": "77s", "size": "77Mi", "image": "qqq.example/qqq"}[kind]
	return s, ok
}

// matching gives a text that an expression matches, of q where it may be.
func matching(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCharClass:
		for _, want := range []rune{'q', 'a', '7', 'K'} {
			for i := 0; i < len(re.Rune); i += 2 {
				if re.Rune[i] <= want && want <= re.Rune[i+1] {
					return string(want)
				}
			}
		}
		return string(re.Rune[0])
	case syntax.OpConcat:
		out := ""
		for _, sub := range re.Sub {
			out += matching(sub)
		}
		return out
	case syntax.OpAlternate:
		return matching(re.Sub[len(re.Sub)-1])
	case syntax.OpCapture, syntax.OpQuest:
		return matching(re.Sub[0])
	case syntax.OpStar, syntax.OpPlus:
		if re.Sub[0].Op == syntax.OpCapture || re.Sub[0].Op == syntax.OpLiteral {
			return matching(re.Sub[0])
		}
		return strings.Repeat(matching(re.Sub[0]), 3)
	case syntax.OpRepeat:
		return strings.Repeat(matching(re.Sub[0]), max(re.Min, min(3, re.Max)))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "q"
	}
	return ""
}

// counts is what the fuzz says at its end.
type counts struct{ slots, texts, refused, kept, wrong int }

// TestQuoting puts every hostile text into every free text of a topology and of
// the parameters of every profile. Either it is refused at its line, or every
// file holds it, read as its program reads it, where a harmless text stood.
func TestQuoting(t *testing.T) {
	catalog, list := profile.Load(profile.Source{Name: "profiles", FS: profiles.FS})
	if list.HasErrors() {
		t.Fatal(list)
	}
	slots := append(topologySlots(t), paramSlots(t, catalog)...)
	for _, system := range []string{"fedora-coreos", "debian"} {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			n := counts{slots: len(slots), texts: len(hostile)}
			for i, s := range slots {
				var want map[string]int
				if (s.base == "nfs" || strings.HasPrefix(s.path, "profiles.packages.")) && system == "fedora-coreos" {
					continue // which has no NFS server and installs no packages
				}
				for j, text := range hostile {
					if !everyText && (i+j)%quickPart != 0 {
						continue
					}
					d, refused := compiled(t, catalog, s, system, text)
					if d == nil {
						n.refused++
						for _, e := range refused {
							if e.Severity == diag.Error && (e.Code != "T001" || e.Position.Line == 0) && !strings.HasPrefix(e.Path, strings.SplitN(s.path, "[", 2)[0]) && !strings.HasPrefix(e.Path, s.path) {
								n.wrong++
								t.Errorf("%s = %.50q is refused at %s: %s %s", s.path, text, e.Path, e.Code, e.Message)
							}
						}
						continue
					}
					if want == nil {
						harmless, problems := compiled(t, catalog, s, system, s.benign)
						if harmless == nil {
							t.Errorf("%s: the harmless %q is refused: %v", s.path, s.benign, problems)
							break
						}
						want = harmless
					}
					n.kept++
					if difference := compared(want, d, s.benign, text); difference != "" {
						n.wrong++
						t.Errorf("%s = %.50q comes back as something else (harmless: %q):\n%s", s.path, text, s.benign, difference)
					}
				}
			}
			t.Logf("%s: %d free texts x %d hostile texts: %d refused at their line, %d kept as they are, %d wrong", system, n.slots, n.texts, n.refused, n.kept, n.wrong)
		})
	}
}

// compiled gives what the only host's document holds, or what is wrong.
func compiled(t *testing.T, c *profile.Catalog, s slot, system, text string) (map[string]int, diag.List) {
	t.Helper()
	endpoint := "192.168.200.21"
	if strings.Contains(bases[s.base], "keepalived") {
		endpoint = "192.168.200.240"
	}
	tree := map[string]any{}
	if err := yaml.Unmarshal(fmt.Appendf(nil, baseTopology, endpoint, system, bases[s.base]), &tree); err != nil {
		t.Fatal(err)
	}
	s.set(tree, text)
	source, err := yaml.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	parsed, list := topology.Parse("t.yaml", source, compile.Known(c))
	if list.HasErrors() {
		return nil, list
	}
	manifest, err := os.ReadFile("../../testdata/good/files/cilium.yaml")
	if err != nil {
		t.Fatal(err)
	}
	planned, evaluator, list := plan.Build(plan.Inputs{Topology: parsed, Catalog: c,
		Files: map[string]plan.UserFile{"cilium.yaml": {Name: "cilium.yaml", File: "cilium.yaml", Content: manifest}}})
	if list.HasErrors() {
		return nil, list
	}
	r, list := render.New(planned, evaluator, func(string) ([]byte, fs.FS, error) { return nil, nil, fs.ErrNotExist })
	if list.HasErrors() {
		return nil, list
	}
	r.SetGeneration(1)
	keys, shown := compiletest.Keys(planned, now)
	d, list := r.Host(planned.Hosts[0], keys)
	if list.HasErrors() {
		return nil, list
	}
	if system == "debian" { // through the other form, and back
		seed, problems := emit.CloudInit(d)
		if problems.HasErrors() {
			return nil, problems
		}
		if d, err = emit.ReadCloudInit(d.Host, seed.UserData, nil); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := d.Entries()
	if err != nil {
		t.Fatal(err)
	}
	// A digest of all the others.
	entries = slices.DeleteFunc(entries, func(e document.Entry) bool { return e.Path == document.StatePath })
	out := leavesOf(t, everyText, entries, shown)
	for _, u := range d.Config.Passwd.Users {
		out[fmt.Sprintf("user\x00%s %v %v", u.Name, u.Groups, u.SSHAuthorizedKeys)]++
	}
	return out, nil
}

// compared says where two documents differ otherwise than by the one text.
func compared(harmless, have map[string]int, benign, text string) string {
	var out []string
	want := map[string]int{}
	for leaf, n := range harmless {
		want[strings.ReplaceAll(leaf, benign, text)] += n
	}
	for leaf, n := range have {
		if want[leaf] != n {
			out = append(out, fmt.Sprintf("  has  %.200q", leaf))
		}
	}
	for leaf, n := range want {
		if have[leaf] != n {
			out = append(out, fmt.Sprintf("  want %.200q", leaf))
		}
	}
	slices.Sort(out)
	return strings.Join(out[:min(len(out), 8)], "\n")
}
