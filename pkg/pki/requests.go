package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"net"
	"path"
	"slices"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// Request is what someone else signs, for a key of the store.
type Request struct {
	Name       string `json:"name"` // as the store calls the certificate: ca/kubernetes, hosts/cp1/apiserver
	CommonName string `json:"commonName"`
	Authority  string `json:"authority,omitempty"` // that is to sign it; of an authority "", for any will do
	Text       []byte `json:"-"`                   // PKCS#10, as PEM
}

// Requests gives requests for the named authorities and certificates of a plan,
// and without names for all that waits for others: authorities whose key is there
// without a certificate, and certificates that are due and whose authority keeps
// its key elsewhere. Keys that are missing are made, and kept from Commit on.
func Requests(s *Store, p *plan.Plan, names []string, now time.Time) ([]Request, diag.List) {
	now = now.UTC().Truncate(time.Second)
	list := checkSpecs(p)
	list.Append(unknownNames(p, names))
	if list.HasErrors() {
		return nil, list
	}
	r := requests{s, names, now}
	var out []Request
	add := func(one *Request, err error) {
		if err != nil {
			list.AddError("K001", failure(err))
		} else if one != nil {
			out = append(out, *one)
		}
	}
	for _, spec := range p.Authorities {
		add(r.authority(spec))
	}
	for i := range p.Certs {
		add(r.leaf(p, &p.Certs[i]))
	}
	return out, list
}

// requests writes requests for a store.
type requests struct {
	*Store
	names []string // of the user; all that waits when empty
	now   time.Time
}

func (r requests) authority(spec plan.AuthoritySpec) (*Request, error) {
	file := authorityFile(spec.Name)
	certificate, signed, err := r.read(file + ".crt")
	if err != nil {
		return nil, err
	}
	key, hasKey, err := r.read(file + ".key")
	if err != nil {
		return nil, err
	}
	asked := slices.Contains(r.names, spec.Name) || slices.Contains(r.names, file)
	switch {
	case !asked && (len(r.names) > 0 || signed || !hasKey):
		return nil, nil
	case signed && !hasKey:
		return nil, diag.Failf("K044", diag.Position{File: r.path(file + ".crt")}, "the key of the authority %s is not in the store, and its holder alone can make a request", spec.Name).
			WithHint("have its holder sign it anew, and bring it in: kubespore pki import TOPOLOGY FILE")
	case !hasKey:
		made, err := makeKey(spec.Algorithm)
		if err != nil {
			return nil, diag.Failf("K023", spec.Position, "authority %s: %s", spec.Name, err)
		}
		key = made.key
		r.write(file+".key", key)
	}
	subject := pkix.Name{CommonName: spec.CommonName}
	if c, err := parseCertificate(certificate); signed && err == nil {
		subject = c.Subject // what it signed names it so
	}
	text, err := requestOf(key, x509.CertificateRequest{Subject: subject}, authorityExtensions)
	return &Request{Name: file, CommonName: subject.CommonName, Text: text}, err
}

func (r requests) leaf(p *plan.Plan, spec *plan.CertSpec) (*Request, error) {
	asked := slices.ContainsFunc(r.names, func(name string) bool { return slices.Contains(namesOf(spec), name) })
	if len(r.names) > 0 && !asked {
		return nil, nil
	}
	if !asked {
		waits, err := r.waits(p, spec)
		if err != nil || !waits {
			return nil, err
		}
	}
	key, err := r.keyOf(spec)
	if err != nil {
		return nil, err
	}
	template := x509.CertificateRequest{Subject: pkix.Name{CommonName: spec.CommonName, Organization: spec.Organizations}, DNSNames: spec.DNSNames}
	for _, a := range spec.Addresses {
		template.IPAddresses = append(template.IPAddresses, net.IP(a.AsSlice()))
	}
	text, err := requestOf(key, template, func() ([]pkix.Extension, error) {
		return leafExtensions(wantedKeyUsage(spec.Algorithm), spec.Usages)
	})
	return &Request{Name: spec.ID, CommonName: spec.CommonName, Authority: spec.Authority, Text: text}, err
}

// waits says whether a certificate is due that the store cannot sign.
func (r requests) waits(p *plan.Plan, spec *plan.CertSpec) (bool, error) {
	if _, hasKey, err := r.read(authorityFile(spec.Authority) + ".key"); hasKey || err != nil {
		return false, err
	}
	text, found, err := r.read(authorityFile(spec.Authority) + ".crt")
	if err != nil || !found {
		return false, err
	}
	a, err := r.loadAuthority(spec.Authority, text, nil, r.now)
	if err != nil {
		return false, err
	}
	have, err := r.load(spec)
	return err == nil && misfit(spec, &have, a, r.now) != "", err
}

// keyOf gives the key that the store has for a certificate, or a new one where
// there is none of its algorithm.
func (r requests) keyOf(spec *plan.CertSpec) ([]byte, error) {
	text, found, err := r.read(spec.ID + ".key")
	if err != nil {
		return nil, err
	}
	if key, err := parseKey(text); found && err == nil && algorithmOf(key.Public()) == spec.Algorithm {
		return text, nil
	}
	made, err := makeKey(spec.Algorithm)
	if err != nil {
		return nil, diag.Failf("K023", spec.Position, "certificate %s of %s: %s", spec.Name, ownerOf(spec), err)
	}
	r.write(spec.ID+".key", made.key)
	return made.key, nil
}

// unknownNames reports names that neither an authority nor a certificate has.
func unknownNames(p *plan.Plan, names []string) diag.List {
	rest := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.ContainsFunc(p.Authorities, func(a plan.AuthoritySpec) bool {
			return name == a.Name || name == authorityFile(a.Name)
		})
	})
	return Choice{Names: rest}.unknown(p.Certs)
}

// requestOf signs a request by the key itself. Without a source of randomness the
// signature follows from the key: the same request has the same bytes.
func requestOf(key []byte, template x509.CertificateRequest, extensions func() ([]pkix.Extension, error)) ([]byte, error) {
	private, err := parseKey(key)
	if err != nil {
		return nil, err
	}
	if template.ExtraExtensions, err = extensions(); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificateRequest(nil, &template, private)
	if err != nil {
		return nil, errors.New("the key cannot sign a request")
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), nil
}

// The extensions of RFC 5280 that requests ask for.
var (
	oidKeyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidBasicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidExtKeyUsage      = asn1.ObjectIdentifier{2, 5, 29, 37}
)

// authorityExtensions ask for an authority that signs leaves and no authorities.
func authorityExtensions() ([]pkix.Extension, error) {
	constraint, err := asn1.Marshal(struct {
		IsCA bool
		Path int
	}{true, 0})
	if err != nil {
		return nil, err
	}
	usage, err := keyUsageExtension(x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign)
	return []pkix.Extension{{Id: oidBasicConstraints, Critical: true, Value: constraint}, usage}, err
}

func leafExtensions(usage x509.KeyUsage, purposes []string) ([]pkix.Extension, error) {
	identifiers := map[string]asn1.ObjectIdentifier{"server": {1, 3, 6, 1, 5, 5, 7, 3, 1}, "client": {1, 3, 6, 1, 5, 5, 7, 3, 2}}
	var all []asn1.ObjectIdentifier
	for _, name := range purposes {
		all = append(all, identifiers[name])
	}
	extended, err := asn1.Marshal(all)
	if err != nil {
		return nil, err
	}
	first, err := keyUsageExtension(usage)
	return []pkix.Extension{first, {Id: oidExtKeyUsage, Value: extended}}, err
}

// keyUsageExtension numbers bits from the left, as ASN.1 does.
func keyUsageExtension(usage x509.KeyUsage) (pkix.Extension, error) {
	bits := asn1.BitString{Bytes: []byte{0}}
	for i := range 8 {
		if usage&(1<<i) != 0 {
			bits.Bytes[0] |= 0x80 >> i
			bits.BitLength = i + 1
		}
	}
	value, err := asn1.Marshal(bits)
	return pkix.Extension{Id: oidKeyUsage, Critical: true, Value: value}, err
}

// FileName gives the name of the request's file, in a folder of them.
func (r Request) FileName() string { return path.Clean(r.Name) + ".csr" }
