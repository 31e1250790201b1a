package verify

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	apiserverv1 "k8s.io/apiserver/pkg/apis/apiserver/v1"
	scheduler "k8s.io/kube-scheduler/config/v1"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/objects"
)

// unknownField is how the strict decoder names a field.
var unknownField = regexp.MustCompile(`(?:unknown|duplicate) field "([^"]+)"`)

// refusedAt gives the line of a file of the user that the decoder speaks of.
func (o object) refusedAt() int {
	if o.read == nil || o.err == nil {
		return o.line
	}
	field := unknownField.FindStringSubmatch(o.err.Error())
	if field == nil {
		return o.line
	}
	return o.line + nodeAt(o.read.Node, field[1]).Line - 1
}

// inUsersFile moves a position to a line of the user's own file. The lines of a file
// that may hold keys are not shown.
func inUsersFile(d *diag.Diagnostic, o object, line int) {
	d.Position.Line, d.Position.Column = line, 0
	if o.entry.Secret && (o.read == nil || !slices.Contains(shownKinds, o.read.Kind)) {
		d.WithSource("(not shown)")
	}
}

// shownKinds hold no keys.
var shownKinds = []string{
	"AdmissionConfiguration", "AuthenticationConfiguration", "AuthorizationConfiguration", "EgressSelectorConfiguration", "KubeSchedulerConfiguration",
	"Policy", "TracingConfiguration",
}

// configuredFiles gives the objects that a program reads as its configuration, by
// what a flag of it names: from a container, see hostPath, or straight.
func configuredFiles(m *machine, args []string, inside func(string) (string, bool)) (out []object) {
	for _, arg := range args {
		_, file, ok := strings.Cut(arg, "=")
		if !ok || !path.IsAbs(file) {
			continue
		}
		name, ok := inside(file)
		if !ok {
			continue
		}
		for _, o := range m.objects {
			if o.entry.Path == name && o.err == nil && o.read != nil {
				out = append(out, o)
			}
		}
	}
	return out
}

// otherFiles gives the parameter of files that a configuration names, and their folder
// below /etc/kubernetes/pki, by the kind of the configuration.
var otherFiles = map[string][2]string{
	"AdmissionConfiguration":      apiServerFiles,
	"AuthorizationConfiguration":  apiServerFiles,
	"EgressSelectorConfiguration": apiServerFiles,
	"Config":                      apiServerFiles,
	"KubeSchedulerConfiguration":  {"schedulerFiles", "scheduler"},
}

var apiServerFiles = [2]string{"apiServerFiles", "files"}

// namedFiles proves that the files which the configuration of a program of the control
// plane names are there, and that it sees them where it is a pod.
func namedFiles(m *machine, o object, container string, inside func(string) (string, bool), out *diag.List) {
	param, known := otherFiles[o.read.Kind]
	if !known {
		return
	}
	scalars(o.read.Node, func(n *yaml.Node) {
		if !strings.HasPrefix(n.Value, "/etc/") {
			return
		}
		say := func(format string, args ...any) {
			d := out.Errorf("V024", m.doc.At(o.entry.Item), m.where(o.entry.Path), format, args...).
				WithHint("name a file next to the topology under %s of profiles.control-plane: FILE becomes /etc/kubernetes/pki/%s/FILE", param[0], param[1])
			if m.verbatim[o.entry.Path] {
				inUsersFile(d, o, o.line+n.Line-1)
			}
		}
		switch name, seen := inside(n.Value); {
		case !seen:
			say("container %s: no volume of the pod holds %s", container, n.Value)
		case !m.exists(name):
			say("nothing makes %s on this host", n.Value)
		}
	})
}

// scalars visits the values of a tree.
func scalars(node *yaml.Node, visit func(*yaml.Node)) {
	switch node.Kind {
	case yaml.ScalarNode:
		visit(node)
	case yaml.MappingNode:
		for i := 1; i < len(node.Content); i += 2 {
			scalars(node.Content[i], visit)
		}
	default:
		for _, child := range node.Content {
			scalars(child, visit)
		}
	}
}

// askedByAll are the paths that kubelets, balancers and the virtual address ask the
// API server for, without a credential.
var askedByAll = []string{"/livez", "/readyz"}

// proveAnonymous proves that the API server answers those that ask how it is.
func proveAnonymous(m *machine, out *diag.List) {
	for _, o := range m.objects {
		config, ok := o.typed.(*apiserverv1.AuthenticationConfiguration)
		if !ok || config.Anonymous == nil {
			continue
		}
		var closed []string
		for _, name := range askedByAll {
			let := config.Anonymous.Enabled && (len(config.Anonymous.Conditions) == 0 ||
				slices.ContainsFunc(config.Anonymous.Conditions, func(c apiserverv1.AnonymousAuthCondition) bool { return c.Path == name }))
			if !let {
				closed = append(closed, name)
			}
		}
		if len(closed) == 0 {
			continue
		}
		d := out.Errorf("V080", m.doc.At(o.entry.Item), m.where(o.entry.Path), "clients without credentials may not get %s", strings.Join(closed, " and ")).
			WithHint("add %s to anonymous.conditions (anonymousPaths where the file is ours), with enabled: true", "{path: "+strings.Join(closed, "}, {path: ")+"}")
		if m.verbatim[o.entry.Path] {
			inUsersFile(d, o, o.line+orElse(objects.Child(o.read.Node, "anonymous"), o.read.Node).Line-1)
		}
	}
}

// configuredAround proves what the configuration files of a container need around it.
func configuredAround(m *machine, c corev1.Container, volumes map[string]*corev1.HostPathVolumeSource, out *diag.List) {
	inside := func(name string) (string, bool) { return hostPath(c, volumes, name) }
	for _, o := range configuredFiles(m, append(append([]string{}, c.Command...), c.Args...), inside) {
		if config, ok := o.typed.(*apiserverv1.EncryptionConfiguration); ok {
			for _, r := range config.Resources {
				for _, p := range r.Providers {
					socket(m, o, p.KMS, c, volumes, out)
				}
			}
		}
		namedFiles(m, o, c.Name, inside, out)
	}
}

// proveSafe warns of what a file in the place of ours leaves out.
func proveSafe(m *machine, out *diag.List) {
	for _, o := range m.objects {
		if !m.verbatim[o.entry.Path] || o.err != nil {
			continue
		}
		warn := func(hint, format string, args ...any) {
			inUsersFile(out.Warnf("V072", m.doc.At(o.entry.Item), m.where(o.entry.Path), format, args...).WithHint("%s", hint), o, o.line)
		}
		switch c := o.typed.(type) {
		case *apiserverv1.AuthorizationConfiguration:
			for _, needed := range []string{"Node", "RBAC"} {
				if !slices.ContainsFunc(c.Authorizers, func(a apiserverv1.AuthorizerConfiguration) bool { return a.Type == needed }) {
					warn("add {type: "+needed+", name: "+strings.ToLower(needed)+"}", "%s is not among the authorizers, and the cluster works by what it allows", needed)
				}
			}
		case *apiserverv1.AdmissionConfiguration:
			if !slices.ContainsFunc(c.Plugins, func(p apiserverv1.AdmissionPluginConfiguration) bool { return p.Name == "PodSecurity" }) {
				warn("add an item with name: PodSecurity; podSecurity counts for nothing where this file stands", "PodSecurity has no defaults here, so that pods of namespaces without a label may ask for everything")
			}
		case *scheduler.KubeSchedulerConfiguration:
			if c.EnableProfiling == nil || *c.EnableProfiling {
				warn("write enableProfiling: false", "the memory of the scheduler can be looked into")
			}
		}
	}
}
