package upkeep

import (
	"strings"
	"testing"
	"time"
)

// Ours may take a tenth longer than kubeadm's by the median, at each moment that is
// bounded, and as long as it wants at the others.
func TestCompare(t *testing.T) {
	seconds := func(all ...float64) (out times) {
		for _, s := range all {
			out = append(out, time.Duration(s*float64(time.Second)))
		}
		return out
	}
	theirs := []times{seconds(10, 10, 30), seconds(20, 20, 20), seconds(30, 30, 30)}
	for _, c := range []struct {
		what string
		ours []times
		says string // of the error
	}{
		{"as long", []times{seconds(10, 11, 40), seconds(20, 22, 40), seconds(60, 60, 60)}, ""},
		{"Ready later", []times{seconds(1, 11.2, 12), seconds(20, 20, 20), seconds(30, 30, 30)}, "Ready: ours takes 1.12 times as long"},
		{"pod CIDRs later", []times{seconds(10, 10, 10), seconds(23, 23, 23), seconds(30, 30, 30)}, "with pod CIDRs: ours takes 1.15 times as long"},
	} {
		note, err := compare(c.ours, theirs)
		if (err == nil) != (c.says == "") || (err != nil && !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", c.what, err)
		}
		if err == nil && !strings.Contains(note, "Ready: 11.0 s (10.0 11.0 40.0), kubeadm's: 10.0 s (10.0 10.0 30.0)") {
			t.Errorf("%s: %s", c.what, note)
		}
	}
}
