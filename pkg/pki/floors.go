package pki

import (
	"time"

	"github.com/kubespore/kubespore/pkg/plan"
)

// setFloors derives the clock floors from the certificates alone: from the
// moment at which a host's newest certificate was made. A later rebuild that
// makes no certificate gives the same floors and so the same documents, and a
// host added to the cluster changes no floor but its own. A host that
// holds no certificate has the moment at which the first authority was made.
func setFloors(p *plan.Plan, keys *plan.Keys) {
	oldest := time.Time{}
	for _, pair := range keys.Authorities {
		if oldest.IsZero() || pair.Made.Before(oldest) {
			oldest = pair.Made
		}
		keys.Floor = later(keys.Floor, pair.Made)
	}
	keys.Floors = map[string]time.Time{}
	for _, h := range p.Hosts {
		floor := oldest
		for _, d := range h.Deposits {
			switch d.Kind {
			case "cert":
				floor = later(floor, keys.Certs[d.ID].Made)
			case "authority":
				floor = later(floor, keys.Authorities[d.ID].Made)
			}
		}
		keys.Floors[h.Name] = floor
	}
	for _, c := range p.Certs {
		made := keys.Certs[c.ID].Made
		keys.Floor = later(keys.Floor, made)
		if c.Host != "" {
			keys.Floors[c.Host] = later(keys.Floors[c.Host], made)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
