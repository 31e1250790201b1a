package payload

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
)

// Web says how web servers and registries are asked: which authority vouches for
// them besides those of the system, and how this machine makes itself known.
type Web struct {
	Authority string // a file with certificates, PEM
	Client    string // a file with a certificate and its key, PEM
	Logins    string // a file as curl and git read it, .netrc
}

// client makes a client of it.
func (w Web) client() (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if w.Authority != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		text, err := readFile(w.Authority)
		if err != nil {
			return nil, err
		}
		if !pool.AppendCertsFromPEM(text) {
			return nil, diag.Failf("W004", diag.Position{File: w.Authority}, "no certificate is in this file").WithHint("--ca names a file with certificates in PEM form")
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	if w.Client != "" {
		text, err := readFile(w.Client)
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(text, text)
		if err != nil {
			return nil, diag.Failf("W004", diag.Position{File: w.Client}, "this file does not hold a certificate and its key").
				WithHint("--client names a file with a certificate and its unencrypted private key, in PEM form")
		}
		transport.TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	if w.Logins == "" {
		return &http.Client{Transport: transport}, nil
	}
	logins, err := readLogins(w.Logins)
	return &http.Client{Transport: &loggedIn{transport, logins}}, err
}

func readFile(name string) ([]byte, error) {
	text, err := input.ReadFile(name)
	if err != nil {
		return nil, diag.Failf("W004", diag.Position{File: name}, "cannot be read: %s", because(err))
	}
	return text, nil
}

// login is how one machine is logged in to.
type login struct{ user, password string }

// readLogins reads the words `machine HOST login USER password WORD`.
func readLogins(name string) (map[string]login, error) {
	text, err := readFile(name)
	if err != nil {
		return nil, err
	}
	logins, host := map[string]login{}, ""
	words := bufio.NewScanner(strings.NewReader(string(text)))
	words.Split(bufio.ScanWords)
	for words.Scan() {
		key := words.Text()
		if key == "default" {
			host = ""
			continue
		}
		if !words.Scan() {
			break
		}
		value, l := words.Text(), logins[host]
		switch key {
		case "machine":
			host = value
			continue
		case "login":
			l.user = value
		case "password":
			l.password = value
		}
		logins[host] = l
	}
	if len(logins) == 0 {
		return nil, diag.Failf("W004", diag.Position{File: name}, "no login is in this file").WithHint("write: machine HOST login USER password WORD")
	}
	return logins, nil
}

// loggedIn adds the login of the server that each request is for, and to no other
// that it may be sent on to.
type loggedIn struct {
	http.RoundTripper
	logins map[string]login
}

// RoundTrip implements [http.RoundTripper].
func (c *loggedIn) RoundTrip(r *http.Request) (*http.Response, error) {
	l, found := c.logins[r.URL.Hostname()]
	if !found {
		l, found = c.logins[""]
	}
	if found && r.Header.Get("Authorization") == "" {
		r = r.Clone(r.Context())
		r.SetBasicAuth(l.user, l.password)
	}
	return c.RoundTripper.RoundTrip(r)
}
