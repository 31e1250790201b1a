package render

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
)

// kubeconfig writes a kubeconfig as kubeadm does: user and context are named
// after the certificate. Its client certificate is embedded, or named by path
// where something else renews it.
func (j *job) kubeconfig(d plan.Deposit, m keyFile) ([]byte, error) {
	spec := j.certs[d.ID]
	if d.Kind != kindCert || spec == nil {
		return nil, fmt.Errorf("a kubeconfig can only be made of a certificate")
	}
	client := credential{"client-certificate-data", encoded(m.certificate), "client-key-data", encoded(m.key)}
	if d.Form == plan.FormKubeconfigFile {
		var ok bool
		if client, ok = j.credentialFiles(d, m); !ok {
			return nil, fmt.Errorf("no other deposit of %s puts its certificate and key on the host", spec.Name)
		}
	}
	authority, ok := j.keys.Authorities[spec.Authority]
	if !ok {
		return nil, fmt.Errorf("there is no certificate authority %q", spec.Authority)
	}
	return kubeconfigText(j.plan.Cluster.Name, d.Server, spec.CommonName, authority.Certificate, client), nil
}

// credential is how a kubeconfig gives the client's certificate and key.
type credential struct{ certificateField, certificate, keyField, key string }

func encoded(pem []byte) string { return base64.StdEncoding.EncodeToString(pem) }

// credentialFiles finds where the host keeps a certificate: the link of a
// bundle, the bundle, or the pair of files.
func (j *job) credentialFiles(d plan.Deposit, m keyFile) (credential, bool) {
	out := credential{certificateField: "client-certificate", keyField: "client-key"}
	for _, o := range j.host.Deposits {
		if o.Kind != d.Kind || o.ID != d.ID {
			continue
		}
		at := dated(o.Path, m)
		if o.Link != "" {
			at = dated(o.Link, m)
		}
		switch o.Form {
		case "bundle":
			out.certificate, out.key = at, at
			return out, true
		case "certificate":
			out.certificate = at
		case "key":
			out.key = at
		}
	}
	return out, out.certificate != "" && out.key != ""
}

// Kubeconfig writes a kubeconfig that holds all it needs, as
// admin.conf does.
func Kubeconfig(cluster, server, user string, authority []byte, client plan.Pair) []byte {
	return kubeconfigText(cluster, server, user, authority,
		credential{"client-certificate-data", encoded(client.Certificate), "client-key-data", encoded(client.Key)})
}

// kubeconfigLines has kubeadm's names and order.
var kubeconfigLines = []string{
	"apiVersion: v1",
	"clusters:",
	"- cluster:",
	"    certificate-authority-data: %[4]s",
	"    server: %[2]s",
	"  name: %[1]s",
	"contexts:",
	"- context:",
	"    cluster: %[1]s",
	"    user: %[3]s",
	"  name: %[9]s",
	"current-context: %[9]s",
	"kind: Config",
	"preferences: {}",
	"users:",
	"- name: %[3]s",
	"  user:",
	"    %[5]s: %[6]s",
	"    %[7]s: %[8]s",
}

func kubeconfigText(cluster, server, user string, authority []byte, c credential) []byte {
	text := profile.Scalar // a cluster may be called 7e10
	return fmt.Appendf(nil, strings.Join(kubeconfigLines, "\n")+"\n", text(cluster), text(server), text(user), encoded(authority),
		c.certificateField, c.certificate, c.keyField, c.key, text(user+"@"+cluster))
}
