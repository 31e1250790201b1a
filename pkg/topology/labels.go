package topology

import (
	"regexp"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

var (
	keyRule = regexp.MustCompile(keyPattern)

	// kubeletLabels are the keys under kubernetes.io and k8s.io that a kubelet
	// may give its own Node.
	kubeletLabels = []string{
		zoneLabel, "topology.kubernetes.io/region", "node.kubernetes.io/instance-type",
		"failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region", "beta.kubernetes.io/instance-type",
	}
	// kubeletDomains are the prefixes whose keys a kubelet may give; the keys
	// of node-role and node-restriction are given by the cluster's own applier.
	kubeletDomains = []string{"kubelet.kubernetes.io", "node.kubernetes.io", "node-role.kubernetes.io", "node-restriction.kubernetes.io"}
	// ownLabels are what each kubelet finds out by itself.
	ownLabels = []string{"kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os", "beta.kubernetes.io/arch"}
)

// checkKey checks the syntax of the key of a label or taint.
func checkKey(code, text string) *schema.Fault {
	prefix, name, found := strings.Cut(text, "/")
	if !found {
		prefix, name = "", text
	}
	if !keyRule.MatchString(name) {
		return schema.Faultf(code, "%q is not a key", yamlfile.Clip(text)).Or("at most 63 letters, digits, dots, - and _, with a letter or digit at both ends; a DNS name and / may stand before it")
	}
	if found && !isDNSName(prefix) {
		return schema.Faultf(code, "%q before the / is not a DNS name", yamlfile.Clip(prefix)).Or("as in example.org/%s", name)
	}
	return nil
}

// checkLabelKey refuses what would keep the kubelet from starting.
func checkLabelKey(text string) *schema.Fault {
	if f := checkKey(codeLabel, text); f != nil {
		return f
	}
	prefix, _, found := strings.Cut(text, "/")
	if slices.Contains(ownLabels, text) {
		return schema.Faultf(codeLabel, "the label %s is found out by the kubelet itself", text).Or("remove it")
	}
	if !found || !inDomain(prefix, "kubernetes.io", "k8s.io") || inDomain(prefix, kubeletDomains...) || slices.Contains(kubeletLabels, text) {
		return nil
	}
	f := schema.Faultf(codeLabel, "the label %s is reserved: a kubelet that is told to set it does not start", yamlfile.Clip(text))
	if near := yamlfile.Suggest(text, kubeletLabels); near != "" {
		return f.Or("did you mean %s?", near)
	}
	return f.Or("use a domain of your own, as in example.org/%s", text[strings.IndexByte(text, '/')+1:])
}

// inDomain says whether a name is one of the domains or below one.
func inDomain(name string, domains ...string) bool {
	return slices.ContainsFunc(domains, func(domain string) bool { return name == domain || strings.HasSuffix(name, "."+domain) })
}

// labelValue is the value of a label or taint; it may be empty.
func labelValue(code string) schema.Scalar[string] {
	return schema.Scalar[string]{Name: "label value", Tag: "!!str", Parse: func(text string) (string, *schema.Fault) {
		if text != "" && !keyRule.MatchString(text) {
			return "", schema.Faultf(code, "%q is not a label value", yamlfile.Clip(text)).Or("at most 63 letters, digits, dots, - and _, with a letter or digit at both ends")
		}
		return text, nil
	}}
}

var labels = schema.Dict[string]{Name: "mapping of labels", Key: checkLabelKey, Value: labelValue(codeLabel)}

// mostAnnotations is how many bytes the API server takes for all annotations of an object,
// less what kubelet, network plugin and this program add. See TotalAnnotationSizeLimitB of
// k8s.io/apimachinery.
const mostAnnotations = 192 << 10

// checkAnnotationKey refuses what is not a key, and what kubespore itself writes.
func checkAnnotationKey(text string) *schema.Fault {
	if f := checkKey(codeLabel, text); f != nil {
		return f
	}
	if prefix, _, found := strings.Cut(text, "/"); found && inDomain(strings.ToLower(prefix), "kubespore.io") {
		return schema.Faultf(codeLabel, "the annotation %s is reserved for kubespore", yamlfile.Clip(text)).Or("use a domain of your own, as in example.org/%s", text[len(prefix)+1:])
	}
	return nil
}

var annotations = schema.Dict[string]{Name: "mapping of annotations", Key: checkAnnotationKey, Value: schema.Scalar[string]{Name: "text", Tag: "!!str", Parse: func(text string) (string, *schema.Fault) { return text, nil }}}

// annotationBytes is how many bytes the annotations of an entry have.
func (e *entry) annotationBytes() int {
	size := 0
	for key, value := range e.Annotations {
		size += len(key) + len(value)
	}
	return size
}

var taint = schema.Either[Taint]{
	Short: schema.Scalar[Taint]{Name: "taint as key=value:Effect", Tag: "!!str", Pattern: `^[^=:]+(=[^:]*)?:[A-Za-z]+$`, Parse: parseTaint},
	Long: &schema.Object[Taint]{Name: "taint", Properties: []schema.Property[Taint]{
		schema.Key("key", schema.Scalar[string]{Name: "key", Tag: "!!str", Parse: func(text string) (string, *schema.Fault) { return text, checkKey(codeTaint, text) }},
			func(t *Taint) *string { return &t.Key }, "Key of the taint.").Need(),
		schema.Key("value", labelValue(codeTaint), func(t *Taint) *string { return &t.Value }, "Value of the taint."),
		schema.Key("effect", schema.Enum("effect", effects), func(t *Taint) *string { return &t.Effect }, "What happens to pods that do not tolerate it.").Need(),
	}},
}

func parseTaint(text string) (Taint, *schema.Fault) {
	front, effect, found := strings.Cut(text, ":")
	if !found {
		return Taint{}, schema.Faultf(codeTaint, "the taint %q has no effect", yamlfile.Clip(text)).Or("write key=value:Effect with one of: %s", strings.Join(effects, ", "))
	}
	name, value, _ := strings.Cut(front, "=")
	if f := checkKey(codeTaint, name); f != nil {
		return Taint{}, f
	}
	if _, f := labelValue(codeTaint).Parse(value); f != nil {
		return Taint{}, f
	}
	if _, f := schema.Enum("effect", effects).Parse(effect); f != nil {
		f.Code = codeTaint
		return Taint{}, f
	}
	return Taint{name, value, effect}, nil
}
