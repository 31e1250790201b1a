package upkeep

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
)

// clientPair is where a kubelet keeps the pair that it shows the API server:
// a link to the newest one.
const clientPair = "var/lib/kubelet/pki/kubelet-client-current.pem"

// clientPairFile is the file that the link leads to, as seen from outside.
func clientPairFile(m *lab.Machine) (string, error) {
	inside, err := hardware.Inside(m)
	if err != nil {
		return "", err
	}
	link, err := os.Readlink(filepath.Join(inside.Root(), clientPair))
	return filepath.Join(inside.Root(), filepath.Dir(clientPair), filepath.Base(link)), err
}

// left is how long an aged certificate is still valid: so little of its life
// that a kubelet renews it as soon as it can.
const left = 2 * time.Hour

// AgeCertificate makes the client certificates of kubelets that are off what they would be
// if their documents were old: the same key and subject, signed by the
// cluster's authority, and nearly over.
func AgeCertificate(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return r.Each(ctx, words, func(m *lab.Machine) error {
		if m.On() {
			return errors.New("is on")
		}
		file, err := clientPairFile(m)
		if err != nil {
			return err
		}
		pair, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		old, rest := pem.Decode(pair)
		if old == nil {
			return fmt.Errorf("%s holds no certificate", clientPair)
		}
		der, err := aged(r, old.Bytes)
		if err != nil {
			return err
		}
		pair = append(pem.EncodeToMemory(&pem.Block{Type: old.Type, Bytes: der}), rest...)
		m.Aged = string(pair)
		return os.WriteFile(file, pair, 0o600)
	})
}

// aged signs a certificate again that is nearly over.
func aged(r *lab.Run, old []byte) ([]byte, error) {
	certificate, err := x509.ParseCertificate(old)
	if err != nil {
		return nil, err
	}
	ca, err := inStore(r, "ca/kubernetes.crt")
	if err != nil {
		return nil, err
	}
	authority, err := x509.ParseCertificate(ca)
	if err != nil {
		return nil, err
	}
	secret, err := inStore(r, "ca/kubernetes.key")
	if err != nil {
		return nil, err
	}
	var key *ecdsa.PrivateKey
	if key, err = x509.ParseECPrivateKey(secret); err != nil {
		return nil, err
	}
	certificate.NotAfter = time.Now().Add(left)
	return x509.CreateCertificate(rand.Reader, certificate, authority, certificate.PublicKey, key)
}

// inStore gives what the one PEM block of a file of the store holds.
func inStore(r *lab.Run, name string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(r.Store(), name))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", name)
	}
	return block.Bytes, nil
}

// CertificateRotated waits until kubelets have renewed their aged certificates, and sees
// that they use the new ones. After a reboot it must hold at once.
func CertificateRotated(ctx context.Context, r *lab.Run, words []string) (string, error) {
	machines, err := r.Named(ctx, words)
	if err != nil {
		return "", err
	}
	var lives []string
	for _, m := range machines {
		if m.Aged == "" {
			return "", fmt.Errorf("the certificate of %s was not aged", m.Name)
		}
		if _, err := r.Until(ctx, lab.Patience, func(context.Context) (bool, string) {
			file, err := clientPairFile(m)
			if err != nil {
				return false, err.Error()
			}
			pair, err := os.ReadFile(file)
			return err == nil && string(pair) != m.Aged, m.Name + " has its old certificate"
		}); err != nil {
			return "", err
		}
		life, err := clientLife(ctx, r, m.Name)
		if err == nil && life <= left {
			err = fmt.Errorf("%s uses a certificate that ends in %v", m.Name, life)
		}
		if err != nil {
			return "", err
		}
		lives = append(lives, fmt.Sprintf("%s has %.0f days left", m.Name, life.Hours()/24))
	}
	return strings.Join(lives, ", "), nil
}

var clientLifeMetric = regexp.MustCompile(`(?m)^kubelet_certificate_manager_client_ttl_seconds (\S+)$`)

// clientLife asks a kubelet for how long the client certificate is valid that
// it uses.
func clientLife(ctx context.Context, r *lab.Run, node string) (time.Duration, error) {
	out, err := r.Kubectl(ctx, "get", "--raw=/api/v1/nodes/"+node+"/proxy/metrics")
	if err != nil {
		return 0, err
	}
	found := clientLifeMetric.FindStringSubmatch(out)
	if found == nil {
		return 0, errors.New("the kubelet does not say how long its certificate is valid")
	}
	seconds, err := strconv.ParseFloat(found[1], 64)
	return time.Duration(seconds * float64(time.Second)), err
}
