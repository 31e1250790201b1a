package payload

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/kubespore/kubespore/pkg/diag"
)

// registry is a registry that has the images under the paths that they have in
// their own, below a path of its own.
type registry struct {
	name    string
	client  *http.Client
	address string // HOST[:PORT][/PATH]; "" for the registry that each image names
}

func newRegistry(text, address string, web Web) (Source, error) {
	address = strings.Trim(strings.TrimPrefix(address, "//"), "/")
	if address != "" {
		if _, err := name.NewRepository(address + "/image"); err != nil {
			return nil, diag.Failf("W004", diag.Position{}, "%s is not a registry", text).WithHint("write registry:HOST:PORT/PATH, or registry: alone for the registry that each image names")
		}
	}
	client, err := web.client()
	return &registry{text, client, address}, err
}

// Name implements [Source].
func (r *registry) Name() string { return r.name }

// Binary implements [Source].
func (r *registry) Binary(context.Context, *Binary) (*Content, error) { return nil, nil }

// Image implements [Source]. Credentials are those of docker login.
func (r *registry) Image(ctx context.Context, i *Image) (*Found, error) {
	for _, candidate := range r.candidates(i.Ref) {
		ref, err := name.ParseReference(candidate)
		if err != nil {
			return nil, diag.Failf("W004", diag.Position{}, "%s is not a reference of an image", candidate)
		}
		found, err := r.get(ctx, ref, i)
		if err == nil {
			return found, nil
		}
		var known *diag.Failure
		if errors.As(err, &known) {
			return nil, err
		}
		var refused *transport.Error
		if errors.As(err, &refused) && refused.StatusCode == http.StatusNotFound {
			continue
		}
		return nil, diag.Failf("W004", diag.Position{}, "%s does not give %s: %s", r.name, candidate, because(err))
	}
	return nil, nil
}

// get reads what a registry has under a name, and takes the image that fits.
func (r *registry) get(ctx context.Context, ref name.Reference, i *Image) (*Found, error) {
	got, err := remote.Get(ref, remote.WithContext(ctx), remote.WithTransport(r.client.Transport), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return nil, err
	}
	if got.MediaType.IsImage() {
		image, err := got.Image()
		if err != nil {
			return nil, err
		}
		config, err := image.ConfigFile()
		if err != nil {
			return nil, err
		}
		return choose(r.name, i, []candidate{{
			platform: v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant},
			digests:  []string{got.Digest.String()}, open: func() (v1.Image, error) { return image, nil },
		}})
	}
	index, err := got.ImageIndex()
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var all []candidate
	for _, d := range manifest.Manifests {
		if d.Platform == nil || !d.MediaType.IsImage() {
			continue
		}
		all = append(all, candidate{platform: *d.Platform, digests: []string{got.Digest.String(), d.Digest.String()},
			open: func() (v1.Image, error) { return index.Image(d.Digest) }})
	}
	return choose(r.name, i, all)
}

// candidates gives the names that a private registry may have an image
// under: with the host it comes from, as mirrors do, or without.
func (r *registry) candidates(ref string) []string {
	if r.address == "" {
		return []string{ref}
	}
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return nil
	}
	repository := parsed.Context().RepositoryStr()
	separator := ":"
	if strings.Contains(parsed.Identifier(), ":") {
		separator = "@"
	}
	tail := separator + parsed.Identifier()
	return []string{r.address + "/" + repository + tail, r.address + "/" + parsed.Context().RegistryStr() + "/" + repository + tail}
}

// because gives the reason behind an error of the network in a few words.
func because(err error) string {
	var refused *transport.Error
	if errors.As(err, &refused) {
		return http.StatusText(refused.StatusCode)
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err.Error()
}
