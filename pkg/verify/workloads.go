package verify

import (
	"fmt"
	"path"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// everywhere is what a DaemonSet listens on, on each node that takes it.
type everywhere struct {
	listener
	tolerates bool // it runs on dedicated control planes too
}

// daemonSets gives what the DaemonSets among the objects of a host listen on,
// where nothing narrows the nodes that take them.
func daemonSetsOf(m *machine) []everywhere {
	var out []everywhere
	for _, o := range m.objects {
		set, ok := o.typed.(*appsv1.DaemonSet)
		if !ok || path.Dir(o.entry.Path) == StaticPodDir {
			continue
		}
		spec := &set.Spec.Template.Spec
		if len(spec.NodeSelector) > 0 && spec.NodeSelector[corev1.LabelOSStable] == "" || spec.Affinity != nil {
			continue
		}
		at := m.doc.At(o.entry.Item)
		if m.verbatim[o.entry.Path] {
			at.Line = o.line
		}
		l := &listenerList{m: m}
		l.pod(spec, fmt.Sprintf("the DaemonSet %s/%s", set.Namespace, set.Name), m.doc.Origins[o.entry.Item].Profile, at)
		tolerates := slices.ContainsFunc(spec.Tolerations, func(t corev1.Toleration) bool {
			return t.Key == "" && t.Operator == corev1.TolerationOpExists || strings.HasPrefix(t.Key, "node-role.kubernetes.io/")
		})
		for _, one := range l.list {
			out = append(out, everywhere{one, tolerates})
		}
	}
	return out
}

// hostListeners is who listens on a host, and what its objects start on all.
type hostListeners struct {
	host *plan.Host
	own  []listener
	sets []everywhere
}

// portsOfPods proves that no pod that runs on every node wants a port that
// something on some node has.
func (v *clusterProofs) portsOfPods(out *diag.List) {
	said := map[string]bool{}
	slices.SortFunc(v.listening, func(a, b hostListeners) int { return strings.Compare(a.host.Name, b.host.Name) })
	for _, from := range v.listening {
		for _, set := range from.sets {
			for _, on := range v.listening {
				if !on.host.IsNode || on.host.IsControlPlane && !on.host.IsWorker && !set.tolerates {
					continue
				}
				i := slices.IndexFunc(on.own, func(l listener) bool { return set.clashes(l) })
				if key := set.String(); i >= 0 && !said[key] {
					said[key] = true
					out.Errorf("V061", set.at, on.host.Name, "%s cannot listen together with %s", set.listener, on.own[i]).
						WithHint("give one of the two another port").WithRelated(on.own[i].at, "%s", on.own[i].what)
				}
			}
		}
	}
}
