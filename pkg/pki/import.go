package pki

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// Bring is what an import brings in.
type Bring struct {
	Files     []BringFile
	Authority string // whose the first certificate is; "" where keys of the store tell
	Replace   bool   // another authority, which machines trust, may go
}

// BringFile is a file of the user: certificates and keys, as PEM.
type BringFile struct {
	Name string
	Text []byte
}

// Imported is a certificate that came into the store.
type Imported struct {
	File       string    `json:"file"` // in the store
	CommonName string    `json:"commonName"`
	Issuer     string    `json:"issuer"`
	NotAfter   time.Time `json:"notAfter"`
	Chain      int       `json:"chain"`  // certificates in the file
	HasKey     bool      `json:"hasKey"` // the store has its key
}

// Import takes certificates that someone else signed for keys of the store, and
// authorities of the user's own. Where anything is wrong, nothing is to be
// committed.
func Import(s *Store, p *plan.Plan, b Bring, now time.Time) ([]Imported, diag.List) {
	now = now.UTC().Truncate(time.Second)
	list := checkSpecs(p)
	i := &importer{Store: s, plan: p, now: now, replace: b.Replace, list: &list}
	if !list.HasErrors() {
		i.readFiles(b.Files)
	}
	if !list.HasErrors() {
		i.takeAuthorities(b.Authority)
	}
	if !list.HasErrors() {
		i.takeLeaves()
	}
	if !list.HasErrors() {
		i.reportRest()
	}
	return i.taken, list
}

// brought is a certificate of a file.
type brought struct {
	at          diag.Position
	certificate *x509.Certificate
	used        bool
}

// broughtKey is a private key of a file.
type broughtKey struct {
	at   diag.Position
	text []byte
	key  crypto.Signer
	used bool
}

type importer struct {
	*Store
	plan         *plan.Plan
	now          time.Time
	replace      bool
	list         *diag.List
	certificates []*brought
	keys         []*broughtKey
	taken        []Imported
}

// readFiles sorts what the files hold.
func (i *importer) readFiles(files []BringFile) {
	for _, f := range files {
		at, found := diag.Position{File: f.Name}, false
		for block, rest := pem.Decode(f.Text); block != nil; block, rest = pem.Decode(rest) {
			found = i.readBlock(at, block) || found
		}
		if !found && !i.list.HasErrors() {
			i.list.Errorf("K045", at, "", "the file holds no certificate and no key in PEM form").
				WithHint("make PEM of it: openssl x509 -inform der -in FILE, openssl pkcs7 -print_certs -in FILE, or openssl pkcs12 -nodes -in FILE")
		}
	}
}

// readBlock takes one block of a file, and says whether it counts.
func (i *importer) readBlock(at diag.Position, block *pem.Block) bool {
	switch block.Type {
	case "EC PARAMETERS":
		return false
	case "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST":
		i.list.Errorf("K045", at, "", "the file holds a request, and no certificate that was made of it").WithHint("have it signed, and import what comes back")
		return false
	case "CERTIFICATE":
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			i.list.Errorf("K045", at, "", "a certificate of the file is damaged").WithHint("copy the file anew")
			return false
		}
		i.certificates = append(i.certificates, &brought{at: at, certificate: c})
		return true
	}
	text := pem.EncodeToMemory(block)
	key, err := parseKey(text)
	if err != nil {
		i.list.Errorf("K045", at, "", "the file cannot be used: %s", err).WithHint("bring certificates and open private keys: openssl pkey -in FILE opens an encrypted one")
		return false
	}
	i.keys = append(i.keys, &broughtKey{at: at, text: text, key: key})
	return true
}

// takeAuthorities takes the authority that was named, and those whose keys are in
// the store.
func (i *importer) takeAuthorities(named string) {
	known := false
	for _, spec := range i.plan.Authorities {
		own, hasOwn := i.storedKey(authorityFile(spec.Name) + ".key")
		c, key := i.ofKey(own), (*broughtKey)(nil)
		if spec.Name == named {
			known = true
			if brought, k := i.named(); k != nil || c == nil {
				c, key = brought, k
			}
			if c == nil && !i.list.HasErrors() {
				i.list.Errorf("K046", i.certificatesAt(), "", "none of the files holds a certificate of the authority %s", named).WithHint("name its file first, then those of the authorities above it")
			}
		}
		if c != nil {
			i.takeAuthority(spec, c, key, own, hasOwn)
		}
	}
	if named != "" && !known {
		var names []string
		for _, spec := range i.plan.Authorities {
			names = append(names, spec.Name)
		}
		i.list.Errorf("K046", diag.Position{}, "", "the cluster has no authority %q", named).WithHint("it has %s", strings.Join(names, ", "))
	}
}

// named gives the certificate that comes with a key, or the first one.
func (i *importer) named() (*brought, *broughtKey) {
	for _, k := range i.keys {
		if c := i.ofKey(k.key); c != nil {
			return c, k
		}
	}
	if len(i.certificates) == 0 {
		return nil, nil
	}
	if len(i.keys) > 0 {
		i.list.Errorf("K047", i.keys[0].at, "", "the key is not the one of any certificate in the files").WithHint("bring the key of the authority, or only certificates where it is kept elsewhere")
		return nil, nil
	}
	return i.certificates[0], nil
}

func (i *importer) certificatesAt() diag.Position {
	if len(i.certificates) > 0 {
		return i.certificates[0].at
	}
	return diag.Position{}
}

// ofKey gives the first certificate for a key.
func (i *importer) ofKey(key crypto.Signer) *brought {
	if key == nil {
		return nil
	}
	n := slices.IndexFunc(i.certificates, func(b *brought) bool { return sameKey(b.certificate, key) })
	if n < 0 {
		return nil
	}
	return i.certificates[n]
}

// storedKey gives a key of the store. One that is damaged is none: what comes for
// it belongs to nothing.
func (i *importer) storedKey(name string) (key crypto.Signer, found bool) {
	text, found, err := i.read(name)
	if err != nil {
		i.list.AddError("K001", failure(err))
		return nil, false
	}
	key, _ = parseKey(text)
	return key, found
}

func (i *importer) takeAuthority(spec plan.AuthoritySpec, b *brought, came *broughtKey, own crypto.Signer, hasOwn bool) {
	c, file := b.certificate, authorityFile(spec.Name)
	present, found, err := i.read(file + ".crt")
	if err != nil {
		i.list.AddError("K001", failure(err))
		return
	}
	among := parseAll(present)
	old := slices.Clone(among)
	for _, other := range i.certificates {
		among = append(among, other.certificate)
	}
	chain, missing := chainOf(c, among)
	for _, used := range i.certificates {
		used.used = used.used || slices.ContainsFunc(chain, used.certificate.Equal)
	}
	key := own
	if came != nil {
		key, came.used = came.key, true
	}
	problem := chainProblem(chain, i.now)
	if problem == "" && algorithmName(c) == "" {
		problem = "its key is neither RSA of 2048 bits or more nor ECDSA on P-256 or P-384"
	}
	if problem == "" && missing == "" && key != nil && sameKey(c, key) {
		problem = trialProblem(chain, key, certsOf(i.plan, spec.Name), i.now)
	}
	switch {
	case problem != "":
		i.list.Errorf("K048", b.at, "", "the authority %s cannot be used: %s", spec.Name, problem).WithHint("have it signed with the basic constraint CA, the key usage certificate signing, and constraints that allow the cluster's names")
	case missing != "":
		i.list.Errorf("K048", b.at, "", "the authority %s is signed by %q, whose certificate is in none of the files: machines could not follow the chain to its root", spec.Name, missing).
			WithHint("add the files with the certificates of all authorities above it")
	case found && len(old) > 0 && !samePublic(old[0], c) && !i.replace:
		i.list.Errorf("K049", b.at, "", "the store has another authority %s, which every machine trusts", spec.Name).
			WithHint("--replace puts this one in its place: all that the other signed is made anew, and running machines are cut off until each has its new document")
	case hasOwn && came == nil && (own == nil || !sameKey(c, own)):
		i.list.Errorf("K047", b.at, "", "the store has a key of the authority %s, and the certificate is not for it", spec.Name).
			WithHint("bring the key of the certificate too, or move %s away where the key is kept elsewhere", i.path(file+".key"))
	default:
		i.put(file, c, chain, present, key != nil)
		if came != nil && !(own != nil && samePublicKey(own, came.key)) {
			i.write(file+".key", came.text)
		}
	}
}

// put keeps a certificate, unless the store has it already.
func (i *importer) put(file string, c *x509.Certificate, chain []*x509.Certificate, present []byte, hasKey bool) {
	if text := chainText(chain); !bytes.Equal(text, present) {
		i.write(file+".crt", text)
	}
	i.taken = append(i.taken, Imported{File: file + ".crt", CommonName: c.Subject.CommonName, Issuer: c.Issuer.CommonName, NotAfter: c.NotAfter, Chain: len(chain), HasKey: hasKey})
}

// takeLeaves takes certificates for the keys that the store has.
func (i *importer) takeLeaves() {
	for n := range i.plan.Certs {
		if !slices.ContainsFunc(i.certificates, func(b *brought) bool { return !b.used }) {
			return
		}
		spec := &i.plan.Certs[n]
		if key, found := i.storedKey(spec.ID + ".key"); found {
			if b := i.ofKey(key); b != nil && !b.used {
				i.takeLeaf(spec, b)
			}
		}
	}
}

func (i *importer) takeLeaf(spec *plan.CertSpec, b *brought) {
	b.used = true
	who := fmt.Sprintf("the certificate %s of %s", spec.Name, ownerOf(spec))
	text, found, err := i.read(authorityFile(spec.Authority) + ".crt")
	if err != nil {
		i.list.AddError("K001", failure(err))
		return
	}
	if !found {
		i.list.Errorf("K046", b.at, "", "%s is signed by the authority %s, which the store does not have", who, spec.Authority).
			WithHint("bring the authority in first, or together with it: kubespore pki import --authority %s TOPOLOGY FILE", spec.Authority)
		return
	}
	a, err := i.loadAuthority(spec.Authority, text, nil, i.now)
	if err != nil {
		i.list.AddError("K001", failure(err))
		return
	}
	key, _, err := i.read(spec.ID + ".key")
	if err != nil {
		i.list.AddError("K001", failure(err))
		return
	}
	have := &stored{plan.Pair{Certificate: chainText([]*x509.Certificate{b.certificate}), Key: key}, b.certificate}
	problem := misfit(spec, have, a, i.now)
	if problem == "" {
		chain, _ := chainOf(a.certificate, parseAll(text))
		problem = verifyProblem(b.certificate, chain, spec.Usages, i.now)
	}
	if problem != "" {
		i.list.Errorf("K051", b.at, "", "%s cannot be used: %s", who, problem).
			WithHint("have the request signed by the authority %s with the names and usages that it asks for: openssl req -text -in FILE shows them", spec.Authority)
		return
	}
	present, _, err := i.read(spec.ID + ".crt")
	if err != nil {
		i.list.AddError("K001", failure(err))
		return
	}
	i.put(spec.ID, b.certificate, []*x509.Certificate{b.certificate}, present, true)
}

// reportRest reports what belongs to nothing. Certificates of authorities that no
// chain needs do no harm: bundles have them.
func (i *importer) reportRest() {
	for _, b := range i.certificates {
		if !b.used && (!b.certificate.IsCA || len(i.taken) == 0) {
			i.list.Errorf("K046", b.at, "", "the store has no key for the certificate of %q", b.certificate.Subject.String()).
				WithHint("it is for a key that kubespore pki requests made, or the cluster's authority: kubespore pki import --authority NAME TOPOLOGY FILE")
		}
	}
	for _, k := range i.keys {
		if !k.used {
			i.list.Errorf("K047", k.at, "", "the key belongs to no authority that is brought in").WithHint("name the authority, and bring its certificate too: kubespore pki import --authority NAME TOPOLOGY FILE FILE")
		}
	}
}
