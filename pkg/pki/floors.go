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
		if made := madeAt(pair); oldest.IsZero() || made.Before(oldest) {
			oldest = made
		}
		keys.Floor = later(keys.Floor, madeAt(pair))
	}
	keys.Floors = map[string]time.Time{}
	for _, h := range p.Hosts {
		floor := oldest
		for _, d := range h.Deposits {
			switch d.Kind {
			case "cert":
				floor = later(floor, madeAt(keys.Certs[d.ID]))
			case "authority":
				floor = later(floor, madeAt(keys.Authorities[d.ID]))
			}
		}
		keys.Floors[h.Name] = floor
	}
	for _, c := range p.Certs {
		made := madeAt(keys.Certs[c.ID])
		keys.Floor = later(keys.Floor, made)
		if c.Host != "" {
			keys.Floors[c.Host] = later(keys.Floors[c.Host], made)
		}
	}
}

// madeAt is when a certificate was made, as far as it tells. One whose
// authority was brought along and is younger than a day is backdated less, and
// seems to be made up to a day later than it was, when it is valid too.
func madeAt(pair plan.Pair) time.Time { return pair.NotBefore.Add(backdate) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
