package verify

import (
	"path"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
)

// commandLines judges the command lines of programs by the tables of the release.
type commandLines struct {
	release release
	refused map[string]bool // "kubelet --v=x": flags of the user's that Given has refused
}

// flags proves that a program of Kubernetes or etcd knows the flags that it is
// started with in this release. argv may start with a shell or another program
// that runs it; what the table does not cover is left alone.
func (v commandLines) flags(argv []string, at diag.Position, where string, out *diag.List) {
	program := ""
	for _, arg := range argv {
		if name := path.Base(strings.TrimLeft(arg, "-@:+!")); !strings.HasPrefix(arg, "-") && v.release.covers("flag", name) {
			program = name
			continue
		}
		if program == "" || !strings.HasPrefix(arg, "--") {
			continue
		}
		if v.refused[program+" "+arg] {
			continue // said at the line of the topology
		}
		flag, value, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		if !v.release.exists("flag", program, flag) {
			out.Errorf("V025", at, where, "%s has no flag --%s in kubernetes %s", program, flag, v.release.minor).
				WithHint("%s", didYouMean(flag, v.release.names("flag", program)))
		}
		if flag == "feature-gates" {
			for gate := range strings.SplitSeq(value, ",") {
				name, _, _ := strings.Cut(gate, "=")
				v.gate(program, name, at, where, out)
			}
		}
	}
}

// services proves the same for programs that units run, with the flags that
// they take from their environment.
func (v *Verifier) services(m *machine, out *diag.List) {
	for _, u := range m.units {
		for _, line := range u.values("Service", "ExecStart", "ExecStartPre", "ExecStartPost") {
			argv := m.expand(u, line)
			out.Append(v.proven.do("service "+u.name+"\x00"+strings.Join(argv, "\x00"), func() (list diag.List) {
				v.lines.flags(argv, m.doc.At(u.item), m.where("unit "+u.name), &list)
				return list
			}))
		}
	}
}
