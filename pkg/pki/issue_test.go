package pki

import (
	"crypto/x509"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/plan"
)

// Every certificate is accepted by the library that Kubernetes and etcd use,
// for the name and the use it was made for and for no other.
func TestIssueVerifies(t *testing.T) {
	for _, store := range []*Store{Memory(), newStore(t.TempDir(), Options{})} {
		for _, algorithm := range []string{"ECDSA-P256", "ECDSA-P384", "RSA-2048"} {
			p := smallPlan()
			for i := range p.Certs {
				p.Certs[i].Algorithm = algorithm
			}
			keys := mustIssue(t, store, p, noon)
			for _, spec := range p.Certs {
				verifyLeaf(t, spec, keys)
			}
		}
	}
}

func verifyLeaf(t *testing.T, spec plan.CertSpec, keys *plan.Keys) {
	t.Helper()
	pair := keys.Certs[spec.ID]
	c := certificateOf(t, pair)
	for name, ca := range keys.Authorities {
		roots := x509.NewCertPool()
		roots.AddCert(certificateOf(t, ca))
		for purpose, usage := range map[string]x509.ExtKeyUsage{"client": x509.ExtKeyUsageClientAuth, "server": x509.ExtKeyUsageServerAuth} {
			_, err := c.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: noon, KeyUsages: []x509.ExtKeyUsage{usage}})
			if want := name == spec.Authority && slices.Contains(spec.Usages, purpose); (err == nil) != want {
				t.Errorf("%s as %s under %s: %v", spec.ID, purpose, name, err)
			}
		}
	}
	for _, name := range append(append([]string{}, spec.DNSNames...), texts(spec.Addresses)...) {
		if err := c.VerifyHostname(name); err != nil {
			t.Errorf("%s: %v", spec.ID, err)
		}
	}
	if c.VerifyHostname("other.example") == nil {
		t.Errorf("%s is good for any name", spec.ID)
	}
	key, err := parseKey(pair.Key)
	if err != nil || !sameKey(c, key) || algorithmOf(key.Public()) != spec.Algorithm {
		t.Errorf("%s: the key does not belong to it: %v", spec.ID, err)
	}
	if c.Subject.CommonName != spec.CommonName || !sameTexts(c.Subject.Organization, spec.Organizations) {
		t.Errorf("%s: subject %s", spec.ID, c.Subject)
	}
	if got, want := c.KeyUsage, wantedKeyUsage(spec.Algorithm); got != want {
		t.Errorf("%s: key usage %b, want %b", spec.ID, got, want)
	}
	if c.IsCA || len(c.URIs)+len(c.EmailAddresses) > 0 {
		t.Errorf("%s is more than a leaf", spec.ID)
	}
}

func TestAuthorityIsAsKubeadmMakesIt(t *testing.T) {
	keys := mustIssue(t, newStore(t.TempDir(), Options{}), smallPlan(), noon)
	c := certificateOf(t, keys.Authorities["etcd"])
	if !c.IsCA || !c.BasicConstraintsValid || c.MaxPathLen != -1 {
		t.Errorf("is a CA: %t, path length %d", c.IsCA, c.MaxPathLen)
	}
	if want := x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign; c.KeyUsage != want {
		t.Errorf("key usage %b, want %b", c.KeyUsage, want)
	}
	if len(c.ExtKeyUsage) > 0 || !slices.Equal(c.DNSNames, []string{"etcd-ca"}) || c.Subject.String() != "CN=etcd-ca" {
		t.Errorf("usages %v, names %v, subject %s", c.ExtKeyUsage, c.DNSNames, c.Subject)
	}
	if !c.NotBefore.Equal(noon.Add(-24*time.Hour)) || !c.NotAfter.Equal(noon.Add(10*year)) {
		t.Errorf("valid from %s to %s", c.NotBefore, c.NotAfter)
	}
}

func TestDates(t *testing.T) {
	dir := built(t, smallPlan())
	p := smallPlan()
	p.Certs = append(p.Certs, etcdServer("cp2", "192.168.200.22"))
	last := &p.Certs[len(p.Certs)-1]
	for name, test := range map[string]struct {
		now      time.Time
		life     time.Duration
		from, to time.Time
	}{
		"not before its authority": {noon, year, noon.Add(-24 * time.Hour), noon.Add(year)},
		"a day before it was made": {noon.Add(48 * time.Hour), year, noon.Add(24 * time.Hour), noon.Add(48*time.Hour + year)},
		"not after its authority":  {noon.Add(5 * year), 6 * year, noon.Add(5*year - 24*time.Hour), noon.Add(10 * year)},
	} {
		t.Run(name, func(t *testing.T) {
			last.Life = test.life
			pair := mustIssue(t, mustOpenReadOnly(t, dir), p, test.now).Certs[last.ID]
			c := certificateOf(t, pair)
			if !c.NotBefore.Equal(test.from) || !c.NotAfter.Equal(test.to) || !pair.NotBefore.Equal(test.from) || !pair.NotAfter.Equal(test.to) {
				t.Errorf("from %s to %s, want %s to %s", c.NotBefore, c.NotAfter, test.from, test.to)
			}
		})
	}
}

func mustOpenReadOnly(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := OpenReadOnly(dir, Options{Cluster: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A second build gives the same bytes, whenever it runs, and writes nothing.
func TestSecondBuildGivesTheSame(t *testing.T) {
	p := smallPlan()
	dir := built(t, p)
	first := mustIssue(t, mustOpenReadOnly(t, dir), p, noon)
	s := mustOpen(t, dir)
	again := mustIssue(t, s, p, noon.Add(100*24*time.Hour))
	if !reflect.DeepEqual(first, again) {
		t.Error("the keys differ")
	}
	if len(s.written) > 0 {
		t.Errorf("it would write %v", slices.Sorted(maps.Keys(s.written)))
	}
}

// A host added later changes neither another's keys nor its clock floor.
func TestFloors(t *testing.T) {
	p := smallPlan()
	dir := built(t, p)
	before := mustIssue(t, mustOpenReadOnly(t, dir), p, noon)
	p.Certs = append(p.Certs, kubeletClient("w2"))
	p.Hosts = append(p.Hosts, &plan.Host{HostFacts: &plan.HostFacts{Name: "w2"}}, &plan.Host{HostFacts: &plan.HostFacts{Name: "nfs1"}})
	later := noon.Add(30 * 24 * time.Hour)
	after := mustIssue(t, mustOpenReadOnly(t, dir), p, later)
	want := map[string]time.Time{"cp1": noon, "w1": noon, "w2": later, "nfs1": noon}
	if !maps.EqualFunc(after.Floors, want, time.Time.Equal) {
		t.Errorf("floors %v, want %v", after.Floors, want)
	}
	if !before.Floor.Equal(noon) || !after.Floor.Equal(later) {
		t.Errorf("floor %s, then %s", before.Floor, after.Floor)
	}
}

// With an authority of someone else that is an hour old, no clock floor is ahead of the
// moment at which the host's own certificates are made, and later builds give the same.
func TestFloorsOfYoungAuthority(t *testing.T) {
	p := smallPlan()
	p.Hosts = append(p.Hosts, &plan.Host{HostFacts: &plan.HostFacts{Name: "nfs1"}})
	begin, dir := noon.Add(-time.Hour), t.TempDir()
	for _, a := range p.Authorities {
		_, key, text := signedAt(t, begin, a.CommonName, nil, nil)
		putAuthority(t, dir, a.Name, text, key)
	}
	s := mustOpen(t, dir)
	want := map[string]time.Time{"cp1": noon, "w1": noon, "nfs1": begin}
	if keys := mustIssue(t, s, p, noon); !maps.EqualFunc(keys.Floors, want, time.Time.Equal) || !keys.Floor.Equal(noon) {
		t.Errorf("floors %v and %s, want %v", keys.Floors, keys.Floor, want)
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	if keys := mustIssue(t, mustOpenReadOnly(t, dir), p, noon.AddDate(0, 0, 30)); !maps.EqualFunc(keys.Floors, want, time.Time.Equal) {
		t.Errorf("a month later: floors %v, want %v", keys.Floors, want)
	}
}

func TestReuse(t *testing.T) {
	elapsed := func(part float64) time.Time { // a part of the life of a leaf: a year and a day
		return noon.Add(-backdate + time.Duration(part*float64(year+backdate)))
	}
	for _, test := range []struct {
		name   string
		change func(*plan.CertSpec)
		now    time.Time
		reused bool
	}{
		{"nothing changed", nil, noon, true},
		{"34 % of its life left", nil, elapsed(0.66), true},
		{"32 % of its life left", nil, elapsed(0.68), false},
		{"expired", nil, elapsed(1.01), false},
		{"clock set back", nil, noon.Add(-25 * time.Hour).Add(backdate), true},
		{"other order of names", func(c *plan.CertSpec) { slices.Reverse(c.DNSNames); slices.Reverse(c.Addresses) }, noon, true},
		{"life asked for", func(c *plan.CertSpec) { c.Life = 2 * year }, noon, true},
		{"common name", func(c *plan.CertSpec) { c.CommonName = "other" }, noon, false},
		{"organization added", func(c *plan.CertSpec) { c.Organizations = []string{"o"} }, noon, false},
		{"DNS name added", func(c *plan.CertSpec) { c.DNSNames = append(c.DNSNames, "etcd.example") }, noon, false},
		{"DNS name removed", func(c *plan.CertSpec) { c.DNSNames = c.DNSNames[:1] }, noon, false},
		{"address removed", func(c *plan.CertSpec) { c.Addresses = c.Addresses[1:] }, noon, false},
		{"usage removed", func(c *plan.CertSpec) { c.Usages = []string{"server"} }, noon, false},
		{"authority", func(c *plan.CertSpec) { c.Authority = "kubernetes" }, noon, false},
		{"algorithm", func(c *plan.CertSpec) { c.Algorithm = "ECDSA-P384" }, noon, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := smallPlan()
			dir := built(t, p)
			old := mustIssue(t, mustOpenReadOnly(t, dir), p, noon).Certs["hosts/cp1/etcd-server"]
			if test.change != nil {
				test.change(&p.Certs[1])
			}
			got := mustIssue(t, mustOpenReadOnly(t, dir), p, test.now).Certs["hosts/cp1/etcd-server"]
			if reused := string(got.Certificate) == string(old.Certificate); reused != test.reused {
				t.Errorf("reused: %t, want %t", reused, test.reused)
			}
			if sameKeys := string(got.Key) == string(old.Key); sameKeys != test.reused {
				t.Errorf("key kept: %t, want %t", sameKeys, test.reused)
			}
		})
	}
}

func TestProgress(t *testing.T) {
	var seen []int
	p := smallPlan()
	if _, list := Memory().Issue(p, noon, func(done, total int) {
		if total != len(p.Certs) {
			t.Errorf("total %d", total)
		}
		seen = append(seen, done)
	}); list.HasErrors() {
		t.Fatal(list)
	}
	if !slices.Equal(seen, []int{1, 2, 3, 4}) {
		t.Errorf("progress %v", seen)
	}
}
