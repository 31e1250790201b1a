package verify

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	apiserverv1 "k8s.io/apiserver/pkg/apis/apiserver/v1"
	apiserverv1beta1 "k8s.io/apiserver/pkg/apis/apiserver/v1beta1"
	"k8s.io/apiserver/pkg/apis/audit"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	auditvalidation "k8s.io/apiserver/pkg/apis/audit/validation"
	kubeproxy "k8s.io/kube-proxy/config/v1alpha1"
	scheduler "k8s.io/kube-scheduler/config/v1"
	kubelet "k8s.io/kubelet/config/v1beta1"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/objects"
)

// configuration proves that the program which reads a configuration file would start
// with it: what is decoded is also validated.
func (v *objectProofs) configuration(o object, at diag.Position, where string, out *diag.List) {
	var judge func(root *yaml.Node, say sayAt)
	switch c := o.typed.(type) {
	case *apiserverv1.EncryptionConfiguration:
		judge = func(root *yaml.Node, say sayAt) { encryption(c, root, say) }
	case *apiserverv1.AuthenticationConfiguration:
		judge = func(root *yaml.Node, say sayAt) { authentication(c, root, say) }
	case *apiserverv1.AdmissionConfiguration:
		judge = func(root *yaml.Node, say sayAt) { v.admission(c, root, say) }
	case *auditv1.Policy:
		judge = func(root *yaml.Node, say sayAt) { auditPolicy(c, root, say) }
	case *kubelet.KubeletConfiguration:
		judge = func(root *yaml.Node, say sayAt) {
			for _, p := range wrongKubeletConfig(c, v.release.minor) {
				say(objects.Child(root, strings.Split(p.field, ".")...), p.hint, "the kubelet would not start: %s", p.because)
			}
		}
	case *kubeproxy.KubeProxyConfiguration:
		judge = func(root *yaml.Node, say sayAt) { proxyConfig(c, root, say) }
	case *apiserverv1.AuthorizationConfiguration:
		judge = func(root *yaml.Node, say sayAt) { authorization(c, root, say) }
	case *apiserverv1beta1.EgressSelectorConfiguration:
		judge = func(root *yaml.Node, say sayAt) { egressSelector(c, root, say) }
	case *apiserverv1.TracingConfiguration:
		judge = func(root *yaml.Node, say sayAt) { tracing(c, root, say) }
	case *scheduler.KubeSchedulerConfiguration:
		judge = func(root *yaml.Node, say sayAt) { scheduling(c, v.decoder, root, say) }
	default:
		config := credentialConfig(o.typed)
		if config == nil {
			return
		}
		judge = func(root *yaml.Node, say sayAt) { credentialProviders(config, root, say) }
	}
	root := o.read.Node
	judge(root, func(node *yaml.Node, hint, format string, args ...any) {
		line := root.Line
		if node != nil {
			line = node.Line
		}
		d := out.Errorf("V079", at, fmt.Sprintf("%s:%d", where, o.line+line-1), format, args...).WithHint("%s", hint)
		if v.verbatim[o.entry.Path] {
			inUsersFile(d, o, o.line+line-1)
		}
	})
}

// encryption says what the API server refuses of an EncryptionConfiguration.
func encryption(c *apiserverv1.EncryptionConfiguration, root *yaml.Node, say sayAt) {
	if len(c.Resources) == 0 {
		say(root, "add resources: [{resources: [secrets], providers: [...]}]", "resources is missing")
	}
	plugins := map[string]bool{}
	var earlier []string
	for i, r := range c.Resources {
		node := item(objects.Child(root, "resources"), i)
		encryptedResources(r.Resources, node, say)
		for j, name := range r.Resources {
			if by := maskedBy(name, earlier); by != "" {
				say(item(objects.Child(node, "resources"), j), "move "+name+" into an item before it", "%q is decided by %q in an earlier item", name, by)
			}
		}
		earlier = append(earlier, r.Resources...)
		if len(r.Providers) == 0 {
			say(node, "add providers", "resources[%d].providers is missing", i)
		}
		for j, p := range r.Providers {
			at := item(objects.Child(node, "providers"), j)
			given := 0
			for name, keys := range map[string][]apiserverv1.Key{"aesgcm": keysOf(p.AESGCM), "aescbc": keysOf(p.AESCBC), "secretbox": secretboxKeys(p.Secretbox)} {
				if objects.Child(at, name) != nil {
					given++
					encryptionKeys(name, keys, objects.Child(at, name), say)
				}
			}
			if p.KMS != nil {
				given++
				kms(p.KMS, plugins, objects.Child(at, "kms"), say)
			}
			if p.Identity != nil {
				given++
			}
			if given != 1 {
				say(at, "write one of aescbc, aesgcm, identity, kms, secretbox for each item", "providers[%d] names %d providers, and must name one", j, given)
			}
		}
	}
}

// maskedBy gives the name with a star among those of earlier items that holds name.
func maskedBy(name string, earlier []string) string {
	_, group, _ := strings.Cut(name, ".")
	for _, star := range []string{"*." + group, "*.*"} {
		if slices.Contains(earlier, star) {
			return star
		}
	}
	return ""
}

func keysOf(c *apiserverv1.AESConfiguration) []apiserverv1.Key {
	if c == nil {
		return nil
	}
	return c.Keys
}

func secretboxKeys(c *apiserverv1.SecretboxConfiguration) []apiserverv1.Key {
	if c == nil {
		return nil
	}
	return c.Keys
}

func encryptedResources(names []string, node *yaml.Node, say sayAt) {
	at := objects.Child(node, "resources")
	if len(names) == 0 {
		say(node, "add resources: [secrets]", "resources is missing")
	}
	seen := map[string]bool{}
	groups := map[string]int{}
	for i, name := range names {
		resource, group, _ := strings.Cut(name, ".")
		groups[group]++
		switch {
		case strings.ToLower(name) != name, name == "*", resource == "", strings.Contains(resource, "/"),
			strings.Contains(resource, "*") && resource != "*", strings.Contains(group, "*") && name != "*.*":
			say(item(at, i), "write the plural in lower case, as in secrets, deployments.apps, *.apps or *.*", "%q does not name a resource", name)
		case group == "extensions":
			say(item(at, i), "write its group of today, as in deployments.apps", "the group extensions is gone")
		case group == "events.k8s.io":
			say(item(at, i), "write events", "events are stored in the group without a name")
		case seen[name]:
			say(item(at, i), "write it once", "%q stands twice", name)
		}
		seen[name] = true
	}
	for name := range seen {
		resource, group, _ := strings.Cut(name, ".")
		if len(names) > 1 && (name == "*.*" || resource == "*" && groups[group] > 1) && len(seen) > 1 {
			say(at, "write "+name+" in an item of its own after the others", "%q holds others of the list", name)
		}
	}
}

// keySizes are the lengths in bytes that a provider takes.
var keySizes = map[string][]int{"aesgcm": {16, 24, 32}, "aescbc": {16, 24, 32}, "secretbox": {32}}

func encryptionKeys(provider string, keys []apiserverv1.Key, node *yaml.Node, say sayAt) {
	if len(keys) == 0 {
		say(node, "add keys: [{name: key1, secret: BASE64}]", "%s has no keys", provider)
	}
	for i, k := range keys {
		at := item(objects.Child(node, "keys"), i)
		if k.Name == "" {
			say(at, "add name: key1", "a key of %s has no name", provider)
		}
		secret, err := base64.StdEncoding.DecodeString(k.Secret)
		fresh := "make one with `head -c 32 /dev/urandom | base64`"
		switch {
		case k.Secret == "":
			say(at, fresh, "key %s of %s has no secret", k.Name, provider)
		case err != nil:
			say(objects.Child(at, "secret"), fresh, "the secret of key %s of %s is not base64", k.Name, provider)
		case !slices.Contains(keySizes[provider], len(secret)):
			say(objects.Child(at, "secret"), fresh, "the secret of key %s of %s has %d bytes, and must have %s", k.Name, provider, len(secret), strings.Trim(strings.Join(strings.Fields(fmt.Sprint(keySizes[provider])), " or "), "[]"))
		}
	}
}

func kms(k *apiserverv1.KMSConfiguration, plugins map[string]bool, node *yaml.Node, say sayAt) {
	u, err := url.Parse(k.Endpoint)
	switch {
	case k.APIVersion == "" || k.APIVersion == "v1":
		say(node, "write apiVersion: v2", "the API server does not take version 1 of kms unless the feature gate KMSv1 is on")
	case k.APIVersion != "v2":
		say(objects.Child(node, "apiVersion"), "write apiVersion: v2", "%q is not a version of kms", k.APIVersion)
	}
	if k.Name == "" || strings.Contains(k.Name, ":") {
		say(node, "write a name without a colon", "%q cannot be the name of a kms provider", k.Name)
	} else if plugins[k.Name] {
		say(objects.Child(node, "name"), "give each a name of its own", "two kms providers are named %s", k.Name)
	}
	plugins[k.Name] = true
	if err != nil || u.Scheme != "unix" {
		say(node, "write endpoint: unix:///run/kms/socket.sock", "the endpoint of a kms provider must be a socket")
	}
	if k.Timeout != nil && k.Timeout.Duration <= 0 {
		say(objects.Child(node, "timeout"), "write timeout: 3s", "timeout must be more than nothing")
	}
	if k.CacheSize != nil && k.APIVersion == "v2" {
		say(objects.Child(node, "cachesize"), "take it out", "version 2 of kms has no cachesize")
	}
}

// auditPolicy asks the API server's own validation.
func auditPolicy(c *auditv1.Policy, root *yaml.Node, say sayAt) {
	var internal audit.Policy
	if err := auditv1.Convert_v1_Policy_To_audit_Policy(c, &internal, nil); err != nil {
		say(root, "correct it", "%s", plainError(err))
		return
	}
	if len(c.Rules) == 0 {
		say(root, "add rules: [{level: Metadata}]", "rules is missing")
	}
	for _, e := range auditvalidation.ValidatePolicy(&internal) {
		hint := "see the reference of audit.k8s.io/v1"
		if e.Type == field.ErrorTypeRequired || strings.HasSuffix(e.Field, "level") {
			hint = "write None, Metadata, Request or RequestResponse"
		}
		say(nodeAt(root, e.Field), hint, "the API server refuses %s", e.Error())
	}
}

// nodeAt finds rules[1].level.
func nodeAt(node *yaml.Node, path string) *yaml.Node {
	for _, part := range strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune(".[]", r) }) {
		next := objects.Child(node, part)
		var i int
		if _, err := fmt.Sscanf(part, "%d", &i); err == nil && node.Kind == yaml.SequenceNode {
			next = item(node, i)
		}
		if next == nil {
			break
		}
		node = next
	}
	return node
}

func proxyConfig(c *kubeproxy.KubeProxyConfiguration, root *yaml.Node, say sayAt) {
	if !slices.Contains([]kubeproxy.ProxyMode{"", "iptables", "ipvs", "nftables"}, c.Mode) {
		say(objects.Child(root, "mode"), "write iptables or nftables", "kube-proxy has no mode %q", c.Mode)
	}
	if !slices.Contains([]kubeproxy.LocalMode{"", "ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix"}, c.DetectLocalMode) {
		say(objects.Child(root, "detectLocalMode"), "write ClusterCIDR or NodeCIDR", "%q is not a way to tell local traffic", c.DetectLocalMode)
	}
	if _, err := netip.ParseAddr(c.BindAddress); c.BindAddress != "" && err != nil {
		say(objects.Child(root, "bindAddress"), "write 0.0.0.0 or ::", "bindAddress is not an address")
	}
	for _, cidr := range strings.Split(c.ClusterCIDR, ",") {
		if _, err := netip.ParsePrefix(cidr); cidr != "" && err != nil {
			say(objects.Child(root, "clusterCIDR"), "write it as in 10.240.0.0/16", "%q is not a network", cidr)
		}
	}
	for _, f := range []struct{ name, value string }{{"healthzBindAddress", c.HealthzBindAddress}, {"metricsBindAddress", c.MetricsBindAddress}} {
		if because, hint := wrongIPPort(f.value); because != "" {
			say(objects.Child(root, f.name), hint, "%s: %s", f.name, because)
		}
	}
}

// socket proves that the API server, as a pod, sees the socket of a KMS plugin that
// its encryption configuration names.
func socket(m *machine, o object, k *apiserverv1.KMSConfiguration, c corev1.Container, volumes map[string]*corev1.HostPathVolumeSource, out *diag.List) {
	if k == nil {
		return
	}
	socket, ok := strings.CutPrefix(k.Endpoint, "unix://")
	if !ok {
		return // said by configuration
	}
	if _, seen := hostPath(c, volumes, socket); !seen {
		out.Errorf("V024", m.doc.At(o.entry.Item), m.where(o.entry.Path), "container %s: no volume of the pod holds %s, the socket of the kms provider %s", c.Name, socket, k.Name).
			WithHint("write encryptionConfiguration: FILE under profiles.control-plane, or apiServerFolders: [%s]", path.Dir(socket))
	}
}
