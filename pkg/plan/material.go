package plan

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
)

// keySpecs gathers authorities, certificates and secrets, and the files that
// they become.
type keySpecs struct {
	*evaluation
	authorities map[string]AuthoritySpec
	owners      map[string]*profile.Profile // of authorities, by name
	certs       []CertSpec
	secrets     map[string]SecretSpec    // by ID
	once        map[string]diag.Position // cluster certificates, by name
}

func newKeySpecs(e *evaluation) *keySpecs {
	m := &keySpecs{evaluation: e, authorities: map[string]AuthoritySpec{}, owners: map[string]*profile.Profile{},
		secrets: map[string]SecretSpec{}, once: map[string]diag.Position{}}
	for _, u := range e.whole.instances {
		for _, a := range u.Authorities {
			m.authority(u.Profile, a)
		}
	}
	return m
}

// authority adds an authority. Two profiles may declare one when they agree.
func (m *keySpecs) authority(p *profile.Profile, a profile.Authority) {
	if first, taken := m.authorities[a.Name]; taken {
		if first.CommonName != a.CommonName {
			m.errorAt("P040", a.Position, "", "the authority %s has the common name %s here and %s elsewhere", a.Name, a.CommonName, first.CommonName).
				WithRelated(first.Position, "first declared here").WithHint("agree on one, or give it another name")
		}
		return
	}
	m.owners[a.Name] = p
	m.authorities[a.Name] = AuthoritySpec{Name: a.Name, CommonName: a.CommonName, Algorithm: m.topology.PKI.KeyAlgorithm,
		Life: m.topology.PKI.Validity.CA, Position: a.Position}
}

// host adds what the profiles of a host need.
func (m *keySpecs) host(h *host) {
	names := map[string]diag.Position{}
	for _, u := range h.class.instances {
		s := m.on(h, u)
		for i := range u.Authorities {
			a := &u.Authorities[i]
			m.mayHoldAuthority(s, a)
			m.deposits(s, a.Deposits, Deposit{Kind: "authority", ID: a.Name})
		}
		for i := range u.Secrets {
			x := &u.Secrets[i]
			if !s.applies(&x.When) {
				continue
			}
			m.mayHoldSecret(s, x)
			if x.Param == "" {
				m.deposits(s, x.Deposits, Deposit{Kind: "secret", ID: m.secret(s, x)})
			}
			for _, f := range m.filesOfParam(s, x.Param) {
				m.deposits(s, x.Deposits, Deposit{Kind: "secret", ID: m.userFile(s, x, f), File: f.File})
			}
		}
		for i := range u.Certs {
			c := &u.Certs[i]
			if !s.applies(&c.When) {
				continue
			}
			m.mayHoldCert(s, c)
			id := clusterScope + c.Name
			if c.Scope == "host" {
				id = hostScope + h.Name + "/" + c.Name
				m.unique(names, c, "on "+h.Name)
				m.certs = append(m.certs, m.cert(s, c, id))
			}
			m.deposits(s, c.Deposits, Deposit{Kind: "cert", ID: id})
		}
	}
	m.sortDeposits(h)
}

// unique finds two certificates of one name.
func (m *keySpecs) unique(names map[string]diag.Position, c *profile.Cert, where string) {
	if first, taken := names[c.Name]; taken {
		m.errorAt("P041", c.Position, "", "there are two certificates %s %s", c.Name, where).
			WithRelated(first, "the other one").WithHint("give it another name, or another condition")
	}
	names[c.Name] = c.Position
}

// cluster adds the certificates of the cluster as a whole.
func (m *keySpecs) cluster() {
	for _, u := range m.whole.instances {
		s := m.inCluster(u)
		for i := range u.Certs {
			if c := &u.Certs[i]; c.Scope == "cluster" && s.applies(&c.When) {
				m.unique(m.once, c, "of the cluster")
				m.certs = append(m.certs, m.cert(s, c, clusterScope+c.Name))
			}
		}
	}
}

// filesOfParam gives the files that a parameter names: one, several or none.
func (m *keySpecs) filesOfParam(s scope, param string) []*UserFile {
	switch value := s.instance.params[param].(type) {
	case string:
		if value != "" {
			return m.filesOf([]any{value})
		}
	case []any:
		return m.filesOf(value)
	}
	return nil
}

// userFile adds a file of the user as a secret and gives its ID.
func (m *keySpecs) userFile(s scope, x *profile.Secret, f *UserFile) string {
	spec := SecretSpec{ID: clusterScope + x.Name, Name: x.Name, Kind: x.Kind, Value: strings.TrimRight(string(f.Content), "\n"), File: f.File, Position: x.Position}
	if s.instance.Param(x.Param).Type == "list" {
		spec.ID += "/" + path.Base(f.Name)
	}
	return m.add(spec, x)
}

// secret adds a secret that the store makes and gives its ID.
func (m *keySpecs) secret(s scope, x *profile.Secret) string {
	spec := SecretSpec{ID: clusterScope + x.Name, Name: x.Name, Kind: x.Kind, Size: x.Size, Algorithm: x.Algorithm, Rotation: x.Rotation, Position: x.Position}
	if x.PerHost {
		spec.ID, spec.Host = hostScope+s.host.Name+"/"+x.Name, s.host.Name
	}
	if x.Kind == "keypair" && spec.Algorithm == "" {
		spec.Algorithm = m.topology.PKI.KeyAlgorithm
	}
	return m.add(spec, x)
}

// add adds a secret. Two profiles may declare one when they agree.
func (m *keySpecs) add(spec SecretSpec, x *profile.Secret) string {
	first, taken := m.secrets[spec.ID]
	if !taken {
		m.secrets[spec.ID] = spec
		return spec.ID
	}
	at := first.Position
	if spec.Rotation == "" || first.Rotation == "" { // a profile that only uses it need not say how it rotates
		first.Rotation = cmp.Or(first.Rotation, spec.Rotation)
		spec.Rotation = first.Rotation
		m.secrets[spec.ID] = first
	}
	if first.Position = spec.Position; first != spec {
		m.errorAt("P042", x.Position, "", "the secret %s is made in another way elsewhere", x.Name).
			WithRelated(at, "the other way").WithHint("agree on kind and size, or give it another name")
	}
	return spec.ID
}

// cert resolves a certificate.
func (m *keySpecs) cert(s scope, c *profile.Cert, id string) CertSpec {
	spec := CertSpec{ID: id, Name: c.Name, Authority: c.Authority, Usages: sortedCopy(c.Usages), Algorithm: m.topology.PKI.KeyAlgorithm,
		Life: m.life(c.Class), Position: c.Position}
	if s.host != nil {
		spec.Host = s.host.Name
	}
	if _, ok := m.authorities[c.Authority]; !ok {
		m.missingAuthority(s, c)
	} else {
		m.maySign(s, c)
	}
	spec.CommonName, _ = s.text(c.CommonName)
	if spec.CommonName = strings.TrimSpace(spec.CommonName); spec.CommonName == "" {
		m.errorAt("P043", c.CommonName.Position, "", "the common name of %s is empty", c.Name).WithHint("a certificate needs a subject")
	}
	for _, o := range c.Organizations {
		text, _ := s.text(o)
		if text = strings.TrimSpace(text); text != "" {
			m.mayName(s, c, text, o.Position)
			spec.Organizations = append(spec.Organizations, text)
		}
	}
	slices.Sort(spec.Organizations)
	m.sans(s, c, &spec)
	if c.Output != nil {
		server, _ := s.text(c.Output.Server)
		spec.Output = &Output{Path: c.Output.Path, Form: c.Output.Form, Server: server}
	}
	return spec
}

func (m *keySpecs) missingAuthority(s scope, c *profile.Cert) {
	hint := "declare it under authorities"
	for _, p := range m.catalog.Profiles {
		for _, a := range p.Authorities {
			if a.Name == c.Authority {
				hint = fmt.Sprintf("the profile %s declares it: add %q under profiles", p.Name, p.Name+": {}")
			}
		}
	}
	m.errorAt("P044", c.Position, "", "no selected profile has the authority %s, which the certificate %s of %s needs", c.Authority, c.Name, s.instance.Name).
		WithHint("%s", hint)
}

func (m *keySpecs) life(class string) time.Duration {
	if class == "kubelet-serving" {
		return m.topology.PKI.Validity.KubeletServing
	}
	return m.topology.PKI.Validity.Leaf
}

// dnsRule accepts names as certificates carry them, with a wildcard in front.
var dnsRule = regexp.MustCompile(`^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// planned gives the host that a text is worked out for, or nil.
func (s scope) planned() *Host {
	if s.host == nil {
		return nil
	}
	return s.host.Host
}

// sans resolves the names and addresses of a certificate.
func (m *keySpecs) sans(s scope, c *profile.Cert, spec *CertSpec) {
	for _, t := range c.SANs {
		for _, san := range s.fields(t) {
			if a, err := netip.ParseAddr(san); err == nil && a.Zone() == "" {
				spec.Addresses = append(spec.Addresses, a.Unmap())
			} else if len(san) <= 253 && dnsRule.MatchString(san) {
				spec.DNSNames = append(spec.DNSNames, san)
			} else {
				at, path := t.Position, ""
				if said := said(m.topology, s.planned(), s.instance.Name, san); said != "" {
					at, path = m.topology.At(said), said
				}
				m.errorAt("P045", at, path, "%q is neither a DNS name nor an IP address", san).WithRelated(t.Position, "it goes into the certificate %s", c.Name).
					WithHint("write names in lower case and addresses without port or prefix length, separated by blanks")
			}
		}
	}
	slices.Sort(spec.DNSNames)
	spec.DNSNames = slices.Compact(spec.DNSNames)
	slices.SortFunc(spec.Addresses, netip.Addr.Compare)
	spec.Addresses = slices.Compact(spec.Addresses)
	if slices.Contains(spec.Usages, "server") && len(spec.DNSNames)+len(spec.Addresses) == 0 {
		m.errorAt("P046", c.Position, "", "the server certificate %s has neither names nor addresses", c.Name).
			WithHint("add sans: clients compare nothing else")
	}
}

// deposits adds the files that key material becomes on a host.
func (m *keySpecs) deposits(s scope, list []profile.Deposit, like Deposit) {
	for i := range list {
		x := &list[i]
		if !s.applies(&x.When) {
			continue
		}
		d := like
		d.Path, _ = s.text(x.Path)
		d.Server, _ = s.text(x.Server)
		d.Path = strings.ReplaceAll(d.Path, "{file}", path.Base(like.File))
		d.Path, d.Server = strings.TrimSpace(d.Path), strings.TrimSpace(d.Server)
		d.User, _ = s.text(x.User)
		d.Group, _ = s.text(x.Group)
		d.User, d.Group = cmp.Or(strings.TrimSpace(d.User), "root"), cmp.Or(strings.TrimSpace(d.Group), "root")
		d.Form, d.Mode, d.Link = x.Form, x.Mode, x.Link
		d.Profile, d.Position = s.instance.Name, x.Position
		if d.Mode == 0 {
			d.Mode = 0o600
			if isPublic(x.Form) {
				d.Mode = 0o644
			}
		}
		if !path.IsAbs(d.Path) || path.Clean(d.Path) != d.Path {
			m.errorAt("P047", x.Path.Position, "", "%q is not an absolute path of a file", d.Path).WithHint("write it without .. and without a / at its end")
			continue
		}
		s.host.Deposits = append(s.host.Deposits, d)
	}
}

// sortDeposits orders the files of a host and finds two on one path.
func (m *keySpecs) sortDeposits(h *host) {
	slices.SortStableFunc(h.Deposits, func(a, b Deposit) int { return cmp.Compare(a.Path, b.Path) })
	for i := 1; i < len(h.Deposits); i++ {
		if x, y := h.Deposits[i-1], h.Deposits[i]; x.Path == y.Path {
			m.errorAt("P048", y.Position, "", "%s and %s both write %s on %s", x.Profile, y.Profile, y.Path, h.Name).
				WithRelated(x.Position, "the other one").WithHint("change one path, or give the two conditions that exclude each other")
		}
	}
	links := map[string]Deposit{}
	for _, d := range h.Deposits {
		if d.Link == "" {
			continue
		}
		if x, taken := links[d.Link]; taken {
			m.errorAt("P048", d.Position, "", "%s and %s both make the link %s on %s", x.Profile, d.Profile, d.Link, h.Name).
				WithRelated(x.Position, "the other one").WithHint("change one of the links")
		}
		links[d.Link] = d
	}
}

// result gives everything in order.
func (m *keySpecs) result() ([]AuthoritySpec, []CertSpec, []SecretSpec) {
	var authorities []AuthoritySpec
	for _, name := range slices.Sorted(maps.Keys(m.authorities)) {
		authorities = append(authorities, m.authorities[name])
	}
	slices.SortFunc(m.certs, func(a, b CertSpec) int { return cmp.Compare(a.ID, b.ID) })
	var secrets []SecretSpec
	for _, id := range slices.Sorted(maps.Keys(m.secrets)) {
		secrets = append(secrets, m.secrets[id])
	}
	return authorities, m.certs, secrets
}

func sortedCopy(list []string) []string {
	out := slices.Clone(list)
	slices.Sort(out)
	return slices.Compact(out)
}
