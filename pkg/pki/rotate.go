package pki

import (
	"maps"
	"slices"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// Rotated is an authority or a secret whose exchange has gone on.
type Rotated struct {
	Name  string    `json:"name"`  // in the store: ca/kubernetes, cluster/service-account
	Phase string    `json:"phase"` // trust, issue, done
	Since time.Time `json:"since"`
	Built bool      `json:"built"` // documents of all machines were made of it
	Next  string    `json:"next"`  // what is to be done before it goes on
}

// PhaseDone is where a rotation has ended.
const PhaseDone = "done"

// Rotate takes the exchange of authorities and secrets of a plan one phase further:
// first all machines accept the new one besides the old one, then the new one is
// used, then the old one is not accepted any more. It refuses while the last build
// has not made documents of the phase before. The phases are in memory until Commit.
func Rotate(s *Store, p *plan.Plan, names []string, now time.Time) ([]Rotated, diag.List) {
	list := checkSpecs(p)
	kept, err := s.Allocations()
	if err != nil {
		list.AddError("K005", err)
	}
	if list.HasErrors() {
		return nil, list
	}
	kept.Rotations = maps.Clone(kept.Rotations)
	if kept.Rotations == nil {
		kept.Rotations = map[string]plan.Rotation{}
	}
	r := &rotator{Store: s, plan: p, now: now.UTC().Truncate(time.Second)}
	var out []Rotated
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		x, err := r.find(name)
		var after plan.Rotation
		if err == nil {
			after, err = r.advance(x, kept.Rotations[x.id])
		}
		if err != nil {
			list.AddError("K001", err)
			continue
		}
		kept.Rotations[x.id] = after
		out = append(out, told(x.id, after))
	}
	if !list.HasErrors() {
		if err := s.SetAllocations(kept); err != nil {
			list.AddError("K001", err)
		}
	}
	return out, list
}

// Rotations gives the exchanges that have not come to their end, by name.
func Rotations(s *Store) ([]Rotated, error) {
	kept, err := s.Allocations()
	if err != nil {
		return nil, err
	}
	out := []Rotated{}
	for _, id := range slices.Sorted(maps.Keys(kept.Rotations)) {
		if r := kept.Rotations[id]; r.Phase != "" {
			out = append(out, told(id, r))
		}
	}
	return out, nil
}

// rotator is one call of Rotate.
type rotator struct {
	*Store
	plan *plan.Plan
	now  time.Time
}

// rotating is what is exchanged: an authority, or a secret.
type rotating struct {
	id         string
	extensions []string // of its files in the store
	authority  *plan.AuthoritySpec
	secret     *plan.SecretSpec
}

// atOnce says whether there is never a moment at which two values are accepted.
func (x rotating) atOnce() bool { return x.secret != nil && x.secret.Rotation == plan.RotatesAtOnce }

// find gives what a name stands for.
func (r *rotator) find(name string) (rotating, error) {
	var known []string
	for i := range r.plan.Authorities {
		a := &r.plan.Authorities[i]
		if id := plan.AuthorityID(a.Name); name == a.Name || name == id {
			return rotating{id: id, extensions: []string{".crt", ".key"}, authority: a}, nil
		}
		known = append(known, a.Name)
	}
	for i := range r.plan.Secrets {
		x := &r.plan.Secrets[i]
		switch {
		case x.Rotation != "" && (name == x.Name || name == x.ID):
			return rotating{id: x.ID, extensions: []string{secretFile(*x)[len(x.ID):]}, secret: x}, nil
		case x.Rotation != "":
			known = append(known, x.Name)
		case name == x.Name || name == x.ID:
			return rotating{}, diag.Failf("K056", x.Position, "the secret %s cannot be rotated: the cluster that runs was made with it", name).
				WithHint("a profile says with rotation: which secrets can be")
		}
	}
	unknown := diag.Failf("K056", diag.Position{}, "%q is not the name of an authority or a secret", name)
	if near := diag.Suggest(name, known); near != "" {
		return rotating{}, unknown.WithHint("did you mean %s?", near)
	}
	return rotating{}, unknown.WithHint("these can be rotated: %s", joined(known))
}

// advance takes one exchange to its next phase.
func (r *rotator) advance(x rotating, was plan.Rotation) (plan.Rotation, error) {
	if was.Phase != "" && !was.Built {
		return was, diag.Failf("K057", diag.Position{File: r.dir}, "%s is in the phase %s, and no build has made documents of it for all machines", x.id, was.Phase).
			WithHint("run kubespore build and kubespore kit, let every machine take its kit, and rotate then")
	}
	after := plan.Rotation{Phase: plan.PhaseTrust, Since: r.now, Turns: was.Turns}
	var err error
	switch {
	case x.atOnce():
		after.Phase, after.Turns = "", was.Turns+1
		if err = r.make(x); err == nil {
			err = r.exchange(x)
		}
	case was.Phase == "":
		err = r.make(x)
	case was.Phase == plan.PhaseTrust:
		after.Phase, after.Turns = plan.PhaseIssue, was.Turns+1
		err = r.exchange(x)
	default:
		after.Phase = ""
	}
	return after, err
}

// make puts a new value next to the one in use.
func (r *rotator) make(x rotating) error {
	for _, extension := range x.extensions {
		_, found, err := r.read(x.id + extension)
		switch {
		case err != nil:
			return failure(err)
		case !found && x.authority != nil && extension == ".key":
			return diag.Failf("K058", diag.Position{File: r.path(x.id + extension)}, "the key of the authority %s is not in the store, and no other is made in its place", x.authority.Name).
				WithHint("put the key there for the rotation; where it must stay elsewhere, pki import --replace exchanges the authority at once, and cuts off machines until each has its new document")
		case !found:
			return diag.Failf("K056", diag.Position{File: r.path(x.id + extension)}, "the store does not hold what is to be rotated").
				WithHint("run kubespore build, which makes it")
		}
	}
	if x.authority != nil {
		spec := *x.authority
		spec.Name += plan.Rotation{Phase: plan.PhaseTrust}.Other()
		_, err := r.makeAuthority(spec, r.now.Add(-backdate), r.now)
		return err
	}
	value, err := newSecret(*x.secret)
	if err == nil {
		r.write(x.id+plan.Rotation{Phase: plan.PhaseTrust}.Other()+x.extensions[0], value)
	}
	return err
}

// exchange puts the new value in the place of the one in use, which it keeps.
func (r *rotator) exchange(x rotating) error {
	next, past := plan.Rotation{Phase: plan.PhaseTrust}.Other(), plan.Rotation{Phase: plan.PhaseIssue}.Other()
	for _, extension := range x.extensions {
		old, hasOld, err := r.read(x.id + extension)
		if err != nil {
			return failure(err)
		}
		new, hasNew, err := r.read(x.id + next + extension)
		if err != nil {
			return failure(err)
		}
		if !hasNew {
			return missingOther(r.path(x.id + next + extension))
		}
		if hasOld { // the key of an authority may have been carried away
			r.write(x.id+past+extension, old)
		}
		r.write(x.id+extension, new)
	}
	return nil
}

func missingOther(file string) error {
	return diag.Failf("K059", diag.Position{File: file}, "a rotation is going on, and the store does not hold both values").
		WithHint("restore the file from a backup: machines may know it already")
}
