package compile

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/topology"
)

// TestEveryDeliveryHasARow keeps the table and the topology's words together.
func TestEveryDeliveryHasARow(t *testing.T) {
	for _, name := range topology.Deliveries {
		if delivery(name).Name != name {
			t.Errorf("delivery %s has no row", name)
		}
	}
	if len(Deliveries()) != len(topology.Deliveries) {
		t.Errorf("%d rows for %d deliveries", len(Deliveries()), len(topology.Deliveries))
	}
}

// noise is text that does not compress.
func noise(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(random.Uint32())
	}
	return out
}

func TestLimits(t *testing.T) {
	tests := []struct {
		delivery string
		raw      []byte
		fits     bool
	}{
		{"none", noise(1 << 20), true},
		{"ec2-16k", noise(16384), true},
		{"ec2-16k", noise(16385), false},
		{"ec2-16k", bytes.Repeat([]byte("a"), 16385), false},
		{"guestinfo-64k", bytes.Repeat([]byte("a"), 1<<20), true},
		{"guestinfo-64k", noise(49000), true},
		{"guestinfo-64k", noise(49153), false},
		{"iso-embed-256k", noise(261000), true},
		{"iso-embed-256k", noise(262144), false},
	}
	source := "data:,x"
	doc := &document.Document{Config: types.Config{Storage: types.Storage{Files: []types.File{{
		Node: types.Node{Path: "/etc/big"}, FileEmbedded1: types.FileEmbedded1{Contents: types.Resource{Source: &source}},
	}}}}}
	for _, test := range tests {
		planned := &plan.Host{HostFacts: &plan.HostFacts{Name: "w1", Path: "hosts[0]"}, Delivery: test.delivery}
		h := describe(planned)
		h.measure(test.raw)
		var list diag.List
		h.demandRoom(diag.Position{}, planned.Path, doc, &list)
		if list.HasErrors() == test.fits {
			t.Errorf("%s with %d bytes: %v", test.delivery, len(test.raw), list)
		}
		if !test.fits && (list[0].Code != "O110" || !strings.Contains(list[0].Hint, "file:/etc/big")) {
			t.Errorf("%s: %+v", test.delivery, list[0])
		}
	}
}
