package verify

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"
	apiserverv1 "k8s.io/apiserver/pkg/apis/apiserver/v1"

	"github.com/kubespore/kubespore/pkg/objects"
)

// admission looks at the plugins that a file configures, and at what it says to
// PodSecurity.
func (v *objectProofs) admission(c *apiserverv1.AdmissionConfiguration, root *yaml.Node, say sayAt) {
	known := v.release.values["kube-apiserver enable-admission-plugins"]
	for i, p := range c.Plugins {
		at := item(objects.Child(root, "plugins"), i)
		if len(known) > 0 && !slices.Contains(known, p.Name) {
			say(at, didYouMean(p.Name, slices.Clone(known)), "there is no admission plugin %q", p.Name)
		}
		if p.Name == "PodSecurity" {
			podSecurity(objects.Child(at, "configuration"), say)
		}
	}
}

var (
	podSecurityLevels  = []string{"", "privileged", "baseline", "restricted"}
	podSecurityVersion = regexp.MustCompile(`^(latest|v1\.(0|[1-9][0-9]*))?$`)
	podSecurityKinds   = []string{"pod-security.admission.config.k8s.io/v1", "pod-security.admission.config.k8s.io/v1beta1"}

	// exempted says what an exemption is, and its form.
	exempted = map[string]func(string) []string{
		"namespaces":     validation.IsDNS1123Label,
		"runtimeClasses": validation.IsDNS1123Subdomain,
		"usernames": func(name string) []string {
			if name == "" {
				return []string{"it is empty"}
			}
			return nil
		},
	}
)

// podSecurity looks at the configuration of the plugin of that name.
func podSecurity(node *yaml.Node, say sayAt) {
	if node == nil {
		return
	}
	if !slices.Contains(podSecurityKinds, objects.Text(node, "apiVersion")) || objects.Text(node, "kind") != "PodSecurityConfiguration" {
		say(node, "write apiVersion: "+podSecurityKinds[0]+" and kind: PodSecurityConfiguration", "PodSecurity does not take this configuration")
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		switch key, value := node.Content[i], node.Content[i+1]; key.Value {
		case "apiVersion", "kind":
		case "defaults":
			podSecurityDefaults(value, say)
		case "exemptions":
			podSecurityExemptions(value, say)
		default:
			say(key, "write defaults or exemptions", "there is no field %s", key.Value)
		}
	}
}

func podSecurityDefaults(defaults *yaml.Node, say sayAt) {
	for i := 0; i+1 < len(defaults.Content); i += 2 {
		key, value := defaults.Content[i], defaults.Content[i+1]
		mode, isVersion := strings.CutSuffix(key.Value, "-version")
		switch {
		case !slices.Contains([]string{"enforce", "audit", "warn"}, mode):
			say(key, "write enforce, audit, warn, or one of them with -version", "defaults has no field %s", key.Value)
		case isVersion && !podSecurityVersion.MatchString(value.Value):
			say(value, "write latest, or a minor as in v1.36", "%s cannot be %q", key.Value, value.Value)
		case !isVersion && !slices.Contains(podSecurityLevels, value.Value):
			say(value, "write "+strings.Join(podSecurityLevels[1:], ", "), "%s cannot be %q", key.Value, value.Value)
		}
	}
}

func podSecurityExemptions(exemptions *yaml.Node, say sayAt) {
	for i := 0; i+1 < len(exemptions.Content); i += 2 {
		key, list := exemptions.Content[i], exemptions.Content[i+1]
		wrong := exempted[key.Value]
		if wrong == nil {
			say(key, "write usernames, namespaces or runtimeClasses", "exemptions has no field %s", key.Value)
			continue
		}
		seen := map[string]bool{}
		for _, name := range list.Content {
			if because := wrong(name.Value); len(because) > 0 {
				say(name, "write a name that exists in the cluster", "%q cannot be one of %s: %s", name.Value, key.Value, because[0])
			} else if seen[name.Value] {
				say(name, "write it once", "%s stands twice", name.Value)
			}
			seen[name.Value] = true
		}
	}
}
