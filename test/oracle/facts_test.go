//go:build oracle

package oracle

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	kubeproxy "k8s.io/kube-proxy/config/v1alpha1"
	kubelet "k8s.io/kubelet/config/v1beta1"
	"sigs.k8s.io/yaml"
)

// facts is what one side says: by subject ("certificate etcd/server"), by field
// ("organizations"), as text. Both sides are read by the same code, and typed
// where Kubernetes has the type, so that only meaning is compared.
type facts map[string]map[string]string

func (f facts) add(subject, field, value string) {
	if f[subject] == nil {
		f[subject] = map[string]string{}
	}
	f[subject][field] = value
}

// tree is the files of a machine by path; of a link, those of its target.
type tree map[string][]byte

const (
	pkiDir      = "/etc/kubernetes/pki/"
	manifestDir = "/etc/kubernetes/manifests/"
)

// read states everything that is compared of a machine and its cluster.
func read(files tree, objects [][]byte) (facts, error) {
	f := facts{}
	for name, content := range files {
		var err error
		switch {
		case strings.HasSuffix(name, ".crt"):
			err = f.certificate(files, name)
		case path.Dir(name) == "/etc/kubernetes" && strings.HasSuffix(name, ".conf"):
			err = f.kubeconfig(files, name)
		case path.Dir(name)+"/" == manifestDir:
			err = f.pod(content)
		case name == "/var/lib/kubelet/config.yaml":
			err = f.configuration("kubelet configuration", "", content, &kubelet.KubeletConfiguration{})
		case name == "/var/lib/kubelet/kubeadm-flags.env":
			_, value, _ := strings.Cut(strings.TrimSpace(string(content)), "=")
			f.flags("kubelet flags", strings.Fields(strings.Trim(value, `"`)))
		case name == "/etc/systemd/system/etcd.service":
			f.flags("flags etcd", execStart(content, files["/etc/etcd/etcd.conf"])[1:])
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, object := range objects {
		if err := f.object(files, object); err != nil {
			return nil, fmt.Errorf("%w in\n%s", err, object)
		}
	}
	return f, nil
}

// usages are the names of RFC 5280.
var keyUsages = []struct {
	bit  x509.KeyUsage
	name string
}{
	{x509.KeyUsageDigitalSignature, "digitalSignature"},
	{x509.KeyUsageKeyEncipherment, "keyEncipherment"},
	{x509.KeyUsageCertSign, "keyCertSign"},
	{x509.KeyUsageCRLSign, "cRLSign"},
}

var extKeyUsages = map[x509.ExtKeyUsage]string{x509.ExtKeyUsageServerAuth: "serverAuth", x509.ExtKeyUsageClientAuth: "clientAuth"}

func (f facts) certificate(files tree, name string) error {
	c, err := parse(files[name])
	if err != nil {
		return err
	}
	subject := "certificate " + strings.TrimSuffix(strings.TrimPrefix(name, pkiDir), ".crt")
	f.subject(subject, c)
	for _, san := range c.DNSNames {
		f.add(subject, "name "+san, "present")
	}
	for _, san := range c.IPAddresses {
		f.add(subject, "address "+san.String(), "present")
	}
	if c.IsCA {
		f.add(subject, "authority", fmt.Sprintf("path length %d", c.MaxPathLen))
	}
	f.add(subject, "private key", absent)
	if _, ok := files[strings.TrimSuffix(name, ".crt")+".key"]; ok {
		f.add(subject, "private key", "present")
	}
	return nil
}

// subject states what servers look at when they are shown a certificate.
func (f facts) subject(subject string, c *x509.Certificate) {
	f.add(subject, "common name", c.Subject.CommonName)
	f.add(subject, "organizations", strings.Join(c.Subject.Organization, ", "))
	f.add(subject, "issuer", c.Issuer.CommonName)
	f.add(subject, "key", keyKind(c.PublicKey))
	var usages []string
	for _, u := range keyUsages {
		if c.KeyUsage&u.bit != 0 {
			usages = append(usages, u.name)
		}
	}
	f.add(subject, "key usage", strings.Join(usages, ", "))
	var extended []string
	for _, u := range c.ExtKeyUsage {
		extended = append(extended, extKeyUsages[u])
	}
	slices.Sort(extended)
	f.add(subject, "extended key usage", strings.Join(extended, ", "))
}

func keyKind(key any) string {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return k.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA-%d", k.N.BitLen())
	}
	return fmt.Sprintf("%T", key)
}

// parse gives the first certificate of PEM text.
func parse(text []byte) (*x509.Certificate, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
	}
	return nil, fmt.Errorf("no certificate")
}

// kubeconfig is the part of the format that credentials use.
type kubeconfig struct {
	Clusters []struct {
		Name    string
		Cluster struct {
			Server        string
			Authority     []byte `json:"certificate-authority-data"`
			AuthorityFile string `json:"certificate-authority"`
		}
	}
	Users []struct {
		Name string
		User struct {
			Certificate     []byte `json:"client-certificate-data"`
			CertificateFile string `json:"client-certificate"`
			Key             []byte `json:"client-key-data"`
			KeyFile         string `json:"client-key"`
		}
	}
	Contexts []struct {
		Name    string
		Context struct{ Cluster, User, Namespace string }
	}
	CurrentContext string `json:"current-context"`
}

func (f facts) kubeconfig(files tree, name string) error {
	var k kubeconfig
	if err := yaml.Unmarshal(files[name], &k); err != nil {
		return err
	}
	if len(k.Clusters) != 1 || len(k.Users) != 1 || len(k.Contexts) != 1 {
		return fmt.Errorf("not one cluster, user and context")
	}
	subject, cluster, user, context := "kubeconfig "+path.Base(name), k.Clusters[0], k.Users[0], k.Contexts[0]
	f.add(subject, "cluster", cluster.Name)
	f.add(subject, "server", cluster.Cluster.Server)
	f.add(subject, "user", user.Name)
	f.add(subject, "context", fmt.Sprintf("%s of %s at %s", context.Name, context.Context.User, context.Context.Cluster))
	f.add(subject, "current context", k.CurrentContext)
	f.add(subject, "authority", files.nameOf(cluster.Cluster.Authority, cluster.Cluster.AuthorityFile))
	credential := user.User.Certificate
	f.add(subject, "credential", "embedded")
	if len(credential) == 0 {
		f.add(subject, "credential", user.User.CertificateFile)
		credential = files[user.User.CertificateFile]
	}
	c, err := parse(credential)
	if err != nil {
		return err
	}
	f.subject(subject, c)
	return nil
}

// nameOf names the file whose bytes are given, or referred to.
func (files tree) nameOf(data []byte, file string) string {
	for name, content := range files {
		if len(data) > 0 && strings.HasSuffix(name, ".crt") && string(content) == string(data) || name == file {
			return name
		}
	}
	return "unknown"
}

func (f facts) pod(content []byte) error {
	object, err := decode(content)
	if err != nil {
		return err
	}
	name, _, _ := unstructured.NestedString(object, "metadata", "name")
	containers, _, err := unstructured.NestedSlice(object, "spec", "containers")
	if err != nil || len(containers) != 1 {
		return fmt.Errorf("not one container (%w)", err)
	}
	container := containers[0].(map[string]any)
	command, _, err := unstructured.NestedStringSlice(container, "command")
	if err != nil {
		return err
	}
	delete(container, "command")
	if err := unstructured.SetNestedSlice(object, containers, "spec", "containers"); err != nil {
		return err
	}
	f.flags("flags "+name, command[1:])
	f.flatten("pod "+name, "", object)
	return nil
}

func (f facts) flags(subject string, args []string) {
	for _, argument := range args {
		flag, value, _ := strings.Cut(argument, "=")
		f.add(subject, flag, value)
	}
}

// execStart gives the command line of a unit, with the words of the variables that
// stand alone in it, as systemd splits them, from its environment file.
func execStart(unit, environment []byte) []string {
	_, rest, _ := strings.Cut(strings.ReplaceAll(string(unit), "\\\n", " "), "\nExecStart=")
	line, _, _ := strings.Cut(rest, "\n")
	var out []string
	for _, word := range strings.Fields(line) {
		name, isVariable := strings.CutPrefix(word, "$")
		if !isVariable {
			out = append(out, word)
			continue
		}
		_, value, _ := strings.Cut(strings.ReplaceAll(string(environment), "\\\n", " "), name+"=\"")
		value, _, _ = strings.Cut(value, "\"")
		out = append(out, strings.Fields(value)...)
	}
	return out
}

// configuration reads a file through its Go type, so that what is left out and
// what is written out as nothing are the same.
func (f facts) configuration(subject, field string, content []byte, into any) error {
	if err := yaml.UnmarshalStrict(content, into); err != nil {
		return err
	}
	values, err := runtime.DefaultUnstructuredConverter.ToUnstructured(into)
	if err != nil {
		return err
	}
	f.flatten(subject, field, values)
	return nil
}

// decode reads an object through its Go type.
func decode(content []byte) (map[string]any, error) {
	object, _, err := scheme.Codecs.UniversalDeserializer().Decode(content, nil, nil)
	if runtime.IsNotRegisteredError(err) {
		var any map[string]any
		return any, yaml.Unmarshal(content, &any)
	}
	if err != nil {
		return nil, err
	}
	values, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	delete(values, "status")
	return values, err
}

// random is what no two runs have in common.
var random = regexp.MustCompile(`bootstrap-token-[a-z0-9]{6}`)

func (f facts) object(files tree, content []byte) error {
	object, err := decode(content)
	if err != nil {
		return err
	}
	u := unstructured.Unstructured{Object: object}
	u.SetResourceVersion("")
	subject := random.ReplaceAllString(strings.TrimSpace(fmt.Sprintf("object %s %s", u.GetKind(), strings.TrimPrefix(u.GetNamespace()+"/"+u.GetName(), "/"))), "bootstrap-token-*")
	if u.GetKind() != "ConfigMap" {
		f.flatten(subject, "", object)
		return nil
	}
	data, _, err := unstructured.NestedStringMap(object, "data")
	if err != nil {
		return err
	}
	delete(object, "data")
	f.flatten(subject, "", object)
	for key, text := range data {
		if err := f.data(files, subject, key, text); err != nil {
			return err
		}
	}
	return nil
}

// data reads what ConfigMaps hold by its own format.
func (f facts) data(files tree, subject, key, text string) error {
	switch key {
	case "kubelet":
		return f.configuration(subject, key, []byte(text), &kubelet.KubeletConfiguration{})
	case "config.conf":
		return f.configuration(subject, key, []byte(text), &kubeproxy.KubeProxyConfiguration{})
	case "ClusterConfiguration", "kubeconfig", "kubeconfig.conf":
		var values map[string]any
		if err := yaml.Unmarshal([]byte(text), &values); err != nil {
			return err
		}
		f.flatten(subject, key, values)
		for field, value := range f[subject] {
			if strings.HasSuffix(field, "certificate-authority-data") {
				authority, err := base64.StdEncoding.DecodeString(value)
				if err != nil {
					return err
				}
				f.add(subject, field, files.nameOf(authority, ""))
			}
		}
		return nil
	}
	f.add(subject, key, text)
	return nil
}

var digest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// flatten states every value below a value. Items of lists go by what
// identifies them, not by their place; what is empty is left out.
func (f facts) flatten(subject, field string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, value := range v {
			f.flatten(subject, strings.TrimPrefix(field+"."+key, "."), value)
		}
	case []any:
		if scalars(v) {
			text, _ := json.Marshal(v)
			if len(v) > 0 {
				f.add(subject, field, string(text))
			}
			return
		}
		for i, item := range v {
			f.flatten(subject, fmt.Sprintf("%s[%s]", field, identify(item, i)), item)
		}
	case nil:
	default:
		if text := fmt.Sprint(v); text != "" {
			f.add(subject, field, digest.ReplaceAllString(text, "sha256:..."))
		}
	}
}

func scalars(list []any) bool {
	return !slices.ContainsFunc(list, func(item any) bool {
		switch item.(type) {
		case map[string]any, []any:
			return true
		}
		return false
	})
}

// identify takes out of an item the field by which Kubernetes itself tells the
// items of a list apart.
func identify(item any, place int) string {
	fields, _ := item.(map[string]any)
	for _, key := range []string{"name", "key", "topologyKey"} {
		if text, ok := fields[key].(string); ok && text != "" {
			delete(fields, key)
			return text
		}
	}
	return fmt.Sprint(place)
}
