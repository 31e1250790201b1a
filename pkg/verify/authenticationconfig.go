package verify

import (
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	apiserverv1 "k8s.io/apiserver/pkg/apis/apiserver/v1"

	"github.com/kubespore/kubespore/pkg/objects"
)

// authentication says what the API server refuses of an AuthenticationConfiguration.
// Expressions in CEL are left to it.
func authentication(c *apiserverv1.AuthenticationConfiguration, root *yaml.Node, say sayAt) {
	issuers := map[string]bool{}
	for i, j := range c.JWT {
		node := item(objects.Child(root, "jwt"), i)
		if !secureURL(j.Issuer.URL) {
			say(objects.Child(node, "issuer"), "write url: https://id.example.org", "jwt[%d].issuer.url must be an https URL", i)
		} else if issuers[j.Issuer.URL] {
			say(objects.Child(node, "issuer"), "name each issuer once", "the issuer %s stands twice", j.Issuer.URL)
		}
		issuers[j.Issuer.URL] = true
		if len(j.Issuer.Audiences) == 0 || slices.Contains(j.Issuer.Audiences, "") {
			say(objects.Child(node, "issuer"), "add audiences: [CLIENT_ID]", "jwt[%d].issuer.audiences is missing", i)
		}
		if policy := j.Issuer.AudienceMatchPolicy; policy != apiserverv1.AudienceMatchPolicyMatchAny && (policy != "" || len(j.Issuer.Audiences) > 1) {
			say(objects.Child(node, "issuer"), "write audienceMatchPolicy: MatchAny", "audienceMatchPolicy must be MatchAny, or left out for one audience")
		}
		if twice := repeated(j.Issuer.Audiences); twice != "" {
			say(objects.Child(node, "issuer", "audiences"), "write it once", "the audience %s stands twice", twice)
		}
		if d := j.Issuer.DiscoveryURL; d != nil && (!secureURL(*d) || strings.TrimRight(*d, "/") == strings.TrimRight(j.Issuer.URL, "/")) {
			say(objects.Child(node, "issuer", "discoveryURL"), "write another https URL, or take it out", "jwt[%d].issuer.discoveryURL must be an https URL that is not the issuer's", i)
		}
		if !slices.Contains([]string{"", "controlplane", "cluster"}, string(j.Issuer.EgressSelectorType)) {
			say(objects.Child(node, "issuer", "egressSelectorType"), "write controlplane or cluster, or take it out", "there is no egress selector %s", j.Issuer.EgressSelectorType)
		}
		if j.Issuer.CertificateAuthority != "" && !readable(j.Issuer.CertificateAuthority) {
			say(objects.Child(node, "issuer", "certificateAuthority"), "write the certificate as PEM", "jwt[%d].issuer.certificateAuthority holds no certificate", i)
		}
		claim(j.ClaimMappings.Username, "username", true, objects.Child(node, "claimMappings"), say)
		claim(j.ClaimMappings.Groups, "groups", false, objects.Child(node, "claimMappings"), say)
		if uid := j.ClaimMappings.UID; uid.Claim != "" && uid.Expression != "" {
			say(objects.Child(node, "claimMappings", "uid"), "take one of them out", "claimMappings.uid cannot have both claim and expression")
		}
		extraMappings(j.ClaimMappings.Extra, objects.Child(node, "claimMappings", "extra"), say)
		claimRules(j.ClaimValidationRules, objects.Child(node, "claimValidationRules"), say)
		userRules(j.UserValidationRules, objects.Child(node, "userValidationRules"), say)
	}
	if a := c.Anonymous; a != nil && !a.Enabled && len(a.Conditions) > 0 {
		say(objects.Child(root, "anonymous"), "write enabled: true, or take conditions out", "anonymous.conditions needs enabled: true")
	}
}

func readable(text string) bool {
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		if _, err := x509.ParseCertificate(block.Bytes); err == nil {
			return true
		}
	}
	return false
}

func claim(c apiserverv1.PrefixedClaimOrExpression, name string, required bool, node *yaml.Node, say sayAt) {
	at := objects.Child(node, name)
	if at == nil {
		at = node
	}
	switch {
	case c.Claim == "" && c.Expression == "" && required:
		say(at, "add username: {claim: sub, prefix: 'oidc:'}", "claimMappings.%s needs claim or expression", name)
	case c.Claim != "" && c.Expression != "":
		say(at, "take one of them out", "claimMappings.%s cannot have both claim and expression", name)
	case c.Claim != "" && c.Prefix == nil:
		say(at, `add prefix; "" stands for none`, "claimMappings.%s.prefix is missing", name)
	case c.Claim == "" && c.Prefix != nil && (required || c.Expression != ""):
		say(at, "take prefix out, or add claim", "claimMappings.%s.prefix needs claim", name)
	}
}

// secureURL says whether a text is an address of https with nothing that does not
// belong into one.
func secureURL(text string) bool {
	u, err := url.Parse(text)
	return text != "" && err == nil && u.Scheme == "https" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// repeated gives a text that stands twice.
func repeated(list []string) string {
	seen := map[string]bool{}
	for _, text := range list {
		if seen[text] {
			return text
		}
		seen[text] = true
	}
	return ""
}

// extraKey is a DNS name, a slash and a path.
var extraKey = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*/[^A-Z\s]+$`)

func extraMappings(list []apiserverv1.ExtraMapping, node *yaml.Node, say sayAt) {
	seen := map[string]bool{}
	for i, e := range list {
		at := item(node, i)
		domain, _, _ := strings.Cut(e.Key, "/")
		switch {
		case !extraKey.MatchString(e.Key):
			say(at, "write key: example.org/team", "%q is not a key with a domain before it, in small letters", e.Key)
		case domain == "k8s.io" || domain == "kubernetes.io" || strings.HasSuffix(domain, ".k8s.io") || strings.HasSuffix(domain, ".kubernetes.io"):
			say(at, "take a domain of your own", "the key %s is reserved for Kubernetes", e.Key)
		case seen[e.Key]:
			say(at, "write it once", "the key %s stands twice", e.Key)
		}
		seen[e.Key] = true
		if e.ValueExpression == "" {
			say(at, "add valueExpression: claims.team", "the key %s has no valueExpression", e.Key)
		}
	}
}

func claimRules(list []apiserverv1.ClaimValidationRule, node *yaml.Node, say sayAt) {
	seen := map[string]bool{}
	for i, r := range list {
		at := item(node, i)
		what := "claim " + r.Claim
		if r.Claim == "" {
			what = "expression " + r.Expression
		}
		switch {
		case r.Claim == "" && r.Expression == "":
			say(at, "add claim and requiredValue, or expression", "a rule needs claim or expression")
		case r.Claim != "" && r.Expression != "":
			say(at, "take one of them out", "a rule cannot have both claim and expression")
		case r.Claim == "" && r.RequiredValue != "":
			say(at, "take requiredValue out", "requiredValue goes with claim")
		case r.Claim != "" && r.Message != "":
			say(at, "take message out", "message goes with expression")
		case seen[what]:
			say(at, "write it once", "the %s stands twice", what)
		}
		seen[what] = true
	}
}

func userRules(list []apiserverv1.UserValidationRule, node *yaml.Node, say sayAt) {
	seen := map[string]bool{}
	for i, r := range list {
		switch {
		case r.Expression == "":
			say(item(node, i), "add expression", "a rule has no expression")
		case seen[r.Expression]:
			say(item(node, i), "write it once", "the expression %s stands twice", r.Expression)
		}
		seen[r.Expression] = true
	}
}
