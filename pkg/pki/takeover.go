package pki

import (
	"net/netip"
	"slices"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// Taken is what a store takes over of a cluster that something else made.
type Taken struct {
	Authorities map[string]plan.Pair      // by name; without a key where it is kept elsewhere
	KeyPairs    map[string][]byte         // of the cluster, by name: private keys as PEM
	PodCIDRs    map[string][]netip.Prefix // by host
	Founders    []string                  // the members of etcd, sorted: no other may begin a cluster
}

// TakeOver puts the keys of a cluster into an empty store, from Commit on. It
// judges each authority as a build does, and takes all or nothing.
func TakeOver(s *Store, t Taken, now time.Time) diag.List {
	var list diag.List
	names, err := s.names()
	if err != nil {
		list.AddError("K001", failure(err))
		return list
	}
	if i := slices.IndexFunc(names, func(name string) bool { return kindOf(name) != ownFile }); i >= 0 {
		list.Errorf("K004", diag.Position{File: s.dir}, "", "the store holds keys already: %s", names[i]).
			WithHint("name a new folder with --pki")
		return list
	}
	taken := map[string][]byte{}
	for name, pair := range t.Authorities {
		if _, err := s.loadAuthority(name, pair.Certificate, pair.Key, now); err != nil {
			list.AddError("K013", err)
		}
		taken[authorityFile(name)+".crt"] = pair.Certificate
		if pair.Key != nil {
			taken[authorityFile(name)+".key"] = pair.Key
		}
	}
	for name, key := range t.KeyPairs {
		if _, err := parseKey(key); err != nil {
			list.Errorf("K024", diag.Position{File: s.dir}, "", "the key %s cannot be used: %s", name, err).
				WithHint("take the file from a control plane that runs")
		}
		taken["cluster/"+name+".key"] = key
	}
	if list.HasErrors() {
		return list.Sorted()
	}
	for name, text := range taken {
		s.write(name, text)
	}
	if err := s.SetAllocations(plan.Allocations{PodCIDRs: t.PodCIDRs, Founders: t.Founders}); err != nil {
		list.AddError("K001", err)
	}
	return list
}
