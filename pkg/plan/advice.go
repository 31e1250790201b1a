package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
)

// advice collects what profiles say that the cluster lacks, each once.
func advice(s *selection) diag.List {
	var out diag.List
	for _, p := range s.enabled {
		for i := range p.Advises {
			a := &p.Advises[i]
			if slices.ContainsFunc(s.classes, func(c *class) bool { return c.byName[p.Name] != nil && s.test(c, p, &a.When) }) {
				out.Warnf("P018", s.topology.At(a.At), a.At, "%s", a.Because).WithHint("%s", a.Hint).WithRelated(a.Position, "said here")
			}
		}
	}
	return out
}

// late says which members of etcd came after the first build, while the topology does not
// say that the cluster runs. They wait for the members of the first build; and a member
// of the first build that boots with an empty disk, and reaches no other, begins anew.
func late(w *world) diag.List {
	var out diag.List
	var founders, joining []string
	at := ""
	for _, h := range w.cluster.EtcdMembers {
		if h.IsFounder {
			founders = append(founders, h.Name)
			continue
		}
		if joining == nil {
			at = h.Path
		}
		joining = append(joining, h.Name)
	}
	if len(joining) == 0 || w.cluster.Formed {
		return nil
	}
	d := out.Warnf("P067", w.topology.At(at), at, "%s came to this topology after its first build, and joins the cluster that %s begins", strings.Join(joining, ", "), cmp.Or(strings.Join(founders, ", "), "no host"))
	d.WithHint("where the cluster runs, write cluster.formed: true; where it has never run, build with a new store (--pki) to let all members begin it together")
	return out
}

// checkBounds holds the numbers that profiles bound against their bounds, on
// every host: a host may have ports, addresses and parameters of its own. What is
// said of one is not said again of hosts that have it from the same line.
func checkBounds(e *evaluation) {
	for _, h := range e.hosts {
		for _, u := range h.class.instances {
			for i := range u.Bounds {
				e.on(h, u).checkBound(&u.Bounds[i])
			}
		}
	}
}

func (s scope) checkBound(bound *profile.Bound) {
	value, valueErr := s.number(bound.Value)
	most, mostErr := s.number(bound.AtMost)
	if valueErr != nil || mostErr != nil || value <= most {
		return
	}
	path := bound.At[len(bound.At)-1]
	for _, one := range slices.Backward(bound.At) {
		for _, at := range []string{one, s.host.Path + "." + one} {
			if _, read := s.read[at]; read || s.topology.Given(at) {
				path = at
			}
		}
	}
	said := fmt.Sprintf("%d is more than %d on %s: %s", value, most, s.host.Name, bound.Because)
	if most == 0 { // what there may be none of is not counted
		said = fmt.Sprintf("not right for %s: %s", s.host.Name, bound.Because)
	}
	at := s.at(path)
	if at.File != s.topology.File {
		path = ""
	}
	s.errorAt("P019", at, path, "%s", said).
		WithHint("%s", strings.ReplaceAll(bound.Hint, "{atMost}", strconv.Itoa(most))).WithRelated(bound.Position, "said here")
}

// number works out a text that is a number; nothing is none.
func (s scope) number(t profile.Text) (int, error) {
	text, _ := s.text(t)
	return strconv.Atoi(strings.TrimSpace(text))
}
