package verify

import (
	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/objects"
)

// allowPrivileged is where the topology says it.
const allowPrivileged = "profiles.control-plane.allowPrivileged"

// privileged gives the containers that an API server with allow-privileged=false
// refuses. Of the kinds of Kubernetes, nothing else has a field of that name.
func privileged(node *yaml.Node) (out []flaw) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if asked := objects.Child(node, "securityContext", "privileged"); asked != nil && asked.Value == "true" {
		out = append(out, flaw{asked, "the container is privileged, which allowPrivileged: false under profiles.control-plane forbids",
			"take one of the two out; a built-in profile may have a form without, as kube-proxy: {run: unit}"})
	}
	for _, part := range node.Content {
		out = append(out, privileged(part)...)
	}
	return out
}

// forbidsPrivileged says whether the API servers of the plan take no privileged
// containers.
func (v *objectProofs) forbidsPrivileged() bool {
	of, on := v.plan.Topology.Profiles["control-plane"]
	return on && of.Params["allowPrivileged"] == false
}
