package kit

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kubespore/kubespore/pkg/document"
)

// stepped are the programs that go from one minor to the next and never back, because
// they read what the one before has written. The rules are those of Kubernetes'
// version skew policy and of etcd's upgrade guides.
var stepped = []struct{ name, title string }{{"kubelet", "Kubernetes"}, {"kube-apiserver", "Kubernetes"}, {"etcd", "etcd"}}

// Steps says what is wrong with going from one state to another: a minor that is
// skipped, a way back.
func Steps(old, new document.State) []string {
	var out []string
	for _, s := range stepped {
		was, is := old.Release(s.name), new.Release(s.name)
		if was == "" || is == "" {
			continue
		}
		from, to := numbers(was), numbers(is)
		var why string
		switch {
		case to[0] < from[0] || to[0] == from[0] && (to[1] < from[1] || to[1] == from[1] && to[2] < from[2]):
			why = fmt.Sprintf("%s does not go back from %s to %s", s.title, was, is)
		case to[0] > from[0] || to[1] > from[1]+1:
			why = fmt.Sprintf("%s does not skip a minor from %s to %s", s.title, was, is)
		default:
			continue
		}
		if len(out) == 0 || out[len(out)-1] != why {
			out = append(out, why)
		}
	}
	return out
}

// numbers gives 1, 36, 3 for 1.36.3. What cannot be read counts as 0.
func numbers(version string) [3]int {
	var out [3]int
	for i, part := range strings.SplitN(version, ".", len(out)) {
		out[i], _ = strconv.Atoi(part)
	}
	return out
}

// versions gives the steps that say how a kit changes versions: which release of
// Kubernetes it brings, for which machines wait or apply objects, and what does not go back.
func (m *maker) versions(old document.State) []string {
	var out []string
	was, is := old.Release("kubelet"), m.target.Release("kubelet")
	if is != "" && was != is {
		out = append(out, strings.Join(append([]string{"kubernetes", is}, m.Servers...), " "))
	}
	for _, name := range []string{"etcd", "kube-apiserver"} {
		was, is := old.Release(name), m.target.Release(name)
		if from, to := numbers(was), numbers(is); was != "" && is != "" && (from[0] != to[0] || from[1] != to[1]) {
			out = append(out, "forward "+name+" "+is)
		}
	}
	return out
}
