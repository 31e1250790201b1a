package media

import (
	"testing"
)

// atWork knows the report of a machine that waits for its programs from one that
// has not come so far.
func TestAtWork(t *testing.T) {
	for report, want := range map[string]bool{
		"  done:     clock, firewall\n  to do:    programs, node\n  programs: missing: /opt/bin/kubelet (v1.37.2)\n": true,
		"  done:     clock\n  to do:    firewall, programs\n  programs: missing: /opt/bin/kubelet (v1.37.2)\n":       false,
		"  done:     clock, firewall\n  to do:    programs, node\n":                                                  false,
	} {
		if atWork.MatchString(report) != want {
			t.Errorf("%q: not %v", report, want)
		}
	}
}
