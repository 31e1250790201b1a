package plan_test

import (
	"slices"
	"testing"

	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// TestSlots: topologies may say that they bring what conditions may ask for.
func TestSlots(t *testing.T) {
	if !slices.Equal(topology.Slots, profile.Slots) {
		t.Errorf("topologies know the parts %v, profiles %v", topology.Slots, profile.Slots)
	}
}
