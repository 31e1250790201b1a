package verify

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	apiserverv1 "k8s.io/apiserver/pkg/apis/apiserver/v1"
	apiserverv1beta1 "k8s.io/apiserver/pkg/apis/apiserver/v1beta1"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	kubernetes "k8s.io/client-go/kubernetes/scheme"
	clientcmd "k8s.io/client-go/tools/clientcmd/api/v1"
	kubeproxyv1alpha1 "k8s.io/kube-proxy/config/v1alpha1"
	schedulerv1 "k8s.io/kube-scheduler/config/v1"
	kubeletv1 "k8s.io/kubelet/config/v1"
	kubeletv1alpha1 "k8s.io/kubelet/config/v1alpha1"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/objects"
	"github.com/kubespore/kubespore/pkg/plan"
)

// ObjectsDir is where a document puts what the cluster is to hold.
const ObjectsDir = "/etc/kubespore/objects"

// StaticPodDir is where the kubelet looks for static pods.
const StaticPodDir = "/etc/kubernetes/manifests"

// newScheme knows every type of Kubernetes' own API and of the configuration
// files of its programs.
func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		kubernetes.AddToScheme, kubeletv1.AddToScheme, kubeletv1beta1.AddToScheme, kubeletv1alpha1.AddToScheme, kubeproxyv1alpha1.AddToScheme,
		apiserverv1.AddToScheme, auditv1.AddToScheme, clientcmd.AddToScheme, schedulerv1.AddToScheme, addEgressSelector,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return scheme, nil
}

// addEgressSelector knows the one kind that the API server has no newer version of.
func addEgressSelector(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(apiserverv1beta1.SchemeGroupVersion, &apiserverv1beta1.EgressSelectorConfiguration{})
	return nil
}

// newDecoder is strict: an unknown or repeated field is an error.
func newDecoder(scheme *runtime.Scheme) runtime.Decoder {
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}

// objectReader gives objects their types. It decodes once what many hosts hold.
type objectReader struct {
	scheme  *runtime.Scheme
	decoder runtime.Decoder
	decoded sync.Map // objects by the digest of their text, secret ones left out
}

func newObjectReader() (*objectReader, error) {
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	return &objectReader{scheme: scheme, decoder: newDecoder(scheme)}, nil
}

// decodes says whether every kind of a group is in the decoder; a kind of another
// group, such as one of a custom resource, is only read as YAML.
func (v *objectReader) decodes(apiVersion string) bool {
	group, _, grouped := strings.Cut(apiVersion, "/")
	switch {
	case !grouped, v.scheme.IsGroupRegistered(group), !strings.Contains(group, "."):
		return true
	case slices.Contains([]string{
		"apiextensions.k8s.io", "apiregistration.k8s.io", // definitions of kinds, which are not among the types of clients
		"kubeadm.k8s.io",          // no types outside k8s.io/kubernetes: compared with kubeadm itself by the oracle in test/oracle
		"kustomize.config.k8s.io", // what kubectl is to do to objects, and not an object
	}, group):
		return false
	}
	// Of one label in front, as in networking.k8s.io, are Kubernetes' own groups,
	// and mistakes in their names; custom resources have more, as in
	// snapshot.storage.k8s.io.
	return strings.HasSuffix(group, ".k8s.io") && strings.Count(group, ".") == 2
}

// object is one Kubernetes object of a document.
type object struct {
	entry *document.Entry
	line  int             // where it begins in the entry
	read  *objects.Object // nil when it cannot be read
	typed runtime.Object  // nil for kinds that no type is known of, and when refused
	err   error
}

// text gives the object as the document has it.
func (o object) text() []byte {
	if o.read == nil {
		return nil
	}
	return o.read.Text
}

// readObjects decodes what claims to be Kubernetes' in a document, once.
func (v *objectReader) readObjects(m *machine) {
	for i := range m.entries {
		e := &m.entries[i]
		if e.Kind != document.KindFile || !objects.Looks(e.Content) {
			continue
		}
		parts, fault := objects.Split(e.Path, e.Content)
		for _, part := range parts {
			if o, says := v.readObject(e, part); says {
				m.objects = append(m.objects, o)
			}
		}
		if fault != nil {
			m.objects = append(m.objects, object{entry: e, line: fault.At.Line, err: errors.New(fault.Message)})
		}
	}
}

// readObject decodes one object, or finds it decoded: hosts share most of what
// is not secret. It answers whether the text says anything.
func (v *objectReader) readObject(e *document.Entry, part objects.Part) (object, bool) {
	key := digest(part.Text)
	known, ok := v.decoded.Load(key)
	if !ok || e.Secret {
		known = v.decode(part)
	}
	if !ok && !e.Secret {
		v.decoded.Store(key, known)
	}
	o := known.(object)
	o.entry, o.line = e, part.Line
	return o, o.read != nil || o.err != nil
}

// objectProofs judge the objects of documents.
type objectProofs struct {
	*objectReader
	plan     *plan.Plan
	release  release
	kinds    kinds
	lines    commandLines
	images   map[string]bool // the bill of materials of the whole cluster
	verbatim map[string]bool // files of objects that are the user's own, line by line
	proven   *memo
}

func newObjectProofs(p *plan.Plan, r *objectReader, table release, lines commandLines, proven *memo) (*objectProofs, error) {
	served, err := loadKinds(p.Cluster.Minor)
	if err != nil {
		return nil, err
	}
	out := &objectProofs{objectReader: r, plan: p, release: table, kinds: served, lines: lines, images: map[string]bool{}, verbatim: map[string]bool{}, proven: proven}
	for _, m := range p.Manifests {
		out.verbatim[path.Join(ObjectsDir, m.Profile.Name, m.Name)] = m.UserFile != nil
	}
	for _, h := range p.Hosts {
		for _, d := range h.Deposits {
			if d.File != "" {
				out.verbatim[d.Path] = true
			}
		}
		for _, image := range h.Images {
			out.images[image.Ref] = true
		}
	}
	return out, nil
}

// objects proves that everything that claims to be a Kubernetes object is one,
// with fields that exist in the release, and names only images we have.
func (v *objectProofs) objects(m *machine, out *diag.List) {
	cluster := m.objectsKey()
	for _, o := range m.objects {
		key := "object " + o.entry.Path + digest(o.text(), []byte(fmt.Sprint(o.err)))
		if underObjects(o.entry.Path) {
			key += cluster
		}
		out.Append(v.proven.do(key, func() diag.List { return v.object(m, o) }))
	}
}

// underObjects says whether a file is of what the cluster is to hold.
func underObjects(name string) bool { return strings.HasPrefix(name, ObjectsDir+"/") }

// objectsKey stands for what the judgement of an object of the cluster depends on
// other than itself: definitions, namespaces and what the API server serves.
func (m *machine) objectsKey() string {
	var parts [][]byte
	for _, o := range m.objects {
		if underObjects(o.entry.Path) {
			parts = append(parts, o.text())
		}
	}
	return digest(append(parts, []byte(m.runtimeConfig()))...)
}

func (v *objectProofs) object(m *machine, o object) (out diag.List) {
	at, where := m.doc.At(o.entry.Item), m.where(o.entry.Path)
	if v.verbatim[o.entry.Path] {
		at.Line = o.line // of the user's own file
	}
	if underObjects(o.entry.Path) && path.Base(o.entry.Path) != "kustomization.yaml" && !v.served(m, o, at, where, &out) {
		return out
	}
	if o.err != nil {
		d := out.Errorf("V011", at, where, "kubernetes refuses it: %s", plainError(o.err))
		if v.verbatim[o.entry.Path] {
			inUsersFile(d, o, o.refusedAt())
		}
		return out
	}
	v.fields(o.read, at, where, &out)
	// What the topology says of the kubelet's configuration Given has judged, at its line.
	if _, ofKubelet := o.typed.(*kubeletv1beta1.KubeletConfiguration); len(out) == 0 && (!ofKubelet || v.users(m, o)) {
		v.configuration(o, at, where, &out)
	}
	if pod, ok := o.typed.(*corev1.Pod); ok && path.Dir(o.entry.Path) == StaticPodDir {
		v.podAlone(pod, at, where, &out)
	}
	for _, image := range objects.ImageNames(o.read) {
		if !v.images[image] {
			out.Errorf("V012", at, where, "image %s is not in the bill of materials", image).
				WithHint("name it under images: in profile.yaml and write {{ .Image \"NAME\" }} in the manifest")
		}
	}
	return out
}

// decode reads one object and gives it its type, where one is known of its kind.
func (v *objectReader) decode(part objects.Part) object {
	read, fault := objects.Parse("", objects.Part{Text: part.Text, Line: 1})
	switch {
	case fault != nil:
		return object{err: fmt.Errorf("line %d: %s", fault.At.Line, fault.Message)}
	case read == nil:
		return object{}
	case read.APIVersion == "" || read.Kind == "":
		return object{read: read, err: errors.New("apiVersion or kind is missing")}
	case !v.decodes(read.APIVersion):
		return object{read: read}
	}
	typed, _, err := v.decoder.Decode(part.Text, nil, nil)
	return object{read: read, typed: typed, err: err}
}

// fields holds the configuration files of programs against the table of the
// release: the Go types are those of the newest.
func (v *objectProofs) fields(o *objects.Object, at diag.Position, where string, out *diag.List) {
	tree, _ := o.Tree.(map[string]any)
	kind := o.Kind
	if !v.release.covers("field", kind) {
		return
	}
	for _, field := range leaves(tree, "") {
		if !v.release.knownField(kind, field) {
			out.Errorf("V013", at, where, "%s has no field %s in kubernetes %s", kind, field, v.release.minor).
				WithHint("%s", didYouMean(field, v.release.names("field", kind)))
		}
	}
	gates, _ := tree["featureGates"].(map[string]any)
	program := map[string]string{"KubeletConfiguration": "kubelet", "KubeProxyConfiguration": "kube-proxy"}[kind]
	for _, gate := range slices.Sorted(maps.Keys(gates)) {
		v.lines.gate(program, gate, at, where, out)
	}
}

// gate proves that a feature gate exists in the release.
func (v commandLines) gate(program, gate string, at diag.Position, where string, out *diag.List) {
	if v.release.covers("gate", program) && !v.release.exists("gate", program, gate) {
		out.Errorf("V013", at, where, "%s has no feature gate %s in kubernetes %s", program, gate, v.release.minor).
			WithHint("%s", didYouMean(gate, v.release.names("gate", program)))
	}
}

// knownField accepts a path of the table, or one below a field that the table
// does not look into: a map with keys of the user's choice, say.
func (r release) knownField(kind, path string) bool {
	for known := path; ; {
		if r.exists("field", kind, known) {
			return known == path || !r.hasBelow(kind, known)
		}
		i := strings.LastIndex(known, ".")
		if i < 0 {
			return false
		}
		known = strings.TrimSuffix(known[:i], "[]")
	}
}

// leaves gives the paths of a YAML tree, [] standing for an element.
func leaves(node any, prefix string) []string {
	switch n := node.(type) {
	case map[string]any:
		var out []string
		for k, child := range n {
			name := k
			if prefix != "" {
				name = prefix + "." + k
			}
			out = append(out, leaves(child, name)...)
		}
		slices.Sort(out)
		return out
	case []any:
		var out []string
		for _, child := range n {
			if _, ok := child.(map[string]any); ok {
				out = append(out, leaves(child, prefix+"[]")...)
			}
		}
		if len(out) > 0 {
			slices.Sort(out)
			return slices.Compact(out)
		}
	}
	return []string{prefix}
}

// plainError turns a library's error into one line without its package names.
func plainError(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	text, _, _ = strings.Cut(text, ` in scheme "`)
	return strings.NewReplacer("strict decoding error: ", "", "error unmarshaling JSON: ", "", "while decoding JSON: ", "", "yaml: ", "", "json: ", "", "unmarshal errors: ", "").Replace(text)
}

func didYouMean(name string, candidates []string) string {
	slices.Sort(candidates)
	if s := diag.Suggest(name, candidates); s != "" {
		return "did you mean " + s + "?"
	}
	return "see the release notes of that minor"
}
