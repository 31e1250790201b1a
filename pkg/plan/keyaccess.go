package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
)

// What profiles may do with key material that other profiles declare: a profile
// names in keyAccess what it touches, and neither that nor anything else takes the
// key of an authority, a certificate of a group above all rules, or a secret with
// holders off the hosts that may have it.

// anothers says whether what a profile names is another's: it does not declare it,
// or it is the user's and one of ours declares it too.
func (s *selection) anothers(u *instance, declares func(*profile.Profile) bool) bool {
	if !declares(u.Profile) {
		return true
	}
	return u.Given && s.declares(func(p *profile.Profile) bool { return !p.Given && declares(p) })
}

func declaresAuthority(name string) func(*profile.Profile) bool {
	return func(p *profile.Profile) bool {
		return slices.ContainsFunc(p.Authorities, func(a profile.Authority) bool { return a.Name == name })
	}
}

func declaresSecret(name string) func(*profile.Profile) bool {
	return func(p *profile.Profile) bool {
		return slices.ContainsFunc(p.Secrets, func(s profile.Secret) bool { return s.Name == name })
	}
}

// undeclared reports what keyAccess does not name.
func (m *keySpecs) undeclared(at diag.Position, u *instance, what, key, name string) {
	m.errorAt("P049", at, "", "the profile %s does not declare that it touches the %s %s", u.Name, what, name).
		WithHint("read what it does with it; then write keyAccess: {%s: [%s]} in its profile.yaml", key, quoted(name))
}

func quoted(name string) string {
	if strings.ContainsRune(name, ':') {
		return "'" + name + "'"
	}
	return name
}

// maySign proves that a profile may have its certificate signed.
func (m *keySpecs) maySign(s scope, c *profile.Cert) {
	if m.anothers(s.instance, declaresAuthority(c.Authority)) && !slices.Contains(s.instance.KeyAccess.Authorities, c.Authority) {
		m.undeclared(c.Position, s.instance, "authority", "authorities", c.Authority)
	}
}

// mayName proves that a certificate may be of a group.
func (m *keySpecs) mayName(s scope, c *profile.Cert, group string, at diag.Position) {
	if !profile.IsSuperGroup(group) {
		return
	}
	if !slices.Contains(s.instance.KeyAccess.Groups, group) {
		m.undeclared(at, s.instance, "group", "groups", group)
	}
	if s.host != nil && !s.host.IsControlPlane {
		m.misplaced(c.Position, s.host, "a certificate of the group "+group)
	}
}

// mayHoldCert proves that a certificate of the cluster whose group is above all
// rules stays on control planes.
func (m *keySpecs) mayHoldCert(s scope, c *profile.Cert) {
	if c.Scope != "cluster" || s.host.IsControlPlane {
		return
	}
	for _, o := range c.Organizations {
		group, _ := s.text(o)
		if group = strings.TrimSpace(group); profile.IsSuperGroup(group) {
			m.privateDeposits(s, c.Deposits, "a certificate of the group "+group)
		}
	}
}

// mayHoldAuthority proves that a profile may have the key of an authority on a host.
func (m *keySpecs) mayHoldAuthority(s scope, a *profile.Authority) {
	if m.anothers(s.instance, declaresAuthority(a.Name)) && !slices.Contains(s.instance.KeyAccess.Authorities, a.Name) &&
		slices.ContainsFunc(a.Deposits, func(d profile.Deposit) bool { return isPrivate(d.Form) }) {
		m.undeclared(a.Position, s.instance, "authority", "authorities", a.Name)
	}
	if !s.host.IsControlPlane {
		m.privateDeposits(s, a.Deposits, "the key of the authority "+a.Name)
	}
}

// mayHoldSecret proves that a profile may have a secret on a host.
func (m *keySpecs) mayHoldSecret(s scope, x *profile.Secret) {
	if m.anothers(s.instance, declaresSecret(x.Name)) && !slices.Contains(s.instance.KeyAccess.Secrets, x.Name) {
		m.undeclared(x.Position, s.instance, "secret", "secrets", x.Name)
	}
	if !m.holderOf(s.class, x.Name) {
		m.privateDeposits(s, x.Deposits, "the secret "+x.Name)
	}
}

// holderOf says whether the hosts of a class may hold a secret, by all profiles that
// declare it.
func (s *selection) holderOf(c *class, name string) bool {
	return !s.declares(func(p *profile.Profile) bool {
		return slices.ContainsFunc(p.Secrets, func(x profile.Secret) bool {
			return x.Name == name && len(x.Holders) > 0 && !slices.ContainsFunc(x.Holders, func(r string) bool { return slices.Contains(c.facts.Roles, r) })
		})
	})
}

// mayRead proves that a template may have the value of a secret.
func (s scope) mayRead(name string) error {
	if s.anothers(s.instance, declaresSecret(name)) && !slices.Contains(s.instance.KeyAccess.Secrets, name) {
		return fmt.Errorf("the profile %s does not declare that it touches the secret %s: write keyAccess: {secrets: [%s]} in its profile.yaml", s.instance.Name, name, name)
	}
	if s.class != s.whole && !s.holderOf(s.class, name) {
		return fmt.Errorf("%s may not hold the secret %s, by its holders", s.class.facts.Name, name)
	}
	return nil
}

// privateDeposits reports the deposits of private material that hold on a host.
func (m *keySpecs) privateDeposits(s scope, list []profile.Deposit, what string) {
	for i := range list {
		if d := &list[i]; isPrivate(d.Form) && s.applies(&d.When) {
			m.misplaced(d.Position, s.host, what)
		}
	}
}

func (m *keySpecs) misplaced(at diag.Position, h *host, what string) {
	m.errorAt("P053", at, "", "it would put %s on %s", what, h.Name).
		WithHint("take the deposit away, or give it a condition, as in when: {roles: [control-plane]}: who breaks into that machine would have the cluster")
}

// isPublic says whether everyone may read a form of a deposit.
func isPublic(form string) bool {
	return form == "certificate" || form == "signer" || form == "public"
}

// isPrivate says whether a form of a deposit holds what must stay secret.
func isPrivate(form string) bool {
	return !isPublic(form) && form != FormKubeconfigFile
}
