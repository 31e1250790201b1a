package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Phases of a rotation in steps. After the last one there is none.
const (
	PhaseTrust = "trust" // all accept the new one besides the old one, which is in use
	PhaseIssue = "issue" // the new one is in use, and all accept both
)

// What a profile may say about the rotation of a secret.
const (
	RotatesInSteps = "steps"
	RotatesAtOnce  = "at-once"
)

// Rotation is how far the exchange of an authority or a secret has come.
type Rotation struct {
	Phase string    `json:"phase,omitempty"` // "" between rotations
	Since time.Time `json:"since"`           // when the phase began, or the rotation ended
	Built bool      `json:"built"`           // documents of all machines were made of it
	Turns int       `json:"turns"`           // how many have been in use before
}

// Other is what the store adds to the name of an authority or secret for the one
// that is accepted besides the one in use; "" where there is none.
func (r Rotation) Other() string {
	return map[string]string{PhaseTrust: ".next", PhaseIssue: ".past"}[r.Phase]
}

// SetBuilt notes that documents of all machines were made of every rotation.
func (a *Allocations) SetBuilt() {
	a.Rotations = maps.Clone(a.Rotations)
	for id, r := range a.Rotations {
		r.Built = true
		a.Rotations[id] = r
	}
}

const authorityScope = "ca/"

// AuthorityID is the name of an authority in the store.
func AuthorityID(name string) string { return authorityScope + name }

// bundled names the authorities whose file on machines holds more certificates than
// one, sorted: chains, and those that are two while they are exchanged.
func bundled(given Allocations) []string {
	out := slices.Clone(given.Chains)
	for id, r := range given.Rotations {
		if name, ok := strings.CutPrefix(id, authorityScope); ok && r.Phase != "" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// RingKey is one value of a secret that may have two.
type RingKey struct {
	Number int    // of all values that the secret ever had, from 1
	Value  string // a mark
}

// keyRings is what Data knows of secrets besides their values: which of two is in use, and
// their public halves.
type keyRings struct{ data *Data }

// KeyRing gives the values of a secret of the cluster: first the one in use, then
// the one that is accepted besides it while the secret rotates.
func (r keyRings) KeyRing(name string) ([]RingKey, error) {
	value, err := r.data.Secret(name)
	if err != nil {
		return nil, err
	}
	id := clusterScope + name
	rotation := r.data.Cluster.Rotations[id]
	ring := []RingKey{{rotation.Turns + 1, value}}
	switch rotation.Phase {
	case PhaseTrust:
		ring = append(ring, RingKey{rotation.Turns + 2, MarkSecret(id + rotation.Other())})
	case PhaseIssue:
		ring = append(ring, RingKey{rotation.Turns, MarkSecret(id + rotation.Other())})
	}
	return ring, nil
}

// PublicKey gives a mark that becomes the public half of a secret that each host has its own of.
func (r keyRings) PublicKey(name, host string) (string, error) {
	if s := r.data.scope; s.class != nil && !s.declares(declaresSecret(name)) {
		return "", fmt.Errorf("no selected profile has a secret %s", name)
	}
	return MarkPublicKey(name, host), nil
}
