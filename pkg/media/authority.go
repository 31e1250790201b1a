package media

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
)

// Authorities reads who may vouch for a server: certificates in PEM form. What
// stands between them in a file is left out.
func Authorities(file string, text []byte, now time.Time) ([]byte, error) {
	refuse := func(why, hint string) error {
		return diag.Failf("M022", diag.Position{File: file}, "machines cannot be told to trust this: %s", why).WithHint("%s", hint)
	}
	const which = "name the certificate of the authority that signed the web server's, in PEM form"
	var out bytes.Buffer
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, refuse("it holds a "+block.Type, which)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		switch {
		case err != nil:
			return nil, refuse("a certificate in it is damaged", which)
		case !c.IsCA:
			return nil, refuse(c.Subject.String()+" is not an authority", which)
		case now.After(c.NotAfter):
			return nil, refuse(c.Subject.String()+" has expired on "+c.NotAfter.Format(time.DateOnly), "name its successor")
		}
		if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes}); err != nil {
			return nil, err
		}
	}
	if out.Len() == 0 {
		return nil, refuse("it holds no certificate in PEM form", which)
	}
	return out.Bytes(), nil
}
