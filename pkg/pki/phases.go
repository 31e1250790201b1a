package pki

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// told says how far an exchange has come, and what is to be done next.
func told(id string, r plan.Rotation) Rotated {
	out := Rotated{Name: id, Phase: r.Phase, Since: r.Since, Built: r.Built}
	if r.Phase == "" {
		out.Phase = PhaseDone
	}
	name := path.Base(id)
	steps := []string{"bring every machine its kit of a new build"}
	if r.Built {
		steps = []string{"see that every machine has taken its kit"}
	}
	steps = append(steps, beforeNext(id, r.Phase)...)
	if r.Phase != "" {
		steps = append(steps, "rotate "+name+" again")
	}
	out.Next = strings.Join(steps, "; ")
	return out
}

// beforeNext gives what only the cluster's own administrator can do before an
// exchange goes on. docs/rotate.md says it at length.
func beforeNext(id, phase string) []string {
	isAuthority := strings.HasPrefix(id, "ca/")
	switch {
	case isAuthority && phase == plan.PhaseTrust:
		return []string{"restart pods that read their authority only once"}
	case isAuthority && phase == plan.PhaseIssue:
		return []string{"have kubeconfigs of people replaced"}
	case phase == plan.PhaseIssue && path.Base(id) == "service-account":
		return []string{"wait until no token of the old key is in use"}
	case phase == plan.PhaseIssue && path.Base(id) == "encryption-key":
		return []string{"write every Secret anew: kubectl get secrets --all-namespaces -o json | kubectl replace -f -"}
	}
	return nil
}

// others adds the authorities and secrets that machines accept besides those in
// use, while they are exchanged.
func others(s *Store, p *plan.Plan, keys *plan.Keys) diag.List {
	var list diag.List
	for _, spec := range p.Authorities {
		pair := keys.Authorities[spec.Name]
		if suffix := p.Allocations.Rotations[plan.AuthorityID(spec.Name)].Other(); suffix != "" {
			text, err := other(s, authorityFile(spec.Name)+suffix+".crt")
			if err == nil && len(parseAll(text)) == 0 {
				err = fmt.Errorf("%s holds no certificate", s.path(authorityFile(spec.Name)+suffix+".crt"))
			}
			list.AddError("K013", err)
			pair.Certificate = joinPEM(pair.Certificate, text)
		}
		keys.Authorities[spec.Name] = pair
	}
	for _, spec := range p.Secrets {
		suffix := p.Allocations.Rotations[spec.ID].Other()
		if suffix == "" {
			continue
		}
		value, err := other(s, spec.ID+suffix+secretFile(spec)[len(spec.ID):])
		list.AddError("K001", err)
		if err != nil {
			continue
		}
		second := plan.Secret{Value: value}
		if spec.Kind == kindKeypair {
			if second.Public, err = publicOf(value); err != nil {
				list.Errorf("K024", diag.Position{File: s.path(spec.ID + suffix + ".key")}, "", "the secret %s cannot be used: %s", spec.Name, err).WithHint("restore the file from a backup")
			}
			secret := keys.Secrets[spec.ID]
			secret.Public = joinPEM(secret.Public, second.Public)
			keys.Secrets[spec.ID] = secret
		}
		keys.Secrets[spec.ID+suffix] = second
	}
	return list
}

// other gives a file without which a rotation cannot go on.
func other(s *Store, file string) ([]byte, error) {
	text, found, err := s.read(file)
	switch {
	case err != nil:
		return nil, failure(err)
	case !found:
		return nil, missingOther(s.path(file))
	}
	return text, nil
}

// joinPEM gives two texts of PEM one after the other.
func joinPEM(first, second []byte) []byte {
	out := append([]byte{}, first...)
	if len(out) > 0 && out[len(out)-1] != '\n' {
		out = append(out, '\n')
	}
	return append(out, second...)
}

// isOther says whether a file of the store is one that an exchange has put next to
// the one in use. It stays when the exchange is over.
func isOther(name string) bool {
	base := strings.TrimSuffix(name, path.Ext(name))
	return slices.ContainsFunc(allOthers()[1:], func(other string) bool { return strings.HasSuffix(base, other) })
}

// allOthers gives what the store adds to names in any phase, none first.
func allOthers() []string {
	var out []string
	for _, phase := range []string{"", plan.PhaseTrust, plan.PhaseIssue} {
		out = append(out, plan.Rotation{Phase: phase}.Other())
	}
	return out
}

func joined(names []string) string { return strings.Join(names, ", ") }
