package verify

import (
	"cmp"
	"slices"
	"strings"
)

// Call is a program of a host that dials a server over TLS.
type Call struct {
	Host     string
	Program  string // or the kubeconfig by which it dials
	To       string // host:port; "" for the kubelets of all nodes
	Kubelets bool   // it dials the kubelet of every node
}

// Calls gives who dials whom, as the documents that Host has seen say it, each
// once.
func (v *Verifier) Calls() []Call {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []Call
	for _, end := range v.cluster.ends {
		for _, c := range end.clients {
			call := Call{Host: c.host, Program: strings.TrimLeft(strings.TrimPrefix(c.what, c.host+":"), " "), Kubelets: c.kubelets}
			if c.kubelets {
				out = append(out, call)
			}
			for _, to := range c.dials {
				call.To = to
				out = append(out, call)
			}
		}
	}
	slices.SortFunc(out, func(a, b Call) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Program, b.Program), cmp.Compare(a.To, b.To))
	})
	return slices.Compact(out)
}
