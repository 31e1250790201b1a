package verify

import (
	"encoding/json"
	"net/url"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"
	kubeletv1 "k8s.io/kubelet/config/v1"
	kubeletv1alpha1 "k8s.io/kubelet/config/v1alpha1"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/objects"
)

// pluginVersions are those of what the kubelet and a plugin say to each other, the
// best first.
var pluginVersions = []string{"credentialprovider.kubelet.k8s.io/v1", "credentialprovider.kubelet.k8s.io/v1beta1", "credentialprovider.kubelet.k8s.io/v1alpha1"}

// credentialConfig gives a CredentialProviderConfig of any version as that of v1, which
// has all fields of the others; nil for other objects.
func credentialConfig(typed any) *kubeletv1.CredentialProviderConfig {
	switch c := typed.(type) {
	case *kubeletv1.CredentialProviderConfig:
		return c
	case *kubeletv1beta1.CredentialProviderConfig, *kubeletv1alpha1.CredentialProviderConfig:
		text, err := json.Marshal(c)
		var out kubeletv1.CredentialProviderConfig
		if err == nil && json.Unmarshal(text, &out) == nil {
			return &out
		}
	}
	return nil
}

// credentialProviders says what the kubelet refuses of a CredentialProviderConfig, and
// what it takes and no image matches.
func credentialProviders(c *kubeletv1.CredentialProviderConfig, root *yaml.Node, say sayAt) {
	if len(c.Providers) == 0 {
		say(root, "add providers: [{name: PROGRAM, matchImages: ['*.example.org'], defaultCacheDuration: 12h, apiVersion: "+pluginVersions[0]+"}]", "providers is missing")
	}
	seen := map[string]bool{}
	for i, p := range c.Providers {
		node := item(objects.Child(root, "providers"), i)
		name := orElse(objects.Child(node, "name"), node)
		switch {
		case p.Name == "" || p.Name == "." || p.Name == ".." || strings.ContainsAny(p.Name, "/ "):
			say(name, "write the name of the program alone, as in ecr-credential-provider", "%q cannot be the name of a credential provider", p.Name)
		case seen[p.Name]:
			say(name, "join their matchImages in one, or give the program a second name", "two credential providers are named %s", p.Name)
		}
		seen[p.Name] = true
		if !slices.Contains(pluginVersions, p.APIVersion) {
			say(orElse(objects.Child(node, "apiVersion"), node), "write apiVersion: "+pluginVersions[0], "%q is not a version in which the kubelet asks a credential provider", p.APIVersion)
		}
		switch d := p.DefaultCacheDuration; {
		case d == nil:
			say(node, "add defaultCacheDuration: 12h", "defaultCacheDuration is missing")
		case d.Duration < 0:
			say(objects.Child(node, "defaultCacheDuration"), "write defaultCacheDuration: 12h", "defaultCacheDuration cannot be less than nothing")
		}
		if len(p.MatchImages) == 0 {
			say(node, "add matchImages: ['*.example.org']", "matchImages is missing")
		}
		for j, image := range p.MatchImages {
			if because := wrongMatch(image); because != "" {
				say(item(objects.Child(node, "matchImages"), j), "write a registry and, if need be, the beginning of a path, as in '*.example.org' or registry.example.org:5000/team", "%q %s", image, because)
			}
		}
		if p.TokenAttributes != nil {
			tokenAttributes(&p, orElse(objects.Child(node, "tokenAttributes"), node), say)
		}
	}
}

// wrongMatch says why the kubelet refuses a pattern of images, or matches none by it.
func wrongMatch(image string) string {
	u, err := url.Parse("https://" + image)
	switch {
	case err != nil:
		return "is not the beginning of an image"
	case strings.Contains(image, "://"):
		return "has a scheme, which no image has"
	case u.Host == "":
		return "names no registry"
	case strings.Contains(u.Path, "*"):
		return "has a star in its path, where the kubelet takes it for a letter"
	}
	return ""
}

func tokenAttributes(p *kubeletv1.CredentialProvider, node *yaml.Node, say sayAt) {
	a := p.TokenAttributes
	if p.APIVersion != pluginVersions[0] {
		say(node, "write apiVersion: "+pluginVersions[0], "tokenAttributes goes with that version alone")
	}
	if a.ServiceAccountTokenAudience == "" {
		say(node, "add serviceAccountTokenAudience", "serviceAccountTokenAudience is missing")
	}
	switch a.CacheType {
	case kubeletv1.TokenServiceAccountTokenCacheType, kubeletv1.ServiceAccountServiceAccountTokenCacheType:
	default:
		say(orElse(objects.Child(node, "cacheType"), node), "write cacheType: Token, or ServiceAccount where all pods of one may share what the provider gives", "cacheType cannot be %q", a.CacheType)
	}
	switch {
	case a.RequireServiceAccount == nil:
		say(node, "add requireServiceAccount: true", "requireServiceAccount is missing")
	case !*a.RequireServiceAccount && len(a.RequiredServiceAccountAnnotationKeys) > 0:
		say(objects.Child(node, "requiredServiceAccountAnnotationKeys"), "write requireServiceAccount: true", "annotations cannot be required where no service account is")
	}
	seen := map[string]bool{}
	for _, list := range []struct {
		name string
		keys []string
	}{{"requiredServiceAccountAnnotationKeys", a.RequiredServiceAccountAnnotationKeys}, {"optionalServiceAccountAnnotationKeys", a.OptionalServiceAccountAnnotationKeys}} {
		for i, key := range list.keys {
			at := item(objects.Child(node, list.name), i)
			switch {
			case len(validation.IsQualifiedName(strings.ToLower(key))) > 0:
				say(at, "write it as in example.org/role", "%q cannot be the key of an annotation", key)
			case seen[key]:
				say(at, "write it once", "the key %s stands twice", key)
			}
			seen[key] = true
		}
	}
}

// providerFolder begins the flag that says where the kubelet looks for the programs.
const providerFolder = "--image-credential-provider-bin-dir="

// pluginsOf proves that the programs are there which a kubelet asks for credentials, by the
// files that its arguments name: it ends at its start without them.
func pluginsOf(m *machine, argv []string, configured []object, out *diag.List) {
	i := slices.IndexFunc(argv, func(s string) bool { return strings.HasPrefix(s, providerFolder) })
	if i < 0 {
		return
	}
	folder := strings.TrimPrefix(argv[i], providerFolder)
	for _, o := range configured {
		config := credentialConfig(o.typed)
		if config == nil {
			continue
		}
		for j, p := range config.Providers {
			file := path.Join(folder, p.Name)
			e := m.file(file)
			if p.Name == "" || e == nil && m.exists(file) || e != nil && e.Mode&0o111 != 0 {
				continue
			}
			d := out.Errorf("V032", m.doc.At(o.entry.Item), m.where(o.entry.Path), "nothing puts the program %s on this host", file).
				WithHint("name it under binaries: of a profile of yours, with that path, or write credentialProviderFolder: FOLDER where the image of the system has it")
			if e != nil {
				d.Message = file + " is not executable"
				d.WithHint("give the file the mode 0755")
			}
			if m.verbatim[o.entry.Path] {
				at := orElse(item(objects.Child(o.read.Node, "providers"), j), o.read.Node)
				inUsersFile(d, o, o.line+at.Line-1)
			}
		}
	}
}
