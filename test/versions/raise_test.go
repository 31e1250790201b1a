package main

import (
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// known is a proxy with these modules and no others.
type known map[string][]string

func (k known) versions(module string) ([]string, error) {
	if k[module] == nil {
		return nil, errors.New("not available")
	}
	return k[module], nil
}

func (k known) constants(minor string) (map[string]string, error) {
	return map[string]string{"DefaultEtcdVersion": "3.7.1-0", "CoreDNSVersion": "v1.14.9"}, nil
}

// TestRaise raises a table, and finds nothing to raise the second time.
func TestRaise(t *testing.T) {
	const table = `# A table.
all:
  # renovate: datasource=go depName=example/runc
  runc: 1.9.3
  # renovate: datasource=go depName=example/older
  older: v2.11.1
  # renovate: datasource=go depName=example/refused
  refused: 28.5.2
  # renovate: datasource=docker depName=haproxy
  haproxy: 3.2.4-alpine
"1.37":
  # renovate: datasource=go depName=k8s.io/api allowedVersions=v0.37
  newest: v1.37.2
  # by hand: as the project announces
  endOfLife: 2027-10-28
  # kubeadm: DefaultEtcdVersion
  etcd: 3.7.0-0
  # kubeadm: DefaultEtcdVersion
  etcdBinaries: v3.7.0
  # kubeadm: CoreDNSVersion
  coredns: v1.14.6
`
	from := known{
		"example/runc":  {"v1.9.3", "v1.10.0+incompatible", "v1.11.0-rc.1"},
		"example/older": {"v2.1.0"},
		"k8s.io/api":    {"v0.36.9", "v0.37.10", "v0.38.0"},
	}
	want := strings.NewReplacer("1.9.3", "1.10.0", "v1.37.2", "v1.37.10", "3.7.0", "3.7.1", "v1.14.6", "v1.14.9").Replace(table)
	once, report, err := raise(table, from)
	if err != nil || once != want {
		t.Fatalf("%v\n%s", err, once)
	}
	if i := slices.IndexFunc(report, func(l string) bool { return strings.Contains(l, "not available") }); i < 0 || len(report) != 6 {
		t.Errorf("%q", report)
	}
	twice, report, err := raise(once, from)
	if err != nil || twice != once || len(report) != 1 {
		t.Errorf("the second time: %v %q\n%s", err, report, twice)
	}
	if _, _, err := raise("all:\n  runc: 1.0.0\n", from); err == nil {
		t.Error("a value without a source is taken")
	}
}

// TestEverySource holds that each line of the real table says where its value
// comes from, in a form that is understood.
func TestEverySource(t *testing.T) {
	text, err := os.ReadFile("../../profiles/versions.yaml")
	if err != nil {
		t.Fatal(err)
	}
	asked := recorder{}
	if _, _, err := raise(string(text), asked); err != nil {
		t.Fatal(err)
	}
	for _, module := range []string{"k8s.io/api", "github.com/containerd/containerd/v2", "kubeadm 1.37"} {
		if !asked[module] {
			t.Errorf("%s is not asked: %v", module, asked)
		}
	}
}

type recorder map[string]bool

func (r recorder) versions(module string) ([]string, error) {
	r[module] = true
	return nil, nil
}

func (r recorder) constants(minor string) (map[string]string, error) {
	r["kubeadm "+minor] = true
	return nil, errors.New("not asked")
}

// TestRenovate tries what docs/versions.md gives Renovate on the table: every
// comment names the line below it, and the value has no v, which the versions
// that Renovate finds then lack, too.
func TestRenovate(t *testing.T) {
	page, err := os.ReadFile("../../docs/versions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```json\n")
	block, _, _ = strings.Cut(block, "```\n")
	var config struct {
		CustomManagers []struct {
			MatchStrings           []string
			ExtractVersionTemplate string
		}
		PackageRules []struct{ MatchDepNames []string }
	}
	if err := json.Unmarshal([]byte(block), &config); err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("../../profiles/versions.yaml")
	if err != nil {
		t.Fatal(err)
	}
	manager := config.CustomManagers[0]
	found := map[string]bool{}
	lines := regexp.MustCompile(manager.MatchStrings[0]).FindAllStringSubmatch(string(table), -1)
	for _, line := range lines {
		found[line[2]] = true
		if line[3] == "" || line[3][0] < '0' || line[3][0] > '9' {
			t.Errorf("%s has the value %q", line[2], line[3])
		}
		if got := regexp.MustCompile(manager.ExtractVersionTemplate).ReplaceAllString("v"+line[3], "$version"); got != line[3] {
			t.Errorf("%s would become %q", line[2], got)
		}
	}
	if want := strings.Count(string(table), "# renovate: "); len(lines) != want {
		t.Errorf("%d of %d comments are matched", len(lines), want)
	}
	for _, rule := range config.PackageRules {
		for _, name := range rule.MatchDepNames {
			if !found[name] {
				t.Errorf("the rules know %s, and the table does not", name)
			}
		}
	}
}
