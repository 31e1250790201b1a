//go:build oracle

package verify

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/objects"
)

// Texts of YAML in flow style, which files are put together from.
var (
	secrets16, secrets32 = "MDEyMzQ1Njc4OTAxMjM0NQ==", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

	encryptedLists = []string{
		"[secrets]", "[secrets, configmaps]", "[]", "[Secrets]", "['*']", "['*.*']", "['*.apps']", "['*.*', secrets]", "['*.apps', deployments.apps]", "['*.apps', secrets]", "[secrets, secrets]",
		"[secrets/status]", "[events]", "['']", "['pods.*']", "[customresourcedefinitions.apiextensions.k8s.io]", "[secrets, foo.example.org]", "['*.']", "['*.*', '*.apps']", "['se*ts']", "[secrets.]", "[deployments.extensions]", "[events.events.k8s.io]",
	}
	encryptionProviders = []string{
		"{identity: {}}", "{}", "{aescbc: {keys: [{name: a, secret: " + secrets32 + "}]}}", "{aescbc: {keys: [{name: a, secret: " + secrets16 + "}]}}", "{aesgcm: {keys: [{name: a, secret: " + secrets16 + "}]}}",
		"{aescbc: {keys: [{name: a, secret: c2hvcnQ=}]}}", "{aescbc: {keys: [{name: a, secret: '?'}]}}", "{aescbc: {keys: [{secret: " + secrets32 + "}]}}", "{aescbc: {keys: [{name: a}]}}", "{aescbc: {keys: []}}", "{aescbc: {}}",
		"{aescbc: {keys: [{name: a, secret: " + secrets32 + "}, {name: a, secret: " + secrets32 + "}]}}", "{aescbc: {keys: [{name: a, secret: " + secrets32 + "}, {name: b, secret: " + secrets16 + "}]}}",
		"{secretbox: {keys: [{name: a, secret: " + secrets32 + "}]}}", "{secretbox: {keys: [{name: a, secret: " + secrets16 + "}]}}", "{secretbox: {keys: []}}",
		"{aescbc: {keys: [{name: a, secret: " + secrets32 + "}]}, identity: {}}", "{aescbx: {keys: [{name: a, secret: " + secrets32 + "}]}}", "{identity: {keys: []}}",
		"{kms: {apiVersion: v2, name: a, endpoint: 'unix:///run/kms-of-the-test'}}", "{kms: {apiVersion: v2, name: '', endpoint: 'unix:///run/kms-of-the-test'}}", "{kms: {apiVersion: v2, name: 'a:b', endpoint: 'unix:///run/kms-of-the-test'}}",
		"{kms: {apiVersion: v2, name: b, endpoint: 'http://10.0.0.1'}}", "{kms: {apiVersion: v2, name: b, endpoint: ''}}", "{kms: {apiVersion: v2, name: b, endpoint: '/run/x'}}", "{kms: {apiVersion: v2, name: b, endpoint: 'unix:///run/b', timeout: 0s}}",
		"{kms: {apiVersion: v2, name: b, endpoint: 'unix:///run/b', timeout: -1s}}", "{kms: {apiVersion: v2, name: b, endpoint: 'unix:///run/b', timeout: 5s}}", "{kms: {apiVersion: v2, name: b, endpoint: 'unix:///run/b', cachesize: 100}}",
		"{kms: {apiVersion: v1, name: b, endpoint: 'unix:///run/b'}}", "{kms: {name: b, endpoint: 'unix:///run/b'}}", "{kms: {apiVersion: v3, name: b, endpoint: 'unix:///run/b'}}",
	}

	issuers = []string{
		"{url: 'https://id.example.org', audiences: [a]}", "{url: 'http://id.example.org', audiences: [a]}", "{url: '', audiences: [a]}", "{audiences: [a]}", "{url: 'https://id.example.org'}", "{url: 'https://id.example.org', audiences: []}", "{url: 'https://id.example.org', audiences: ['']}",
		"{url: 'https://id.example.org', audiences: [a, b]}", "{url: 'https://id.example.org', audiences: [a, b], audienceMatchPolicy: MatchAny}", "{url: 'https://id.example.org', audiences: [a], audienceMatchPolicy: MatchAll}", "{url: 'https://id.example.org', audiences: [a, a], audienceMatchPolicy: MatchAny}",
		"{url: 'https://u:p@id.example.org', audiences: [a]}", "{url: 'https://id.example.org?x=1', audiences: [a]}", "{url: 'https://id.example.org#x', audiences: [a]}", "{url: 'https://id.example.org', audiences: [a], certificateAuthority: nothing}",
		"{url: 'https://id.example.org', audiences: [a], discoveryURL: 'https://other.example.org/d'}", "{url: 'https://id.example.org', audiences: [a], discoveryURL: 'https://id.example.org'}", "{url: 'https://id.example.org', audiences: [a], discoveryURL: 'http://other.example.org'}", "{url: 'https://id.example.org', audiences: [a], uri: x}",
		"{url: 'https://id.example.org', audiences: [a], egressSelectorType: nowhere}", "{url: 'https://id.example.org', audiences: [a], egressSelectorType: cluster}",
	}
	usernames = []string{
		"{claim: sub, prefix: ''}", "{claim: sub, prefix: 'oidc:'}", "{claim: sub}", "{prefix: 'oidc:'}", "{}", "{claim: '', prefix: ''}", "{expression: 'claims.sub'}", "{expression: 'claims.sub', claim: sub, prefix: ''}", "{expression: 'claims.sub', prefix: 'a'}",
	}
	groups = []string{"", "{claim: groups, prefix: ''}", "{claim: groups}", "{prefix: 'a'}", "{expression: 'claims.groups'}", "{expression: 'claims.groups', claim: groups, prefix: ''}", "{}"}
	rules  = []string{
		"", "claimValidationRules: [{claim: hd, requiredValue: example.org}]", "claimValidationRules: [{claim: hd}]", "claimValidationRules: [{claim: hd, requiredValue: a}, {claim: hd, requiredValue: b}]", "claimValidationRules: [{expression: 'claims.a == 1'}, {expression: 'claims.a == 1'}]",
		"claimValidationRules: [{}]", "claimValidationRules: [{claim: hd, requiredValue: a, expression: 'true'}]", "claimValidationRules: [{claim: hd, requiredValue: a, message: no}]", "claimValidationRules: [{expression: 'claims.a == 1', requiredValue: a}]",
		"userValidationRules: [{expression: 'user.username != \"x\"'}]", "userValidationRules: [{}]", "userValidationRules: [{expression: 'user.username != \"x\"'}, {expression: 'user.username != \"x\"'}]",
	}
	uids   = []string{"", "uid: {claim: sub}", "uid: {}", "uid: {claim: sub, expression: 'claims.sub'}", "uid: {expression: 'claims.sub'}"}
	extras = []string{"", "extra: [{key: example.org/a, valueExpression: 'claims.a'}]", "extra: [{key: a, valueExpression: 'claims.a'}]", "extra: [{key: example.org/a}]", "extra: [{valueExpression: 'claims.a'}]", "extra: [{key: example.org/A, valueExpression: 'claims.a'}]",
		"extra: [{key: example.org/a, valueExpression: 'claims.a'}, {key: example.org/a, valueExpression: 'claims.b'}]", "extra: [{key: kubernetes.io/a, valueExpression: 'claims.a'}]", "extra: [{key: a.k8s.io/a, valueExpression: 'claims.a'}]"}
	anonymous = []string{"", "anonymous: {enabled: true}", "anonymous: {enabled: false}", "anonymous: {enabled: true, conditions: [{path: /livez}]}", "anonymous: {enabled: false, conditions: [{path: /livez}]}", "anonymous: {enabled: yes please}"}

	podSecurityParts = []string{
		"", "defaults: {enforce: baseline}", "defaults: {enforce: baselin}", "defaults: {enforced: baseline}", "defaults: {enforce: restricted, enforce-version: latest}", "defaults: {enforce: restricted, enforce-version: v1.30}", "defaults: {enforce: restricted, enforce-version: '1.30'}",
		"defaults: {enforce-version: v2.1}", "defaults: {audit: privileged, warn: Baseline}", "defaults: {warn-version: v1.x}", "defaults: {enforce: ''}", "exemptions: {namespaces: [kube-system]}", "exemptions: {namespaces: [Kube]}", "exemptions: {namespaces: [a, a]}", "exemptions: {runtimeClasses: [gvisor]}", "exemptions: {runtimeClasses: [g_v]}",
		"exemptions: {usernames: [a]}", "exemptions: {usernames: ['']}", "exemptions: {usernames: [a, a]}", "exemption: {}", "defaults: {enforce-version: v1.9999}", "defaults: {enforce-version: v01.30}", "defaults: {enforce-version: v1.030}",
	}
	podSecurityHeads = []string{"apiVersion: pod-security.admission.config.k8s.io/v1, kind: PodSecurityConfiguration", "apiVersion: pod-security.admission.config.k8s.io/v1beta1, kind: PodSecurityConfiguration", "kind: PodSecurityConfiguration", "apiVersion: pod-security.admission.config.k8s.io/v1, kind: PodSecurity", "apiVersion: pod-security.admission.config.k8s.io/v2, kind: PodSecurityConfiguration"}
	admissionPlugins = []string{"PodSecurity", "PodSecurit"}

	auditRules = []string{
		"{level: Metadata}", "{level: metadata}", "{}", "{level: None, users: [a], verbs: [get]}", "{level: Request, resources: [{group: '', resources: [secrets]}]}", "{level: Request, resources: [{group: apps/v1, resources: [deployments]}]}", "{level: Request, resources: [{group: Apps, resources: [deployments]}]}",
		"{level: Request, resources: [{resources: [pods, pods/status]}]}", "{level: Request, resources: [{resources: ['*/status', pods/*]}]}", "{level: Request, resources: [{resourceNames: [a]}]}", "{level: Request, nonResourceURLs: ['/healthz*']}", "{level: Request, nonResourceURLs: [healthz]}", "{level: Request, nonResourceURLs: ['*']}", "{level: Request, nonResourceURLs: ['/a*b']}",
		"{level: Request, nonResourceURLs: [/a], resources: [{group: ''}]}", "{level: Request, nonResourceURLs: [/a], namespaces: [a]}", "{level: RequestResponse, omitStages: [RequestReceived]}", "{level: RequestResponse, omitStages: [Panicked, Received]}", "{level: Request, userGroups: ['system:nodes'], namespaces: ['']}", "{level: Request, nonResourceURLs: ['']}", "{levels: Request}", "{level: Request, resources: [{group: '', resources: ['*/*']}]}", "{level: Request, resources: [{group: '', resources: [a/b/c]}]}",
	}
	// Parts of a provider, the first of each list being good.
	providerParts = [][]string{
		{"name: a", "name: b", "name: ''", "name: a/b", "name: 'a b'", "name: .", "name: ..", "", "names: a"},
		{"apiVersion: credentialprovider.kubelet.k8s.io/v1", "apiVersion: credentialprovider.kubelet.k8s.io/v1beta1", "apiVersion: credentialprovider.kubelet.k8s.io/v1alpha1", "apiVersion: credentialprovider.kubelet.k8s.io/v2", "apiVersion: v1", ""},
		{"defaultCacheDuration: 12h", "defaultCacheDuration: 0s", "defaultCacheDuration: -1s", "defaultCacheDuration: 12", "defaultCacheDuration: forever", ""},
		{"matchImages: ['*.example.org']", "matchImages: []", "matchImages: ['*.*.example.org:5000/team', example.org]", "matchImages: ['a:b:c']", "matchImages: ['example.org:*']", "matchImages: ['%zz']", "matchImages: ['[::1]:5000']", "matchImages: [1]", "", "matchImages: 'a'",
			"matchImages: ['https://example.org']", "matchImages: ['example.org/*']", "matchImages: ['']", "matchImages: ['a b']"},
		{"", "args: [get]", "args: get", "env: [{name: A, value: b}]", "env: [{name: A, valu: b}]", "env: [{}]"},
		{"", "tokenAttributes: {serviceAccountTokenAudience: x, cacheType: Token, requireServiceAccount: true}", "tokenAttributes: {serviceAccountTokenAudience: x, cacheType: token, requireServiceAccount: true}", "tokenAttributes: {serviceAccountTokenAudience: x, cacheType: ServiceAccount, requireServiceAccount: false}",
			"tokenAttributes: {serviceAccountTokenAudience: x, cacheType: ServiceAccount}", "tokenAttributes: {cacheType: ServiceAccount, requireServiceAccount: true}", "tokenAttributes: {serviceAccountTokenAudience: x, requireServiceAccount: true}", "tokenAttributes: {}",
			"tokenAttributes: {serviceAccountTokenAudience: x, cacheType: Token, requireServiceAccount: false, requiredServiceAccountAnnotationKeys: [a]}", "tokenAttributes: {serviceAccountTokenAudience: x, cacheType: Token, requireServiceAccount: true, requiredServiceAccountAnnotationKeys: [a, Example.org/b]}",
			"tokenAttributes: {serviceAccountTokenAudience: x, cacheType: Token, requireServiceAccount: true, requiredServiceAccountAnnotationKeys: [a], optionalServiceAccountAnnotationKeys: [a]}",
			"tokenAttributes: {serviceAccountTokenAudience: x, cacheType: Token, requireServiceAccount: true, optionalServiceAccountAnnotationKeys: [a, a]}", "tokenAttributes: {serviceAccountTokenAudience: x, cacheType: Token, requireServiceAccount: true, optionalServiceAccountAnnotationKeys: ['a b']}"},
	}

	auditStages = []string{"", "omitStages: [RequestReceived]", "omitStages: [Never]", "omitManagedFields: true"}
)

// filesOf puts files of one kind together, those with one oddity first.
func filesOf(kind string, random *rand.Rand) []string {
	one := func(list []string) string { return list[random.IntN(len(list))] }
	var out []string
	switch kind {
	case "EncryptionConfiguration":
		file := func(items ...string) string {
			return "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources: [" + strings.Join(items, ", ") + "]\n"
		}
		part := func(resources string, providers ...string) string {
			return "{resources: " + resources + ", providers: [" + strings.Join(providers, ", ") + "]}"
		}
		out = append(out, file(), file(part("[secrets]")))
		for _, p := range encryptionProviders {
			out = append(out, file(part("[secrets]", p)), file(part("[secrets]", p, "{identity: {}}")))
		}
		for _, r := range encryptedLists {
			out = append(out, file(part(r, "{identity: {}}")))
		}
		for range 300 {
			out = append(out, file(part(one(encryptedLists), one(encryptionProviders), one(encryptionProviders))), file(part(one(encryptedLists), one(encryptionProviders[2:5])), part(one(encryptedLists), one(encryptionProviders[2:5]))))
		}
	case "AuthenticationConfiguration":
		file := func(anonymous string, jwts ...string) string {
			return "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n" + anonymous + "\njwt: [" + strings.Join(jwts, ", ") + "]\n"
		}
		jwt := func(issuer, username, groups, rule, uid, extra string) string {
			mappings := []string{"username: " + username}
			if groups != "" {
				mappings = append(mappings, "groups: "+groups)
			}
			for _, m := range []string{uid, extra} {
				if m != "" {
					mappings = append(mappings, m)
				}
			}
			parts := []string{"issuer: " + issuer, "claimMappings: {" + strings.Join(mappings, ", ") + "}"}
			if rule != "" {
				parts = append(parts, rule)
			}
			return "{" + strings.Join(parts, ", ") + "}"
		}
		good := func(i int, text string) string {
			parts := []string{issuers[0], usernames[0], "", "", "", ""}
			parts[i] = text
			return jwt(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5])
		}
		for _, a := range anonymous {
			out = append(out, file(a), file(a, good(1, usernames[1])))
		}
		for i, list := range [][]string{issuers, usernames, groups, rules, uids, extras} {
			for _, text := range list {
				out = append(out, file("", good(i, text)))
			}
		}
		out = append(out, file("", good(0, issuers[0]), good(1, usernames[1])))
		for range 400 {
			out = append(out, file(one(anonymous), jwt(one(issuers[:1]), one(usernames), one(groups), one(rules), one(uids), one(extras))), file("", jwt(one(issuers), one(usernames[:2]), one(groups[:2]), one(rules[:2]), "", "")))
		}
	case "AdmissionConfiguration":
		file := func(plugin, head string, parts ...string) string {
			body := slices.DeleteFunc(append([]string{head}, parts...), func(s string) bool { return s == "" })
			return "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n- name: " + plugin + "\n  configuration: {" + strings.Join(body, ", ") + "}\n"
		}
		for _, p := range podSecurityParts {
			for _, head := range podSecurityHeads {
				out = append(out, file("PodSecurity", head, p))
			}
			out = append(out, file(admissionPlugins[1], podSecurityHeads[0], p))
		}
	case "Policy":
		file := func(stages string, rules ...string) string {
			return "apiVersion: audit.k8s.io/v1\nkind: Policy\n" + stages + "\nrules: [" + strings.Join(rules, ", ") + "]\n"
		}
		out = append(out, file(""))
		for _, s := range auditStages {
			for _, r := range auditRules {
				out = append(out, file(s, r))
			}
		}
		for range 100 {
			out = append(out, file(one(auditStages), one(auditRules), one(auditRules), one(auditRules)))
		}
	case "CredentialProviderConfig":
		file := func(version string, providers ...string) string {
			return "apiVersion: kubelet.config.k8s.io/" + version + "\nkind: CredentialProviderConfig\nproviders: [" + strings.Join(providers, ", ") + "]\n"
		}
		provider := func(pick func(i int, list []string) string) string {
			var parts []string
			for i, list := range providerParts {
				if part := pick(i, list); part != "" {
					parts = append(parts, part)
				}
			}
			return "{" + strings.Join(parts, ", ") + "}"
		}
		only := func(part int, text string) string {
			return provider(func(i int, list []string) string {
				if i == part {
					return text
				}
				return list[0]
			})
		}
		out = append(out, file("v1"), "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\n")
		for part, list := range providerParts {
			for _, text := range list {
				for _, version := range []string{"v1", "v1beta1", "v1alpha1", "v2"} {
					out = append(out, file(version, only(part, text)))
				}
				out = append(out, file("v1", only(part, text), only(0, "name: b")), file("v1", only(part, text), only(0, "name: a")))
			}
		}
		for range 200 {
			out = append(out, file("v1", provider(func(i int, list []string) string { return one(list[:min(len(list), 4)]) })))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestFilesAsTheAPIServer holds our verdict on files that replace ours against that of
// the code by which the API server reads them.
func TestFilesAsTheAPIServer(t *testing.T) {
	for _, minor := range minors() {
		folder, r := built(t, minor)
		reader, err := newObjectReader()
		if err != nil {
			t.Fatal(err)
		}
		v := &Verifier{objects: &objectProofs{objectReader: reader, release: r}}
		listed, dir := differences(t, "differences.yaml"), t.TempDir()
		for _, kind := range []string{"EncryptionConfiguration", "AuthenticationConfiguration", "AdmissionConfiguration", "Policy", "CredentialProviderConfig"} {
			files := filesOf(kind, rand.New(rand.NewPCG(1, 2)))
			var lines [][]string
			for i, text := range files {
				name := filepath.Join(dir, fmt.Sprint(kind, i))
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				lines = append(lines, []string{kind, name})
			}
			alike, refused := 0, 0
			for i, said := range judged(t, folder, "files", "whole", lines) {
				ours := v.refuses(files[i])
				if said != "" {
					refused++
				}
				if (ours != "") == (said != "") {
					alike++
				} else if !listed.hasFile(kind, files[i]) {
					t.Errorf("%s\ncheck says %q, the API server of %s %q", files[i], ours, minor, said)
				}
			}
			t.Logf("%s: %d files of kind %s judged, %d refused, %d alike, %d listed differences", minor, len(files), kind, refused, alike, len(files)-alike)
			if refused == 0 || refused == len(files) {
				t.Errorf("%d of %d files of kind %s are refused: they show nothing", refused, len(files), kind)
			}
		}
		for key, d := range listed {
			if strings.HasPrefix(key, "file ") && !d.used {
				t.Errorf("testdata/differences.yaml: %s is not a difference", key)
			}
		}
	}
}

// hasFile finds a listed difference by a part of a file's text.
func (l differenceList) hasFile(kind, text string) bool {
	for key, d := range l {
		if part, ok := strings.CutPrefix(key, "file "+kind+" "); ok && strings.Contains(text, part) {
			d.used = true
			return true
		}
	}
	return false
}

// refuses gives what check says of a file of configuration, or "".
func (v *Verifier) refuses(text string) string {
	o, _ := v.objects.readObject(&document.Entry{Path: "/f"}, objects.Part{Text: []byte(text), Line: 1})
	if o.err != nil {
		return o.err.Error()
	}
	var list diag.List
	v.objects.configuration(o, diag.Position{}, "/f", &list)
	for _, d := range list {
		if d.Severity == diag.Error {
			return d.Message
		}
	}
	return ""
}
