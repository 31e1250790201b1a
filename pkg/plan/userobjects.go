package plan

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/objects"
	"github.com/kubespore/kubespore/pkg/profile"
)

// userFiles are the methods of templates about files of the user.
type userFiles struct{ scope *scope }

// Sockets gives the folders of the Unix sockets that a file of the user names, the
// file being the value of a parameter; none where that is empty.
func (u userFiles) Sockets(file string) []string {
	if file == "" {
		return nil
	}
	return socketFolders(u.scope.filesOf([]any{file}))
}

// Workload is an object in a file of the user that makes pods.
type Workload struct {
	APIVersion, Kind, Namespace, Name string

	HostNetwork    bool     // its pods have the network of their node
	Containers     []string // names of the containers in its pods
	InitContainers []string
}

// Workloads gives the objects of a file of the user that make pods of a template, the
// file being the value of a parameter; none where that is empty. Those that make
// objects which make pods, such as a CronJob, are left out.
func (u userFiles) Workloads(file string) []Workload {
	var out []Workload
	for _, o := range u.scope.objectsIn(file) {
		pod := objects.Child(o.Node, "spec", "template", "spec")
		if objects.Child(pod, "containers") == nil {
			continue
		}
		out = append(out, Workload{
			APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Metadata.Namespace, Name: o.Metadata.Name,
			HostNetwork: objects.Text(pod, "hostNetwork") == "true",
			Containers:  namesIn(pod, "containers"), InitContainers: namesIn(pod, "initContainers"),
		})
	}
	return out
}

// namesIn gives the names of the elements of a list.
func namesIn(node *yaml.Node, key string) []string {
	var out []string
	if list := objects.Child(node, key); list != nil && list.Kind == yaml.SequenceNode {
		for _, element := range list.Content {
			out = append(out, objects.Text(element, "name"))
		}
	}
	return out
}

// objectsIn gives the objects of a file that a parameter names; none where it cannot be
// read, which [fileChecker] reports.
func (w *world) objectsIn(name string) []*objects.Object {
	f, ok := w.files[name]
	if !ok || f.Err != nil {
		return nil
	}
	if f.Objects == nil {
		f.Objects, _ = objects.Read(f.File, f.Content)
		w.files[name] = f
	}
	return f.Objects
}

// repeats finds objects that a file has twice, which kubectl kustomize does not take.
func (c fileChecker) repeats(name string) {
	first := map[string]*objects.Object{}
	f := c.files[name]
	for _, o := range f.Objects {
		if before := first[o.Identity()]; before != nil {
			c.errorAt("P052", o.At(f.File, nil), "", "the file has %s %s twice", o.Kind, o.Metadata.Name).WithHint("take one of them out").
				WithRelated(before.At(f.File, nil), "the first")
			continue
		}
		first[o.Identity()] = o
	}
}

// fromFile reads a parameter from the file that another one names. It gives false where
// the file does not say it.
func (r *paramResolver) fromFile(q *profile.Param, path string) (any, bool) {
	name, _ := r.instance.params[q.From.Param].(string)
	all := r.objectsIn(name)
	if len(all) == 0 {
		return nil, false // said of the file
	}
	file, field := r.files[name].File, strings.Join(q.From.Path, ".")
	i := slices.IndexFunc(all, func(o *objects.Object) bool { return o.Kind+"/"+o.Metadata.Name == q.From.Object })
	if i < 0 {
		if q.Required {
			r.wrongFile(q, diag.Position{File: file, Line: 1}, path, "the file holds no %s", q.From.Object)
		}
		return nil, false
	}
	value := objects.Child(all[i].Node, q.From.Path...)
	at := all[i].At(file, value)
	switch {
	case value == nil || value.Kind == yaml.ScalarNode && strings.TrimSpace(value.Value) == "":
		if q.Required {
			r.wrongFile(q, at, path, "%s does not say %s", q.From.Object, field)
		}
		return nil, false
	case value.Kind != yaml.ScalarNode:
		r.wrongFile(q, at, path, "%s is not a text", field)
		return nil, false
	}
	r.read[path+"."+q.Name] = at
	accepted, problems := q.FromText(value.Value)
	for _, w := range problems {
		r.wrongFile(q, at, path, "%s: %s", field, w.Message).Hint = cmp.Or(q.Hint, w.Hint)
	}
	return accepted, len(problems) == 0
}

// wrongFile reports what a file lacks, or has wrong, that a parameter is read from.
func (r *paramResolver) wrongFile(q *profile.Param, at diag.Position, path, format string, args ...any) *diag.Diagnostic {
	return r.list.Errorf("P071", at, "", format, args...).WithHint("%s", cmp.Or(q.Hint, q.Doc)).
		WithRelated(r.topology.At(path+"."+q.From.Param), "named here")
}
