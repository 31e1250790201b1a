package topology

import (
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// zoneLabel is the label by which Kubernetes knows what fails together: a rack, a
// fire compartment, a room. See kubernetes.io/docs/reference/labels-annotations-taints.
const zoneLabel = "topology.kubernetes.io/zone"

// checkZones warns of a zone that takes the majority of etcd with it, where the
// topology has zones enough to do without. Members that are in no zone say nothing.
func checkZones(c *checker, members []int, what string) {
	held := map[string][]int{}
	for _, m := range members {
		if zone := c.Hosts[m].Labels[zoneLabel]; zone != "" {
			held[zone] = append(held[zone], m)
		}
	}
	zones := zonesOf(c.Hosts)
	majority := len(members)/2 + 1
	if len(members) < 3 || len(zones)*(majority-1) < len(members) {
		return
	}
	for _, zone := range zones {
		if in := held[zone]; len(in) >= majority {
			c.Warnf(codeEtcd, yamlfile.Join(c.Hosts[in[len(in)-1]].Path, "labels"), "%d of %d %s are in the zone %s: when it fails, the others are no majority, and the cluster stands still", len(in), len(members), what, zone).
				WithHint("have at most %d of them in one zone; the topology has the zones %s", majority-1, strings.Join(zones, ", "))
		}
	}
}

// zonesOf gives the zones that hosts are in, sorted.
func zonesOf(hosts []Host) []string {
	var out []string
	for i := range hosts {
		if zone := hosts[i].Labels[zoneLabel]; zone != "" && !slices.Contains(out, zone) {
			out = append(out, zone)
		}
	}
	slices.Sort(out)
	return out
}
