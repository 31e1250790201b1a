package verify

import (
	"path"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
)

// podAlone proves what can be said of a static pod without its host: that it
// needs nothing from the API, and that its programs know their flags. It runs
// under the memo of object.
func (v *objectProofs) podAlone(pod *corev1.Pod, at diag.Position, where string, out *diag.List) {
	for _, reference := range apiReferences(pod) {
		out.Errorf("V020", at, where, "a static pod cannot refer to %s", reference).
			WithHint("the kubelet refuses such a pod: put the content into a file and mount it as a hostPath volume")
	}
	mounts := map[string]bool{}
	for _, volume := range pod.Spec.Volumes {
		mounts[volume.Name] = true
	}
	for _, c := range containers(pod) {
		taken := map[string]string{}
		for _, mount := range c.VolumeMounts {
			if !mounts[mount.Name] {
				out.Errorf("V021", at, where, "container %s mounts volume %s, which the pod does not have", c.Name, mount.Name)
			}
			if first := taken[mount.MountPath]; first != "" {
				out.Errorf("V021", at, where, "container %s mounts the volumes %s and %s at %s", c.Name, first, mount.Name, mount.MountPath).
					WithHint("take one of them out: the kubelet refuses such a pod; what the program sees anyway needs no folder")
			}
			taken[mount.MountPath] = mount.Name
		}
		v.lines.flags(append(append([]string{}, c.Command...), c.Args...), at, where, out)
	}
}

// staticPods proves what depends on the host: that each path a static pod
// mounts or names is there.
func proveStaticPods(m *machine, out *diag.List) {
	for _, o := range m.objects {
		if o.err != nil || path.Dir(o.entry.Path) != StaticPodDir {
			continue // what is refused is said by objects
		}
		e, at := o.entry, m.doc.At(o.entry.Item)
		pod, ok := o.typed.(*corev1.Pod)
		if !ok {
			out.Errorf("V022", at, m.where(e.Path), "only pods belong into the folder of static pods")
			continue
		}
		volumes := map[string]*corev1.HostPathVolumeSource{}
		for _, volume := range pod.Spec.Volumes {
			if volume.HostPath == nil {
				continue
			}
			volumes[volume.Name] = volume.HostPath
			mounted(m, o, volume, out)
		}
		for _, c := range containers(pod) {
			pathsOf(m, e, c, volumes, at, out)
			configuredAround(m, c, volumes, out)
		}
	}
}

// workloads proves that what the cluster's own pods mount from a node is there:
// on the control plane that applies them, at least.
func proveWorkloads(m *machine, out *diag.List) {
	for _, o := range m.objects {
		spec := podSpec(o.typed)
		if spec == nil || path.Dir(o.entry.Path) == StaticPodDir {
			continue
		}
		for _, volume := range spec.Volumes {
			if volume.HostPath != nil && !strings.HasPrefix(volume.HostPath.Path, "/run/") {
				mounted(m, o, volume, out)
			}
		}
	}
}

// mounted proves that a host path is there, or made by the kubelet.
func mounted(m *machine, o object, volume corev1.Volume, out *diag.List) {
	if !made(volume.HostPath) && !m.exists(volume.HostPath.Path) {
		out.Errorf("V023", m.doc.At(o.entry.Item), m.where(o.entry.Path), "volume %s: nothing makes %s on this host", volume.Name, volume.HostPath.Path).
			WithHint("add the file or directory to a profile, or give the volume the type DirectoryOrCreate")
	}
}

// podSpec gives the pod that a workload makes; nil for what makes none.
func podSpec(object runtime.Object) *corev1.PodSpec {
	switch o := object.(type) {
	case *corev1.Pod:
		return &o.Spec
	case *appsv1.DaemonSet:
		return &o.Spec.Template.Spec
	case *appsv1.Deployment:
		return &o.Spec.Template.Spec
	case *appsv1.StatefulSet:
		return &o.Spec.Template.Spec
	case *batchv1.Job:
		return &o.Spec.Template.Spec
	}
	return nil
}

// pathsOf proves that each file that a container's arguments name is mounted
// and exists on the host.
func pathsOf(m *machine, e *document.Entry, c corev1.Container, volumes map[string]*corev1.HostPathVolumeSource, at diag.Position, out *diag.List) {
	for _, arg := range append(append([]string{}, c.Command...), c.Args...) {
		flag, value, ok := strings.Cut(arg, "=")
		if !ok || !strings.HasPrefix(flag, "--") || !path.IsAbs(value) || strings.ContainsAny(value, ", ") {
			continue
		}
		inside, ok := hostPath(c, volumes, value)
		switch {
		case !ok && strings.HasPrefix(value, "/etc/"):
			out.Errorf("V024", at, m.where(e.Path), "container %s: %s names %s, which no volume of the pod holds", c.Name, flag, value)
		case ok && !strings.HasPrefix(inside, "/run/") && !m.exists(inside) && !madeAt(c, volumes, inside):
			out.Errorf("V024", at, m.where(e.Path), "container %s: %s names %s, which nothing makes on this host", c.Name, flag, value)
		}
	}
}

// hostPath gives the path on the host behind a path in a container.
func hostPath(c corev1.Container, volumes map[string]*corev1.HostPathVolumeSource, name string) (string, bool) {
	best, host := "", ""
	for _, mount := range c.VolumeMounts {
		source := volumes[mount.Name]
		if source == nil || len(mount.MountPath) <= len(best) || name != mount.MountPath && !strings.HasPrefix(name, strings.TrimSuffix(mount.MountPath, "/")+"/") {
			continue
		}
		best, host = mount.MountPath, source.Path+strings.TrimPrefix(name, strings.TrimSuffix(mount.MountPath, "/"))
	}
	return path.Clean(host), best != ""
}

// made says that the kubelet makes the path where it is missing.
func made(source *corev1.HostPathVolumeSource) bool {
	return source.Type != nil && (*source.Type == corev1.HostPathDirectoryOrCreate || *source.Type == corev1.HostPathFileOrCreate)
}

// madeAt says that a path is itself a mount that the kubelet makes.
func madeAt(c corev1.Container, volumes map[string]*corev1.HostPathVolumeSource, host string) bool {
	for _, mount := range c.VolumeMounts {
		if source := volumes[mount.Name]; source != nil && made(source) && !mount.ReadOnly && (host == source.Path || strings.HasPrefix(host, source.Path+"/")) {
			return true
		}
	}
	return false
}

func containers(pod *corev1.Pod) []corev1.Container {
	return append(append([]corev1.Container{}, pod.Spec.InitContainers...), pod.Spec.Containers...)
}

// apiReferences gives what in a pod lives in the API, in words. The list is
// that of HasAPIObjectReference in Kubernetes' pkg/api/pod, which the kubelet
// asks since 1.34 (gate PreventStaticPodAPIReferences).
func apiReferences(pod *corev1.Pod) (out []string) {
	say := func(yes bool, what string) {
		if yes {
			out = append(out, what)
		}
	}
	say(pod.Spec.ServiceAccountName != "" || pod.Spec.DeprecatedServiceAccount != "", "a service account")
	say(len(pod.Spec.ImagePullSecrets) > 0, "an image pull secret")
	say(len(pod.Spec.ResourceClaims) > 0, "a resource claim")
	for _, c := range containers(pod) {
		for _, env := range c.Env {
			say(env.ValueFrom != nil && env.ValueFrom.SecretKeyRef != nil, "a secret (env "+env.Name+")")
			say(env.ValueFrom != nil && env.ValueFrom.ConfigMapKeyRef != nil, "a config map (env "+env.Name+")")
		}
		for _, from := range c.EnvFrom {
			say(from.SecretRef != nil, "a secret (envFrom)")
			say(from.ConfigMapRef != nil, "a config map (envFrom)")
		}
	}
	for _, volume := range pod.Spec.Volumes {
		name := " (volume " + volume.Name + ")"
		say(volume.Secret != nil, "a secret"+name)
		say(volume.ConfigMap != nil, "a config map"+name)
		say(volume.PersistentVolumeClaim != nil, "a persistent volume claim"+name)
		say(volume.Ephemeral != nil, "an ephemeral volume"+name)
		say(volume.CSI != nil, "a CSI volume"+name)
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			say(source.Secret != nil, "a secret"+name)
			say(source.ConfigMap != nil, "a config map"+name)
			say(source.ServiceAccountToken != nil, "a service account token"+name)
			say(source.ClusterTrustBundle != nil, "a cluster trust bundle"+name)
			say(source.PodCertificate != nil, "a pod certificate"+name)
		}
	}
	return out
}
