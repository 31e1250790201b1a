package pki

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// checkSpecs finds what is wrong with a plan's table before any key is made.
func checkSpecs(p *plan.Plan) diag.List {
	var list diag.List
	known := map[string]bool{}
	for _, a := range p.Authorities {
		known[a.Name] = true
		checkAlgorithm(&list, a.Position, "authority "+a.Name, a.Algorithm)
		checkCommonName(&list, a.Position, "authority "+a.Name, a.CommonName)
	}
	for i := range p.Certs {
		c := &p.Certs[i]
		if !known[c.Authority] {
			list.Errorf("K016", c.Position, "", "certificate %s is to be signed by %q, and there is no such authority", c.Name, c.Authority).
				WithHint("declare it under authorities: in a profile that is selected")
		}
		checkCertificate(&list, c)
	}
	for _, s := range p.Secrets {
		checkSecret(&list, s)
	}
	checkFiles(&list, p)
	return list
}

func checkCertificate(list *diag.List, c *plan.CertSpec) {
	who := "certificate " + c.Name
	checkAlgorithm(list, c.Position, who, c.Algorithm)
	checkCommonName(list, c.Position, who, c.CommonName)
	if len(c.Usages) == 0 {
		list.Errorf("K017", c.Position, "", "%s is for nothing", who).WithHint("say usages: [client], [server] or both")
	}
	for _, u := range c.Usages {
		if _, ok := extendedUsages()[u]; !ok {
			list.Errorf("K017", c.Position, "", "%s has the unknown usage %q", who, u).WithHint("say usages: [client], [server] or both")
		}
	}
	for _, name := range c.DNSNames {
		if problem := checkDNSName(name); problem != "" {
			list.Errorf("K020", c.Position, "", "%s cannot be for %q: %s", who, name, problem).
				WithHint("give DNS names and addresses, without port and scheme")
		}
	}
	for _, a := range c.Addresses {
		if problem := checkAddress(a); problem != "" {
			list.Errorf("K020", c.Position, "", "%s cannot be for the address %q: %s", who, a, problem).
				WithHint("give an address as in 192.168.1.5 or fd00::5")
		}
	}
	if slices.Contains(c.Usages, "server") && len(c.DNSNames)+len(c.Addresses) == 0 {
		list.Errorf("K021", c.Position, "", "%s is for a server and has no name or address that a client could ask for", who).
			WithHint("list them under sans:")
	}
}

func checkAlgorithm(list *diag.List, at diag.Position, who, algorithm string) {
	if _, ok := algorithms()[algorithm]; ok {
		return
	}
	var names []string
	for name := range algorithms() {
		names = append(names, name)
	}
	slices.Sort(names)
	list.Errorf("K018", at, "", "%s has the unknown key algorithm %q", who, algorithm).WithHint("use one of %s", strings.Join(names, ", "))
}

func checkCommonName(list *diag.List, at diag.Position, who, name string) {
	bad := func(r rune) bool { return r < ' ' || r == 0x7f }
	if strings.TrimSpace(name) == "" || strings.ContainsFunc(name, bad) {
		list.Errorf("K022", at, "", "%s has the common name %q, by which no one can be known", who, name).
			WithHint("give it a name of visible characters")
	}
}

func checkSecret(list *diag.List, s plan.SecretSpec) {
	switch s.Kind {
	case kindKeypair:
		checkAlgorithm(list, s.Position, "secret "+s.Name, s.Algorithm)
	case kindWireguard:
	case kindFile: // of the user, next to the topology: pkg/plan has looked at it
	case kindRandom, kindPassword:
		if s.Size < 1 {
			list.Errorf("K019", s.Position, "", "secret %s has no size", s.Name).WithHint("say size: 32")
		}
	default:
		list.Errorf("K019", s.Position, "", "secret %s has the unknown kind %q", s.Name, s.Kind).WithHint("use random, password, keypair or wireguard")
	}
}

// checkFiles sees to it that each thing has files of its own, inside the
// store.
func checkFiles(list *diag.List, p *plan.Plan) {
	owner := map[string]string{}
	reserve := func(at diag.Position, who string, names ...string) {
		for _, name := range names {
			if !filepath.IsLocal(name) || strings.ToLower(name) != name {
				list.Errorf("K015", at, "", "%s cannot be kept in the store as %q", who, name).
					WithHint("name it with lower-case letters, digits and dashes")
			}
			if other, taken := owner[name]; taken {
				list.Errorf("K015", at, "", "%s and %s would share the file %s of the store", other, who, name).WithHint("rename one of them")
			}
			owner[name] = who
		}
	}
	reserve(diag.Position{}, "the server that machines boot from", bootFiles()...)
	for _, a := range p.Authorities {
		for _, other := range allOthers() {
			reserve(a.Position, "authority "+a.Name, authorityFile(a.Name)+other+".crt", authorityFile(a.Name)+other+".key")
		}
	}
	for _, c := range p.Certs {
		reserve(c.Position, "certificate "+c.Name, c.ID+".crt", c.ID+".key")
	}
	for _, s := range p.Secrets {
		if s.Kind != kindFile {
			reserve(s.Position, "secret "+s.Name, secretFile(s))
		}
		for _, other := range allOthers()[1:] {
			if s.Rotation != "" {
				x := s
				x.ID += other
				reserve(s.Position, "secret "+s.Name, secretFile(x))
			}
		}
	}
}
