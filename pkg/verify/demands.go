package verify

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubespore/kubespore/pkg/objects"
)

// demands are what the API server wants of an object although no schema says so. Its
// own validation cannot be linked into another program; a test asks it whether it
// says the same.
func demands(object runtime.Object, node *yaml.Node) (out []flaw) {
	say := func(at *yaml.Node, hint, format string, args ...any) {
		if at == nil {
			at = node
		}
		out = append(out, flaw{at, fmt.Sprintf(format, args...), hint})
	}
	spec := objects.Child(node, "spec")
	switch o := object.(type) {
	case *appsv1.Deployment:
		selects(o.Spec.Selector, o.Spec.Template.Labels, spec, say)
		podDemands(&o.Spec.Template.Spec, corev1.RestartPolicyAlways, objects.Child(spec, "template", "spec"), "spec.template.spec", say)
	case *appsv1.DaemonSet:
		selects(o.Spec.Selector, o.Spec.Template.Labels, spec, say)
		podDemands(&o.Spec.Template.Spec, corev1.RestartPolicyAlways, objects.Child(spec, "template", "spec"), "spec.template.spec", say)
	case *appsv1.StatefulSet:
		selects(o.Spec.Selector, o.Spec.Template.Labels, spec, say)
		pod := o.Spec.Template.Spec.DeepCopy()
		for i, claim := range o.Spec.VolumeClaimTemplates {
			claimDemands(&claim.Spec, item(objects.Child(spec, "volumeClaimTemplates"), i), fmt.Sprintf("spec.volumeClaimTemplates[%d].spec", i), say)
			pod.Volumes = append(pod.Volumes, corev1.Volume{Name: claim.Name})
		}
		podDemands(pod, corev1.RestartPolicyAlways, objects.Child(spec, "template", "spec"), "spec.template.spec", say)
	case *appsv1.ReplicaSet:
		selects(o.Spec.Selector, o.Spec.Template.Labels, spec, say)
		podDemands(&o.Spec.Template.Spec, corev1.RestartPolicyAlways, objects.Child(spec, "template", "spec"), "spec.template.spec", say)
	case *batchv1.Job:
		podDemands(&o.Spec.Template.Spec, corev1.RestartPolicyNever, objects.Child(spec, "template", "spec"), "spec.template.spec", say)
	case *batchv1.CronJob:
		podDemands(&o.Spec.JobTemplate.Spec.Template.Spec, corev1.RestartPolicyNever, objects.Child(spec, "jobTemplate", "spec", "template", "spec"), "spec.jobTemplate.spec.template.spec", say)
	case *corev1.Pod:
		podDemands(&o.Spec, anyPolicy, spec, "spec", say)
	case *corev1.Service:
		if len(o.Spec.Ports) == 0 && o.Spec.ClusterIP != "None" && o.Spec.Type != corev1.ServiceTypeExternalName {
			say(spec, "add ports: [{port: 80}]", "spec.ports is missing")
		}
		if o.Spec.Type == corev1.ServiceTypeExternalName && o.Spec.ExternalName == "" {
			say(spec, "add externalName", "spec.externalName is missing")
		}
		if t := o.Spec.Type; (t == "" || t == corev1.ServiceTypeClusterIP) && slices.ContainsFunc(o.Spec.Ports, func(p corev1.ServicePort) bool { return p.NodePort != 0 }) {
			say(spec, "add type: NodePort, or take nodePort out", "nodePort needs the type NodePort or LoadBalancer")
		}
		several(len(o.Spec.Ports) > 1, o.Spec.Ports, objects.Child(spec, "ports"), say)
	case *corev1.PersistentVolumeClaim:
		claimDemands(&o.Spec, spec, "spec", say)
	case *corev1.PersistentVolume:
		if _, ok := o.Spec.Capacity[corev1.ResourceStorage]; !ok || len(o.Spec.AccessModes) == 0 {
			say(spec, "add capacity: {storage: 1Gi} and accessModes: [ReadWriteOnce]", "a volume needs capacity and access modes")
		}
	case *rbacv1.Role:
		rights(o.Rules, objects.Child(node, "rules"), say)
	case *rbacv1.ClusterRole:
		rights(o.Rules, objects.Child(node, "rules"), say)
	case *rbacv1.RoleBinding:
		subjects(o.Subjects, objects.Child(node, "subjects"), false, say)
	case *rbacv1.ClusterRoleBinding:
		subjects(o.Subjects, objects.Child(node, "subjects"), true, say)
	case *networkingv1.Ingress:
		if len(o.Spec.Rules) == 0 && o.Spec.DefaultBackend == nil {
			say(spec, "add rules or defaultBackend", "spec.rules is missing")
		}
	}
	return append(out, named(object, node)...)
}

// named looks at metadata.
func named(object runtime.Object, node *yaml.Node) (out []flaw) {
	meta, ok := object.(metav1.Object)
	if !ok {
		return nil
	}
	at := objects.Child(node, "metadata")
	for _, one := range []struct {
		field, value string
		check        func(string) []string
	}{
		{"name", meta.GetName(), nameCheck(object)},
		{"namespace", meta.GetNamespace(), validation.IsDNS1123Label},
	} {
		if one.value == "" && one.field == "name" {
			out = append(out, flaw{node, "metadata.name is missing", "add metadata: {name: NAME}"})
		}
		if one.value == "" {
			continue
		}
		if problems := one.check(one.value); len(problems) > 0 {
			out = append(out, flaw{objects.Child(at, one.field), fmt.Sprintf("%q cannot be the %s of an object", one.value, one.field), "write lower-case letters, digits and -"})
		}
	}
	for _, set := range []struct {
		field  string
		values map[string]string
		check  func(string) []string
	}{
		{"labels", meta.GetLabels(), validation.IsValidLabelValue},
		{"annotations", meta.GetAnnotations(), func(string) []string { return nil }},
	} {
		for key, value := range set.values {
			name := key
			if set.field == "annotations" {
				name = strings.ToLower(key)
			}
			if len(validation.IsQualifiedName(name)) > 0 || len(set.check(value)) > 0 {
				out = append(out, flaw{objects.Child(at, set.field, key), fmt.Sprintf("metadata.%s: %s: %q is not valid", set.field, key, value), "a name has at most 63 letters, digits, -, _ and ., with a domain and / in front; the value of a label has the same characters"})
			}
		}
	}
	slices.SortFunc(out, func(a, b flaw) int { return strings.Compare(a.because, b.because) })
	return out
}

// nameCheck gives the rule for the names of a kind.
func nameCheck(object runtime.Object) func(string) []string {
	switch object.(type) {
	case *corev1.Namespace:
		return validation.IsDNS1123Label
	case *policyv1.PodDisruptionBudget:
		return func(string) []string { return nil }
	case *corev1.Service:
		return validation.IsDNS1035Label
	case *rbacv1.Role, *rbacv1.RoleBinding, *rbacv1.ClusterRole, *rbacv1.ClusterRoleBinding:
		return func(name string) []string {
			if name == "." || name == ".." || strings.ContainsAny(name, "/%") {
				return []string{"it is a segment of a path"}
			}
			return nil
		}
	}
	return validation.IsDNS1123Subdomain
}

type sayAt = func(at *yaml.Node, hint, format string, args ...any)

// selects proves that a workload selects the pods that it makes.
func selects(selector *metav1.LabelSelector, template map[string]string, spec *yaml.Node, say sayAt) {
	chosen, err := metav1.LabelSelectorAsSelector(selector)
	at := objects.Child(spec, "selector")
	switch {
	case err != nil:
		say(at, "write matchLabels: {app: NAME}", "spec.selector is not valid: %s", plainError(err))
	case chosen.Empty():
		say(at, "write matchLabels: {app: NAME}, with a label of the template", "spec.selector selects everything")
	case !chosen.Matches(labels.Set(template)):
		say(at, "write the same labels under template.metadata.labels", "spec.selector does not select the pods of its own template")
	}
}

// anyPolicy is for pods, which take every restart policy.
const anyPolicy corev1.RestartPolicy = ""

// podDemands looks at the pod that an object makes. wants is the restart policy that
// the object takes: Never stands for OnFailure too.
func podDemands(pod *corev1.PodSpec, wants corev1.RestartPolicy, node *yaml.Node, path string, say sayAt) {
	if policy := pod.RestartPolicy; wants == corev1.RestartPolicyNever && policy != corev1.RestartPolicyNever && policy != corev1.RestartPolicyOnFailure {
		say(node, "add restartPolicy: OnFailure or Never", "%s.restartPolicy of a job must be OnFailure or Never", path)
	} else if wants == corev1.RestartPolicyAlways && policy != "" && policy != wants {
		say(objects.Child(node, "restartPolicy"), "take it out, or make it a Job", "%s.restartPolicy must be Always", path)
	}
	if len(pod.Containers) == 0 {
		say(node, "add containers: [{name: NAME, image: IMAGE}]", "%s.containers is empty", path)
	}
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
	}
	seen := map[string]bool{}
	for _, group := range []struct {
		field string
		list  []corev1.Container
	}{{"initContainers", pod.InitContainers}, {"containers", pod.Containers}} {
		for i, c := range group.list {
			at := node
			if list := objects.Child(node, group.field); list != nil && i < len(list.Content) {
				at = list.Content[i]
			}
			if c.Image == "" {
				say(at, "add image", "%s.%s[%d].image is missing", path, group.field, i)
			}
			if len(validation.IsDNS1123Label(c.Name)) > 0 || seen[c.Name] {
				say(at, "write lower-case letters, digits and -, another for each container", "%q cannot be the name of a container", c.Name)
			}
			seen[c.Name] = true
			for _, mount := range c.VolumeMounts {
				if !volumes[mount.Name] {
					say(at, "add it to volumes, or correct the name", "container %s mounts the volume %s, which the pod does not have", c.Name, mount.Name)
				}
			}
		}
	}
}

// several proves that ports have different names where there is more than one.
func several(many bool, ports []corev1.ServicePort, node *yaml.Node, say sayAt) {
	seen := map[string]bool{}
	for i, p := range ports {
		at := node
		if node != nil && i < len(node.Content) {
			at = node.Content[i]
		}
		if p.Port < 1 || p.Port > 65535 {
			say(at, "write a port from 1 to 65535", "%d is not a port", p.Port)
		}
		if many && (p.Name == "" || seen[p.Name]) {
			say(at, "add name, another for each port", "of several ports each needs a name of its own")
		}
		seen[p.Name] = true
	}
}

// claimDemands looks at what asks for a volume.
func claimDemands(claim *corev1.PersistentVolumeClaimSpec, node *yaml.Node, path string, say sayAt) {
	if len(claim.AccessModes) == 0 {
		say(node, "add accessModes: [ReadWriteOnce]", "%s.accessModes is missing", path)
	}
	if size := claim.Resources.Requests[corev1.ResourceStorage]; size.Sign() <= 0 {
		say(node, "add resources: {requests: {storage: 1Gi}}", "%s.resources.requests.storage is missing", path)
	}
}

// item gives an element of a list, or the list where there is none.
func item(list *yaml.Node, i int) *yaml.Node {
	if list != nil && i < len(list.Content) {
		return list.Content[i]
	}
	return list
}

// rights proves that the rules of a role say something.
func rights(rules []rbacv1.PolicyRule, node *yaml.Node, say sayAt) {
	for i, r := range rules {
		switch {
		case len(r.Verbs) == 0:
			say(item(node, i), "add verbs: [get, list, watch]", "rules[%d].verbs is missing", i)
		case len(r.NonResourceURLs) == 0 && len(r.APIGroups) == 0:
			say(item(node, i), `add apiGroups: [""] for the core group`, "rules[%d].apiGroups is missing", i)
		case len(r.NonResourceURLs) == 0 && len(r.Resources) == 0:
			say(item(node, i), "add resources", "rules[%d].resources is missing", i)
		}
	}
}

// subjects proves that service accounts have namespaces, and users their group.
func subjects(list []rbacv1.Subject, node *yaml.Node, clusterWide bool, say sayAt) {
	for i, s := range list {
		account := s.Kind == rbacv1.ServiceAccountKind
		switch {
		case s.Name == "":
			say(item(node, i), "add name", "subjects[%d].name is missing", i)
		case account && s.Namespace == "" && clusterWide:
			say(item(node, i), "add namespace", "subjects[%d].namespace of a service account is missing", i)
		case account && s.APIGroup != "":
			say(item(node, i), "take apiGroup out", "subjects[%d].apiGroup of a service account must be empty", i)
		case account && len(validation.IsDNS1123Subdomain(s.Name)) > 0:
			say(item(node, i), "write lower-case letters, digits and -", "%q cannot be the name of a service account", s.Name)
		}
	}
}

// wrongDefinition looks at a CustomResourceDefinition.
func wrongDefinition(node *yaml.Node) (out []flaw) {
	spec := objects.Child(node, "spec")
	say := func(at *yaml.Node, hint, format string, args ...any) {
		if at == nil {
			at = node
		}
		out = append(out, flaw{at, fmt.Sprintf(format, args...), hint})
	}
	for _, path := range []string{"group", "scope", "names.kind", "names.plural", "versions"} {
		if objects.Child(spec, strings.Split(path, ".")...) == nil {
			say(spec, "add "+path, "spec.%s is missing", path)
		}
	}
	if len(out) > 0 {
		return out
	}
	if name, want := objects.Text(objects.Child(node, "metadata"), "name"), objects.Text(objects.Child(spec, "names"), "plural")+"."+objects.Text(spec, "group"); name != want {
		say(objects.Child(node, "metadata", "name"), "write metadata.name: "+want, "its name must be the plural and the group, %s", want)
	}
	stored := 0
	for _, version := range objects.Child(spec, "versions").Content {
		if objects.Text(version, "storage") == "true" {
			stored++
		}
		for _, field := range []string{"name", "served", "storage", "schema"} {
			if objects.Child(version, field) == nil {
				say(version, "add "+field, "%s of a version is missing", field)
			}
		}
	}
	if stored != 1 {
		say(objects.Child(spec, "versions"), "write storage: true for one of them", "one version must be stored, and %d are", stored)
	}
	return out
}
