package plan_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// TestWindowsDoNotOverlap holds the windows of the profile updates to its word:
// no two control planes or members of etcd may restart together, however many
// there are and however long a window is.
func TestWindowsDoNotOverlap(t *testing.T) {
	catalog, list := profile.Load(profile.Source{Name: "profiles", FS: profiles.FS})
	if list.HasErrors() {
		t.Fatal(list)
	}
	control := func(n int) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprintf("{name: cp%d, roles: [control-plane], address: 10.1.0.%d/16}", i+1, 11+i))
		}
		return out
	}
	members := func(n int) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprintf("{name: e%d, roles: [etcd], address: 10.1.0.%d/16}", i+1, 41+i))
		}
		return out
	}
	mixed := []string{
		"{name: a, roles: [control-plane], address: 10.1.0.11/16}", "{name: b, roles: [control-plane, etcd], address: 10.1.0.12/16}",
		"{name: c, roles: [worker, etcd], address: 10.1.0.13/16}", "{name: d, roles: [etcd], address: 10.1.0.14/16}",
	}
	for name, hosts := range map[string][]string{
		"one": control(1), "three": control(3), "seven": control(7), "seven and seven": append(control(7), members(7)...), "mixed": mixed,
	} {
		for _, params := range []string{"{}", "{hour: 23, hours: 12}", "{hour: 13, hours: 12}", "{hour: 0, hours: 1}"} {
			p, _, list := plan.Build(plan.Inputs{Topology: parse(t, cluster("10.240.0.0/12", "profiles: {flannel: {}, updates: "+params+"}", append(hosts, w1, w2)...)), Catalog: catalog})
			if list.HasErrors() {
				t.Fatalf("%s %s: %v", name, params, list)
			}
			var busy [7 * 24]string
			days := map[string]bool{}
			for _, h := range p.Hosts {
				day, begin, hours := window(t, h)
				if days[day] = true; !h.IsControlPlane && !h.IsEtcd {
					continue
				}
				for i := range hours {
					hour := (begin + i) % len(busy)
					if busy[hour] != "" {
						t.Errorf("%s %s: %s and %s may restart together, in hour %d of the week", name, params, busy[hour], h.Name, hour)
					}
					busy[hour] = h.Name
				}
			}
			if len(days) < 2 {
				t.Errorf("%s %s: all machines have their window on %v", name, params, days)
			}
		}
	}
}

// window reads the window of a host: its day, its first hour in the week and how
// many there are.
func window(t *testing.T, h *plan.Host) (day string, begin, hours int) {
	t.Helper()
	i := slices.IndexFunc(h.Selected, func(s *plan.Selected) bool { return s.Name == "updates" })
	if i < 0 {
		t.Fatalf("%s has no updates", h.Name)
	}
	vars := h.Selected[i].Vars
	day = strings.TrimSpace(vars["day"])
	number := slices.Index([]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}, day)
	hour, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(vars["time"]), ":00"))
	if number < 0 || err != nil || hour > 23 {
		t.Fatalf("%s: %q %q", h.Name, vars["day"], vars["time"])
	}
	return day, number*24 + hour, h.Selected[i].Params["hours"].(int)
}
