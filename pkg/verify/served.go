package verify

import (
	"cmp"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/objects"
)

// served proves what the API server would say of an object that the cluster is to
// hold: it serves the kind, and the object has what the kind demands. It answers
// whether more can be said of it.
func (v *objectProofs) served(m *machine, o object, at diag.Position, where string, out *diag.List) bool {
	if o.read == nil {
		return true // said by the decoder
	}
	return v.servedNode(m, o, o.read.Node, at, where, out)
}

func (v *objectProofs) servedNode(m *machine, o object, node *yaml.Node, at diag.Position, where string, out *diag.List) bool {
	apiVersion, kind := objects.Text(node, "apiVersion"), objects.Text(node, "kind")
	if items := objects.Child(node, "items"); apiVersion == "v1" && kind == "List" && items != nil {
		readable := true
		for _, item := range items.Content {
			readable = v.servedNode(m, o, item, at, where, out) && readable
		}
		return readable
	}
	name := strings.TrimSpace(kind + " " + objects.Text(objects.Child(node, "metadata"), "name"))
	spot := func(n *yaml.Node) diag.Position {
		if v.verbatim[o.entry.Path] {
			return diag.Position{File: at.File, Line: o.line + n.Line - 1, Column: n.Column}
		}
		return at
	}
	refuse := func(code string, flaws []flaw) {
		for _, f := range flaws {
			out.Errorf(code, spot(f.node), where, "%s: %s", name, f.because).WithHint("%s", f.hint)
		}
	}
	if definition := m.definition(apiVersion, kind); definition != nil {
		refuse("V016", definition.flaws(node, apiVersion))
		return true
	}
	if !v.kinds.builtin(objects.Group(apiVersion)) {
		if v.users(m, o) {
			out.Warnf("V017", spot(node), where, "%s: nothing among the objects of the cluster defines the kind %s of %s", name, kind, apiVersion).
				WithHint("add the file with its CustomResourceDefinition; without it the object waits until something in the cluster defines it")
		}
		return true
	}
	if because, hint := v.kinds.unserved(apiVersion, kind, m.turnedOn); because != "" {
		out.Errorf("V014", spot(cmp.Or(objects.Child(node, "apiVersion"), node)), where, "%s: %s", name, because).WithHint("%s", hint)
		return false
	}
	refuse("V015", v.flaws(node, o))
	if v.forbidsPrivileged() {
		if !v.verbatim[o.entry.Path] {
			at = v.plan.Topology.At(allowPrivileged)
		}
		refuse("V015", privileged(node))
	}
	if apiVersion == definitionVersion {
		refuse("V015", wrongDefinition(node))
	}
	v.namespace(m, o, node, spot, where, out)
	return true
}

// flaws are what the API server refuses of an object of Kubernetes' own kinds.
func (v *objectProofs) flaws(node *yaml.Node, o object) []flaw {
	if o.err != nil {
		return nil // the decoder says it
	}
	typed := o.typed
	if _, list := typed.(*corev1.List); list || typed == nil {
		text, err := yaml.Marshal(node)
		if err != nil {
			return nil
		}
		item := v.decode(objects.Part{Text: text, Line: 1})
		if item.err != nil {
			return []flaw{{node, plainError(item.err), "correct the field"}}
		}
		typed = item.typed
	}
	if typed == nil {
		return nil // no type of clients
	}
	out := v.kinds.shape(reflect.TypeOf(typed), node)
	if len(out) == 0 { // what is missing would be said twice
		out = demands(typed, node)
	}
	return out
}

// users says whether an object comes from the user and not from a profile of ours.
func (v *objectProofs) users(m *machine, o object) bool {
	return v.verbatim[o.entry.Path] || v.plan.Catalog.Lookup(m.doc.Origins[o.entry.Item].Profile) == nil
}

// namespace warns of an object in a namespace that nothing makes: the API server
// refuses it until that is done.
func (v *objectProofs) namespace(m *machine, o object, node *yaml.Node, spot func(*yaml.Node) diag.Position, where string, out *diag.List) {
	at := objects.Child(node, "metadata", "namespace")
	if at == nil || at.Value == "" || !v.users(m, o) || m.namespaces()[at.Value] {
		return
	}
	out.Warnf("V017", spot(at), where, "%s %s: nothing among the objects of the cluster makes the namespace %s", objects.Text(node, "kind"), objects.Text(objects.Child(node, "metadata"), "name"), at.Value).
		WithHint("add `{apiVersion: v1, kind: Namespace, metadata: {name: %s}}`; the object waits until something makes it", at.Value)
}

// namespaces are those that every cluster has, and those among the objects.
func (m *machine) namespaces() map[string]bool {
	out := map[string]bool{"default": true, "kube-system": true, "kube-public": true, "kube-node-lease": true}
	for _, o := range m.objects {
		if n, ok := o.typed.(*corev1.Namespace); ok {
			out[n.Name] = true
		}
	}
	return out
}

// turnedOn says whether the API server of this machine is started with a
// runtime-config that serves a version which is off by default.
func (m *machine) turnedOn(apiVersion string) bool {
	_, version, _ := strings.Cut(apiVersion, "/")
	all := "api/beta=true"
	if strings.Contains(version, "alpha") {
		all = "api/alpha=true"
	}
	for _, pair := range strings.Split(m.runtimeConfig(), ",") {
		if pair == apiVersion || pair == apiVersion+"=true" || pair == all || pair == "api/all=true" {
			return true
		}
	}
	return false
}

// runtimeConfig is the flag's value, of a static pod or of a unit.
func (m *machine) runtimeConfig() string {
	for i := range m.entries {
		if !strings.Contains(m.entries[i].Path, "apiserver") {
			continue
		}
		if _, value, ok := strings.Cut(string(m.entries[i].Content), "--runtime-config="); ok {
			end := strings.IndexAny(value+" ", " \n\"'")
			return value[:end]
		}
	}
	return ""
}
