package emit

import (
	"net/url"
	"slices"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/kubespore/kubespore/pkg/document"
)

// Plain gives a document whose files stand as text, neither in base64 nor compressed one
// by one, for a delivery that compresses the whole: what files have in common then takes
// room once. The machine gets the same files.
func Plain(d *document.Document) (*document.Document, error) {
	out := *d
	out.Config.Storage.Files = slices.Clone(d.Config.Storage.Files)
	for i := range out.Config.Storage.Files {
		f := &out.Config.Storage.Files[i]
		if err := plainResource(&f.Contents); err != nil {
			return nil, err
		}
		f.Append = slices.Clone(f.Append)
		for j := range f.Append {
			if err := plainResource(&f.Append[j]); err != nil {
				return nil, err
			}
		}
	}
	return &out, nil
}

func plainResource(r *types.Resource) error {
	if r.Source == nil || *r.Source == "" {
		return nil
	}
	content, err := document.Content(*r)
	if err != nil {
		return err
	}
	source, none := "data:,"+url.PathEscape(string(content)), ""
	r.Source, r.Compression = &source, &none
	return nil
}
