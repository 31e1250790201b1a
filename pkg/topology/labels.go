package topology

import (
	"regexp"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

var (
	keyForm = regexp.MustCompile(keyPattern)

	// kubeletLabels are the keys under kubernetes.io and k8s.io that a kubelet
	// may give its own Node.
	kubeletLabels = []string{
		"topology.kubernetes.io/zone", "topology.kubernetes.io/region", "node.kubernetes.io/instance-type",
		"failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region", "beta.kubernetes.io/instance-type",
	}
	// kubeletDomains are the prefixes whose keys a kubelet may give; the keys
	// of node-role and node-restriction are given by the cluster's own applier.
	kubeletDomains = []string{"kubelet.kubernetes.io", "node.kubernetes.io", "node-role.kubernetes.io", "node-restriction.kubernetes.io"}
	// ownLabels are what each kubelet finds out by itself.
	ownLabels = []string{"kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os", "beta.kubernetes.io/arch"}
)

// checkKey checks the syntax of the key of a label or taint.
func checkKey(code, text string) *fault {
	prefix, name, found := strings.Cut(text, "/")
	if !found {
		prefix, name = "", text
	}
	if !keyForm.MatchString(name) {
		return faultf(code, "%q is not a key", yamlfile.Clip(text)).or("at most 63 letters, digits, dots, - and _, with a letter or digit at both ends; a DNS name and / may stand before it")
	}
	if found && !isDNSName(prefix) {
		return faultf(code, "%q before the / is not a DNS name", yamlfile.Clip(prefix)).or("as in example.org/%s", name)
	}
	return nil
}

// checkLabelKey refuses what would keep the kubelet from starting.
func checkLabelKey(text string) *fault {
	if f := checkKey(codeLabel, text); f != nil {
		return f
	}
	prefix, _, found := strings.Cut(text, "/")
	if slices.Contains(ownLabels, text) {
		return faultf(codeLabel, "the label %s is found out by the kubelet itself", text).or("remove it")
	}
	if !found || !inDomain(prefix, "kubernetes.io", "k8s.io") || inDomain(prefix, kubeletDomains...) || slices.Contains(kubeletLabels, text) {
		return nil
	}
	f := faultf(codeLabel, "the label %s is reserved: a kubelet that is told to set it does not start", yamlfile.Clip(text))
	if near := yamlfile.Suggest(text, kubeletLabels); near != "" {
		return f.or("did you mean %s?", near)
	}
	return f.or("use a domain of your own, as in example.org/%s", text[strings.IndexByte(text, '/')+1:])
}

// inDomain says whether a name is one of the domains or below one.
func inDomain(name string, domains ...string) bool {
	return slices.ContainsFunc(domains, func(domain string) bool { return name == domain || strings.HasSuffix(name, "."+domain) })
}

// labelValue is the value of a label or taint; it may be empty.
func labelValue(code string) scalar[string] {
	return scalar[string]{name: "label value", tag: "!!str", parse: func(text string) (string, *fault) {
		if text != "" && !keyForm.MatchString(text) {
			return "", faultf(code, "%q is not a label value", yamlfile.Clip(text)).or("at most 63 letters, digits, dots, - and _, with a letter or digit at both ends")
		}
		return text, nil
	}}
}

var labels = dict[string]{name: "mapping of labels", key: checkLabelKey, value: labelValue(codeLabel)}

var taint = either[Taint]{
	short: scalar[Taint]{name: "taint as key=value:Effect", tag: "!!str", pattern: `^[^=:]+(=[^:]*)?:[A-Za-z]+$`, parse: parseTaint},
	long: &object[Taint]{name: "taint", properties: []property[Taint]{
		key("key", scalar[string]{name: "key", tag: "!!str", parse: func(text string) (string, *fault) { return text, checkKey(codeTaint, text) }},
			func(t *Taint) *string { return &t.Key }, "Key of the taint.").need(),
		key("value", labelValue(codeTaint), func(t *Taint) *string { return &t.Value }, "Value of the taint."),
		key("effect", enum("effect", effects), func(t *Taint) *string { return &t.Effect }, "What happens to pods that do not tolerate it.").need(),
	}},
}

func parseTaint(text string) (Taint, *fault) {
	front, effect, found := strings.Cut(text, ":")
	if !found {
		return Taint{}, faultf(codeTaint, "the taint %q has no effect", yamlfile.Clip(text)).or("write key=value:Effect with one of: %s", strings.Join(effects, ", "))
	}
	name, value, _ := strings.Cut(front, "=")
	if f := checkKey(codeTaint, name); f != nil {
		return Taint{}, f
	}
	if _, f := labelValue(codeTaint).parse(value); f != nil {
		return Taint{}, f
	}
	if _, f := enum("effect", effects).parse(effect); f != nil {
		f.code = codeTaint
		return Taint{}, f
	}
	return Taint{name, value, effect}, nil
}
