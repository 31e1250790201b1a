package verify

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"
	apiserverv1 "k8s.io/apiserver/pkg/apis/apiserver/v1"
	apiserverv1beta1 "k8s.io/apiserver/pkg/apis/apiserver/v1beta1"

	"github.com/kubespore/kubespore/pkg/objects"
)

// authorizers are the types that the API server knows; Webhook may stand several times.
var authorizers = []string{"ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"}

// authorization says what the API server refuses of an AuthorizationConfiguration.
// Expressions in CEL are left to it.
func authorization(c *apiserverv1.AuthorizationConfiguration, root *yaml.Node, say sayAt) {
	if len(c.Authorizers) == 0 {
		say(root, "add authorizers: [{type: Node, name: node}, {type: RBAC, name: rbac}]", "authorizers is missing")
	}
	types, names := map[string]bool{}, map[string]bool{}
	for i, a := range c.Authorizers {
		node := item(objects.Child(root, "authorizers"), i)
		switch {
		case !slices.Contains(authorizers, a.Type):
			say(node, "write type: Node, RBAC or Webhook", "there is no authorizer of the type %q", a.Type)
			continue
		case types[a.Type] && a.Type != "Webhook":
			say(node, "write it once", "the authorizer %s stands twice", a.Type)
			continue
		}
		types[a.Type] = true
		switch {
		case len(validation.IsDNS1123Subdomain(a.Name)) > 0:
			say(node, "write name: "+strings.ToLower(a.Type), "%q cannot be the name of an authorizer", a.Name)
		case names[a.Name]:
			say(node, "give each a name of its own", "two authorizers are named %s", a.Name)
		}
		names[a.Name] = true
		switch {
		case a.Type == "Webhook" && a.Webhook == nil:
			say(node, "add webhook: {timeout: 3s, ...}", "webhook is missing")
		case a.Type == "Webhook":
			authorizationWebhook(a.Webhook, objects.Child(node, "webhook"), say)
		case a.Webhook != nil:
			say(node, "take webhook out", "only an authorizer of the type Webhook has webhook")
		}
	}
}

func authorizationWebhook(w *apiserverv1.WebhookConfiguration, node *yaml.Node, say sayAt) {
	for _, d := range []struct {
		name  string
		value time.Duration
		most  time.Duration
	}{{"timeout", w.Timeout.Duration, 30 * time.Second}, {"authorizedTTL", w.AuthorizedTTL.Duration, 0}, {"unauthorizedTTL", w.UnauthorizedTTL.Duration, 0}} {
		if d.value <= 0 || d.most > 0 && d.value > d.most {
			say(orElse(objects.Child(node, d.name), node), "write "+d.name+": 3s", "%s must be more than nothing, and a timeout at most 30s", d.name)
		}
	}
	for _, c := range []struct {
		name, value string
		allowed     []string
	}{
		{"subjectAccessReviewVersion", w.SubjectAccessReviewVersion, []string{"v1", "v1beta1"}},
		{"failurePolicy", w.FailurePolicy, []string{apiserverv1.FailurePolicyNoOpinion, apiserverv1.FailurePolicyDeny}},
		{"matchConditionSubjectAccessReviewVersion", w.MatchConditionSubjectAccessReviewVersion, []string{"v1"}},
	} {
		optional := c.name == "matchConditionSubjectAccessReviewVersion" && len(w.MatchConditions) == 0
		if !slices.Contains(c.allowed, c.value) && !(optional && c.value == "") {
			say(orElse(objects.Child(node, c.name), node), "write "+c.name+": "+c.allowed[0], "%s cannot be %q", c.name, c.value)
		}
	}
	file, to := w.ConnectionInfo.KubeConfigFile, orElse(objects.Child(node, "connectionInfo"), node)
	switch kind := w.ConnectionInfo.Type; {
	case kind == apiserverv1.AuthorizationWebhookConnectionInfoTypeInCluster && file != nil:
		say(to, "take kubeConfigFile out", "kubeConfigFile goes with the type KubeConfigFile")
	case kind == apiserverv1.AuthorizationWebhookConnectionInfoTypeKubeConfigFile && (file == nil || !strings.HasPrefix(*file, "/")):
		say(to, "write kubeConfigFile: /etc/kubernetes/pki/files/NAME, and name the file under apiServerFiles", "kubeConfigFile must be an absolute path")
	case kind != apiserverv1.AuthorizationWebhookConnectionInfoTypeInCluster && kind != apiserverv1.AuthorizationWebhookConnectionInfoTypeKubeConfigFile:
		say(to, "write type: KubeConfigFile", "there is no connection of the type %q", kind)
	}
	matchConditions(w.MatchConditions, objects.Child(node, "matchConditions"), say)
}

func matchConditions(list []apiserverv1.WebhookMatchCondition, node *yaml.Node, say sayAt) {
	seen := map[string]bool{}
	if len(list) > 64 {
		say(node, "join some of them with &&", "there are %d matchConditions, and may be 64", len(list))
	}
	for i, c := range list {
		switch {
		case strings.TrimSpace(c.Expression) == "":
			say(item(node, i), "add expression", "a matchCondition has no expression")
		case seen[c.Expression]:
			say(item(node, i), "write it once", "the expression %s stands twice", c.Expression)
		}
		seen[c.Expression] = true
	}
}

// orElse gives the first node that there is.
func orElse(nodes ...*yaml.Node) *yaml.Node {
	for _, n := range nodes {
		if n != nil {
			return n
		}
	}
	return nil
}

// egressSelector says what the API server refuses of an EgressSelectorConfiguration.
func egressSelector(c *apiserverv1beta1.EgressSelectorConfiguration, root *yaml.Node, say sayAt) {
	seen := map[string]bool{}
	for i, s := range c.EgressSelections {
		node := item(objects.Child(root, "egressSelections"), i)
		name := strings.ToLower(s.Name)
		switch {
		case seen[name]:
			say(node, "write it once", "the selection %s stands twice", name)
		case !slices.Contains([]string{"controlplane", "cluster", "etcd"}, name):
			say(node, "write name: cluster, controlplane or etcd", "there is no selection %q", s.Name)
		}
		seen[name] = true
		egressConnection(s.Connection, objects.Child(node, "connection"), node, say)
	}
}

func egressConnection(c apiserverv1beta1.Connection, connection, node *yaml.Node, say sayAt) {
	at := orElse(connection, node)
	t := c.Transport
	var tcp *apiserverv1beta1.TCPTransport
	var uds *apiserverv1beta1.UDSTransport
	if t != nil {
		tcp, uds = t.TCP, t.UDS
	}
	switch protocol := c.ProxyProtocol; {
	case protocol == apiserverv1beta1.ProtocolDirect:
		if t != nil {
			say(at, "take transport out", "a direct connection has no transport")
		}
		return
	case protocol == apiserverv1beta1.ProtocolGRPC && uds == nil, protocol == apiserverv1beta1.ProtocolHTTPConnect && (tcp == nil) == (uds == nil):
		say(at, "add transport: {uds: {udsName: /run/konnectivity/server.socket}}", "%s needs a transport: uds, or with HTTPConnect one of tcp and uds", protocol)
		return
	case protocol != apiserverv1beta1.ProtocolGRPC && protocol != apiserverv1beta1.ProtocolHTTPConnect:
		say(at, "write proxyProtocol: Direct, GRPC or HTTPConnect", "there is no protocol %q", protocol)
		return
	}
	switch {
	case uds != nil && uds.UDSName == "":
		say(at, "add udsName: /run/konnectivity/server.socket", "udsName is missing")
	case uds != nil:
	case strings.HasPrefix(tcp.URL, "http://"):
		if tcp.TLSConfig != nil {
			say(at, "take tlsConfig out, or write https://", "tlsConfig goes with https")
		}
	case !strings.HasPrefix(tcp.URL, "https://"):
		say(at, "write url: https://HOST:PORT", "%q is not a URL of http or https", tcp.URL)
	case tcp.TLSConfig == nil || tcp.TLSConfig.ClientCert == "" || tcp.TLSConfig.ClientKey == "":
		say(at, "add tlsConfig: {caBundle: FILE, clientCert: FILE, clientKey: FILE}", "https needs tlsConfig with clientCert and clientKey")
	}
}

// tracing says what the API server refuses of a TracingConfiguration.
func tracing(c *apiserverv1.TracingConfiguration, root *yaml.Node, say sayAt) {
	if rate := c.SamplingRatePerMillion; rate != nil && (*rate < 0 || *rate > 1000000) {
		say(objects.Child(root, "samplingRatePerMillion"), "write a number from 0 to 1000000", "samplingRatePerMillion cannot be %d", *rate)
	}
	if c.Endpoint == nil {
		return
	}
	endpoint := *c.Endpoint
	if !strings.Contains(endpoint, "//") {
		endpoint = "dns://" + endpoint
	}
	if u, err := url.Parse(endpoint); err != nil || !slices.Contains([]string{"dns", "unix", "unix-abstract"}, u.Scheme) {
		say(objects.Child(root, "endpoint"), "write endpoint: HOST:4317", "%q is not an endpoint of a collector", *c.Endpoint)
	}
}
