package verify

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubespore/kubespore/pkg/diag"
)

// noProvisioner is the provisioner of classes whose volumes an administrator makes.
const noProvisioner = "kubernetes.io/no-provisioner"

// claims proves that a claim among the objects of the cluster finds a volume,
// where its volumes are among them too. A claim of a class that makes volumes,
// or that is not ours, is left alone.
func proveClaims(m *machine, out *diag.List) {
	var volumes []*corev1.PersistentVolume
	var wanted []object
	static := map[string]bool{} // classes whose volumes are all here
	makes := map[string]bool{}
	for _, o := range m.objects {
		switch x := o.typed.(type) {
		case *corev1.PersistentVolume:
			volumes = append(volumes, x)
			static[x.Spec.StorageClassName] = true
		case *corev1.PersistentVolumeClaim:
			wanted = append(wanted, o)
		case *storagev1.StorageClass:
			makes[x.Name] = x.Provisioner != noProvisioner
			static[x.Name] = static[x.Name] || x.Provisioner == noProvisioner
		}
	}
	taken := map[string]string{}
	for _, o := range wanted {
		claim := o.typed.(*corev1.PersistentVolumeClaim)
		class := ""
		if claim.Spec.StorageClassName != nil {
			class = *claim.Spec.StorageClassName
		}
		if !static[class] || makes[class] {
			continue
		}
		if why := bindVolume(claim, class, volumes, taken); why != "" {
			at := m.doc.At(o.entry.Item)
			if m.verbatim[o.entry.Path] {
				at.Line = o.line
			}
			out.Errorf("V026", at, m.where(o.entry.Path), "no volume fits the claim %s/%s: %s", claim.Namespace, claim.Name, why).
				WithHint("class, access modes and labels of claim and volume must be the same, and the volume as large as what is asked for")
		}
	}
}

// bindVolume gives the smallest volume that fits to a claim, or says why none does.
func bindVolume(claim *corev1.PersistentVolumeClaim, class string, volumes []*corev1.PersistentVolume, taken map[string]string) string {
	name := claim.Namespace + "/" + claim.Name
	var best *corev1.PersistentVolume
	var reasons []string
	for _, volume := range volumes {
		if asked := claim.Spec.VolumeName; asked != "" && asked != volume.Name {
			continue
		}
		why := unfit(claim, name, class, volume)
		if why == "" && taken[volume.Name] != "" {
			why = "is taken by " + taken[volume.Name]
		}
		switch {
		case why != "":
			reasons = append(reasons, volume.Name+" "+why)
		case best == nil || size(volume.Spec.Capacity).Cmp(*size(best.Spec.Capacity)) < 0:
			best = volume
		}
	}
	if best != nil {
		taken[best.Name] = name
		return ""
	}
	if asked := claim.Spec.VolumeName; len(reasons) == 0 && asked != "" {
		return "there is no volume " + asked
	}
	if len(reasons) == 0 {
		return "there is no volume of the class " + class
	}
	slices.Sort(reasons)
	return strings.Join(reasons, "; ")
}

func size(list corev1.ResourceList) *resource.Quantity {
	q := list[corev1.ResourceStorage]
	return &q
}

// unfit says why a volume cannot hold a claim, or "".
func unfit(claim *corev1.PersistentVolumeClaim, name, class string, volume *corev1.PersistentVolume) string {
	if volume.Spec.StorageClassName != class {
		return fmt.Sprintf("has the class %q and not %q", volume.Spec.StorageClassName, class)
	}
	if ref := volume.Spec.ClaimRef; ref != nil && ref.Namespace+"/"+ref.Name != name {
		return "is kept for " + ref.Namespace + "/" + ref.Name
	}
	for _, mode := range claim.Spec.AccessModes {
		if !slices.Contains(volume.Spec.AccessModes, mode) {
			return "cannot be mounted as " + string(mode)
		}
	}
	if asked := size(claim.Spec.Resources.Requests); size(volume.Spec.Capacity).Cmp(*asked) < 0 {
		return fmt.Sprintf("has %s, and %s are asked for", size(volume.Spec.Capacity), asked)
	}
	if selector, err := metav1.LabelSelectorAsSelector(claim.Spec.Selector); claim.Spec.Selector != nil && err == nil && !selector.Matches(labels.Set(volume.Labels)) {
		return "lacks the labels " + selector.String()
	}
	return ""
}
