package oracle

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write docs/kubeadm-differences.md anew")

// page is made from the table of differences.
const page = "../../docs/kubeadm-differences.md"

// difference is one row of differences.yaml. In Where, Ours and Kubeadm an
// asterisk stands for any text.
type difference struct {
	Where   string   `json:"where"`   // subject: field
	Ours    string   `json:"ours"`    // absent: we do not have it
	Kubeadm string   `json:"kubeadm"` // absent: kubeadm does not have it
	Reason  string   `json:"reason"`
	Minors  []string `json:"minors,omitempty"` // all by default
	Cases   []string `json:"cases,omitempty"`  // those it must occur in; any one by default
}

// absent stands for the value of what one side does not have.
const absent = "absent"

func differences(t *testing.T) []difference {
	t.Helper()
	text, err := os.ReadFile("differences.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var list []difference
	if err := yaml.UnmarshalStrict(text, &list); err != nil {
		t.Fatalf("differences.yaml: %v", err)
	}
	return list
}

// describes says whether a row is about a finding.
func (d difference) describes(minor string, f finding) bool {
	if len(d.Minors) > 0 && !slices.Contains(d.Minors, minor) || len(d.Cases) > 0 && !slices.Contains(d.Cases, f.example) {
		return false
	}
	return glob(d.Where, f.where) && glob(d.Ours, f.ours) && glob(d.Kubeadm, f.kubeadm)
}

// finding is one way in which a case of the comparison differs.
type finding struct{ example, where, ours, kubeadm string }

func (f finding) String() string {
	return fmt.Sprintf("- where: %q\n  ours: %q\n  kubeadm: %q\n  cases: [%s]", f.where, f.ours, f.kubeadm, f.example)
}

func glob(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	return regexp.MustCompile(`(?s)^(?:` + strings.Join(parts, ".*") + `)$`).MatchString(text)
}

// TestGoldenDifferences holds the page for readers against the table.
func TestGoldenDifferences(t *testing.T) {
	list := differences(t)
	for _, d := range list {
		if d.Where == "" || d.Reason == "" || d.Ours == d.Kubeadm {
			t.Errorf("differences.yaml: a row needs where, two values that differ, and a reason: %+v", d)
		}
	}
	want := render(list)
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(page); err != nil || string(got) != want {
		t.Errorf("docs/kubeadm-differences.md is not what differences.yaml says (%v): go test ./test/oracle -run Golden -update", err)
	}
}

// chapters of the page, by the first word of where.
var chapters = []struct{ subject, title string }{
	{"certificate", "Certificates"},
	{"kubeconfig", "Kubeconfigs"},
	{"flags", "Flags"},
	{"pod", "Static pods"},
	{"kubelet", "Kubelet"},
	{"object", "Objects in the cluster"},
}

const preamble = `# Where kubespore differs from kubeadm

<!-- Made from test/oracle/differences.yaml: go test ./test/oracle -run Golden -update -->

` + "`make check`" + ` asks kubeadm of the same minor for the cluster of ` + "`examples/ha.yaml`" + ` and
` + "`examples/external-etcd.yaml`" + ` and compares, value by value: every certificate (subject, usages,
names, issuer), every kubeconfig, every static pod, the configuration of kubelet and kube-proxy, and
every object that the cluster holds. All that differs stands here; what does not stand here is the
same. An asterisk stands for any text.
`

// render writes the page.
func render(list []difference) string {
	var b strings.Builder
	b.WriteString(preamble)
	for _, c := range chapters {
		rows := slices.DeleteFunc(slices.Clone(list), func(d difference) bool { return !strings.HasPrefix(d.Where, c.subject+" ") })
		if len(rows) == 0 {
			continue
		}
		slices.SortStableFunc(rows, func(a, b difference) int { return cmp.Compare(a.Where, b.Where) })
		fmt.Fprintf(&b, "\n## %s\n\n| where | kubespore | kubeadm | why |\n|---|---|---|---|\n", c.title)
		for _, d := range rows {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", cell(strings.TrimPrefix(d.Where, c.subject+" ")), cell(d.Ours), cell(d.Kubeadm), d.why())
		}
	}
	return b.String()
}

// why gives the reason, with the minors and hosts that it is bound to.
func (d difference) why() string {
	reason := strings.Join(strings.Fields(d.Reason), " ")
	var only []string
	if len(d.Minors) > 0 {
		only = append(only, "Kubernetes "+strings.Join(d.Minors, ", "))
	}
	if len(d.Cases) > 0 {
		only = append(only, strings.Join(d.Cases, ", "))
	}
	if len(only) > 0 {
		reason += " (" + strings.Join(only, "; ") + ")"
	}
	return reason
}

func cell(text string) string {
	switch text {
	case absent, "present":
		return text
	case "":
		return "empty"
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}
